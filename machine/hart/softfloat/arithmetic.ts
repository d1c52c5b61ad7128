/** Sum, product, quotient, square root and fused multiply-add, exact and then rounded once. @spec unpriv 20.6 */
import { bitLength, Flag, infinity, invalid, Round, round, unpack, zero } from './format.ts';
import type { Format, Status, Unpacked } from './format.ts';

/** The result when an operand is a NaN, else undefined. */
function nanOf(format: Format, st: Status, ...operands: Unpacked[]): bigint | undefined {
  if (!operands.some((o) => o.kind === 'nan')) return undefined;
  if (operands.some((o) => o.signaling)) st.raise(Flag.NV);
  return format.nan;
}

const signed = (u: Unpacked): bigint => (u.negative ? -u.sig : u.sig);

/** Exact sum of two finite terms, rounded. Zero terms have sig 0. */
function sum(format: Format, st: Status, a: Unpacked, b: Unpacked): bigint {
  const exp = Math.min(a.sig === 0n ? b.exp : a.exp, b.sig === 0n ? a.exp : b.exp);
  const left = a.sig === 0n ? 0n : signed(a) << BigInt(a.exp - exp);
  const right = b.sig === 0n ? 0n : signed(b) << BigInt(b.exp - exp);
  const total = left + right;
  if (total !== 0n) return round(format, st, total < 0n, total < 0n ? -total : total, exp);
  // An exact zero: the common sign of both, otherwise plus except when rounding down.
  return zero(format, a.negative === b.negative ? a.negative : st.rm === Round.down);
}

function addUnpacked(format: Format, st: Status, a: Unpacked, b: Unpacked): bigint {
  const nan = nanOf(format, st, a, b);
  if (nan !== undefined) return nan;
  if (a.kind === 'infinite') return b.kind === 'infinite' && a.negative !== b.negative ? invalid(format, st) : infinity(format, a.negative);
  if (b.kind === 'infinite') return infinity(format, b.negative);
  return sum(format, st, a, b);
}

export const add = (f: Format, st: Status, a: bigint, b: bigint): bigint => addUnpacked(f, st, unpack(f, a), unpack(f, b));
export const sub = (f: Format, st: Status, a: bigint, b: bigint): bigint => addUnpacked(f, st, unpack(f, a), unpack(f, b ^ f.signBit));

export function mul(format: Format, st: Status, aBits: bigint, bBits: bigint): bigint {
  const unpacked = unpack(format, aBits);
  const b = unpack(format, bBits);
  const nan = nanOf(format, st, unpacked, b);
  if (nan !== undefined) return nan;
  const negative = unpacked.negative !== b.negative;
  if (unpacked.kind === 'infinite' || b.kind === 'infinite')
    return unpacked.kind === 'zero' || b.kind === 'zero' ? invalid(format, st) : infinity(format, negative);
  return round(format, st, negative, unpacked.sig * b.sig, unpacked.exp + b.exp);
}

export function div(format: Format, st: Status, aBits: bigint, bBits: bigint): bigint {
  const unpacked = unpack(format, aBits);
  const b = unpack(format, bBits);
  const nan = nanOf(format, st, unpacked, b);
  if (nan !== undefined) return nan;
  const negative = unpacked.negative !== b.negative;
  if (unpacked.kind === 'infinite') return b.kind === 'infinite' ? invalid(format, st) : infinity(format, negative);
  if (b.kind === 'infinite') return zero(format, negative);
  if (b.kind === 'zero') {
    if (unpacked.kind === 'zero') return invalid(format, st);
    st.raise(Flag.DZ);
    return infinity(format, negative);
  }
  // Enough quotient bits that the remainder matters only as "not zero".
  const shift = Math.max(0, format.fraction + 4 + bitLength(b.sig) - (unpacked.sig === 0n ? 0 : bitLength(unpacked.sig)));
  const numerator = unpacked.sig << BigInt(shift);
  const quotient = numerator / b.sig;
  return round(format, st, negative, quotient, unpacked.exp - b.exp - shift, quotient * b.sig !== numerator);
}

export function sqrt(format: Format, st: Status, aBits: bigint): bigint {
  const unpacked = unpack(format, aBits);
  const nan = nanOf(format, st, unpacked);
  if (nan !== undefined) return nan;
  if (unpacked.kind === 'zero') return aBits;
  if (unpacked.negative) return invalid(format, st);
  if (unpacked.kind === 'infinite') return format.infinity;
  let shift = Math.max(0, 2 * (format.fraction + 4) - bitLength(unpacked.sig));
  if ((unpacked.exp - shift) % 2 !== 0) shift++;
  const radicand = unpacked.sig << BigInt(shift);
  const root = integerRoot(radicand);
  return round(format, st, false, root, (unpacked.exp - shift) / 2, root * root !== radicand);
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
export function fma(format: Format, st: Status, aBits: bigint, bBits: bigint, cBits: bigint): bigint {
  const unpacked = unpack(format, aBits);
  const b = unpack(format, bBits);
  const c = unpack(format, cBits);
  const isInfinite = unpacked.kind === 'infinite' || b.kind === 'infinite';
  if (isInfinite && (unpacked.kind === 'zero' || b.kind === 'zero')) return invalid(format, st);
  const nan = nanOf(format, st, unpacked, b, c);
  if (nan !== undefined) return nan;
  const negative = unpacked.negative !== b.negative;
  const product: Unpacked = {
    kind: isInfinite ? 'infinite' : unpacked.kind === 'zero' || b.kind === 'zero' ? 'zero' : 'finite', negative, exp: unpacked.exp + b.exp,
    sig: unpacked.sig * b.sig, signaling: false
  };
  return addUnpacked(format, st, product, c);
}
