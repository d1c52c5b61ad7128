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
export function load(hart: Hart, kind: number): number {
  const words = hart.w;
  const lo = words[ADDR];
  const size = SIZE[kind];
  if ((lo & (size - 1)) !== 0 && hart.features.strictAlignment)
    return raise(hart, Cause.loadMisaligned, lo, words[ADDR + 1], hart.dataVirt);
  const answer = read(hart, lo, words[ADDR + 1], size, hart.dataPriv, hart.dataVirt, false);
  if (answer === SLOW.NEXT) extend(words, kind);
  return answer;
}

/** Sign extension, zero extension, NaN boxing of HS.VALUE (whose unused bits are zero). */
function extend(words: Int32Array, kind: number): void {
  switch (kind) {
    case LD.b: words[VALUE] = (words[VALUE] << 24) >> 24; words[VALUE + 1] = words[VALUE] >> 31; break;
    case LD.h: words[VALUE] = (words[VALUE] << 16) >> 16; words[VALUE + 1] = words[VALUE] >> 31; break;
    case LD.w: words[VALUE + 1] = words[VALUE] >> 31; break;
    case LD.fw: words[VALUE + 1] = -1; break;
    case LD.fh: words[VALUE] |= -0x1_0000; words[VALUE + 1] = -1; break;
  }
}

/** A store that missed: `size` bytes of HS.VALUE to HS.ADDR. */
export function store(hart: Hart, size: number): number {
  const words = hart.w;
  const lo = words[ADDR];
  if ((lo & (size - 1)) !== 0 && hart.features.strictAlignment)
    return raise(hart, Cause.storeMisaligned, lo, words[ADDR + 1], hart.dataVirt);
  return write(hart, lo, words[ADDR + 1], size, hart.dataPriv, hart.dataVirt);
}

/** Reads in a given mode into HS.VALUE, zero extended. `executable`: hlvx. Fills the TLB when the mode is the hart's own. */
export function read(hart: Hart, lo: number, hi: number, size: number, priv: number, virt: boolean, executable: boolean): number {
  const offset = lo & 0xfff;
  if (offset + size > 4096) return readAcross(hart, lo, hi, size, priv, virt, executable);
  const own = priv === hart.dataPriv && virt === hart.dataVirt && !executable;
  const known = own ? revived(hart, lo, hi, Access.load) : 0;
  if (known !== 0) { fetchBytes(hart, known + offset, size); return SLOW.NEXT; }
  const mmu = hart.mmu;
  if (!mmu.translate(lo, hi, Access.load, priv, virt, executable, size)) return raiseFault(hart, lo, hi, virt);
  if (hart.host.debug?.touches(hart, lo, hi, size, false) === true) return SLOW.LEAVE;
  const linear = hart.host.linear;
  const page = linear.page(mmu.ppn);
  if (page === 0) return readDevice(hart, lo, hi, size, virt, executable);
  if (!mmu.split && own) {
    hart.contexts.fill(hart.context!, lo, hi, page, mmu.writable && !hart.host.engine.hasCode(page), Access.load, mmu.span);
  }
  fetchBytes(hart, page + offset, size);
  return SLOW.NEXT;
}

/** A page that the hart's own TLB has recently evicted, found without a walk; 0 = there is none, or a debugger watches each access. */
function revived(h: Hart, lo: number, hi: number, kind: Access): number {
  return h.host.debug === undefined ? h.contexts.revive(h.context!, lo, hi, kind) : 0;
}

/** Puts `size` bytes at a linear address into HS.VALUE. */
function fetchBytes(hart: Hart, at: number, size: number): void {
  const words = hart.w;
  const data = hart.host.linear.data;
  words[VALUE + 1] = 0;
  switch (size) {
    case 1: words[VALUE] = data.getUint8(at); break;
    case 2: words[VALUE] = data.getUint16(at, true); break;
    case 4: words[VALUE] = data.getInt32(at, true); break;
    default:
      words[VALUE] = data.getInt32(at, true);
      words[VALUE + 1] = data.getInt32(at + 4, true);
  }
}

/** Devices cannot be executed, so hlvx cannot read them. @spec priv 3.6.1, 3.6.2, 21.3.1 */
function readDevice(hart: Hart, lo: number, hi: number, size: number, virt: boolean, executable: boolean): number {
  const words = hart.w;
  const pa = hart.mmu.ppn * 4096 + (lo & 0xfff);
  hart.mmu.cause = Cause.loadAccess;
  if (executable || pa % size !== 0) return raiseFault(hart, lo, hi, virt);
  const bus = hart.host.bus;
  const low = bus.read(pa, size === 8 ? 4 : size);
  const high = size === 8 ? bus.read(pa + 4, 4) : 0;
  if (low === undefined || high === undefined) return raiseFault(hart, lo, hi, virt);
  words[VALUE] = low;
  words[VALUE + 1] = high;
  return SLOW.NEXT;
}

/** A load over a page boundary: byte by byte, both pages translated first. @spec unpriv 2.6; priv 3.6.4 */
function readAcross(hart: Hart, lo: number, hi: number, size: number, priv: number, virt: boolean, executable: boolean): number {
  const first = 4096 - (lo & 0xfff);
  const nextLo = (lo + first) | 0;
  const nextHi = nextLo === 0 ? (hi + 1) | 0 : hi;
  const firstAt = part(hart, lo, hi, first, Access.load, priv, virt, executable);
  if (firstAt === 0) return raiseFault(hart, lo, hi, virt);
  const restAt = part(hart, nextLo, nextHi, size - first, Access.load, priv, virt, executable);
  if (restAt === 0) return raiseFault(hart, nextLo, nextHi, virt);
  if (hart.host.debug?.touches(hart, lo, hi, size, false) === true) return SLOW.LEAVE;
  const u8 = hart.host.linear.u8;
  const words = [0, 0];
  for (let i = 0; i < size; i++) words[i >> 2] |= u8[i < first ? firstAt + i : restAt + i - first] << (8 * (i & 3));
  hart.w[VALUE] = words[0];
  hart.w[VALUE + 1] = words[1];
  return SLOW.NEXT;
}

/** Linear address of one part of a crossing access; 0 with the fault in the walker. Devices take no such accesses. */
function part(hart: Hart, lo: number, hi: number, size: number, access: Access, priv: number, virt: boolean, executable: boolean): number {
  if (!hart.mmu.translate(lo, hi, access, priv, virt, executable, size)) return 0;
  const page = hart.host.linear.page(hart.mmu.ppn);
  if (page !== 0) return page + (lo & 0xfff);
  hart.mmu.cause = access === Access.store ? Cause.storeAccess : Cause.loadAccess;
  return 0;
}

/** Writes HS.VALUE in a given mode. */
export function write(hart: Hart, lo: number, hi: number, size: number, priv: number, virt: boolean): number {
  const offset = lo & 0xfff;
  if (offset + size > 4096) return writeAcross(hart, lo, hi, size, priv, virt);
  const own = priv === hart.dataPriv && virt === hart.dataVirt;
  const known = own ? revived(hart, lo, hi, Access.store) : 0;
  if (known !== 0) { storeBytes(hart, known + offset, size); return SLOW.NEXT; }
  const mmu = hart.mmu;
  if (!mmu.translate(lo, hi, Access.store, priv, virt, false, size)) return raiseFault(hart, lo, hi, virt);
  if (hart.host.debug?.touches(hart, lo, hi, size, true) === true) return SLOW.LEAVE;
  const page = hart.host.linear.page(mmu.ppn);
  if (page === 0) return writeDevice(hart, lo, hi, size, virt);
  const hadCode = hart.host.engine.hasCode(page);
  if (!hadCode && !mmu.split && own) hart.contexts.fill(hart.context!, lo, hi, page, true, Access.store, mmu.span);
  storeBytes(hart, page + offset, size);
  if (hadCode) hart.host.engine.dropCode(page + offset, size);
  return SLOW.NEXT;
}

function storeBytes(hart: Hart, at: number, size: number): void {
  const words = hart.w;
  const data = hart.host.linear.data;
  switch (size) {
    case 1: data.setInt8(at, words[VALUE]); break;
    case 2: data.setInt16(at, words[VALUE], true); break;
    case 4: data.setInt32(at, words[VALUE], true); break;
    default:
      data.setInt32(at, words[VALUE], true);
      data.setInt32(at + 4, words[VALUE + 1], true);
  }
}

function writeDevice(hart: Hart, lo: number, hi: number, size: number, virt: boolean): number {
  const words = hart.w;
  const pa = hart.mmu.ppn * 4096 + (lo & 0xfff);
  hart.mmu.cause = Cause.storeAccess;
  if (pa % size !== 0) return raiseFault(hart, lo, hi, virt);
  const bus = hart.host.bus;
  const low = size === 1 ? words[VALUE] & 0xff : size === 2 ? words[VALUE] & 0xffff : words[VALUE] >>> 0;
  if (!bus.write(pa, size === 8 ? 4 : size, low)) return raiseFault(hart, lo, hi, virt);
  if (size === 8) bus.write(pa + 4, 4, words[VALUE + 1] >>> 0);
  hart.interruptsChanged();
  return SLOW.NEXT;
}

function writeAcross(hart: Hart, lo: number, hi: number, size: number, priv: number, virt: boolean): number {
  const first = 4096 - (lo & 0xfff);
  const nextLo = (lo + first) | 0;
  const nextHi = nextLo === 0 ? (hi + 1) | 0 : hi;
  const firstAt = part(hart, lo, hi, first, Access.store, priv, virt, false);
  if (firstAt === 0) return raiseFault(hart, lo, hi, virt);
  const restAt = part(hart, nextLo, nextHi, size - first, Access.store, priv, virt, false);
  if (restAt === 0) return raiseFault(hart, nextLo, nextHi, virt);
  if (hart.host.debug?.touches(hart, lo, hi, size, true) === true) return SLOW.LEAVE;
  const u8 = hart.host.linear.u8;
  for (let i = 0; i < size; i++) u8[i < first ? firstAt + i : restAt + i - first] = hart.w[VALUE + (i >> 2)] >>> (8 * (i & 3));
  hart.host.engine.dropCode(firstAt, first);
  hart.host.engine.dropCode(restAt, size - first);
  return SLOW.NEXT;
}

/** The pc has no executable tag, or its page no decoded code. */
export function fetch(hart: Hart): number {
  const lo = hart.w[PC];
  const hi = hart.w[PC + 1];
  const known = revived(hart, lo, hi, Access.fetch);
  if (known !== 0) { codePage(hart, known); return SLOW.NEXT; }
  const mmu = hart.mmu;
  if (!mmu.translate(lo, hi, Access.fetch, hart.w[PRIV], hart.w[VIRT] !== 0, false, 2)) return raiseFault(hart, lo, hi, hart.w[VIRT] !== 0);
  const page = hart.host.linear.page(mmu.ppn);
  if (page === 0) return raise(hart, Cause.fetchAccess, lo, hi);
  codePage(hart, page);
  if (hart.host.debug?.fetched(hart, lo, hi, page) === true) return SLOW.LEAVE;
  if (mmu.split) return fetchStep(hart, lo, hi, page);
  hart.contexts.fill(hart.context!, lo, hi, page, false, Access.fetch, mmu.span);
  return SLOW.NEXT;
}

/** Decodes a page; from then on stores to it take the slow path. */
function codePage(hart: Hart, page: number): void {
  const linear = hart.host.linear;
  const index = linear.ramIndex(page);
  if (linear.written[index] !== 0) {
    linear.written[index] = 0;
    hart.host.tlbs.forbidWrites(page);
  }
  hart.host.engine.codePage(page);
}

/** The second half of an instruction that begins in the last two bytes of a page. */
export function fetchSecond(hart: Hart): number {
  const lo = (hart.w[PC] + 2) | 0;
  const hi = lo === 0 ? (hart.w[PC + 1] + 1) | 0 : hart.w[PC + 1];
  let page = hart.contexts.hit(hart.context!, lo, hi, Access.fetch);
  if (page === 0) {
    const virt = hart.w[VIRT] !== 0;
    if (!hart.mmu.translate(lo, hi, Access.fetch, hart.w[PRIV], virt, false, 2)) return raiseFault(hart, lo, hi, virt);
    page = hart.host.linear.page(hart.mmu.ppn);
    if (page === 0) return raise(hart, Cause.fetchAccess, lo, hi);
  }
  hart.w[VALUE] = hart.host.linear.u16[(page + (lo & 0xfff)) >>> 1];
  hart.w[VALUE + 1] = 0;
  return SLOW.NEXT;
}
