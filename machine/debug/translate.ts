/**
 * Address translation for a debugger, by translation registers and tables, without side effects: it marks nothing accessed or dirty, raises
 * no fault and ignores permissions.
 * @spec priv 12.3.2 @spec priv 21.5.1
 */
import type { Hart } from '../hart/hart.ts';
import { C } from '../hart/slots.ts';
import type { Linear } from '../linear.ts';
import { belowFirst, follow, type Roots } from './walk.ts';
import { walkOf, type Walk } from './walked.ts';

export type { Roots };

/** The physical address that virtual address `va` (64 bits) has in the hart's current mode; undefined = none. */
export function physicalAddress(h: Hart, va: bigint): number | undefined {
  return translate(h.host.linear, rootsOf(h), va);
}

/** The registers that translate in the hart's current mode. */
export function rootsOf(h: Hart): Roots {
  return h.virt ? { first: register(h, C.vsatp), second: register(h, C.hgatp) } : { first: h.priv === 3 ? 0n : register(h, C.satp) };
}

/** The physical address that `va` has by these registers; undefined = none. */
export function translate(linear: Linear, roots: Roots, va: bigint): number | undefined {
  const read = reader(linear), outer = (gpa: bigint): bigint | undefined => belowFirst(read, roots, gpa);
  const inner = follow(read, roots.first, va, outer, false), pa = inner === undefined ? undefined : outer(inner);
  return pa === undefined || pa > BigInt(Number.MAX_SAFE_INTEGER) ? undefined : Number(pa);
}

/** Where the first stage leads: the guest-physical address. */
export function virtualToGuest(linear: Linear, roots: Roots, va: bigint): bigint | undefined {
  const read = reader(linear);
  return follow(read, roots.first, va, (gpa) => belowFirst(read, roots, gpa), false);
}
/** The same with each entry that is read on the way. */
export const walk = (linear: Linear, roots: Roots, va: bigint): Walk => walkOf(reader(linear), roots, va);

const reader = (linear: Linear) => (pa: bigint): bigint | undefined => readEntry(linear, Number(pa));
const register = (h: Hart, slot: number): bigint => (BigInt(h.c[slot + 1]! >>> 0) << 32n) | BigInt(h.c[slot]! >>> 0);

function readEntry(linear: Linear, pa: number): bigint | undefined {
  const at = linear.at(pa, 8);
  return at === 0 ? undefined : linear.data.getBigUint64(at, true);
}
