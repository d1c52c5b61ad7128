/**
 * Selects the next interrupt: the highest privilege level that has one enabled, and within it the manual's order.
 * @spec priv 3.1.9, 21.2.2, 21.2.3
 */
import { HS } from '../engine/layout.ts';
import { MSTATUS } from './bits.ts';
import type { Hart } from './hart.ts';
import { C } from './slots.ts';
import { takeInterrupt } from './trap.ts';

/** MEI, MSI, MTI, SEI, SSI, STI, SGEI, VSEI, VSSI, VSTI, LCOFI. */
const ORDER = [11, 3, 7, 9, 1, 5, 12, 10, 2, 6, 13] as const;

/** Takes the interrupt that is due, if any. Returns whether it took one. */
export function deliverInterrupt(hart: Hart): boolean {
  const ready = hart.pending & hart.c[C.mie];
  if (ready === 0) return false;
  const words = hart.c;
  const priv = hart.w[HS.PRIV >> 2];
  const virt = hart.w[HS.VIRT >> 2] !== 0;
  const status = words[C.mstatus];
  const delegated = words[C.mideleg];

  if (priv < 3 || (status & MSTATUS.MIE) !== 0) {
    const machine = ready & ~delegated;
    // A hosted machine has no M mode: an interrupt that is not delegated stays pending.
    if (machine !== 0 && hart.host.supervisor === undefined) return take(hart, machine, 3);
  }
  if (priv === 3) return false;
  if (virt || priv === 0 || (status & MSTATUS.SIE) !== 0) {
    const supervisor = ready & delegated & ~words[C.hideleg];
    if (supervisor !== 0) return take(hart, supervisor, 1);
  }
  if (virt && (priv === 0 || (words[C.vsstatus] & MSTATUS.SIE) !== 0)) {
    const vs = ready & delegated & words[C.hideleg];
    if (vs !== 0) return take(hart, vs, 0);
  }
  return false;
}

function take(hart: Hart, bits: number, target: number): boolean {
  for (const number of ORDER) {
    if ((bits & (1 << number)) === 0) continue;
    hart.w[HS.RES >> 2] = hart.step.reservation = 0;
    takeInterrupt(hart, number, target);
    return true;
  }
  return false;
}

/** Would `wfi` resume now? Global enables do not matter. @spec priv 3.3.3 */
export function wakePending(h: Hart): boolean { return (h.pending & h.c[C.mie]) !== 0; }
