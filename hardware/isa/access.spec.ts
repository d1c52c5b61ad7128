import { expect, it } from 'vitest';
import { accesses } from './access.ts';
import { rows } from './table.ts';

const LOAD = 0x03, LOAD_FP = 0x07, STORE = 0x23, STORE_FP = 0x27, AMO = 0x2f;

/** The access that opcode and width bits of the pattern encode. @spec unpriv 35 */
function byPattern(match: number): object | undefined {
  const f3 = (match >>> 12) & 7;
  switch (match & 0x7f) {
    case LOAD: return { kind: 'load', size: 1 << (f3 & 3), signed: f3 < 4, float: false, guest: false };
    case LOAD_FP: return { kind: 'load', size: 1 << f3, signed: true, float: true, guest: false };
    case STORE: return { kind: 'store', size: 1 << f3, signed: true, float: false, guest: false };
    case STORE_FP: return { kind: 'store', size: 1 << f3, signed: true, float: true, guest: false };
    case AMO: return { kind: 'atomic', size: 1 << f3, signed: true, float: false, guest: false };
    default: return undefined;
  }
}

it('names and patterns agree on what loads, stores and atomics move', () => {
  rows.forEach((row, i) => {
    if (row.pattern.length === 4 && !accesses[i]?.guest) expect(accesses[i], row.name).toEqual(byPattern(row.pattern.match));
  });
  expect(accesses.filter((a) => a !== undefined).length).toBe(55);
});

it('hypervisor loads and stores go through a guest', () => {
  const of = (name: string): unknown => accesses[rows.findIndex((row) => row.name === name)];
  expect(of('hlv.wu')).toEqual({ kind: 'load', size: 4, signed: false, float: false, guest: true });
  expect(of('hlvx.hu')).toEqual({ kind: 'load', size: 2, signed: false, float: false, guest: true });
  expect(of('hsv.d')).toEqual({ kind: 'store', size: 8, signed: true, float: false, guest: true });
});
