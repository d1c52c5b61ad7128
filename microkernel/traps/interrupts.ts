/**
 * Interrupts of devices. The kernel owns the interrupt controller: it claims, and the line's semaphore goes up; `ack` completes. In
 * between the line is silent. A line that nobody has waited for is not enabled. All lines go to hart 0.
 *
 * PLIC registers (of hart 0's supervisor context, number 1):
 *   0x00_0000 + 4 line  priority      0x00_2080  enable, one bit a line
 *   0x20_1000           threshold     0x20_1004  claim / complete
 */
import type { Bus } from '../../machine/api.ts';
import { Kind } from '../abi/index.ts';
import { COSTS } from '../costs.ts';
import type { Kernel } from '../kernel.ts';
import type { Semaphore } from '../obj/semaphore.ts';
import type { Cpu } from '../sched/cpu.ts';

export const LINES = 128;
const PLIC = { base: 0xc00_0000, enable: 0x2080, threshold: 0x20_1000, claim: 0x20_1004 } as const;

export class Interrupts {
  readonly #bus: Bus;
  readonly #enabled = new Uint32Array(LINES / 32);
  /** Lines that have fired and wait for `ack`. */
  readonly #pending = new Uint8Array(LINES);
  readonly semaphores = new Array<Semaphore | undefined>(LINES).fill(undefined);

  constructor(bus: Bus) { this.#bus = bus; }

  start(): void {
    for (let line = 1; line < LINES; line++) this.#write(4 * line, 1);
    this.#write(PLIC.threshold, 0);
    for (let w = 0; w < this.#enabled.length; w++) this.#write(PLIC.enable + 4 * w, 0);
  }

  mask(line: number): void { this.#enable(line, false); }

  /** Somebody waits for this line: it may fire, unless it has and was not handled yet. */
  listen(line: number): void { if (!this.#pending[line]) this.#enable(line, true); }

  /** Handled: the line may fire again. */
  ack(line: number): void {
    if (this.#pending[line]) this.#write(PLIC.claim, line);
    this.#pending[line] = 0;
    this.#enable(line, true);
  }

  /** Takes every interrupt that is due. */
  claimAll(cpu: Cpu): void {
    for (let i = 0; i < LINES; i++) {
      const line = this.#bus.read(PLIC.base + PLIC.claim, 4) ?? 0;
      if (line === 0) return;
      this.#fire(cpu, line);
    }
  }

  kernel: Kernel | undefined = undefined;
  #fire(cpu: Cpu, line: number): void {
    const k = this.kernel!, semaphore = this.semaphores[line];
    this.#pending[line] = 1;
    k.counters.interrupts++;
    cpu.hart.charge(COSTS.interrupt);
    const sequence = k.trace.record(cpu.hart.cycles, Kind.interrupt, cpu.id, 0, 0, semaphore ? semaphore.id : 0, 0, line, 0, 0);
    if (semaphore && !semaphore.dead) semaphore.up(k, sequence);
  }

  #enable(line: number, on: boolean): void {
    if (!(line > 0 && line < LINES)) return;
    const w = line >> 5, bit = 1 << (line & 31), before = this.#enabled[w];
    this.#enabled[w] = on ? before | bit : before & ~bit;
    if (this.#enabled[w] !== before) this.#write(PLIC.enable + 4 * w, this.#enabled[w]);
  }
  #write(offset: number, value: number): void { this.#bus.write(PLIC.base + offset, 4, value); }
}
