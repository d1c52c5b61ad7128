/**
 * The MMU of a virtual processor whose guest runs deprivileged: faults become walks of the guest's tables, walks become pages of shadow
 * spaces, fences take pages away. Two ways to keep shadows right: at the guest's fences, as for a TLB (sync); or by tracing the tables
 * (traced.ts), and fences need nothing.
 *
 *   fault ── walk ── (traced: its tables write-protected everywhere, and walk again) ── plan ── the answer maps it
 *
 * Between a walk and the answer that maps what it found there is no system call, but the answer itself may take a while to be done. A
 * fence of another processor that comes meanwhile notes what is on its way; the thread is recalled, and the page is taken away before the
 * guest goes on.
 */
import type { Decoded } from '../../hardware/isa/decode.ts';
import { Ops, Own, Right, S, memoryPage, type Sys, type Utcb } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import { store, type XRegisters } from '../interpreter/store.ts';
import type { GuestRam } from '../ram.ts';
import type { CodePage } from '../translate/code-page.ts';
import type { CodeRights } from '../translate/guest-code.ts';
import type { OwnPage } from '../translate/stubs.ts';
import { LARGE, PAGE, ShadowSpaces, type Fence, type Selectors, type ShadowSpace } from './shadow.ts';
import type { Range, TracedTables } from './traced.ts';
import { pageOf, walk, type Access, type Step, type View, type Walk } from './walker.ts';

/** A page that the answer to a fault maps; `code`: to be executed, from the copy if it has one. Or one of the monitor's own. */
interface Plan { readonly space: ShadowSpace; readonly address: bigint; readonly found: Exclude<Walk, string>; readonly lent: boolean;
  readonly code?: CodePage; readonly own?: OwnPage }
const NOWHERE = { page: -1, rights: 0, size: PAGE, global: true } as const;
/** A page of a space. */
interface ShadowPage { readonly space: ShadowSpace; readonly at: number; readonly order: number }

export class ShadowMmu {
  readonly spaces: ShadowSpaces;
  readonly #ram: GuestRam;
  readonly #tables: TracedTables | undefined;
  /** Present where the monitor scans code before it runs. */
  readonly #code: CodeRights | undefined;
  readonly #peers: () => readonly ShadowMmu[];
  readonly #recall: (sys: Syscalls) => Sys<unknown>;
  #plan: Plan | undefined;
  /** What the last answer maps, until the next event; and such that another processor's fence has met on its way. */
  #filling: ShadowPage | undefined;
  readonly #stale: ShadowPage[] = [];
  /** The space in which the thread continues. */
  #current: ShadowSpace | undefined;

  /**
   * `tables`: of the whole virtual machine, where they are traced. `peers`: the MMUs of all its processors. `recall`: makes this one's
   * thread raise an event.
   */
  constructor(ram: GuestRam, tables: TracedTables | undefined, selectors: Selectors, peers: () => readonly ShadowMmu[],
    recall: (sys: Syscalls) => Sys<unknown>, code?: CodeRights) {
    this.spaces = new ShadowSpaces(selectors, tables === undefined);
    this.#ram = ram;
    this.#tables = tables;
    this.#code = code;
    this.#peers = peers;
    this.#recall = recall;
  }

  // ── events and answers ──

  /** A new event: the last answer has taken effect. */
  *begin(sys: Syscalls): Sys<void> {
    this.#plan = this.#filling = undefined;
    for (let stale = this.#stale.pop(); stale; stale = this.#stale.pop()) yield* this.spaces.drop(sys, stale.space, stale.at, stale.order);
  }
  /** The same where there is nothing to take away; false, and nothing has happened, where there is. */
  beginQuickly(): boolean {
    if (this.#stale.length > 0) return false;
    this.#plan = this.#filling = undefined;
    return true;
  }
  /** Other threads may have run since the walk, so the guest faults again. */
  forget(): void { this.#plan = undefined; }
  /** The answer has failed: there was no memory for its page. */
  *refused(sys: Syscalls): Sys<void> {
    if (this.#plan) yield* this.spaces.shrink(sys, this.#plan.space);
    this.#plan = undefined;
  }

  /**
   * Selector of the task to go on in; the page that has been planned for it, if there is one, becomes the answer's item. Answers how many
   * items.
   */
  *answer(sys: Syscalls, view: View): Sys<{ task: number; items: 0 | 1 }> {
    const there = this.spaces.find(view), plan = there && this.#plan?.space === there ? this.#plan : undefined;
    const space = there ?? (yield* this.spaces.enter(sys, view));
    this.#plan = plan;
    this.#current = space;
    if (plan) this.#fill(plan, sys.utcb);
    return { task: space.task, items: plan ? 1 : 0 };
  }

  /** As large as the guest's mapping, the alignment and traced pages allow: 2 MiB or 4 KiB. Pages that are tables stay write-protected. */
  #fill({ space, address, found, lent, code, own }: Plan, utcb: Utcb): void {
    if (own) return this.#fillOwn(space, pageOf(address), own, utcb);
    const { page, at, order } = this.spaces.fill(space, pageOf(address), found,
      !lent && !code && this.#isLarge(found, space, pageOf(address)));
    if (code) space.code.set(at, code);
    this.#filling = { space, at, order };
    if (lent) this.#stale.push(this.#filling);
    const rights = code?.copy ? Right.X : this.#tables?.has(found.page) ? found.rights & ~Right.W : found.rights;
    utcb.setItem(0, memoryPage(code?.copy?.va ?? this.#ram.va(page, 2 ** order), order, rights), at);
  }
  #fillOwn(space: ShadowSpace, at: number, { va, rights }: OwnPage, utcb: Utcb): void {
    this.#filling = { space, at, order: 12 };
    utcb.setItem(0, memoryPage(va, 12, rights), at);
  }
  #isLarge({ page, size, rights }: Exclude<Walk, string>, { privileged }: ShadowSpace, address: number): boolean {
    const first = page - (page % LARGE);
    return size >= LARGE && this.#ram.isRam(first, LARGE) && this.#ram.va(first, LARGE) % LARGE === 0 && !this.#tables?.hasWithin(first) &&
      this.#code?.allowsLarge(first, rights, privileged, address - (page - first)) !== false;
  }

  // ── faults ──

  /** What the guest's tables say; from here to the answer there is no system call, unless `forget` is called. */
  *walk(sys: Syscalls, view: View, address: bigint, access: Access): Sys<Walk> {
    const space = this.spaces.find(view) ?? (yield* this.spaces.enter(sys, view));
    yield* this.spaces.room(sys, space);
    return this.#tables ? yield* this.#tracedWalk(sys, this.#tables, view, address, access) : walk(this.#ram, view, address, access);
  }
  /** Plans the page that the answer maps. */
  plan(view: View, address: bigint, found: Exclude<Walk, string>): void {
    this.spaces.meets(view, found);
    const space = this.spaces.find(view);
    const rights = this.#code?.rights(found.page, found.rights, view.privileged, pageOf(address)) ?? found.rights;
    this.#plan = space && rights !== 0 ? { space, address, found: rights === found.rights ? found : { ...found, rights }, lent: false }
      : undefined;
  }
  /** … a scanned page of code, to be executed. */
  planCode(view: View, address: bigint, found: Exclude<Walk, string>, code: CodePage): void {
    this.spaces.meets(view, found);
    const space = this.spaces.find(view);
    this.#plan = space && { space, address, found: { ...found, rights: found.rights & ~Right.W }, lent: false, code };
  }
  /** … a page of the monitor's own, where the guest has no memory. */
  planOwn(view: View, address: bigint, own: OwnPage): void {
    const space = this.spaces.find(view);
    this.#plan = space && { space, address, found: NOWHERE, lent: false, own };
  }
  /** The guest-physical page behind this page of the guest's addresses, in the space in which the thread continues. */
  placeAt(at: number): number | undefined {
    const space = this.#current, base = Math.floor(at / LARGE) * LARGE, page = space?.pages.get(at), large = space?.large.get(base);
    return page ?? (large === undefined ? undefined : large + at - base);
  }
  /** The same of the address in the pc. */
  placeOfPc(utcb: Utcb): number | undefined {
    const low = utcb.u32[S.pc >> 2]!, offset = low & 0xfff, page = this.placeAt(utcb.i32[(S.pc >> 2) + 1]! * 2 ** 32 + (low - offset));
    return page === undefined ? undefined : page + offset;
  }
  /** Selector of the space in which the thread last continued; 0: none yet. */
  get here(): number { return this.#current?.task ?? 0; }
  /** The code that the guest executes at this page of its addresses. */
  codeAt(at: number): CodePage | undefined { return this.#current?.code.get(at); }
  /** Is something mapped there? */
  holds(view: View, address: bigint): boolean {
    return this.spaces.find(view)?.pages.has(pageOf(address)) ?? false;
  }
  /** Takes rights to 2^order bytes (their address in the monitor's task) away in every space. */
  *withdraw(sys: Syscalls, va: number, rights: number, order = 12): Sys<void> {
    yield* sys.must(Own.task, Ops.task.unmap, [memoryPage(va, order, rights), 0]);
    for (const mmu of this.#peers()) yield* mmu.#met(sys);
  }
  /**
   * The same for a page that `store` has released although the walk to it leads through it: only until the next event, which checks again.
   */
  lend(view: View, address: bigint): void {
    const space = this.spaces.find(view), found = walk(this.#ram, view, address, 'store');
    this.#plan = space && typeof found === 'object' && this.#ram.isRam(found.page, PAGE) ? { space, address, found, lent: true }
      : undefined;
  }

  /** A walk whose tables are write-protected everywhere before it is believed. */
  *#tracedWalk(sys: Syscalls, tables: TracedTables, view: View, address: bigint, access: Access): Sys<Walk> {
    for (;;) {
      const steps: Step[] = [], found = walk(this.#ram, view, address, access, steps);
      if (typeof found === 'string') return found;
      const fresh = tables.note(steps, view.satp);
      if (fresh.length === 0) return found;
      for (const page of fresh) yield* sys.must(Own.task, Ops.task.unmap, [memoryPage(this.#ram.va(page, PAGE), 12, Right.W), 0]);
      for (const mmu of this.#peers()) yield* mmu.#met(sys);
      for (const page of tables.surplus()) if (!fresh.includes(page)) yield* this.release(sys, page);
    }
  }

  /** Is this page a traced table, which the monitor writes for the guest? */
  isTable(page: number): boolean { return this.#tables?.has(page) ?? false; }

  /**
   * Performs a store to a table. True: done, and the mappings of its entry are gone. False: the page is no longer a table, and the guest
   * performs the store itself (`lend`).
   */
  *store(sys: Syscalls, instruction: Decoded | undefined, x: XRegisters, gpa: number): Sys<boolean> {
    this.#tables!.storing = true;
    const size = instruction && store(instruction, x, this.#ram, gpa);
    this.#tables!.storing = false;
    const ranges = size === undefined ? undefined : this.#tables!.written(gpa, size);
    if (ranges) yield* this.#invalidate(sys, ranges);
    else yield* this.release(sys, gpa - (gpa % PAGE));
    return size !== undefined;
  }
  /** The page is no longer a table: a device writes to it, or the guest writes to it too often. */
  *release(sys: Syscalls, page: number): Sys<void> {
    if (this.#tables?.has(page)) yield* this.#invalidate(sys, this.#tables.release(page));
  }

  *#invalidate(sys: Syscalls, ranges: readonly Range[]): Sys<void> {
    for (const mmu of this.#peers()) {
      for (const range of ranges) yield* mmu.spaces.invalidate(sys, range);
      yield* mmu.#met(sys);
    }
  }

  // ── fences ──

  /**
   * A fence in this processor. With `view` the guest itself asked for it; if it names a page that is mapped now, the answer maps that page
   * at once, because a kernel that fences one page is about to use it.
   */
  *fence(sys: Syscalls, fence: Fence, view?: View): Sys<void> {
    if (this.#tables) return;
    if (view) this.#plan = undefined;
    yield* this.spaces.fence(sys, fence);
    yield* this.#met(sys);
    if (!view || fence.address === undefined) return;
    if (fence.asid === undefined) this.#noteFence(pageOf(fence.address), this.spaces.only(pageOf(fence.address)) === 'none');
    this.expect(view, fence.address);
  }
  /**
   * The commonest fence of the guest's own: of one page, which at most one space has. Answers the selector of that space's task, where the
   * kernel has to take the page out: that call is in the UTCB; 0: there is nothing to do; undefined: it is another kind, and nothing has
   * happened. `expect` follows.
   */
  fenceQuickly(utcb: Utcb, at: number): number | undefined {
    const space = this.#tables ? 'more' : this.spaces.only(at);
    if (space === 'more') return undefined;
    this.spaces.counts.fences++;
    if (space !== 'none') this.spaces.takeOut(utcb, space, at);
    this.#noteFence(at, true);
    return space === 'none' ? 0 : space.task;
  }
  /** Stubs lie in the last 2 MiB of all addresses: fences there are never left out. */
  #noteFence(at: number, isAbsent: boolean): void { this.spaces.fenced?.fenced(at, isAbsent, at < -LARGE || at >= 0); }
  /** The answer that goes on where the last one did; answers how many items. */
  answerQuickly(utcb: Utcb, view: View): 0 | 1 | undefined {
    const plan = this.#plan, here = this.#current;
    if (!here || this.spaces.find(view) !== here) return undefined;
    this.#plan = plan?.space === here ? plan : undefined;
    if (!this.#plan) return 0;
    this.#fill(this.#plan, utcb);
    return 1;
  }
  expect(view: View, address: bigint): void {
    const found = walk(this.#ram, view, address, 'load');
    if (typeof found === 'object' && this.#ram.isRam(found.page, PAGE)) this.plan(view, address, found);
  }

  /** Takes away pages that are still on their way into a space. */
  *#met(sys: Syscalls): Sys<void> {
    const met = this.#filling;
    if (!met) return;
    this.#stale.push(met);
    yield* this.#recall(sys);
  }
}
