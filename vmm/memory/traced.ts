/**
 * Traced page tables: pages of the guest that walks have read as tables are write-protected in every shadow space, so that what shadows
 * hold is at each moment what the guest's tables say, and fences need nothing. A store to such a page comes to the monitor, which does it
 * and takes away what the entry stood for. A page that is written again and again without being walked is a table no longer: it is let go
 * until a walk meets it again.
 *
 * One for a virtual machine: all its processors write the same tables.
 */
import type { Step } from './walker.ts';

const PAGE = 4096, LARGE = 2 ** 21, ENTRY = 8, ENTRIES = 512;
/** Stores in a row without a walk after which a page is released; most pages, and most uses of one, before a page is released at once. */
const FLOOD = 3, MOST_TABLES = 4096, MOST_USES = 64;

/** A page in its role as a table: entries of this level, the first one for `base`, under this satp. */
interface Use { readonly satp: bigint; readonly level: number; readonly base: number; readonly root: boolean }
interface Table { readonly uses: Map<string, Use>; writes: number }

/** Addresses of the guest [at, at + 2^order) under this satp; `all`: every one. */
export interface Range { readonly satp: bigint; readonly at: number; readonly order: number; readonly all: boolean }

export class TracedTables {
  traced = 0;
  writes = 0;
  released = 0;
  /** The monitor performs a store of the guest's; `written` is called for it. */
  storing = false;
  readonly #tables = new Map<number, Table>();
  /** Number of traced tables in each 2 MiB. */
  readonly #within = new Map<number, number>();

  /** Is this page (guest-physical address) a table? */
  has(page: number): boolean { return this.#tables.has(page); }
  /** Is there one in the 2 MiB from here on? */
  hasWithin(large: number): boolean { return this.#within.has(large); }

  /** A walk has read these tables. Returns the pages that were not traced before. */
  note(steps: readonly Step[], satp: bigint): number[] {
    const fresh: number[] = [];
    for (const { table, level, base } of steps) {
      let traced = this.#tables.get(table);
      if (!traced) {
        this.#tables.set(table, traced = { uses: new Map(), writes: 0 });
        this.#within.set(largeOf(table), (this.#within.get(largeOf(table)) ?? 0) + 1);
        this.traced++;
        fresh.push(table);
      }
      traced.writes = 0;
      const key = `${satp} ${level} ${base}`;
      if (!traced.uses.has(key)) traced.uses.set(key, { satp, level, base, root: level === steps[0]!.level });
    }
    return fresh;
  }

  /** Pages to release: there are too many of them, or they have too many uses. */
  *surplus(): Generator<number> {
    for (const [page, { uses }] of this.#tables) if (uses.size > MOST_USES || this.#tables.size > MOST_TABLES) yield page;
  }

  /** The guest has stored to a table: returns the ranges that its entries mapped. undefined: too many stores, release the page. */
  written(gpa: number, size: number): Range[] | undefined {
    const page = gpa - (gpa % PAGE), table = this.#tables.get(page)!, ranges: Range[] = [];
    this.writes++;
    if (++table.writes > FLOOD) return undefined;
    const first = Math.floor((gpa - page) / ENTRY), last = Math.floor((gpa + size - 1 - page) / ENTRY);
    for (const use of table.uses.values()) for (let i = first; i <= last; i++) ranges.push(rangeOf(use, i));
    return ranges;
  }

  /** The page is no longer a table: returns the ranges that it mapped. */
  release(page: number): Range[] {
    const table = this.#tables.get(page), left = (this.#within.get(largeOf(page)) ?? 0) - 1;
    if (!table) return [];
    this.released++;
    this.#tables.delete(page);
    if (left > 0) this.#within.set(largeOf(page), left);
    else this.#within.delete(largeOf(page));
    return [...table.uses.values()].map(({ satp, level, base, root }) => ({ satp, at: base, order: 21 + 9 * level, all: root }));
  }
}

const largeOf = (page: number): number => page - (page % LARGE);

/** Addresses of entry `i`; the upper half of a root has negative ones. */
function rangeOf({ satp, level, base, root }: Use, i: number): Range {
  const order = 12 + 9 * level, upper = root && i >= ENTRIES / 2;
  return { satp, at: base + (upper ? i - ENTRIES : i) * 2 ** order, order, all: false };
}
