import { describe, expect, it } from 'vitest';
import { callName, calls } from './calls.ts';
import { symbols } from './symbols.ts';

describe('the table of system calls', () => {
  const rows = Object.entries(calls) as [string, readonly [number, string]][];
  it('gives each number one name, in ascending order', () => {
    const numbers = rows.map(([, [nr]]) => nr);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    for (const [name, [nr]] of rows) expect(callName(nr)).toBe(name);
  });
  it('names calls that the server does not have, so that traces can show them', () => {
    expect([callName(63), callName(425), callName(462), callName(244)]).toEqual(['read', 'io_uring_setup', 'mseal', undefined]);
  });
  it('formats at most six arguments per call, by letters or by words of symbols', () => {
    for (const [name, [, args]] of rows) {
      const words = args === '' ? [] : args.split(' ');
      expect(words.length, name).toBeLessThanOrEqual(6);
      for (const text of words) {
        const format = text.split(':')[1];
        if (format !== undefined) expect(/^[xosmbrv]$/.test(format) || format in symbols, `${name} ${text}`).toBe(true);
      }
    }
  });
});
