/**
 * Traps: their target mode, the CSRs they write, and the return. On a hosted machine HS mode is the supervisor, a
 * TypeScript object; with built-in firmware the environment calls of HS mode go to that. Otherwise software handles them.
 * @spec priv 3.1.6 @spec priv 21.6
 */
import { HS, SLOW } from '../engine/layout.ts';
import { Cause, HSTATUS, IP, MSTATUS } from './bits.ts';
import type { Hart } from './hart.ts';
import { C } from './slots.ts';
import { rawInstruction, transformedInstruction } from './tinst.ts';

const PC = HS.PC >> 2;
const PRIV = HS.PRIV >> 2;
const VIRT = HS.VIRT >> 2;

/** Exceptions whose tval is an address: under virtualization a guest virtual one. */
const ADDRESS = 0b1011_0000_1011_0000_1111_1011;
const INTERRUPT_HI = 1 << 31;

/** Raises an exception at the current instruction. Returns a SLOW code. `guest`: the access was made as a guest (MPRV, hlv). */
export function raise(h: Hart, cause: number, tvalLo: number, tvalHi: number, guest = false): number {
  const guestAddress = (guest || h.w[VIRT] !== 0) && ((ADDRESS >> cause) & 1) !== 0;
  return trap(h, cause, false, tvalLo, tvalHi, 0, 0, 0, guestAddress);
}

/** Raises the fault that the walker found, for virtual address hi:lo. `guest`: the access was made as a guest (V, MPRV, hlv). */
export function raiseFault(h: Hart, lo: number, hi: number, guest: boolean): number {
  const mmu = h.mmu;
  const cause = mmu.cause;
  if (cause < 20) return trap(h, cause, false, lo, hi, 0, 0, 0, guest);
  const instruction = mmu.implicit !== 0 ? (mmu.implicit === 1 ? 0x3000 : 0x3020)
    : h.host.model.htinst ? transformedInstruction(h, cause, lo)
    : 0;
  return trap(h, cause, false, lo, hi, mmu.gpaLo, mmu.gpaHi, instruction, guest);
}

/** Illegal instruction: tval is the instruction as memory contains it. */
export function illegalInstruction(h: Hart): number { return raise(h, Cause.illegal, rawInstruction(h), 0); }

/** @spec priv 21.6.1 */
export function virtualInstruction(h: Hart): number { return raise(h, Cause.virtualInstruction, rawInstruction(h), 0); }

/** Where interrupts begin in `Hart.traps`. */
export const TRAP_INTERRUPT = 64;

/** Takes the interrupt `number` (its bit in mip), delegated to M (3), HS (1) or VS (0). */
export function takeInterrupt(h: Hart, number: number, target: number): void {
  h.traps[TRAP_INTERRUPT + number]++;
  if (target === 0) return enterGuest(h, number - 1, INTERRUPT_HI, 0, 0);
  note(h, number, true, 0, 0);
  // Reports a kick or the timer to a hosted supervisor once.
  if (h.host.supervisor !== undefined) h.drive((1 << number) & (IP.SSI | IP.STI), false);
  if (target === 3) enterMachine(h, number, INTERRUPT_HI, 0, 0, 0, 0, 0, false);
  else enterSupervisor(h, number, INTERRUPT_HI, 0, 0, 0, 0, 0, false);
}

function trap(h: Hart, cause: number, _irq: false, tvalLo: number, tvalHi: number, gpaLo: number, gpaHi: number, instruction: number,
    guest: boolean): number {
  const bit = 1 << cause;
  const priv = h.w[PRIV];
  h.traps[cause]++;
  const hosted = h.host.supervisor !== undefined;
  if (!hosted && (priv === 3 || (h.c[C.medeleg] & bit) === 0)) {
    note(h, cause, false, tvalLo, tvalHi);
    if (priv === 3 && nested(h, cause, tvalLo, tvalHi)) return onlyFaults(h);
    if (cause === Cause.ecallS && h.host.firmware !== undefined) return callFirmware(h);
    enterMachine(h, cause, 0, tvalLo, tvalHi, gpaLo, gpaHi, instruction, guest);
    return afterTrap(h);
  }
  if (h.w[VIRT] !== 0 && (h.c[C.hedeleg] & bit) !== 0) {
    if (priv === 1 && nested(h, cause, tvalLo, tvalHi)) return hosted ? doubleTrap(h) : onlyFaults(h);
    enterGuest(h, cause, 0, tvalLo, tvalHi);
    return afterTrap(h);
  }
  note(h, cause, false, tvalLo, tvalHi);
  if (!hosted && priv === 1 && h.w[VIRT] === 0 && nested(h, cause, tvalLo, tvalHi)) return onlyFaults(h);
  enterSupervisor(h, cause, 0, tvalLo, tvalHi, gpaLo, gpaHi, instruction, guest);
  return hosted ? afterSupervisor(h) : afterTrap(h);
}

const nested = (h: Hart, cause: number, tvalLo: number, tvalHi: number): boolean =>
  h.nested.another(h.instret, h.w[PC], h.w[PC + 1], cause, tvalLo, tvalHi);

/** Stops the machine; its driver reports the reason. */
function onlyFaults(h: Hart): number {
  h.nested.over();
  h.host.onlyFaults(h.id);
  return SLOW.LEAVE;
}

/** A guest that only faults does not run for ever: its monitor gets an exit, as with Ssdbltrp. @spec priv 21.6.1 */
function doubleTrap(h: Hart): number {
  const { cause, tvalLo, tvalHi } = h.nested;
  h.nested.over();
  h.c[C.vsepc] = h.nested.pcLo;
  h.c[C.vsepc + 1] = h.nested.pcHi;
  h.c[C.vscause] = cause;
  h.c[C.vscause + 1] = 0;
  note(h, Cause.doubleTrap, false, tvalLo, tvalHi);
  enterSupervisor(h, Cause.doubleTrap, 0, tvalLo, tvalHi, 0, 0, 0, false);
  return afterSupervisor(h);
}

function note(h: Hart, cause: number, interrupt: boolean, tvalLo: number, tvalHi: number): void {
  h.causeCode = cause;
  h.causeIsInterrupt = interrupt;
  h.tvalLo = tvalLo;
  h.tvalHi = tvalHi;
}

function callFirmware(h: Hart): number {
  h.retire(4);
  h.host.firmware!.ecall(h);
  return afterSupervisor(h);
}

/** A trap takes a cycle: software that faults at its own trap vector, for ever, does not stop time. */
function afterTrap(h: Hart): number {
  h.charge(1);
  return h.w[HS.BUDGET >> 2] <= 0 ? SLOW.LEAVE : SLOW.JUMP;
}

/** TypeScript has handled the trap: continue unless the hart now waits or its time is used up. */
function afterSupervisor(h: Hart): number {
  return h.waiting || h.parked || h.w[HS.BUDGET >> 2] <= 0 ? SLOW.LEAVE : SLOW.JUMP;
}

/** A trap out of a virtual machine costs the cycles of the processor model (`exit=`). */
function leaveGuest(h: Hart): void {
  if (h.w[VIRT] === 0) return;
  const { exitCycles } = h.host.model;
  if (exitCycles !== 0) h.charge(exitCycles);
}

/** @spec priv 3.1.6.1, 3.1.8, 3.1.14, 3.1.15, 3.1.16, 21.4.1, 21.4.4, 21.4.5, 21.6.2 */
function enterMachine(h: Hart, cause: number, causeHi: number, tvalLo: number, tvalHi: number, gpaLo: number, gpaHi: number,
    instruction: number, guest: boolean): void {
  const c = h.c;
  h.foldFs();
  leaveGuest(h);
  c[C.mepc] = h.w[PC];
  c[C.mepc + 1] = h.w[PC + 1];
  c[C.mcause] = cause;
  c[C.mcause + 1] = causeHi;
  c[C.mtval] = tvalLo;
  c[C.mtval + 1] = tvalHi;
  c[C.mtval2] = gpaLo;
  c[C.mtval2 + 1] = gpaHi;
  c[C.mtinst] = instruction;
  c[C.mtinst + 1] = 0;
  const status = c[C.mstatus];
  const enabled = (status & MSTATUS.MIE) !== 0 ? MSTATUS.MPIE : 0;
  c[C.mstatus] = (status & ~(MSTATUS.MIE | MSTATUS.MPIE | MSTATUS.MPP)) | enabled | (h.w[PRIV] << MSTATUS.MPP_SHIFT);
  c[C.mstatus + 1] =
    (c[C.mstatus + 1] & ~(MSTATUS.MPV_HI | MSTATUS.GVA_HI)) | (h.w[VIRT] !== 0 ? MSTATUS.MPV_HI : 0) | (guest ? MSTATUS.GVA_HI : 0);
  vector(h, C.mtvec, cause, causeHi);
  h.setMode(3, false);
}

/** @spec priv 12.1.1, 12.1.7, 12.1.8, 12.1.9, 21.2.1, 21.2.8, 21.2.9, 21.6.2 */
function enterSupervisor(h: Hart, cause: number, causeHi: number, tvalLo: number, tvalHi: number, gpaLo: number, gpaHi: number,
    instruction: number, guest: boolean): void {
  const c = h.c;
  h.foldFs();
  leaveGuest(h);
  const fromGuest = h.w[VIRT] !== 0;
  const supervisorBit = h.w[PRIV] & 1;
  c[C.sepc] = h.w[PC];
  c[C.sepc + 1] = h.w[PC + 1];
  c[C.scause] = cause;
  c[C.scause + 1] = causeHi;
  c[C.stval] = tvalLo;
  c[C.stval + 1] = tvalHi;
  c[C.htval] = gpaLo;
  c[C.htval + 1] = gpaHi;
  c[C.htinst] = instruction;
  c[C.htinst + 1] = 0;
  let hstatus = c[C.hstatus] & ~(HSTATUS.SPV | HSTATUS.GVA);
  if (guest) hstatus |= HSTATUS.GVA;
  if (fromGuest) hstatus = (hstatus & ~HSTATUS.SPVP) | HSTATUS.SPV | (supervisorBit !== 0 ? HSTATUS.SPVP : 0);
  c[C.hstatus] = hstatus;
  c[C.mstatus] = stacked(c[C.mstatus], supervisorBit);
  const supervisor = h.host.supervisor;
  if (supervisor !== undefined) {
    h.endKick();
    return supervisor.trap(h);
  }
  vector(h, C.stvec, cause, causeHi);
  h.setMode(1, false);
}

/** @spec priv 21.2.15, 21.2.16, 21.2.17, 21.6.2 */
function enterGuest(h: Hart, cause: number, causeHi: number, tvalLo: number, tvalHi: number): void {
  const c = h.c;
  c[C.vsepc] = h.w[PC];
  c[C.vsepc + 1] = h.w[PC + 1];
  c[C.vscause] = cause;
  c[C.vscause + 1] = causeHi;
  c[C.vstval] = tvalLo;
  c[C.vstval + 1] = tvalHi;
  c[C.vsstatus] = stacked(c[C.vsstatus], h.w[PRIV] & 1);
  vector(h, C.vstvec, cause, causeHi);
  h.setMode(1, true);
}

/** SPP and SPIE remember, SIE goes off. */
function stacked(status: number, supervisorBit: number): number {
  const enabled = (status & MSTATUS.SIE) !== 0 ? MSTATUS.SPIE : 0;
  return (status & ~(MSTATUS.SIE | MSTATUS.SPIE | MSTATUS.SPP)) | enabled | (supervisorBit !== 0 ? MSTATUS.SPP : 0);
}

/** @spec priv 3.1.7, 12.1.2, 21.2.13 */
function vector(h: Hart, slot: number, cause: number, causeHi: number): void {
  const base = h.c[slot];
  h.w[PC] = base & ~3;
  h.w[PC + 1] = h.c[slot + 1];
  if ((base & 1) !== 0 && causeHi !== 0) h.advance(4 * cause);
}

/** mret. @spec priv 3.3.2, 21.6.4 */
export function mret(h: Hart): number {
  if (h.w[PRIV] !== 3) return illegalInstruction(h);
  const c = h.c;
  h.foldFs();
  const status = c[C.mstatus];
  const priv = (status >> MSTATUS.MPP_SHIFT) & 3;
  const virt = priv !== 3 && (c[C.mstatus + 1] & MSTATUS.MPV_HI) !== 0;
  let next = (status & ~(MSTATUS.MIE | MSTATUS.MPP)) | MSTATUS.MPIE;
  if ((status & MSTATUS.MPIE) !== 0) next |= MSTATUS.MIE;
  if (priv !== 3) next &= ~MSTATUS.MPRV;
  c[C.mstatus] = next;
  c[C.mstatus + 1] &= ~MSTATUS.MPV_HI;
  return returnTo(h, C.mepc, priv, virt);
}

/** sret, in M, HS and VS mode. @spec priv 3.3.2, 12.1.1, 21.6.4 */
export function sret(h: Hart): number {
  const c = h.c;
  const priv = h.w[PRIV];
  if (h.w[VIRT] !== 0) {
    if (priv === 0 || (c[C.hstatus] & HSTATUS.VTSR) !== 0) return virtualInstruction(h);
    const status = c[C.vsstatus];
    c[C.vsstatus] = unstacked(status);
    return returnTo(h, C.vsepc, (status & MSTATUS.SPP) !== 0 ? 1 : 0, true);
  }
  if (priv === 0 || (priv === 1 && (c[C.mstatus] & MSTATUS.TSR) !== 0)) return illegalInstruction(h);
  h.foldFs();
  const status = c[C.mstatus];
  const virt = (c[C.hstatus] & HSTATUS.SPV) !== 0;
  c[C.mstatus] = unstacked(status) & ~MSTATUS.MPRV;
  c[C.hstatus] &= ~HSTATUS.SPV;
  return returnTo(h, C.sepc, (status & MSTATUS.SPP) !== 0 ? 1 : 0, virt);
}

function unstacked(status: number): number {
  const enabled = (status & MSTATUS.SPIE) !== 0 ? MSTATUS.SIE : 0;
  return (status & ~(MSTATUS.SIE | MSTATUS.SPP)) | MSTATUS.SPIE | enabled;
}

function returnTo(h: Hart, epc: number, priv: number, virt: boolean): number {
  h.retire(0);
  h.nested.over();
  h.w[PC] = h.c[epc] & ~1;
  h.w[PC + 1] = h.c[epc + 1];
  h.setMode(priv, virt);
  return h.endSliceIfInterrupted() ? SLOW.LEAVE : SLOW.JUMP;
}
