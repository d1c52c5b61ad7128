import { beforeEach, describe, expect, it } from 'vitest';
import { Machine } from '../machine.ts';
import type { Hart } from './hart.ts';

const MSECCFG = 0x747;
const PMPCFG0 = 0x3a0;
const PMPADDR0 = 0x3b0;
const TOR = 0x08;
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
    expect([hart.csr(PMPADDR0), hart.csr(PMPADDR0 + 1), hart.csr(PMPCFG0)]).toEqual([0x2000_0000n, 0x2000_0400n, BigInt((TOR | R | L) << 8)]);
  });

  it('does not store the reserved R=0 W=1 without MML, nor NA4', () => {
    rule(W);
    expect(hart.csr(PMPCFG0) & 7n).toBe(0n);
    hart.setCsr(PMPCFG0, 0x10n | 1n);
    expect(hart.csr(PMPCFG0) & 0x18n).toBe(BigInt(NAPOT));
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
