/** Grader of lab 15: snippets of a guest on a processor with the popf hole; checks its registers, and what it left for in the trace. */
import type { Env, Program } from '../../index.ts';
import { assemble } from '../../hardware/isa/assemble.ts';
import { Cause, Kind, Mtd, Ops, Own, S, type Operation, type Sys } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import { nameIt } from '../../roottask/client/index.ts';
import { program, type Lab, type Say, type World } from '../grading/lab.ts';
import type { Random } from '../grading/random.ts';

const STORE: Operation = { label: 0x2f00, in: [], out: [], doc: '' }, PATIENCE = 5e6, BOX = 512, STOPPED = 6;
/** s5 is the data, s6 the snippet's place; these are compared: t0 … t2, a0 … a5, s2 … s4. */
const REGISTERS = { t0: 5, t1: 6, t2: 7, a0: 10, a1: 11, a2: 12, a3: 13, a4: 14, a5: 15, s2: 18, s3: 19, s4: 20 } as const;
const DATA = 21, HERE = 22;
type Name = keyof typeof REGISTERS;
type Values = Record<Name, bigint>;

/** Code of a guest, its effect, and how often it may leave: for breakpoints, and for pages. `stops`: it ends at a breakpoint of its own. */
interface Step {
  readonly check: string;
  readonly what: string;
  readonly code: string;
  readonly does: (r: Values, word: (label: string) => bigint) => void;
  readonly patched: number;
  readonly faults?: number;
  readonly stops?: boolean;
}
interface Numbers { readonly guest: number; readonly data: number }
interface Got { from: number; to: number; values: Values | undefined; stopped: boolean; why: string }

const start = (i: number): Values =>
  Object.fromEntries(Object.keys(REGISTERS).map((name, n) => [name, BigInt(1000 * (i + 1) + n)])) as Values;

interface Snippet { readonly bytes: Uint8Array; word(label: string): bigint }

/** Ends with a system call, which is the driver's. */
function assembled(step: Step, at: number): Snippet {
  const { bytes, symbols } = assemble(`${step.code}\n  ecall\n`, at), padded = new Uint8Array(Math.ceil(bytes.length / 8) * 8);
  padded.set(bytes);
  const view = new DataView(padded.buffer);
  return { bytes: padded, word: (label) => BigInt(view.getUint32(Number(symbols.get(label)!) - at, true)) };
}

/** A guest whose faults and breakpoints go to `cap`; everything else comes here. */
function* makeGuest(sys: Syscalls, env: Env, name: string, cap: number, pc: number): Sys<{ thread: number; door: number }> {
  const [task, thread, context, door] = [0, 0, 0, 0].map(() => env.selector()) as [number, number, number, number];
  yield* sys.must(Own.factory, Ops.factory.createTask, [task, 0]);
  yield* sys.must(Own.factory, Ops.factory.createThread, [thread, task, 0, 0, 0]);
  yield* sys.must(Own.factory, Ops.factory.createSchedContext, [context, 90, 0, 0]);
  yield* sys.must(Own.factory, Ops.factory.createPortal, [door, Own.thread, 1, Mtd.args | Mtd.regs | Mtd.pc]);
  yield* nameIt(sys, task, Ops.task.name, name);
  yield* nameIt(sys, thread, Ops.thread.name, name);
  const theirs = (1 << Cause.pageFault) | (1 << Cause.breakpoint);
  yield* sys.must(thread, Ops.thread.setEvents, [door, 0x1fff & ~theirs]);
  yield* sys.must(thread, Ops.thread.setEvents, [cap, theirs]);
  yield* sys.must(thread, Ops.thread.bind, [context]);
  yield* sys.must(thread, Ops.thread.start, [pc, 0, 0]);
  return { thread, door };
}

/** Runs each snippet of each guest, one guest after the other in turn. */
const driver = (guests: Readonly<Record<string, readonly Step[]>>, n: Numbers, got: Map<string, Got[]>): Program => program('driver',
  function* (sys, env: Env) {
    const running = [];
    for (const [name, steps] of Object.entries(guests)) {
      const cap = env.cap(name);
      for (const [i, step] of steps.entries()) {
        const at = n.guest + i * BOX, { bytes } = assembled(step, at), view = new DataView(bytes.buffer);
        for (let offset = 0; offset < bytes.length; offset += 8) yield* sys.must(cap, STORE, [at + offset, view.getBigInt64(offset, true)]);
      }
      const guest = yield* makeGuest(sys, env, name, cap, n.guest);
      got.set(name, []);
      const first = yield* sys.receive(guest.door, PATIENCE);
      if (first.status !== 0) return;
      const turn = env.selector();
      yield* sys.must(Own.thread, Ops.thread.keepReply, [turn]);
      running.push({ name, steps, turn, ...guest });
    }
    for (let i = 0; running.some((g) => i < g.steps.length); i++)
      for (const guest of running) if (i < guest.steps.length && got.get(guest.name)!.length === i)
        yield* oneStep(sys, guest, i, n, got.get(guest.name)!);
  });

function* oneStep(sys: Syscalls, guest: { thread: number; door: number; turn: number }, i: number, n: Numbers, got: Got[]): Sys<void> {
  const utcb = sys.utcb, from = sys.now();
  for (const [name, value] of Object.entries(start(i))) utcb.setXBig(REGISTERS[name as Name], value);
  utcb.setX(DATA, n.data);
  utcb.setX(HERE, n.guest + i * BOX);
  utcb.setBig(S.pc, BigInt(n.guest + i * BOX));
  yield* sys.send(guest.turn, { mtd: Mtd.args | Mtd.regs | Mtd.pc });
  yield* sys.invoke(Own.task, Ops.task.delete, [guest.turn]);
  const event = yield* sys.receive(guest.door, PATIENCE), isThere = event.status === 0;
  const values = isThere && event.label === Cause.syscall
    ? Object.fromEntries(Object.entries(REGISTERS).map(([name, x]) => [name, sys.utcb.xBig(x)])) as Values : undefined;
  const why = isThere ? `it left for another reason (cause ${event.label})` : 'it did not come to its end';
  const to = sys.now();
  if (isThere) yield* sys.must(Own.thread, Ops.thread.keepReply, [guest.turn]);
  yield* sys.invoke(guest.thread, Ops.thread.info);
  got.push({ from, to, values, stopped: sys.utcb.word(0) === STOPPED, why });
}

function world(name: string, guests: Readonly<Record<string, readonly Step[]>>, n: Numbers): World {
  const got = new Map<string, Got[]>();
  return {
    name, cpu: 'base,popf',
    components: (submission) => ({
      patcher: { program: submission.program('patcher.ts'), provides: ['patcher'], memory: '4M' },
      driver: { program: driver(guests, n, got), kernelMemory: '4M',
        caps: Object.fromEntries(Object.keys(guests).map((g) => [g, { from: 'patcher', label: g }])) },
    }),
    judge: (seen, say) => {
      const why = seen.end('patcher').why || seen.why;
      for (const [guest, steps] of Object.entries(guests)) {
        const left: { readonly time: number; readonly cause: number }[] = [];
        for (const record of seen.trace.records())
          if (record.kind === Kind.event && seen.trace.taskOf(record.actor) === guest) left.push({ time: record.time, cause: record.a });
        steps.forEach((step, i) => judge(say, step, i, n, got.get(guest)?.[i], left, why));
      }
    },
  };
}

function judge(say: Say, step: Step, i: number, n: Numbers, got: Got | undefined, left: readonly { time: number; cause: number }[],
  why: string): void {
  const { check, what, patched, faults } = step, values = start(i), { word } = assembled(step, n.guest + i * BOX);
  step.does(values, word);
  if (step.stops) {
    say(check, got?.stopped === true, `${what}: the guest stops`, got ? (got.values ? 'it goes on' : got.why) : why
      || 'it did not come there');
    return;
  }
  say(check, got?.values !== undefined, `${what}: the guest comes to its end`, got?.values ? 'it does' : why || got?.why
    || 'it did not begin');
  if (!got?.values) return;
  for (const [name, value] of Object.entries(values)) {
    const found = BigInt.asUintN(64, got.values[name as Name]), expected = BigInt.asUintN(64, value);
    if (found !== expected) say(check, false, `${what}: ${name} is 0x${expected.toString(16)}`, `0x${found.toString(16)}`);
  }
  say(check, true, `${what}: registers`, 'as they must be');
  const of = (cause: number): number => left.filter((e) => e.cause === cause && e.time >= got.from && e.time <= got.to).length;
  say('exits', of(Cause.breakpoint) === patched, `${what}: ${patched} breakpoint${patched === 1 ? '' : 's'} of patched instructions`,
    String(of(Cause.breakpoint)));
  if (faults !== undefined) say('exits', of(Cause.pageFault) === faults, `${what}: ${faults} fault${faults === 1 ? '' : 's'}`,
    String(of(Cause.pageFault)));
}

const BITS = 0x122n;

function worlds(n: Numbers, random: Random): World[] {
  const step = (check: string, what: string, code: string, patched: number, does: Step['does'], faults?: number): Step =>
    ({ check, what, code, patched, does, ...(faults !== undefined && { faults }) });
  const signed = (bits: number, v: bigint): bigint => BigInt.asIntN(bits, v), offset = 8 * random.between(8, 100),
    k = random.between(3, 31);
  let status = 0n;
  const ops = [
    step('scan', 'sstatus is 0 at first', '  csrr a1, sstatus', 1, (r) => { r.a1 = 0n; }, 1),
    step('ops', 'csrrw of all bits', '  li t1, -1\n  csrrw a1, sstatus, t1\n  csrr a2, sstatus', 2,
      (r) => { r.t1 = -1n; r.a1 = 0n; r.a2 = status = BITS; }, 0),
    step('ops', 'csrrc', '  li t1, 0x20\n  csrrc a1, sstatus, t1\n  csrr a2, sstatus', 2,
      (r) => { r.t1 = 0x20n; r.a1 = status; r.a2 = status &= ~0x20n; }),
    step('ops', 'csrrw of one register for both', '  li t1, 0x22\n  csrrw t1, sstatus, t1\n  csrr a2, sstatus', 2,
      (r) => { r.t1 = status; r.a2 = status = 0x22n; }),
    step('ops', 'csrrs', '  li t1, 0x700\n  csrrs a1, sstatus, t1\n  csrr a2, sstatus', 2,
      (r) => { r.t1 = 0x700n; r.a1 = status; r.a2 = status = 0x122n; }),
    step('ops', 'csrrci', '  csrrci a1, sstatus, 2\n  csrr a2, sstatus', 2, (r) => { r.a1 = status; r.a2 = status = 0x120n; }),
    step('ops', 'csrrsi', '  csrrsi a1, sstatus, 31\n  csrr a2, sstatus', 2, (r) => { r.a1 = status; r.a2 = status = 0x122n; }),
    step('ops', 'csrrwi', '  csrrwi a1, sstatus, 6\n  csrr a2, sstatus', 2, (r) => { r.a1 = status; r.a2 = status = 2n; }),
  ];
  const more = [
    step('ops', 'csrrw of x0, and to x0', '  li t1, 0x102\n  csrrw zero, sstatus, t1\n  csrr a1, sstatus\n  csrrw a2, sstatus, zero\n'
      + '  csrr a3, sstatus', 4, (r) => { r.t1 = r.a1 = r.a2 = 0x102n; r.a3 = 0n; }),
    step('ops', 'csrrwi of 0', '  csrsi sstatus, 2\n  csrrwi a1, sstatus, 0\n  csrr a2, sstatus', 3, (r) => { r.a1 = 2n; r.a2 = 0n; }),
    step('scan', 'instructions on other registers are none of yours',
      '  csrr zero, time\n  csrr a1, sstatus', 1, (r) => { r.a1 = 0n; }),
    step('scan', 'a loop', `  li t0, ${k}\nagain:\n  csrrsi a1, sstatus, 2\n  csrrci a2, sstatus, 2\n  addi t0, t0, -1\n  bnez t0, again`,
      2 * k, (r) => { r.t0 = 0n; r.a1 = 0n; r.a2 = 2n; }, 0),
    step('exits', 'a loop without', '  li t0, 300\nagain:\n  addi t0, t0, -1\n  bnez t0, again', 0, (r) => { r.t0 = 0n; }, 0),
    step('scan', 'the last word of a page, and the first of the next',
      `  j far\n  .zero ${4096 - 5 * BOX - 8}\nfar:\n  csrrsi a1, sstatus, 2\n  csrrci a2, sstatus, 2`, 2, (r) =>
        { r.a1 = 0n; r.a2 = 2n; }),
  ];
  const loads = ([['lb', 1, true], ['lh', 2, true], ['lw', 4, true], ['lbu', 1, false], ['lhu', 2, false],
    ['lwu', 4, false]] as const).map(([name, size, sign]) =>
    step('reads', `${name} of a patched instruction`, `  la t0, here\n  ${name} a1, 0(t0)\n  ${name} a2, ${4 - size}(t0)\nhere:\n`
      + '  csrrsi t0, sstatus, 0', 1, (registers, word) => {
      const cut = (v: bigint): bigint => (sign ? signed(8 * size, v) : BigInt.asUintN(8 * size, v));
      registers.a1 = cut(word('here'));
      registers.a2 = cut(word('here') >> BigInt(32 - 8 * size));
      registers.t0 = 0n;
    }));
  const reads = [
    step('reads', 'ld of two',
      '  la t0, here\n  ld a1, 0(t0)\n  j on\n  .align 3\nhere:\n  csrrw zero, sstatus, zero\n  csrr a2, sstatus\non:\n'
      + '  csrr t0, sstatus', 1, (r, word) => { r.a1 = signed(64, word('here') | ((word('here2')) << 32n)); r.t0 = 0n; }),
    step('reads', 'a constant between functions', '  la t0, here\n  ld a1, 0(t0)\n  lw zero, 0(t0)\n  j on\n  .align 3\nhere:\n'
      + '  .dword 0x8070605040302010\non:\n  csrr t0, sstatus', 1, (r) => { r.a1 = signed(64, 0x8070605040302010n); r.t0 = 0n; }, 2),
  ];
  const reading = [...loads, ...reads].map((s) => (s.what !== 'ld of two' ? s : { ...s,
    code: s.code.replace('  csrr a2, sstatus\n', 'here2:\n  csrr a2, sstatus\n') }));
  /** What the assembler makes of one instruction. */
  const bitsOf = (text: string): number => new DataView(assemble(text, 0).bytes.buffer).getUint32(0, true);
  const SETS = bitsOf('csrrsi a1, sstatus, 2'), ADDS = bitsOf('addi a1, a1, 5'), CLEARS = bitsOf('csrrci a2, sstatus, 2'),
    NOP = bitsOf('nop'), BREAK = bitsOf('ebreak');
  const li = (register: string, bits: number): string => `  li ${register}, ${bits | 0}\n`;
  const written = [
    step('writes', 'a nop becomes a computation',
      `${li('t1', ADDS)}  la t0, here\n  sw t1, 0(t0)\n  fence.i\nhere:\n  nop\n  lw t2, 0(t0)\n`
      + '  mv t0, zero', 0, (r) => { r.t0 = 0n; r.t1 = r.t2 = signed(32, BigInt(ADDS)); r.a1 += 5n; }, 3),
    step('writes', 'a nop becomes an instruction on sstatus', `${li('t1', SETS)}  la t0, here\n  sw t1, 0(t0)\n  fence.i\nhere:\n  nop\n`
      + '  lw t2, 0(t0)\n  mv t0, zero\n  csrrci a2, sstatus, 31', 2,
      (r) => { r.t0 = 0n; r.t1 = r.t2 = signed(32, BigInt(SETS)); r.a1 = 0n; r.a2 = 2n; }),
    step('writes', 'an instruction on sstatus becomes a nop', `${li('t1', NOP)}  la t0, here\n  sw t1, 0(t0)\n  fence.i\nhere:\n`
      + '  csrrsi a1, sstatus, 2\n  mv t0, zero\n  csrr a2, sstatus', 1, (r) => { r.t0 = 0n; r.t1 = BigInt(NOP); r.a2 = 0n; }),
    step('writes', 'half of an instruction: another register', `  li t1, ${SETS >>> 16}\n  la t0, here\n  sh t1, 2(t0)\n  fence.i\nhere:\n`
      + '  csrrsi a1, sscratch, 2\n  mv t0, zero\n  csrrci a2, sstatus, 2', 2,
      (r) => { r.t0 = 0n; r.t1 = BigInt(SETS >>> 16); r.a1 = 0n; r.a2 = 2n; }),
    step('writes', 'a byte of an instruction: another destination', `  li t1, ${(CLEARS >>> 8) & 255}\n  la t0, here\n  csrsi sstatus, 2\n`
      + `  sb t1, 1(t0)\n  li t2, ${CLEARS & 255}\n  sb t2, 0(t0)\n  fence.i\nhere:\n  csrrci a1, sstatus, 2\n  mv t0, zero`, 2,
      (r) => { r.t0 = 0n; r.t1 = BigInt((CLEARS >>> 8) & 255); r.t2 = BigInt(CLEARS & 255); r.a2 = 2n; }),
    step('writes', 'two at once', `${li('t1', SETS)}  slli t1, t1, 32\n  srli t1, t1, 32\n${li('t2', CLEARS)}  slli t2, t2, 32\n`
      + '  or t1, t1, t2\n  la t0, here\n  sd t1, 0(t0)\n  fence.i\n  j here\n  .align 3\nhere:\n'
      + '  nop\n  nop\n  mv t0, zero\n  mv t1, zero\n'
      + '  mv t2, zero', 2, (r) => { r.t0 = r.t1 = r.t2 = 0n; r.a1 = 0n; r.a2 = 2n; }),
  ];
  const copy = (words: readonly number[]): string =>
    words.map((w, i) => `${li('t0', w)}  sw t0, ${offset + 4 * i}(s5)\n`).join('')
      + `  addi t1, s5, ${offset}\n  fence.i\n  jalr t2, 0(t1)\n`
    + '  sub t1, t1, s5\n  mv t2, zero\n';
  const BACK = bitsOf('jr t2'), isCopied = (registers: Values, words: readonly number[]): void => {
    registers.t0 = signed(32, BigInt(words.at(-1)!));
    registers.t1 = BigInt(offset);
    registers.t2 = 0n;
  };
  const data = [
    step('data', 'data is written and read',
      `  li t1, ${k}\n  sd t1, ${offset}(s5)\n  ld a1, ${offset}(s5)\n  sb a1, ${offset + 1}(s5)\n  ld a2, ${offset}(s5)`, 0,
      (r) => { r.t1 = r.a1 = BigInt(k); r.a2 = BigInt(k * 257); }, 2),
    step('exits', 'and costs no exit then',
      `  li t0, 50\nagain:\n  sd t0, ${offset}(s5)\n  ld a1, ${offset}(s5)\n  addi t0, t0, -1\n  bnez t0, again`, 0,
      (r) => { r.t0 = 0n; r.a1 = 1n; }, 0),
    step('data', 'it becomes code', copy([SETS, CLEARS, ADDS, BACK]), 2, (r) => { isCopied(r, [BACK]); r.a1 = 5n; r.a2 = 2n; }, 1),
    step('data', 'is read as it was written', `  lw a1, ${offset}(s5)\n  lwu a2, ${offset + 4}(s5)\n  lbu a3, ${offset + 3}(s5)`,
      0, (registers) => {
      registers.a1 = signed(32, BigInt(SETS));
      registers.a2 = BigInt(CLEARS >>> 0);
      registers.a3 = BigInt(SETS >>> 24);
    }, 3),
    step('data', 'and written once more', copy([ADDS, SETS, NOP, BACK]), 1, (r) => { isCopied(r, [BACK]); r.a1 = 0n; }, 4),
    step('data', 'what is in it beside the code is kept',
      `  li t1, -3\n  sd t1, ${offset + 64}(s5)\n  ld a1, ${offset + 64}(s5)\n  lh a2, ${offset + 66}(s5)\n`
      + '  csrci sstatus, 31', 1, (r) => { r.t1 = r.a1 = -3n; r.a2 = -1n; }, 3),
    step('data', 'another page is still data', `  li t0, 4096\n  add t0, t0, s5\n  sd s5, 0(t0)\n  ld a1, 0(t0)\n  sub a1, a1, s5\n`
      + '  mv t0, zero', 0, (r) => { r.t0 = r.a1 = 0n; }, 1),
  ];
  const stop = (what: string, code: string): Step => ({ ...step('own', what, code, 0, () => undefined), stops: true });
  return [
    world('instructions on sstatus', { guest: ops }, n),
    world('more of them', { guest: more.filter((s) => !s.what.includes('first of the next')) }, n),
    world('over the end of a page', { guest: [...Array.from({ length: 5 }, (_, i) => step('scan', `page ${i}`, '  csrr a1, sstatus', 1,
      (r) => { r.a1 = 0n; })), ...more.filter((s) => s.what.includes('first of the next'))] }, n),
    world('code that is read', { guest: reading }, n),
    world('code that is written', { guest: written }, n),
    world('data that becomes code', { guest: data }, n),
    world('a breakpoint of its own', { guest: [step('own', 'before it', '  csrr a1, sstatus', 1, (r) => { r.a1 = 0n; }),
      stop('an ebreak', '  ebreak\n  li a1, 1')] }, n),
    world('a breakpoint in place of a patched instruction', { guest: [
      stop('an ebreak that was written over an instruction on sstatus',
        `${li('t1', BREAK)}  la t0, here\n  sw t1, 0(t0)\n  fence.i\nhere:\n`
        + '  csrr a1, sstatus\n  nop')] }, n),
    world('two guests', {
      one: [step('apart', 'the first sets its bits', '  csrsi sstatus, 2\n  csrr a1, sstatus', 2, (r) => { r.a1 = 2n; }),
        step('apart', 'and still has them', '  csrr a1, sstatus', 1, (r) => { r.a1 = 2n; })],
      two: [step('apart', 'the second has none', '  csrr a1, sstatus', 1, (r) => { r.a1 = 0n; }),
        step('apart', 'and sets others', '  li t1, 0x100\n  csrrs a1, sstatus, t1\n  csrr a2, sstatus', 2,
          (r) => { r.t1 = r.a2 = 0x100n; r.a1 = 0n; })],
    }, n),
  ];
}

const lab: Lab = {
  number: 15, name: '15-scan-and-patch', title: 'Scan and patch', hours: [4, 6], language: 'typescript', files: ['patcher.ts'],
  checks: [
    { id: 'scan', points: 20, title: 'instructions on sstatus are patched before they run',
      mistake: 'opcode 0x73, funct3 not 0 and not 4, register 0x100: every such word of the page, at its first fetch; other registers are '
        + 'not yours' },
    { id: 'ops', points: 15, title: 'they do what the manual says, on the guest\'s register',
      mistake: 'funct3 says which, bit 2 of it an immediate operand; take the operand before you write rd; x0 is never written; the '
        + 'register has 0x122' },
    { id: 'reads', points: 15, title: 'the guest reads what it wrote',
      mistake: 'the copy from before the patches; sign by the instruction (funct3), x0 takes nothing; pc goes behind the load' },
    { id: 'writes', points: 15, title: 'code that the guest changes is what runs then',
      mistake: 'the bytes go into the copy; then each word that was touched is looked at anew, patched or not' },
    { id: 'data', points: 10, title: 'data becomes code when it is executed',
      mistake: 'take the page away from the guest before you scan it; then it may execute it, and nothing else' },
    { id: 'exits', points: 15, title: 'the guest leaves for nothing else',
      mistake: 'a page of code has only X, one of data R and W; one fault a page; a patched instruction is one breakpoint' },
    { id: 'own', points: 5, title: 'a breakpoint of the guest\'s own is not taken for a patch',
      mistake: 'a breakpoint is yours where the guest wrote an instruction on sstatus; any other stops it' },
    { id: 'apart', points: 5, title: 'each guest has its own register', mistake: 'state belongs to the session' },
  ],
  variant: (random) => {
    const hex = (n: number): string => `0x${n.toString(16)}`;
    return { guest: hex(0x4000_0000 + random.between(0, 100) * 2 ** 22), data: hex(0x6000_0000 + random.between(0, 200) * 2 ** 16) };
  },
  worlds: ({ guest, data }, random) => worlds({ guest: Number(guest), data: Number(data) }, random),
};
export default lab;
