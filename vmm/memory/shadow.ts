/**
 * Shadow spaces: what a virtual processor without a second stage runs in. For each value of satp, and in it for kernel and user (and for
 * each setting of SUM and MXR that was met), a task holds what walks of the guest's tables have found. Filled by map, a page at a time,
 * when the guest faults; emptied by unmap where a fence of the guest says so. To the guest they are a TLB: kept over changes of satp,
 * tagged by ASID, of limited size. Global pages are the same in every address space, so kernels that have no others (without SUM) share one
 * space for all values of satp; the first page that is not global ends that for its satp.
 *
 *   satp ── Root ── [user, kernel, kernel with SUM, …] ── Space = a task ── pages
 *       └── kernel: one for all, of global pages
 *
 * @spec priv 12.2.1 (sfence.vma), 12.1.11 (satp), 12.3.1 (global mappings)
 */
import { CapRight, Ops, Own, Status, U, capPage, everything, memoryPage, type Sys, type Utcb } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import type { CodePage } from '../translate/code-page.ts';
import type { FencedPage } from './fenced-page.ts';
import type { Range } from './traced.ts';
import type { View, Walk } from './walker.ts';

const PAGE_BITS = 12, LARGE_BITS = 21, PAGE = 2 ** PAGE_BITS, LARGE = 2 ** LARGE_BITS, SPACE_KINDS = 8;
/** Most spaces of a virtual processor, and most pages in them; beyond that it empties the least recently used one. */
const MOST_SPACES = 64, MOST_PAGES = 49_152;
/** Kind of task by satp.MODE: Sv48, Sv57, and what Sv39 holds (bare addresses as well). */
const TASK_KINDS: ReadonlyMap<bigint, number> = new Map([[9n, 2], [10n, 3]]);

/** The mapping that answers a fault of the guest. */
export interface Filling { readonly page: number; readonly at: number; readonly order: number }
/** Operands of `sfence.vma`; without both it is a fence of everything. */
export interface Fence { readonly address?: bigint; readonly asid?: bigint }

class Space {
  readonly root: Root;
  /** Selector of its task, and that task's kind. */
  readonly task: number;
  readonly taskKind: number;
  readonly privileged: boolean;
  /** Guest-physical addresses of pages and superpages, by their virtual addresses. */
  readonly pages = new Map<number, number>();
  readonly large = new Map<number, number>();
  /** Code by address, where the monitor scans code before it runs. */
  readonly code = new Map<number, CodePage>();
  /** Not every mapping is global, so a fence of its ASID concerns it. */
  local = false;
  lastUse = 0;
  constructor(root: Root, task: number, taskKind: number, privileged: boolean) {
    this.root = root;
    this.task = task;
    this.taskKind = taskKind;
    this.privileged = privileged;
  }
  get size(): number { return this.pages.size + this.large.size; }
}

/** The spaces of one value of satp; or those of global pages, for all of one mode. */
class Root {
  readonly satp: bigint;
  readonly asid: bigint;
  readonly isCommon: boolean;
  readonly spaces: (Space | undefined)[] = new Array<Space | undefined>(SPACE_KINDS).fill(undefined);
  /** Its kernel has pages that are not global, and spaces of its own. */
  parted: boolean;
  constructor(satp: bigint, isCommon: boolean) {
    this.satp = satp;
    this.asid = (satp >> 44n) & 0xffffn;
    this.isCommon = isCommon;
    this.parted = satp >> 60n === 0n;
  }
}

/** Index of a space in its root: user or kernel, SUM, MXR. */
const kindOf = ({ privileged, sum, mxr }: View): number => (privileged ? 4 | (sum ? 2 : 0) : 0) | (mxr ? 1 : 0);

/** 'shadow of kernel, SUM, ASID 3', for traces. */
const nameOf = ({ asid, satp, isCommon }: Root, kind: number): string =>
  [`shadow of ${kind & 4 ? 'kernel'
    : 'user'}`, ...(kind & 2 ? ['SUM'] : []), ...(kind & 1 ? ['MXR'] : []), isCommon ? 'global' : satp === 0n ? 'bare' : `ASID ${asid}`]
    .join(', ');

/** Counts for reports. */
export class ShadowCounts {
  filled = 0;
  superpages = 0;
  fences = 0;
  emptied = 0;
  dropped = 0;
  switches = 0;
  made = 0;
  evicted = 0;
}

/** Selectors for tasks, and how they are named in traces. */
export interface Selectors { take(): number; free(selector: number): void; name(sys: Syscalls, task: number, text: string): Sys<unknown> }

export class ShadowSpaces {
  readonly counts = new ShadowCounts();
  /** Whether some space has it is asked without leaving the guest. */
  fenced: FencedPage | undefined;
  readonly #selectors: Selectors;
  readonly #roots = new Map<bigint, Root>();
  /** Of global pages, by satp.MODE. */
  readonly #common = new Map<bigint, Root>();
  readonly #shares: boolean;
  readonly #all: Space[] = [];
  #pages = 0;
  #clock = 0;
  #root: Root | undefined;

  /** `shares`: global pages are the same for all values of satp, until a fence. */
  constructor(selectors: Selectors, shares: boolean) {
    this.#selectors = selectors;
    this.#shares = shares;
  }

  /** The space for this view. Without one, it makes a space or takes that of another view. */
  *enter(sys: Syscalls, view: View): Sys<Space> {
    const kind = kindOf(view), root = this.#holder(view), space = root.spaces[kind] ?? (yield* this.#make(sys, root, kind));
    space.lastUse = ++this.#clock;
    return space;
  }

  /** The space of this view, if it exists. */
  find(view: View): Space | undefined {
    const space = this.#holder(view).spaces[kindOf(view)];
    if (space) space.lastUse = ++this.#clock;
    return space;
  }

  /** This view meets a page: one that is not global ends sharing. */
  meets(view: View, { global }: Exclude<Walk, string>): void {
    if (!global && view.privileged && !view.sum) this.#rootOf(view.satp).parted = true;
  }

  #rootOf(satp: bigint): Root {
    if (this.#root?.satp === satp) return this.#root;
    let root = this.#roots.get(satp);
    if (!root) this.#roots.set(satp, root = new Root(satp, false));
    this.counts.switches++;
    return this.#root = root;
  }
  #holder({ satp, privileged, sum }: View): Root {
    const root = this.#rootOf(satp);
    if (!privileged || sum || root.parted || !this.#shares) return root;
    const mode = satp >> 60n;
    let common = this.#common.get(mode);
    if (!common) this.#common.set(mode, common = new Root(mode << 60n, true));
    return common;
  }

  *#make(sys: Syscalls, root: Root, kind: number): Sys<Space> {
    const taskKind = TASK_KINDS.get(root.satp >> 60n) ?? 0;
    while (this.#all.length >= MOST_SPACES) yield* this.#evict(sys, this.#oldest(undefined)!);
    for (;;) {
      const task = this.#selectors.take(), status = yield* sys.invoke(Own.factory, Ops.factory.createTask, [task, taskKind]);
      if (status === Status.ok) {
        yield* this.#selectors.name(sys, task, nameOf(root, kind));
        return this.#place(new Space(root, task, taskKind, (kind & 4) !== 0), kind);
      }
      this.#selectors.free(task);
      const oldest = this.#oldest(undefined);
      if (status !== Status.noQuota || !oldest) throw new Error(`no task for a shadow space (status ${status})`);
      yield* this.#evict(sys, oldest);
    }
  }
  #place(space: Space, kind: number): Space {
    this.counts.made++;
    this.#all.push(space);
    return space.root.spaces[kind] = space;
  }

  #oldest(but: Space | undefined): Space | undefined {
    let oldest: Space | undefined;
    for (const space of this.#all) if (space !== but && (!oldest || space.lastUse < oldest.lastUse)) oldest = space;
    return oldest;
  }

  /** Removes a space with its task. */
  *#evict(sys: Syscalls, space: Space): Sys<void> {
    const { root } = space;
    this.#forget(space);
    this.counts.evicted++;
    this.#all.splice(this.#all.indexOf(space), 1);
    root.spaces[root.spaces.indexOf(space)] = undefined;
    if (root !== this.#root && !root.isCommon && root.spaces.every((s) => s === undefined)) this.#roots.delete(root.satp);
    yield* sys.must(Own.task, Ops.task.unmap, [capPage(space.task, 0, CapRight.all), 1]);
    this.#selectors.free(space.task);
  }
  #forget(space: Space): void {
    this.#pages -= space.size;
    space.pages.clear();
    space.large.clear();
    space.code.clear();
    space.local = false;
  }

  /** Makes room for another page, so that the answer to a fault cannot fail for lack of memory. */
  *room(sys: Syscalls, space: Space): Sys<void> {
    while (this.#pages >= MOST_PAGES) {
      const oldest = this.#oldest(space);
      if (oldest) yield* this.#evict(sys, oldest);
      else yield* this.#empty(sys, space);
    }
  }
  /** The kernel had no memory for the page: removes the oldest other space, or empties this one. */
  *shrink(sys: Syscalls, space: Space): Sys<void> {
    const oldest = this.#oldest(space);
    if (oldest) yield* this.#evict(sys, oldest);
    else yield* this.#empty(sys, space);
  }

  /**
   * Where and how large the page of a walk becomes in this space; noted as mapped. `large`: 2 MiB around it are one mapping of the
   * guest's, and memory.
   */
  fill(space: Space, address: number, found: Exclude<Walk, string>, large: boolean): Filling {
    const order = large ? LARGE_BITS : PAGE_BITS, size = 2 ** order, at = Math.floor(address / size) * size,
      set = large ? space.large : space.pages;
    this.counts.filled++;
    if (large) this.counts.superpages++;
    if (!found.global) space.local = true;
    const page = found.page - (Math.floor(address / PAGE) * PAGE - at);
    if (!set.has(at)) this.#pages++;
    set.set(at, page);
    this.fenced?.filled(at, size);
    return { page, at, order };
  }

  /** Takes a page away again that `fill` named, whether the space still counts it or not: a fence came before it was mapped. */
  *drop(sys: Syscalls, space: Space, at: number, order: number): Sys<void> {
    if (!this.#all.includes(space)) return;
    if ((order === LARGE_BITS ? space.large : space.pages).delete(at)) this.#pages--;
    yield* sys.invoke(space.task, Ops.task.unmap, [flexpage(at, order), 1]);
  }

  // ── fences ──

  /** What no walk of the guest's tables from now on would find must not be used any more, as far as the fence says. */
  *fence(sys: Syscalls, { address, asid }: Fence): Sys<void> {
    this.counts.fences++;
    const at = address === undefined ? undefined : Number(BigInt.asIntN(64, address) >> 12n) * PAGE;
    const base = at === undefined ? 0 : Math.floor(at / LARGE) * LARGE;
    // Most fences are of one page, which most spaces do not have.
    const met = at === undefined ? [...this.#all] : this.#all.filter((s) => s.pages.has(at) || s.large.has(base));
    for (const space of met) {
      if (space.size === 0 || (asid !== undefined && (space.root.asid !== asid || !space.local))) continue;
      if (at === undefined) yield* this.#empty(sys, space);
      else yield* this.#dropPage(sys, space, at);
    }
  }

  /** The one space that has this page, and no other has it in a larger one: a fence need only take it from there. */
  only(at: number): Space | 'none' | 'more' {
    const base = Math.floor(at / LARGE) * LARGE;
    let found: Space | 'none' = 'none';
    for (const space of this.#all) {
      if (space.large.has(base)) return 'more';
      if (!space.pages.has(at)) continue;
      if (found !== 'none') return 'more';
      found = space;
    }
    return found;
  }
  /** … which it is no longer, once the kernel has done the call that is in the UTCB now. */
  takeOut(utcb: Utcb, space: Space, at: number): void {
    space.pages.delete(at);
    this.#pages--;
    this.counts.dropped++;
    utcb.setTag(Ops.task.unmap.label, 2);
    utcb.setWord(0, at);
    utcb.u32[U.words >> 2]! += memoryPage(0, PAGE_BITS, 0);
    utcb.setWord(1, 1);
    utcb.mtd = 0;
  }

  /** The same for a range of one address space, whatever fences say: its tables have changed. */
  *invalidate(sys: Syscalls, { satp, at, order, all }: Range): Sys<void> {
    const size = 2 ** order, inside = (page: number): boolean => page >= at && page < at + size;
    for (const space of this.#roots.get(satp)?.spaces ?? []) {
      if (!space || space.size === 0) continue;
      if (all) yield* this.#empty(sys, space);
      else if (order <= LARGE_BITS) yield* this.#dropPages(sys, space, at, size);
      else for (const page of [...space.pages.keys(), ...space.large.keys()]) if (inside(page)) yield* this.#dropPage(sys, space, page);
    }
  }
  *#dropPages(sys: Syscalls, space: Space, at: number, size: number): Sys<void> {
    if (size === PAGE || space.large.has(at)) return yield* this.#dropPage(sys, space, at);
    let any = false;
    for (let page = at; page < at + size; page += PAGE) {
      if (!space.pages.delete(page)) continue;
      this.#pages--;
      this.counts.dropped++;
      any = true;
    }
    if (any) yield* sys.invoke(space.task, Ops.task.unmap, [flexpage(at, LARGE_BITS), 1]);
  }

  *#empty(sys: Syscalls, space: Space): Sys<void> {
    this.#forget(space);
    this.counts.emptied++;
    yield* sys.invoke(space.task, Ops.task.unmap, [everything(), 1]);
  }

  *#dropPage(sys: Syscalls, space: Space, at: number): Sys<void> {
    const base = Math.floor(at / LARGE) * LARGE;
    if (space.pages.delete(at)) {
      this.#pages--;
      this.counts.dropped++;
      yield* sys.invoke(space.task, Ops.task.unmap, [flexpage(at, PAGE_BITS), 1]);
    }
    if (!space.large.delete(base)) return;
    this.#pages--;
    this.counts.dropped++;
    yield* sys.invoke(space.task, Ops.task.unmap, [flexpage(base, LARGE_BITS), 1]);
  }

  /** All tasks go. */
  *destroy(sys: Syscalls): Sys<void> { while (this.#all.length > 0) yield* this.#evict(sys, this.#all[0]!); }
}

/**
 * Exact beyond 2^53 as well. Another thread may just have returned the space; a missing space counts as an empty one, so statuses do not
 * matter.
 */
const flexpage = (at: number, order: number): bigint => BigInt(at) + BigInt(memoryPage(0, order, 0));

export type { Space as ShadowSpace };
export { LARGE, PAGE };
