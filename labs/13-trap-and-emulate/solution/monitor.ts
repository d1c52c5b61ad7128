import { Cause, Mtd, Resume, log, serve, type Client, type Program, type Reply, type Sys, type Syscalls } from 'tessera';

const SSTATUS = 0x100, SIE = 0x104, STVEC = 0x105, SSCRATCH = 0x140, SEPC = 0x141, SCAUSE = 0x142, STVAL = 0x143, SIP = 0x144, SATP = 0x180;
const ENABLED = 1n << 1n, WAS_ENABLED = 1n << 5n, FROM_S = 1n << 8n, SOFTWARE = 1n << 1n, INTERRUPT = 1n << 63n;
const ECALL_U = 8n, ILLEGAL = 2n, NOT_SUPPORTED = -2;

/** The writable bits of a register; the rest reads as 0. */
const WRITABLE: ReadonlyMap<number, bigint> = new Map([
  [SSTATUS, ENABLED | WAS_ENABLED | FROM_S], [SIE, SOFTWARE], [STVEC, ~2n], [SSCRATCH, ~0n], [SEPC, ~1n], [SCAUSE, ~0n], [STVAL, ~0n],
    [SIP, SOFTWARE], [SATP, 0n],
]);

/** A virtual processor: its privilege and its registers. */
class Processor {
  supervisor = true;
  line = '';
  private readonly csrs = new Map<number, bigint>();

  get(csr: number): bigint { return this.csrs.get(csr) ?? 0n; }
  set(csr: number, value: bigint): void { this.csrs.set(csr, BigInt.asUintN(64, value) & BigInt.asUintN(64, WRITABLE.get(csr)!)); }

  /** Enters the guest's handler; returns its address. */
  trap(cause: bigint, pc: bigint, value: bigint): bigint {
    const status = this.get(SSTATUS), vector = this.get(STVEC), base = vector & ~3n;
    this.set(SEPC, pc);
    this.set(SCAUSE, cause);
    this.set(STVAL, value);
    this.set(SSTATUS, ((status & ENABLED) !== 0n ? WAS_ENABLED : 0n) | (this.supervisor ? FROM_S : 0n));
    this.supervisor = true;
    return (cause & INTERRUPT) !== 0n && (vector & 1n) === 1n ? base + 4n * (cause & 63n) : base;
  }
  /** Leaves it. */
  sret(): bigint {
    const status = this.get(SSTATUS);
    this.supervisor = (status & FROM_S) !== 0n;
    this.set(SSTATUS, WAS_ENABLED | ((status & WAS_ENABLED) !== 0n ? ENABLED : 0n));
    return this.get(SEPC);
  }
  /** Where it continues instead of `pc`, because an interrupt may be due. */
  next(pc: bigint): bigint {
    const enabled = !this.supervisor || (this.get(SSTATUS) & ENABLED) !== 0n;
    return enabled && (this.get(SIE) & this.get(SIP) & SOFTWARE) !== 0n ? this.trap(INTERRUPT | 1n, pc, 0n) : pc;
  }
}

const monitor: Program = {
  name: 'monitor',
  *main(sys, env) {
    /** A privileged instruction: returns where the guest continues, or undefined for a forbidden or unknown one. */
    function emulate(own: Syscalls, processor: Processor, bits: number, pc: bigint): bigint | undefined {
      if (!processor.supervisor || (bits & 0x7f) !== 0x73) return undefined;
      const funct = (bits >>> 12) & 7, csr = bits >>> 20, rd = (bits >>> 7) & 31, rs = (bits >>> 15) & 31;
      if (funct === 0) {
        if (bits === 0x10200073) return processor.sret();
        return bits === 0x10500073 || (bits >>> 25 === 9 && rd === 0) ? pc + 4n : undefined;
      }
      if (funct === 4 || !WRITABLE.has(csr)) return undefined;
      const old = processor.get(csr), operand = funct >= 4 ? BigInt(rs) : rs === 0 ? 0n : own.utcb.xBig(rs), how = funct & 3;
      if (how === 1) processor.set(csr, operand);
      else if (rs !== 0) processor.set(csr, how === 2 ? old | operand : old & ~operand);
      if (rd !== 0) own.utcb.setXBig(rd, old);
      return pc + 4n;
    }

    /** An ecall of the guest's kernel to its firmware, which is this program. */
    function* firmware(own: Syscalls, client: Client<Processor>): Sys<boolean> {
      const processor = client.state, letter = own.utcb.x(10);
      switch (own.utcb.x(17)) {
        case 1:
          if (letter !== 10) processor.line += String.fromCharCode(letter & 255);
          else { const line = processor.line; processor.line = ''; yield* log(own, env, `${client.name}: ${line}`); }
          return true;
        case 8:
          yield* log(own, env, `${client.name} is off`);
          return false;
        default: return true;
      }
    }

    function* event(own: Syscalls, client: Client<Processor>): Sys<Reply> {
      const processor = client.state, utcb = own.utcb, pc = BigInt(utcb.pc), cause = BigInt(utcb.word(0)), value = BigInt(utcb.word(1));
      let next: bigint;
      if (utcb.label === Cause.syscall && processor.supervisor) {
        const eid = utcb.x(17), x = Array.from({ length: 32 }, (_, i) => (i === 0 ? 0n : utcb.xBig(i)));
        if (!(yield* firmware(own, client))) return { label: Resume.stop };
        x.forEach((v, i) => { if (i > 0) utcb.setXBig(i, v); });
        utcb.setX(10, eid === 1 ? 0 : NOT_SUPPORTED);
        next = pc;
      } else if (utcb.label === Cause.syscall) next = processor.trap(ECALL_U, pc - 4n, 0n);
      else if (utcb.label === Cause.illegal) next = emulate(own, processor, Number(value), pc) ?? processor.trap(ILLEGAL, pc, value);
      else next = processor.trap(cause, pc, value);
      utcb.pc = Number(processor.next(next));
      return { label: Resume.go, mtd: Mtd.pc | Mtd.args | Mtd.regs };
    }

    yield* serve<Processor>(sys, env, 'monitor', {
      mtd: Mtd.exit | Mtd.args | Mtd.regs | Mtd.pc,
      open: () => new Processor(),
      *request(own, client) { return yield* event(own, client); },
    });
  },
};
export default monitor;
