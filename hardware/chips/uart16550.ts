/**
 * 16550A UART, byte-wide registers.
 *
 *   offset  DLAB  read  write
 *     0      0    RBR   THR      receive buffer, transmit holding
 *     0      1    DLL   DLL      divisor low
 *     1      0    IER   IER      enables: received, transmitter empty, line status, modem status
 *     1      1    DLM   DLM      divisor high
 *     2           IIR   FCR      which interrupt; FIFO control
 *     3           LCR   LCR      word format, break, DLAB (bit 7)
 *     4           MCR   MCR      DTR, RTS, OUT1, OUT2, loopback (bit 4)
 *     5           LSR            line status
 *     6           MSR            modem status with delta bits
 *     7           SCR   SCR      scratch
 *
 * State: the registers, a 16-byte receive FIFO, one latch for the transmitter-empty interrupt.
 * Features: FIFOs on or off, trigger levels, all four interrupts with their priorities, overrun, break, loopback with modem lines.
 * Input waits outside until the guest listens (see `#listening`), so that input typed ahead survives the start of a driver.
 * Missing: baud rate has no timing (a byte is out at once; the receive timeout interrupt comes at once), the pins of the DMA modes.
 * Documentation: National Semiconductor PC16550D data sheet, 8.0 Registers.
 */
import type { Chip } from './chip.ts';
import type { CharPort, Line } from './ports.ts';

export const UartReg = { DATA: 0, IER: 1, IIR_FCR: 2, LCR: 3, MCR: 4, LSR: 5, MSR: 6, SCR: 7 } as const;
const REG = UartReg;
const IER = { RECEIVED: 1, THR_EMPTY: 2, LINE: 4, MODEM: 8 } as const;
const IIR = { MODEM: 0x0, NONE: 0x1, THR_EMPTY: 0x2, RECEIVED: 0x4, LINE: 0x6, TIMEOUT: 0xc, FIFOS: 0xc0 } as const;
const FCR = { ENABLE: 1, CLEAR_RECEIVE: 2 } as const;
const LCR = { BREAK: 0x40, DLAB: 0x80 } as const;
const MCR = { DTR: 1, RTS: 2, OUT1: 4, OUT2: 8, LOOP: 16 } as const;
const LSR = { READY: 1, OVERRUN: 2, BREAK: 0x10, THR_EMPTY: 0x20, IDLE: 0x40, FIFO_ERROR: 0x80 } as const;
const MSR = { CTS: 0x10, DSR: 0x20, RI: 0x40, DCD: 0x80 } as const;
const FIFO_BYTES = 16;
/** A driver that only transmits reads LSR a few times in a row; a driver that reads it more often waits for input. */
const LISTENING_POLLS = 16;
const triggerLevels = [1, 4, 8, 14] as const;

interface State {
  ier: number;
  fcr: number;
  lcr: number;
  mcr: number;
  scr: number;
  divisor: number;
  modem: number;
  modemDelta: number;
  /** Line status that reading LSR clears: overrun, break. */
  line: number;
  /** The transmitter-empty interrupt: set when THR runs empty, cleared by reading IIR. */
  thrInterrupt: boolean;
  fifo: number[];
  /**
   * The driver reads IIR. A driver that never does (xv6) could not end a transmitter-empty interrupt; for such a driver reading LSR ends
   * it.
   */
  iirUsed: boolean;
  /** The driver has read LSR or IIR since the FIFO was last empty, so it may have seen that input has arrived. */
  looked: boolean;
  /** LSR reads in a row that found nothing: how a polling guest shows that it listens. */
  polls: number;
}
export type UartState = Readonly<Omit<State, 'fifo'>> & { readonly fifo: readonly number[] };

const powerOn = (): State => ({
  ier: 0, fcr: 0, lcr: 0, mcr: 0, scr: 0, divisor: 0, modem: MSR.CTS | MSR.DSR | MSR.DCD, modemDelta: 0, line: 0, thrInterrupt: false,
  fifo: [], iirUsed: false,
  looked: false, polls: 0,
});

export class Uart16550 implements Chip<UartState> {
  readonly name = 'uart';
  readonly size = 0x100;
  readonly #port: CharPort;
  readonly #irq: Line;
  #s = powerOn();

  constructor(port: CharPort, irq: Line) {
    this.#port = port;
    this.#irq = irq;
    port.onInput(() => {
      this.#refill();
      this.#update();
    });
  }

  save(): UartState { return { ...this.#s, fifo: [...this.#s.fifo] }; }

  load(state: UartState): void {
    this.#s = { ...state, fifo: [...state.fifo] };
    this.#update();
  }

  reset(): void {
    this.#s = powerOn();
    this.#update();
  }

  read(offset: number): number {
    this.#s.polls = offset === REG.LSR ? this.#s.polls + 1 : 0;
    const value = this.#readRegister(offset);
    this.#update();
    return value;
  }

  write(offset: number, value: number): void {
    this.#s.polls = 0;
    this.#writeRegister(offset, value & 0xff);
    this.#update();
  }

  #readRegister(offset: number): number {
    switch (offset) {
      case REG.DATA: return this.#dlab ? this.#s.divisor & 0xff : this.#receive();
      case REG.IER: return this.#dlab ? this.#s.divisor >> 8 : this.#s.ier;
      case REG.IIR_FCR: return this.#readIir();
      case REG.LCR: return this.#s.lcr;
      case REG.MCR: return this.#s.mcr;
      case REG.LSR: return this.#readLsr();
      case REG.MSR: return this.#readMsr();
      case REG.SCR: return this.#s.scr;
      default: return 0;
    }
  }

  #writeRegister(offset: number, value: number): void {
    switch (offset) {
      case REG.DATA: return this.#dlab ? this.#setDivisor((this.#s.divisor & 0xff00) | value) : this.#transmit(value);
      case REG.IER: return this.#dlab ? this.#setDivisor((this.#s.divisor & 0xff) | (value << 8)) : this.#setIer(value);
      case REG.IIR_FCR: return this.#setFcr(value);
      case REG.LCR: return this.#setLcr(value);
      case REG.MCR: return this.#setMcr(value & 0x1f);
      case REG.SCR: this.#s.scr = value; return;
      default: // LSR and MSR are read only
    }
  }

  get #dlab(): boolean {
    return (this.#s.lcr & LCR.DLAB) !== 0;
  }

  get #capacity(): number {
    return (this.#s.fcr & FCR.ENABLE) !== 0 ? FIFO_BYTES : 1;
  }

  /** A break transmits nothing; in loopback it is received as a zero with the break flag. */
  #setLcr(value: number): void {
    const begins = (value & ~this.#s.lcr & LCR.BREAK) !== 0;
    this.#s.lcr = value;
    if (!begins || (this.#s.mcr & MCR.LOOP) === 0) return;
    this.#loopBack(0);
    this.#s.line |= LSR.BREAK;
  }

  #setDivisor(value: number): void {
    this.#s.divisor = value;
  }

  #transmit(byte: number): void {
    if ((this.#s.mcr & MCR.LOOP) !== 0) this.#loopBack(byte);
    else this.#port.output(byte);
    this.#s.thrInterrupt = true;
  }

  #loopBack(byte: number): void {
    if (this.#s.fifo.length < this.#capacity) this.#s.fifo.push(byte);
    else this.#s.line |= LSR.OVERRUN;
  }

  #receive(): number {
    const byte = this.#s.fifo.shift() ?? 0;
    this.#refill();
    return byte;
  }

  /** Drivers clear the FIFO and read RBR blindly when they start; a guest that listens is past that. */
  get #listening(): boolean {
    return (this.#s.ier & IER.RECEIVED) !== 0 || this.#s.polls >= LISTENING_POLLS;
  }

  /** Bytes stay in the backend until the FIFO has room, so outside input never overruns it. */
  #refill(): void {
    if ((this.#s.mcr & MCR.LOOP) !== 0 || !this.#listening) return;
    const room = this.#capacity - this.#s.fifo.length;
    if (room <= 0) return;
    if (this.#s.fifo.length === 0) this.#s.looked = false;
    for (const byte of this.#port.take(room)) this.#s.fifo.push(byte);
  }

  /** Enabling the transmitter-empty interrupt while THR is empty raises it at once. */
  #setIer(value: number): void {
    const enabled = value & ~this.#s.ier;
    this.#s.ier = value & 0xf;
    if ((enabled & IER.THR_EMPTY) !== 0) this.#s.thrInterrupt = true;
    this.#refill();
  }

  #setFcr(value: number): void {
    const switched = ((value ^ this.#s.fcr) & FCR.ENABLE) !== 0;
    this.#s.fcr = value & 0xc9;
    // Input that the driver cannot have seen yet counts as arriving after the FIFO was cleared, so nothing typed ahead is lost.
    if ((switched || (value & FCR.CLEAR_RECEIVE) !== 0) && this.#s.looked) this.#s.fifo = [];
    this.#refill();
  }

  #setMcr(value: number): void {
    this.#s.mcr = value;
    const lines = (value & MCR.LOOP) !== 0 ? loopedModemLines(value) : MSR.CTS | MSR.DSR | MSR.DCD;
    const changed = (lines ^ this.#s.modem) >> 4;
    // The ring indicator counts only its trailing edge.
    const ringEnded = (this.#s.modem & MSR.RI) !== 0 && (lines & MSR.RI) === 0;
    this.#s.modemDelta |= (changed & 0xb) | (ringEnded ? 4 : 0);
    this.#s.modem = lines;
    this.#refill();
  }

  #readIir(): number {
    const cause = this.#cause();
    this.#s.iirUsed = this.#s.looked = true;
    if (cause === IIR.THR_EMPTY) this.#s.thrInterrupt = false;
    return cause | ((this.#s.fcr & FCR.ENABLE) !== 0 ? IIR.FIFOS : 0);
  }

  #readLsr(): number {
    this.#refill();
    this.#s.looked = true;
    if (!this.#s.iirUsed) this.#s.thrInterrupt = false;
    const status = LSR.THR_EMPTY | LSR.IDLE | this.#s.line | this.#fifoError | (this.#s.fifo.length > 0 ? LSR.READY : 0);
    this.#s.line = 0;
    return status;
  }

  get #fifoError(): number {
    return (this.#s.fcr & FCR.ENABLE) !== 0 && (this.#s.line & LSR.BREAK) !== 0 ? LSR.FIFO_ERROR : 0;
  }

  #readMsr(): number {
    const status = this.#s.modem | this.#s.modemDelta;
    this.#s.modemDelta = 0;
    return status;
  }

  /** The pending interrupt of highest priority. */
  #cause(): number {
    if ((this.#s.ier & IER.LINE) !== 0 && this.#s.line !== 0) return IIR.LINE;
    if ((this.#s.ier & IER.RECEIVED) !== 0 && this.#s.fifo.length > 0) {
      const trigger = this.#capacity === 1 ? 1 : triggerLevels[this.#s.fcr >> 6];
      return this.#s.fifo.length >= trigger ? IIR.RECEIVED : IIR.TIMEOUT;
    }
    if ((this.#s.ier & IER.THR_EMPTY) !== 0 && this.#s.thrInterrupt) return IIR.THR_EMPTY;
    if ((this.#s.ier & IER.MODEM) !== 0 && this.#s.modemDelta !== 0) return IIR.MODEM;
    return IIR.NONE;
  }

  #update(): void {
    this.#irq.set(this.#cause() !== IIR.NONE);
  }
}

/** In loopback DTR, RTS, OUT1, OUT2 appear as DSR, CTS, RI, DCD. */
function loopedModemLines(mcr: number): number {
  return (
    ((mcr & MCR.RTS) !== 0 ? MSR.CTS : 0) |
    ((mcr & MCR.DTR) !== 0 ? MSR.DSR : 0) |
    ((mcr & MCR.OUT1) !== 0 ? MSR.RI : 0) |
    ((mcr & MCR.OUT2) !== 0 ? MSR.DCD : 0)
  );
}
