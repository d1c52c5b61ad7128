/**
 * Memory slow paths: a load, store or fetch for which the TLB has no tag. They give RAM pages their tags, access devices through the bus,
 * and split an access that crosses a page.
 */
import { HS, SLOW } from '../engine/layout.ts';
import { LD } from '../engine/port.ts';
import { Access, Cause } from './bits.ts';
import type { Hart } from './hart.ts';
import { fetchStep } from './step.ts';
import { raise, raiseFault } from './trap.ts';

const ADDR = HS.ADDR >> 2;
const VALUE = HS.VALUE >> 2;
const PC = HS.PC >> 2;
const PRIV = HS.PRIV >> 2;
const VIRT = HS.VIRT >> 2;

/** Bytes of each load kind (`LD`). */
const SIZE = [1, 2, 4, 8, 1, 2, 4, 4, 8, 2] as const;

/** A load that missed: `kind` is one of LD. The value goes to HS.VALUE. */
export function load(h: Hart, kind: number): number {
  const w = h.w;
  const lo = w[ADDR];
  const size = SIZE[kind];
  if ((lo & (size - 1)) !== 0 && h.features.strictAlignment) return raise(h, Cause.loadMisaligned, lo, w[ADDR + 1], h.dataVirt);
  const answer = read(h, lo, w[ADDR + 1], size, h.dataPriv, h.dataVirt, false);
  if (answer === SLOW.NEXT) extend(w, kind);
  return answer;
}

/** Sign extension, zero extension, NaN boxing of HS.VALUE (whose unused bits are zero). */
function extend(w: Int32Array, kind: number): void {
  switch (kind) {
    case LD.b: w[VALUE] = (w[VALUE] << 24) >> 24; w[VALUE + 1] = w[VALUE] >> 31; break;
    case LD.h: w[VALUE] = (w[VALUE] << 16) >> 16; w[VALUE + 1] = w[VALUE] >> 31; break;
    case LD.w: w[VALUE + 1] = w[VALUE] >> 31; break;
    case LD.fw: w[VALUE + 1] = -1; break;
    case LD.fh: w[VALUE] |= -0x1_0000; w[VALUE + 1] = -1; break;
  }
}

/** A store that missed: `size` bytes of HS.VALUE to HS.ADDR. */
export function store(h: Hart, size: number): number {
  const w = h.w;
  const lo = w[ADDR];
  if ((lo & (size - 1)) !== 0 && h.features.strictAlignment) return raise(h, Cause.storeMisaligned, lo, w[ADDR + 1], h.dataVirt);
  return write(h, lo, w[ADDR + 1], size, h.dataPriv, h.dataVirt);
}

/** Reads in a given mode into HS.VALUE, zero extended. `executable`: hlvx. Fills the TLB when the mode is the hart's own. */
export function read(h: Hart, lo: number, hi: number, size: number, priv: number, virt: boolean, executable: boolean): number {
  const offset = lo & 0xfff;
  if (offset + size > 4096) return readAcross(h, lo, hi, size, priv, virt, executable);
  const own = priv === h.dataPriv && virt === h.dataVirt && !executable;
  const known = own ? revived(h, lo, hi, Access.load) : 0;
  if (known !== 0) { fetchBytes(h, known + offset, size); return SLOW.NEXT; }
  const mmu = h.mmu;
  if (!mmu.translate(lo, hi, Access.load, priv, virt, executable, size)) return raiseFault(h, lo, hi, virt);
  if (h.host.debug?.touches(h, lo, hi, size, false) === true) return SLOW.LEAVE;
  const linear = h.host.linear;
  const page = linear.page(mmu.ppn);
  if (page === 0) return readDevice(h, lo, hi, size, virt, executable);
  if (!mmu.split && own) {
    h.contexts.fill(h.context!, lo, hi, page, mmu.writable && !h.host.engine.hasCode(page), Access.load, mmu.span);
  }
  fetchBytes(h, page + offset, size);
  return SLOW.NEXT;
}

/** A page that the hart's own TLB has recently evicted, found without a walk; 0 = there is none, or a debugger watches each access. */
function revived(h: Hart, lo: number, hi: number, kind: Access): number {
  return h.host.debug === undefined ? h.contexts.revive(h.context!, lo, hi, kind) : 0;
}

/** Puts `size` bytes at a linear address into HS.VALUE. */
function fetchBytes(h: Hart, at: number, size: number): void {
  const w = h.w;
  const data = h.host.linear.data;
  w[VALUE + 1] = 0;
  switch (size) {
    case 1: w[VALUE] = data.getUint8(at); break;
    case 2: w[VALUE] = data.getUint16(at, true); break;
    case 4: w[VALUE] = data.getInt32(at, true); break;
    default:
      w[VALUE] = data.getInt32(at, true);
      w[VALUE + 1] = data.getInt32(at + 4, true);
  }
}

/** Devices cannot be executed, so hlvx cannot read them. @spec priv 3.6.1, 3.6.2, 21.3.1 */
function readDevice(h: Hart, lo: number, hi: number, size: number, virt: boolean, executable: boolean): number {
  const w = h.w;
  const pa = h.mmu.ppn * 4096 + (lo & 0xfff);
  h.mmu.cause = Cause.loadAccess;
  if (executable || pa % size !== 0) return raiseFault(h, lo, hi, virt);
  const bus = h.host.bus;
  const low = bus.read(pa, size === 8 ? 4 : size);
  const high = size === 8 ? bus.read(pa + 4, 4) : 0;
  if (low === undefined || high === undefined) return raiseFault(h, lo, hi, virt);
  w[VALUE] = low;
  w[VALUE + 1] = high;
  return SLOW.NEXT;
}

/** A load over a page boundary: byte by byte, both pages translated first. @spec unpriv 2.6; priv 3.6.4 */
function readAcross(h: Hart, lo: number, hi: number, size: number, priv: number, virt: boolean, executable: boolean): number {
  const first = 4096 - (lo & 0xfff);
  const nextLo = (lo + first) | 0;
  const nextHi = nextLo === 0 ? (hi + 1) | 0 : hi;
  const a = part(h, lo, hi, first, Access.load, priv, virt, executable);
  if (a === 0) return raiseFault(h, lo, hi, virt);
  const b = part(h, nextLo, nextHi, size - first, Access.load, priv, virt, executable);
  if (b === 0) return raiseFault(h, nextLo, nextHi, virt);
  if (h.host.debug?.touches(h, lo, hi, size, false) === true) return SLOW.LEAVE;
  const u8 = h.host.linear.u8;
  const words = [0, 0];
  for (let i = 0; i < size; i++) words[i >> 2] |= u8[i < first ? a + i : b + i - first] << (8 * (i & 3));
  h.w[VALUE] = words[0];
  h.w[VALUE + 1] = words[1];
  return SLOW.NEXT;
}

/** Linear address of one part of a crossing access; 0 with the fault in the walker. Devices take no such accesses. */
function part(h: Hart, lo: number, hi: number, size: number, access: Access, priv: number, virt: boolean, executable: boolean): number {
  if (!h.mmu.translate(lo, hi, access, priv, virt, executable, size)) return 0;
  const page = h.host.linear.page(h.mmu.ppn);
  if (page !== 0) return page + (lo & 0xfff);
  h.mmu.cause = access === Access.store ? Cause.storeAccess : Cause.loadAccess;
  return 0;
}

/** Writes HS.VALUE in a given mode. */
export function write(h: Hart, lo: number, hi: number, size: number, priv: number, virt: boolean): number {
  const offset = lo & 0xfff;
  if (offset + size > 4096) return writeAcross(h, lo, hi, size, priv, virt);
  const own = priv === h.dataPriv && virt === h.dataVirt;
  const known = own ? revived(h, lo, hi, Access.store) : 0;
  if (known !== 0) { storeBytes(h, known + offset, size); return SLOW.NEXT; }
  const mmu = h.mmu;
  if (!mmu.translate(lo, hi, Access.store, priv, virt, false, size)) return raiseFault(h, lo, hi, virt);
  if (h.host.debug?.touches(h, lo, hi, size, true) === true) return SLOW.LEAVE;
  const page = h.host.linear.page(mmu.ppn);
  if (page === 0) return writeDevice(h, lo, hi, size, virt);
  const hadCode = h.host.engine.hasCode(page);
  if (!hadCode && !mmu.split && own) h.contexts.fill(h.context!, lo, hi, page, true, Access.store, mmu.span);
  storeBytes(h, page + offset, size);
  if (hadCode) h.host.engine.dropCode(page + offset, size);
  return SLOW.NEXT;
}

function storeBytes(h: Hart, at: number, size: number): void {
  const w = h.w;
  const data = h.host.linear.data;
  switch (size) {
    case 1: data.setInt8(at, w[VALUE]); break;
    case 2: data.setInt16(at, w[VALUE], true); break;
    case 4: data.setInt32(at, w[VALUE], true); break;
    default:
      data.setInt32(at, w[VALUE], true);
      data.setInt32(at + 4, w[VALUE + 1], true);
  }
}

function writeDevice(h: Hart, lo: number, hi: number, size: number, virt: boolean): number {
  const w = h.w;
  const pa = h.mmu.ppn * 4096 + (lo & 0xfff);
  h.mmu.cause = Cause.storeAccess;
  if (pa % size !== 0) return raiseFault(h, lo, hi, virt);
  const bus = h.host.bus;
  const low = size === 1 ? w[VALUE] & 0xff : size === 2 ? w[VALUE] & 0xffff : w[VALUE] >>> 0;
  if (!bus.write(pa, size === 8 ? 4 : size, low)) return raiseFault(h, lo, hi, virt);
  if (size === 8) bus.write(pa + 4, 4, w[VALUE + 1] >>> 0);
  h.interruptsChanged();
  return SLOW.NEXT;
}

function writeAcross(h: Hart, lo: number, hi: number, size: number, priv: number, virt: boolean): number {
  const first = 4096 - (lo & 0xfff);
  const nextLo = (lo + first) | 0;
  const nextHi = nextLo === 0 ? (hi + 1) | 0 : hi;
  const a = part(h, lo, hi, first, Access.store, priv, virt, false);
  if (a === 0) return raiseFault(h, lo, hi, virt);
  const b = part(h, nextLo, nextHi, size - first, Access.store, priv, virt, false);
  if (b === 0) return raiseFault(h, nextLo, nextHi, virt);
  if (h.host.debug?.touches(h, lo, hi, size, true) === true) return SLOW.LEAVE;
  const u8 = h.host.linear.u8;
  for (let i = 0; i < size; i++) u8[i < first ? a + i : b + i - first] = h.w[VALUE + (i >> 2)] >>> (8 * (i & 3));
  h.host.engine.dropCode(a, first);
  h.host.engine.dropCode(b, size - first);
  return SLOW.NEXT;
}

/** The pc has no executable tag, or its page no decoded code. */
export function fetch(h: Hart): number {
  const lo = h.w[PC];
  const hi = h.w[PC + 1];
  const known = revived(h, lo, hi, Access.fetch);
  if (known !== 0) { codePage(h, known); return SLOW.NEXT; }
  const mmu = h.mmu;
  if (!mmu.translate(lo, hi, Access.fetch, h.w[PRIV], h.w[VIRT] !== 0, false, 2)) return raiseFault(h, lo, hi, h.w[VIRT] !== 0);
  const page = h.host.linear.page(mmu.ppn);
  if (page === 0) return raise(h, Cause.fetchAccess, lo, hi);
  codePage(h, page);
  if (h.host.debug?.fetched(h, lo, hi, page) === true) return SLOW.LEAVE;
  if (mmu.split) return fetchStep(h, lo, hi, page);
  h.contexts.fill(h.context!, lo, hi, page, false, Access.fetch, mmu.span);
  return SLOW.NEXT;
}

/** Decodes a page; from then on stores to it take the slow path. */
function codePage(h: Hart, page: number): void {
  const linear = h.host.linear;
  const index = linear.ramIndex(page);
  if (linear.written[index] !== 0) {
    linear.written[index] = 0;
    h.host.tlbs.forbidWrites(page);
  }
  h.host.engine.codePage(page);
}

/** The second half of an instruction that begins in the last two bytes of a page. */
export function fetchSecond(h: Hart): number {
  const lo = (h.w[PC] + 2) | 0;
  const hi = lo === 0 ? (h.w[PC + 1] + 1) | 0 : h.w[PC + 1];
  let page = h.contexts.hit(h.context!, lo, hi, Access.fetch);
  if (page === 0) {
    const virt = h.w[VIRT] !== 0;
    if (!h.mmu.translate(lo, hi, Access.fetch, h.w[PRIV], virt, false, 2)) return raiseFault(h, lo, hi, virt);
    page = h.host.linear.page(h.mmu.ppn);
    if (page === 0) return raise(h, Cause.fetchAccess, lo, hi);
  }
  h.w[VALUE] = h.host.linear.u16[(page + (lo & 0xfff)) >>> 1];
  h.w[VALUE + 1] = 0;
  return SLOW.NEXT;
}
