/**
 * The guest's page tables read the way its processor would: rights, SUM and MXR, accessed and dirty bits. What the walk finds is what a
 * shadow entry may allow.
 * @spec priv 12.3.1, 12.3.2, 12.4, 12.5, 12.6
 */
import { instructionOf } from '../interpreter/walk.ts';
import type { GuestRam } from '../ram.ts';

export type Access = 'load' | 'store' | 'fetch';
/** The mode that the access is made in. */
export interface View { readonly satp: bigint; readonly privileged: boolean; readonly sum: boolean; readonly mxr: boolean }
/**
 * `page`: guest-physical address of the page of 4 KiB. `rights` (R = 1, W = 2, X = 4): what may be done without another walk. `size`:
 * bytes of the whole mapping that it is a part of. `global`: in every address space.
 */
export type Walk = { readonly page: number; readonly rights: number; readonly size: number; readonly global: boolean } | 'page fault'
  | 'access fault';

const Pte = { v: 1, r: 2, w: 4, x: 8, u: 16, g: 32, a: 64, d: 128 } as const;
const PAGE = 4096, NAPOT = 16, ALL = 7;
const RESERVED_HI = 0x1fc0_0000, TYPE_HI = 0x6000_0000, NAPOT_HI = 0x8000_0000, FRAME_HI = 0x3f_ffff;
/** Levels by satp.MODE. */
const LEVELS: Readonly<Record<number, number>> = { 8: 3, 9: 4, 10: 5 };

/** A table that a walk has read: its page, the level of its entries (0: pages), and the address of its first entry. */
export interface Step { readonly table: number; readonly level: number; readonly base: number }

/** `steps` receives the tables in the order of reading. */
export function walk(ram: GuestRam, view: View, va: bigint, access: Access, steps?: Step[]): Walk {
  const mode = Number(BigInt.asUintN(64, view.satp) >> 60n), depth = LEVELS[mode];
  if (depth === undefined) return { page: Math.floor(Number(BigInt.asUintN(64, va)) / PAGE) * PAGE, rights: ALL, size: 2 ** 30,
    global: true };
  const low32 = Number(va & 0xffff_ffffn), high32 = Number(BigInt.asIntN(32, va >> 32n)), sign = high32 >> (9 * depth - 21);
  if (sign !== 0 && sign !== -1) return 'page fault';
  let table = Number(view.satp & 0xfff_ffff_ffffn) * PAGE, global = false;
  for (let level = depth - 1; level >= 0; level--) {
    const at = table + indexAt(level, low32, high32) * 8;
    if (!ram.isRam(at, 8)) return 'access fault';
    steps?.push({ table, level, base: baseOf(va, level, depth) });
    const low = ram.u32(at), high = ram.u32(at + 4);
    if ((low & Pte.v) === 0 || (low & (Pte.r | Pte.w)) === Pte.w || (high & RESERVED_HI) !== 0 ||
      (high & TYPE_HI) === TYPE_HI) return 'page fault';
    const frame = (high & FRAME_HI) * 2 ** 22 + (low >>> 10);
    global ||= (low & Pte.g) !== 0;
    if ((low & (Pte.r | Pte.x)) === 0) {
      if ((low & (Pte.a | Pte.d | Pte.u)) !== 0 || high > FRAME_HI) return 'page fault';
      table = frame * PAGE;
      continue;
    }
    return leaf(ram, view, { va, access, at, low, high, frame, level, global });
  }
  return 'page fault';
}

/** Guest-physical address behind a virtual one; undefined: the access would fault. */
export function placeOf(ram: GuestRam, view: View, va: bigint, access: Access): number | undefined {
  const found = walk(ram, view, va, access);
  return typeof found === 'object' ? found.page + Number(va & 0xfffn) : undefined;
}
/** The word of the instruction at this address, as the guest fetches it; undefined: it is not in memory that the guest may execute. */
export const fetchAt = (ram: GuestRam, view: View, pc: bigint): number | undefined =>
  instructionOf((va) => placeOf(ram, view, va, 'fetch'), ram, pc);
/** The page of an address of the guest, as a signed number. */
export const pageOf = (va: bigint): number => Number(BigInt.asIntN(64, va) >> 12n) * PAGE;

/** The entry of an address in a table of this level: its halves. */
function indexAt(level: number, low: number, high: number): number {
  if (level < 2) return (low >>> (12 + 9 * level)) & 511;
  return level === 2 ? ((high & 127) << 2) | (low >>> 30) : (high >>> (9 * level - 20)) & 511;
}

/** The first address that the table for `va` covers; 0 at the root. */
function baseOf(va: bigint, level: number, depth: number): number {
  const bits = BigInt(21 + 9 * level);
  return level === depth - 1 ? 0 : Number((BigInt.asIntN(64, va) >> bits) << bits);
}

interface Leaf { readonly va: bigint; readonly access: Access; readonly at: number; readonly low: number; readonly high: number;
  readonly frame: number; readonly level: number; readonly global: boolean }

function leaf(ram: GuestRam, view: View, { va, access, at, low, high, frame, level, global }: Leaf): Walk {
  const size = 2 ** (9 * level), napot = high >= NAPOT_HI;
  if (napot ? level !== 0 || (frame & 15) !== 8 : frame % size !== 0) return 'page fault';
  const allowed = rightsOf(low, view);
  if ((allowed & NEEDED[access]) === 0) return 'page fault';
  const marked = low | Pte.a | (access === 'store' ? Pte.d : 0);
  if (marked !== low) ram.mark(at, marked);
  const vpn = Number(BigInt.asUintN(64, va) >> 12n) % (napot ? NAPOT : size), first = napot ? frame - (frame % NAPOT) : frame;
  // A page that is not dirty yet stays write-protected, so that the first store comes here.
  return { page: (first + vpn) * PAGE, rights: (marked & Pte.d) !== 0 ? allowed : allowed & ~NEEDED.store, size: size * PAGE, global };
}

const NEEDED: Readonly<Record<Access, number>> = { load: 1, store: 2, fetch: 4 };

/** The rights of this mode to a leaf. @spec priv 3.1.6.4, 12.1.1.2 */
function rightsOf(low: number, { privileged, sum, mxr }: View): number {
  const user = (low & Pte.u) !== 0, read = (low & Pte.r) !== 0 || (mxr && (low & Pte.x) !== 0);
  const rights = (read ? 1 : 0) | ((low & Pte.w) !== 0 ? 2 : 0) | ((low & Pte.x) !== 0 ? 4 : 0);
  if (!privileged) return user ? rights : 0;
  return user ? (sum ? rights & ~NEEDED.fetch : 0) : rights;
}
