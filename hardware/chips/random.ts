/**
 * Randomness of a machine: a seeded generator (xoshiro128**), so that a run is a function of its inputs. Not for secrets: anyone who knows
 * the seed, which is an option, knows every number.
 * Documentation: Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2018.
 */
export class SeededRandom {
  readonly #s = new Uint32Array(4);

  constructor(seed: number) {
    // SplitMix32 spreads the seed over the whole state.
    let state = seed >>> 0;
    for (let i = 0; i < 4; i++) {
      state = (state + 0x9e37_79b9) >>> 0;
      let mixed = state ^ (state >>> 16);
      mixed = Math.imul(mixed, 0x21f0_aaad);
      mixed ^= mixed >>> 15;
      mixed = Math.imul(mixed, 0x735a_2d97);
      this.#s[i] = mixed ^ (mixed >>> 15);
    }
  }

  /** Four words. */
  save(): readonly number[] { return [...this.#s]; }
  load(state: readonly number[]): void { this.#s.set(state.slice(0, 4)); }

  /** The next 32 bits. */
  u32(): number {
    const words = this.#s;
    const result = Math.imul(rotate(Math.imul(words[1], 5), 7), 9) >>> 0;
    const shifted = words[1] << 9;
    words[2] ^= words[0];
    words[3] ^= words[1];
    words[1] ^= words[2];
    words[0] ^= words[3];
    words[2] ^= shifted;
    words[3] = rotate(words[3], 11);
    return result;
  }

  bytes(length: number): Uint8Array {
    return this.fill(new Uint8Array(length));
  }

  fill(into: Uint8Array): Uint8Array {
    for (let i = 0; i < into.length; i += 4) {
      const word = this.u32();
      for (let byte = 0; byte < 4 && i + byte < into.length; byte++) into[i + byte] = word >>> (8 * byte);
    }
    return into;
  }
}

function rotate(x: number, k: number): number {
  return (x << k) | (x >>> (32 - k));
}
