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
  const m = Math.abs(x);
  return m < LARGE && (m > SMALL || m === 0);
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
export function fusedDouble(a: number, b: number, c: number): number {
  if (!usable(a) || !usable(b) || !usable(c)) return NaN;
  const product = a * b;
  if (product === 0 || c === 0 || !usable(product)) return NaN;
  const ah = a * SPLIT - (a * SPLIT - a);
  const bh = b * SPLIT - (b * SPLIT - b);
  const al = a - ah;
  const bl = b - bh;
  const low = al * bl - (product - ah * bh - al * bh - ah * bl);
  const t = c + low;
  const tz = t - c;
  const tl = c - (t - tz) + (low - tz);
  const v = product + t;
  const vz = v - product;
  const vl = product - (v - vz) + (t - vz);
  const z = tl + vl;
  const zz = z - tl;
  const error = tl - (z - zz) + (vl - zz);
  const odd = toOdd(z, error);
  const result = v + odd;
  if (!usable(result) || result === 0) return NaN;
  const rz = result - v;
  inexact = error !== 0 || v - (result - rz) + (odd - rz) !== 0;
  return result;
}

/** a * b + c in single precision (operands are singles); NaN means: use the exact software instead. */
export function fusedSingle(a: number, b: number, c: number): number {
  const product = a * b; // exact
  const s = product + c;
  const z = s - product;
  const error = product - (s - z) + (c - z);
  const odd = toOdd(s, error);
  const result = Math.fround(odd);
  const m = Math.abs(result);
  if (!(m > SINGLE_SMALL && m < SINGLE_LARGE)) return NaN;
  inexact = error !== 0 || result !== odd;
  return result;
}
