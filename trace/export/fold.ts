/** Messages that repeat are drawn once: a diagram of 32 reads of a disk shows the first and says how often. */
import type { Arrow } from './arrows.ts';

/** `more`: how many times these messages, and those before them back to `of` in all, came again; `until`: the time of the last. */
export interface Repeat { readonly more: number; readonly of: number; readonly until: number }
export interface FoldedArrow extends Arrow { readonly repeat?: Repeat }

/** Messages that a pattern has at most, and how often it must come to be folded. */
const LONGEST = 12, LEAST = 3;

/** Arrows are alike when they have the same ends and the same words, arguments and values aside. */
const keyOf = (a: Arrow): string => `${a.from}\0${a.to}\0${a.reply}\0${a.text.replace(/\(.*|=.*/, '').replace(/\d+/g, '')}`;

export function fold(arrows: readonly Arrow[]): FoldedArrow[] {
  const keys = arrows.map(keyOf), folded: FoldedArrow[] = [];
  for (let i = 0; i < arrows.length; ) {
    let best = { period: 1, times: 1 };
    for (let period = 1; period <= LONGEST; period++) {
      const times = repeats(keys, i, period);
      if (times >= LEAST && times * period > best.times * best.period) best = { period, times };
    }
    const { period, times } = best;
    for (let n = 0; n < period; n++) folded.push(arrows[i + n]!);
    if (times > 1)
      folded[folded.length
        - 1] = { ...arrows[i + period - 1]!, repeat: { more: times - 1, of: period, until: arrows[i + period * times - 1]!.time } };
    i += period * times;
  }
  return folded;
}

function repeats(keys: readonly string[], at: number, period: number): number {
  let times = 1;
  while (at + (times + 1) * period <= keys.length && same(keys, at, at + times * period, period)) times++;
  return times;
}

function same(keys: readonly string[], a: number, b: number, length: number): boolean {
  for (let n = 0; n < length; n++) if (keys[a + n] !== keys[b + n]) return false;
  return true;
}
