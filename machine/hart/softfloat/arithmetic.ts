/** Sum, product, quotient, square root and fused multiply-add, exact and then rounded once. @spec unpriv 20.6 */
import { bitLength, Flag, infinity, invalid, Round, round, unpack, zero } from './format.ts';
import type { Format, Status, Unpacked } from './format.ts';

/** The result when an operand is a NaN, else undefined. */
function nanOf(f: Format, st: Status, ...operands: Unpacked[]): bigint | undefined {
  if (!operands.some((o) => o.kind === 'nan')) return undefined;
  if (operands.some((o) => o.signaling)) st.raise(Flag.NV);
  return f.nan;
}

const signed = (u: Unpacked): bigint => (u.negative ? -u.sig : u.sig);

/** Exact sum of two finite terms, rounded. Zero terms have sig 0. */
function sum(f: Format, st: Status, a: Unpacked, b: Unpacked): bigint {
  const exp = Math.min(a.sig === 0n ? b.exp : a.exp, b.sig === 0n ? a.exp : b.exp);
  const left = a.sig === 0n ? 0n : signed(a) << BigInt(a.exp - exp);
  const right = b.sig === 0n ? 0n : signed(b) << BigInt(b.exp - exp);
  const total = left + right;
  if (total !== 0n) return round(f, st, total < 0n, total < 0n ? -total : total, exp);
  // An exact zero: the common sign of both, otherwise plus except when rounding down.
  return zero(f, a.negative === b.negative ? a.negative : st.rm === Round.down);
}

function addUnpacked(f: Format, st: Status, a: Unpacked, b: Unpacked): bigint {
  const nan = nanOf(f, st, a, b);
  if (nan !== undefined) return nan;
  if (a.kind === 'infinite') return b.kind === 'infinite' && a.negative !== b.negative ? invalid(f, st) : infinity(f, a.negative);
  if (b.kind === 'infinite') return infinity(f, b.negative);
  return sum(f, st, a, b);
}

export const add = (f: Format, st: Status, a: bigint, b: bigint): bigint => addUnpacked(f, st, unpack(f, a), unpack(f, b));
export const sub = (f: Format, st: Status, a: bigint, b: bigint): bigint => addUnpacked(f, st, unpack(f, a), unpack(f, b ^ f.signBit));

export function mul(f: Format, st: Status, aBits: bigint, bBits: bigint): bigint {
  const a = unpack(f, aBits);
  const b = unpack(f, bBits);
  const nan = nanOf(f, st, a, b);
  if (nan !== undefined) return nan;
  const negative = a.negative !== b.negative;
  if (a.kind === 'infinite' || b.kind === 'infinite')
    return a.kind === 'zero' || b.kind === 'zero' ? invalid(f, st) : infinity(f, negative);
  return round(f, st, negative, a.sig * b.sig, a.exp + b.exp);
}

export function div(f: Format, st: Status, aBits: bigint, bBits: bigint): bigint {
  const a = unpack(f, aBits);
  const b = unpack(f, bBits);
  const nan = nanOf(f, st, a, b);
  if (nan !== undefined) return nan;
  const negative = a.negative !== b.negative;
  if (a.kind === 'infinite') return b.kind === 'infinite' ? invalid(f, st) : infinity(f, negative);
  if (b.kind === 'infinite') return zero(f, negative);
  if (b.kind === 'zero') {
    if (a.kind === 'zero') return invalid(f, st);
    st.raise(Flag.DZ);
    return infinity(f, negative);
  }
  // Enough quotient bits that the remainder matters only as "not zero".
  const shift = Math.max(0, f.fraction + 4 + bitLength(b.sig) - (a.sig === 0n ? 0 : bitLength(a.sig)));
  const numerator = a.sig << BigInt(shift);
  const quotient = numerator / b.sig;
  return round(f, st, negative, quotient, a.exp - b.exp - shift, quotient * b.sig !== numerator);
}

export function sqrt(f: Format, st: Status, aBits: bigint): bigint {
  const a = unpack(f, aBits);
  const nan = nanOf(f, st, a);
  if (nan !== undefined) return nan;
  if (a.kind === 'zero') return aBits;
  if (a.negative) return invalid(f, st);
  if (a.kind === 'infinite') return f.infinity;
  let shift = Math.max(0, 2 * (f.fraction + 4) - bitLength(a.sig));
  if ((a.exp - shift) % 2 !== 0) shift++;
  const radicand = a.sig << BigInt(shift);
  const root = integerRoot(radicand);
  return round(f, st, false, root, (a.exp - shift) / 2, root * root !== radicand);
}

/** The largest integer whose square is at most n (Newton's iteration from above). */
function integerRoot(n: bigint): bigint {
  let x = 1n << BigInt((bitLength(n) + 1) >> 1);
  for (;;) {
    const next = (x + n / x) >> 1n;
    if (next >= x) return x;
    x = next;
  }
}

/** a * b + c with one rounding. Infinity times zero is invalid whatever c is. */
export function fma(f: Format, st: Status, aBits: bigint, bBits: bigint, cBits: bigint): bigint {
  const a = unpack(f, aBits);
  const b = unpack(f, bBits);
  const c = unpack(f, cBits);
  const isInfinite = a.kind === 'infinite' || b.kind === 'infinite';
  if (isInfinite && (a.kind === 'zero' || b.kind === 'zero')) return invalid(f, st);
  const nan = nanOf(f, st, a, b, c);
  if (nan !== undefined) return nan;
  const negative = a.negative !== b.negative;
  const product: Unpacked = {
    kind: isInfinite ? 'infinite' : a.kind === 'zero' || b.kind === 'zero' ? 'zero' : 'finite', negative, exp: a.exp + b.exp,
    sig: a.sig * b.sig, signaling: false
  };
  return addUnpacked(f, st, product, c);
}
