/**
 * Swap: writes pages of programs to a block device when memory is short, and reads them back on access. Private anonymous pages are swapped
 * out, except pages that are locked, of the stack, or used by the server itself: among them the buffers of a sleeping call, which it may
 * write when it wakes. A process in a call with unknown buffers (not in PINS) keeps all its pages.
 *
 * short of frames ──→ `gather`: a clock hand scans all tables; mapped pages are unmapped (a fault maps them again), pages still unmapped on
 * the hand's next pass are swapped out: their bytes wait in `pending`, their frames are free at once ──→ a worker writes the pending bytes
 *   fault on such a page ──→ `Mm.populate` throws NotHere ──→ the thread sleeps until the page was read
 *
 * Documentation: swapon(2), mkswap(8): the header
 */
import { calls, type CallName } from '../abi/calls.ts';
import { E } from '../abi/errno.ts';
import type { BlockSource } from '../fs/bytesource.ts';
import type { Paged, PageStore } from '../mm/frames.ts';
import type { Mm } from '../mm/mm.ts';
import { Pte, pteFrame, makePte } from '../mm/pagetable.ts';
import { AT_ONCE } from '../mm/uaccess.ts';
import { Window } from '../../microkernel/abi/index.ts';
import type { Kernel } from './kernel.ts';
import type { Thread } from './thread.ts';
import { WaitQueue, type Co, type Sleeper } from './wait.ts';

const PAGE = 4096;
/** Pages of one scan, of one write or read, and pending pages, 4 MiB. */
const BATCH = 64, CLUSTER = 16, PENDING = 1024;
/** Most table entries of one scan. */
const LOOKS = 32_768;
/** A slot is the number of an area and of a page in it. */
const PAGES_BITS = 26, MOST_PAGES = 2 ** PAGES_BITS, MOST_AREAS = 16;
/** Server memory of a swapped-out page, bytes: its entry in a map. */
const OUT_COST = 64;
/**
 * Sleeping calls, and the bytes that they may access at their arguments when they wake: argument number → bytes, given the arguments. Other
 * calls are unknown.
 */
type Sizes = (argument: (i: number) => number) => readonly (readonly [number, number])[];
const few: Sizes = () => [0, 1, 2, 3, 4, 5].map((i) => [i, 256] as const),
  buffer: Sizes = (x) => [[1, Math.min(x(2), AT_ONCE)], [4, 256], [5, 256]];
const PINS = new Map<CallName, Sizes>([
  ...(['futex', 'wait4', 'waitid', 'nanosleep', 'clock_nanosleep', 'rt_sigsuspend', 'rt_sigtimedwait', 'accept', 'accept4', 'flock',
    'fcntl', 'pselect6', 'openat', 'connect', 'fsync', 'semtimedop', 'semop', 'futex_wait', 'close'] as const)
    .map((n): [CallName, Sizes] => [n, few]),
  ...(['read', 'write', 'pread64', 'pwrite64', 'recvfrom', 'sendto', 'getdents64'] as const).map((n): [CallName, Sizes] => [n, buffer]),
  ['ppoll', (x) => [[0, x(1) * 8], [2, 16], [3, 8]]], ['epoll_pwait', (x) => [[1, x(2) * 16], [4, 8]]],
]);
const pins = new Map([...PINS].map(([name, sizes]) => [calls[name][0] as number, sizes]));
/** Bytes pinned for one thread; a call with more pins everything. */
const MOST_PINNED = 1 << 20;

/** One swap device. `refs`: number of tables that refer to a slot; 0 = free. */
export class SwapArea {
  readonly source: BlockSource;
  readonly path: string;
  readonly rdev: number;
  readonly refs: Uint16Array;
  readonly priority: number;
  used = 0;
  leaving = false;
  private hint = 1;
  constructor(source: BlockSource, path: string, rdev: number, pages: number, priority: number) {
    this.source = source; this.path = path; this.rdev = rdev; this.priority = priority;
    this.refs = new Uint16Array(pages);
  }
  get pages(): number { return this.refs.length - 1; }
  /** A free page, if possible next to the last one; 0: none. Page 0 is the header. */
  take(): number {
    if (this.leaving || this.used >= this.pages) return 0;
    const n = this.refs.length;
    for (let i = 0; i < n; i++) {
      const page = this.hint + i < n ? this.hint + i : 1 + (this.hint + i - n);
      if (this.refs[page] !== 0 || page === 0) continue;
      this.refs[page] = 1;
      this.used++;
      this.hint = page + 1 < n ? page + 1 : 1;
      return page;
    }
    return 0;
  }
}

export class Swap implements PageStore {
  readonly areas: (SwapArea | undefined)[] = [];
  private readonly k: Kernel;
  /** Bytes that wait to be written, by slot. */
  private readonly pending = new Map<number, Uint8Array>();
  private readonly wq = new WaitQueue();
  private writing = false;
  private gathering = false;
  /** A write has failed: swapping out stops, and pending pages stay in memory. */
  private broken = false;
  /** Position of the hand: the remaining address spaces of this round, and the page in the first of them. */
  private round: Mm[] = [];
  private hand = 0;
  /** Pages written out and read in. */
  out = 0;
  in = 0;
  constructor(k: Kernel) { this.k = k; }

  get on(): boolean { return this.areas.some((a) => a !== undefined); }
  get pages(): number { return this.areas.reduce((n, a) => n + (a?.pages ?? 0), 0); }
  get free(): number { return this.areas.reduce((n, a) => n + (a ? a.pages - a.used : 0), 0); }

  // ── memory is short ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Called when no frame is free: returns the number of freed frames. */
  shrink(): number {
    if (this.broken || this.pending.size >= PENDING) return 0;
    const n = this.gather();
    this.begin();
    return n;
  }
  /** Called before a fault is resolved: the work that the thread must wait for first if memory is short. */
  pressed(): ((t: Sleeper) => Co<number>) | undefined {
    const { frames } = this.k, high = frames.total >> 5;
    if (frames.free >= high || this.broken || !this.on) return undefined;
    this.begin();
    return frames.free < high >> 2 && this.pending.size > 0 ? (t) => this.written(t) : undefined;
  }
  private *written(t: Sleeper): Co<number> { yield* t.nap(this.wq); return 0; }

  private begin(): void {
    if (this.writing || this.broken) return;
    this.writing = true;
    this.k.workers.start((self) => this.writeBack(self));
  }
  private *writeBack(self: Sleeper): Co<void> {
    const { frames } = this.k;
    for (;;) {
      if (this.pending.size < PENDING && frames.free < frames.total >> 5) this.gather();
      const run = this.nextRun();
      if (run.length === 0) break;
      const first = run[0]!, area = this.areas[Math.floor(first / MOST_PAGES)]!, bytes = new Uint8Array(run.length * PAGE),
        was = run.map((slot) => this.pending.get(slot)!);
      was.forEach((b, i) => { bytes.set(b, i * PAGE); });
      const failed = yield* area.source.write(self, (first % MOST_PAGES) * PAGE, bytes);
      if (failed) {
        this.k.once(`swap ${area.path}`, `l4guest: ${area.path}: pages cannot be written, they stay in memory`);
        this.broken = true;
        break;
      }
      // A slot may have been freed and taken again during the write.
      run.forEach((slot, i) => { if (this.pending.get(slot) === was[i]) this.pending.delete(slot); });
      this.wq.wakeAll();
    }
    this.writing = false;
    this.wq.wakeAll();
  }
  /** Pending slots that follow one another. */
  private nextRun(): number[] {
    const [first] = this.pending.keys(), run: number[] = [];
    if (first === undefined) return run;
    for (let slot = first; run.length < BATCH / 2 && this.pending.has(slot); slot++) run.push(slot);
    return run;
  }

  // ── swapping out ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  private *threadsOf(mm: Mm): Iterable<Thread> {
    for (const p of this.k.pids.processes.values()) if (p.mm === mm) yield* p.threads;
  }
  /** Pages that the server uses outside calls, and those that sleeping calls may touch; undefined: all. */
  private pinned(mm: Mm): Set<number> | undefined {
    const out = new Set<number>(), keep = (va: number, bytes: number): void => {
      for (let p = Math.floor(va / PAGE); va > 0 && p * PAGE < va + bytes; p++) out.add(p);
    };
    for (const thread of this.threadsOf(mm)) {
      keep(thread.clearTid, 4); keep(thread.robustList, 24);
      if (thread.rseq) keep(thread.rseq.area, 32);
      if (thread.co === undefined || thread.call < 0) continue;
      const list = pins.get(thread.call)?.((i) => thread.regs.x(10 + i));
      if (!list || list.some(([, bytes]) => !(bytes >= 0 && bytes <= MOST_PINNED))) return undefined;
      for (const [i, bytes] of list) keep(thread.regs.x(10 + i), bytes);
    }
    return out;
  }
  /** Swaps out some pages; returns the number of freed frames. */
  private gather(): number {
    if (this.gathering || this.broken || !this.on) return 0;
    this.gathering = true;
    let gone = 0, looks = 0, turns = 0;
    try {
      while (gone < BATCH && looks < LOOKS && turns < 3) {
        if (this.round.length === 0) { turns++; this.round = this.spaces(); this.hand = 0; if (this.round.length === 0) break; }
        const mm = this.round[0]!, result = this.goRound(mm, BATCH - gone, LOOKS - looks, turns > 1);
        gone += result.gone;
        looks += result.looks;
        if (result.full) break;
        if (result.over) { this.round.shift(); this.hand = 0; }
      }
    } finally { this.gathering = false; }
    return gone;
  }
  private spaces(): Mm[] {
    const all = new Set<Mm>();
    for (const process of this.k.pids.processes.values()) if (process.alive && process.threads.size > 0) all.add(process.mm);
    return [...all];
  }
  /** `desperate`: a page that two tables map leaves this one too. */
  private goRound(mm: Mm, most: number, looks: number, desperate: boolean): { gone: number; looks: number; over: boolean; full: boolean } {
    let gone = 0, looked = 0, full = false;
    const pinned = this.pinned(mm), { frames } = mm;
    if (!pinned) return { gone, looks: looked, over: true, full };
    for (const area of mm.areas.list) {
      const end = area.end / PAGE;
      if (end <= this.hand || area.object !== undefined || area.shared || area.locked !== 0 || area.growsDown) continue;
      for (let vpn = Math.max(this.hand, area.start / PAGE); vpn < end; vpn = (vpn - (vpn % 512)) + 512) {
        const to = Math.min(end, vpn - (vpn % 512) + 512);
        mm.table.update(vpn, to, (at, pte) => {
          looked++;
          if (gone >= most || full || pte & Pte.NONE || pteFrame(pte) === frames.zero || pinned.has(at)) return pte;
          const sole = frames.sole(pteFrame(pte));
          if (!sole && !desperate) return pte;
          if (pte & Pte.MAPPED) { mm.owe(at, at + 1, 7, pte); return pte & ~Pte.MAPPED; }
          if (!this.put(mm, at, pteFrame(pte))) { full = true; return pte; }
          if (sole) gone++;
          return 0;
        });
        this.hand = to;
        if (gone >= most || looked >= looks || full) return { gone, looks: looked, over: false, full };
      }
    }
    return { gone, looks: looked, over: true, full };
  }
  /** Keeps a page's bytes for writing, and frees its frame. False: the swap devices are full. */
  private put(mm: Mm, vpn: number, pfn: number): boolean {
    let slot = 0;
    for (let i = 0; i < this.areas.length && slot === 0; i++) {
      const page = this.areas[i]?.take() ?? 0;
      if (page !== 0) slot = i * MOST_PAGES + page;
    }
    if (slot === 0) return false;
    const bytes = new Uint8Array(PAGE);
    Window.copy(bytes, 0, mm.frames.page(pfn), 0, PAGE);
    this.pending.set(slot, bytes);
    mm.frames.unref(pfn);
    mm.frames.work.copied(PAGE);
    mm.frames.owed(OUT_COST);
    (mm.swapped ??= new Map()).set(vpn, slot);
    mm.sleepy = true;
    this.out++;
    return true;
  }

  // ── swapping in ───────────────────────────────────────────────────────────────────────────────────────────────────────

  hold(slot: number): void { this.areas[Math.floor(slot / MOST_PAGES)]!.refs[slot % MOST_PAGES]!++; this.k.frames.owed(OUT_COST); }
  drop(slot: number): void {
    const area = this.areas[Math.floor(slot / MOST_PAGES)]!, page = slot % MOST_PAGES;
    this.k.frames.uncharge(OUT_COST);
    if (--area.refs[page]! > 0) return;
    area.used--;
    this.pending.delete(slot);
  }
  /** Reads a page, and the following ones that were swapped out with it. */
  *bring(sleeper: Sleeper, mm: Paged, vpn: number): Co<number> {
    const slot = mm.swapped?.get(vpn);
    if (slot === undefined) return 0;
    const waiting = this.pending.get(slot);
    if (waiting) return yield* this.settle(sleeper, mm, vpn, slot, waiting);
    let n = 1;
    while (n < CLUSTER && mm.swapped!.get(vpn + n) === slot + n && !this.pending.has(slot + n)) n++;
    const area = this.areas[Math.floor(slot / MOST_PAGES)]!, bytes = yield* area.source.read(sleeper, (slot % MOST_PAGES) * PAGE, n * PAGE);
    if (typeof bytes === 'number') return bytes;
    const failed = yield* this.settle(sleeper, mm, vpn, slot, bytes.subarray(0, PAGE));
    if (failed) return failed;
    for (let i = 1; i < n && mm.frames.free > mm.frames.total >> 5; i++)
      this.install(mm, vpn + i, slot + i, bytes.subarray(i * PAGE, (i + 1) * PAGE));
    return 0;
  }
  /** Restores a page, waiting for a frame. */
  private *settle(sleeper: Sleeper, mm: Paged, vpn: number, slot: number, bytes: Uint8Array): Co<number> {
    for (;;) {
      if (mm.swapped?.get(vpn) !== slot || this.install(mm, vpn, slot, bytes)) return 0;
      if (this.pending.size === 0 || this.broken) return -E.NOMEM;
      this.begin();
      yield* sleeper.nap(this.wq);
    }
  }
  private install(mm: Paged, vpn: number, slot: number, bytes: Uint8Array): boolean {
    if (mm.swapped?.get(vpn) !== slot || mm.table.get(vpn) !== 0 || !mm.table.reserve(vpn)) return mm.swapped?.get(vpn) !== slot;
    const pfn = mm.frames.allocDirty();
    if (pfn === 0) return false;
    // The search for a frame may have swapped out other pages, but not this one: it is not in memory.
    Window.copy(mm.frames.page(pfn), 0, bytes, 0, PAGE);
    mm.frames.work.copied(PAGE);
    mm.table.set(vpn, makePte(pfn, 0));
    mm.swapped.delete(vpn);
    this.drop(slot);
    this.in++;
    return true;
  }

  // ── swapon, swapoff ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Checks the header and starts to use a device: 0 or -errno. */
  *add(sleeper: Sleeper, source: BlockSource, path: string, rdev: number, priority: number | undefined): Co<number> {
    if (source.size < 10 * PAGE) return -E.INVAL;
    const head = yield* source.read(sleeper, 0, PAGE);
    if (typeof head === 'number') return head;
    const view = new DataView(head.buffer, head.byteOffset), magic = String.fromCharCode(...head.subarray(4086, 4096)),
      last = view.getUint32(1028, true), bad = view.getUint32(1032, true);
    if (magic !== 'SWAPSPACE2' || view.getUint32(1024, true) !== 1 || last === 0 || bad > 637) return -E.INVAL;
    if (source.readOnly) return -E.ROFS;
    const pages = Math.min(last + 1, Math.floor(source.size / PAGE), MOST_PAGES);
    const free = this.areas.findIndex((a) => a === undefined), i = free < 0 ? this.areas.length : free;
    if (this.areas.some((a) => a?.rdev === rdev)) return -E.BUSY;
    if (i >= MOST_AREAS) return -E.PERM;
    if (!this.k.frames.charge(pages * 2)) return -E.NOMEM;
    const lowest = Math.min(-1, ...this.areas.map((a) => a?.priority ?? 0)),
      area = new SwapArea(source, path, rdev, pages, priority ?? lowest - 1);
    for (let index = 0; index < bad; index++) {
      const page = view.getUint32(1536 + 4 * index, true);
      if (page > 0 && page < pages && area.refs[page] === 0) { area.refs[page] = 1; area.used++; }
    }
    this.areas[i] = area;
    this.k.frames.store = this;
    this.k.frames.shrinkers.add(this);
    return 0;
  }
  /** Reads all pages back and releases a device: 0, -ENOMEM where they do not fit. */
  *remove(sleeper: Sleeper, area: SwapArea): Co<number> {
    const i = this.areas.indexOf(area);
    area.leaving = true;
    for (const process of [...this.k.pids.processes.values()]) {
      const { mm } = process;
      for (const [vpn, slot] of [...mm.swapped ?? []]) {
        if (Math.floor(slot / MOST_PAGES) !== i) continue;
        if (mm.frames.free < mm.frames.total >> 6) { area.leaving = false; return -E.NOMEM; }
        const brought = yield* this.bring(sleeper, mm, vpn);
        if (brought < 0) { area.leaving = false; return brought; }
      }
    }
    this.areas[i] = undefined;
    this.k.frames.uncharge(area.refs.length * 2);
    if (this.on) return 0;
    this.k.frames.shrinkers.delete(this);
    this.k.frames.store = undefined;
    return 0;
  }
}
const all = new WeakMap<Kernel, Swap>();
/** The swap of a kernel. */
export function swapOf(k: Kernel): Swap {
  let swap = all.get(k);
  if (!swap) all.set(k, swap = new Swap(k));
  return swap;
}
