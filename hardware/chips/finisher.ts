/**
 * SiFive test finisher: one register that ends the run.
 *
 *   offset  access  name    values
 *   0x0      rw     finish  0x5555 success · 0x3333 | code << 16 failure · 0x7777 reset
 *
 * State: none. Features: everything above. Missing: nothing known.
 * Documentation: SiFive test device as in QEMU's `virt` board ("sifive,test1").
 */
import type { Chip } from './chip.ts';

const FINISH = { PASS: 0x5555, FAIL: 0x3333, RESET: 0x7777 } as const;

/** The end that software has asked for. */
export type Ending = { readonly kind: 'powerOff' | 'reboot' } | { readonly kind: 'failure'; readonly code: number };

export class TestFinisher implements Chip<null> {
  readonly name = 'finisher';
  readonly size = 0x1000;
  readonly #end: (how: Ending) => void;

  constructor(end: (how: Ending) => void) {
    this.#end = end;
  }

  read(): number { return 0; }

  write(offset: number, value: number): void {
    if (offset !== 0) return;
    switch (value & 0xffff) {
      case FINISH.PASS: return this.#end({ kind: 'powerOff' });
      case FINISH.FAIL: return this.#end({ kind: 'failure', code: value >>> 16 });
      case FINISH.RESET: return this.#end({ kind: 'reboot' });
      default: // other values do nothing
    }
  }

  reset(): void {}
  save(): null { return null; }
  load(): void {}
}
