/**
 * An address space: areas (possible pages), page table (present pages), and the list of flushes that the arch layer owes before any thread
 * of this space runs again. This synchronous code makes all decisions; the arch layer only mirrors them.
 */
import { Window } from '../../microkernel/abi/index.ts';
import { EFAULT } from '../kernel/failure.ts';
import { Prot } from '../abi/linux.ts';
import { NotHere } from '../kernel/later.ts';
import type { Frames } from './frames.ts';
import { PageTable, Pte, makePte, pteFrame } from './pagetable.ts';
import { Vma, VmaList } from './vma.ts';

/** User addresses end here (Sv39). */
export const TASK_SIZE = 0x40_0000_0000;
/** Not a multiple of 16 MiB below the stack: in a direct-mapped TLB both would use the same entries. */
export const MMAP_TOP = 0x3f_d780_0000;
export const STACK_TOP = 0x3f_ffff_e000;

/** Pages mapped at once for sequential writes. */
const AHEAD = 16;

export const Access = { read: 0, write: 1, exec: 2 } as const;
export type Access = (typeof Access)[keyof typeof Access];
/**
 * The outcome of a fault. `none`: the page is in the table, ready to be mapped. `replaced`: the same, but the mirror has another page
 * there, which must be replaced or unmapped. The others say why there is no page.
 */
export const Fault = { replaced: -1, none: 0, mapErr: 1, accErr: 2, busErr: 3, noMemory: 4 } as const;
export type Fault = (typeof Fault)[keyof typeof Fault];

/** Server memory of an area, bytes. */
const AREA_COST = 160;
/** A range of pages whose mirror below must lose these rights (Prot bits; 7 = all) before the space runs again. */
export interface Flush { from: number; to: number; rights: number }

export class Mm {
  readonly frames: Frames;
  readonly areas = new VmaList();
  readonly table: PageTable;
  /** Processes that use this space (fork makes a new one, vfork and clone share). */
  users = 1;
  /** Flushes owed to the arch layer, in order. */
  readonly flushes: Flush[] = [];
  /** Some area maps an object whose pages may have to be fetched. */
  sleepy = false;
  /** Pages that were swapped out (kernel/swap.ts): page number → slot. */
  swapped: Map<number, number> | undefined;
  /** The arch layer's handle: the task that mirrors this space, once there is one. */
  space: unknown = undefined;
  brkStart = 0; brk = 0;
  codeStart = 0; codeEnd = 0; stackStart = 0;
  argStart = 0; argEnd = 0; envStart = 0; envEnd = 0;
  auxv: Uint8Array = new Uint8Array(0);
  stackLimit = 8 << 20;
  dataLimit = Infinity;
  /** RLIMIT_AS. */
  spaceLimit = Infinity;
  /** Bytes charged for the records of areas. */
  private paidAreas = 0;
  /** Gates that its threads may use: number → its descriptors (drivers/gates.ts). */
  readonly gates = new Map<number, number>();
  /** Called when the address space ends. */
  onEnd: (() => void) | undefined;
  /** Barriers that its processes have registered for (membarrier). */
  barriers = 0;
  /** mlockall(MCL_FUTURE): how new areas are locked. */
  lockFuture: 0 | 1 | 2 = 0;
  /** prctl(PR_SET_MDWE), and PR_SET_MEMORY_MERGE, which is kept. */
  mdwe = 0;
  merges = false;
  /** The largest number of pages present at once. */
  peak = 0;
  minorFaults = 0;

  constructor(frames: Frames) { this.frames = frames; this.table = new PageTable(frames); }

  /** Resolves a fault at `va`, or says why that is impossible. No flush is owed for the page itself, because the caller maps the answer. */
  fault(va: number, access: Access): Fault {
    const area = this.areas.find(va) ?? this.growStack(va);
    if (!area) return Fault.mapErr;
    const need = access === Access.write ? Prot.WRITE : access === Access.exec ? Prot.EXEC : Prot.READ;
    if ((area.prot & need) === 0 && !(need === Prot.READ && area.prot & Prot.WRITE)) return Fault.accErr;
    const vpn = Math.floor(va / 4096), pte = this.table.get(vpn);
    this.frames.work.entered();
    if (pte === 0 || (pte & Pte.NONE) !== 0) return this.populate(area, vpn, access === Access.write);
    if (access !== Access.write || (pte & Pte.W) !== 0) return Fault.none;
    return this.makeWritable(area, vpn, pte);
  }

  private populate(area: Vma, vpn: number, write: boolean): Fault {
    if (this.swapped?.has(vpn)) this.wanted(vpn);
    if (!this.table.reserve(vpn)) return Fault.noMemory;
    this.minorFaults++;
    if (this.table.count > this.peak) this.peak = this.table.count;
    if (area.object === undefined) return this.populateAnonymous(area, vpn, write);
    const index = area.pageOf(vpn);
    if (area.shared) {
      const writable = (area.prot & Prot.WRITE) !== 0 && write;
      const pfn = writable ? area.object.frameToWrite(index) : area.object.frameToRead(index);
      if (writable && pfn > 0) area.object.stored?.();
      return this.install(vpn, pfn, writable ? Pte.W : 0);
    }
    const pfn = area.object.frameToRead(index);
    if (!write || pfn <= 0) return this.install(vpn, pfn, 0);
    return this.copyTo(vpn, pfn);
  }
  /** Throws for a page that was swapped out. */
  private wanted(vpn: number): never { throw new NotHere((t) => this.frames.store!.bring(t, this, vpn)); }
  private populateAnonymous(area: Vma, vpn: number, write: boolean): Fault {
    if (!write) { this.table.set(vpn, makePte(this.frames.zero, 0)); return Fault.none; }
    const pfn = this.frames.alloc();
    if (pfn === 0) return Fault.noMemory;
    this.table.set(vpn, makePte(pfn, Pte.W));
    if ((this.table.get(vpn - 1) & Pte.W) !== 0 && this.frames.free > this.frames.total >> 3) this.populateAhead(area, vpn + 1);
    return Fault.none;
  }
  /** Sequentially written memory gets the next few pages at once. */
  private populateAhead(area: Vma, from: number): void {
    const end = Math.min(area.end / 4096, (Math.floor(from / AHEAD) + 1) * AHEAD);
    for (let vpn = from; vpn < end && this.table.get(vpn) === 0 && !this.swapped?.has(vpn) && this.table.reserve(vpn); vpn++) {
      const pfn = this.frames.alloc();
      if (pfn === 0) return;
      this.table.set(vpn, makePte(pfn, Pte.W));
    }
  }
  private install(vpn: number, pfn: number, flags: number): Fault {
    if (pfn < 0) return Fault.busErr;
    if (pfn === 0) return Fault.noMemory;
    this.frames.ref(pfn);
    this.table.set(vpn, makePte(pfn, flags));
    return Fault.none;
  }
  private copyTo(vpn: number, from: number): Fault {
    const pfn = this.frames.allocDirty();
    if (pfn === 0) return Fault.noMemory;
    if (from === this.frames.zero) this.frames.page(pfn).zero(0, 4096);
    else { Window.copy(this.frames.page(pfn), 0, this.frames.page(from), 0, 4096); this.frames.work.copied(4096); }
    this.table.set(vpn, makePte(pfn, Pte.W));
    return Fault.none;
  }
  /** Resolves a write to a page that is present but not writable: the first write to a shared page, or copy-on-write. */
  private makeWritable(area: Vma, vpn: number, pte: number): Fault {
    const old = pteFrame(pte);
    if (area.shared && area.object) {
      const pfn = area.object.frameToWrite(area.pageOf(vpn));
      if (pfn <= 0) return pfn < 0 ? Fault.busErr : Fault.noMemory;
      area.object.stored?.();
      if (pfn === old) { this.table.set(vpn, pte | Pte.W); return Fault.none; }
      this.frames.unref(old);
      return this.install(vpn, pfn, Pte.W) || (pte & Pte.MAPPED ? Fault.replaced : Fault.none);
    }
    this.minorFaults++;
    if (this.frames.sole(old)) { this.table.set(vpn, pte | Pte.W); return Fault.none; }
    const failed = this.copyTo(vpn, old);
    if (failed) return failed;
    this.frames.unref(old);
    return pte & Pte.MAPPED ? Fault.replaced : Fault.none;
  }
  /** Removes the entry's frame and owes the flush. */
  private forget(vpn: number, pte: number): void {
    this.owe(vpn, vpn + 1, 7, pte);
    this.frames.unref(pteFrame(pte));
  }
  /** Notes that pages [from, to) must be unmapped below; `pte` is an entry of the range (nothing is owed for what was never mirrored). */
  owe(from: number, to: number, rights: number, pte: number = Pte.MAPPED): void {
    if ((pte & Pte.MAPPED) === 0) return;
    const last = this.flushes[this.flushes.length - 1];
    if (last && last.to === from && last.rights === rights) last.to = to;
    else this.flushes.push({ from, to, rights });
  }

  /** Owes the flush of a page that was replaced and is not mapped again at once. */
  oweAt(va: number): void { const vpn = Math.floor(va / 4096); this.owe(vpn, vpn + 1, 7); }
  /**
   * Makes a page of user memory present, for the server's own use or in advance: 0, or the reason of failure. What it replaces is flushed
   * before user mode runs.
   */
  touch(va: number, access: Access): Fault {
    const fault = this.fault(va, access);
    if (fault !== Fault.replaced) return fault;
    this.oweAt(va);
    return Fault.none;
  }

  /** Throws NotHere if user memory in [va, va + length) must be fetched first: called before a call changes anything. */
  need(va: number, length: number): void {
    const end = Math.min(va + Math.max(length, 1), TASK_SIZE);
    for (let at = va; at >= 0 && at < end; ) {
      const area = this.areas.find(at);
      if (!area) return;
      const { object } = area, to = Math.min(area.end, end);
      if (this.swapped?.size) for (let vpn = Math.floor(at / 4096); vpn * 4096 < to; vpn++) if (this.swapped.has(vpn)) this.wanted(vpn);
      if (object?.sleeps) for (let vpn = Math.floor(at / 4096); vpn * 4096 < to;
        vpn++) if (this.table.get(vpn) === 0) object.frameToRead(area.pageOf(vpn));
      at = to;
    }
  }

  private growStack(va: number): Vma | undefined {
    const above = this.areas.above(va);
    if (!above?.growsDown || above.end - va > this.stackLimit) return undefined;
    const start = Math.floor(va / 4096) * 4096, i = this.areas.indexAbove(va), below = this.areas.list[i - 1];
    if (below && below.end + 0x10_0000 > start && below.prot !== 0) return undefined;
    above.start = start;
    return above;
  }

  // ── access to user memory ────────────────────────────────────────────────────────────────────────────────────────────

  /** The page at `va` as bytes, made readable or writable first. Throws EFAULT. */
  pageAt(va: number, write: boolean): Window {
    const vpn = Math.floor(va / 4096);
    let pte = va >= 0 && va < TASK_SIZE ? this.table.get(vpn) : 0;
    if (pte === 0 || (pte & Pte.NONE) !== 0 || (write && (pte & Pte.W) === 0)) {
      if (!(va >= 0 && va < TASK_SIZE) || this.touch(va, write ? Access.write : Access.read) !== Fault.none) throw EFAULT;
      pte = this.table.get(vpn);
    }
    const pfn = pteFrame(pte);
    if (write) this.frames.wrote(pfn);
    return this.frames.page(pfn);
  }

  /**
   * The page at `va` for a debugger: readable whatever its rights; `write` gives a private copy to write, which user level still may not.
   * Throws EFAULT.
   */
  pageForced(va: number, write: boolean): Window {
    const area = this.areas.find(va), vpn = Math.floor(va / 4096);
    if (!area || (write && area.shared && !(area.prot & Prot.WRITE))) throw EFAULT;
    if (area.prot & (write ? Prot.WRITE : Prot.READ)) return this.pageAt(va, write);
    const before = this.table.get(vpn);
    if ((before === 0 || (before & Pte.NONE) !== 0) && this.populate(area, vpn, false) !== Fault.none) throw EFAULT;
    const pte = this.table.get(vpn), old = pteFrame(pte);
    if (write && !this.frames.sole(old)) {
      if (this.copyTo(vpn, old) !== Fault.none) throw EFAULT;
      this.table.set(vpn, this.table.get(vpn) & ~Pte.W);
      this.owe(vpn, vpn + 1, 7, pte);
      this.frames.unref(old);
    }
    const pfn = pteFrame(this.table.get(vpn));
    if (write) this.frames.wrote(pfn);
    return this.frames.page(pfn);
  }

  // ── life ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A copy for fork: private pages become copy-on-write on both sides. */
  fork(): Mm {
    const child = new Mm(this.frames);
    child.brkStart = this.brkStart; child.brk = this.brk; child.codeStart = this.codeStart; child.codeEnd = this.codeEnd;
    child.stackStart = this.stackStart; child.argStart = this.argStart; child.argEnd = this.argEnd; child.envStart = this.envStart;
      child.envEnd = this.envEnd;
    child.sleepy = this.sleepy;
    child.auxv = this.auxv; child.stackLimit = this.stackLimit; child.dataLimit = this.dataLimit; child.spaceLimit = this.spaceLimit;
      child.mdwe = this.mdwe & 2 ? 0 : this.mdwe;
    for (const area of this.areas.list) {
      if (area.fork === 'none') continue;
      child.areas.list.push(area.clone(child));
      if (area.fork === 'copy') this.forkPages(area, child);
    }
    for (const [vpn, slot] of this.swapped ?? []) {
      if (child.areas.find(vpn * 4096)?.fork !== 'copy') continue;
      this.frames.store!.hold(slot);
      (child.swapped ??= new Map()).set(vpn, slot);
    }
    return child;
  }
  private forkPages(area: Vma, child: Mm): void {
    this.table.update(area.start / 4096, area.end / 4096, (vpn, pte) => {
      this.frames.ref(pteFrame(pte));
      if (area.shared) { child.table.set(vpn, pte & ~Pte.MAPPED); return pte; }
      child.table.set(vpn, pte & ~(Pte.MAPPED | Pte.W));
      if ((pte & Pte.W) === 0) return pte;
      this.owe(vpn, vpn + 1, Prot.WRITE, pte);
      return pte & ~Pte.W;
    });
  }
  /** Charges memory for the records of the present areas and a few more; false: not enough memory. */
  payAreas(): boolean {
    const want = Math.ceil((this.areas.list.length + 4) / 64) * 64 * AREA_COST, more = want - this.paidAreas;
    if (more > 0 ? !this.frames.charge(more) : more > -256 * AREA_COST) return more <= 0;
    if (more < 0) this.frames.uncharge(-more);
    this.paidAreas = want;
    return true;
  }
  /** Frees all frames. The arch layer destroys or empties the mirror. */
  release(): void {
    this.table.update(0, TASK_SIZE / 4096, (_vpn, pte) => { this.frames.unref(pteFrame(pte)); return 0; });
    this.table.clear();
    this.dropSwapped(0, Infinity);
    for (const area of this.areas.list) area.gone();
    this.areas.remove(0, TASK_SIZE);
    this.frames.uncharge(this.paidAreas);
    this.paidAreas = 0;
    this.flushes.length = 0;
  }
  /** Drops the pages of [start, end) bytes: they will fault again. */
  zap(start: number, end: number): void {
    this.table.update(start / 4096, end / 4096, (vpn, pte) => { this.forget(vpn, pte); return 0; });
    this.dropSwapped(start / 4096, end / 4096);
  }
  /** The numbers of swapped-out pages in [from, to). */
  private outIn(from: number, to: number): number[] {
    const { swapped } = this, out: number[] = [];
    if (!swapped?.size) return out;
    if (to - from < swapped.size) { for (let vpn = from; vpn < to; vpn++) if (swapped.has(vpn)) out.push(vpn); }
    else for (const vpn of swapped.keys()) if (vpn >= from && vpn < to) out.push(vpn);
    return out;
  }
  private dropSwapped(from: number, to: number): void {
    for (const vpn of this.outIn(from, to)) { this.frames.store!.drop(this.swapped!.get(vpn)!); this.swapped!.delete(vpn); }
  }
  /** Moves the records of swapped-out pages of [from, to) by `shift` pages. */
  moveSwapped(from: number, to: number, shift: number): void {
    const moved = this.outIn(from, to).map((vpn) => [vpn, this.swapped!.get(vpn)!] as const);
    for (const [vpn] of moved) this.swapped!.delete(vpn);
    for (const [vpn, slot] of moved) this.swapped!.set(vpn + shift, slot);
  }
  /** Bytes of areas, and bytes of pages present. */
  get size(): number { let n = 0; for (const a of this.areas.list) n += a.end - a.start; return n; }
  /** Bytes of private writable areas, without the stack. */
  get data(): number { let n = 0; for (const a of this.areas.list) if (!a.shared && a.prot & Prot.WRITE
    && !a.growsDown) n += a.end - a.start; return n; }
  /** Bytes of locked areas. */
  get locked(): number { let n = 0; for (const a of this.areas.list) if (a.locked) n += a.end - a.start; return n; }
  get resident(): number { return this.table.count * 4096; }
}

/**
 * Drops pages [from, to) of a mapped object everywhere, because other frames or none stand for them now; `copies`: private copies as
 * well.
 */
export function zapObject(areas: Iterable<Vma>, from: number, to: number, frames: Frames, copies = false): void {
  for (const area of areas) {
    const start = area.start + (from - area.first) * 4096, end = area.start + (to - area.first) * 4096;
    const mm = area.mm;
    mm.table.update(Math.max(start, area.start) / 4096, Math.min(end, area.end) / 4096, (vpn, pte) => {
      if (!copies && !area.shared && (pte & Pte.W) !== 0) return pte; // a private copy
      mm.owe(vpn, vpn + 1, 7, pte);
      frames.unref(pteFrame(pte));
      return 0;
    });
  }
}
/** Write-protects pages [from, to) of a mapped object in shared areas, so that the next store faults and is noticed. */
export function guardObject(areas: Iterable<Vma>, from: number, to: number): void {
  for (const area of areas) {
    if (!area.shared) continue;
    const start = area.start / 4096 + from - area.first, { mm } = area;
    mm.table.update(Math.max(start, area.start / 4096), Math.min(start + to - from, area.end / 4096), (vpn, pte) => {
      if ((pte & Pte.W) === 0) return pte;
      mm.owe(vpn, vpn + 1, Prot.WRITE, pte);
      return pte & ~Pte.W;
    });
  }
}
