/**
 * The machine's TLBs: a pool that contexts (contexts.ts) of all harts take theirs from. When it is empty, the context that was entered
 * longest ago loses its TLB.
 */
import { clearTlb, noTag, TLB_ENTRIES, TLB_ENTRY, TLBS_USED, TLB_BYTES } from '../engine/layout.ts';
import type { Linear } from '../linear.ts';
import type { Victims } from './victims.ts';

/** In the `span` of `fill`, beside the size: the mapping is global. In a TLB entry: bit 0 of the page's linear address. */
export const GLOBAL = 64;
export const GLOBAL_BIT = 1;
/** Number of fills of each kind to remember, so that a little-used TLB can be cleared entry by entry. */
const LOG = 1024;

/** Entries that were filled: the first LOG by number; beyond that a flush visits the whole TLB. */
interface Fills { count: number; readonly entries: Uint16Array }
const noFills = (): Fills => ({ count: 0, entries: new Uint16Array(LOG) });
export function note(fills: Fills, entry: number): void {
  if (fills.count < LOG) fills.entries[fills.count] = entry;
  fills.count++;
}

export interface Context {
  readonly tlb: number;
  /** When it was entered last (a count of entries, not of time). */
  used: number;
  /** Fills by mappings that all spaces share, and by the space's own. */
  readonly global: Fills;
  readonly local: Fills;
  victims: Victims | undefined;
  /** Superpages of which parts are cached: first vpn of each, times 64, plus log2 of its size in pages. */
  readonly supers: Set<number>;
  /** The kinds of those superpages: bit i for SPANS[i]; and the superpage added last. */
  spans: number;
  lastSuper: number;
  space: Space;
  slot: number;
  owner: Owner;
}

/** Whose contexts they are: a hart's. */
export interface Owner {
  /** In use: never evicted. */
  readonly current: Context | undefined;
  /** A space lost a context. */
  forget(space: Space): void;
}

export interface Space {
  readonly key: number;
  readonly guestKey: number;
  readonly asid: number;
  readonly vmid: number;
  /** By slot; and those that are there, in no order. */
  readonly contexts: (Context | undefined)[];
  readonly live: Context[];
}

/** The machine's TLBs, handed to contexts of any hart. */
export class TlbPool {
  readonly #linear: Linear;
  readonly #all: Context[] = [];
  readonly #free: Context[] = [];
  #stamp = 0;
  /** A debugger that may forbid data tags for a page, so that it sees each access. */
  watcher: { cacheable(lo: number, hi: number): boolean } | undefined;

  constructor(linear: Linear) { this.#linear = linear; }

  /** Every TLB drops its entry for the virtual page of this address. */
  forgetAddress(lo: number): void {
    for (const context of this.#all) {
      if (isEmpty(context)) continue;
      this.drop(context, (lo >>> 12) & (TLB_ENTRIES - 1));
      context.victims?.forgetAddress(lo);
    }
  }

  touch(context: Context): void { context.used = ++this.#stamp; }

  take(owner: Owner, space: Space, slot: number): Context {
    const context = this.#free.pop() ?? this.#fresh(owner, space) ?? this.#oldest();
    context.owner = owner;
    context.space = space;
    context.slot = slot;
    space.contexts[slot] = context;
    space.live.push(context);
    return context;
  }

  give(context: Context): void {
    this.clear(context);
    const { space } = context;
    space.contexts[context.slot] = undefined;
    space.live.splice(space.live.indexOf(context), 1);
    this.#free.push(context);
  }

  /** Forgets all translations of this context. */
  clear(context: Context): void {
    if (isEmpty(context)) return;
    const { global, local } = context;
    if (global.count > LOG || local.count > LOG) clearTlb(this.#linear.i64, context.tlb);
    else {
      for (let i = 0; i < global.count; i++) this.drop(context, global.entries[i]);
      for (let i = 0; i < local.count; i++) this.drop(context, local.entries[i]);
    }
    global.count = local.count = 0;
    context.victims?.clear();
    this.#forgetSupers(context);
  }

  #forgetSupers(context: Context): void {
    context.supers.clear();
    context.spans = 0;
    context.lastSuper = -1;
  }

  /** Forgets all translations that are not global. */
  clearLocal(context: Context): void {
    const { local } = context;
    const words = this.#linear.i32;
    const scanned = local.count > LOG;
    context.victims?.clear();
    const count = scanned ? TLB_ENTRIES : local.count;
    for (let i = 0; i < count; i++) {
      const entry = scanned ? i : local.entries[i];
      if ((words[(context.tlb + entry * TLB_ENTRY) / 4 + 6] & GLOBAL_BIT) === 0) this.drop(context, entry);
    }
    local.count = 0;
    if (context.global.count === 0) this.#forgetSupers(context);
  }

  /** A new context begins with the global translations of one of the same kind, the same in all spaces. @spec priv 12.3.1 */
  inherit(context: Context, { tlb, global, supers, spans }: Context): void {
    const words = this.#linear.i32;
    const scanned = global.count > LOG;
    const count = scanned ? TLB_ENTRIES : global.count;
    for (let i = 0; i < count; i++) {
      const entry = scanned ? i : global.entries[i];
      const source = (tlb + entry * TLB_ENTRY) / 4;
      const target = (context.tlb + entry * TLB_ENTRY) / 4;
      if ((words[source + 6] & GLOBAL_BIT) === 0 || words[target + 6] === words[source + 6]) continue;
      for (let k = 0; k < TLB_ENTRY / 4; k++) words[target + k] = words[source + k];
      note(context.global, entry);
    }
    if (context.global.count === 0) return;
    for (const span of supers) context.supers.add(span);
    context.spans = spans;
  }

  drop(context: Context, entry: number): void {
    const at = (context.tlb + entry * TLB_ENTRY) / 4;
    const words = this.#linear.i32;
    words[at] = words[at + 2] = words[at + 4] = noTag(entry);
    words[at + 1] = words[at + 3] = words[at + 5] = words[at + 6] = 0;
  }

  /** Removes the write tag for the RAM page at linear address `page` from every TLB. */
  forbidWrites(page: number): void {
    for (const context of this.#all) {
      const { global, local } = context;
      if (isEmpty(context)) continue;
      if (global.count > LOG || local.count > LOG) for (let entry = 0; entry < TLB_ENTRIES; entry++) this.#forbid(context, entry, page | 0);
      else {
        for (let i = 0; i < global.count; i++) this.#forbid(context, global.entries[i], page | 0);
        for (let i = 0; i < local.count; i++) this.#forbid(context, local.entries[i], page | 0);
      }
      context.victims?.forbidWrites(page | 0);
    }
  }

  #forbid(context: Context, entry: number, host: number): void {
    const words = this.#linear.i32;
    const at = (context.tlb + entry * TLB_ENTRY) / 4;
    if ((words[at + 6] & -4096) !== host) return;
    words[at + 2] = noTag(entry);
    words[at + 3] = 0;
  }

  #fresh(owner: Owner, space: Space): Context | undefined {
    const n = this.#all.length;
    const layout = this.#linear.layout;
    if (n >= layout.tlbCount) return undefined;
    const tlb = layout.tlbs + n * TLB_BYTES;
    clearTlb(this.#linear.i64, tlb, true);
    const context = {
      tlb, used: 0, global: noFills(), local: noFills(), victims: undefined, supers: new Set<number>(), spans: 0, lastSuper: -1, space,
      slot: 0, owner
    };
    this.#all.push(context);
    this.#linear.u32[TLBS_USED / 4] = n + 1;
    return context;
  }

  #oldest(): Context {
    const candidates = this.#all.filter((c) => c.owner.current !== c);
    const oldest = candidates.reduce((a, b) => (b.used < a.used ? b : a));
    this.give(oldest);
    oldest.owner.forget(oldest.space);
    return this.#free.pop()!;
  }
}

export const isEmpty = ({ global, local }: Context): boolean => global.count === 0 && local.count === 0;
