import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Arrow } from './arrows.ts';
import { fold } from './fold.ts';

const arrows = (text: string): Arrow[] => [...text].map((c, n) => ({
  sequence: n + 1, time: n * 10, from: 'a', to: 'b', text: c, reply: false
}));
const said = (text: string): string =>
  fold(arrows(text)).map((a) => a.text + (a.repeat ? `[${a.repeat.of}×${a.repeat.more}]` : '')).join('');

describe('folding', () => {
  it('shows a pattern once and says how often it came again', () => {
    expect(['abc', 'aa', 'aaa', 'xabababy', 'abcabcabcd', ''].map(said)).toEqual(['abc', 'aa', 'a[1×2]', 'xab[2×2]y', 'abc[3×2]d', '']);
  });
  it('does not look at arguments and values', () => {
    const list = arrows('rrr').map((a, n) => ({ ...a, text: `call block.read(sector=${n})` }));
    expect(fold(list)).toHaveLength(1);
    expect(fold(list)[0]!.repeat).toEqual({ more: 2, of: 1, until: 20 });
  });
  it('loses no message', () => {
    fc.assert(fc.property(fc.stringMatching(/^[abc]{0,40}$/), (text) => {
      expect(fold(arrows(text)).reduce((sum, a) => sum + 1 + (a.repeat ? a.repeat.more * a.repeat.of : 0), 0)).toBe(text.length);
    }));
  });
});
