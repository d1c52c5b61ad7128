/** Between formats, to and from integers, to integral values. @spec unpriv 20.7 @spec unpriv 25 */
import { Flag, infinity, invalid, quantize, round, Round, unpack, zero } from './format.ts';
import type { Format, Status } from './format.ts';

export function convert(from: Format, to: Format, st: Status, bits: bigint): bigint {
  const u = unpack(from, bits);
  if (u.kind === 'nan') return u.signaling ? invalid(to, st) : to.nan;
  if (u.kind === 'infinite') return infinity(to, u.negative);
  return round(to, st, u.negative, u.sig, u.exp);
}

/** Rounds to an integer. NaN and values that do not fit saturate with NV. The result is sign extended from `bits` to 64. */
export function toInteger(f: Format, st: Status, value: bigint, bits: 32 | 64, unsigned: boolean): bigint {
  const u = unpack(f, value);
  const low = unsigned ? 0n : -(1n << BigInt(bits - 1));
  const high = (1n << BigInt(unsigned ? bits : bits - 1)) - 1n;
  const saturate = (negative: boolean): bigint => {
    st.raise(Flag.NV);
    return BigInt.asIntN(bits, negative ? low : high);
  };
  if (u.kind === 'nan') return saturate(false);
  if (u.kind === 'infinite' || u.exp > 64) return saturate(u.negative);
  const [magnitude, inexact] = quantize(st.rm, u.negative, u.sig, -u.exp, false);
  const result = u.negative ? -magnitude : magnitude;
  if (result < low || result > high) return saturate(u.negative);
  if (inexact) st.raise(Flag.NX);
  return BigInt.asIntN(bits, result);
}

/** The low 32 bits of the value truncated, whatever its size: JavaScript's conversion. NV when it does not fit. */
export function toIntegerModular(f: Format, st: Status, value: bigint): bigint {
  const u = unpack(f, value);
  if (u.kind === 'nan' || u.kind === 'infinite') {
    st.raise(Flag.NV);
    return 0n;
  }
  const [magnitude, inexact] = quantize(Round.towardZero, u.negative, u.sig, -u.exp, false);
  const result = u.negative ? -magnitude : magnitude;
  if (result !== BigInt.asIntN(32, result)) st.raise(Flag.NV);
  else if (inexact) st.raise(Flag.NX);
  return BigInt.asIntN(32, result);
}

export function fromInteger(f: Format, st: Status, value: bigint): bigint {
  return round(f, st, value < 0n, value < 0n ? -value : value, 0);
}

/** The nearest integral value in the same format; `exact`: raise NX when it differs. */
export function toIntegral(f: Format, st: Status, bits: bigint, exact: boolean): bigint {
  const u = unpack(f, bits);
  if (u.kind === 'nan') return u.signaling ? invalid(f, st) : f.nan;
  if (u.kind !== 'finite' || u.exp >= 0) return bits;
  const [magnitude, inexact] = quantize(st.rm, u.negative, u.sig, -u.exp, false);
  if (inexact && exact) st.raise(Flag.NX);
  return magnitude === 0n ? zero(f, u.negative) : round(f, st, u.negative, magnitude, 0);
}
