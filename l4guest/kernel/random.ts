/** Random bytes from a seed: the same run gives the same bytes. xoshiro128** (Blackman and Vigna), seeded by splitmix. */
export class Random {
  private readonly s = new Uint32Array(4);
  constructor(seed: number) {
    let state = seed >>> 0;
    for (let i = 0; i < 4; i++) {
      state = (state + 0x9e3779b9) >>> 0;
      let x = state;
      x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
      x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
      this.s[i] = x ^ (x >>> 16);
    }
  }
  next(): number {
    const words = this.s, x = Math.imul(words[1]!, 5), result = Math.imul((x << 7) | (x >>> 25), 9) >>> 0, shifted = words[1]! << 9;
    words[2]! ^= words[0]!; words[3]! ^= words[1]!; words[1]! ^= words[2]!; words[0]! ^= words[3]!;
    words[2]! ^= shifted;
    words[3] = (words[3]! << 11) | (words[3]! >>> 21);
    return result;
  }
  bytes(n: number): Uint8Array {
    const words = new Uint32Array((n + 3) >> 2);
    for (let i = 0; i < words.length; i++) words[i] = this.next();
    return new Uint8Array(words.buffer, 0, n);
  }
}
