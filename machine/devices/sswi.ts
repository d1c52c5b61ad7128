/**
 * ACLINT SSWI: supervisor software interrupts by a store, so that S mode interrupts other harts without asking M mode.
 *
 *   offset  width  name            title
 *   0x0000    4    setssip[hart]   writing 1 sets SSIP in the hart's mip; reads 0
 *
 * State: none (the hart keeps SSIP, and its software clears it). Features: everything above. Missing: nothing known.
 * Documentation: RISC-V ACLINT specification 1.0-rc4, chapter 4.
 */
import type { Device } from './device.ts';
import { HartIrq, type HartWires } from './wires.ts';

export class Sswi implements Device {
  readonly name = 'sswi';
  readonly size = 0x4000;
  readonly #wires: HartWires;

  constructor(wires: HartWires) {
    this.#wires = wires;
  }

  read(): number {
    return 0;
  }

  write(offset: number, value: number, size: number): void {
    const hart = offset >> 2;
    if (size === 4 && (offset & 3) === 0 && hart < this.#wires.count && (value & 1) !== 0) this.#wires.pulse(hart, HartIrq.SSI);
  }
}
