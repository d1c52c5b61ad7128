/**
 * Guest external interrupts of a hart: the line that hstatus.VGEIN names is the guest's external interrupt, and lines that hgeie names
 * interrupt the supervisor. A hart without lines keeps all of these registers at zero. @spec priv 21.2.1, 21.2.3, 21.2.4
 */
import { HSTATUS, IP } from './bits.ts';
import type { Hart } from './hart.ts';
import { C } from './slots.ts';

const VGEIN_SHIFT = 12;

export class GuestLines {
  readonly #hart: Hart;
  /** hgeip and hgeie: bit n is line n, from 1 on. */
  levels = 0;
  enabled = 0;

  constructor(hart: Hart) { this.#hart = hart; }

  get #count(): number { return this.#hart.host.model.guestLines; }
  /** Bits of mie, mip and mideleg that exist only with lines. */
  get bit(): number { return this.#count > 0 ? IP.SGEI : 0; }

  drive(line: number, level: boolean): void {
    this.levels = level ? this.levels | 1 << line : this.levels & ~(1 << line);
    this.update();
  }
  enable(lines: number): void {
    this.enabled = lines & (2 ** (this.#count + 1) - 2);
    this.update();
  }
  /** Numbers without a line cannot be written to VGEIN; the field then keeps its value. */
  legal(hstatus: number): number {
    const line = (hstatus & HSTATUS.VGEIN) >> VGEIN_SHIFT;
    return line <= this.#count ? hstatus & HSTATUS.VGEIN : this.#hart.c[C.hstatus] & HSTATUS.VGEIN;
  }

  /** After a change of a line, hgeie, or VGEIN. */
  update(): void {
    if (this.#count === 0) return;
    const hart = this.#hart, mine = (hart.c[C.hstatus] & HSTATUS.VGEIN) >> VGEIN_SHIFT;
    hart.drive(IP.SGEI, (this.levels & this.enabled) !== 0);
    hart.drive(IP.VSEI, (this.levels >> mine & 1) !== 0);
    hart.interruptsChanged();
  }
  reset(): void {
    this.enabled = 0;
    this.update();
  }
}
