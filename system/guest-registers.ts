/** Registers of a virtual processor beside x and f, by the number of the CSR, wherever they are: in its hart or in its thread. */
import type { Thread } from '../microkernel/objects/thread.ts';
import { ROWS, readVs, writeVs } from '../microkernel/state/guest.ts';

const rowOf = (csr: number): number => ROWS.findIndex(r => r.csr === csr && r.group !== 0);

/** Undefined: it is none of them. */
export function guestRegister(t: Thread, csr: number): bigint | undefined {
  const i = rowOf(csr);
  return i < 0 ? undefined : BigInt.asUintN(64, t.cpu.vsOwner === t ? readVs(t.cpu, csr) : t.vs![i]!);
}

/** False: it is none of them. */
export function setGuestRegister(t: Thread, csr: number, value: bigint): boolean {
  const i = rowOf(csr);
  if (i < 0) return false;
  if (t.cpu.vsOwner === t) writeVs(t.cpu, csr, value);
  else t.vs![i] = BigInt.asIntN(64, value);
  return true;
}
