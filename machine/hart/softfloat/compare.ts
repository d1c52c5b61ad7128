/** Comparisons, minimum and maximum, classes. @spec unpriv 20.8 @spec unpriv 20.9 */
import { Flag, unpack } from './format.ts';
import type { Format, Status } from './format.ts';

export type Relation = 'eq' | 'lt' | 'le';

/** The order of the numbers as an integer order of their patterns (both zeros are 0). */
function order(f: Format, bits: bigint): bigint {
  const magnitude = bits & (f.signBit - 1n);
  return (bits & f.signBit) !== 0n ? -magnitude : magnitude;
}

/** `quiet`: only signaling NaNs are invalid (feq always is quiet). */
export function compare(f: Format, st: Status, how: Relation, a: bigint, b: bigint, quiet = false): boolean {
  const [ua, ub] = [unpack(f, a), unpack(f, b)];
  if (ua.kind === 'nan' || ub.kind === 'nan') {
    if (ua.signaling || ub.signaling || (how !== 'eq' && !quiet)) st.raise(Flag.NV);
    return false;
  }
  const difference = order(f, a) - order(f, b);
  if (how === 'eq') return difference === 0n;
  return how === 'lt' ? difference < 0n : difference <= 0n;
}

/** minimumNumber and maximumNumber (a NaN loses); with `propagate`, minimum and maximum (a NaN wins). -0 is less than +0. */
export function select(f: Format, st: Status, a: bigint, b: bigint, maximum: boolean, propagate: boolean): bigint {
  const [ua, ub] = [unpack(f, a), unpack(f, b)];
  if (ua.signaling || ub.signaling) st.raise(Flag.NV);
  const [na, nb] = [ua.kind === 'nan', ub.kind === 'nan'];
  if (na || nb) {
    if (propagate || (na && nb)) return f.nan;
    return na ? b : a;
  }
  const difference = order(f, a) - order(f, b);
  const isLess = difference !== 0n ? difference < 0n : (a & f.signBit) !== 0n;
  return isLess !== maximum ? a : b;
}

/** The ten classes of fclass, as a bit. */
export function classify(f: Format, bits: bigint): number {
  const u = unpack(f, bits);
  if (u.kind === 'nan') return u.signaling ? 1 << 8 : 1 << 9;
  const isNormal = u.sig >> BigInt(f.fraction) !== 0n;
  const magnitude = u.kind === 'infinite' ? 0 : u.kind === 'zero' ? 3 : isNormal ? 1 : 2;
  return u.negative ? 1 << magnitude : 1 << (7 - magnitude);
}
