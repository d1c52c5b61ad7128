/** Comparisons, minimum and maximum, classes. @spec unpriv 20.8 @spec unpriv 20.9 */
import { Flag, unpack } from './format.ts';
import type { Format, Status } from './format.ts';

export type Relation = 'eq' | 'lt' | 'le';

/** The order of the numbers as an integer order of their patterns (both zeros are 0). */
function order(format: Format, bits: bigint): bigint {
  const magnitude = bits & (format.signBit - 1n);
  return (bits & format.signBit) !== 0n ? -magnitude : magnitude;
}

/** `quiet`: only signaling NaNs are invalid (feq always is quiet). */
export function compare(format: Format, st: Status, how: Relation, left: bigint, right: bigint, quiet = false): boolean {
  const [ua, ub] = [unpack(format, left), unpack(format, right)];
  if (ua.kind === 'nan' || ub.kind === 'nan') {
    if (ua.signaling || ub.signaling || (how !== 'eq' && !quiet)) st.raise(Flag.NV);
    return false;
  }
  const difference = order(format, left) - order(format, right);
  if (how === 'eq') return difference === 0n;
  return how === 'lt' ? difference < 0n : difference <= 0n;
}

/** minimumNumber and maximumNumber (a NaN loses); with `propagate`, minimum and maximum (a NaN wins). -0 is less than +0. */
export function select(format: Format, st: Status, left: bigint, right: bigint, maximum: boolean, propagate: boolean): bigint {
  const [ua, ub] = [unpack(format, left), unpack(format, right)];
  if (ua.signaling || ub.signaling) st.raise(Flag.NV);
  const [na, nb] = [ua.kind === 'nan', ub.kind === 'nan'];
  if (na || nb) {
    if (propagate || (na && nb)) return format.nan;
    return na ? right : left;
  }
  const difference = order(format, left) - order(format, right);
  const isLess = difference !== 0n ? difference < 0n : (left & format.signBit) !== 0n;
  return isLess !== maximum ? left : right;
}

/** The ten classes of fclass, as a bit. */
export function classify(format: Format, bits: bigint): number {
  const unpacked = unpack(format, bits);
  if (unpacked.kind === 'nan') return unpacked.signaling ? 1 << 8 : 1 << 9;
  const isNormal = unpacked.sig >> BigInt(format.fraction) !== 0n;
  const magnitude = unpacked.kind === 'infinite' ? 0 : unpacked.kind === 'zero' ? 3 : isNormal ? 1 : 2;
  return unpacked.negative ? 1 << magnitude : 1 << (7 - magnitude);
}
