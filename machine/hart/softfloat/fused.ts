/**
 * Fused multiply-add with the host's doubles, exactly rounded to nearest even, for operands and results well inside the
 * normal range: error-free transformations, and one intermediate sum rounded to odd, which makes the last rounding
 * exact (Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums", 2008).
 */
const SPLIT = 2 ** 27 + 1;
const LARGE = 2 ** 500;
const SMALL = 2 ** -450;
/** Below this a single result may be subnormal. */
const SINGLE_SMALL = 2 ** -125;
const SINGLE_LARGE = 2 ** 127;

const scratch = new Float64Array(1);
const words = new Int32Array(scratch.buffer);

/** Did the last result differ from the exact value? */
export let inexact = false;

const usable = (x: number): boolean => {
  const magnitude = Math.abs(x);
  return magnitude < LARGE && (magnitude > SMALL || magnitude === 0);
};

/** The sum rounded to odd: truncated, with the last bit set when anything was lost. `error` is what rounding to nearest lost. */
function toOdd(sum: number, error: number): number {
  if (error === 0) return sum;
  scratch[0] = sum;
  if ((words[0] & 1) !== 0) return sum;
  // One step towards the exact value: away from zero when the error has the sum's sign.
  const up = error > 0 === sum > 0;
  if (up) {
    words[0]++;
    return scratch[0];
  }
  if (words[0] === 0) words[1]--;
  words[0]--;
  return scratch[0];
}

/** a * b + c in double precision; NaN means: use the exact software instead. */
export function fusedDouble(left: number, right: number, addend: number): number {
  if (!usable(left) || !usable(right) || !usable(addend)) return NaN;
  const product = left * right;
  if (product === 0 || addend === 0 || !usable(product)) return NaN;
  const ah = left * SPLIT - (left * SPLIT - left);
  const bh = right * SPLIT - (right * SPLIT - right);
  const al = left - ah;
  const bl = right - bh;
  const low = al * bl - (product - ah * bh - al * bh - ah * bl);
  const shifted = addend + low;
  const tz = shifted - addend;
  const tl = addend - (shifted - tz) + (low - tz);
  const rounded = product + shifted;
  const vz = rounded - product;
  const vl = product - (rounded - vz) + (shifted - vz);
  const lost = tl + vl;
  const zz = lost - tl;
  const error = tl - (lost - zz) + (vl - zz);
  const odd = toOdd(lost, error);
  const result = rounded + odd;
  if (!usable(result) || result === 0) return NaN;
  const rz = result - rounded;
  inexact = error !== 0 || rounded - (result - rz) + (odd - rz) !== 0;
  return result;
}

/** a * b + c in single precision (operands are singles); NaN means: use the exact software instead. */
export function fusedSingle(left: number, right: number, addend: number): number {
  const product = left * right; // exact
  const sum = product + addend;
  const added = sum - product;
  const error = product - (sum - added) + (addend - added);
  const odd = toOdd(sum, error);
  const result = Math.fround(odd);
  const magnitude = Math.abs(result);
  if (!(magnitude > SINGLE_SMALL && magnitude < SINGLE_LARGE)) return NaN;
  inexact = error !== 0 || result !== odd;
  return result;
}
