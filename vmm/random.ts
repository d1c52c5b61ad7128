/**
 * Randomness for a VM: the seed in its device tree, and its entropy device. It is seeded, so that a run is a function of its inputs.
 * xoshiro128**: Blackman, Vigna: Scrambled linear pseudorandom number generators (2018).
 */
export class Random {
  readonly #state = new Uint32Array(4);

  constructor(seed: number) {
    // splitmix32 spreads a small seed over the state.
    let z = seed >>> 0;
    for (let i = 0; i < 4; i++) {
      z = (z + 0x9e37_79b9) >>> 0;
      let x = Math.imul(z ^ (z >>> 16), 0x21f0_aaad);
      x = Math.imul(x ^ (x >>> 15), 0x735a_2d97);
      this.#state[i] = x ^ (x >>> 15);
    }
  }

  u32(): number {
    const s = this.#state, t = s[1] << 9, result = Math.imul(rotate(Math.imul(s[1], 5), 7), 9) >>> 0;
    s[2] ^= s[0]; s[3] ^= s[1]; s[1] ^= s[2]; s[0] ^= s[3]; s[2] ^= t;
    s[3] = rotate(s[3], 11);
    return result;
  }

  bytes(length: number): Uint8Array {
    const out = new Uint8Array(length);
    for (let i = 0, word = 0; i < length; i++, word >>>= 8) {
      if (i % 4 === 0) word = this.u32();
      out[i] = word & 255;
    }
    return out;
  }
}

const rotate = (x: number, n: number): number => (x << n) | (x >>> (32 - n));
