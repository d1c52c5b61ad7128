/** Folds repeated messages: a diagram of 32 disk reads shows the first and the number. */
import type { Arrow } from './arrows.ts';

/** `more`: further repetitions of the last `of` messages; `until`: the time of the last. */
export interface Repeat { readonly more: number; readonly of: number; readonly until: number }
export interface FoldedArrow extends Arrow { readonly repeat?: Repeat }

/** Longest pattern in messages, and fewest repetitions to fold. */
const LONGEST = 12, LEAST = 3;

/** Two arrows are alike when they have the same ends and the same text apart from arguments and values. */
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

function same(keys: readonly string[], first: number, second: number, length: number): boolean {
  for (let n = 0; n < length; n++) if (keys[first + n] !== keys[second + n]) return false;
  return true;
}
