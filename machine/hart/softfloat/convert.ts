/** Between formats, to and from integers, to integral values. @spec unpriv 20.7 @spec unpriv 25 */
import { Flag, infinity, invalid, quantize, round, Round, unpack, zero } from './format.ts';
import type { Format, Status } from './format.ts';

export function convert(from: Format, to: Format, st: Status, bits: bigint): bigint {
  const unpacked = unpack(from, bits);
  if (unpacked.kind === 'nan') return unpacked.signaling ? invalid(to, st) : to.nan;
  if (unpacked.kind === 'infinite') return infinity(to, unpacked.negative);
  return round(to, st, unpacked.negative, unpacked.sig, unpacked.exp);
}

/** Rounds to an integer. NaN and values that do not fit saturate with NV. The result is sign extended from `bits` to 64. */
export function toInteger(format: Format, st: Status, value: bigint, bits: 32 | 64, unsigned: boolean): bigint {
  const unpacked = unpack(format, value);
  const low = unsigned ? 0n : -(1n << BigInt(bits - 1));
  const high = (1n << BigInt(unsigned ? bits : bits - 1)) - 1n;
  const saturate = (negative: boolean): bigint => {
    st.raise(Flag.NV);
    return BigInt.asIntN(bits, negative ? low : high);
  };
  if (unpacked.kind === 'nan') return saturate(false);
  if (unpacked.kind === 'infinite' || unpacked.exp > 64) return saturate(unpacked.negative);
  const [magnitude, inexact] = quantize(st.rm, unpacked.negative, unpacked.sig, -unpacked.exp, false);
  const result = unpacked.negative ? -magnitude : magnitude;
  if (result < low || result > high) return saturate(unpacked.negative);
  if (inexact) st.raise(Flag.NX);
  return BigInt.asIntN(bits, result);
}

/** The low 32 bits of the value truncated, whatever its size: JavaScript's conversion. NV when it does not fit. */
export function toIntegerModular(format: Format, st: Status, value: bigint): bigint {
  const unpacked = unpack(format, value);
  if (unpacked.kind === 'nan' || unpacked.kind === 'infinite') {
    st.raise(Flag.NV);
    return 0n;
  }
  const [magnitude, inexact] = quantize(Round.towardZero, unpacked.negative, unpacked.sig, -unpacked.exp, false);
  const result = unpacked.negative ? -magnitude : magnitude;
  if (result !== BigInt.asIntN(32, result)) st.raise(Flag.NV);
  else if (inexact) st.raise(Flag.NX);
  return BigInt.asIntN(32, result);
}

export function fromInteger(f: Format, st: Status, value: bigint): bigint {
  return round(f, st, value < 0n, value < 0n ? -value : value, 0);
}

/** The nearest integral value in the same format; `exact`: raise NX when it differs. */
export function toIntegral(format: Format, st: Status, bits: bigint, exact: boolean): bigint {
  const unpacked = unpack(format, bits);
  if (unpacked.kind === 'nan') return unpacked.signaling ? invalid(format, st) : format.nan;
  if (unpacked.kind !== 'finite' || unpacked.exp >= 0) return bits;
  const [magnitude, inexact] = quantize(st.rm, unpacked.negative, unpacked.sig, -unpacked.exp, false);
  if (inexact && exact) st.raise(Flag.NX);
  return magnitude === 0n ? zero(format, unpacked.negative) : round(format, st, unpacked.negative, magnitude, 0);
}
