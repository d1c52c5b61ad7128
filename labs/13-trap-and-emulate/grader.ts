/** Grader of lab 13: kernels in user mode; each reports the values it read, and its handler's traps, to the driver. */
import type { Env, Program } from '../../index.ts';
import { Cause, Ops } from '../../microkernel/abi/index.ts';
import { childCode, hear, makeChild, startChild } from '../grading/child.ts';
import { hex, program, type Lab, type Say, type World } from '../grading/lab.ts';
import type { Random } from '../grading/random.ts';

const PATIENCE = 20e6, STOPPED = 6, EVENTS = [Cause.illegal, Cause.syscall, Cause.pageFault, Cause.breakpoint, Cause.misaligned,
  Cause.accessFault];
/** A handler's report has the step's number plus one of these. */
const TRAP = 1000, STATUS = 2000;
const SIE = 0x2, SPIE = 0x20, SPP = 0x100;

/**
 * A step of a guest. `code` leaves a value in a1; `value`: the expected one. `trap`: the trap that the handler must have seen: cause,
 * stval, and the bits of sstatus; the trapping instruction has the label `at`. `s2` must be unchanged.
 */
interface Step {
  readonly check: string;
  readonly what: string;
  readonly code: string;
  readonly value?: bigint;
  readonly trap?: {
    readonly cause: bigint;
    /** Of a breakpoint it may be anything. */
    readonly stval: bigint | undefined;
    readonly status: number;
  };
}

const HANDLER = `
.align 3
handler: # says what it sees; goes back behind the instruction, or to s4 in S mode
  csrr s8, scause
  csrr s9, sepc
  csrr s10, stval
  csrr s11, sstatus
  mv s3, ra
  li a0, ${TRAP}
  add a0, a0, s6
  mv a1, s8
  sub a2, s9, s5
  mv a3, s10
  call tell
  li a0, ${STATUS}
  add a0, a0, s6
  li a1, ${SPP | SPIE | SIE}
  and a1, a1, s11
  call tell
  mv ra, s3
  beqz s4, behind
  csrw sepc, s4
  li t0, ${SPP}
  csrs sstatus, t0
  li s4, 0
  sret
behind:
  csrci sip, 2 # an interrupt is over
  srli t0, s8, 63
  bnez t0, same
  addi s9, s9, 4
same:
  csrw sepc, s9
  sret
`;

function codeOf(steps: readonly Step[]): Uint8Array {
  const lines = steps.map(({ code }, i) => `
  li s6, ${i}
  li s2, 0x5afe
  li s4, 0
  la s5, at${i}
  li a1, 0
  li a7, 64
${code.replace(/\b(at|user|on)\b/g, `$1${i}`)}
${/\bat:/.test(code) ? '' : `at${i}:`}
  mv a2, s2
  li a0, ${i}
  call tell`);
  return childCode(`  la t0, handler\n  csrw stvec, t0\n${lines.join('\n')}\n  j end\n${HANDLER}`);
}

interface Notes { readonly told: Map<string, Map<number, readonly bigint[]>>; readonly stopped: Set<string> }

const driver = (guests: Readonly<Record<string, readonly Step[]>>, notes: Notes): Program => program('driver', function* (sys, env: Env) {
  for (const [i, [name, steps]] of Object.entries(guests).entries()) {
    const events = Object.fromEntries(EVENTS.map((cause) => [cause, env.cap(name)])), told = new Map<number, readonly bigint[]>();
    const child = yield* makeChild(sys, env, codeOf(steps), { name, badge: i + 1, events });
    notes.told.set(name, told);
    yield* startChild(sys, child);
    yield* hear(sys, 1, PATIENCE, function* (t) { if (t.badge === i + 1) told.set(Number(t.words[0]), t.words); });
    yield* sys.invoke(child.thread, Ops.thread.info);
    if (sys.utcb.word(0) === STOPPED) notes.stopped.add(name);
  }
});

function judgeStep(say: Say, step: Step, i: number, told: ReadonlyMap<number, readonly bigint[]>, why: string): void {
  const { check, what, value, trap } = step, got = told.get(i), seen = told.get(TRAP + i), status = told.get(STATUS + i),
    other = why || 'the guest did not come there';
  if (trap) {
    const right = seen !== undefined && BigInt.asUintN(64, seen[1]!) === trap.cause && seen[2] === 0n &&
      (trap.stval === undefined || BigInt.asUintN(64, seen[3]!) === BigInt.asUintN(64, trap.stval));
    const place = seen?.[2] === 0n ? 'at the instruction' : `${seen?.[2]} bytes off`;
    const words = seen ? `scause ${hex(seen[1]!)}, sepc ${place}, stval ${hex(seen[3]!)}` : `no trap: ${other}`;
    const stval = trap.stval === undefined ? '' : `, stval ${hex(trap.stval)}`;
    say(check, right, `${what}: the handler sees scause ${hex(trap.cause)}, sepc at the instruction${stval}`, words);
    say(check, status?.[1] === BigInt(trap.status), `${what}: sstatus in the handler has 0x${trap.status.toString(16)} of SPP, SPIE, SIE`,
      status ? hex(status[1]!) : other);
  }
  if (value !== undefined) say(check, got !== undefined && BigInt.asUintN(64, got[1]!) === BigInt.asUintN(64, value),
    `${what}: ${hex(value)}`, got ? hex(got[1]!) : other);
  say(check, got !== undefined, `${what}: the guest goes on`, got ? 'it does' : other);
  if (got) say(check, got[2] === 0x5afen, `${what} leaves the other registers alone`, `s2 is ${hex(got[2]!)}`);
  if (!trap) say(check, seen === undefined, `${what}: no trap into the guest's handler`, seen ? `scause ${hex(seen[1]!)}` : '');
}

/** `off`: guests that must have been stopped by what they asked for. */
function world(name: string, guests: Readonly<Record<string, readonly Step[]>>, lines: readonly string[] = [],
  off: readonly string[] = []): World {
  const notes: Notes = { told: new Map(), stopped: new Set() };
  return {
    name, budget: 1e8,
    components: (submission) => ({
      monitor: { program: submission.program('monitor.ts'), provides: ['monitor'] },
      driver: { program: driver(guests, notes),
        caps: Object.fromEntries(Object.keys(guests).map((g) => [g, { from: 'monitor', label: g }])) },
    }),
    judge: (seen, say) => {
      const why = seen.end('monitor').why || (notes.told.size === 0 ? seen.why : ''), said = seen.lines('monitor');
      for (const [guest, steps] of Object.entries(guests)) steps.forEach((step, i) => {
        const last = off.includes(guest) && i === steps.length - 1;
        if (!last) return judgeStep(say, step, i, notes.told.get(guest) ?? new Map(), why);
        say(step.check, notes.stopped.has(guest) && !notes.told.get(guest)?.has(i), `${step.what}: the guest stops`,
          notes.stopped.has(guest) ? 'it went on'
          : why || 'it is not stopped');
      });
      if (lines.length > 0) say('firmware', said.join('\n') === lines.join('\n'), `lines of the log: ${lines.join(' | ')}`,
        said.join(' | ') || 'no line');
    },
  };
}

/** Bits of `csrrc a1, sstatus, a0`, and of other instructions that guests must not use in user mode. */
const WFI = 0x10500073n, SRET = 0x10200073n;

function worlds({ sscratch, stval }: { sscratch: number; stval: number }, random: Random): World[] {
  const big = (): bigint => (BigInt(random.between(1, 2 ** 30)) << 32n) | BigInt(random.between(1, 2 ** 30)),
    [first, second, third] = [big(), big(), big()] as [bigint, bigint, bigint];
  const reads = (check: string, what: string, code: string, value: bigint): Step => ({ check, what, code, value });
  const status = (bits: number): string => `  li t0, ${SIE | SPIE | SPP}\n  csrc sstatus, t0\n  li t0, ${bits}\n  csrs sstatus, t0\n`;
  /** `code` (with `at:`) in user mode, interrupts enabled before or not; it ends in a trap, after which the guest goes on in S mode. */
  const inUser = (check: string, what: string, code: string, cause: bigint, value: bigint | undefined, enabled = false): Step => ({
    check, what, trap: { cause, stval: value, status: enabled ? SPIE : 0 },
    code: `${status(enabled ? SPIE : 0)}  la s4, on\n  la t0, user\n  csrw sepc, t0\n  sret\nuser:\n${code}\non:\n`,
  });
  const inKernel = (check: string, what: string, code: string, cause: bigint, value: bigint, bits = 0): Step => ({
    check, what, code: `${status(bits)}${code}`, trap: { cause, stval: value, status: SPP | ((bits & SIE) !== 0 ? SPIE : 0) },
  });
  const put = (text: string): string => [...text].map((ch) => `  li a0, ${ch.charCodeAt(0)}\n  li a7, 1\n  ecall\n`).join('');
  const csr = [
    reads('csr', 'csrrw of sscratch gives what it was',
      `  li t1, ${first}\n  csrw sscratch, t1\n  li t2, ${second}\n  csrrw a1, sscratch, t2`, first),
      reads('csr', 'and keeps what it gets', '  csrr a1, sscratch', second),
    reads('csr', 'csrrs sets bits', `  li t1, ${third}\n  csrs sscratch, t1\n  csrr a1, sscratch`, second | third), reads('csr',
      'csrrc clears bits',
      `  li t1, ${first}\n  csrc sscratch, t1\n  csrr a1, sscratch`, (second | third) & ~first),
    reads('csr', 'csrrwi takes five bits', '  csrwi sscratch, 21\n  csrr a1, sscratch', 21n),
      reads('csr', 'csrrsi', '  csrsi sscratch, 10\n  csrr a1, sscratch', 31n),
      reads('csr', 'csrrci', '  csrci sscratch, 9\n  csrrci a1, sscratch, 2', 22n),
    reads('csr', 'csrrw with one register for both', `  li a1, ${first}\n  csrrw a1, sscratch, a1`, 20n),
      reads('csr', 'the operand was written', '  csrr a1, sscratch', first),
      reads('csr', 'csrrw to x0', `  li t1, ${third}\n  csrrw zero, sscratch, t1\n  csrr a1, sscratch`, third),
      reads('csr', 'csrrw of x0', '  csrw sscratch, zero\n  csrr a1, sscratch', 0n),
    reads('csr', 'scause and stval keep what they get',
      `  li t1, ${first}\n  csrw scause, t1\n  li t2, ${second}\n  csrw stval, t2\n  csrr t1, scause\n  csrr t2, stval\n  xor a1, t1, t2`,
        first ^ second),
  ];
  const masks = [
    reads('masks', 'sstatus has three bits', `  li t1, -1\n  csrw sstatus, t1\n  csrr a1, sstatus\n  csrci sstatus, 2`,
      BigInt(SIE | SPIE | SPP)), reads('masks', 'sstatus can be cleared', '  csrw sstatus, zero\n  csrr a1, sstatus', 0n),
      reads('masks', 'sie has SSIE', '  li t1, -1\n  csrw sie, t1\n  csrr a1, sie', 2n),
    reads('masks', 'sepc is even', `  li t1, 0x${(sscratch * 2 + 1).toString(16)}\n  csrw sepc, t1\n  csrr a1, sepc`,
      BigInt(sscratch * 2)), reads('masks', 'bit 1 of stvec is 0',
      '  csrr t2, stvec\n  li t1, 0x12347\n  csrw stvec, t1\n  csrr a1, stvec\n  csrw stvec, t2', 0x12345n),
      reads('masks', 'satp is 0', '  li t1, -1\n  csrw satp, t1\n  csrr a1, satp', 0n),
  ];
  return [
    world('registers of the supervisor', { kernel: [...csr, ...masks] }),
    world('from user mode into the kernel', { kernel: [
      inUser('calls', 'ecall', 'at:\n  ecall', 8n, 0n), inUser('calls', 'ecall with interrupts enabled', 'at:\n  ecall', 8n, 0n, true),
        inUser('calls', 'ecall after some instructions', '  addi a1, a1, 1\n  nop\nat:\n  ecall', 8n, 0n),
      inUser('calls', 'ebreak', 'at:\n  ebreak', 3n, undefined), reads('calls', 'and S mode is privileged again', '  csrr a1, scause', 3n),
    ] }),
    world('user mode may not', { kernel: [
      inUser('refuses', 'csrr sscratch in user mode', 'at:\n  csrr a1, sscratch', 2n, 0x140025f3n),
        inUser('refuses', 'csrw stvec in user mode', 'at:\n  csrw stvec, zero', 2n, 0x10501073n, true),
        inUser('refuses', 'wfi in user mode', 'at:\n  wfi', 2n, WFI), inUser('refuses', 'sret in user mode', 'at:\n  sret', 2n, SRET),
        inUser('refuses', 'sfence.vma in user mode', 'at:\n  sfence.vma', 2n, 0x12000073n),
      inUser('refuses', 'what is no instruction, in user mode', 'at:\n  .word 0xffffffff', 2n, 0xffffffffn),
    ] }),
    world('traps of the kernel itself', { kernel: [
      inKernel('own', 'a register that there is not', 'at:\n  csrr a1, mstatus', 2n, 0x300025f3n),
        inKernel('own', 'what is no instruction', 'at:\n  .word 0x0000007f', 2n, 0x7fn, SIE), inKernel('own', 'mret', 'at:\n  mret', 2n,
        0x30200073n),
      reads('own', 'SIE is back after sret', '  csrr a1, sstatus\n  andi a1, a1, 2\n  csrci sstatus, 2', 0n),
        inKernel('own', 'a trap with interrupts enabled', 'at:\n  .word 0x0000007f', 2n, 0x7fn, SIE),
        reads('own', 'sret enables them again',
        `${status(SIE)}  .word 0x0000007f\n  csrr a1, sstatus\n  andi a1, a1, 2`.replace('  .word 0x0000007f\n', ''), 2n),
      reads('own', 'wfi goes on', '  wfi\n  li a1, 7', 7n), reads('own', 'sfence.vma goes on',
        '  sfence.vma\n  sfence.vma a0, a1\n  li a1, 8', 8n),
    ] }),
    world('faults', { kernel: [
      inKernel('faults', 'a load', `  li t1, ${stval}\nat:\n  ld a1, 8(t1)`, 13n, BigInt(stval + 8)),
        inKernel('faults', 'a store with interrupts enabled', `  li t1, ${stval}\nat:\n  sd a1, 0(t1)`, 15n, BigInt(stval), SIE),
        inUser('faults', 'a store of user mode', `  li t1, ${stval + 4096}\nat:\n  sb a1, 1(t1)`, 15n, BigInt(stval + 4097)),
        inUser('faults', 'a load of user mode', `  li t1, ${stval}\nat:\n  lw a1, 0(t1)`, 13n, BigInt(stval), true),
    ] }),
    world('leaving the handler', { kernel: [
      reads('sret', 'sret goes to sepc in S mode',
        `  la t0, on\n  csrw sepc, t0\n${status(SPP | SPIE)}`
          + '  sret\n  li a1, 1\non:\n  csrr t0, sstatus\n  add a1, a1, t0\n  csrci sstatus, 2', BigInt(SIE | SPIE)),
      reads('sret', 'SIE becomes SPIE',
        `  la t0, on\n  csrw sepc, t0\n${status(SPP | SIE)}  sret\n  li a1, 1\non:\n  csrr t0, sstatus\n  add a1, a1, t0`, BigInt(SPIE)),
      inUser('sret', 'and to user mode without SPP', 'at:\n  csrr a1, sepc', 2n, 0x141025f3n),
    ] }),
    world('interrupts', { kernel: [
      { check: 'interrupts', what: 'SSIP, enabled',
        code: `${status(0)}  csrwi sie, 2\n  csrsi sip, 2\n  li a1, 5\n  csrsi sstatus, 2\nat:\n  addi a1, a1, 1\n  csrci sstatus, 2`,
        trap: { cause: (1n << 63n) | 1n, stval: 0n, status: SPP | SPIE } },
      reads('interrupts', 'SSIP without SIE', `${status(0)}  csrwi sie, 2\n  csrsi sip, 2\n  csrr a1, sip\n  csrci sip, 2`, 2n),
        reads('interrupts', 'SSIP without SSIE',
        `${status(SIE)}  csrwi sie, 0\n  csrsi sip, 2\n  csrr a1, sip\n  csrci sip, 2\n  csrci sstatus, 2`, 2n),
      { check: 'interrupts', what: 'SSIP that waited until sie allowed it',
        code: `${status(SIE)}  csrwi sie, 0\n  csrsi sip, 2\n  csrwi sie, 2\nat:\n  csrci sstatus, 2`, trap: { cause: (1n << 63n) | 1n,
        stval: 0n, status: SPP | SPIE } },
      { check: 'interrupts', what: 'SSIP at the entry into user mode, whatever SIE is',
        code: `${status(0)}  csrwi sie, 2\n  csrsi sip, 2\n  la s4, on\n  la s5, user\n  csrw sepc, s5\n`
          + '  sret\nuser:\n  nop\non:\n  csrci sip, 2\n  la s5, at\nat:', trap: { cause: (1n << 63n) | 1n, stval: 0n, status: 0 } },
      { check: 'interrupts', what: 'a vectored handler',
        code: `${status(0)}  csrr s7, stvec\n  addi t0, s7, -4\n  ori t0, t0, 1\n  csrw stvec, t0\n  csrwi sie, 2\n`
          + '  csrsi sip, 2\n  csrsi sstatus, 2\nat:\n  csrci sstatus, 2\n  csrw stvec, s7',
        trap: { cause: (1n << 63n) | 1n, stval: 0n, status: SPP | SPIE } },
    ] }),
    world('firmware, and two guests', {
      one: [reads('firmware', 'putchar', `${put('hi')}  mv a1, a0`, 0n), reads('firmware', 'a call that there is not',
        '  li a7, 77\n  ecall\n  mv a1, a0', -2n), reads('apart', 'sscratch of the first',
        `  li t1, ${first}\n  csrw sscratch, t1\n  csrr a1, sscratch`, first), reads('firmware', 'the end of the line', put('!\n'), 0n),
        { check: 'firmware', what: 'shutdown', code: '  li a7, 8\n  ecall' }],
      two: [reads('apart', 'sscratch of the second', '  csrr a1, sscratch', 0n), reads('apart', 'a line of its own',
        `${put('you\n')}  mv a1, a0`, 0n)],
    }, ['one: hi!', 'one is off', 'two: you'], ['one']),
  ];
}

const lab: Lab = {
  number: 13, name: '13-trap-and-emulate', title: 'Trap and emulate', hours: [4, 6], language: 'typescript', files: ['monitor.ts'],
  checks: [
    { id: 'csr', points: 15, title: 'the six instructions on registers do what the manual says',
      mistake: 'funct3 says which, bit 2 of it an immediate operand in the place of rs1; read the old value and the operand before you '
        + 'write either; csrrs and csrrc with x0 write nothing; x0 is never written' },
    { id: 'masks', points: 10, title: 'registers keep what they have, and no more',
      mistake: 'sstatus: SIE, SPIE, SPP; sie and sip: SSIE; sepc has no bit 0, stvec no bit 1; satp is always 0' },
    { id: 'calls', points: 15, title: 'ecall and ebreak in user mode enter the guest\'s kernel',
      mistake: 'pc of a system call\'s event is behind the ecall, sepc is the ecall itself; SPIE = SIE, SIE = 0, '
        + 'SPP = where it came from' },
    { id: 'refuses', points: 10, title: 'what only a supervisor may, user mode may not',
      mistake: 'an illegal instruction of the guest: scause 2, stval the instruction\'s bits; nothing else has happened' },
    { id: 'own', points: 10, title: 'the kernel\'s own traps enter its handler too',
      mistake: 'registers that there are not are illegal instructions; SPP is 1 then; wfi and sfence.vma do nothing' },
    { id: 'faults', points: 10, title: 'page faults enter the handler', mistake: 'scause and stval are words 0 and 1 of the event' },
    { id: 'sret', points: 10, title: 'sret leaves it', mistake: 'to sepc, in the mode that SPP names; SIE = SPIE, SPIE = 1, SPP = 0' },
    { id: 'interrupts', points: 10, title: 'an interrupt comes when it may',
      mistake: 'look after every emulated instruction: sip and sie have it, and SIE is set or the mode is user; '
        + 'a vectored stvec adds 4 × cause' },
    { id: 'firmware', points: 5, title: 'an ecall of the kernel is a call to the firmware',
      mistake: 'a7 = 1 prints, 8 switches off, anything else answers -2; the answer is in a0, and pc is behind the ecall already' },
    { id: 'apart', points: 5, title: 'each guest has its own processor', mistake: 'state belongs to the session' },
  ],
  variant: (random) => ({ sscratch: random.between(0x1000, 0xffff), stval: 0x4000_0000 + random.between(0, 900) * 0x10000 }),
  worlds: (variant, random) => worlds(variant as unknown as { sscratch: number; stval: number }, random),
};
export default lab;
