/**
 * PLIC: the platform-level interrupt controller, SiFive layout.
 *
 *   offset                 name               title
 *   0x00_0000 + 4 s        priority[s]        of source s: 0 = never, 1 … 7
 *   0x00_1000 + 4 w        pending[w]         read only, 32 sources a word
 *   0x00_2000 + 0x80 c     enable[c][w]       sources that context c wants
 *   0x20_0000 + 0x1000 c   threshold[c]       context c takes priorities above this
 *   0x20_0004 + 0x1000 c   claim/complete[c]  read: take the best pending source; write: complete it
 *
 * Contexts are numbered as on QEMU's board, two per hart: 2 h = M mode of hart h, 2 h + 1 = S mode. Others may follow.
 * State: priorities, levels, pending and in-service bits, enables, thresholds.
 * Features: level-triggered gateways; ties go to the lower source number; registers are words.
 * Missing: edge-triggered gateways (no device here has one).
 * Documentation: RISC-V PLIC specification 1.0.0.
 */
import type { Chip } from './chip.ts';
import type { Line } from './ports.ts';

const MAX_PRIORITY = 7;
const AT = { PENDING: 0x1000, ENABLE: 0x2000, CONTEXT: 0x20_0000 } as const;
const ENABLE_STRIDE = 0x80;
const CONTEXT_STRIDE = 0x1000;

const parts = ['priority', 'level', 'pending', 'inService', 'enable', 'threshold'] as const;
type Part = (typeof parts)[number];
export type PlicState = Readonly<Record<Part, readonly number[]>>;

export class Plic implements Chip<PlicState> {
  readonly name = 'plic';
  readonly size = 0x60_0000;
  /** Sources are 1 … sources-1. */
  readonly sources: number;
  readonly #words: number;
  readonly #contexts: number;
  readonly #output: (context: number, level: boolean) => void;
  readonly #s: Readonly<Record<Exclude<Part, 'priority' | 'threshold'>, Uint32Array> & Record<'priority' | 'threshold', Uint8Array>>;
  /** The level given to `output` last, by context. */
  readonly #told: boolean[];

  /** `sources`: a multiple of 32, source 0 included. `output` is called when a context's interrupt goes up or down. */
  constructor(harts: number, sources: number, output: (context: number, level: boolean) => void, others = 0) {
    this.sources = sources;
    this.#words = sources / 32;
    this.#contexts = 2 * harts + others;
    this.#output = output;
    const bits = (): Uint32Array => new Uint32Array(this.#words);
    this.#s = {
      priority: new Uint8Array(sources), threshold: new Uint8Array(this.#contexts),
      level: bits(), pending: bits(), inService: bits(), enable: new Uint32Array(this.#contexts * this.#words),
    };
    this.#told = Array.from({ length: this.#contexts }, () => false);
  }

  save(): PlicState {
    return Object.fromEntries(parts.map((name) => [name, [...this.#s[name]]])) as unknown as PlicState;
  }

  load(state: PlicState): void {
    for (const name of parts) this.#s[name].set(state[name].slice(0, this.#s[name].length));
    this.#update();
  }

  /** The wire from a device to source `source` (1 … 95). */
  line(source: number): Line {
    return { set: (level) => this.#setLevel(source, level) };
  }

  reset(): void {
    for (const state of [this.#s.priority, this.#s.pending, this.#s.inService, this.#s.enable, this.#s.threshold]) state.fill(0);
    this.#update();
  }

  read(offset: number, size: number): number {
    if (size !== 4) return 0;
    if (offset < AT.PENDING) return this.#s.priority[offset >> 2] ?? 0;
    if (offset < AT.ENABLE) return this.#s.pending[(offset - AT.PENDING) >> 2] ?? 0;
    if (offset < AT.CONTEXT) return this.#s.enable[this.#enableIndex(offset)] ?? 0;
    const context = Math.floor((offset - AT.CONTEXT) / CONTEXT_STRIDE);
    if (context >= this.#contexts) return 0;
    const register = offset & (CONTEXT_STRIDE - 1);
    if (register === 0) return this.#s.threshold[context];
    return register === 4 ? this.#claim(context) : 0;
  }

  write(offset: number, value: number, size: number): void {
    if (size !== 4) return;
    if (offset < AT.PENDING) this.#setPriority(offset >> 2, value);
    else if (offset >= AT.CONTEXT) this.#writeContext(offset - AT.CONTEXT, value);
    else if (offset >= AT.ENABLE) this.#setEnable(this.#enableIndex(offset), value);
    this.#update();
  }

  #setPriority(source: number, value: number): void {
    if (source > 0 && source < this.sources) this.#s.priority[source] = value & MAX_PRIORITY;
  }

  /** Index of the enable word at a bus offset, -1 if there is none. */
  #enableIndex(offset: number): number {
    const context = Math.floor((offset - AT.ENABLE) / ENABLE_STRIDE);
    const word = ((offset - AT.ENABLE) % ENABLE_STRIDE) >> 2;
    return context < this.#contexts && word < this.#words ? context * this.#words + word : -1;
  }

  /** Source 0 does not exist. */
  #setEnable(index: number, value: number): void {
    if (index >= 0) this.#s.enable[index] = index % this.#words === 0 ? value & ~1 : value;
  }

  #writeContext(offset: number, value: number): void {
    const context = Math.floor(offset / CONTEXT_STRIDE);
    if (context >= this.#contexts) return;
    const register = offset & (CONTEXT_STRIDE - 1);
    if (register === 0) this.#s.threshold[context] = value & MAX_PRIORITY;
    if (register === 4) this.#complete(context, value);
  }

  #setLevel(source: number, level: boolean): void {
    const word = source >> 5;
    const bit = 1 << (source & 31);
    if (((this.#s.level[word] & bit) !== 0) === level) return;
    this.#s.level[word] ^= bit;
    if (!level) return;
    this.#gateway(word);
    this.#update();
  }

  /** Sources whose line is high become pending again, unless a context is serving them. @spec plic 5 */
  #gateway(word: number): void {
    this.#s.pending[word] |= this.#s.level[word] & ~this.#s.inService[word];
  }

  #claim(context: number): number {
    const source = this.#best(context, 0);
    if (source === 0) return 0;
    this.#s.pending[source >> 5] &= ~(1 << (source & 31));
    this.#s.inService[source >> 5] |= 1 << (source & 31);
    this.#update();
    return source;
  }

  /** A completion of a source that the context has not enabled is ignored. @spec plic 9 */
  #complete(context: number, source: number): void {
    const word = source >> 5;
    if (source >= this.sources || (this.#s.enable[context * this.#words + word] & (1 << (source & 31))) === 0) return;
    this.#s.inService[word] &= ~(1 << (source & 31));
    this.#gateway(word);
  }

  /** The enabled pending source of highest priority above `floor`; 0 if there is none. */
  #best(context: number, floor: number): number {
    let best = 0;
    let bestPriority = floor;
    for (let word = 0; word < this.#words; word++) {
      let candidates = this.#s.pending[word] & this.#s.enable[context * this.#words + word];
      while (candidates !== 0) {
        const source = word * 32 + 31 - Math.clz32(candidates & -candidates);
        candidates &= candidates - 1;
        if (this.#s.priority[source] > bestPriority) {
          best = source;
          bestPriority = this.#s.priority[source];
        }
      }
    }
    return best;
  }

  #update(): void {
    for (let context = 0; context < this.#contexts; context++) {
      const level = this.#best(context, this.#s.threshold[context]) !== 0;
      if (level === this.#told[context]) continue;
      this.#told[context] = level;
      this.#output(context, level);
    }
  }
}
