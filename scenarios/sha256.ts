/** SHA-256 and HMAC in 32-bit words, for scenarios: small and slow. FIPS 180-4, RFC 2104. */

const PRIMES = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113,
  127, 131,
  137, 139, 149, 151, 157, 163, 167, 173, 179, 181, 191, 193, 197, 199, 211, 223, 227, 229, 233, 239, 241, 251, 257, 263, 269, 271, 277,
    281,
  283, 293, 307, 311];
const BLOCK = 64;

/** The first 32 bits of the fraction of a root of `n`, exactly: floor(n^(1/k) · 2^32) modulo 2^32. */
function fraction(n: number, k: bigint): number {
  const target = BigInt(n) << (32n * k);
  let low = 0n, high = 1n << 40n;
  while (low < high) {
    const middle = (low + high + 1n) >> 1n;
    if (middle ** k <= target) low = middle; else high = middle - 1n;
  }
  return Number(low & 0xffff_ffffn);
}
const START = PRIMES.slice(0, 8).map((p) => fraction(p, 2n)), ROUND = PRIMES.map((p) => fraction(p, 3n));
const turn = (x: number, n: number): number => (x >>> n) | (x << (32 - n));

/** Eight words of 32 bits. */
export function sha256(message: Uint8Array): number[] {
  const padded = new Uint8Array(Math.ceil((message.length + 9) / BLOCK) * BLOCK), view = new DataView(padded.buffer);
  padded.set(message);
  padded[message.length] = 0x80;
  view.setUint32(padded.length - 4, message.length * 8);
  let hash = START;
  for (let at = 0; at < padded.length; at += BLOCK) hash = compress(hash, view, at);
  return hash.map((h) => h >>> 0);
}
function compress(hash: readonly number[], view: DataView, at: number): number[] {
  const schedule = Array.from({ length: BLOCK }, (_, i) => (i < 16 ? view.getUint32(at + 4 * i) : 0));
  for (let i = 16; i < BLOCK; i++) {
    const early = schedule[i - 15]!, late = schedule[i - 2]!;
    schedule[i] = (schedule[i - 16]! + (turn(early, 7) ^ turn(early, 18) ^ (early >>> 3)) + schedule[i - 7]!
      + (turn(late, 17) ^ turn(late, 19) ^ (late >>> 10))) | 0;
  }
  // The working variables have the names of FIPS 180-4, 6.2.2.
  let [a, b, c, d, e, f, g, h] = hash as [number, number, number, number, number, number, number, number];
  for (let i = 0; i < BLOCK; i++) {
    const one = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + ROUND[i]! + schedule[i]!) | 0;
    const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
  }
  return [a, b, c, d, e, f, g, h].map((x, i) => (x + hash[i]!) | 0);
}

const bytesOf = (words: readonly number[]): Uint8Array => {
  const bytes = new Uint8Array(words.length * 4), view = new DataView(bytes.buffer);
  words.forEach((w, i) => view.setUint32(4 * i, w));
  return bytes;
};
/** The keyed hash of a message; a key of 64 bytes at most. */
export function hmac(key: Uint8Array, message: Uint8Array): number[] {
  const pad = (with_: number): Uint8Array => Uint8Array.from({ length: BLOCK }, (_, i) => (key[i] ?? 0) ^ with_);
  return sha256(Uint8Array.from([...pad(0x5c), ...bytesOf(sha256(Uint8Array.from([...pad(0x36), ...message])))]));
}
export const hex = (words: readonly number[]): string => words.map((w) => (w >>> 0).toString(16).padStart(8, '0')).join('');
