/**
 * One hart: its registers (in linear memory, shared with generated code), its place in virtual time, and the interface
 * that supervisors and firmware written in TypeScript use.
 *
 * Time. While a hart runs, BUDGET counts down to the end of its slice: cycles = sliceEnd - BUDGET. Charged cycles shorten
 * the budget, so that a slice ends at the same cycle however it was spent.
 */
import { HART_BYTES, HARTS, HS } from '../engine/layout.ts';
import type { HartApi } from '../api.ts';
import { CONTEXT_SLOTS, Contexts } from './contexts.ts';
import type { Context } from './tlb-pool.ts';
import { epcMask } from './csr-status.ts';
import { readCsr, writeCsr } from './csr.ts';
import { ENVCFG, HSTATUS, IP, IP_S, IP_VS, MSTATUS } from './bits.ts';
import type { Features } from './features.ts';
import { NestedFaults } from './nested.ts';
import type { HartHost } from './host.ts';
import { Mmu } from './mmu.ts';
import { Pmp } from './pmp.ts';
import { C, SLOTS } from './slots.ts';
import { readGuestCode } from './guest-access.ts';
import { GuestLines } from './guest-lines.ts';
import { Hpm } from './hpm.ts';
import { noStep } from './step.ts';
import { HartTimers } from './timers.ts';

const PC = HS.PC >> 2;
const BUDGET = HS.BUDGET >> 2;
const SLICE = HS.SLICE >> 2;
const INSTRET = HS.INSTRET >> 3;

export class Hart implements HartApi {
  readonly id: number;
  readonly host: HartHost;
  /** Bits of an ASID and of a VMID that the processor keeps. */
  readonly asidMask: number;
  readonly vmidMask: number;
  /** The present features: misa may switch some of them off. */
  features: Features;
  /** The hart block as words, index HS.name >> 2, and as doubles. */
  readonly w: Int32Array;
  readonly d: Float64Array;
  /** CSR values as pairs of words, indexed by slots.ts. */
  readonly c: Int32Array;
  readonly x: BigInt64Array;
  readonly f: BigInt64Array;
  readonly x32: Int32Array;
  readonly pc32: Int32Array;
  readonly f32: Int32Array;
  /** The same as numbers: f registers as doubles; their lower halves as singles (index 2 * i). Never for NaNs. */
  readonly fd: Float64Array;
  readonly fs: Float32Array;
  readonly mmu: Mmu;
  readonly pmp: Pmp;
  readonly contexts: Contexts;
  readonly timers: HartTimers;
  readonly hpm: Hpm;
  readonly guestLines: GuestLines;

  /** Traps taken in any mode: by exception code, interrupts from 64 on. */
  readonly traps = new Float64Array(128);

  /** A CSR value in transit between table rows and instructions. */
  lo = 0;
  hi = 0;
  /** In wfi or idle: nothing to do until an enabled interrupt is pending. Parked: nothing to do until started. */
  waiting = false;
  /** Hosted: the supervisor must be told that the wait is over. */
  woken = false;
  parked = false;
  /** Cycle of the last `wfi` that had nothing to wait for. */
  polledAt = -Infinity;
  /** Privilege and virtualization of loads and stores (they differ from those of the hart under MPRV). */
  dataPriv = 3;
  dataVirt = false;
  context: Context | undefined;
  readonly step = noStep();
  /** Cycle at which BUDGET reaches zero. */
  sliceEnd = 0;
  readonly nested = new NestedFaults();
  causeCode = 0;
  causeIsInterrupt = false;
  tvalLo = 0;
  tvalHi = 0;

  constructor(id: number, host: HartHost) {
    this.id = id;
    this.host = host;
    this.features = host.features;
    this.asidMask = host.model.asids ? 0xffff : 0;
    this.vmidMask = host.model.vmids ? 0x3fff : 0;
    const base = HARTS + id * HART_BYTES;
    const buffer = host.linear.memory.buffer;
    this.w = new Int32Array(buffer, base, HART_BYTES / 4);
    this.d = new Float64Array(buffer, base, HART_BYTES / 8);
    this.c = new Int32Array(buffer, base + HS.CSRS, SLOTS);
    this.x = new BigInt64Array(buffer, base + HS.X, 32);
    this.x32 = new Int32Array(buffer, base + HS.X, 64);
    this.pc32 = new Int32Array(buffer, base + HS.PC, 2);
    this.f = new BigInt64Array(buffer, base + HS.F, 32);
    this.f32 = new Int32Array(buffer, base + HS.F, 64);
    this.fd = new Float64Array(buffer, base + HS.F, 32);
    this.fs = new Float32Array(buffer, base + HS.F, 64);
    this.pmp = new Pmp(this.c);
    this.mmu = new Mmu(this);
    this.contexts = new Contexts(host.linear, host.tlbs);
    this.timers = new HartTimers(this);
    this.hpm = new Hpm(this);
    this.guestLines = new GuestLines(this);
    this.reset();
  }

  /** Reset state: M mode at address 0; state that the specification leaves open is zero. @spec priv 3.4 */
  reset(): void {
    this.w.fill(0);
    this.features = this.host.features;
    this.c[C.mstatus + 1] = 2 | (2 << 2);
    this.c[C.mideleg] = this.features.h ? IP_VS | this.guestLines.bit : 0;
    this.c[C.hstatus + 1] = HSTATUS.VSXL_HI;
    this.c[C.vsstatus + 1] = 2;
    this.c[C.stimecmp] = this.c[C.stimecmp + 1] = -1;
    this.c[C.vstimecmp] = this.c[C.vstimecmp + 1] = -1;
    this.w[HS.PRIV >> 2] = 3;
    this.w[HS.EPC_MASK >> 2] = epcMask(this.features);
    this.timers.reset();
    this.hpm.reset();
    this.guestLines.reset();
    this.polledAt = -Infinity;
    this.pmp.update();
    this.flushTlbs();
  }

  // ---- registers -------------------------------------------------------------------------------------------------

  num(i: number): number { return this.x32[2 * i + 1] * 0x1_0000_0000 + (this.x32[2 * i] >>> 0); }

  setNum(i: number, value: number): void {
    this.x32[2 * i] = value % 0x1_0000_0000;
    this.x32[2 * i + 1] = Math.floor(value / 0x1_0000_0000);
  }

  get pc(): bigint { return BigInt.asUintN(64, (BigInt(this.w[PC + 1]) << 32n) | BigInt(this.w[PC] >>> 0)); }
  set pc(value: bigint) {
    this.w[PC] = Number(BigInt.asIntN(32, value));
    this.w[PC + 1] = Number(BigInt.asIntN(32, value >> 32n));
  }

  get pcNum(): number { return this.w[PC + 1] * 0x1_0000_0000 + (this.w[PC] >>> 0); }
  set pcNum(value: number) {
    this.w[PC] = value % 0x1_0000_0000;
    this.w[PC + 1] = Math.floor(value / 0x1_0000_0000);
  }

  get priv(): 0 | 1 | 3 { return this.w[HS.PRIV >> 2] as 0 | 1 | 3; }
  set priv(value: 0 | 1 | 3) { this.setMode(value, this.virt); }
  get virt(): boolean { return this.w[HS.VIRT >> 2] !== 0; }
  set virt(value: boolean) { this.setMode(this.priv, value); }
  get tvalNum(): number { return this.tvalHi * 0x1_0000_0000 + (this.tvalLo >>> 0); }

  get fcsr(): number { return this.w[HS.FFLAGS >> 2] | (this.w[HS.FRM >> 2] << 5); }
  set fcsr(value: number) {
    this.w[HS.FFLAGS >> 2] = value & 31;
    this.w[HS.FRM >> 2] = (value >> 5) & 7;
  }

  csr(number: number): bigint {
    if (!readCsr(this, number)) throw new RangeError(`hart: there is no CSR 0x${number.toString(16)}`);
    return (BigInt.asUintN(32, BigInt(this.hi)) << 32n) | BigInt.asUintN(32, BigInt(this.lo));
  }

  setCsr(number: number, value: bigint): void {
    const lo = Number(BigInt.asIntN(32, value));
    if (!writeCsr(this, number, lo, Number(BigInt.asIntN(32, value >> 32n))))
      throw new RangeError(`hart: no writable CSR 0x${number.toString(16)}`);
  }

  setX(i: number, lo: number, hi: number): void {
    if (i === 0) return;
    this.x32[2 * i] = lo;
    this.x32[2 * i + 1] = hi;
  }

  /** What interrupt controllers and timers drive into mip. */
  get wires(): number { return this.w[HS.WIRES >> 2]; }
  set wires(bits: number) { this.w[HS.WIRES >> 2] = bits; }

  // ---- mode and address space --------------------------------------------------------------------------------------

  setMode(priv: number, virt: boolean): void {
    if (this.w[HS.VIRT >> 2] !== 0) this.#countGuest();
    if (virt) this.#guestSince = this.instret;
    this.foldFs();
    if (this.hpm.filtered) this.hpm.settle();
    this.w[HS.PRIV >> 2] = priv;
    this.w[HS.VIRT >> 2] = virt ? 1 : 0;
    if (this.hpm.filtered) this.hpm.go(0);
    this.refresh();
  }

  /** Instructions retired in VU and in VS mode. */
  guestInstructions(): { readonly vu: number; readonly vs: number } {
    if (this.w[HS.VIRT >> 2] !== 0) this.#countGuest();
    return { vu: this.#guest[0], vs: this.#guest[1] };
  }
  #countGuest(): void {
    const now = this.instret;
    this.#guest[this.w[HS.PRIV >> 2] & 1] += now - this.#guestSince;
    this.#guestSince = now;
  }
  readonly #guest = new Float64Array(2);
  #guestSince = 0;

  /** Floating-point state that generated code dirtied becomes visible in the status registers. */
  foldFs(): void {
    if (this.w[HS.FS_DIRTY >> 2] === 0) return;
    this.w[HS.FS_DIRTY >> 2] = 0;
    this.c[C.mstatus] |= MSTATUS.FS;
    if (this.w[HS.VIRT >> 2] !== 0) this.c[C.vsstatus] |= MSTATUS.FS;
  }

  /** Mode, status or translation registers have changed: updates the legality of floating point, and the TLB. */
  refresh(): void {
    const words = this.w;
    const csrs = this.c;
    const status = csrs[C.mstatus];
    const priv = words[HS.PRIV >> 2];
    const virt = words[HS.VIRT >> 2] !== 0;
    words[HS.FS_ON >> 2] = (status & MSTATUS.FS) !== 0 && this.features.f && (!virt || (csrs[C.vsstatus] & MSTATUS.FS) !== 0) ? 1 : 0;
    const zero = csrs[C.menvcfg] & (virt ? csrs[C.henvcfg] : -1) & (priv === 0 ? csrs[C.senvcfg] : -1) & ENVCFG.CBZE;
    words[HS.ZERO_ON >> 2] = priv === 3 || zero !== 0 ? 1 : 0;
    this.#namesSupervisor(priv, virt);
    let dataPriv = priv;
    let dataVirt = virt;
    let slot = 0;
    if (priv === 3 && (status & MSTATUS.MPRV) !== 0) {
      dataPriv = (status >> MSTATUS.MPP_SHIFT) & 3;
      dataVirt = dataPriv !== 3 && (csrs[C.mstatus + 1] & MSTATUS.MPV_HI) !== 0;
      slot = CONTEXT_SLOTS.mprv;
    }
    this.dataPriv = dataPriv;
    this.dataVirt = dataVirt;
    if ((status & MSTATUS.MXR) !== 0) slot |= CONTEXT_SLOTS.mxr;
    if (dataVirt) {
      const guest = csrs[C.vsstatus];
      if ((guest & MSTATUS.SUM) !== 0) slot |= CONTEXT_SLOTS.sum;
      if ((guest & MSTATUS.MXR) !== 0) slot |= CONTEXT_SLOTS.guestMxr;
    } else if ((status & MSTATUS.SUM) !== 0) slot |= CONTEXT_SLOTS.sum;
    const context = this.contexts.enter(slot | dataPriv, dataVirt, csrs);
    this.context = context;
    words[HS.TLB >> 2] = context.tlb;
  }

  /** Tells generated code which registers the names sstatus, sscratch … mean. A guest's copies are adjacent, as the hart's own are. */
  #namesSupervisor(priv: number, virt: boolean): void {
    const csrs = HARTS + this.id * HART_BYTES + HS.CSRS;
    this.w[HS.SUPER >> 2] = priv === 0 ? 0 : csrs + (virt ? 4 * (C.vsscratch - C.sscratch) : 0);
    this.w[HS.STATUS >> 2] = priv === 0 ? 0 : csrs + 4 * (virt ? C.vsstatus : C.mstatus);
  }

  /** Drops everything cached from page tables or PMP. */
  flushTlbs(): void {
    this.mmu.forgetGuest();
    this.contexts.flushAll();
    this.refresh();
  }

  enter(pc: bigint, priv: 0 | 1, virt: boolean): void {
    this.pc = pc;
    this.resume(priv, virt);
  }

  /** Like `enter`, at the pc as it is. */
  resume(priv: 0 | 1, virt: boolean): void {
    this.waiting = false;
    if (this.w[HS.PRIV >> 2] !== priv || (this.w[HS.VIRT >> 2] !== 0) !== virt) this.setMode(priv, virt);
  }

  leftBy(cycles: number): number {
    const word = this.c[C.htinst] === 0 ? readGuestCode(this) : undefined;
    if (word === undefined) return this.c[C.htinst] >>> 0;
    this.charge(cycles);
    return 2 ** 32 + word;
  }

  /** Advances the pc by this many bytes: past an `ecall`, or an instruction that the supervisor has emulated. */
  advance(bytes: number): void {
    const lo = (this.w[PC] >>> 0) + bytes;
    this.w[PC] = lo;
    if (lo > 0xffff_ffff) this.w[PC + 1]++;
  }

  // (a slice that was cut short keeps one cycle)
  get undisturbed(): boolean { return this.w[BUDGET] > 1 && (this.pending & this.c[C.mie]) === 0; }

  idle(): void { this.waiting = true; }

  switchSpace(root: number, asid: number, mode = this.host.hostedMode): void {
    const ppn = Math.floor(root / 4096);
    this.c[C.satp] = ppn;
    this.c[C.satp + 1] = (mode << 28) | ((asid & this.asidMask) << 12) | (Math.floor(ppn / 0x1_0000_0000) & 0xfff);
    this.contexts.spaceChanged();
    this.refresh();
  }

  sfenceVma(va?: number, asid?: number): void {
    this.contexts.fence(va === undefined ? undefined : Math.floor(va / 4096), asid === undefined ? undefined : asid & this.asidMask);
  }

  hfenceGvma(_gpa?: number, vmid?: number): void {
    this.mmu.forgetGuest();
    this.contexts.fenceGuest(undefined, undefined, vmid === undefined ? undefined : vmid & this.vmidMask);
  }

  // ---- time --------------------------------------------------------------------------------------------------------

  get cycles(): number { return this.sliceEnd - this.w[BUDGET]; }
  /** Instructions of this slice. */
  get retired(): number { return this.w[SLICE] - this.w[BUDGET]; }
  get instret(): number { return this.d[INSTRET] + this.w[SLICE] - this.w[BUDGET]; }

  charge(cycles: number): void {
    const budget = this.w[BUDGET];
    if (cycles <= budget) {
      this.w[BUDGET] = budget - cycles;
      this.w[SLICE] -= cycles;
    } else {
      this.w[BUDGET] = 0;
      this.w[SLICE] -= budget;
      this.sliceEnd += cycles - budget;
    }
  }

  /** Ends the slice at this cycle if it would last longer; the current instruction still counts. */
  shorten(cycle: number): void {
    const left = Math.max(1, cycle - this.cycles);
    const cut = this.w[BUDGET] - left;
    if (cut <= 0) return;
    this.w[BUDGET] -= cut;
    this.w[SLICE] -= cut;
    this.sliceEnd -= cut;
  }

  /** Ends the slice after the current instruction, because an interrupt may have become possible. */
  endSlice(): void { this.shorten(0); }

  beginSlice(cycles: number): void {
    this.sliceEnd += cycles;
    this.w[BUDGET] = this.w[SLICE] = cycles;
  }

  finishSlice(): void {
    this.sliceEnd -= this.w[BUDGET];
    this.d[INSTRET] += this.w[SLICE] - this.w[BUDGET];
    this.w[BUDGET] = this.w[SLICE] = 0;
  }

  /** The current instruction is complete although the engine gets JUMP: counts it and advances the pc. */
  retire(length: number): void {
    this.w[BUDGET]--;
    this.advance(length);
  }

  setTimer(cycle: number): void { this.timers.setHosted(cycle); }

  kick(): void { this.drive(IP.SSI, true); }
  /** The machine is about to call the supervisor, which answers the kick. */
  endKick(): void { this.wires &= ~IP.SSI; }

  // ---- interrupts --------------------------------------------------------------------------------------------------

  /** A level at an interrupt input of mip (a mask of bits). */
  drive(mask: number, level: boolean): void {
    const before = this.wires;
    this.wires = level ? before | mask : before & ~mask;
    if (this.wires !== before && level) this.host.interruptRaised(this);
  }

  /** mip, lower word (the upper is zero). @spec priv 3.1.9 */
  get pending(): number { return this.wires | this.c[C.softPending] | this.c[C.hvip]; }

  /** After a change of enables, delegation or pending bits: ends the slice if an interrupt can be taken now. */
  interruptsChanged(): void {
    if ((this.pending & this.c[C.mie]) !== 0) this.endSlice();
  }

  /**
   * After a return from a trap, which has retired: takes an interrupt that is possible now before the next instruction.
   * @spec priv 3.1.9
   */
  endSliceIfInterrupted(): boolean {
    if ((this.pending & this.c[C.mie]) === 0) return false;
    const left = this.w[BUDGET];
    this.w[BUDGET] = 0;
    this.w[SLICE] -= left;
    this.sliceEnd -= left;
    return true;
  }

  /** Hosted machines and built-in firmware start in the state that M-mode firmware would have set up. */
  presetForSupervisor(): void {
    const words = this.c;
    words[C.mideleg] |= IP_S | (this.features.sscofpmf ? IP.LCOFI : 0);
    words[C.mcounteren] = words[C.scounteren] = -1;
    writeCsr(this, 0x30a, ENVCFG.CBIE | ENVCFG.CBCFE | ENVCFG.CBZE, ENVCFG.ADUE_HI | ENVCFG.PBMTE_HI | ENVCFG.STCE_HI);
    for (let n = 0; n < 4; n++) writeCsr(this, 0x30c + n, 0, -1); // mstateen<n>
    words[C.pmpaddr] = -1; words[C.pmpaddr + 1] = 0x3f_ffff;
    words[C.pmpcfg0] = 0x1f;
    this.pmp.update();
    this.setMode(1, false);
  }
}
