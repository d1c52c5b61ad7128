/** Grader of lab 18: the hypervisor runs on the bare machine with guests that try everything it promises, and write down what they saw. */
import { RAM, type BareSeen, type BareWorld } from '../grading/bare.ts';
import { hex, same, type Lab, type Say, type World } from '../grading/lab.ts';
import type { Random } from '../grading/random.ts';

interface Numbers { readonly guest: number; readonly vmid: number }
const FILE = 'hypervisor.s', INSTRUCTIONS = 3e6, SECOND = 0x8020_0000, REPORT = 0x10_0000, BYTES = 1024;
const ITS_OWN = 0xb10d, INTERRUPTS = 0x444;
/** Offsets in the guest's report. */
const AT = { done: 0, a0: 8, satp: 16, call: 24, unknown: 32, traps: 40, timer: 136, far: 160, registers: 256 } as const;

/** The first and the last page of what is there at first; what is not. */
const FIRST = [[RAM], [RAM + 0x1f_f000]] as const, NOTHING = [SECOND, RAM - 4096, 0x1000_0000, RAM + 2 ** 30];

/** Registers that a call must leave alone; t0 (x5) is where they are kept, a0 (x10) the answer, a7 (x17) the call. */
const KEPT = Array.from({ length: 32 }, (_, i) => i).filter((i) => ![0, 5, 10, 17].includes(i));
const pattern = (i: number, salt: number): number => 0x1000 * i + salt;

const put = (text: string): string => [...text].map((c) => `  li a0, ${c.charCodeAt(0)}\n  li a7, 1\n  ecall\n`).join('');

/** Everything at once, each thing with a place in the report. */
function guestOf(salt: number, far: number, letters: string): string {
  return `
.equ REPORT, ${RAM + REPORT}
_start:
  li t0, REPORT
  sd a0, ${AT.a0}(t0)
  csrr t1, satp
  sd t1, ${AT.satp}(t0)
  la t1, handler
  csrw stvec, t1
  csrw sscratch, t0
${KEPT.map((i) => `  li x${i}, ${pattern(i, salt)}`).join('\n')}
  li a0, ${letters.charCodeAt(0)}
  li a7, 1
  ecall
  csrr t0, sscratch
  sd a0, ${AT.call}(t0)
${KEPT.map((i) => `  sd x${i}, ${AT.registers + 8 * i}(t0)`).join('\n')}
${put(letters.slice(1))}
  li a0, 5
  li a7, 77
  ecall
  li s0, REPORT
  sd a0, ${AT.unknown}(s0)
# ---- traps of its own, which its handler has to see: it continues behind each
  addi s1, s0, ${AT.traps}
  .word 0xffffffff
  ebreak
  la t1, user
  csrw sepc, t1
  li t1, 0x100
  csrc sstatus, t1
  sret
user:
  ecall
  nop
# ---- its clock: the handler lets it ring twice
  csrw sie, zero
  li t1, 0x20
  csrs sie, t1
  rdtime a0
  addi a0, a0, 200
  li a7, 0
  ecall
  li t2, 20000
  csrsi sstatus, 2
wait:
  ld t1, ${AT.timer}(s0)
  addi t2, t2, -1
  beqz t2, rang
  addi t1, t1, -2
  bnez t1, wait
rang:
  csrci sstatus, 2
  csrr t1, sip
  sd t1, ${AT.timer + 16}(s0)
# ---- more memory than there is yet
  li t1, ${far}
  li t2, ${salt}
  sd t2, 0(t1)
  ld t3, 0(t1)
  sd t3, ${AT.far}(s0)
  ld t3, 2040(t1)
  sd t3, ${AT.far + 8}(s0)
  li t1, 1
  sd t1, ${AT.done}(s0)
  li a7, 8
  ecall
hang:
  j hang
.align 2
handler:
  csrr t4, scause
  bltz t4, rings
  sd t4, 0(s1)
  csrr t4, stval
  sd t4, 8(s1)
  csrr t4, sstatus
  andi t4, t4, 0x100
  sd t4, 16(s1)
  csrr t4, sepc
  addi t4, t4, 4
  csrw sepc, t4
  addi s1, s1, 32
  li t4, 0x100
  csrs sstatus, t4
  sret
rings:
  sd t4, ${AT.timer + 8}(s0)
  ld t4, ${AT.timer}(s0)
  addi t4, t4, 1
  sd t4, ${AT.timer}(s0)
  addi t4, t4, -2
  li a0, -1
  beqz t4, set
  rdtime a0
  addi a0, a0, 300
set:
  li a7, 0
  ecall
  li t4, 0x100
  csrs sstatus, t4
  sret
`;
}

const bits = (set: bigint, names: Readonly<Record<number, string>>): string =>
  Object.entries(names).filter(([n]) => (set >> BigInt(n)) & 1n).map(([, name]) => name).join(', ') || 'none';

const EXCEPTIONS = { 2: 'illegal instruction', 8: 'ecall of VU', 10: 'ecall of VS', 12: 'fetch page fault', 13: 'load page fault',
  20: 'guest fetch page fault', 21: 'guest load page fault', 22: 'virtual instruction', 23: 'guest store page fault' } as const;

/** What M mode must have handed over, and how the guest was entered. */
function judgeBoot(seen: BareSeen, say: Say, n: Numbers): void {
  const { entry } = seen, why = `no guest was entered; ${seen.ending}${seen.console.includes('M') ? ', after a trap into M mode' : ''}`;
  const csr = (check: string, name: string, number: number, ok: (v: bigint) => boolean, expected: string): void =>
    say(check, entry !== undefined && ok(entry.csr(number)), `${name}: ${expected}`,
      entry ? hex(entry.csr(number)) : `${hex(seen.end.csr(number))}, and ${why}`);
  const needed = Object.keys(EXCEPTIONS).reduce((all, b) => all | (1n << BigInt(b)), 0n);
  say('machine', entry !== undefined && (entry.csr(0x302) & needed) === needed, `medeleg has ${bits(needed, EXCEPTIONS)}`,
    entry ? bits(entry.csr(0x302) & needed, EXCEPTIONS) : why);
  csr('machine', 'mideleg', 0x303, (v) => (v & 0x222n) === 0x222n, 'the supervisor\'s interrupts (0x222)');
  csr('machine', 'mcounteren', 0x306, (v) => (v & 7n) === 7n, 'cycle, time, instret (7)');
  csr('machine', 'menvcfg', 0x30a, (v) => v >> 63n === 1n, 'STCE (bit 63)');
  say('entry', entry?.pc === RAM, `the guest begins at ${hex(RAM)}`, entry ? hex(entry.pc) : why);
  say('entry', entry?.mode === 1 && entry.virtual, 'in VS mode', entry
    ? `in ${entry.virtual ? 'V' : ''}${entry.mode === 0 ? 'U' : 'S'} mode` : why);
  say('entry', entry?.x(10) === 0n, 'with 0 in a0', entry ? hex(entry.x(10)) : why);
  csr('entry', 'vsatp', 0x280, (v) => v === 0n, 'no table of its own yet (0)');
  csr('second', 'hgatp, the mode', 0x680, (v) => v >> 60n === 8n, 'Sv39x4 (8 in bits 60 to 63)');
  csr('second', 'hgatp, the number of the guest', 0x680, (v) => ((v >> 44n) & 0x3fffn) === BigInt(n.vmid), `${n.vmid} in bits 44 to 57`);
  for (const [from] of FIRST) {
    const to = n.guest + (from - RAM), found = entry?.physical(from);
    say('second', found === to, `the guest's ${hex(from)} is at ${hex(to)}`, entry ? (found === undefined ? 'nowhere' : hex(found)) : why);
  }
  for (const none of NOTHING)
    say('second', entry !== undefined && entry.physical(none) === undefined, `there is nothing at ${hex(none)} yet`,
      entry ? hex(entry.physical(none) ?? 0) : why);
  csr('own', 'hedeleg', 0x602, (v) => v === BigInt(ITS_OWN), `what the page lists, and no more (${hex(ITS_OWN)})`);
  csr('own', 'hideleg', 0x603, (v) => (v & 0x444n) === BigInt(INTERRUPTS), 'the three interrupts of VS (0x444)');
  csr('timer', 'hcounteren', 0x606, (v) => (v & 7n) === 7n, 'cycle, time, instret (7)');
}

function judgeGuest(seen: BareSeen, say: Say, n: Numbers, salt: number, far: number, letters: string): void {
  if (!seen.entry) {
    for (const check of ['calls', 'registers', 'own', 'timer', 'memory']) say(check, false, 'the guest runs',
      `it was not entered; ${seen.ending}`);
    return;
  }
  const at = (offset: number): bigint => seen.report.getBigUint64(offset, true), why = `${seen.ending}, console '${seen.console}'`;
  const isDone = at(AT.done) === 1n, went = isDone ? '' : `; ${why}`;
  const value = (check: string, what: string, offset: number, expected: bigint): void =>
    say(check, at(offset) === BigInt.asUintN(64, expected), `${what}: ${hex(expected)}`, `${hex(at(offset))}${went}`);
  say('calls', seen.console === letters, `the guest prints '${letters}'`, `'${seen.console}'; ${seen.ending}`);
  value('calls', 'putchar answers', AT.call, isDone || seen.console !== '' ? 0n : -1n);
  value('calls', 'a call that there is not answers', AT.unknown, -2n);
  say('calls', seen.code === 0, 'shutdown ends the machine with success', seen.ending);
  for (const i of KEPT) if (at(AT.registers + 8 * i) !== BigInt(pattern(i, salt)))
    say('registers', false, `x${i} after an exit is ${hex(pattern(i, salt))}`, `${hex(at(AT.registers + 8 * i))}${went}`);
  say('registers', at(AT.registers + 8) !== 0n, 'registers come through an exit', at(AT.registers + 8) !== 0n ? 'they do' : why);
  const causes = [['an illegal instruction', 2n, 0xffff_ffffn, 0x100n], ['a breakpoint', 3n, undefined, 0x100n],
    ['an ecall of its user mode', 8n, undefined, 0n]] as const;
  causes.forEach(([what, cause, stval, spp], i) => {
    value('own', `${what}, in the guest's handler: scause`, AT.traps + 32 * i, cause);
    if (stval !== undefined) value('own', `${what}: stval`, AT.traps + 32 * i + 8, stval);
    value('own', `${what}: SPP`, AT.traps + 32 * i + 16, spp);
  });
  value('timer', 'the clock rings twice', AT.timer, 2n);
  value('timer', 'scause of it', AT.timer + 8, (1n << 63n) | 5n);
  say('timer', isDone && (at(AT.timer + 16) & 0x20n) === 0n, 'setting it anew takes the interrupt away (sip has no STIP)',
    `sip ${hex(at(AT.timer + 16))}${went}`);
  value('memory', 'what was stored in the second half is read', AT.far, BigInt(salt));
  value('memory', 'memory begins as zero', AT.far + 8, 0n);
  say('memory', isDone && seen.end.physical(far) === n.guest + (far - RAM), `${hex(far)} is at ${hex(n.guest + (far - RAM))} now`,
    isDone ? hex(seen.end.physical(far) ?? 0) : why);
  say('memory', isDone && seen.end.physical(RAM) === n.guest, 'the first half is where it was',
    isDone ? hex(seen.end.physical(RAM) ?? 0) : why);
}

function world(name: string, n: Numbers, source: string, judge: (seen: BareSeen, say: Say) => void, far = SECOND): World {
  const places = [...FIRST.flat(), ...NOTHING, far];
  const bare: BareWorld = { file: FILE, places, guest: { source, at: n.guest, linked: RAM }, instructions: INSTRUCTIONS, memory: 4 << 20,
    report: { at: n.guest + REPORT, bytes: BYTES } };
  return { name, bare, components: () => ({}), judge: ({ bare: seen }, say) => {
    if (seen!.tampered === undefined) return judge(seen!, say);
    for (const { id } of lab.checks) say(id, false, "the guest's memory is written by the guest alone", seen!.tampered);
  } };
}

/** A guest that reaches where nothing is: it is lost, with `!` and code 1. */
const lost = (what: string, code: string, n: Numbers): World => world(what, n, `_start:\n${put('?')}${code}\n${put('no')}here:\n  j here\n`,
  (seen, say) => {
    same(say, 'lost', `${what}: the console`, '?!', seen.console);
    say('lost', seen.entry !== undefined && seen.code === 1, `${what}: the machine ends with code 1`, seen.ending);
  });

function worlds(n: Numbers, random: Random): World[] {
  const salt = random.between(1, 2000), far = SECOND + 4096 * random.between(1, 500);
  const letters = Array.from({ length: 5 }, () => String.fromCharCode(random.between(97, 122))).join('');
  return [
    world('boot', n, guestOf(salt, far, letters), (seen, say) => {
      judgeBoot(seen, say, n);
      judgeGuest(seen, say, n, salt, far, letters);
    }, far),
    lost('a load below its memory', `  li t1, ${RAM - 4096}\n  ld t2, 0(t1)`, n),
    lost('a store beyond its memory', `  li t1, ${RAM + 0x40_0000}\n  sd t2, 0(t1)`, n),
    lost('an instruction of a supervisor with guests', '  .word 0x62000073', n), // hfence.gvma
    world('the other half by a load first', n, `_start:\n  li t0, ${RAM + REPORT}\n  li t1, ${SECOND + 0x1f_f000}\n  ld t2, 8(t1)\n`
      + `  addi t2, t2, ${salt % 1000}\n  sd t2, 8(t0)\n  li a7, 8\n  ecall\n`, (seen, say) => {
      same(say, 'memory', 'what a load of new memory gives', BigInt(salt % 1000), seen.report.getBigUint64(8, true));
      say('memory', seen.code === 0, 'and the guest goes on', seen.ending);
    }),
  ];
}

const lab: Lab = {
  number: 18, name: '18-first-instruction', title: 'A hypervisor from its first instruction', hours: [4, 6], language: 'riscv',
    files: [FILE],
  checks: [
    { id: 'machine', points: 15, title: 'M mode hands the machine over',
      mistake: 'break at supervisor: do you come there? If not, look at mcause, mepc, mtval; pmpcfg0 needs NAPOT and R, W, X; MPP has two '
        + 'bits, clear both first' },
    { id: 'entry', points: 10, title: 'the guest begins, in VS mode',
      mistake: 'sret goes to V = 1 where hstatus.SPV says so, to S mode where sstatus.SPP does' },
    { id: 'second', points: 15, title: 'the guest\'s memory is where it should be',
      mistake: 'monitor translate 0x80000000 walks it; root has 16 KiB and is aligned to that; entry 2 of it is the gigabyte '
        + 'at 0x80000000; a leaf for a guest needs U' },
    { id: 'calls', points: 15, title: 'calls are answered',
      mistake: 'scause 10 is an ecall of VS mode; sepc is the ecall itself; the answer goes into the frame, where a0 is' },
    { id: 'registers', points: 10, title: 'an exit changes no register',
      mistake: 'each register has its own place in the frame; the guest\'s sp is in sscratch; at the end sscratch has the frame again' },
    { id: 'own', points: 10, title: 'the guest\'s own traps are its own',
      mistake: 'hedeleg and hideleg; what is not in medeleg does not even come to you' },
    { id: 'timer', points: 10, title: 'its clock rings',
      mistake: 'set_timer: stimecmp, VSTIP off, STIE on; when it rings: VSTIP on, STIE off; rdtime needs both counteren' },
    { id: 'memory', points: 10, title: 'its second half comes when it is touched',
      mistake: 'htval has the guest-physical address without its two low bits; table has an entry for each two megabytes; sepc stays' },
    { id: 'lost', points: 5, title: 'a guest that reaches too far is ended',
      mistake: 'only 0x80200000 to 0x803fffff is memory that may come; everything else goes to lost' },
  ],
  variant: (random) => ({ guest: hex(RAM + 2 ** 21 * 2 * random.between(2, 14)), vmid: random.between(1, 120) }),
  worlds: ({ guest, vmid }, random) => worlds({ guest: Number(guest), vmid: Number(vmid) }, random),
};
export default lab;
