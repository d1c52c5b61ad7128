/**
 * Privileged instructions: environment calls, wait, fences, cache-block operations.
 * @spec priv 3.3 @spec priv 12.2 @spec priv 21.3
 */
import { rs1, rs2 } from '../../hardware/isa/row.ts';
import { HS, SLOW } from '../engine/layout.ts';
import { Access, Cause, ENVCFG, HSTATUS, MSTATUS } from './bits.ts';
import type { Hart } from './hart.ts';
import { wakePending } from './interrupts.ts';
import { C } from './slots.ts';
import { illegalInstruction, raise, raiseFault, virtualInstruction } from './trap.ts';

const PC = HS.PC >> 2;
const PRIV = HS.PRIV >> 2;
const VIRT = HS.VIRT >> 2;
const BUDGET = HS.BUDGET >> 2;
const BLOCK = 64;

export type Handler = (h: Hart, insn: number) => number;

/** @spec priv 3.3.1 */
export function ecall(hart: Hart): number {
  const priv = hart.w[PRIV];
  const cause = priv === 3 ? Cause.ecallM : priv === 0 ? Cause.ecallU : hart.w[VIRT] !== 0 ? Cause.ecallVS : Cause.ecallS;
  return raise(hart, cause, 0, 0);
}

export const ebreak: Handler = (h) => raise(h, Cause.breakpoint, h.w[PC], h.w[PC + 1]);

/** A `wfi` that finds an interrupt pending this soon after another one is polling, as OpenSBI's unstarted harts do. */
const POLLING = 100;

/**
 * Sleeps until an enabled interrupt is pending; traps where a more privileged level asks for it. A hart that polls gives up the rest of its
 * turn, because it would only spin. @spec priv 3.3.3, 21.6.1
 */
export function wfi(hart: Hart): number {
  const priv = hart.w[PRIV];
  const virt = hart.w[VIRT] !== 0;
  if (priv !== 3 && (hart.c[C.mstatus] & MSTATUS.TW) !== 0) return illegalInstruction(hart);
  if (virt && (priv === 0 || (hart.c[C.hstatus] & HSTATUS.VTW) !== 0)) return virtualInstruction(hart);
  if (priv === 0) return illegalInstruction(hart);
  hart.retire(4);
  if (!wakePending(hart)) {
    hart.waiting = true;
    return SLOW.LEAVE;
  }
  if (hart.cycles - hart.polledAt <= POLLING) hart.charge(Math.max(hart.w[BUDGET], 0));
  hart.polledAt = hart.cycles;
  return SLOW.LEAVE;
}

/** Waits for a reservation to end: reservations end at slice ends, so there is nothing to wait for but time. @spec unpriv 14 */
export function waitOnReservation(hart: Hart): number {
  hart.retire(4);
  hart.w[HS.RES >> 2] = 0;
  return SLOW.JUMP;
}

/** Decoded code follows every store, so only the current fetch must be repeated. */
export function fenceI(hart: Hart): number {
  hart.retire(4);
  return SLOW.JUMP;
}

/** Page number of an address in a register: exact for sign-extended addresses. */
function pageOf(h: Hart, register: number): number | undefined {
  return register === 0 ? undefined : h.x32[2 * register + 1] * 0x10_0000 + (h.x32[2 * register] >>> 12);
}

function idOf(h: Hart, register: number, mask: number): number | undefined {
  return register === 0 ? undefined : h.x32[2 * register] & mask;
}

const currentVmid = (h: Hart): number => (h.c[C.hgatp + 1] >>> 12) & 0x3fff;

/** sfence.vma and sinval.vma: the hart's own address spaces, or under V the current virtual machine's. @spec priv 12.2.1, 15, 21.5.3 */
export function sfenceVma(hart: Hart, insn: number): number {
  const priv = hart.w[PRIV];
  const page = pageOf(hart, rs1(insn));
  const asid = idOf(hart, rs2(insn), hart.asidMask);
  if (hart.w[VIRT] !== 0) {
    if (priv === 0 || (hart.c[C.hstatus] & HSTATUS.VTVM) !== 0) return virtualInstruction(hart);
    hart.contexts.fenceGuest(page, asid, currentVmid(hart));
  } else {
    if (priv === 0 || (priv === 1 && (hart.c[C.mstatus] & MSTATUS.TVM) !== 0)) return illegalInstruction(hart);
    hart.contexts.fence(page, asid);
  }
  hart.retire(4);
  return SLOW.JUMP;
}

/** sfence.w.inval and sfence.inval.ir order what sinval does at once. @spec priv 15 */
export function orderInvalidations(hart: Hart): number {
  if (hart.w[PRIV] === 0) return hart.w[VIRT] !== 0 ? virtualInstruction(hart) : illegalInstruction(hart);
  return SLOW.NEXT;
}

/** hfence.vvma, hinval.vvma: the guest address spaces of the virtual machine that hgatp names. @spec priv 15, 21.3.2 */
export function hfenceVvma(hart: Hart, insn: number): number {
  if (!hart.features.h) return illegalInstruction(hart);
  if (hart.w[VIRT] !== 0) return virtualInstruction(hart);
  if (hart.w[PRIV] === 0) return illegalInstruction(hart);
  hart.contexts.fenceGuest(pageOf(hart, rs1(insn)), idOf(hart, rs2(insn), hart.asidMask), currentVmid(hart));
  hart.retire(4);
  return SLOW.JUMP;
}

/** hfence.gvma, hinval.gvma: contexts hold both stages combined, so an address flushes the whole machine. @spec priv 15, 21.3.2 */
export function hfenceGvma(hart: Hart, insn: number): number {
  if (!hart.features.h) return illegalInstruction(hart);
  if (hart.w[VIRT] !== 0) return virtualInstruction(hart);
  if (hart.w[PRIV] === 0 || (hart.w[PRIV] === 1 && (hart.c[C.mstatus] & MSTATUS.TVM) !== 0)) return illegalInstruction(hart);
  hart.mmu.forgetGuest();
  hart.contexts.fenceGuest(undefined, undefined, idOf(hart, rs2(insn), hart.vmidMask));
  hart.retire(4);
  return SLOW.JUMP;
}

/** Checks a cache-block operation against each level's envcfg: 0 = allowed, otherwise the exception. @spec unpriv 19.5 */
function blockDenied(hart: Hart, mask: number): number {
  const priv = hart.w[PRIV];
  const virt = hart.w[VIRT] !== 0;
  if (priv === 3) return 0;
  if ((hart.c[C.menvcfg] & mask) === 0) return Cause.illegal;
  if (virt && (hart.c[C.henvcfg] & mask) === 0) return Cause.virtualInstruction;
  if (priv === 0 && (hart.c[C.senvcfg] & mask) === 0) return virt ? Cause.virtualInstruction : Cause.illegal;
  return 0;
}

const denied = (h: Hart, cause: number): number => (cause === Cause.illegal ? illegalInstruction(h) : virtualInstruction(h));

/** cbo.clean, cbo.flush, cbo.inval: memory is coherent, only permission is checked. */
function blockManagement(mask: number): Handler {
  return (hart, insn) => {
    const cause = blockDenied(hart, mask);
    if (cause !== 0) return denied(hart, cause);
    const base = 2 * rs1(insn);
    const [lo, hi] = [hart.x32[base], hart.x32[base + 1]];
    const first = lo & -BLOCK;
    if (hart.mmu.translate(first, hi, Access.load, hart.dataPriv, hart.dataVirt, false, BLOCK)) return SLOW.NEXT;
    // Faults are reported as those of stores.
    return hart.mmu.translate(first, hi, Access.store, hart.dataPriv, hart.dataVirt, false, BLOCK) ? SLOW.NEXT
      : raiseFault(hart, lo, hi, hart.dataVirt);
  };
}

export const cboClean = blockManagement(ENVCFG.CBCFE);
export const cboInval = blockManagement(ENVCFG.CBIE);

export function cboZero(hart: Hart, insn: number): number {
  const cause = blockDenied(hart, ENVCFG.CBZE);
  if (cause !== 0) return denied(hart, cause);
  const base = 2 * rs1(insn);
  const [lo, hi] = [hart.x32[base], hart.x32[base + 1]];
  let page = hart.contexts.hit(hart.context!, lo, hi, Access.store);
  if (page === 0) {
    if (!hart.mmu.translate(lo & -BLOCK, hi, Access.store, hart.dataPriv, hart.dataVirt, false, BLOCK))
      return raiseFault(hart, lo, hi, hart.dataVirt);
    page = hart.host.linear.page(hart.mmu.ppn);
    if (page === 0) return raise(hart, Cause.storeAccess, lo, hi, hart.dataVirt);
    if (hart.host.engine.hasCode(page)) hart.host.engine.dropCode(page + (lo & 0xfff & -BLOCK), BLOCK);
    else if (!hart.mmu.split) hart.contexts.fill(hart.context!, lo, hi, page, true, Access.store, hart.mmu.span);
  }
  if (hart.host.debug?.touches(hart, lo & -BLOCK, hi, BLOCK, true) === true) return SLOW.LEAVE;
  const at = page + (lo & 0xfff & -BLOCK);
  hart.host.linear.u8.fill(0, at, at + BLOCK);
  return SLOW.NEXT;
}
