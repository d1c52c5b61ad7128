/**
 * Address translation for a debugger: what translation registers and tables say, without side effects. Nothing is marked
 * accessed or dirty, no fault is raised, permissions do not matter.
 * @spec priv 12.3.2 @spec priv 21.5.1
 */
import { PTE } from '../hart/bits.ts';
import type { Hart } from '../hart/hart.ts';
import { C } from '../hart/slots.ts';
import type { Linear } from '../linear.ts';

const PAGE = 4096n;
const NAPOT_PAGES = 16n;
const PPN = (1n << 44n) - 1n;

/** Values of satp (or vsatp), and of hgatp in a virtual machine; 0 = no translation in this stage. */
export interface Roots { readonly first: bigint; readonly second?: bigint }

/** Physical address of an address, as one stage sees it: `undefined` = not mapped. */
type Stage = (address: bigint) => bigint | undefined;

/** The physical address that virtual address `va` (64 bits) has in the hart's current mode; undefined = none. */
export function physicalAddress(h: Hart, va: bigint): number | undefined {
  if (h.virt) return translate(h.host.linear, { first: register(h, C.vsatp), second: register(h, C.hgatp) }, va);
  return translate(h.host.linear, { first: h.priv === 3 ? 0n : register(h, C.satp) }, va);
}

/** The physical address that `va` has by these registers; undefined = none. */
export function translate(linear: Linear, { first, second = 0n }: Roots, va: bigint): number | undefined {
  const outer: Stage = (gpa) => walk(linear, second, gpa, (a) => a, 2n);
  const inner = walk(linear, first, va, outer, 0n);
  const pa = inner === undefined ? undefined : outer(inner);
  return pa === undefined || pa > BigInt(Number.MAX_SAFE_INTEGER) ? undefined : Number(pa);
}

const register = (h: Hart, slot: number): bigint => (BigInt(h.c[slot + 1]! >>> 0) << 32n) | BigInt(h.c[slot]! >>> 0);

/** One stage, whose tables lie where `below` says; `wide`: bits by which the root index is wider. */
function walk(linear: Linear, root: bigint, address: bigint, below: Stage, wide: bigint): bigint | undefined {
  const mode = root >> 60n;
  if (mode === 0n) return address;
  const levels = mode - 5n; // Sv39 (8) has three
  const bits = 12n + 9n * levels + wide;
  if (wide > 0n ? address >> bits !== 0n : BigInt.asUintN(64, BigInt.asIntN(Number(bits), address)) !== address) return undefined;
  let table = (root & PPN) * PAGE;
  for (let level = levels - 1n; level >= 0n; level--) {
    const indexBits = level === levels - 1n ? 9n + wide : 9n;
    const index = (address >> (12n + 9n * level)) & ((1n << indexBits) - 1n);
    const at = below(table + index * 8n);
    const entry = at === undefined ? undefined : readEntry(linear, Number(at));
    if (entry === undefined || (entry & BigInt(PTE.V)) === 0n) return undefined;
    const next = ((entry >> 10n) & PPN) * PAGE;
    if ((entry & BigInt(PTE.R | PTE.X)) === 0n) table = next;
    else return leaf(next, address, entry >> 63n === 1n ? PAGE * NAPOT_PAGES : PAGE << (9n * level));
  }
  return undefined;
}

const leaf = (base: bigint, address: bigint, size: bigint): bigint => base - (base % size) + (address % size);

function readEntry(linear: Linear, pa: number): bigint | undefined {
  const at = linear.at(pa, 8);
  return at === 0 ? undefined : linear.data.getBigUint64(at, true);
}
