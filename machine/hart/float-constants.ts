/** The 32 constants of fli, by the number in the rs1 field. @spec unpriv 25.1 */
import { fromInteger } from './softfloat/convert.ts';
import { bitLength, round, Status } from './softfloat/format.ts';
import type { Format } from './softfloat/format.ts';

/** [significand, exponent] of the positive finite ones from number 2 on; 1 is the smallest normal, 30 infinity, 31 NaN. */
const VALUES: readonly (readonly [number, number])[] = [
  [1, -16], [1, -15], [1, -8], [1, -7], [1, -4], [1, -3], [1, -2], [5, -4], [3, -3], [7, -4], [1, -1], [5, -3], [3, -2], [7, -3],
  [1, 0], [5, -2], [3, -1], [7, -2], [1, 1], [5, -1], [3, 0], [1, 2], [1, 3], [1, 4], [1, 7], [1, 8], [1, 15], [1, 16],
];

export function fliConstant(format: Format, number: number): bigint {
  const st = new Status();
  if (number === 0) return fromInteger(format, st, -1n);
  if (number === 1) return 1n << BigInt(format.fraction);
  if (number === 30) return format.infinity;
  if (number === 31) return format.nan;
  const [sig, exp] = VALUES[number - 2];
  const bits = BigInt(sig);
  // 2^16 is out of half precision's range: infinity stands for it.
  return exp + bitLength(bits) - 1 > format.emax ? format.infinity : round(format, st, false, bits, exp);
}
