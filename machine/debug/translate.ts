/**
 * Address translation for a debugger: what the hart's registers and tables say, without side effects. Nothing is marked
 * accessed or dirty, no fault is raised, permissions do not matter.
 * @spec priv 12.3.2 @spec priv 18.5.1
 */
import { PTE } from '../hart/bits.ts';
import type { Hart } from '../hart/hart.ts';
import { C } from '../hart/slots.ts';

const PAGE = 4096n;
const NAPOT_PAGES = 16n;
const PPN = (1n << 44n) - 1n;

/** Physical address of a page-sized piece: `undefined` = not mapped. */
type Stage = (address: bigint) => bigint | undefined;

/** The physical address that virtual address `va` (64 bits) has in the hart's current mode; undefined = none. */
export function physicalAddress(h: Hart, va: bigint): number | undefined {
  const pa = h.virt ? guestPhysical(h, va) : h.priv === 3 ? va : walk(h, C.satp, va, (a) => a, 0n);
  return pa === undefined || pa > BigInt(Number.MAX_SAFE_INTEGER) ? undefined : Number(pa);
}

/** Both stages. */
function guestPhysical(h: Hart, va: bigint): bigint | undefined {
  const second: Stage = (gpa) => walk(h, C.hgatp, gpa, (a) => a, 2n);
  const gpa = walk(h, C.vsatp, va, second, 0n);
  return gpa === undefined ? undefined : second(gpa);
}

/** One stage, whose tables lie where `inner` says; `wide`: bits by which the root index is wider. */
function walk(h: Hart, root: number, address: bigint, inner: Stage, wide: bigint): bigint | undefined {
  const value = (BigInt(h.c[root + 1]! >>> 0) << 32n) | BigInt(h.c[root]! >>> 0);
  const mode = value >> 60n;
  if (mode === 0n) return address;
  const levels = mode - 5n; // Sv39 (8) has three
  const bits = 12n + 9n * levels + wide;
  if (wide > 0n ? address >> bits !== 0n : BigInt.asUintN(64, BigInt.asIntN(Number(bits), address)) !== address) return undefined;
  let table = (value & PPN) * PAGE;
  for (let level = levels - 1n; level >= 0n; level--) {
    const indexBits = level === levels - 1n ? 9n + wide : 9n;
    const index = (address >> (12n + 9n * level)) & ((1n << indexBits) - 1n);
    const at = inner(table + index * 8n);
    const entry = at === undefined ? undefined : readEntry(h, Number(at));
    if (entry === undefined || (entry & BigInt(PTE.V)) === 0n) return undefined;
    const next = ((entry >> 10n) & PPN) * PAGE;
    if ((entry & BigInt(PTE.R | PTE.X)) === 0n) table = next;
    else return leaf(next, address, entry >> 63n === 1n ? PAGE * NAPOT_PAGES : PAGE << (9n * level));
  }
  return undefined;
}

const leaf = (base: bigint, address: bigint, size: bigint): bigint => base - (base % size) + (address % size);

function readEntry(h: Hart, pa: number): bigint | undefined {
  const at = h.host.linear.at(pa, 8);
  return at === 0 ? undefined : h.host.linear.data.getBigUint64(at, true);
}
