import { describe, expect, it } from 'vitest';
import { callChain } from './chain.ts';
import { FunctionNames } from './names.ts';

const names = new FunctionNames();
names.add([['leaf', 0x1000], ['middle', 0x2000], ['outer', 0x3000], ['handle_exception', 0x4000], ['user', 0x5000], ['end', 0x6000]]);
const reader = (words: Record<number, number>) => (va: bigint): bigint | undefined =>
  (words[Number(va)] === undefined ? undefined : BigInt(words[Number(va)]!));
const pcs = (words: Record<number, number>, r: { pc: number; ra: number; sp: number; fp: number }): string[] =>
  callChain(reader(words), { pc: BigInt(r.pc), ra: BigInt(r.ra), sp: BigInt(r.sp), fp: BigInt(r.fp) },
    names).map((f) => `0x${f.pc.toString(16)}${f.trap ? ` trap ${f.trap.cause}` : ''}`);

describe('a chain of calls', () => {
  it('follows frames that hold return address and caller', () => {
    expect(pcs({ 0x9018: 0x2010, 0x9010: 0x9040, 0x9038: 0x3010, 0x9030: 0 },
      { pc: 0x1004, ra: 0x2010, sp: 0x9000, fp: 0x9020 })).toEqual(['0x1004', '0x2010', '0x3010']);
  });
  it('a function that calls nobody has its return address in the register', () => {
    expect(pcs({ 0x9018: 0x9040, 0x9038: 0x3010, 0x9030: 0 }, { pc: 0x1004, ra: 0x2010, sp: 0x9000, fp: 0x9020 })).toEqual(['0x1004',
      '0x2010', '0x3010']);
  });
  it('where s0 is still the caller\'s, the caller is in the register', () => {
    expect(pcs({ 0x9038: 0x3010, 0x9030: 0 }, { pc: 0x1000, ra: 0x2010, sp: 0x9020, fp: 0x9040 })).toEqual(['0x1000', '0x2010', '0x3010']);
  });
  it('goes through what Linux saves at a trap', () => {
    const saved = { 0x9020: 0x5008, 0x9028: 0, 0x9030: 0x8000, 0x9060: 0, [0x9020 + 264]: 0x38, [0x9020 + 272]: 13 };
    expect(pcs({ 0x9018: 0x4100, 0x9010: 0, ...saved }, { pc: 0x1004, ra: 0x1000, sp: 0x9000, fp: 0x9020 })).toEqual(['0x1004',
      '0x4100 trap 13', '0x5008']);
  });
  it.each([
    ['leads down', { 0x9018: 0x2010, 0x9010: 0x8000 }, { fp: 0x9020 }],
      ['leads far away', { 0x9018: 0x2010, 0x9010: 0x90_0000 }, { fp: 0x9020 }],
    ['leads to itself', { 0x9018: 0x2010, 0x9010: 0x9020 }, { fp: 0x9020 }],
  ])('ends where a frame %s', (_how, words, { fp }) => { expect(pcs(words, { pc: 0x1004, ra: 0x1000, sp: 0x9000, fp })).toEqual(['0x1004',
    '0x2010']); });
  it.each([[0], [0x9021], [0x8ff8]])('a register that is no frame pointer (%i) leads nowhere',
    (fp) => { expect(pcs({}, { pc: 0x1004, ra: 0x1000, sp: 0x9000, fp })).toEqual(['0x1004']); });
});
