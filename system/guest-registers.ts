/** Registers of a virtual processor other than x and f, by CSR number, whether they are in its hart or in its thread. */
import type { Thread } from '../microkernel/objects/thread.ts';
import { ROWS, readVs, writeVs } from '../microkernel/state/guest.ts';

const rowOf = (csr: number): number => ROWS.findIndex(r => r.csr === csr && r.group !== 0);

/** Undefined for a number that is not supported. */
export function guestRegister(thread: Thread, csr: number): bigint | undefined {
  const i = rowOf(csr);
  return i < 0 ? undefined : BigInt.asUintN(64, thread.cpu.vsOwner === thread ? readVs(thread.cpu, csr) : thread.vs![i]!);
}

/** Returns false for a number that is not supported. */
export function setGuestRegister(thread: Thread, csr: number, value: bigint): boolean {
  const i = rowOf(csr);
  if (i < 0) return false;
  if (thread.cpu.vsOwner === thread) writeVs(thread.cpu, csr, value);
  else thread.vs![i] = BigInt.asIntN(64, value);
  return true;
}
