/**
 * A supervisor in software: the registers and rules of S mode, for a guest whose kernel runs in U mode. It performs on plain values what a
 * processor does on a CSR instruction, a trap, `sret`, or an interrupt; the caller owns registers x, memory and time.
 *
 * The floating-point state is the real one, shared by the guest's kernel and its programs: FS reads as dirty unless it is off, which the
 * manual allows.
 * @spec priv 12.1
 */
import type { Decoded } from '../../hardware/isa/decode.ts';
import { S, type Utcb } from '../../microkernel/abi/index.ts';
import { Field, FIELD_OF, type VirtualState } from '../translate/virtual-state.ts';

const MASK64 = (1n << 64n) - 1n;
/** Of sstatus: writable bits are in its low half; UXL = 64 bits and SD in the high one. */
const Status = { sie: 1 << 1, spie: 1 << 5, spp: 1 << 8, fs: 3 << 13, sum: 1 << 18, mxr: 1 << 19 } as const;
const IMMEDIATE = 1 << 14, UXL = 2, DIRTY = 0x8000_0000;
const STATUS_BITS = Status.sie | Status.spie | Status.spp | Status.fs | Status.sum | Status.mxr;
/** Interrupts of the supervisor: software, timer, external; and their order. */
export const Irq = { software: 1n << 1n, timer: 1n << 5n, external: 1n << 9n } as const;
const ALL_IRQS = Irq.software | Irq.timer | Irq.external;
const ORDER = [9, 1, 5] as const;
const INTERRUPT = 1n << 63n;
/** senvcfg: FIOM, CBIE (2 is reserved), CBCFE, CBZE. */
const ENVCFG = 0xf1n, CBIE = 0x30n, CBIE_RESERVED = 0x20n;
const SATP_MODES: ReadonlySet<bigint> = new Set([0n, 8n, 9n, 10n]);

export const Csr = {
  sstatus: 0x100, sie: 0x104, stvec: 0x105, scounteren: 0x106, senvcfg: 0x10a, sscratch: 0x140, sepc: 0x141, scause: 0x142, stval: 0x143,
    sip: 0x144, stimecmp: 0x14d, satp: 0x180,
} as const;

/** Registers that hold a value and have no other effect. */
const HOLDERS: ReadonlySet<number> = new Set([Csr.sscratch, Csr.sepc, Csr.scause, Csr.stval]);

/** Registers that may be set from outside while the guest stands: nothing else depends on them. */
export const CSR_SHOWN: ReadonlySet<number> = new Set([Csr.stvec, Csr.scounteren, Csr.sscratch, Csr.sepc, Csr.scause, Csr.stval]);

/** The outcome of an instruction. `next`: the pc advances; `wait`: it advances once an interrupt is pending. */
export type Outcome = 'next' | 'illegal' | 'wait' | { readonly jump: bigint }
  | { readonly fence: { readonly address?: bigint; readonly asid?: bigint } };

/** Integer registers of the guest. */
export interface XRegisters { get(n: number): bigint; set(n: number, value: bigint): void }

export class Supervisor {
  /** The guest believes itself to be in S mode, or in U mode. */
  privileged = true;
  /** Active inputs: external from the interrupt controller, timer from the comparator or the monitor. */
  levels = 0n;
  readonly #sstc: boolean;
  #status = 0;
  #enabled = 0n;
  /** The pending bit that software may write. */
  #software = false;
  readonly #plain = new Map<number, bigint>();
  /** What the guest's kernel reads and writes itself, where it has a page for that (translate/stubs.ts); what was last written there. */
  #page: VirtualState | undefined;
  #published = 0;
  #waiting = false;

  constructor(sstc: boolean) { this.#sstc = sstc; }

  get sum(): boolean { return (this.#status & Status.sum) !== 0; }
  get mxr(): boolean { return (this.#status & Status.mxr) !== 0; }
  /** Floating point is on. */
  get float(): boolean { return (this.#status & Status.fs) !== 0; }
  get senvcfg(): bigint { return this.#get(Csr.senvcfg); }
  get scounteren(): bigint { return this.#get(Csr.scounteren); }
  get sepc(): bigint { return this.#get(Csr.sepc); }
  get scause(): bigint { return this.#get(Csr.scause); }
  get stvec(): bigint { return this.#get(Csr.stvec); }
  get satp(): bigint { return this.#get(Csr.satp); }
  get stimecmp(): bigint { return this.#plain.get(Csr.stimecmp) ?? MASK64; }
  get pending(): bigint { return this.levels | (this.#software ? Irq.software : 0n); }
  /** `wfi` resumes: global enables do not matter. */
  get wakes(): boolean { return (this.pending & this.#enabled) !== 0n; }
  /** Interrupts that would end a wait. */
  get enabled(): bigint { return this.#enabled; }
  raiseSoftware(): void { this.#software = true; }

  get #statusLow(): number { return this.#status | (this.float ? Status.fs : 0); }
  get #statusHigh(): number { return (UXL | (this.float ? DIRTY : 0)) >>> 0; }

  /**
   * A fast path for the most frequent instructions: accesses to sstatus that change only the interrupt enable or the state for the next
   * return, and to registers that only hold a value. False for any other instruction, without effect. `word`: the instruction.
   */
  quick(word: number, utcb: Utcb): boolean {
    const how = (word >>> 12) & 3, from = (word >>> 15) & 31, rd = (word >>> 7) & 31, at = S.x >> 2, old = this.#statusLow;
    if ((word & 0x7f) !== 0x73 || how === 0 || !this.privileged) return false;
    if (word >>> 20 !== Csr.sstatus) return this.#exchange(word, utcb);
    const value = (word & IMMEDIATE) !== 0 ? from : from === 0 ? 0 : utcb.u32[at + 2 * from]!;
    const next = (how === 1 ? value : how === 2 ? old | value : old & ~value) & STATUS_BITS;
    if (((next ^ old) & ~(Status.sie | Status.spie | Status.spp)) !== 0) return false;
    if (rd !== 0) {
      utcb.u32[at + 2 * rd] = old;
      utcb.u32[at + 2 * rd + 1] = this.#statusHigh;
    }
    if (how === 1 || from !== 0) this.#status = next;
    return true;
  }

  /** The same for a register that only holds what the guest has written: it is read, written, or both (`csrrw`, `csrr`). */
  #exchange(word: number, utcb: Utcb): boolean {
    const number = word >>> 20, from = (word >>> 15) & 31, rd = (word >>> 7) & 31, isWrite = ((word >>> 12) & 7) === 1;
    if (!HOLDERS.has(number) || (!isWrite && (((word >>> 12) & 7) !== 2 || from !== 0))) return false;
    const old = this.#get(number), value = from === 0 ? 0n : BigInt.asUintN(64, utcb.xBig(from));
    if (isWrite) this.#set(number, number === Csr.sepc ? value & ~1n : value);
    if (rd !== 0) utcb.setXBig(rd, BigInt.asIntN(64, old));
    return true;
  }

  // ── the page of virtual state ──

  usePage(page: VirtualState): void {
    const scratch = this.#get(Csr.sscratch);
    this.#page = page;
    for (const [number, field] of FIELD_OF) if (number !== Csr.sstatus) page.set(field, this.#get(number));
    page.set(Field.sscratch, scratch);
    this.#publish(page);
  }
  /** Its kernel has trapped: reads whether the guest switched interrupts on or off meanwhile. */
  refresh(): void {
    if (!this.#page) return;
    this.#published = this.#page.low(Field.status);
    this.#status = (this.#status & ~Status.sie) | (this.#published & Status.sie);
  }
  /** Writes the values that its kernel is about to read there. */
  publish(): void { if (this.#page && (this.#published !== this.#statusLow || this.#waiting !== this.wakes)) this.#publish(this.#page); }
  #publish(page: VirtualState): void {
    this.#published = this.#statusLow;
    this.#waiting = this.wakes;
    page.setWords(Field.status, this.#published, this.#statusHigh);
    page.setWords(Field.pending, this.#waiting ? 1 : 0, 0);
  }

  #get(number: number): bigint {
    return this.#page && number === Csr.sscratch ? this.#page.get(Field.sscratch) : this.#plain.get(number) ?? 0n;
  }
  #set(number: number, value: bigint): void {
    const field = this.#page && FIELD_OF.get(number);
    this.#plain.set(number, value);
    if (field !== undefined) this.#page!.set(field, value);
  }

  /** The value of a register; undefined: there is no such register, or not in this mode. */
  read(number: number): bigint | undefined { return this.privileged ? this.#read(number) : undefined; }
  /** For those outside, in any mode; what the guest's kernel has on its page is newer than what is here. */
  peek(number: number): bigint | undefined {
    const value = this.#read(number), page = this.#page;
    return page && number === Csr.sstatus ? (value! & ~BigInt(Status.sie)) | BigInt(page.low(Field.status) & Status.sie) : value;
  }
  poke(number: number, value: bigint): boolean { return this.#write(number, value); }

  #read(number: number): bigint | undefined {
    switch (number) {
      case Csr.sstatus: return (BigInt(this.#statusHigh) << 32n) | BigInt(this.#statusLow);
      case Csr.sie: return this.#enabled;
      case Csr.sip: return this.pending;
      case Csr.stimecmp: return this.#sstc ? this.stimecmp : undefined;
      case Csr.stvec: case Csr.scounteren: case Csr.senvcfg: case Csr.sscratch: case Csr.sepc: case Csr.scause: case Csr.stval:
      case Csr.satp: return this.#get(number);
      default: return undefined;
    }
  }

  /** Writes a register by its rules; false: there is no such register. */
  write(number: number, value: bigint): boolean { return this.privileged && this.#write(number, value); }
  #write(number: number, value: bigint): boolean {
    if (this.#read(number) === undefined) return false;
    switch (number) {
      case Csr.sstatus: this.#status = Number(value & 0xffff_ffffn) & STATUS_BITS; break;
      case Csr.sie: this.#enabled = value & ALL_IRQS; break;
      case Csr.sip: this.#software = (value & Irq.software) !== 0n; break;
      case Csr.stvec: this.#plain.set(number, value & ~2n); break;
      case Csr.sepc: this.#set(number, value & ~1n); break;
      case Csr.scounteren: this.#plain.set(number, value & 0xffff_ffffn); break;
      case Csr.senvcfg: this.#plain.set(number, (value & ENVCFG & CBIE) === CBIE_RESERVED
        ? (value & ENVCFG & ~CBIE) | (this.#get(number) & CBIE) : value & ENVCFG); break;
      case Csr.satp: if (SATP_MODES.has(value >> 60n)) this.#plain.set(number, value); break;
      default: this.#set(number, value);
    }
    return true;
  }

  /** A privileged instruction that has trapped in U mode. `pc` is its address. */
  execute({ row, operands }: Decoded, x: XRegisters): Outcome {
    switch (row.name) {
      case 'csrrw': case 'csrrs': case 'csrrc': return this.#access(row.name, operands.csr!, operands.rd!,
        BigInt.asUintN(64, x.get(operands.rs1!)), operands.rs1 !== 0, x);
      case 'csrrwi': case 'csrrsi': case 'csrrci': return this.#access(row.name.slice(0, 5), operands.csr!, operands.rd!,
        BigInt(operands.zimm!), operands.zimm !== 0, x);
      case 'sret': return this.privileged ? { jump: this.#return() } : 'illegal';
      case 'wfi': return this.privileged ? 'wait' : 'illegal';
      case 'sfence.w.inval': case 'sfence.inval.ir': return this.privileged ? 'next' : 'illegal';
      case 'sfence.vma': case 'sinval.vma': return this.privileged ? { fence: this.#fenced(operands.rs1!, operands.rs2!, x) } : 'illegal';
      default: return 'illegal';
    }
  }

  #fenced(rs1: number, rs2: number, x: XRegisters): { address?: bigint; asid?: bigint } {
    return { ...(rs1 !== 0 && { address: BigInt.asUintN(64, x.get(rs1)) }), ...(rs2 !== 0 && { asid: x.get(rs2) & 0xffffn }) };
  }

  /** @spec unpriv 6.1 */
  #access(how: string, number: number, rd: number, value: bigint, named: boolean, x: XRegisters): Outcome {
    const old = this.read(number);
    if (old === undefined) return 'illegal';
    if (how === 'csrrw') this.write(number, value);
    else if (named) this.write(number, how === 'csrrs' ? this.#before(number, old) | value : this.#before(number, old) & ~value);
    if (rd !== 0) x.set(rd, BigInt.asIntN(64, old));
    return 'next';
  }

  /** The value that set and clear operations modify: of sip, only the software bit. */
  #before(number: number, old: bigint): bigint { return number === Csr.sip ? (this.#software ? Irq.software : 0n) : old; }

  /** A trap into the guest's supervisor. Returns where it continues. @spec priv 12.1.1, 12.1.2 */
  trap(cause: bigint, value: bigint, pc: bigint): bigint {
    const enabled = (this.#status & Status.sie) !== 0;
    this.#status = (this.#status & ~(Status.sie | Status.spie | Status.spp)) | (enabled ? Status.spie : 0)
      | (this.privileged ? Status.spp : 0);
    this.#set(Csr.sepc, BigInt.asUintN(64, pc) & ~1n);
    this.#set(Csr.scause, cause);
    this.#set(Csr.stval, BigInt.asUintN(64, value));
    this.privileged = true;
    const vector = this.#get(Csr.stvec), base = vector & ~3n;
    return (vector & 1n) !== 0n && (cause & INTERRUPT) !== 0n ? base + 4n * (cause & ~INTERRUPT) : base;
  }

  /** `sret`. @spec priv 12.1.1 */
  #return(): bigint {
    const enabled = (this.#status & Status.spie) !== 0;
    this.privileged = (this.#status & Status.spp) !== 0;
    this.#status = (this.#status & ~(Status.sie | Status.spp)) | Status.spie | (enabled ? Status.sie : 0);
    return this.#get(Csr.sepc);
  }

  /** The cause of the interrupt that is due before the next instruction. @spec priv 12.1.3 */
  get interrupt(): bigint | undefined {
    const ready = this.pending & this.#enabled;
    if (ready === 0n || (this.privileged && (this.#status & Status.sie) === 0)) return undefined;
    const number = ORDER.find((n) => (ready & (1n << BigInt(n))) !== 0n);
    return number === undefined ? undefined : INTERRUPT | BigInt(number);
  }

  /** Registers as plain records. */
  save(): SupervisorState {
    return {
      privileged: this.privileged, status: BigInt(this.#status), enabled: this.#enabled, software: this.#software,
      plain: [...new Map(this.#plain).set(Csr.sscratch, this.#get(Csr.sscratch))],
    };
  }
  load(state: SupervisorState): void {
    this.privileged = state.privileged;
    this.#status = Number(state.status);
    this.#enabled = state.enabled;
    this.#software = state.software;
    this.#plain.clear();
    for (const [number, value] of state.plain) this.#set(number, value);
  }
}

export interface SupervisorState { readonly privileged: boolean; readonly status: bigint; readonly enabled: bigint;
  readonly software: boolean; readonly plain: readonly (readonly [number, bigint])[] }
