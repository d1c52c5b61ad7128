/**
 * Test finisher: one register that ends the machine.
 *
 *   offset  access  name    title
 *   0x0      w      FINISH  0x5555 = power off, 0x7777 = reboot, 0x3333 | code << 16 = stop with a failure
 *
 * State: none. Features: all of it. Missing: nothing.
 * Documentation: SiFive test device as used by QEMU's `virt` board.
 */
import type { Device } from './device.ts';

const POWER_OFF = 0x5555, REBOOT = 0x7777, FAIL = 0x3333;

/** How a guest asked to end. */
export type Ending = { readonly kind: 'powerOff' | 'reboot' } | { readonly kind: 'failure'; readonly code: number };

export class TestFinisher implements Device {
  readonly name = 'test';
  readonly size = 0x1000;
  readonly #end: (how: Ending) => void;
  constructor(end: (how: Ending) => void) { this.#end = end; }

  read(): number { return 0; }
  write(offset: number, value: number): void {
    if (offset !== 0) return;
    const command = value & 0xffff;
    if (command === POWER_OFF) this.#end({ kind: 'powerOff' });
    else if (command === REBOOT) this.#end({ kind: 'reboot' });
    else if (command === FAIL) this.#end({ kind: 'failure', code: value >>> 16 });
  }
}
