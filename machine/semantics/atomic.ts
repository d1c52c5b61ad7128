/** A: load-reserved, store-conditional, read-modify-write; Zacas. Zawrs is the hart's (machine/hart/system.ts). @spec unpriv 13, 14, 15 */
import type { atomic as rows } from '../../hardware/isa/atomic.ts';
import type { I64 } from './operators.ts';
import type { Meaning, Meanings, Semantics } from './semantics.ts';

type Change = (s: Semantics, old: () => I64, by: () => I64) => I64;
type Size = 'w' | 'd';

/** The second operand as the operation sees it: a word operation compares sign-extended (or unsigned) words. */
const operand = (s: Semantics, size: Size): (() => I64) => s.keep(size === 'w' ? s.sext(s.w2()) : s.x2());

const amo = (size: Size, change: Change): Meaning => (semantics) => {
  const by = operand(semantics, size);
  semantics.rd(semantics.modify(size, semantics.x1(), (old) => change(semantics, old, by)));
};

/** Unsigned comparison of sign-extended words orders them as unsigned words. */
const pick = (compare: 'ltS' | 'gtS' | 'ltU' | 'gtU'): Change => (s, old, by) => s.select(old(), by(), s[compare](old(), by()));

const swap: Change = (_s, _old, by) => by();
const add: Change = (s, old, by) => s.add(old(), by());
const xor: Change = (s, old, by) => s.xor(old(), by());
const and: Change = (s, old, by) => s.and(old(), by());
const or: Change = (s, old, by) => s.or(old(), by());

export const atomic = {
  'lr.w': (s) => s.rd(s.loadReserved('w', s.x1())),
  'lr.d': (s) => s.rd(s.loadReserved('d', s.x1())),
  'sc.w': (s) => s.rd(s.storeConditional('w', s.x1(), s.x2())),
  'sc.d': (s) => s.rd(s.storeConditional('d', s.x1(), s.x2())),
  'amoswap.w': amo('w', swap), 'amoswap.d': amo('d', swap),
  'amoadd.w': amo('w', add), 'amoadd.d': amo('d', add),
  'amoxor.w': amo('w', xor), 'amoxor.d': amo('d', xor),
  'amoand.w': amo('w', and), 'amoand.d': amo('d', and),
  'amoor.w': amo('w', or), 'amoor.d': amo('d', or),
  'amomin.w': amo('w', pick('ltS')), 'amomin.d': amo('d', pick('ltS')),
  'amomax.w': amo('w', pick('gtS')), 'amomax.d': amo('d', pick('gtS')),
  'amominu.w': amo('w', pick('ltU')), 'amominu.d': amo('d', pick('ltU')),
  'amomaxu.w': amo('w', pick('gtU')), 'amomaxu.d': amo('d', pick('gtU')),
  'amocas.w': (s) => s.compareAndSwap(s.x1()),
  'amocas.d': (s) => s.compareAndSwap(s.x1()),
  'amocas.q': (s) => s.compareAndSwap(s.x1()),
} satisfies Partial<Meanings<typeof rows>>;
