/**
 * PLIC: external interrupts to vCPUs.
 *
 *   offset                 access  name
 *   0x00_0000 + 4·s         rw     priority of source s (0 = never, up to 7)
 *   0x00_1000 + 4·w         r      pending, 32 sources a word
 *   0x00_2000 + 0x80·c      rw     sources enabled for context c
 *   0x20_0000 + 0x1000·c    rw     threshold of context c
 *   0x20_0004 + 0x1000·c    rw     read: claim, write: complete
 *
 * Contexts stand as on QEMU's board: 2·h for M mode (registers only: a VM has no M mode), 2·h + 1 for S mode of vCPU h.
 * State: priorities, enables, thresholds; per source its level, and whether it is pending or in service.
 * Features: level-triggered sources, any number of vCPUs. Missing: edge-triggered sources (no device here has one).
 * Documentation: RISC-V Platform-Level Interrupt Controller Specification 1.0.0.
 */
import type { Device, Line } from './device.ts';

/** Sources 1 … 63. */
export const SOURCES = 64;
const WORDS = SOURCES / 32, MAX_PRIORITY = 7;
const PENDING = 0x1000, ENABLE = 0x2000, ENABLE_STRIDE = 0x80, CONTEXT = 0x20_0000, CONTEXT_STRIDE = 0x1000;

/** What one context has chosen. */
interface Context { readonly enabled: Uint32Array; threshold: number; level: boolean }

export class Plic implements Device {
  readonly name = 'plic';
  readonly size = 0x60_0000;
  readonly #contexts: Context[];
  readonly #priority = new Uint8Array(SOURCES);
  readonly #level = new Uint32Array(WORDS);
  readonly #pending = new Uint32Array(WORDS);
  readonly #serving = new Uint32Array(WORDS);
  readonly #output: (vcpu: number, level: boolean) => void;

  /** `output` is told when the external interrupt of a vCPU goes up or down. */
  constructor(vcpus: number, output: (vcpu: number, level: boolean) => void) {
    this.#contexts = Array.from({ length: 2 * vcpus }, () => ({ enabled: new Uint32Array(WORDS), threshold: 0, level: false }));
    this.#output = output;
  }

  line(source: number): Line { return { set: (level) => this.#setLevel(source, level) }; }

  read(offset: number, size: number): number {
    if (size !== 4) return 0;
    if (offset < PENDING) return this.#priority[offset >> 2] ?? 0;
    if (offset < ENABLE) return this.#pending[(offset - PENDING) >> 2] ?? 0;
    if (offset < CONTEXT) return this.#enableOf(offset)?.enabled[(offset % ENABLE_STRIDE) >> 2] ?? 0;
    const context = this.#contexts[Math.floor((offset - CONTEXT) / CONTEXT_STRIDE)], register = offset % CONTEXT_STRIDE;
    if (!context) return 0;
    return register === 0 ? context.threshold : register === 4 ? this.#claim(context) : 0;
  }

  write(offset: number, value: number, size: number): void {
    if (size !== 4) return;
    if (offset < PENDING) this.#setPriority(offset >> 2, value);
    else if (offset >= CONTEXT) this.#writeContext(offset - CONTEXT, value);
    else if (offset >= ENABLE) this.#setEnabled(offset, value);
    this.#update();
  }

  #enableOf(offset: number): Context | undefined { return this.#contexts[Math.floor((offset - ENABLE) / ENABLE_STRIDE)]; }

  #setPriority(source: number, value: number): void {
    if (source > 0 && source < SOURCES) this.#priority[source] = value & MAX_PRIORITY;
  }

  /** Source 0 does not exist. */
  #setEnabled(offset: number, value: number): void {
    const context = this.#enableOf(offset), word = (offset % ENABLE_STRIDE) >> 2;
    if (context && word < WORDS) context.enabled[word] = word === 0 ? value & ~1 : value;
  }

  #writeContext(offset: number, value: number): void {
    const context = this.#contexts[Math.floor(offset / CONTEXT_STRIDE)], register = offset % CONTEXT_STRIDE;
    if (!context) return;
    if (register === 0) context.threshold = value & MAX_PRIORITY;
    if (register === 4) this.#complete(context, value);
  }

  #setLevel(source: number, level: boolean): void {
    const word = source >> 5, bit = 1 << (source & 31);
    if (((this.#level[word] & bit) !== 0) === level) return;
    this.#level[word] ^= bit;
    if (!level) return;
    this.#pending[word] |= bit & ~this.#serving[word];
    this.#update();
  }

  /** The gateway stays shut until the claimed source is completed. @spec plic 8 */
  #claim(context: Context): number {
    const source = this.#best(context, 0), word = source >> 5, bit = 1 << (source & 31);
    if (source === 0) return 0;
    this.#pending[word] &= ~bit;
    this.#serving[word] |= bit;
    this.#update();
    return source;
  }

  /** Completing what the context has not enabled is ignored. @spec plic 9 */
  #complete(context: Context, source: number): void {
    const word = source >> 5, bit = 1 << (source & 31);
    if (source === 0 || source >= SOURCES || (context.enabled[word] & this.#serving[word] & bit) === 0) return;
    this.#serving[word] &= ~bit;
    this.#pending[word] |= this.#level[word] & bit;
  }

  /** The enabled pending source of highest priority above `floor`, the lowest number of equals; 0 = none. */
  #best(context: Context, floor: number): number {
    let best = 0, priority = floor;
    for (let word = 0; word < WORDS; word++) {
      for (let left = this.#pending[word] & context.enabled[word]; left !== 0; left &= left - 1) {
        const source = word * 32 + 31 - Math.clz32(left & -left);
        if (this.#priority[source] > priority) { best = source; priority = this.#priority[source]; }
      }
    }
    return best;
  }

  #update(): void {
    for (let c = 1; c < this.#contexts.length; c += 2) {
      const context = this.#contexts[c], level = this.#best(context, context.threshold) !== 0;
      if (level === context.level) continue;
      context.level = level;
      this.#output(c >> 1, level);
    }
  }
}
