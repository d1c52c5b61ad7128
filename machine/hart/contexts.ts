/**
 * TLB contexts. A *space* is one setting of the translation registers (satp, or vsatp and hgatp); within it every
 * combination of privilege, SUM and MXR that is used has a *context* with a TLB of its own out of a shared pool (tlb-pool.ts).
 * Switching mode or space is a look-up and a store, without a flush.
 *
 * Pages are named by virtual page number, a JavaScript number (signed, |vpn| < 2^52).
 */
import { isEdge, TLB_ENTRIES, TLB_ENTRY } from '../engine/layout.ts';
import type { Linear } from '../linear.ts';
import { C } from './slots.ts';
import { GLOBAL, GLOBAL_BIT, isEmpty, note, type Context, type Owner, type Space, type TlbPool } from './tlb-pool.ts';
import { holds, Victims } from './victims.ts';

/** A context's index in its space: data privilege (bits 0, 1) and these. */
export const CONTEXT_SLOTS = { sum: 4, mxr: 8, guestMxr: 16, mprv: 32, count: 64 } as const;
/** A space's key holds satp.MODE in units of this (see spaceKey). */
const MODE_UNIT = 0x2000_0000 * 0x1_0000;
/** log2 of the pages of each kind of superpage: 64 KiB (Svnapot), 2 MiB, 1 GiB, 512 GiB, 256 TiB. */
const SPANS = [4, 9, 18, 27, 36] as const;

/** The contexts of one hart. */
export class Contexts implements Owner {
  /** The context in use: never evicted. */
  current: Context | undefined;
  readonly #linear: Linear;
  readonly #pool: TlbPool;
  /** Spaces by the key of hgatp (-1 = not virtualized), then by the key of satp or vsatp. */
  readonly #guests = new Map<number, Map<number, Space>>();
  /** The context entered last, by slot. */
  readonly #recent: (Context | undefined)[] = [];
  #host: Space | undefined;
  #guest: Space | undefined;
  /**
   * Counts of page-table walks, and of fences of a page or more: outside virtual machines and inside. Inside, only walks of the guest's own
   * tables (the first stage) count. `entries`: entries of tables that walks have read, those of the second stage apart.
   */
  readonly counts = { misses: 0, guestMisses: 0, vsWalks: 0, entries: 0, stageEntries: 0, fences: 0, guestFences: 0 };

  constructor(linear: Linear, pool: TlbPool) {
    this.#linear = linear;
    this.#pool = pool;
  }

  /** satp, vsatp or hgatp was written. */
  spaceChanged(): void { this.#host = this.#guest = undefined; }

  /** The context for data accesses in this slot of the current space. */
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
    const words = this.#linear.i32;
    const at = (context.tlb + ((lo >>> 12) & (TLB_ENTRIES - 1)) * TLB_ENTRY) / 4;
    return words[at + 2 * kind] === (lo & -4096) && words[at + 2 * kind + 1] === hi ? (words[at + 6] & -4096) >>> 0 : 0;
  }

  /** Caches a translation: tags for the allowed accesses, the linear address of the page, and log2 of the mapping's pages, with GLOBAL. */
  fill(context: Context, lo: number, hi: number, host: number, write: boolean, kind: number, span: number): void {
    this.#count(context.space);
    if (kind !== 2 && this.#pool.watcher?.cacheable(lo, hi) === false) return;
    const words = this.#linear.i32;
    const tag = lo & -4096;
    const entry = (lo >>> 12) & (TLB_ENTRIES - 1);
    const at = (context.tlb + entry * TLB_ENTRY) / 4;
    const page = (span & GLOBAL) !== 0 ? host | GLOBAL_BIT : host | 0;
    const before = words[at + 6];
    const held = holds(words, at, tag, hi);
    if (!held && before !== 0 && !isEdge(entry)) (context.victims ??= new Victims()).keep(words, at);
    if (before !== page || !held) this.#pool.drop(context, entry);
    context.victims?.forget(tag, hi);
    words[at + 6] = page;
    words[at + 7] = host - tag;
    if (kind === 2) {
      words[at + 4] = tag;
      words[at + 5] = hi;
    } else {
      if (kind === 0) { words[at] = tag; words[at + 1] = hi; }
      if (write) {
        words[at + 2] = tag;
        words[at + 3] = hi;
        this.#linear.written[this.#linear.ramIndex(host)] = 1;
      }
    }
    if (before === 0 || ((before ^ page) & GLOBAL_BIT) !== 0) note((span & GLOBAL) !== 0 ? context.global : context.local, entry);
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

  /** Restores a translation that another page's has evicted. Returns the page's linear address, or 0. */
  revive(context: Context, lo: number, hi: number, kind: number): number {
    const { victims } = context;
    const entry = (lo >>> 12) & (TLB_ENTRIES - 1);
    if (victims === undefined || isEdge(entry) || !victims.has(lo, hi, kind)) return 0;
    const words = this.#linear.i32;
    const at = (context.tlb + entry * TLB_ENTRY) / 4;
    victims.swap(lo, words, at, words[at + 6] !== 0);
    return (words[at + 6] & -4096) >>> 0;
  }

  /** sfence.vma outside virtual machines: one page or all, of one address space or all. */
  fence(vpn: number | undefined, asid: number | undefined): void {
    this.counts.fences++;
    for (const space of this.#guests.get(-1)?.values() ?? [])
      if (asid === undefined || space.asid === asid) this.#flush(space, vpn, asid !== undefined);
  }

  /** hfence: a page (of VS-stage addresses) or all, of one or all guest address spaces, of one or all virtual machines. */
  fenceGuest(vpn: number | undefined, asid: number | undefined, vmid: number | undefined): void {
    this.counts.guestFences++;
    for (const [key, spaces] of this.#guests) {
      if (key === -1) continue;
      for (const space of spaces.values())
        if ((asid === undefined || space.asid === asid) && (vmid === undefined || space.vmid === vmid))
          this.#flush(space, vpn, asid !== undefined);
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
      if (isEmpty(context)) continue;
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

  /** Removes the tags of this address's entry. */
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

/** Whether both are translated in the same mode and in the same virtual machine or none, so that they share global translations. */
function sameScheme(left: Space, right: Space): boolean {
  const mode = Math.floor(left.key / MODE_UNIT);
  return left.guestKey === right.guestKey && mode !== 0 && mode === Math.floor(right.key / MODE_UNIT);
}

/** satp, vsatp or hgatp as one exact number: mode, ASID, and root below 2^29 pages (no higher root is in memory). */
function spaceKey(csrs: Int32Array, slot: number): number {
  const lo = csrs[slot] >>> 0;
  const hi = csrs[slot + 1];
  const root = (hi & 0xfff) === 0 && lo < 0x1fff_ffff ? lo : 0x1fff_ffff;
  return (hi >>> 12) * 0x2000_0000 + root;
}
