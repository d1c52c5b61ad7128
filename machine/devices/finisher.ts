/**
 * SiFive test finisher: one register that ends the run.
 *
 *   offset  access  name    values
 *   0x0      rw     finish  0x5555 success · 0x3333 | code << 16 failure · 0x7777 reset
 *
 * State: none. Features: everything above. Missing: nothing known.
 * Documentation: SiFive test device as in QEMU's `virt` board ("sifive,test1").
 */
import type { Device, DeviceContext } from './device.ts';

const FINISH = { PASS: 0x5555, FAIL: 0x3333, RESET: 0x7777 } as const;

export class TestFinisher implements Device {
  readonly name = 'finisher';
  readonly size = 0x1000;
  readonly #stop: DeviceContext['stop'];

  constructor(stop: DeviceContext['stop']) {
    this.#stop = stop;
  }

  read(): number {
    return 0;
  }

  write(offset: number, value: number): void {
    if (offset !== 0) return;
    const code = value >>> 16;
    switch (value & 0xffff) {
      case FINISH.PASS: return this.#stop({ kind: 'poweroff', code: 0 });
      case FINISH.FAIL: return this.#stop({ kind: 'poweroff', code: code === 0 ? 1 : code });
      case FINISH.RESET: return this.#stop({ kind: 'reset', code: 0 });
      default: // other values do nothing
    }
  }
}
