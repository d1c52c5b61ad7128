/**
 * Reads the symbols that a Linux kernel contains (kallsyms) from its memory, because Debian's kernels come without a usable System.map.
 * scripts/kallsyms.c of Linux 6.4 and later writes, each aligned to 8 bytes:
 *
 *   num_syms u32 | names: length, token numbers … | markers u32: offset of every 256th name | token_table: 256 texts
 *   | token_index u16 × 256 | offsets u32 × num_syms | relative_base u64
 *
 * The ten digits, each a token of its own, locate the table of tokens, which is accepted only when its index, the markers and all names
 * agree. The guest may have forged it, so sizes are bounded and the names are only displayed.
 */

const MOST_SYMBOLS = 1_000_000, LONGEST_NAME = 512, TOKENS = 256, DIGIT_0 = 0x30, LONGEST_TOKENS = 4096;
const DIGITS = Uint8Array.from([...'0123456789'].flatMap((d) => [d.charCodeAt(0), 0]));
/** Bounds for failed attempts: places, and names at all of them, because a guest may forge many tables. */
const MOST_TRIES = 256, MOST_NAMES = 4 * MOST_SYMBOLS;
/** Types of symbols that are code: the first letter of each name is its type. */
const CODE = /^[tTwW]/;

/** Functions with their (signed) addresses; undefined: there is no such table in these bytes. */
export function kallsyms(memory: Uint8Array): [string, number][] | undefined {
  const left = { tries: MOST_TRIES, names: MOST_NAMES };
  for (let at = memory.indexOf(DIGIT_0); at >= 0 && at < memory.length - DIGITS.length && left.tries > 0;
    at = memory.indexOf(DIGIT_0, at + 1)) {
    if (!DIGITS.every((b, i) => memory[at + i] === b)) continue;
    left.tries--;
    const found = new Table(memory, at, left).read();
    if (found) return found;
  }
  return undefined;
}

const aligned = (at: number): number => (at + 7) & ~7;

class Table {
  private readonly memory: Uint8Array;
  private readonly view: DataView;
  private readonly digits: number;
  private readonly left: { names: number };

  /** `digits`: where the token '0' is; `left`: how many names may still be read without success. */
  constructor(memory: Uint8Array, digits: number, left: { names: number }) {
    this.left = left;
    this.memory = memory;
    this.view = new DataView(memory.buffer, memory.byteOffset, memory.length);
    this.digits = digits;
  }

  read(): [string, number][] | undefined {
    const start = this.tokenStart(), tokens = start === undefined ? undefined : this.tokens(start);
    if (!tokens) return undefined;
    const names = this.names(start!, tokens.texts);
    return names && this.withAddresses(names, aligned(tokens.index + 2 * TOKENS));
  }

  /** Where token 0 begins: 48 texts before the digit 0. */
  private tokenStart(): number | undefined {
    let at = this.digits - 1;
    for (let texts = 0; texts < DIGIT_0; texts++) {
      do at--; while (at >= 0 && this.memory[at] !== 0 && this.digits - at < LONGEST_TOKENS);
      if (at < 0 || this.digits - at >= LONGEST_TOKENS) return undefined;
    }
    // The table begins at a multiple of 8, and padding before it is zero as well.
    return this.fits(at + 1) ? at + 1 : undefined;
  }
  private fits(start: number): boolean { return start % 8 === 0; }

  private tokens(start: number): { texts: string[]; index: number } | undefined {
    const texts: string[] = [], offsets: number[] = [];
    let at = start;
    for (let i = 0; i < TOKENS; i++) {
      const end = this.memory.indexOf(0, at);
      if (end < 0 || end - start > 65535) return undefined;
      offsets.push(at - start);
      texts.push(String.fromCharCode(...this.memory.subarray(at, end)));
      at = end + 1;
    }
    const index = aligned(at);
    if (index + 2 * TOKENS > this.memory.length) return undefined;
    return offsets.every((o, i) => this.view.getUint16(index + 2 * i, true) === o) ? { texts, index } : undefined;
  }

  /** The markers precede the tokens, the names precede the markers, and the number of names precedes the names. */
  private names(tokenStart: number, tokens: readonly string[]): string[] | undefined {
    let markers = tokenStart - 4;
    if (markers >= 0 && this.view.getUint32(markers, true) === 0) markers -= 4; // padding
    for (let before = Infinity; markers >= 0; markers -= 4) {
      const value = this.view.getUint32(markers, true);
      if (value >= before) return undefined;
      if (value === 0) break;
      before = value;
    }
    const count = Math.floor((tokenStart - markers) / 4), bytes = this.view.getUint32(markers + 4 * (count - 1), true)
      || this.view.getUint32(markers + 4 * (count - 2), true);
    for (let start = aligned(markers - bytes) - 8, tries = 0; start >= 8 && tries < LONGEST_NAME * TOKENS / 8; start -= 8, tries++) {
      const n = this.view.getUint32(start - 8, true);
      if (n <= (count - 2) * TOKENS || n > count * TOKENS || n > MOST_SYMBOLS) continue;
      const names = this.decode(start, n, markers, tokens);
      if (names) return names;
    }
    return undefined;
  }

  private decode(start: number, n: number, markers: number, tokens: readonly string[]): string[] | undefined {
    const names: string[] = [];
    let at = start;
    for (let i = 0; i < n; i++) {
      if (--this.left.names < 0) return undefined;
      if (i % TOKENS === 0 && this.view.getUint32(markers + (i / TOKENS) * 4, true) !== at - start) return undefined;
      let length = this.memory[at++]!;
      if (length & 0x80) length = (length & 0x7f) | (this.memory[at++]! << 7);
      if (length === 0 || length > LONGEST_NAME || at + length > markers) return undefined;
      let name = '';
      for (const end = at + length; at < end; at++) name += tokens[this.memory[at]!]!;
      names.push(name);
    }
    return aligned(at) === markers ? names : undefined;
  }

  private withAddresses(names: readonly string[], offsets: number): [string, number][] | undefined {
    const base = aligned(offsets + 4 * names.length);
    if (base + 8 > this.memory.length) return undefined;
    const from = Number(this.view.getBigInt64(base, true)), out: [string, number][] = [];
    names.forEach((name, i) => { if (CODE.test(name)) out.push([name.slice(1), from + this.view.getUint32(offsets + 4 * i, true)]); });
    return out;
  }
}
