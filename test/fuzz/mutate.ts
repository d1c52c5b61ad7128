/** Mutates inputs as fuzzers do, from one seed, so that a finding is reproducible. */

export class Rng {
  private state: number;
  constructor(seed: number) { this.state = (seed ^ 0x9e37_79b9) >>> 0 || 1; }
  /** 0 … 2^32 - 1 (xorshift). */
  next(): number {
    let x = this.state;
    x ^= x << 13; x ^= x >>> 17; x ^= x << 5;
    return (this.state = x >>> 0);
  }
  below(n: number): number { return n <= 0 ? 0 : this.next() % n; }
  pick<T>(list: readonly T[]): T { return list[this.below(list.length)]!; }
}

/** Numbers that often break readers, by their width in bytes. */
const EDGES: Readonly<Record<number, readonly bigint[]>> = {
  1: [0n, 1n, 0x7fn, 0x80n, 0xffn], 2: [0n, 1n, 0x7fffn, 0x8000n, 0xffffn],
  4: [0n, 1n, 0x1000n, 0x7fff_ffffn, 0x8000_0000n, 0xffff_fff0n, 0xffff_ffffn],
  8: [0n, 1n, 1n << 31n, 1n << 32n, (1n << 53n) - 1n, 1n << 53n, 1n << 63n, (1n << 64n) - 8n, (1n << 64n) - 1n],
};
/** Words of valid texts, and words that no text should contain. */
const WORDS = [
  '__proto__', 'constructor', 'toString', '-1', '-512', '1e999', 'NaN', '99999999999999999999', '0x', '%s', '\0', '\n', '\x1b[31m', '../',
  '//', '{', '}', '[[', '"', "'", 'null', '💥', '\xff\xfe'
];

const MOST = 1 << 20;

type Change = (rng: Rng, bytes: Uint8Array, others: readonly Uint8Array[]) => Uint8Array;

const replaced = (bytes: Uint8Array, at: number, gone: number, put: Uint8Array): Uint8Array =>
  new Uint8Array(Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + gone)])).slice(0, MOST);

const changes: readonly Change[] = [
  (rng, b) => { const out = b.slice(), at = rng.below(b.length); out[at] = (out[at] ?? 0) ^ (1 << rng.below(8)); return out; },
  (rng, b) => { const out = b.slice(); out[rng.below(b.length)] = rng.next(); return out; },
  (rng, bytes) => {
    const out = bytes.slice(), width = rng.pick([1, 2, 4, 8]), value = rng.pick(EDGES[width]!), at = rng.below(bytes.length - width + 1),
      big = rng.below(2) === 0;
    for (let i = 0; i < width && at + i < out.length; i++) out[at + i] = Number((value >> BigInt(8 * (big ? width - 1 - i : i))) & 0xffn);
    return out;
  },
  (rng, b) => b.slice(0, rng.below(b.length + 1)),
  (rng, bytes) => {
    const at = rng.below(bytes.length), n = 1 + rng.below(Math.min(64, bytes.length - at));
    return replaced(bytes, at, n, new Uint8Array(0));
  },
  (rng, bytes) => {
    const at = rng.below(bytes.length), n = 1 + rng.below(Math.min(512, bytes.length - at));
    return replaced(bytes, rng.below(bytes.length), 0, bytes.slice(at, at + n));
  },
  (rng, b) => replaced(b, rng.below(b.length + 1), rng.below(2) * rng.below(8), new TextEncoder().encode(rng.pick(WORDS))),
  (rng, bytes, others) => {
    const other = others.length > 0 ? rng.pick(others) : bytes, at = rng.below(bytes.length), from = rng.below(other.length),
      n = rng.below(Math.min(256, other.length - from));
    return replaced(bytes, at, n, other.slice(from, from + n));
  },
  (rng, bytes) => {
    const out = bytes.slice(), at = rng.below(bytes.length);
    out.fill(rng.pick([0, 0x20, 0x30, 0x7f, 0xff]), at, at + 1 + rng.below(32));
    return out;
  },
];

/** An input near one of the corpus. */
export function mutant(rng: Rng, corpus: readonly Uint8Array[]): Uint8Array {
  let bytes: Uint8Array = new Uint8Array(rng.pick(corpus));
  for (let n = 1 + rng.below(4); n > 0; n--) bytes = bytes.length === 0 ? Uint8Array.of(rng.next()) : rng.pick(changes)(rng, bytes, corpus);
  return bytes;
}
