/** @spec priv 3.7.1, 3.7.1.1, 3.7.1.2, 3.7.1.3, 6.2, 6.2.1 */
import { beforeEach, describe, expect, it } from 'vitest';
import { Machine } from '../machine.ts';
import { assemble } from '../../hardware/isa/assemble.ts';
import type { Hart } from './hart.ts';
import { SPLIT } from './pmp.ts';

const MSECCFG = 0x747;
const PMPCFG0 = 0x3a0;
const PMPADDR0 = 0x3b0;
const TOR = 0x08;
const NA4 = 0x10;
const NAPOT = 0x18;
const [R, W, X, L] = [1, 2, 4, 0x80];
/** Page 0x80000 in pmpaddr's words, as a region of one page. */
const ONE_PAGE = (0x8000_0000n >> 2n) | 0x1ffn;
const PAGE = 0x80000;

let hart: Hart;
const rule = (cfg: number): void => {
  hart.setCsr(PMPADDR0, ONE_PAGE);
  hart.setCsr(PMPCFG0, BigInt(cfg | NAPOT));
};
const allowed = (): [number, number] => [hart.pmp.check(PAGE, 3), hart.pmp.check(PAGE, 0)];

describe('physical memory protection', () => {
  beforeEach(() => { hart = new Machine({ memoryBytes: 1 << 20, engine: 'interp' }).harts[0]; });

  it('binds machine mode only where an entry is locked', () => {
    rule(R);
    expect(allowed()).toEqual([7, R]);
    rule(R | L);
    expect(allowed()).toEqual([R, R]);
  });

  it('keeps a locked entry, and the address below a locked top-of-range entry', () => {
    hart.setCsr(PMPADDR0, 0x2000_0000n);
    hart.setCsr(PMPADDR0 + 1, 0x2000_0400n);
    hart.setCsr(PMPCFG0, BigInt((TOR | R | L) << 8));
    hart.setCsr(PMPADDR0, 0n);
    hart.setCsr(PMPADDR0 + 1, 0n);
    hart.setCsr(PMPCFG0, 0n);
    expect([hart.csr(PMPADDR0), hart.csr(PMPADDR0 + 1), hart.csr(PMPCFG0)]).toEqual([
      0x2000_0000n, 0x2000_0400n, BigInt((TOR | R | L) << 8)
    ]);
  });

  it('does not store the reserved R=0 W=1 without MML', () => {
    rule(W);
    expect(hart.csr(PMPCFG0) & 7n).toBe(0n);
  });

  it('has a grain of four bytes: addresses read back as written, NA4 can be chosen', () => {
    hart.setCsr(PMPADDR0, (1n << 54n) - 2n);
    hart.setCsr(PMPCFG0, BigInt(NA4 | R));
    expect([hart.csr(PMPADDR0), hart.csr(PMPCFG0)]).toEqual([(1n << 54n) - 2n, BigInt(NA4 | R)]);
  });

  it('decides by bytes where an entry matches a part of a page; an access that matches in part fails', () => {
    hart.setCsr(PMPADDR0, (0x8000_0000n + 0x100n) >> 2n);
    hart.setCsr(PMPADDR0 + 1, ONE_PAGE);
    hart.setCsr(PMPCFG0, BigInt(NA4 | R | L | ((NAPOT | R | W) << 8)));
    expect([hart.pmp.check(PAGE, 0), hart.pmp.check(PAGE + 1, 0), hart.pmp.check(PAGE + 1, 3)]).toEqual([SPLIT, 0, 7]);
    const at = (offset: number, size: number, priv: number): number => hart.pmp.checkBytes(0x8000_0000 + offset, size, priv);
    expect([at(0xfc, 4, 0), at(0x100, 4, 0), at(0x104, 4, 0), at(0xfc, 8, 0), at(0x100, 8, 3), at(0x102, 1, 3), at(0x104, 8, 3)]).toEqual([R
      | W, R, R | W, 0, 0, R, 7]);
  });

  it('under MML gives a rule to machine mode, to the others, or to both, as its bits say (Smepmp table 1)', () => {
    hart.setCsr(MSECCFG, 0b101n); // MML, and RLB so that any rule can be written
    const table = Array.from({ length: 16 }, (_, n) => {
      rule((n & 7) | (n & 8 ? L : 0));
      return allowed();
    });
    expect(table).toEqual([
      [0, 0], [0, R], [R | W, R], [0, R | W], [0, X], [0, R | X], [R | W, R | W], [0, 7],
      [0, 0], [R, 0], [X, X], [R | W, 0], [X, 0], [R | X, 0], [R | X, X], [R, R],
    ]);
  });

  it('under MML and MMWP lets machine mode do only so much where no rule matches', () => {
    hart.setCsr(MSECCFG, 1n);
    expect(hart.pmp.check(PAGE, 3)).toBe(R | W);
    hart.setCsr(MSECCFG, 2n);
    expect(hart.csr(MSECCFG)).toBe(3n); // MML stays set
    expect(hart.pmp.check(PAGE, 3)).toBe(0);
  });

  it('under MML takes no new rule that lets machine mode execute, unless locks can be bypassed', () => {
    hart.setCsr(MSECCFG, 1n);
    rule(L | X);
    expect(hart.csr(PMPCFG0)).toBe(0n);
    rule(L | R | W | X);
    expect(hart.csr(PMPCFG0)).toBe(BigInt(L | NAPOT | 7));
  });

  it('does not set RLB once an entry is locked', () => {
    rule(L | R);
    hart.setCsr(MSECCFG, 4n);
    expect(hart.csr(MSECCFG)).toBe(0n);
  });
});

/** M mode opens all but what `rules` says, and goes to U mode at `user`; a trap leaves mcause, mtval, mepc in a0, a1, a2 and stops. */
const program = (rules: string, user: string): string => `
  la t0, trap; csrw mtvec, t0
  ${rules}
  li t0, 0x1800; csrc mstatus, t0; la t0, user; csrw mepc, t0; mret
trap: csrr a0, mcause; csrr a1, mtval; csrr a2, mepc
stop: wfi; j stop
  .align 12
user: ${user}
  .align 12
data: .zero 4096
`;

const OPEN = 'li t0, -1; csrw pmpaddr15, t0; li t0, 0x1f; slli t0, t0, 56; csrw pmpcfg2, t0';

describe.each(['interp', 'jit'] as const)('a page that physical memory protection splits (%s)', (engine) => {
  const run = (rules: string, user: string): { hart: Hart; at: (name: string) => bigint } => {
    const { bytes, symbols } = assemble(program(rules, user), 0x8000_0000);
    const machine = new Machine({ memoryBytes: 1 << 20, engine });
    machine.memory.writable(0x8000_0000, bytes.length).set(bytes);
    machine.reset(0x8000_0000);
    machine.run({ maxCycles: 100_000 });
    return { hart: machine.harts[0], at: (name) => BigInt(symbols.get(name)!) };
  };
  const denied = (what: string, offset: number): string =>
    `la t0, ${what}; addi t0, t0, ${offset}; srli t0, t0, 2; csrw pmpaddr0, t0; li t0, 0x10; csrw pmpcfg0, t0; ${OPEN}`;

  it('lets data through beside four forbidden bytes, and stops an access that touches one of them', () => {
    const { hart, at } = run(denied('data', 64),
      'la s0, data; li t1, 77; sd t1, 56(s0); sw t1, 68(s0); ld a3, 56(s0); lw a4, 68(s0); lw a5, 60(s0); lb a5, 67(s0); ebreak');
    expect([hart.x[10], hart.x[11], hart.x[13], hart.x[14]]).toEqual([5n, at('data') + 67n, 77n, 77n]);
    const wide = run(denied('data', 64), 'la s0, data; sd zero, 64(s0); ebreak');
    expect([wide.hart.x[10], wide.hart.x[11]]).toEqual([7n, wide.at('data') + 64n]);
    const misaligned = run(denied('data', 64), 'la s0, data; ld a3, 59(s0); ebreak');
    expect([misaligned.hart.x[10], misaligned.hart.x[11]]).toEqual([5n, misaligned.at('data') + 59n]);
  });

  it('executes up to the forbidden instruction', () => {
    const { hart, at } = run(denied('end', 0),
      'li a3, 0; li a4, 10; again: addi a3, a3, 1; addi a4, a4, -1; bnez a4, again; .align 2; end: li a3, 99; ebreak');
    expect([hart.x[10], hart.x[11], hart.x[12], hart.x[13]]).toEqual([1n, at('end'), at('end'), 10n]);
  });

  it('names the half of an instruction that may not be fetched', () => {
    const { hart, at } = run(denied('half', 2), 'li a3, 7; .align 2; c.nop; half: .word 0x00100693; ebreak');
    expect([hart.x[10], hart.x[11], hart.x[12]]).toEqual([1n, at('half') + 2n, at('half')]);
  });

  it('an LR/SC loop in it makes progress, and an SC without its LR fails', () => {
    const { hart } = run(denied('end', 0),
      'la s0, data; again: lr.w t0, (s0); addi t0, t0, 5; sc.w t1, t0, (s0); bnez t1, again; lw a3, 0(s0); sc.w a4, t0, (s0); .align 2; '
        + 'end: ebreak');
    expect([hart.x[10], hart.x[13], hart.x[14]]).toEqual([1n, 5n, 1n]);
  });

  it('page table entries in it are read where that is allowed', () => {
    const tables = `la t0, data; li t1, 0x200000cf; sd t1, 16(t0); srli t0, t0, 12; li t1, 8; slli t1, t1, 60; or t0, t0, t1; csrw satp, `
      + `t0; sfence.vma; ${denied('data', 16)}`;
    expect(run(tables, 'ebreak').hart.x[10]).toBe(1n);
    const beside = tables.replace(denied('data', 16), denied('data', 24)).replace('0x200000cf', '0x200000df');
    expect(run(beside, 'ebreak').hart.x[10]).toBe(3n);
  });
});
