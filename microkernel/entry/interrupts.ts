/**
 * Interrupts of devices. The kernel owns the interrupt controller: it claims, and the line's semaphore goes up; `ack` completes. In
 * between the line is silent. A line is enabled by the first wait for it. Each line goes to one hart, at first to hart 0.
 *
 * PLIC registers (of hart h's supervisor context c = 2 h + 1):
 *   0x00_0000 + 4 line     priority      0x00_2000 + 0x80 c        enable, one bit a line
 *   0x20_0000 + 0x1000 c   threshold     0x20_0004 + 0x1000 c      claim / complete
 */
import { Kind } from '../abi/index.ts';
import { COSTS } from '../costs.ts';
import type { Core } from '../core.ts';
import type { Semaphore } from '../objects/semaphore.ts';
import type { Cpu } from '../sched/cpu.ts';

export const LINES = 128;
const PLIC = 0xc00_0000, WORDS = LINES / 32;
const enableAt = (hart: number, word: number): number => 0x2000 + 0x80 * (2 * hart + 1) + 4 * word;
const thresholdAt = (hart: number): number => 0x20_0000 + 0x1000 * (2 * hart + 1);
const claimAt = (hart: number): number => thresholdAt(hart) + 4;

export class Interrupts {
  readonly #k: Core;
  /** Enabled lines, WORDS per hart; the hart of each line. */
  readonly #enabled: Uint32Array;
  readonly #route = new Uint8Array(LINES);
  /** Lines that have fired and wait for `ack`. */
  readonly #pending = new Uint8Array(LINES);
  readonly semaphores = new Array<Semaphore | undefined>(LINES).fill(undefined);

  /** Connects the kernel's bus and harts. */
  constructor(k: Core) {
    this.#k = k;
    this.#enabled = new Uint32Array(WORDS * k.cpus.length);
    for (let line = 1; line < LINES; line++) this.#write(4 * line, 1);
    for (const { id } of this.#k.cpus) {
      this.#write(thresholdAt(id), 0);
      for (let word = 0; word < WORDS; word++) this.#write(enableAt(id, word), 0);
    }
  }

  /** The line goes to this hart. If it has fired and was not handled yet, `ack` enables it there. */
  route(line: number, hart: number): void {
    const on = (this.#enabled[this.#route[line] * WORDS + (line >> 5)] & (1 << (line & 31))) !== 0;
    this.#enable(line, false);
    this.#route[line] = hart;
    if (on && !this.#pending[line]) this.#enable(line, true);
  }

  mask(line: number): void { this.#enable(line, false); }

  /** A thread waits for this line: enables it, unless it has fired and is not handled yet. */
  listen(line: number): void { if (!this.#pending[line]) this.#enable(line, true); }

  /** Handled: the line may fire again. */
  ack(line: number): void {
    this.#enable(line, true); // first: a completion counts where the line is enabled only
    if (this.#pending[line]) this.#write(claimAt(this.#route[line]), line);
    this.#pending[line] = 0;
  }

  /** Takes every pending interrupt. */
  claimAll(cpu: Cpu): void {
    for (let i = 0; i < LINES; i++) {
      const line = this.#k.bus.read(PLIC + claimAt(cpu.id), 4) ?? 0;
      if (line === 0) return;
      this.#fire(cpu, line);
    }
  }

  #fire(cpu: Cpu, line: number): void {
    const k = this.#k, semaphore = this.semaphores[line];
    this.#pending[line] = 1;
    k.counters.interrupts++;
    cpu.hart.charge(COSTS.interrupt);
    const sequence = k.trace.note(cpu, Kind.interrupt, 0, semaphore ? semaphore.id : 0, 0, line);
    if (semaphore && !semaphore.dead) semaphore.up(k, sequence);
  }

  #enable(line: number, on: boolean): void {
    if (!(line > 0 && line < LINES)) return;
    const hart = this.#route[line], word = line >> 5, bit = 1 << (line & 31), at = hart * WORDS + word, before = this.#enabled[at];
    this.#enabled[at] = on ? before | bit : before & ~bit;
    if (this.#enabled[at] !== before) this.#write(enableAt(hart, word), this.#enabled[at]);
  }
  #write(offset: number, value: number): void { this.#k.bus.write(PLIC + offset, 4, value); }
}
