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
export function fetchStep(h: Hart, lo: number, hi: number, page: number): number {
  const offset = lo & 0xfff;
  const long = (h.host.linear.u16[(page + offset) >>> 1] & 3) === 3;
  if (long && offset < 4094 && (h.pmp.checkBytes(h.mmu.ppn * 4096 + offset + 2, 2, h.w[HS.PRIV >> 2]) & PmpPerm.X) === 0) {
    return raise(h, Cause.fetchAccess, lo + 2, hi);
  }
  const { step } = h;
  step.context = h.context!;
  step.vpnLo = lo;
  step.vpnHi = hi;
  h.contexts.fill(step.context, lo, hi, page, false, Access.fetch, h.mmu.span);
  // Only the instruction right before this one passes its reservation on.
  if (h.w[HS.BUDGET >> 2] === h.w[HS.SLICE >> 2]) h.w[RES] = step.reservation;
  h.endSlice();
  return SLOW.NEXT;
}

/** After each slice. */
export function endStep(h: Hart): void {
  const { step } = h;
  if (step.context === undefined) {
    step.reservation = 0;
    return;
  }
  h.contexts.forgetEntry(step.context, step.vpnLo, step.vpnHi);
  step.context = undefined;
  step.reservation = h.w[RES];
}
