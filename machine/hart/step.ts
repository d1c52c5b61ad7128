/**
 * Instructions in a page that physical memory protection splits: the TLB cannot hold a verdict about them, so the hart fetches each one
 * separately. The slice is cut to one instruction, during which the page has an executable tag, and a reservation survives the cut (so an
 * LR/SC loop in such a page makes progress).
 */
import { HS, SLOW } from '../engine/layout.ts';
import { Access, Cause } from './bits.ts';
import type { Context } from './tlb-pool.ts';
import type { Hart } from './hart.ts';
import { PmpPerm } from './pmp.ts';
import { raise } from './trap.ts';

const RES = HS.RES >> 2;

export interface Step {
  /** The tag of the current instruction; undefined between instructions. */
  context: Context | undefined;
  vpnLo: number;
  vpnHi: number;
  reservation: number;
}

export const noStep = (): Step => ({ context: undefined, vpnLo: 0, vpnHi: 0, reservation: 0 });

/** The walker has just allowed the pc's first halfword. Checks the second, and lets one instruction run. */
export function fetchStep(hart: Hart, lo: number, hi: number, page: number): number {
  const offset = lo & 0xfff;
  const long = (hart.host.linear.u16[(page + offset) >>> 1] & 3) === 3;
  if (long && offset < 4094 && (hart.pmp.checkBytes(hart.mmu.ppn * 4096 + offset + 2, 2, hart.w[HS.PRIV >> 2]) & PmpPerm.X) === 0) {
    return raise(hart, Cause.fetchAccess, lo + 2, hi);
  }
  const { step } = hart;
  step.context = hart.context!;
  step.vpnLo = lo;
  step.vpnHi = hi;
  hart.contexts.fill(step.context, lo, hi, page, false, Access.fetch, hart.mmu.span);
  // Only the instruction right before this one passes its reservation on.
  if (hart.w[HS.BUDGET >> 2] === hart.w[HS.SLICE >> 2]) hart.w[RES] = step.reservation;
  hart.endSlice();
  return SLOW.NEXT;
}

/** After each slice. */
export function endStep(hart: Hart): void {
  const { step } = hart;
  if (step.context === undefined) {
    step.reservation = 0;
    return;
  }
  hart.contexts.forgetEntry(step.context, step.vpnLo, step.vpnHi);
  step.context = undefined;
  step.reservation = hart.w[RES];
}
