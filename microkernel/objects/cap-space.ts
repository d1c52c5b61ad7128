/**
 * A task's capability space: an array of slots in directories of 256, made when first used. Looking up is two array accesses.
 * Slots and directories are charged to the task's factory.
 */
import { CapRight, Status, flexRights, flexSelector, flexSize } from '../abi/index.ts';
import { BYTES, COSTS } from '../costs.ts';
import type { Factory } from './factory.ts';
import type { Core } from '../core.ts';
import type { KernelObject } from './object.ts';
import { Cap, link, subtree, unlink } from './cap.ts';

/** Selectors are below this. */
export const SELECTORS = 1 << 20;
const CHUNK = 256;

export class CapSpace {
  readonly factory: Factory;
  readonly #chunks: ((Cap | undefined)[] | undefined)[] = [];
  count = 0;

  constructor(factory: Factory) { this.factory = factory; }

  lookup(selector: number): Cap | undefined {
    const chunk = this.#chunks[selector >>> 8];
    return chunk === undefined || selector >>> 0 !== selector ? undefined : chunk[selector & 255];
  }

  /** ok, or why a capability cannot be put there: badArgument, busy, noQuota. */
  canPut(selector: number): Status {
    if (selector >>> 0 !== selector || selector >= SELECTORS) return Status.badArgument;
    const chunk = this.#chunks[selector >>> 8];
    if (chunk?.[selector & 255]) return Status.busy;
    return this.factory.free >= BYTES.cap + (chunk ? 0 : BYTES.capChunk) ? Status.ok : Status.noQuota;
  }

  /** Puts a new capability; `canPut` has said ok. */
  put(selector: number, object: KernelObject, rights: number, parent: Cap | undefined): Cap {
    let chunk = this.#chunks[selector >>> 8];
    if (!chunk) {
      this.factory.charge(BYTES.capChunk);
      chunk = this.#chunks[selector >>> 8] = new Array<Cap | undefined>(CHUNK).fill(undefined);
    }
    this.factory.charge(BYTES.cap);
    const cap = new Cap(object, rights, this, selector);
    chunk[selector & 255] = cap;
    this.count++;
    link(cap, parent);
    return cap;
  }

  /** Empties a slot; derived capabilities stay, and the object too while any capability names it. */
  remove(k: Core, cap: Cap): void {
    k.work(COSTS.cap + unlink(cap) * COSTS.node);
    this.#chunks[cap.selector >>> 8]![cap.selector & 255] = undefined;
    this.count--;
    this.factory.refund(BYTES.cap);
    if (!cap.object.derived.first) k.doom(cap.object);
  }

  /** Bytes charged for this space. */
  get bytes(): number { return this.count * BYTES.cap + this.#chunks.reduce((n, c) => n + (c ? BYTES.capChunk : 0), 0); }

  /** The capabilities in [first, first + n). */
  *range(first: number, n: number): Generator<Cap> {
    const last = Math.min(first + n, SELECTORS) - 1;
    for (let at = first >>> 8; at <= last >>> 8 && at < this.#chunks.length; at++) {
      const chunk = this.#chunks[at];
      if (!chunk) continue;
      for (let i = Math.max(first - at * CHUNK, 0); i < CHUNK && at * CHUNK + i <= last; i++) {
        const cap = chunk[i];
        if (cap) yield cap;
      }
    }
  }

  /** Deletes all capabilities with their derivations, and the directories. */
  clear(k: Core): void {
    for (const cap of this.range(0, SELECTORS)) revoke(k, cap, CapRight.all, true);
    for (const chunk of this.#chunks) if (chunk) this.factory.refund(BYTES.capChunk);
    this.#chunks.length = 0;
  }
}

/** Removes rights from all capabilities derived from `cap`, and from itself if `self`. A capability without rights is deleted. */
export function revoke(k: Core, cap: Cap, rights: number, self: boolean): void {
  const all = subtree(cap);
  for (let i = all.length - 1; i >= (self ? 0 : 1); i--) {
    const chunk = all[i], left = chunk.rights & ~rights;
    k.work(COSTS.node);
    if (left === 0) chunk.space.remove(k, chunk);
    else chunk.rights = left;
  }
}

/** May the capabilities of a flexpage be mapped to `dest`? badArgument, badRights, busy, noQuota, badCap (nothing is there). */
export function checkCaps(from: CapSpace, page: number, to: CapSpace, dest: number): Status {
  const first = flexSelector(page), n = flexSize(page), rights = flexRights(page);
  if (first + n > SELECTORS || dest + n > SELECTORS || dest >>> 0 !== dest) return Status.badArgument;
  let found = 0, chunks = 0, lastChunk = -1;
  for (const cap of from.range(first, n)) {
    const at = dest + cap.selector - first, status = to.canPut(at);
    if ((cap.rights & CapRight.map) === 0 || (cap.rights & rights) === 0) return Status.badRights;
    if (status !== Status.ok) return status;
    found++;
    if (at >>> 8 !== lastChunk) { lastChunk = at >>> 8; chunks++; }
  }
  if (found === 0) return Status.badCap;
  return found > 1 && to.factory.free < found * BYTES.cap + chunks * BYTES.capChunk ? Status.noQuota : Status.ok;
}

/** Maps (or, `grant`, moves) the capabilities of a flexpage into another space. Unless ok, nothing has changed. */
export function mapCaps(k: Core, from: CapSpace, page: number, to: CapSpace, dest: number, grant: boolean): Status {
  const first = flexSelector(page), rights = flexRights(page), status = checkCaps(from, page, to, dest);
  if (status !== Status.ok) return status;
  for (const cap of [...from.range(first, flexSize(page))]) {
    to.put(dest + cap.selector - first, cap.object, cap.rights & rights, cap);
    k.work(COSTS.cap);
    if (grant) from.remove(k, cap);
  }
  return Status.ok;
}
