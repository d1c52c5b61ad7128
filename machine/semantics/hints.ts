/**
 * Instructions that do nothing here, and may-be-operations, which write zero. Cache-block management is the hart's.
 * @spec unpriv 8, 9, 10, 19
 */
import type { shortMayBe } from '../../hardware/isa/compressed.ts';
import { mayBe, type hints as rows } from '../../hardware/isa/hints.ts';
import type { Meaning, Meanings, Semantics } from './semantics.ts';

/** One meaning for all of them: rows with the same meaning share the engine's operations. */
const nothing: Meaning = () => {};
const zero = (s: Semantics): void => s.rd(s.long(0));

export const hints = {
  pause: nothing,
  'ntl.p1': nothing, 'ntl.pall': nothing, 'ntl.s1': nothing, 'ntl.all': nothing,
  'cbo.zero': (s) => s.zeroBlock(s.x1()),
  'prefetch.i': nothing, 'prefetch.r': nothing, 'prefetch.w': nothing,
  ...Object.fromEntries(mayBe.map((row) => [row.name, zero])),
} satisfies Partial<Meanings<typeof rows>>;

export const shortHints = {
  'c.mop.1': () => {}, 'c.mop.3': () => {}, 'c.mop.5': () => {}, 'c.mop.7': () => {},
  'c.mop.9': () => {}, 'c.mop.11': () => {}, 'c.mop.13': () => {}, 'c.mop.15': () => {},
} satisfies Meanings<typeof shortMayBe>;
