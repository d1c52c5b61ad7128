/**
 * Page tables of Sv39 in the machine's memory, one tree an address space. Entries of the kernel's own tables are copied here page by page
 * on access.
 *
 *   entry = frame << 10 | D A G U X W R V      @spec priv 12.4
 */
import type { HartApi, PhysicalMemory } from '../../../machine/api.ts';
import type { Runs } from '../../mm/around.ts';
import { COSTS } from './costs.ts';

const V = 1, R = 2, W = 4, X = 8, U = 16, A = 64, D = 128;
const PAGE = 4096, ENTRIES = 512, ENTRY_BYTES = 8, FRAME_SHIFT = 1024;
/** Rights as areas have them: 1 read, 2 write, 4 execute. */
const FLAGS = [0, R, R | W, R | W, X, R | X, R | W | X, R | W | X] as const;

/** Frames for tables, from a separate region. */
export class TableFrames {
  readonly #memory: PhysicalMemory;
  readonly #free: number[] = [];
  constructor(memory: PhysicalMemory, base: number, pages: number) {
    this.#memory = memory;
    for (let i = pages - 1; i >= 0; i--) this.#free.push(base + i * PAGE);
  }
  get free(): number { return this.#free.length; }
  /** A zeroed frame; 0 when there is none. */
  take(): number {
    const pa = this.#free.pop() ?? 0;
    if (pa !== 0) this.#memory.fill(pa, PAGE, 0);
    return pa;
  }
  give(pa: number): void { this.#free.push(pa); }
}

export class Tables {
  readonly root: number;
  readonly asid: number;
  readonly #memory: PhysicalMemory;
  readonly #frames: TableFrames;
  readonly #own: number[] = [];

  /** `root`: a zeroed frame. */
  constructor(memory: PhysicalMemory, frames: TableFrames, root: number, asid: number) {
    this.#memory = memory;
    this.#frames = frames;
    this.root = root;
    this.asid = asid;
  }

  /** Maps the pages of a fault's answer. False: no frame for a table; pages mapped so far stay. */
  map(runs: Runs, hart: HartApi): boolean {
    for (let i = 0; i < runs.count; i++) {
      const flags = V | U | A | D | FLAGS[runs.rights[i]!]!, vpn = runs.vpn[i]!, pfn = runs.pfn[i]!, pages = 2 ** runs.order[i]!;
      for (let n = 0; n < pages; n++) {
        const at = this.#entryOf(vpn + n, true);
        if (at === 0) return false;
        const replaces = (this.#memory.u32(at) & V) !== 0;
        this.#memory.setU64(at, BigInt((pfn + n) * FRAME_SHIFT + flags));
        if (replaces) hart.sfenceVma((vpn + n) * PAGE, this.asid);
      }
      hart.charge(COSTS.mapPage * pages);
    }
    return true;
  }

  /** Removes rights from the pages [from, to); without the read right they are unmapped. */
  unmap(from: number, to: number, rights: number, hart: HartApi): void {
    for (let vpn = from; vpn < to; ) {
      const at = this.#entryOf(vpn, false);
      if (at === 0) { vpn += ENTRIES - (vpn % ENTRIES); continue; }
      this.#restrict(at, rights);
      hart.charge(COSTS.unmapPage);
      vpn++;
    }
    if (to - from === 1) hart.sfenceVma(from * PAGE, this.asid);
    else hart.sfenceVma(undefined, this.asid);
  }
  #restrict(at: number, rights: number): void {
    const entry = this.#memory.u64(at);
    if ((entry & BigInt(V)) === 0n) return;
    const gone = (rights & 2 ? W : 0) | (rights & 4 ? X : 0);
    this.#memory.setU64(at, (rights & 1) !== 0 ? 0n : entry & ~BigInt(gone));
  }

  /** Unmaps every page, and frees every table except the root. */
  clear(hart: HartApi): void {
    this.#memory.fill(this.root, PAGE, 0);
    for (const pa of this.#own.splice(0)) this.#frames.give(pa);
    hart.sfenceVma(undefined, this.asid);
  }

  /** The address of a page's entry; 0 where its table is missing (with `make`: and there is no frame for it). */
  #entryOf(vpn: number, make: boolean): number {
    let table = this.root;
    for (const shift of [18, 9]) {
      const at = table + (Math.floor(vpn / 2 ** shift) % ENTRIES) * ENTRY_BYTES, entry = this.#memory.u64(at);
      if ((entry & BigInt(V)) === 0n) {
        const frame = make ? this.#frames.take() : 0;
        if (frame === 0) return 0;
        this.#own.push(frame);
        this.#memory.setU64(at, BigInt((frame / PAGE) * FRAME_SHIFT + V));
        table = frame;
      } else table = Number(entry >> 10n) * PAGE;
    }
    return table + (vpn % ENTRIES) * ENTRY_BYTES;
  }
}
