/** @spec priv 2.1, 3.1.1, 3.1.6, 3.1.19, 4.1, 19.1.1 */
import { describe, expect, it } from 'vitest';
import { Machine } from '../machine.ts';
import { FULL_ISA } from '../../hardware/isa/table.ts';
import type { Hart } from './hart.ts';
import { csrInstruction } from './csr.ts';
import { HS } from '../engine/layout.ts';

const hart = (isa?: string): Hart => new Machine({ memoryBytes: 1 << 20, engine: 'interp', isa }).harts[0];
const [MENVCFG, SENVCFG, MEPC, SEPC, MSTATEEN0, HSTATEEN0, SSTATEEN0] = [0x30a, 0x10a, 0x341, 0x141, 0x30c, 0x60c, 0x10c];
const SE = 1n << 63n;

/** The result of `csrr a0, number` in this mode: undefined, or the exception code. */
function readIn(hart: Hart, number: number, priv: 0 | 1 | 3, virt: boolean): number | undefined {
  hart.setMode(priv, virt);
  hart.setCsr(0x342, 99n);
  csrInstruction(hart, (number << 20) | (2 << 12) | (10 << 7) | 0x73);
  const cause = Number(hart.csr(0x342));
  hart.w[HS.PRIV >> 2] = 3;
  hart.setMode(3, false);
  return cause === 99 ? undefined : cause;
}

describe('registers keep to their legal values', () => {
  it('the reserved CBIE = 2 is not taken, at any level', () => {
    const subject = hart();
    for (const number of [MENVCFG, SENVCFG, 0x60a]) {
      subject.setCsr(number, 0x31n);
      subject.setCsr(number, 0x20n);
      expect(subject.csr(number) & 0x31n).toBe(0x30n);
    }
  });

  it('enables of absent cache-block instructions are not there', () => {
    const subject = hart('rv64imac_zicsr');
    subject.setCsr(MENVCFG, 0xffn);
    expect(subject.csr(MENVCFG)).toBe(1n);
  });

  it('exception addresses are aligned to four bytes where there are no compressed instructions', () => {
    const [with2, with4] = [hart('rv64gc'), hart('rv64g')];
    for (const hart of [with2, with4]) for (const number of [MEPC, SEPC]) hart.setCsr(number, 0x8000_0007n);
    expect([with2.csr(MEPC), with4.csr(MEPC), with4.csr(SEPC)]).toEqual([0x8000_0006n, 0x8000_0004n, 0x8000_0004n]);
  });
});

describe('registers follow what is there', () => {
  const [STCE, STIP, MIP] = [1n << 63n, 0x20n, 0x344];

  it('STIP shows the comparator alone once it is switched on, whatever software wrote before', () => {
    const subject = hart();
    subject.setCsr(MIP, STIP);
    expect(subject.csr(MIP)).toBe(STIP);
    subject.setCsr(MENVCFG, STCE);
    expect(subject.csr(MIP)).toBe(0n);
  });

  it('the floating-point status register and mseccfg come with their extensions', () => {
    const subject = hart('rv64imac_zicsr');
    subject.setCsr(0x300, 0x6000n);
    expect([
      readIn(subject, 0x001, 1, false), readIn(subject, 0x002, 1, false), readIn(subject, 0x003, 1, false), readIn(subject, 0x747, 3, false)
    ]).toEqual([2, 2, 2, 2]);
    expect(readIn(hart(), 0x747, 3, false)).toBe(undefined);
  });

  it('a reset takes away what a comparator was set to, and what was pending', () => {
    const machine = new Machine({ memoryBytes: 1 << 20, engine: 'interp' });
    const hart = machine.harts[0];
    hart.setCsr(MENVCFG, STCE);
    hart.setCsr(0x14d, 0n);
    expect(hart.csr(MIP)).toBe(STIP);
    hart.setCsr(0x14d, 1_000n);
    machine.drive(0, 7, true);
    machine.reset(0x8000_0000);
    expect([hart.csr(MIP), machine.events.next]).toEqual([0n, Infinity]);
  });
});

describe('state enables (Smstateen)', () => {
  it('every register has its SE bit; what the level above withholds reads as zero below', () => {
    const subject = hart();
    for (let n = 0; n < 4; n++) {
      subject.setCsr(HSTATEEN0 + n, SE);
      expect(subject.csr(HSTATEEN0 + n)).toBe(0n);
      subject.setCsr(MSTATEEN0 + n, (1n << 64n) - 1n);
      expect(subject.csr(MSTATEEN0 + n)).toBe(n === 0 ? SE | (1n << 62n) : SE);
      subject.setCsr(HSTATEEN0 + n, SE);
      expect(subject.csr(HSTATEEN0 + n)).toBe(SE);
    }
  });

  it('an access is illegal where M mode withholds it, virtual where HS mode does', () => {
    const subject = hart();
    for (let n = 0; n < 4; n++) {
      expect([readIn(subject, SSTATEEN0 + n, 1, false), readIn(subject, HSTATEEN0 + n, 1, false)]).toEqual([2, 2]);
      subject.setCsr(MSTATEEN0 + n, SE);
      expect([
        readIn(subject, SSTATEEN0 + n, 1, false), readIn(subject, HSTATEEN0 + n, 1, false), readIn(subject, SSTATEEN0 + n, 1, true)
      ]).toEqual([undefined, undefined, 22]);
      subject.setCsr(HSTATEEN0 + n, SE);
      expect(readIn(subject, SSTATEEN0 + n, 1, true)).toBe(undefined);
    }
    expect(readIn(subject, SENVCFG, 1, false)).toBe(2);
  });

  it('without the extension the configuration registers are open', () => {
    expect(readIn(hart(FULL_ISA), SENVCFG, 1, false)).toBe(undefined);
  });
});
