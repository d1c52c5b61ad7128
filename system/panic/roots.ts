/** The registers that translate a thread's addresses: values of satp, vsatp and hgatp. */
import type { Roots } from '../../machine/debug/walk.ts';
import type { Thread } from '../../microkernel/objects/thread.ts';
import { guestRegister } from '../guest-registers.ts';

const VSATP = 0x280;

/** The translation of a thread's addresses: both stages of a guest, or the kernel's tables alone. */
export function rootsOfThread(t: Thread): Roots {
  const { space } = t.visiting ?? t.task, tables = (BigInt(space.mode) << 60n) | BigInt(space.root.pa / 4096);
  return t.guest ? { first: guestRegister(t, VSATP)!, second: tables } : { first: tables };
}
