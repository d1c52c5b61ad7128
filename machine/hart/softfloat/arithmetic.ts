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
function sum(format: Format, st: Status, left: Unpacked, right: Unpacked): bigint {
  const exp = Math.min(left.sig === 0n ? right.exp : left.exp, right.sig === 0n ? left.exp : right.exp);
  const first = left.sig === 0n ? 0n : signed(left) << BigInt(left.exp - exp);
  const second = right.sig === 0n ? 0n : signed(right) << BigInt(right.exp - exp);
  const total = first + second;
  if (total !== 0n) return round(format, st, total < 0n, total < 0n ? -total : total, exp);
  // An exact zero: the common sign of both, otherwise plus except when rounding down.
  return zero(format, left.negative === right.negative ? left.negative : st.rm === Round.down);
}

function addUnpacked(format: Format, st: Status, left: Unpacked, right: Unpacked): bigint {
  const nan = nanOf(format, st, left, right);
  if (nan !== undefined) return nan;
  const opposite = left.negative !== right.negative;
  if (left.kind === 'infinite') return right.kind === 'infinite' && opposite ? invalid(format, st) : infinity(format, left.negative);
  if (right.kind === 'infinite') return infinity(format, right.negative);
  return sum(format, st, left, right);
}

export const add = (f: Format, st: Status, a: bigint, b: bigint): bigint => addUnpacked(f, st, unpack(f, a), unpack(f, b));
export const sub = (f: Format, st: Status, a: bigint, b: bigint): bigint => addUnpacked(f, st, unpack(f, a), unpack(f, b ^ f.signBit));

export function mul(format: Format, st: Status, aBits: bigint, bBits: bigint): bigint {
  const left = unpack(format, aBits);
  const right = unpack(format, bBits);
  const nan = nanOf(format, st, left, right);
  if (nan !== undefined) return nan;
  const negative = left.negative !== right.negative;
  if (left.kind === 'infinite' || right.kind === 'infinite')
    return left.kind === 'zero' || right.kind === 'zero' ? invalid(format, st) : infinity(format, negative);
  return round(format, st, negative, left.sig * right.sig, left.exp + right.exp);
}

export function div(format: Format, st: Status, aBits: bigint, bBits: bigint): bigint {
  const left = unpack(format, aBits);
  const right = unpack(format, bBits);
  const nan = nanOf(format, st, left, right);
  if (nan !== undefined) return nan;
  const negative = left.negative !== right.negative;
  if (left.kind === 'infinite') return right.kind === 'infinite' ? invalid(format, st) : infinity(format, negative);
  if (right.kind === 'infinite') return zero(format, negative);
  if (right.kind === 'zero') {
    if (left.kind === 'zero') return invalid(format, st);
    st.raise(Flag.DZ);
    return infinity(format, negative);
  }
  // Enough quotient bits that the remainder matters only as "not zero".
  const shift = Math.max(0, format.fraction + 4 + bitLength(right.sig) - (left.sig === 0n ? 0 : bitLength(left.sig)));
  const numerator = left.sig << BigInt(shift);
  const quotient = numerator / right.sig;
  return round(format, st, negative, quotient, left.exp - right.exp - shift, quotient * right.sig !== numerator);
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
  const left = unpack(format, aBits);
  const right = unpack(format, bBits);
  const addend = unpack(format, cBits);
  const isInfinite = left.kind === 'infinite' || right.kind === 'infinite';
  if (isInfinite && (left.kind === 'zero' || right.kind === 'zero')) return invalid(format, st);
  const nan = nanOf(format, st, left, right, addend);
  if (nan !== undefined) return nan;
  const negative = left.negative !== right.negative;
  const product: Unpacked = {
    kind: isInfinite ? 'infinite' : left.kind === 'zero' || right.kind === 'zero' ? 'zero' : 'finite',
    negative, exp: left.exp + right.exp, sig: left.sig * right.sig, signaling: false
  };
  return addUnpacked(format, st, product, addend);
}
