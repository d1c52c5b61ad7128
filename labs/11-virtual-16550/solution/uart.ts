import { Cause, Mtd, Resume, Status, serve, type Program, type Reply, type Syscalls } from 'tessera';

const OUTPUT = 0x2800, INPUT = 0x2801, LINE = 0x2802;
const DEEP = 16, MOST = 40;
const Lsr = { ready: 1, overrun: 2, empty: 0x60 } as const, Ier = { received: 1, empty: 2, line: 4 } as const;

/** The guest's request: an access to one of the eight registers. */
interface Access {
  readonly store: boolean;
  readonly size: number;
  readonly signed: boolean;
  readonly register: number;
  readonly length: number
}

/** The transformed instruction: opcode, funct3, rd or rs2; bit 1 is 0 for a compressed instruction. */
function decode(htinst: number): Access {
  const funct3 = (htinst >> 12) & 7, store = (htinst & 0x7d) === 0x21;
  return {
    store, size: 1 << (funct3 & 3), signed: funct3 < 4, register: store ? (htinst >> 20) & 31 : (htinst >> 7) & 31,
    length: htinst & 2 ? 4 : 2
  };
}

class Uart {
  private received: number[] = [];
  private output: number[] = [];
  private divisor = [0, 0];
  private ier = 0;
  private lcr = 0;
  private mcr = 0;
  private scratch = 0;
  private fifo = false;
  private overrun = false;
  private emptied = false;

  private get latch(): boolean { return (this.lcr & 0x80) !== 0; }
  private get loop(): boolean { return (this.mcr & 0x10) !== 0; }

  /** A byte from outside, or from the loop. */
  receive(byte: number): void {
    if (this.received.length >= (this.fifo ? DEEP : 1)) this.overrun = true;
    else this.received.push(byte);
  }
  take(): number[] { return this.output.splice(0, MOST); }

  /** The reason for an interrupt, as IIR names it; 1 = none. */
  private get reason(): number {
    if (this.ier & Ier.line && this.overrun) return 6;
    if (this.ier & Ier.received && this.received.length > 0) return 4;
    return this.ier & Ier.empty && this.emptied ? 2 : 1;
  }
  get line(): boolean { return this.reason !== 1; }

  read(register: number): number {
    switch (register) {
      case 0: return this.latch ? this.divisor[0]! : this.received.shift() ?? 0;
      case 1: return this.latch ? this.divisor[1]! : this.ier;
      case 2: {
        const { reason } = this;
        if (reason === 2) this.emptied = false;
        return reason | (this.fifo ? 0xc0 : 0);
      }
      case 3: return this.lcr;
      case 4: return this.mcr;
      case 5: {
        const lsr = Lsr.empty | (this.received.length > 0 ? Lsr.ready : 0) | (this.overrun ? Lsr.overrun : 0);
        this.overrun = false;
        return lsr;
      }
      case 6: return this.loop ? ((this.mcr & 2) << 3) | ((this.mcr & 1) << 5) | ((this.mcr & 0xc) << 4) : 0xb0;
      case 7: return this.scratch;
      default: return 0;
    }
  }
  write(register: number, value: number): void {
    switch (register) {
      case 0:
        if (this.latch) { this.divisor[0] = value; return; }
        this.emptied = true;
        if (this.loop) this.receive(value);
        else this.output.push(value);
        return;
      case 1:
        if (this.latch) { this.divisor[1] = value; return; }
        if (value & ~this.ier & Ier.empty) this.emptied = true;
        this.ier = value & 15;
        return;
      case 2:
        if (((value & 1) !== 0) !== this.fifo || value & 2) this.received = [];
        this.fifo = (value & 1) !== 0;
        return;
      case 3: this.lcr = value; return;
      case 4: this.mcr = value & 31; return;
      case 7: this.scratch = value; return;
    }
  }
}

const uart: Program = {
  name: 'uart',
  *main(sys, env) {
    const base = Number(env.args['base']);

    function fault(own: Syscalls, device: Uart): Reply {
      const utcb = own.utcb, address = utcb.word(2) * 4 + (utcb.word(1) & 3), access = decode(utcb.word(3)), at = address - base;
      if (access.store) device.write(at, utcb.x(access.register) & 255);
      else {
        const value = device.read(at);
        if (access.register !== 0) utcb.setX(access.register, access.signed && access.size === 1 ? (value << 24) >> 24 : value);
      }
      utcb.pc += access.length;
      return { label: Resume.go, mtd: Mtd.pc | Mtd.args | Mtd.regs };
    }

    yield* serve<Uart>(sys, env, 'uart', {
      mtd: Mtd.exit | Mtd.args | Mtd.regs | Mtd.pc,
      open: () => new Uart(),
      *request(own, { state }) {
        const { label } = own.utcb;
        if (label === Cause.guestPageFault) return fault(own, state);
        if (label === INPUT) {
          for (let i = 0; i < own.utcb.word(0); i++) state.receive(own.utcb.word(1 + i));
          return {};
        }
        if (label === OUTPUT) {
          const bytes = state.take();
          return { words: [bytes.length, ...bytes] };
        }
        if (label === LINE) return { words: [state.line ? 1 : 0] };
        return { label: Status.badOp };
      },
    });
  },
};
export default uart;
