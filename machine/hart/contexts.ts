/**
 * TLB contexts. A *space* is one setting of the translation registers (satp, or vsatp and hgatp); within it every
 * combination of privilege, SUM and MXR that is used has a *context* with a TLB of its own out of a shared pool.
 * Switching mode or space is a lookup and a store; nothing is flushed. When the pool is empty, the context that was
 * entered longest ago loses its TLB.
 *
 * Pages are named by virtual page number, a JavaScript number (signed, |vpn| < 2^52).
 */
import { clearTlb, isEdge, noTag, TLB_BYTES, TLB_ENTRIES, TLB_ENTRY, TLBS_USED } from '../engine/layout.ts';
import type { Linear } from '../linear.ts';
import { C } from './slots.ts';
import { holds, Victims } from './victims.ts';

/** A context's index in its space: data privilege (bits 0, 1) and these. */
export const CONTEXT_SLOTS = { sum: 4, mxr: 8, guestMxr: 16, mprv: 32, count: 64 } as const;
/** In the `span` of `fill`, beside the size: the mapping is global. In a TLB entry: bit 0 of the page's linear address. */
export const GLOBAL = 64;
const GLOBAL_BIT = 1;
/** So many fills are remembered, to clear a TLB that is not much used entry by entry. */
const LOG = 1024;
/** A space's key holds satp.MODE in units of this (see spaceKey). */
const MODE_UNIT = 0x2000_0000 * 0x1_0000;
/** log2 of the pages of each kind of superpage: 64 KiB (Svnapot), 2 MiB, 1 GiB, 512 GiB, 256 TiB. */
const SPANS = [4, 9, 18, 27, 36] as const;

export interface Context {
  readonly tlb: number;
  /** When it was entered last (a count of entries, not of time). */
  used: number;
  fills: number;
  readonly log: Uint16Array;
  victims: Victims | undefined;
  /** Superpages of which parts are cached: first vpn of each, times 64, plus log2 of its size in pages. */
  readonly supers: Set<number>;
  /** Which kinds of superpages those are: bit i for SPANS[i]; and the one that was added last. */
  spans: number;
  lastSuper: number;
  space: Space;
  slot: number;
  owner: Contexts;
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
  /** A debugger that may forbid data tags for a page: accesses to it are then seen one by one. */
  watcher: { cacheable(lo: number, hi: number): boolean } | undefined;

  constructor(linear: Linear) { this.#linear = linear; }

  /** Every TLB forgets what it has for the virtual page of this address. */
  forgetAddress(lo: number): void {
    for (const context of this.#all) {
      if (context.fills === 0) continue;
      this.drop(context, (lo >>> 12) & (TLB_ENTRIES - 1));
      context.victims?.forgetAddress(lo);
    }
  }

  touch(context: Context): void { context.used = ++this.#stamp; }

  take(owner: Contexts, space: Space, slot: number): Context {
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
    if (context.fills === 0) return;
    if (context.fills > LOG) clearTlb(this.#linear.i64, context.tlb);
    else for (let i = 0; i < context.fills; i++) this.drop(context, context.log[i]);
    context.fills = 0;
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
    const { log, tlb } = context;
    const m = this.#linear.i32;
    const scanned = context.fills > LOG;
    context.victims?.clear();
    const count = scanned ? TLB_ENTRIES : context.fills;
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const entry = scanned ? i : log[i];
      if ((m[(tlb + entry * TLB_ENTRY) / 4 + 6] & GLOBAL_BIT) === 0) this.drop(context, entry);
      else if (kept++ < LOG) log[kept - 1] = entry;
    }
    context.fills = Math.min(kept, LOG + 1);
    if (kept === 0) this.#forgetSupers(context);
  }

  /** A new context begins with the global translations of one of the same kind, the same in all spaces. @spec priv 12.3.1 */
  inherit(context: Context, from: Context): void {
    const m = this.#linear.i64;
    const w = this.#linear.i32;
    const count = from.fills > LOG ? TLB_ENTRIES : from.fills;
    for (let i = 0; i < count; i++) {
      const entry = from.fills > LOG ? i : from.log[i];
      const source = (from.tlb + entry * TLB_ENTRY) / 8;
      if ((w[source * 2 + 6] & GLOBAL_BIT) === 0) continue;
      const target = (context.tlb + entry * TLB_ENTRY) / 8;
      for (let k = 0; k < 4; k++) m[target + k] = m[source + k];
      if (context.fills < LOG) context.log[context.fills] = entry;
      context.fills++;
    }
    if (context.fills === 0) return;
    for (const s of from.supers) context.supers.add(s);
    context.spans = from.spans;
  }

  drop(context: Context, entry: number): void {
    const at = (context.tlb + entry * TLB_ENTRY) / 4;
    const m = this.#linear.i32;
    m[at] = m[at + 2] = m[at + 4] = noTag(entry);
    m[at + 1] = m[at + 3] = m[at + 5] = m[at + 6] = 0;
  }

  /** Takes the write tag for the RAM page at linear address `page` out of every TLB. */
  forbidWrites(page: number): void {
    for (const context of this.#all) {
      if (context.fills === 0) continue;
      if (context.fills > LOG) for (let entry = 0; entry < TLB_ENTRIES; entry++) this.#forbid(context, entry, page | 0);
      else for (let i = 0; i < context.fills; i++) this.#forbid(context, context.log[i], page | 0);
      context.victims?.forbidWrites(page | 0);
    }
  }

  #forbid(context: Context, entry: number, host: number): void {
    const m = this.#linear.i32;
    const at = (context.tlb + entry * TLB_ENTRY) / 4;
    if ((m[at + 6] & -4096) !== host) return;
    m[at + 2] = noTag(entry);
    m[at + 3] = 0;
  }

  #fresh(owner: Contexts, space: Space): Context | undefined {
    const n = this.#all.length;
    const layout = this.#linear.layout;
    if (n >= layout.tlbCount) return undefined;
    const tlb = layout.tlbs + n * TLB_BYTES;
    clearTlb(this.#linear.i64, tlb, true);
    const context = {
      tlb, used: 0, fills: 0, log: new Uint16Array(LOG), victims: undefined, supers: new Set<number>(), spans: 0, lastSuper: -1, space,
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

/** The contexts of one hart. */
export class Contexts {
  /** The context in use: never evicted. */
  current: Context | undefined;
  readonly #linear: Linear;
  readonly #pool: TlbPool;
  /** Spaces by the key of hgatp (-1 = not virtualized), then by the key of satp or vsatp. */
  readonly #guests = new Map<number, Map<number, Space>>();
  /** By slot, the context that was entered last. */
  readonly #recent: (Context | undefined)[] = [];
  #host: Space | undefined;
  #guest: Space | undefined;
  /**
   * Translations that had to be walked for, and fences of a page or of more: outside virtual machines, and inside; of the latter walks
   * through the guest's own tables (the first stage).
   */
  readonly counts = { misses: 0, guestMisses: 0, vsWalks: 0, fences: 0, guestFences: 0 };

  constructor(linear: Linear, pool: TlbPool) {
    this.#linear = linear;
    this.#pool = pool;
  }

  /** satp, vsatp or hgatp was written. */
  spaceChanged(): void { this.#host = this.#guest = undefined; }

  /** The context for data accesses in this slot of the space that the registers name now. */
  enter(slot: number, virt: boolean, csrs: Int32Array): Context {
    const space = virt ? (this.#guest ??= this.#find(csrs, C.vsatp, C.hgatp)) : (this.#host ??= this.#find(csrs, C.satp, -1));
    const context = space.contexts[slot] ?? this.#fresh(space, slot);
    this.#recent[slot] = context;
    if (context !== this.current) {
      this.#pool.touch(context);
      this.current = context;
    }
    return context;
  }

  #fresh(space: Space, slot: number): Context {
    const recent = this.#recent[slot];
    const context = this.#pool.take(this, space, slot);
    if (recent !== undefined && recent !== context && recent.owner === this && recent.slot === slot && sameScheme(recent.space, space))
      this.#pool.inherit(context, recent);
    return context;
  }

  /** Linear address of the page if the TLB allows this kind of access to it (0 load, 1 store, 2 fetch), else 0. */
  hit(context: Context, lo: number, hi: number, kind: number): number {
    const m = this.#linear.i32;
    const at = (context.tlb + ((lo >>> 12) & (TLB_ENTRIES - 1)) * TLB_ENTRY) / 4;
    return m[at + 2 * kind] === (lo & -4096) && m[at + 2 * kind + 1] === hi ? (m[at + 6] & -4096) >>> 0 : 0;
  }

  /** Caches a translation: tags for what is allowed, the linear address of the page, and log2 of the mapping's pages, with GLOBAL. */
  fill(context: Context, lo: number, hi: number, host: number, write: boolean, kind: number, span: number): void {
    this.#count(context.space);
    if (kind !== 2 && this.#pool.watcher?.cacheable(lo, hi) === false) return;
    const m = this.#linear.i32;
    const tag = lo & -4096;
    const entry = (lo >>> 12) & (TLB_ENTRIES - 1);
    const at = (context.tlb + entry * TLB_ENTRY) / 4;
    const page = (span & GLOBAL) !== 0 ? host | GLOBAL_BIT : host | 0;
    const held = holds(m, at, tag, hi);
    if (!held && m[at + 6] !== 0 && !isEdge(entry)) (context.victims ??= new Victims()).keep(m, at);
    if (m[at + 6] !== page || !held) this.#pool.drop(context, entry);
    context.victims?.forget(tag, hi);
    m[at + 6] = page;
    m[at + 7] = host - tag;
    if (kind === 2) {
      m[at + 4] = tag;
      m[at + 5] = hi;
    } else {
      if (kind === 0) { m[at] = tag; m[at + 1] = hi; }
      if (write) {
        m[at + 2] = tag;
        m[at + 3] = hi;
        this.#linear.written[this.#linear.ramIndex(host)] = 1;
      }
    }
    if (context.fills < LOG) context.log[context.fills] = entry;
    context.fills++;
    const bits = span & (GLOBAL - 1);
    if (bits > 0) {
      const size = 2 ** bits;
      const key = Math.floor((hi * 0x10_0000 + (lo >>> 12)) / size) * size * 64 + bits;
      if (key === context.lastSuper) return;
      context.lastSuper = key;
      context.supers.add(key);
      context.spans |= 1 << SPANS.indexOf(bits as (typeof SPANS)[number]);
    }
  }

  #count({ guestKey, key }: Space): void {
    if (guestKey >= 0) this.counts.guestMisses++;
    else if (key >= MODE_UNIT) this.counts.misses++;
  }

  /** Brings a translation back that another page's has pushed out. Answers the page's linear address, or 0. */
  revive(context: Context, lo: number, hi: number, kind: number): number {
    const { victims } = context;
    const entry = (lo >>> 12) & (TLB_ENTRIES - 1);
    if (victims === undefined || isEdge(entry) || !victims.has(lo, hi, kind)) return 0;
    const m = this.#linear.i32;
    const at = (context.tlb + entry * TLB_ENTRY) / 4;
    victims.swap(lo, m, at, m[at + 6] !== 0);
    return (m[at + 6] & -4096) >>> 0;
  }

  /** sfence.vma outside virtual machines: one page or all, of one address space or all. */
  fence(vpn: number | undefined, asid: number | undefined): void {
    this.counts.fences++;
    const spaces = this.#guests.get(-1);
    if (spaces) for (const s of spaces.values()) if (asid === undefined || s.asid === asid) this.#flush(s, vpn, asid !== undefined);
  }

  /** hfence: a page (of VS-stage addresses) or all, of one or all guest address spaces, of one or all virtual machines. */
  fenceGuest(vpn: number | undefined, asid: number | undefined, vmid: number | undefined): void {
    this.counts.guestFences++;
    for (const [key, spaces] of this.#guests) {
      if (key === -1) continue;
      for (const s of spaces.values()) {
        if ((asid === undefined || s.asid === asid) && (vmid === undefined || s.vmid === vmid)) this.#flush(s, vpn, asid !== undefined);
      }
    }
  }

  flushAll(): void {
    for (const spaces of this.#guests.values()) for (const s of spaces.values()) this.#flush(s, undefined, false);
  }

  /** A space lost a context: drop it from the tables when it was the last one. */
  forget(space: Space): void {
    if (space === this.#host || space === this.#guest || space.live.length > 0) return;
    const spaces = this.#guests.get(space.guestKey);
    spaces?.delete(space.key);
    if (spaces?.size === 0) this.#guests.delete(space.guestKey);
  }

  /** `local`: global translations may stay. @spec priv 12.2.1 */
  #flush(space: Space, vpn: number | undefined, local: boolean): void {
    for (const context of space.live) {
      if (context.fills === 0) continue;
      if (vpn !== undefined) this.#flushPage(context, vpn);
      else if (local) this.#pool.clearLocal(context);
      else this.#pool.clear(context);
    }
  }

  #flushPage(context: Context, vpn: number): void {
    this.#flushEntry(context, vpn);
    if (context.spans === 0) return;
    for (let i = 0; i < SPANS.length; i++) {
      if ((context.spans & (1 << i)) === 0) continue;
      const span = SPANS[i]!;
      const first = Math.floor(vpn / 2 ** span) * 2 ** span;
      if (!context.supers.delete(first * 64 + span)) continue;
      context.lastSuper = -1;
      if (span >= 10) return this.#pool.clear(context);
      for (let i = 0; i < 2 ** span; i++) this.#flushEntry(context, first + i);
    }
  }

  /** The entry of this address loses its tags. */
  forgetEntry(context: Context, lo: number, hi: number): void {
    this.#flushEntry(context, hi * 0x10_0000 + (lo >>> 12));
  }

  #flushEntry(context: Context, vpn: number): void {
    const hi = Math.floor(vpn / 0x10_0000) | 0;
    const lo = (vpn % 0x10_0000) * 4096 | 0;
    const entry = (lo >>> 12) & (TLB_ENTRIES - 1);
    const at = (context.tlb + entry * TLB_ENTRY) / 4;
    if (holds(this.#linear.i32, at, lo, hi)) this.#pool.drop(context, entry);
    context.victims?.forget(lo, hi);
  }

  #find(csrs: Int32Array, root: number, guest: number): Space {
    const guestKey = guest < 0 ? -1 : spaceKey(csrs, guest);
    const key = spaceKey(csrs, root);
    let spaces = this.#guests.get(guestKey);
    if (!spaces) this.#guests.set(guestKey, (spaces = new Map()));
    let space = spaces.get(key);
    if (!space) {
      const asid = (csrs[root + 1] >>> 12) & 0xffff;
      const vmid = guest < 0 ? 0 : (csrs[guest + 1] >>> 12) & 0x3fff;
      space = { key, guestKey, asid, vmid, contexts: new Array<Context | undefined>(CONTEXT_SLOTS.count).fill(undefined), live: [] };
      spaces.set(key, space);
    }
    return space;
  }
}

/** Are both translated, in the same mode and in the same virtual machine or none? Then they share what is global. */
function sameScheme(a: Space, b: Space): boolean {
  const mode = Math.floor(a.key / MODE_UNIT);
  return a.guestKey === b.guestKey && mode !== 0 && mode === Math.floor(b.key / MODE_UNIT);
}

/** satp, vsatp or hgatp as one exact number: mode, ASID, and root below 2^29 pages (all higher roots are equally void). */
function spaceKey(csrs: Int32Array, slot: number): number {
  const lo = csrs[slot] >>> 0;
  const hi = csrs[slot + 1];
  const root = (hi & 0xfff) === 0 && lo < 0x1fff_ffff ? lo : 0x1fff_ffff;
  return (hi >>> 12) * 0x2000_0000 + root;
}
