import { expect, it } from 'vitest';
import { rows } from '../../hardware/isa/table.ts';
import { executedByHand } from '../hart/slow.ts';
import { meanings } from './table.ts';

it('every row of the instruction table has a meaning, is executed by hand, or stands for another row', () => {
  const nobody = rows.filter((row, i) => !meanings[i] && !executedByHand(row.name) && !row.expands);
  expect(nobody.map((row) => row.name)).toEqual([]);
});

it('a short form has no meaning of its own', () => {
  expect(rows.filter((row, i) => row.expands && (meanings[i] || executedByHand(row.name))).map((row) => row.name)).toEqual([]);
});

it('what a short form stands for is a row', () => {
  const names = new Set(rows.map((row) => row.name));
  expect(rows.filter((row) => row.expands && !names.has(row.expands.name)).map((row) => row.name)).toEqual([]);
  expect(names.size).toBe(rows.length);
});
