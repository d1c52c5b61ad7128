/**
 * Address translation: the page-table walker for one and two stages. It works on pairs of 32-bit words and allocates nothing; its fields
 * hold the result or describe the fault.
 * @spec priv 12.3.2 @spec priv 21.5.1
 */
import { inKseg0 } from '../cpu/kseg0.ts';
import { Access, ACCESS_FAULT, ENVCFG, GUEST_FAULT, MSTATUS, PAGE_FAULT, PTE } from './bits.ts';
import { GLOBAL } from './tlb-pool.ts';
import type { Hart } from './hart.ts';
import { PmpPerm, SPLIT } from './pmp.ts';
import { C } from './slots.ts';

const WORD = 0x1_0000_0000;
const PERM_BIT = [PTE.R, PTE.W, PTE.X] as const;
const PMP_BIT = [PmpPerm.R, PmpPerm.W, PmpPerm.X] as const;
/**
 * Canonical addresses: how far to shift the upper word so that only the sign extension is lost; by satp.MODE - 8.
 * @spec priv 12.4.1, 12.5.1, 12.6.1
 */
const SIGN = [25, 16, 7] as const;
const PTE_BYTES = 8;
/** Second-stage translations remembered, by guest page. */
const REMEMBERED = 512;
/** Bits of a guest physical address in its upper word, by hgatp.MODE - 8. */
const GUEST_BITS = [9, 18, 27] as const;

export class Mmu {
  /** Physical page number of the translation. */
  ppn = 0;
  /** May stores go through the same translation (dirty bit set, writable in both stages and by PMP)? */
  writable = false;
  /** Physical memory protection differs within this page: the answer holds only for the bytes of this access. */
  split = false;
  /** log2 of the size in pages of the (first-stage) leaf; with GLOBAL (contexts.ts) where the mapping is. */
  span = 0;
  /** After a fault: exception code; guest physical address / 4; was it an implicit access (0 no, 1 read, 2 write)? */
  cause = 0;
  gpaLo = 0;
  gpaHi = 0;
  implicit = 0;

  readonly #h: Hart;
  // The second stage's results.
  #gPpn = 0;
  #gWritable = false;
  /** Recent second-stage leaves of the virtual machine in hgatp: guest page (-1 = none), page, permission bits. */
  readonly #guestPages = new Float64Array(REMEMBERED).fill(-1);
  readonly #pages = new Float64Array(REMEMBERED);
  readonly #leaves = new Uint8Array(REMEMBERED);

  constructor(hart: Hart) { this.#h = hart; }

  /** Second-stage tables, hgatp or physical protection have changed. */
  forgetGuest(): void { this.#guestPages.fill(-1); }

  /**
   * Translates va = hi:lo for this access by (priv, virt) to `size` bytes, all in one page. `executable`: hlvx, reads with execute
   * permission. False = fault.
   */
  translate(lo: number, hi: number, access: Access, priv: number, virt: boolean, executable = false, size = 1): boolean {
    const words = this.#h.c;
    this.implicit = this.gpaLo = this.gpaHi = 0;
    this.span = 0;
    this.writable = true;
    if (this.#h.host.model.kseg0 && priv !== 3 && inKseg0(lo, hi)) {
      if (virt || priv === 0) return this.#outsideKernel(lo, access, priv === 1);
      this.ppn = lo >>> 12;
    } else if (virt) {
      if (!this.#guest(lo, hi, access, priv, executable)) return false;
    } else if (priv === 3 || words[C.satp + 1] >>> 28 === 0) {
      this.ppn = (hi >>> 0) * 0x10_0000 + (lo >>> 12);
    } else {
      const status = words[C.mstatus];
      const adue = (words[C.menvcfg + 1] & ENVCFG.ADUE_HI) !== 0;
      const pbmte = (words[C.menvcfg + 1] & ENVCFG.PBMTE_HI) !== 0;
      if (!this.#walk(C.satp, lo, hi, access, priv, (status & MSTATUS.SUM) !== 0, (status & MSTATUS.MXR) !== 0, false, adue, pbmte, false))
        return false;
    }
    const allowed = this.#protection(this.ppn, lo & 0xfff, size, priv);
    this.split = (allowed & SPLIT) !== 0;
    if ((allowed & PMP_BIT[access]) === 0 || (executable && (allowed & PmpPerm.X) === 0)) return this.#accessFault(access);
    if ((allowed & PmpPerm.W) === 0) this.writable = false;
    return true;
  }

  /** Only the supervisor may use the window. A guest kernel's access reaches the monitor like an access to unmapped memory. */
  #outsideKernel(lo: number, access: Access, guestKernel: boolean): boolean {
    return guestKernel ? this.#guestFault(lo >>> 12, lo & 0xfff, access, 0) : this.#pageFault(access);
  }

  /** Both stages. @spec priv 21.5 */
  #guest(lo: number, hi: number, access: Access, priv: number, executable: boolean): boolean {
    const words = this.#h.c;
    if (words[C.vsatp + 1] >>> 28 === 0) this.ppn = (hi >>> 0) * 0x10_0000 + (lo >>> 12);
    else {
      this.#h.contexts.counts.vsWalks++;
      const status = words[C.vsstatus];
      const mxr = ((status | words[C.mstatus]) & MSTATUS.MXR) !== 0;
      const enabled = words[C.henvcfg + 1] & words[C.menvcfg + 1];
      const adue = (enabled & ENVCFG.ADUE_HI) !== 0;
      const pbmte = (enabled & ENVCFG.PBMTE_HI) !== 0;
      if (!this.#walk(C.vsatp, lo, hi, access, priv, (status & MSTATUS.SUM) !== 0, mxr, executable, adue, pbmte, true)) return false;
    }
    const writable = this.writable;
    if (!this.#second(this.ppn, lo & 0xfff, access, access, executable, 0)) return false;
    this.ppn = this.#gPpn;
    this.writable = writable && this.#gWritable;
    return true;
  }

  /** One walk of a first-stage (or only) table. Under `virt` its entries lie at guest physical addresses. */
  #walk(root: number, lo: number, hi: number, access: Access, priv: number, sum: boolean, mxr: boolean, executable: boolean, adue: boolean,
      pbmte: boolean, virt: boolean): boolean {
    const hart = this.#h;
    const words = hart.host.linear.i32;
    const mode = (hart.c[root + 1] >>> 28) - 8;
    if ((hi << SIGN[mode]) >> SIGN[mode] !== hi) return this.#pageFault(access);
    let ppn = (hart.c[root + 1] & 0xfff) * WORD + (hart.c[root] >>> 0);
    let global = false; // on a pointer it applies to every entry below
    for (let level = mode + 2; level >= 0; level--) {
      const offset = tableIndex(lo, hi, 12 + 9 * level) * 8;
      let tableWritable = true;
      if (virt) {
        if (!this.#second(ppn, offset, Access.load, access, false, 1)) return false;
        ppn = this.#gPpn;
        tableWritable = this.#gWritable;
      }
      const at = this.#entry(ppn, offset, access);
      if (at === 0) return false;
      hart.contexts.counts.entries++;
      const pteLo = words[at];
      const pteHi = words[at + 1];
      if (malformed(pteLo, pteHi, level, pbmte, hart.features.svnapot)) return this.#pageFault(access);
      const next = (pteHi & PTE.PPN_HI) * 0x40_0000 + (pteLo >>> 10);
      if ((pteLo & (PTE.R | PTE.X)) === 0) {
        if ((pteLo & PTE.G) !== 0) global = true;
        ppn = next;
        continue;
      }
      if (!permitted(pteLo, access, priv, sum, mxr, executable)) return this.#pageFault(access);
      const napot = pteHi < 0;
      const size = 2 ** (9 * level);
      if (!napot && next % size !== 0) return this.#pageFault(access);
      const need = access === Access.store ? PTE.A | PTE.D : PTE.A;
      let leaf = pteLo;
      if ((pteLo & need) !== need) {
        if (!adue) return this.#pageFault(access);
        if (virt && !tableWritable && !this.#second(this.#tableGppn(root, lo, hi, level), offset, Access.store, access, false, 2))
          return false;
        leaf = this.#mark(ppn, at, pteLo | need, access);
        if (leaf === 0) return false;
      }
      const vpn = (hi >>> 0) * 0x10_0000 + (lo >>> 12);
      this.ppn = napot ? next - (next % 16) + (vpn % 16) : next + (vpn % size);
      this.span = (napot ? 4 : 9 * level) | ((pteLo & PTE.G) !== 0 || global ? GLOBAL : 0);
      this.writable = (leaf & (PTE.W | PTE.D)) === (PTE.W | PTE.D);
      return true;
    }
    return this.#pageFault(access);
  }

  /**
   * Second stage: guest page `gppn`. `access` must be allowed; `original` is the instruction's access, which determines the exception;
   * `implicit` means that the walk reads (1) or updates (2) a first-stage entry.
   */
  #second(gppn: number, offset: number, access: Access, original: Access, executable: boolean, implicit: number): boolean {
    const hart = this.#h;
    const words = hart.c;
    const memory = hart.host.linear.i32;
    this.#gPpn = gppn;
    this.#gWritable = true;
    if (words[C.hgatp + 1] >>> 28 === 0) return true;
    const mxr = implicit === 0 && (words[C.mstatus] & MSTATUS.MXR) !== 0;
    const slot = gppn % REMEMBERED;
    if (this.#guestPages[slot] === gppn) {
      const leaf = this.#leaves[slot];
      if ((access !== Access.store || (leaf & PTE.D) !== 0) && permitted(leaf, access, 0, false, mxr, executable)) {
        this.#gPpn = this.#pages[slot];
        this.#gWritable = (leaf & (PTE.W | PTE.D)) === (PTE.W | PTE.D);
        return true;
      }
    }
    const mode = (words[C.hgatp + 1] >>> 28) - 8;
    const hi = Math.floor(gppn / 0x10_0000);
    const lo = (gppn % 0x10_0000) * 4096 | offset;
    if (hi >>> GUEST_BITS[mode] !== 0) return this.#guestFault(gppn, offset, original, implicit);
    const adue = (words[C.menvcfg + 1] & ENVCFG.ADUE_HI) !== 0;
    const pbmte = (words[C.menvcfg + 1] & ENVCFG.PBMTE_HI) !== 0;
    let ppn = (words[C.hgatp + 1] & 0xfff) * WORD + (words[C.hgatp] >>> 0);
    const top = mode + 2;
    for (let level = top; level >= 0; level--) {
      let index = tableIndex(lo, hi, 12 + 9 * level);
      if (level === top) {
        index += Math.floor(gppn / 2 ** (9 * (top + 1))) % 4 * 512; // the root is four pages wide
        ppn += index >> 9;
        index &= 511;
      }
      const at = this.#entry(ppn, index * 8, original);
      if (at === 0) return false;
      hart.contexts.counts.stageEntries++;
      const pteLo = memory[at];
      const pteHi = memory[at + 1];
      if (malformed(pteLo, pteHi, level, pbmte, hart.features.svnapot)) return this.#guestFault(gppn, offset, original, implicit);
      const next = (pteHi & PTE.PPN_HI) * 0x40_0000 + (pteLo >>> 10);
      if ((pteLo & (PTE.R | PTE.X)) === 0) {
        ppn = next;
        continue;
      }
      const napot = pteHi < 0;
      const size = 2 ** (9 * level);
      if (!permitted(pteLo, access, 0, false, mxr, executable) || (!napot && next % size !== 0))
        return this.#guestFault(gppn, offset, original, implicit);
      const need = access === Access.store ? PTE.A | PTE.D : PTE.A;
      let leaf = pteLo;
      if ((pteLo & need) !== need) {
        if (!adue) return this.#guestFault(gppn, offset, original, implicit);
        leaf = this.#mark(ppn, at, pteLo | need, original);
        if (leaf === 0) return false;
      }
      this.#gPpn = napot ? next - (next % 16) + (gppn % 16) : next + (gppn % size);
      this.#gWritable = (leaf & (PTE.W | PTE.D)) === (PTE.W | PTE.D);
      this.#guestPages[slot] = gppn;
      this.#pages[slot] = this.#gPpn;
      this.#leaves[slot] = leaf;
      return true;
    }
    return this.#guestFault(gppn, offset, original, implicit);
  }

  /** Guest page of the first-stage table at `level`: walks again, for the rare update that the second stage must allow. */
  #tableGppn(root: number, lo: number, hi: number, level: number): number {
    const hart = this.#h;
    let gppn = (hart.c[root + 1] & 0xfff) * WORD + (hart.c[root] >>> 0);
    for (let above = (hart.c[root + 1] >>> 28) - 6; above > level; above--) {
      this.#second(gppn, 0, Access.load, Access.load, false, 1);
      const at = (hart.host.linear.page(this.#gPpn) + tableIndex(lo, hi, 12 + 9 * above) * 8) >>> 2;
      gppn = (hart.host.linear.i32[at + 1] & PTE.PPN_HI) * 0x40_0000 + (hart.host.linear.i32[at] >>> 10);
    }
    return gppn;
  }

  /** The verdict of physical protection about these bytes; SPLIT where it does not hold for the whole page. */
  #protection(ppn: number, offset: number, size: number, priv: number): number {
    const { pmp } = this.#h;
    const allowed = pmp.check(ppn, priv);
    return allowed === SPLIT ? pmp.checkBytes(ppn * 4096 + offset, size, priv) | SPLIT : allowed;
  }

  /** Word index of a table entry in linear memory; 0 after an access fault. */
  #entry(ppn: number, offset: number, access: Access): number {
    const page = this.#h.host.linear.page(ppn);
    if (page === 0 || (this.#protection(ppn, offset, PTE_BYTES, 1) & PmpPerm.R) === 0) {
      this.#accessFault(access);
      return 0;
    }
    return (page + offset) >>> 2;
  }

  /** Hardware update of accessed and dirty bits: the new lower word, 0 after an access fault. @spec priv 16 */
  #mark(ppn: number, at: number, value: number, access: Access): number {
    const hart = this.#h;
    if ((this.#protection(ppn, (at * 4) & 0xfff, PTE_BYTES, 1) & PmpPerm.W) === 0) {
      this.#accessFault(access);
      return 0;
    }
    const page = hart.host.linear.page(ppn);
    if (hart.host.engine.hasCode(page)) hart.host.engine.dropCode(at * 4, 8);
    hart.host.linear.i32[at] = value;
    return value;
  }

  #pageFault(access: Access): boolean {
    this.cause = PAGE_FAULT[access];
    return false;
  }

  #accessFault(access: Access): boolean {
    this.cause = ACCESS_FAULT[access];
    return false;
  }

  /** @spec priv 21.5.2 */
  #guestFault(gppn: number, offset: number, original: Access, implicit: number): boolean {
    this.cause = GUEST_FAULT[original];
    this.gpaLo = ((gppn % 0x40_0000) * 1024 + (offset >>> 2)) | 0; // in halves: an address has up to 64 bits
    this.gpaHi = Math.floor(gppn / 0x40_0000);
    this.implicit = implicit;
    return false;
  }
}

/** Nine bits of hi:lo from `shift` up. */
function tableIndex(lo: number, hi: number, shift: number): number {
  if (shift >= 32) return (hi >>> (shift - 32)) & 511;
  return shift <= 23 ? (lo >>> shift) & 511 : ((lo >>> shift) | (hi << (32 - shift))) & 511;
}

/** Not valid, reserved encodings, or bits that must be zero: in leaves and in pointers. @spec priv 12.3.1, 12.4.1, 13, 14 */
function malformed(lo: number, hi: number, level: number, pbmte: boolean, napot: boolean): boolean {
  if ((lo & PTE.V) === 0 || (lo & (PTE.R | PTE.W)) === PTE.W) return true;
  if ((hi & ~PTE.PPN_HI) === 0) return (lo & (PTE.R | PTE.X)) === 0 && (lo & (PTE.A | PTE.D | PTE.U)) !== 0;
  if ((hi & PTE.RESERVED_HI) !== 0 || (lo & (PTE.R | PTE.X)) === 0) return true;
  const type = hi & PTE.PBMT_HI;
  if (type !== 0 && (!pbmte || type === PTE.PBMT_HI)) return true;
  return hi < 0 && (!napot || level !== 0 || ((lo >>> 10) & 15) !== 8);
}

/** @spec priv 3.1.6.4, 12.1.1.2, 12.3.1, 21.5 */
function permitted(pte: number, access: Access, priv: number, sum: boolean, mxr: boolean, executable: boolean): boolean {
  if (priv === 0) {
    if ((pte & PTE.U) === 0) return false;
  } else if ((pte & PTE.U) !== 0 && (access === Access.fetch || !sum)) return false;
  if (executable) return (pte & PTE.X) !== 0;
  return (pte & PERM_BIT[access]) !== 0 || (mxr && access === Access.load && (pte & PTE.X) !== 0);
}
