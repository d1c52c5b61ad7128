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
export function raise(hart: Hart, cause: number, tvalLo: number, tvalHi: number, guest = false): number {
  const guestAddress = (guest || hart.w[VIRT] !== 0) && ((ADDRESS >> cause) & 1) !== 0;
  return trap(hart, cause, false, tvalLo, tvalHi, 0, 0, 0, guestAddress);
}

/** Raises the fault that the walker found, for virtual address hi:lo. `guest`: the access was made as a guest (V, MPRV, hlv). */
export function raiseFault(hart: Hart, lo: number, hi: number, guest: boolean): number {
  const mmu = hart.mmu;
  const cause = mmu.cause;
  if (cause < 20) return trap(hart, cause, false, lo, hi, 0, 0, 0, guest);
  const instruction = mmu.implicit !== 0 ? (mmu.implicit === 1 ? 0x3000 : 0x3020)
    : hart.host.model.htinst ? transformedInstruction(hart, cause, lo)
    : 0;
  return trap(hart, cause, false, lo, hi, mmu.gpaLo, mmu.gpaHi, instruction, guest);
}

/** Illegal instruction: tval is the instruction as memory contains it. */
export function illegalInstruction(h: Hart): number { return raise(h, Cause.illegal, rawInstruction(h), 0); }

/** @spec priv 21.6.1 */
export function virtualInstruction(h: Hart): number { return raise(h, Cause.virtualInstruction, rawInstruction(h), 0); }

/** Where interrupts begin in `Hart.traps`. */
export const TRAP_INTERRUPT = 64;

/** Takes the interrupt `number` (its bit in mip), delegated to M (3), HS (1) or VS (0). */
export function takeInterrupt(hart: Hart, number: number, target: number): void {
  hart.traps[TRAP_INTERRUPT + number]++;
  if (target === 0) return enterGuest(hart, number - 1, INTERRUPT_HI, 0, 0);
  note(hart, number, true, 0, 0);
  // Reports a kick or the timer to a hosted supervisor once.
  if (hart.host.supervisor !== undefined) hart.drive((1 << number) & (IP.SSI | IP.STI), false);
  if (target === 3) enterMachine(hart, number, INTERRUPT_HI, 0, 0, 0, 0, 0, false);
  else enterSupervisor(hart, number, INTERRUPT_HI, 0, 0, 0, 0, 0, false);
}

function trap(hart: Hart, cause: number, _irq: false, tvalLo: number, tvalHi: number, gpaLo: number, gpaHi: number, instruction: number,
    guest: boolean): number {
  const bit = 1 << cause;
  const priv = hart.w[PRIV];
  hart.traps[cause]++;
  const hosted = hart.host.supervisor !== undefined;
  if (!hosted && (priv === 3 || (hart.c[C.medeleg] & bit) === 0)) {
    note(hart, cause, false, tvalLo, tvalHi);
    if (priv === 3 && nested(hart, cause, tvalLo, tvalHi)) return onlyFaults(hart);
    if (cause === Cause.ecallS && hart.host.firmware !== undefined) return callFirmware(hart);
    enterMachine(hart, cause, 0, tvalLo, tvalHi, gpaLo, gpaHi, instruction, guest);
    return afterTrap(hart);
  }
  if (hart.w[VIRT] !== 0 && (hart.c[C.hedeleg] & bit) !== 0) {
    if (priv === 1 && nested(hart, cause, tvalLo, tvalHi)) return hosted ? doubleTrap(hart) : onlyFaults(hart);
    enterGuest(hart, cause, 0, tvalLo, tvalHi);
    return afterTrap(hart);
  }
  note(hart, cause, false, tvalLo, tvalHi);
  if (!hosted && priv === 1 && hart.w[VIRT] === 0 && nested(hart, cause, tvalLo, tvalHi)) return onlyFaults(hart);
  enterSupervisor(hart, cause, 0, tvalLo, tvalHi, gpaLo, gpaHi, instruction, guest);
  return hosted ? afterSupervisor(hart) : afterTrap(hart);
}

const nested = (h: Hart, cause: number, tvalLo: number, tvalHi: number): boolean =>
  h.nested.another(h.instret, h.w[PC], h.w[PC + 1], cause, tvalLo, tvalHi);

/** Stops the machine; its driver reports the reason. */
function onlyFaults(hart: Hart): number {
  hart.nested.over();
  hart.host.onlyFaults(hart.id);
  return SLOW.LEAVE;
}

/** A guest that only faults does not run for ever: its monitor gets an exit, as with Ssdbltrp. @spec priv 21.6.1 */
function doubleTrap(hart: Hart): number {
  const { cause, tvalLo, tvalHi } = hart.nested;
  hart.nested.over();
  hart.c[C.vsepc] = hart.nested.pcLo;
  hart.c[C.vsepc + 1] = hart.nested.pcHi;
  hart.c[C.vscause] = cause;
  hart.c[C.vscause + 1] = 0;
  note(hart, Cause.doubleTrap, false, tvalLo, tvalHi);
  enterSupervisor(hart, Cause.doubleTrap, 0, tvalLo, tvalHi, 0, 0, 0, false);
  return afterSupervisor(hart);
}

function note(hart: Hart, cause: number, interrupt: boolean, tvalLo: number, tvalHi: number): void {
  hart.causeCode = cause;
  hart.causeIsInterrupt = interrupt;
  hart.tvalLo = tvalLo;
  hart.tvalHi = tvalHi;
}

function callFirmware(hart: Hart): number {
  hart.retire(4);
  hart.host.firmware!.ecall(hart);
  return afterSupervisor(hart);
}

/** A trap takes a cycle: software that faults at its own trap vector, for ever, does not stop time. */
function afterTrap(hart: Hart): number {
  hart.charge(1);
  return hart.w[HS.BUDGET >> 2] <= 0 ? SLOW.LEAVE : SLOW.JUMP;
}

/** TypeScript has handled the trap: continue unless the hart now waits or its time is used up. */
function afterSupervisor(h: Hart): number {
  return h.waiting || h.parked || h.w[HS.BUDGET >> 2] <= 0 ? SLOW.LEAVE : SLOW.JUMP;
}

/** A trap out of a virtual machine costs the cycles of the processor model (`exit=`). */
function leaveGuest(hart: Hart): void {
  if (hart.w[VIRT] === 0) return;
  const { exitCycles } = hart.host.model;
  if (exitCycles !== 0) hart.charge(exitCycles);
}

/** @spec priv 3.1.6.1, 3.1.8, 3.1.14, 3.1.15, 3.1.16, 21.4.1, 21.4.4, 21.4.5, 21.6.2 */
function enterMachine(hart: Hart, cause: number, causeHi: number, tvalLo: number, tvalHi: number, gpaLo: number, gpaHi: number,
    instruction: number, guest: boolean): void {
  const words = hart.c;
  hart.foldFs();
  leaveGuest(hart);
  words[C.mepc] = hart.w[PC];
  words[C.mepc + 1] = hart.w[PC + 1];
  words[C.mcause] = cause;
  words[C.mcause + 1] = causeHi;
  words[C.mtval] = tvalLo;
  words[C.mtval + 1] = tvalHi;
  words[C.mtval2] = gpaLo;
  words[C.mtval2 + 1] = gpaHi;
  words[C.mtinst] = instruction;
  words[C.mtinst + 1] = 0;
  const status = words[C.mstatus];
  const enabled = (status & MSTATUS.MIE) !== 0 ? MSTATUS.MPIE : 0;
  words[C.mstatus] = (status & ~(MSTATUS.MIE | MSTATUS.MPIE | MSTATUS.MPP)) | enabled | (hart.w[PRIV] << MSTATUS.MPP_SHIFT);
  words[C.mstatus + 1] =
    (words[C.mstatus + 1] & ~(MSTATUS.MPV_HI | MSTATUS.GVA_HI)) | (hart.w[VIRT] !== 0 ? MSTATUS.MPV_HI : 0) | (guest ? MSTATUS.GVA_HI : 0);
  vector(hart, C.mtvec, cause, causeHi);
  hart.setMode(3, false);
}

/** @spec priv 12.1.1, 12.1.7, 12.1.8, 12.1.9, 21.2.1, 21.2.8, 21.2.9, 21.6.2 */
function enterSupervisor(hart: Hart, cause: number, causeHi: number, tvalLo: number, tvalHi: number, gpaLo: number, gpaHi: number,
    instruction: number, guest: boolean): void {
  const words = hart.c;
  hart.foldFs();
  leaveGuest(hart);
  const fromGuest = hart.w[VIRT] !== 0;
  const supervisorBit = hart.w[PRIV] & 1;
  words[C.sepc] = hart.w[PC];
  words[C.sepc + 1] = hart.w[PC + 1];
  words[C.scause] = cause;
  words[C.scause + 1] = causeHi;
  words[C.stval] = tvalLo;
  words[C.stval + 1] = tvalHi;
  words[C.htval] = gpaLo;
  words[C.htval + 1] = gpaHi;
  words[C.htinst] = instruction;
  words[C.htinst + 1] = 0;
  let hstatus = words[C.hstatus] & ~(HSTATUS.SPV | HSTATUS.GVA);
  if (guest) hstatus |= HSTATUS.GVA;
  if (fromGuest) hstatus = (hstatus & ~HSTATUS.SPVP) | HSTATUS.SPV | (supervisorBit !== 0 ? HSTATUS.SPVP : 0);
  words[C.hstatus] = hstatus;
  words[C.mstatus] = stacked(words[C.mstatus], supervisorBit);
  const supervisor = hart.host.supervisor;
  if (supervisor !== undefined) {
    hart.endKick();
    return supervisor.trap(hart);
  }
  vector(hart, C.stvec, cause, causeHi);
  hart.setMode(1, false);
}

/** @spec priv 21.2.15, 21.2.16, 21.2.17, 21.6.2 */
function enterGuest(hart: Hart, cause: number, causeHi: number, tvalLo: number, tvalHi: number): void {
  const words = hart.c;
  words[C.vsepc] = hart.w[PC];
  words[C.vsepc + 1] = hart.w[PC + 1];
  words[C.vscause] = cause;
  words[C.vscause + 1] = causeHi;
  words[C.vstval] = tvalLo;
  words[C.vstval + 1] = tvalHi;
  words[C.vsstatus] = stacked(words[C.vsstatus], hart.w[PRIV] & 1);
  vector(hart, C.vstvec, cause, causeHi);
  hart.setMode(1, true);
}

/** SPP and SPIE remember, SIE goes off. */
function stacked(status: number, supervisorBit: number): number {
  const enabled = (status & MSTATUS.SIE) !== 0 ? MSTATUS.SPIE : 0;
  return (status & ~(MSTATUS.SIE | MSTATUS.SPIE | MSTATUS.SPP)) | enabled | (supervisorBit !== 0 ? MSTATUS.SPP : 0);
}

/** @spec priv 3.1.7, 12.1.2, 21.2.13 */
function vector(hart: Hart, slot: number, cause: number, causeHi: number): void {
  const base = hart.c[slot];
  hart.w[PC] = base & ~3;
  hart.w[PC + 1] = hart.c[slot + 1];
  if ((base & 1) !== 0 && causeHi !== 0) hart.advance(4 * cause);
}

/** mret. @spec priv 3.3.2, 21.6.4 */
export function mret(hart: Hart): number {
  if (hart.w[PRIV] !== 3) return illegalInstruction(hart);
  const words = hart.c;
  hart.foldFs();
  const status = words[C.mstatus];
  const priv = (status >> MSTATUS.MPP_SHIFT) & 3;
  const virt = priv !== 3 && (words[C.mstatus + 1] & MSTATUS.MPV_HI) !== 0;
  let next = (status & ~(MSTATUS.MIE | MSTATUS.MPP)) | MSTATUS.MPIE;
  if ((status & MSTATUS.MPIE) !== 0) next |= MSTATUS.MIE;
  if (priv !== 3) next &= ~MSTATUS.MPRV;
  words[C.mstatus] = next;
  words[C.mstatus + 1] &= ~MSTATUS.MPV_HI;
  return returnTo(hart, C.mepc, priv, virt);
}

/** sret, in M, HS and VS mode. @spec priv 3.3.2, 12.1.1, 21.6.4 */
export function sret(hart: Hart): number {
  const words = hart.c;
  const priv = hart.w[PRIV];
  if (hart.w[VIRT] !== 0) {
    if (priv === 0 || (words[C.hstatus] & HSTATUS.VTSR) !== 0) return virtualInstruction(hart);
    const status = words[C.vsstatus];
    words[C.vsstatus] = unstacked(status);
    return returnTo(hart, C.vsepc, (status & MSTATUS.SPP) !== 0 ? 1 : 0, true);
  }
  if (priv === 0 || (priv === 1 && (words[C.mstatus] & MSTATUS.TSR) !== 0)) return illegalInstruction(hart);
  hart.foldFs();
  const status = words[C.mstatus];
  const virt = (words[C.hstatus] & HSTATUS.SPV) !== 0;
  words[C.mstatus] = unstacked(status) & ~MSTATUS.MPRV;
  words[C.hstatus] &= ~HSTATUS.SPV;
  return returnTo(hart, C.sepc, (status & MSTATUS.SPP) !== 0 ? 1 : 0, virt);
}

function unstacked(status: number): number {
  const enabled = (status & MSTATUS.SPIE) !== 0 ? MSTATUS.SIE : 0;
  return (status & ~(MSTATUS.SIE | MSTATUS.SPP)) | MSTATUS.SPIE | enabled;
}

function returnTo(hart: Hart, epc: number, priv: number, virt: boolean): number {
  hart.retire(0);
  hart.nested.over();
  hart.w[PC] = hart.c[epc] & ~1;
  hart.w[PC + 1] = hart.c[epc + 1];
  hart.setMode(priv, virt);
  return hart.endSliceIfInterrupted() ? SLOW.LEAVE : SLOW.JUMP;
}
