/** Grader of lab 17: snippets of a guest between breakpoints; checks its registers, and its number of exits in the machine's trace. */
import type { Env, Program } from '../../index.ts';
import { assemble } from '../../hardware/isa/assemble.ts';
import { Cause, Kind, Mtd, Ops, Own, S, type Operation } from '../../microkernel/abi/index.ts';
import { nameIt } from '../../roottask/client/index.ts';
import { program, type Lab, type Say, type World } from '../grading/lab.ts';
import type { Random } from '../grading/random.ts';

const STORE: Operation = { label: 0x2f00, in: [], out: [], doc: '' }, PATIENCE = 5e6, BOX = 512, PAGE = 4096;
/** a0 is the device; these are compared: t0 … t2, a1 … a7, s2 … s4. */
const REGISTERS = { t0: 5, t1: 6, t2: 7, a1: 11, a2: 12, a3: 13, a4: 14, a5: 15, a6: 16, a7: 17, s2: 18, s3: 19, s4: 20 } as const;
type Name = keyof typeof REGISTERS;
type Values = Record<Name, bigint>;

/** The device as the page describes it. */
class Device {
  #count = 0;
  #journal = 0n;
  readonly #bytes = new Uint8Array(PAGE);
  read(offset: number, size: number): bigint {
    if (offset < 8) return BigInt.asUintN(8 * size, BigInt(++this.#count));
    if (offset < 16) return BigInt.asUintN(8 * size, this.#journal);
    return Array.from({ length: size }, (_, i) => BigInt(this.#bytes[offset + i]!) << BigInt(8 * i)).reduce((a, b) => a | b);
  }
  write(offset: number, size: number, value: bigint): void {
    const kept = BigInt.asUintN(8 * size, value);
    this.#journal = BigInt.asUintN(32, this.#journal * 31n + BigInt(offset * 256) + kept);
    for (let i = 0; i < size; i++) this.#bytes[offset + i] = Number((kept >> BigInt(8 * i)) & 255n);
  }
}

/** Code, its effect on registers and device, and its permitted number of exits. */
interface Step { readonly check: string; readonly what: string; readonly code: string; readonly does: (r: Values, d: Device) => void;
  readonly exits: number }
interface Got { readonly from: number; readonly to: number; readonly values: Values | undefined }

const start = (i: number): Values => Object.fromEntries(Object.keys(REGISTERS).map((name, n) => [name, BigInt(1000 * (i + 1) +
  n)])) as Values;

/** Runs each snippet; its breakpoint arrives here with the registers. */
const driver = (steps: readonly Step[], place: { guest: number; device: number }, got: Got[]): Program => program('driver',
  function* (sys, env: Env) {
    const cap = env.cap('ahead'), [task, thread, context, door] = [0, 0, 0, 0].map(() => env.selector()) as [number, number, number,
      number];
    for (const [i, { code }] of steps.entries()) {
      const { bytes } = assemble(`${code}\nebreak`, place.guest + i * BOX), padded = new Uint8Array(Math.ceil(bytes.length / 8) * 8);
      padded.set(bytes);
      const view = new DataView(padded.buffer);
      for (let at = 0; at < padded.length; at += 8) yield* sys.must(cap, STORE,
        [place.guest + i * BOX + at, view.getBigInt64(at, true)]);
    }
    yield* sys.must(Own.factory, Ops.factory.createTask, [task, 0]);
    yield* sys.must(Own.factory, Ops.factory.createThread, [thread, task, 0, 0, 0]);
    yield* sys.must(Own.factory, Ops.factory.createSchedContext, [context, 90, 0, 0]);
    yield* sys.must(Own.factory, Ops.factory.createPortal, [door, Own.thread, 1, Mtd.args | Mtd.regs | Mtd.pc]);
    yield* nameIt(sys, task, Ops.task.name, 'guest');
    yield* nameIt(sys, thread, Ops.thread.name, 'guest');
    yield* sys.must(thread, Ops.thread.setEvents, [door, 0x1fff & ~(1 << Cause.pageFault)]);
    yield* sys.must(thread, Ops.thread.setEvents, [cap, 1 << Cause.pageFault]);
    yield* sys.must(thread, Ops.thread.bind, [context]);
    yield* sys.must(thread, Ops.thread.start, [place.guest, 0, 0]);
    let event = yield* sys.receive(door, PATIENCE); // its startup
    for (const i of steps.keys()) {
      if (event.status !== 0) return;
      const utcb = sys.utcb, from = sys.now();
      for (const [name, value] of Object.entries(start(i))) utcb.setXBig(REGISTERS[name as Name], value);
      utcb.setX(10, place.device);
      utcb.setBig(S.pc, BigInt(place.guest + i * BOX));
      event = yield* sys.replyAndWait({ mtd: Mtd.args | Mtd.regs | Mtd.pc }, PATIENCE);
      const values = event.status === 0 && event.label === Cause.breakpoint
        ? Object.fromEntries(Object.entries(REGISTERS).map(([name, n]) => [name, sys.utcb.xBig(n)])) as Values : undefined;
      got.push({ from, to: sys.now(), values });
    }
  });

function world(name: string, steps: readonly Step[], place: { guest: number; device: number }): World {
  const got: Got[] = [];
  return {
    name,
    components: (submission) => ({
      ahead: { program: submission.program('ahead.ts'), args: { device: place.device }, provides: ['ahead'], memory: '4M' },
      driver: { program: driver(steps, place, got), caps: { ahead: 'ahead' }, kernelMemory: '4M' },
    }),
    judge: (seen, say) => {
      const why = seen.end('ahead').why || seen.why || 'it did not come to its breakpoint', device = new Device();
      const exits: number[] = [], isOfDevice = (address: number): boolean => address >= place.device && address < place.device + PAGE;
      for (const { kind, a: cause, c: address, actor, time } of seen.trace.records())
        if (kind === Kind.event && cause === Cause.pageFault && isOfDevice(address) && seen.trace.taskOf(actor) === 'guest')
          exits.push(time);
      steps.forEach((step, i) => judge(say, step, start(i), device, got[i], exits, why));
    },
  };
}

function judge(say: Say, { check, what, does, exits: allowed }: Step, values: Values, device: Device, got: Got | undefined,
  exits: readonly number[], why: string): void {
  does(values, device);
  say(check, got?.values !== undefined, `${what}: the guest comes to its breakpoint`, got?.values ? 'it does' : why);
  if (!got?.values) return;
  for (const [name, value] of Object.entries(values)) {
    const found = got.values[name as Name], expected = BigInt.asIntN(64, value);
    if (found !== expected) {
      say(check, false, `${what}: ${name} is 0x${BigInt.asUintN(64, expected).toString(16)}`,
        `0x${BigInt.asUintN(64, found).toString(16)}`);
    }
  }
  say(check, true, `${what}: registers`, 'as they must be');
  const n = exits.filter((t) => t >= got.from && t <= got.to).length;
  say(check, n === allowed, `${what}: ${allowed} exit${allowed === 1 ? '' : 's'} to the device`, String(n));
}

const signed = (bits: number, v: bigint): bigint => BigInt.asIntN(bits, v);

function worlds({ guest, device }: { guest: number; device: number }, random: Random): World[] {
  const place = { guest, device }, at = (): number => 64 + 8 * random.between(0, 40), [offset, low, high] = [at(), at() + 400, at() + 800];
  const step = (check: string, what: string, code: string, exits: number, does: Step['does']): Step => ({ check, what, code, exits,
    does });
  const far = (n: number): string => Array.from({ length: n }, () => '  addi t0, t0, 3').join('\n');
  return [
    world('accesses by themselves', [
      ...([['sb', 1], ['sh', 2], ['sw', 4], ['sd', 8]] as const).map(([name, size]) => step('single', `${name} and what it leaves`,
        `  slli t1, t1, 53\n  xori t1, t1, -77\n  ${name} t1, ${offset}(a0)\n  j on\non:\n  ld a1, ${offset}(a0)\n  j off\noff:`,
          2, (registers, device) => {
          registers.t1 = signed(64, registers.t1 << 53n) ^ -77n;
          device.write(offset, size, registers.t1);
          registers.a1 = device.read(offset, 8);
        })),
      ...([['lb', 1, true], ['lh', 2, true], ['lw', 4, true], ['ld', 8, true], ['lbu', 1, false], ['lhu', 2, false],
        ['lwu', 4, false]] as const).map(([name, size, sign]) => step('single', name, `  ${name} a2, ${offset}(a0)\n  j off\noff:`,
          1, (registers,
          device) => {
          const value = device.read(offset, size);
          registers.a2 = sign ? signed(8 * size, value) : value;
        })),
      step('single', 'a load to x0 is an access', '  lw zero, 0(a0)\n  j on\non:\n  lw a3, 0(a0)\n  j off\noff:', 2,
        (r, d) => { d.read(0, 4); r.a3 = d.read(0, 4); }),
      step('single', 'a store of x0', `  sd zero, ${offset}(a0)\n  j on\non:\n  ld a4, 8(a0)\n  j off\noff:`, 2,
        (r, d) => { d.write(offset, 8, 0n); r.a4 = d.read(8, 8); }),
    ], place),
    world('back to back', [
      step('pairs', 'two loads', '  ld a1, 0(a0)\n  ld a2, 0(a0)\n  j off\noff:', 1, (registers, device) => {
        registers.a1 = device.read(0, 8);
        registers.a2 = device.read(0, 8);
      }),
      step('pairs', 'a store and a load of the same', `  sw a3, ${low}(a0)\n  lhu a4, ${low}(a0)\n  j off\noff:`, 1,
        (r, d) => { d.write(low, 4, r.a3); r.a4 = d.read(low, 2); }),
      step('pairs', 'what was loaded is stored',
        `  lb a5, ${low}(a0)\n  sb a5, ${high}(a0)\n  sd a6, ${low}(a0)\n  ld a7, 8(a0)\n  j off\noff:`, 1,
        (r, d) => { r.a5 = signed(8, d.read(low, 1)); d.write(high, 1, r.a5); d.write(low, 8, r.a6); r.a7 = d.read(8, 8); }),
      step('pairs', 'six of the example',
        `  lbu t0, ${high}(a0)\n  sb t0, 0(a0)\n  addi t1, t0, 0\n  addi t2, zero, 0xc0\n  sb t0, ${high}(a0)\n`
        + `  sb t0, 0(a0)\n  sb t2, ${high}(a0)\n  sb t0, 0(a0)\n  j off\noff:\n  ld a1, 8(a0)\n  j end\nend:`, 2, (registers, device) => {
        registers.t0 = registers.t1 = device.read(high, 1);
        registers.t2 = 0xc0n;
        for (const [where, value] of [[0, registers.t0], [high, registers.t0], [0, registers.t0], [high, registers.t2], [0,
          registers.t0]] as const) device.write(where, 1, value);
        registers.a1 = device.read(8, 8);
      }),
    ], place),
    world('instructions between', [
      step('between', 'an address is computed',
        `  addi s2, a0, ${offset}\n  ld a1, 0(a0)\n  addi s2, s2, 8\n  sd a1, 0(s2)\n  sub s2, s2, a0\n`
        + '  ld a2, 8(a0)\n  j off\noff:', 1, (registers, device) => {
        registers.a1 = device.read(0, 8);
        device.write(offset + 8, 8, registers.a1);
        registers.s2 = BigInt(offset + 8);
        registers.a2 = device.read(8, 8);
      }),
      step('between', 'and, or, xor, add, sub', `  lw a1, 0(a0)\n  and a2, a1, a3\n  or a3, a1, a4\n  xor a4, a2, a3\n  add a5, a4, a6\n`
        + `  sub a6, a5, a1\n  sd a6, ${offset}(a0)\n  j off\noff:`, 1, (registers, device) => {
        registers.a1 = device.read(0, 4);
        registers.a2 = registers.a1 & registers.a3;
        registers.a3 = registers.a1 | registers.a4;
        registers.a4 = registers.a2 ^ registers.a3;
        registers.a5 = registers.a4 + registers.a6;
        registers.a6 = registers.a5 - registers.a1;
        device.write(offset, 8, registers.a6);
      }),
      step('between', 'andi, ori, xori, slli, lui',
        `  lw a1, 0(a0)\n  xori a2, a1, -1\n  andi a3, a2, -16\n  ori a4, a3, 9\n  slli a5, a4, 40\n`
        + `  lui a6, 0x80001\n  addi zero, a1, 5\n  sd a5, ${offset}(a0)\n  sd a6, ${offset}(a0)\n  j off\noff:`,
          1, (registers, device) => {
        registers.a1 = device.read(0, 4);
        registers.a2 = ~registers.a1;
        registers.a3 = registers.a2 & -16n;
        registers.a4 = registers.a3 | 9n;
        registers.a5 = signed(64, registers.a4 << 40n);
        registers.a6 = signed(32, 0x8000_1000n);
        device.write(offset, 8, registers.a5);
        device.write(offset, 8, registers.a6);
      }),
      step('between', 'eight of them are within reach', `  lw a1, 0(a0)\n${far(8)}\n  sw t0, ${offset}(a0)\n  j off\noff:`, 1,
        (r, d) => { r.a1 = d.read(0, 4); r.t0 += 24n; d.write(offset, 4, r.t0); }),
      step('between', 'and eight again after the next',
        `  lw a1, 0(a0)\n${far(8)}\n  sw t0, ${offset}(a0)\n${far(8)}\n  lw a2, 0(a0)\n  j off\noff:`, 1,
        (r, d) => { r.a1 = d.read(0, 4); r.t0 += 24n; d.write(offset, 4, r.t0); r.t0 += 24n; r.a2 = d.read(0, 4); }),
      step('between', 'nine are not', `  lw a1, 0(a0)\n${far(9)}\n  sw t0, ${offset}(a0)\n  j off\noff:`, 2,
        (r, d) => { r.a1 = d.read(0, 4); r.t0 += 27n; d.write(offset, 4, r.t0); }),
    ], place),
    world('where it ends', [
      step('stops', 'a branch',
        '  lw a1, 0(a0)\n  addi a2, a1, 0\n  bne a2, zero, on\n  lw a1, 0(a0)\non:\n  lw a3, 0(a0)\n  j off\noff:', 2,
        (r, d) => { r.a1 = r.a2 = d.read(0, 4); r.a3 = d.read(0, 4); }),
      step('stops', "the guest's own memory",
        '  lw a1, 0(a0)\n  auipc s2, 0\n  sw a1, 120(s2)\n  lw a2, 120(s2)\n  lw a3, 0(a0)\n  sub s2, s2, s2\n'
        + '  j off\noff:', 2, (r, d) => { r.a1 = r.a2 = d.read(0, 4); r.a3 = d.read(0, 4); r.s2 = 0n; }),
      step('stops', 'a memory access whose address only looks like it', '  lw a1, 0(a0)\n  auipc s2, 0\n  lw a2, 0(s2)\n  lw a3, 0(a0)\n'
        + '  sub a2, a2, a2\n  sub s2, s2, s2\n  j off\noff:', 2, (registers, device) => {
          registers.a1 = device.read(0, 4);
          registers.a3 = device.read(0, 4);
          registers.a2 = registers.s2 = 0n;
        }),
      step('stops', 'a multiplication', '  lw a1, 0(a0)\n  mul a2, a1, a3\n  lw a4, 0(a0)\n  j off\noff:', 2,
        (r, d) => { r.a1 = d.read(0, 4); r.a2 = r.a1 * r.a3; r.a4 = d.read(0, 4); }),
      step('stops', 'a shift to the right', '  lw a1, 0(a0)\n  srli a2, a3, 3\n  sra a5, a3, a4\n  lw a4, 0(a0)\n  j off\noff:', 2,
        (registers, device) => {
        registers.a1 = device.read(0, 4);
        registers.a2 = registers.a3 >> 3n;
        registers.a5 = registers.a3 >> (registers.a4 & 63n);
        registers.a4 = device.read(0, 4);
      }),
      step('stops', 'a comparison',
        '  lw a1, 0(a0)\n  sltu a2, a3, a4\n  slti a5, a3, -5\n  addiw a6, a6, 1\n  lw a4, 0(a0)\n  j off\noff:', 2,
        (r, d) => { r.a1 = d.read(0, 4); r.a2 = r.a3 < r.a4 ? 1n : 0n; r.a5 = 0n; r.a6 += 1n; r.a4 = d.read(0, 4); }),
      step('stops', 'nothing comes', `  lw a1, 0(a0)\n${far(3)}\n  j off\noff:`, 1, (r, d) => { r.a1 = d.read(0, 4); r.t0 += 9n; }),
      step('limit', 'sixteen in one visit', `${'  lw a1, 0(a0)\n'.repeat(16)}  j off\noff:`, 1,
        (r, d) => { for (let i = 0; i < 16; i++) r.a1 = d.read(0, 4); }),
      step('limit', 'the seventeenth is the next', `${'  lw a1, 0(a0)\n'.repeat(17)}  j off\noff:`, 2,
        (r, d) => { for (let i = 0; i < 17; i++) r.a1 = d.read(0, 4); }),
      step('limit', 'and so on', `${`  lw a1, 0(a0)\n  sd a1, ${offset}(a0)\n`.repeat(17)}  j off\noff:`, 3,
        (r, d) => { for (let i = 0; i < 17; i++) { r.a1 = d.read(0, 4); d.write(offset, 8, r.a1); } }),
    ], place),
    world('code that changes', [7, 30, 500].map((k) => step('bytes', `the same place, now with ${k}`,
      // The guest rewrites an instruction of the cluster: addi a2, zero, k.
      `  auipc s2, 0\n  lui s3, ${k << 8}\n  addi s3, s3, 0x613\n  sw s3, 28(s2)\n  fence.i\n  li s4, 2\n`
      + `again:\n  lw a1, 0(a0)\n  addi a2, zero, 1\n`
      + `  sw a2, ${offset}(a0)\n  lui s3, ${(k + 1) << 8}\n  addi s3, s3, 0x613\n  sub a3, a2, a1\n`
      + '  sw s3, 28(s2)\n  fence.i\n  addi s4, s4, -1\n'
      + '  bne s4, zero, again\n  sub s2, s2, s2\n  sub s3, s3, s3\n', 2, (registers, device) => {
        for (const value of [k, k + 1]) {
          registers.a1 = device.read(0, 4);
          registers.a2 = BigInt(value);
          device.write(offset, 4, registers.a2);
          registers.a3 = registers.a2 - registers.a1;
        }
        registers.s2 = registers.s3 = registers.s4 = 0n;
      })), place),
  ];
}

const lab: Lab = {
  number: 17, name: '17-look-ahead', title: 'Look-ahead after an exit', hours: [3, 5], language: 'typescript', files: ['ahead.ts'],
  checks: [
    { id: 'single', points: 15, title: 'an access by itself does what it did',
      mistake: 'size, sign, x0: the starter has all of it; look-ahead must not begin before the access that exited is done' },
    { id: 'pairs', points: 20, title: 'accesses back to back are one exit, in their order',
      mistake: 'the instruction at pc + 4: if it is an access of the device, do it, and look at the one after it' },
    { id: 'between', points: 25, title: 'eight instructions that compute may stand between',
      mistake: 'addi andi ori xori slli add sub and or xor lui, 64 bits, immediates with their sign, nothing to x0; '
        + 'count anew after each access' },
    { id: 'stops', points: 20, title: 'whatever else is left to the guest',
      mistake: 'pc is the instruction that is not done; whatever stands before it is done once, and not again by the guest' },
    { id: 'limit', points: 10, title: 'sixteen accesses in one visit', mistake: 'the one that exited counts' },
    { id: 'bytes', points: 10, title: 'code that changes is done as it is now', mistake: 'read the bytes each time' },
  ],
  variant: (random) => ({ guest: 0x4000_0000 + random.between(0, 200) * 2 ** 22, device: 0x1000_0000 + random.between(0,
    200) * 2 ** 16 }),
  worlds: (variant, random) => worlds(variant as unknown as { guest: number; device: number }, random),
};
export default lab;
