/**
 * 16550A serial port, byte-wide registers.
 *
 *   offset  read   write    DLAB = 1
 *     0     RBR    THR      DLL       receive buffer, transmit holding; divisor
 *     1     IER    IER      DLM       interrupt enables; divisor
 *     2     IIR    FCR                which interrupt; FIFO control
 *     3     LCR    LCR                line control (bit 7 = DLAB)
 *     4     MCR    MCR                modem control (bit 4 = loopback)
 *     5     LSR                       line status
 *     6     MSR                       modem status
 *     7     SCR    SCR                scratch
 *
 * State: the registers, the receive FIFO, whether the transmitter has just run empty, what the driver has seen.
 * Features: transmits at once; receive FIFO with trigger levels, loopback. Input waits outside until there is room (no overrun) and the guest
 * listens (see `#listening`): what was typed ahead survives a driver's start.
 * Missing: line errors and modem status interrupts (the modem lines never change).
 * Documentation: PC16550D data sheet, National Semiconductor 1995.
 */
import type { CharPort, Device, Line } from './device.ts';

export const Reg = { data: 0, ier: 1, iirFcr: 2, lcr: 3, mcr: 4, lsr: 5, msr: 6, scr: 7 } as const;
const Ier = { received: 1, empty: 2 } as const;
const Iir = { none: 1, empty: 2, received: 4, timeout: 0xc, fifos: 0xc0 } as const;
const Fcr = { enable: 1, clearReceive: 2 } as const;
const Lsr = { ready: 1, empty: 0x20, idle: 0x40 } as const;
const DLAB = 0x80, LOOP = 0x10, MODEM_READY = 0xb0, DEPTH = 16;
const triggers = [1, 4, 8, 14];
/** Drivers that only transmit read LSR a few times in a row; who reads it more often waits for input. */
const LISTENING_POLLS = 16;

export class Uart16550 implements Device {
  readonly name = 'serial';
  readonly size = 0x100;
  readonly #port: CharPort;
  readonly #line: Line;
  #ier = 0;
  #fcr = 0;
  #lcr = 0;
  #mcr = 0;
  #scr = 0;
  #divisor = 1;
  #ranEmpty = false;
  #fifo: number[] = [];
  /** The driver has looked (LSR, IIR) since the FIFO was last empty: it may know of what is in it. */
  #looked = false;
  /** LSR reads in a row: how a polling guest listens. */
  #polls = 0;

  constructor(port: CharPort, line: Line) {
    this.#port = port;
    this.#line = line;
    port.onInput(() => { this.#refill(); this.#update(); });
  }

  read(offset: number): number {
    this.#polls = offset === Reg.lsr ? this.#polls + 1 : 0;
    switch (offset) {
      case Reg.data: return this.#lcr & DLAB ? this.#divisor & 0xff : this.#receive();
      case Reg.ier: return this.#lcr & DLAB ? this.#divisor >> 8 : this.#ier;
      case Reg.iirFcr: return this.#identify();
      case Reg.lcr: return this.#lcr;
      case Reg.mcr: return this.#mcr;
      case Reg.lsr: return this.#status();
      case Reg.msr: return this.#modem();
      case Reg.scr: return this.#scr;
      default: return 0;
    }
  }

  write(offset: number, value: number): void {
    const byte = value & 0xff;
    this.#polls = 0;
    switch (offset) {
      case Reg.data: if (this.#lcr & DLAB) this.#divisor = (this.#divisor & 0xff00) | byte; else this.#transmit(byte); break;
      case Reg.ier: if (this.#lcr & DLAB) this.#divisor = (this.#divisor & 0xff) | (byte << 8); else this.#enable(byte & 0xf); break;
      case Reg.iirFcr: this.#controlFifo(byte); break;
      case Reg.lcr: this.#lcr = byte; return;
      case Reg.mcr: this.#mcr = byte & 0x1f; this.#refill(); break;
      case Reg.scr: this.#scr = byte; return;
      default: return;
    }
    this.#update();
  }

  get #room(): number { return (this.#fcr & Fcr.enable ? DEPTH : 1) - this.#fifo.length; }

  #transmit(byte: number): void {
    if ((this.#mcr & LOOP) === 0) this.#port.output(byte);
    else if (this.#room > 0) this.#fifo.push(byte);
    this.#ranEmpty = true;
  }

  #receive(): number {
    const byte = this.#fifo.shift() ?? 0;
    this.#refill();
    this.#update();
    return byte;
  }

  /** Drivers clear the FIFO and read RBR blindly when they start; a guest that listens has done with that. */
  get #listening(): boolean { return (this.#ier & Ier.received) !== 0 || this.#polls >= LISTENING_POLLS; }

  #refill(): void {
    if (this.#mcr & LOOP || !this.#listening || this.#room <= 0) return;
    if (this.#fifo.length === 0) this.#looked = false;
    for (let byte; this.#room > 0 && (byte = this.#port.next()) >= 0; ) this.#fifo.push(byte);
  }

  /** Enabling the interrupt of an empty transmitter raises it at once. */
  #enable(ier: number): void {
    if ((ier & ~this.#ier & Ier.empty) !== 0) this.#ranEmpty = true;
    this.#ier = ier;
    this.#refill();
  }

  #controlFifo(value: number): void {
    // What the driver cannot know of yet counts as arriving after the clearing: nothing typed ahead is lost.
    if ((((value ^ this.#fcr) & Fcr.enable) !== 0 || (value & Fcr.clearReceive) !== 0) && this.#looked) this.#fifo = [];
    this.#fcr = value & 0xc9;
    this.#refill();
  }

  #status(): number {
    this.#refill();
    this.#looked = true;
    this.#update();
    return Lsr.empty | Lsr.idle | (this.#fifo.length > 0 ? Lsr.ready : 0);
  }

  /** Reading IIR takes back the transmitter's interrupt, if that is what it reports. */
  #identify(): number {
    const cause = this.#cause();
    this.#looked = true;
    if (cause === Iir.empty) { this.#ranEmpty = false; this.#update(); }
    return cause | (this.#fcr & Fcr.enable ? Iir.fifos : 0);
  }

  /** CTS, DSR and DCD are on; in loopback they are RTS, DTR, OUT1, OUT2 of MCR. */
  #modem(): number {
    const m = this.#mcr;
    return m & LOOP ? ((m & 2) << 3) | ((m & 1) << 5) | ((m & 0xc) << 4) : MODEM_READY;
  }

  #cause(): number {
    if ((this.#ier & Ier.received) !== 0 && this.#fifo.length > 0) {
      const trigger = this.#fcr & Fcr.enable ? triggers[this.#fcr >> 6] : 1;
      return this.#fifo.length >= trigger ? Iir.received : Iir.timeout;
    }
    return (this.#ier & Ier.empty) !== 0 && this.#ranEmpty ? Iir.empty : Iir.none;
  }

  #update(): void { this.#line.set(this.#cause() !== Iir.none); }
}
