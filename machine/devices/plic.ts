/**
 * PLIC: the platform-level interrupt controller, SiFive layout.
 *
 *   offset                 name               title
 *   0x00_0000 + 4 s        priority[s]        of source s: 0 = never, 1 … 7
 *   0x00_1000 + 4 w        pending[w]         read only, 32 sources a word
 *   0x00_2000 + 0x80 c     enable[c][w]       sources that context c wants
 *   0x20_0000 + 0x1000 c   threshold[c]       context c takes priorities above this
 *   0x20_0004 + 0x1000 c   claim/complete[c]  read: take the best pending source; write: done with it
 *
 * Contexts are two per hart: 2 h = M mode (drives MEI of hart h), 2 h + 1 = S mode (drives SEI).
 * State: priorities, pending and in-service bits, enables, thresholds.
 * Features: level-triggered gateways; ties go to the lower source number.
 * Missing: edge-triggered gateways (no device of the board has one).
 * Documentation: RISC-V PLIC specification 1.0.0.
 */
import type { Device, IrqLine } from './device.ts';
import { HartIrq, type HartWires } from './wires.ts';

/** Sources 1 … 95, as on QEMU's board. */
export const PLIC_SOURCES = 96;
const WORDS = PLIC_SOURCES / 32;
const MAX_PRIORITY = 7;
const AT = { PENDING: 0x1000, ENABLE: 0x2000, CONTEXT: 0x20_0000 } as const;
const ENABLE_STRIDE = 0x80;
const CONTEXT_STRIDE = 0x1000;

export class Plic implements Device {
  readonly name = 'plic';
  readonly size = 0x60_0000;
  readonly #wires: HartWires;
  readonly #contexts: number;
  readonly #priority = new Uint8Array(PLIC_SOURCES);
  readonly #level = new Uint32Array(WORDS);
  readonly #pending = new Uint32Array(WORDS);
  readonly #inService = new Uint32Array(WORDS);
  readonly #enable: Uint32Array;
  readonly #threshold: Uint8Array;

  constructor(wires: HartWires) {
    this.#wires = wires;
    this.#contexts = 2 * wires.count;
    this.#enable = new Uint32Array(this.#contexts * WORDS);
    this.#threshold = new Uint8Array(this.#contexts);
  }

  /** The wire from a device to source `source` (1 … 95). */
  line(source: number): IrqLine {
    return { set: (level) => this.#setLevel(source, level) };
  }

  reset(): void {
    for (const state of [this.#priority, this.#pending, this.#inService, this.#enable, this.#threshold]) state.fill(0);
    this.#update();
  }

  read(offset: number): number {
    if (offset < AT.PENDING) return this.#priority[offset >> 2] ?? 0;
    if (offset < AT.ENABLE) return this.#pending[(offset - AT.PENDING) >> 2] ?? 0;
    if (offset < AT.CONTEXT) return this.#enable[this.#enableIndex(offset)] ?? 0;
    const context = Math.floor((offset - AT.CONTEXT) / CONTEXT_STRIDE);
    if (context >= this.#contexts) return 0;
    const register = offset & (CONTEXT_STRIDE - 1);
    if (register === 0) return this.#threshold[context];
    return register === 4 ? this.#claim(context) : 0;
  }

  write(offset: number, value: number): void {
    if (offset < AT.PENDING) this.#setPriority(offset >> 2, value);
    else if (offset >= AT.CONTEXT) this.#writeContext(offset - AT.CONTEXT, value);
    else if (offset >= AT.ENABLE) this.#setEnable(this.#enableIndex(offset), value);
    this.#update();
  }

  #setPriority(source: number, value: number): void {
    if (source > 0 && source < PLIC_SOURCES) this.#priority[source] = value & MAX_PRIORITY;
  }

  /** Index of the enable word at a bus offset, -1 where there is none. */
  #enableIndex(offset: number): number {
    const context = Math.floor((offset - AT.ENABLE) / ENABLE_STRIDE);
    const word = ((offset - AT.ENABLE) % ENABLE_STRIDE) >> 2;
    return context < this.#contexts && word < WORDS ? context * WORDS + word : -1;
  }

  /** Source 0 does not exist. */
  #setEnable(index: number, value: number): void {
    if (index >= 0) this.#enable[index] = index % WORDS === 0 ? value & ~1 : value;
  }

  #writeContext(offset: number, value: number): void {
    const context = Math.floor(offset / CONTEXT_STRIDE);
    if (context >= this.#contexts) return;
    const register = offset & (CONTEXT_STRIDE - 1);
    if (register === 0) this.#threshold[context] = value & MAX_PRIORITY;
    if (register === 4) this.#complete(context, value);
  }

  #setLevel(source: number, level: boolean): void {
    const word = source >> 5;
    const bit = 1 << (source & 31);
    if (((this.#level[word] & bit) !== 0) === level) return;
    this.#level[word] ^= bit;
    if (!level) return;
    this.#gateway(word);
    this.#update();
  }

  /** Sources whose line is high ask again, unless they are being served. @spec plic 5 */
  #gateway(word: number): void {
    this.#pending[word] |= this.#level[word] & ~this.#inService[word];
  }

  #claim(context: number): number {
    const source = this.#best(context, 0);
    if (source === 0) return 0;
    this.#pending[source >> 5] &= ~(1 << (source & 31));
    this.#inService[source >> 5] |= 1 << (source & 31);
    this.#update();
    return source;
  }

  /** A completion of a source that the context has not enabled is ignored. @spec plic 9 */
  #complete(context: number, source: number): void {
    const word = source >> 5;
    if (source >= PLIC_SOURCES || (this.#enable[context * WORDS + word] & (1 << (source & 31))) === 0) return;
    this.#inService[word] &= ~(1 << (source & 31));
    this.#gateway(word);
  }

  /** The enabled pending source of highest priority above `floor`; 0 if there is none. */
  #best(context: number, floor: number): number {
    let best = 0;
    let bestPriority = floor;
    for (let word = 0; word < WORDS; word++) {
      let candidates = this.#pending[word] & this.#enable[context * WORDS + word];
      while (candidates !== 0) {
        const source = word * 32 + 31 - Math.clz32(candidates & -candidates);
        candidates &= candidates - 1;
        if (this.#priority[source] > bestPriority) {
          best = source;
          bestPriority = this.#priority[source];
        }
      }
    }
    return best;
  }

  #update(): void {
    for (let context = 0; context < this.#contexts; context++) {
      const wanted = this.#best(context, this.#threshold[context]) !== 0;
      this.#wires.drive(context >> 1, (context & 1) === 0 ? HartIrq.MEI : HartIrq.SEI, wanted);
    }
  }
}
