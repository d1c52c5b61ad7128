/** Names of one letter in functions of more than three lines: their number only falls (letters.json). */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { letters, lettersIn } from './letters.ts';
import { ROOT } from './shape.ts';

const file = join(ROOT, 'test/letters.json');

describe('names of one letter', () => {
  it('do not become more', () => {
    const now = letters().length, allowed = JSON.parse(readFileSync(file, 'utf8')) as number;
    if (process.env['UPDATE']) writeFileSync(file, `${Math.min(now, allowed)}\n`);
    expect(now).toBeLessThanOrEqual(allowed);
  });

  it('finds names of one letter in functions of more than three lines, but for indexes, counts and coordinates', () => {
    const body = (names: string): string => `function of(t: number): number {\n  const ${names};\n\n  return t;\n}`;
    expect(lettersIn(body('a = 1, { b, c: d } = x, [e = 2] = y')).map(found => found.name)).toEqual(['t', 'a', 'b', 'd', 'e']);
    expect(lettersIn(body('i = 1, n = 2, text = (s: string) => s')).map(found => found.name)).toEqual(['t']);
    expect(lettersIn('const f = (t: number) => {\n  return t;\n};')).toEqual([]);
  });
});
