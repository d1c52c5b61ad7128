/**
 * Doorbell of portals: a page of registers of four bytes that a guest's kernel may map for a user program.
 *
 *   State          buffer, length, status and length of the answer
 *   Features       one request at a time, complete when the store to `ring` is
 *   Missing        interrupts; several requests at once
 *   Documentation  here
 *
 *   offset  name    access  what
 *   0x00    magic   r       "T4PT"
 *   0x04    count   r       number of portals
 *   0x08    buffer  rw      guest-physical address of the request, 64 bits; the answer takes its place
 *   0x10    length  rw      bytes of the request, 400 at most
 *   0x18    ring    w       the portal's number: sends the request and waits for the answer
 *   0x1c    status  r       0: answered; otherwise the reason (portals.ts)
 *   0x20    answer  r       bytes of the answer
 */
import type { Chip } from '../../hardware/chips/chip.ts';
import type { Portals } from '../portals.ts';

const MAGIC = 0x5450_3454;
const Reg = { magic: 0x00, count: 0x04, bufferLow: 0x08, bufferHigh: 0x0c, length: 0x10, ring: 0x18, status: 0x1c, answer: 0x20 } as const;
type Saved = { readonly buffer: number; readonly length: number; readonly status: number; readonly answer: number };

export class PortalBell implements Chip<Saved> {
  readonly name = 'portals';
  readonly size = 0x1000;
  private readonly portals: Portals;
  private low = 0;
  private high = 0;
  private length = 0;
  private status = 0;
  private answer = 0;
  constructor(portals: Portals) { this.portals = portals; }

  read(offset: number, size: number): number {
    if (size !== 4) return 0;
    switch (offset) {
      case Reg.magic: return MAGIC;
      case Reg.count: return this.portals.count;
      case Reg.bufferLow: return this.low;
      case Reg.bufferHigh: return this.high;
      case Reg.length: return this.length;
      case Reg.status: return this.status;
      case Reg.answer: return this.answer;
      default: return 0;
    }
  }
  write(offset: number, value: number, size: number): void {
    if (size !== 4) return;
    if (offset === Reg.bufferLow) this.low = value >>> 0;
    else if (offset === Reg.bufferHigh) this.high = value >>> 0;
    else if (offset === Reg.length) this.length = value >>> 0;
    else if (offset === Reg.ring) this.portals.ring(value >>> 0, this.buffer, this.length,
      (status, bytes) => { this.status = status; this.answer = bytes; });
  }
  private get buffer(): number { return this.high * 2 ** 32 + this.low; }
  reset(): void { this.low = this.high = this.length = this.status = this.answer = 0; }
  save(): Saved { return { buffer: this.buffer, length: this.length, status: this.status, answer: this.answer }; }
  load({ buffer, length, status, answer }: Saved): void {
    this.low = buffer % 2 ** 32;
    this.high = Math.floor(buffer / 2 ** 32);
    this.length = length;
    this.status = status;
    this.answer = answer;
  }
}
