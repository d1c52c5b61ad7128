/**
 * The regions that exist: which instructions are to be translated, modules of translations, their places in the dispatcher's table, and
 * their end, which comes when their code changes, when their page loses its records, or when there are too many.
 *
 * A record where a region can be entered has the op REGION; its own op is kept beside it (layout.ts, SIDE).
 */
import { PAGE, RECORD, RECORDS, SIDE, type Layout } from '../layout.ts';
import type { CodePages } from '../codepages.ts';
import { encodeModule } from '../module.ts';
import { Internal } from '../operations.ts';
import { TABLE_SIZE } from './convention.ts';
import { discover, type PageView, type Region } from './discover.ts';
import { translate, type Translation } from './translate.ts';

/** Modules are made for so many regions at once, or after so many slices. */
const BATCH = 24;
const PATIENCE = 8;
/** Bytes of WebAssembly that may be alive; the oldest modules go first. */
export const MAX_BYTES = 12 << 20;
/** Stores that hit translated code of a page, after which it stays interpreted; half of them are forgiven when the page becomes data. */
const MAX_DROPS = 64;

/** How often a place inside a region must become hot again to be the head of another. */
const MAX_DENIALS = 4;
const MAX_REMEMBERED = 8192;

interface Batch { readonly regions: Live[]; bytes: number }
interface Live {
  readonly slot: number;
  readonly ranges: readonly (readonly [number, number])[];
  readonly index: number;
  readonly records: number[];
  readonly batch: Batch;
}
interface Draft { readonly record: number; readonly index: number; readonly region: Region; readonly translation: Translation }

export interface RegionOptions {
  readonly memory: WebAssembly.Memory;
  readonly layout: Layout;
  readonly pages: CodePages;
  readonly table: WebAssembly.Table;
  /** Jumps to an instruction that make it hot; 1 or 2 for tests. */
  readonly threshold: number;
  /** What is hot is translated at once, rather than with others. */
  readonly atOnce: boolean;
  /** Loads and stores at misaligned addresses leave the region. */
  readonly strict: boolean;
  /** Bytes of WebAssembly that may be alive. */
  readonly maxBytes: number;
}

export class Regions {
  compileSeconds = 0;
  readonly queue: number[] = [];
  private readonly o: RegionOptions;
  private readonly halves: Uint16Array;
  private readonly words: Uint32Array;
  private readonly bySlot = new Map<number, Set<Live>>();
  private readonly free: number[] = [];
  private readonly batches: Batch[] = [];
  private readonly drops: Uint8Array;
  private readonly denials = new Map<number, number>();
  private waited = 0;
  private bytes = 0;

  constructor(options: RegionOptions) {
    this.o = options;
    this.halves = new Uint16Array(options.memory.buffer);
    this.words = new Uint32Array(options.memory.buffer);
    this.drops = new Uint8Array(options.layout.ramPages);
    for (let i = TABLE_SIZE - 1; i > 0; i--) this.free.push(i); // 0 says "none" in side data
  }

  get count(): number { return TABLE_SIZE - 1 - this.free.length; }

  private sideOf(record: number): number { return this.o.layout.sides + (record - this.o.layout.codePages) / 2; }

  /** The instruction of this record is executed often. */
  hot(record: number): void {
    this.queue.push(record);
    if (this.o.atOnce) this.compile();
  }

  /** Once a slice. */
  tick(): void {
    if (this.queue.length >= BATCH || ++this.waited >= PATIENCE) this.compile();
  }

  private compile(): void {
    const begun = now();
    this.waited = 0;
    const drafts: Draft[] = [];
    while (this.batches.length > 0 && (this.free.length < this.queue.length || this.bytes > this.o.maxBytes)) this.evict();
    const covered = new Set<number>();
    for (const record of this.queue) this.draft(record, drafts, covered);
    this.queue.length = 0;
    if (drafts.length > 0) this.build(drafts);
    this.compileSeconds += (now() - begun) / 1000;
  }

  private draft(record: number, drafts: Draft[], covered: Set<number>): void {
    const { pages } = this.o;
    const slot = pages.slotOf(record);
    const at = pages.address(slot);
    const page = pages.pageOf(slot);
    if (page === 0 || covered.has(record) || this.halves[record >> 1] === Internal.REGION) return;
    if (this.drops[this.ramIndex(page)]! >= MAX_DROPS || this.denied(slot, record, (record - at) / RECORD)) return;
    const region = discover(this.view(slot, at), (record - at) / RECORD);
    if (!region) return;
    const index = this.free.pop();
    if (index === undefined) return;
    const translation = translate(region, { page: at, sides: this.sideOf(at), index, strict: this.o.strict }, `r${drafts.length}`);
    for (const place of translation.entries) covered.add(at + place * RECORD);
    drafts.push({ record, index, region, translation });
  }

  /**
   * A place inside a region that can only be entered elsewhere: it is mostly reached inside, and gets a region of its own only when
   * jumps keep coming to it from outside.
   */
  private denied(slot: number, record: number, place: number): boolean {
    if (this.o.threshold <= 2) return false;
    const inside = [...(this.bySlot.get(slot) ?? [])].some((r) => r.ranges.some(([from, to]) => from <= place * 2 && place * 2 < to));
    if (!inside) return false;
    const times = (this.denials.get(record) ?? 0) + 1;
    if (times > MAX_DENIALS) return false;
    if (this.denials.size >= MAX_REMEMBERED) this.denials.clear();
    this.denials.set(record, times);
    this.halves[(this.sideOf(record) + 4) >> 1] = 0;
    return true;
  }

  private ramIndex(page: number): number { return (page - this.o.layout.ram) / PAGE; }

  private view(slot: number, at: number): PageView {
    const { pages, threshold } = this.o;
    const least = threshold >> 5;
    return {
      decode: (place) => pages.instruction(slot, place),
      decoded: (place) => threshold <= 2 || place < RECORDS && this.halves[(at + place * RECORD) >> 1] !== Internal.UNDECODED,
      warm: (place) => this.halves[(this.sideOf(at + place * RECORD) + 4) >> 1]! >= least,
      warmPlaces: (hot) => this.warmPlaces(at, Math.max(hot ? threshold >> 3 : least, 1)),
    };
  }

  private warmPlaces(at: number, least: number): number[] {
    const out: number[] = [];
    const first = (this.sideOf(at) + 4) >> 1;
    for (let place = 0; place < RECORDS; place++) if (this.halves[first + place * (SIDE / 2)]! >= least) out.push(place);
    return out;
  }

  private build(drafts: readonly Draft[]): void {
    const { layout, memory, pages, table } = this.o;
    const code = encodeModule(layout.wasmPages, [], drafts.map((d) => d.translation.function));
    const instance = new WebAssembly.Instance(new WebAssembly.Module(code), { e: { memory } });
    const batch: Batch = { regions: [], bytes: code.length };
    this.bytes += code.length;
    this.batches.push(batch);
    for (const { record, index, region, translation } of drafts) {
      const slot = pages.slotOf(record);
      table.set(index, instance.exports[translation.function.name] as never);
      const ranges = [...region.blocks.values()].map((b) => [b.start * 2, b.end * 2] as const);
      const live: Live = { slot, ranges, index, records: [], batch };
      batch.regions.push(live);
      let ofSlot = this.bySlot.get(slot);
      if (!ofSlot) this.bySlot.set(slot, (ofSlot = new Set()));
      ofSlot.add(live);
      translation.entries.forEach((place, n) => this.enter(live, pages.address(slot) + place * RECORD, n));
    }
  }

  /** The region can be entered here, unless another one can already. */
  private enter(live: Live, record: number, entry: number): void {
    if (this.halves[record >> 1] === Internal.UNDECODED) this.o.pages.fill(record);
    const op = this.halves[record >> 1]!;
    if (op === Internal.REGION) return;
    const side = this.sideOf(record);
    this.words[side >> 2] = (live.index << 8) | entry;
    this.halves[(side + 6) >> 1] = op;
    this.halves[record >> 1] = Internal.REGION;
    live.records.push(record);
  }

  private evict(): void {
    const oldest = this.batches.shift()!;
    for (const r of [...oldest.regions]) this.remove(r);
  }

  private remove(live: Live): void {
    for (const record of live.records) {
      const side = this.sideOf(record);
      if (this.halves[record >> 1] === Internal.REGION) this.halves[record >> 1] = this.halves[(side + 6) >> 1]!;
      this.words[side >> 2] = 0;
      this.halves[(side + 4) >> 1] = 0;
    }
    this.o.table.set(live.index, null);
    this.free.push(live.index);
    this.bySlot.get(live.slot)?.delete(live);
    const { batch } = live;
    batch.regions.splice(batch.regions.indexOf(live), 1);
    if (batch.regions.length > 0) return;
    this.bytes -= batch.bytes;
    const at = this.batches.indexOf(batch);
    if (at >= 0) this.batches.splice(at, 1);
  }

  /** Bytes [from, to) of the page in this slot have been written. */
  forget(slot: number, page: number, from: number, to: number): void {
    const regions = this.bySlot.get(slot);
    if (!regions) return;
    let hit = false;
    for (const r of [...regions]) {
      if (!r.ranges.some(([a, b]) => a < to && b > from)) continue;
      this.remove(r);
      hit = true;
    }
    const i = this.ramIndex(page);
    if (hit && this.drops[i]! < MAX_DROPS) this.drops[i]!++;
  }

  /** The page in this slot loses its records. */
  release(slot: number, page: number): void {
    this.drops[this.ramIndex(page)]! >>= 1;
    const regions = this.bySlot.get(slot);
    if (!regions) return;
    for (const r of [...regions]) this.remove(r);
    this.bySlot.delete(slot);
  }
}

const now = (): number => performance.now();
