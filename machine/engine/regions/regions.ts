/**
 * Manages regions: chooses instructions to translate, builds modules, assigns entries in the dispatcher's table, and removes regions when
 * their code changes, when their page loses its records, or when there are too many.
 *
 * A record where a region can be entered has the op REGION; the side data keep its own op (layout.ts, SIDE).
 */
import { HS, PAGE, PC_SHIFT, RECORD, RECORDS, SIDE, TLB_MASK, type Layout } from '../layout.ts';
import { sideOffset } from '../chain.ts';
import type { CodePages } from '../codepages.ts';
import { encodeModule } from '../module.ts';
import { Internal } from '../operations.ts';
import { TABLE_SIZE } from './convention.ts';
import { discover, inPage, pageOf, SPAN, type PageView, type Region } from './discover.ts';
import { translate, type Translation } from './translate.ts';

/** A module is built for this many regions at once, or after this many slices. */
const BATCH = 24;
const PATIENCE = 8;
/** Bytes of WebAssembly that may be alive; the oldest modules go first. */
export const MAX_BYTES = 12 << 20;
/**
 * From so many regions on the program is a large, flat one, where translating costs as much as running: new regions are lean. Fewer have
 * room for copies of each other's code, which save calls of regions.
 */
export const LEAN_FROM = 200;
/** Stores into translated code of a page after which the page stays interpreted; the count halves when the page becomes data. */
const MAX_DROPS = 64;

/** How often a place inside a region must become hot again before it becomes the head of another. */
const MAX_DENIALS = 1;
const MAX_REMEMBERED = 8192;
/** A place belongs into a region when jumps reach it at least threshold >> WARM times, into a lean one from threshold >> LEAN_WARM. */
const WARM = 5;
const LEAN_WARM = 3;

/** Where a page was executed: the address, and the TLB in use there. */
interface Seen { readonly base: bigint; readonly tlb: number }
/** A record that is executed often, or the head of a region to widen. */
interface Hot extends Seen { readonly record: number; readonly widen: Live | undefined }
interface Batch { readonly regions: Live[]; bytes: number }
interface Live {
  /** Bytes that were translated, by the slots of its pages. The first is the head's. */
  readonly ranges: ReadonlyMap<number, readonly (readonly [number, number])[]>;
  readonly index: number;
  readonly head: number;
  readonly instructions: number;
  readonly records: Set<number>;
  readonly batch: Batch;
  /** It may span several pages, or a wider region has replaced it. */
  wide: boolean;
}
interface Draft { readonly hot: Hot; readonly index: number; readonly region: Region; readonly translation: Translation }

export interface RegionOptions {
  readonly memory: WebAssembly.Memory;
  readonly layout: Layout;
  readonly pages: CodePages;
  readonly table: WebAssembly.Table;
  /** Jumps to an instruction that make it hot; 1 or 2 for tests. */
  readonly threshold: number;
  /** Translates a hot instruction at once rather than in a batch. */
  readonly atOnce: boolean;
  /** Loads and stores at misaligned addresses leave the region. */
  readonly strict: boolean;
  /** Bytes of WebAssembly that may be alive. */
  readonly maxBytes: number;
  /** So many regions make new ones lean (LEAN_FROM). */
  readonly leanFrom: number;
}

export class Regions {
  compileSeconds = 0;
  /** Regions made so far that reach into other pages. */
  widened = 0;
  readonly queue: Hot[] = [];
  private readonly o: RegionOptions;
  private readonly halves: Uint16Array;
  private readonly words: Uint32Array;
  private readonly longs: BigInt64Array;
  private readonly bySlot = new Map<number, Set<Live>>();
  private readonly free: number[] = [];
  /** By number in the table. */
  private readonly live: (Live | undefined)[] = [];
  private readonly batches: Batch[] = [];
  private readonly drops: Uint8Array;
  private readonly denials = new Map<number, number>();
  private waited = 0;
  private bytes = 0;

  constructor(options: RegionOptions) {
    this.o = options;
    this.halves = new Uint16Array(options.memory.buffer);
    this.words = new Uint32Array(options.memory.buffer);
    this.longs = new BigInt64Array(options.memory.buffer);
    this.drops = new Uint8Array(options.layout.ramPages);
    for (let i = TABLE_SIZE - 1; i > 0; i--) this.free.push(i); // 0 says "none" in side data
  }

  get count(): number { return TABLE_SIZE - 1 - this.free.length; }

  private sideOf(record: number): number { return sideOffset(this.o.layout) + record; }

  /** The instruction of this record is executed often, by this hart. */
  hot(record: number, hart: number, pcBase: bigint): void {
    if (this.halves[record >> 1] !== Internal.REGION) this.wait(record, record, hart, pcBase);
  }

  /** Other regions often enter the region at this record. */
  busy(record: number, hart: number, pcBase: bigint): void {
    const live = this.live[this.words[this.sideOf(record) >> 2]! >>> 8];
    if (!live || live.wide) return;
    live.wide = true;
    this.wait(record, live.head, hart, pcBase, live);
  }

  /** Queues `head` for translation, in the address space where `record`, in the same page, was reached. */
  private wait(record: number, head: number, hart: number, pcBase: bigint, widen?: Live): void {
    const page = this.o.pages.address(this.o.pages.slotOf(record));
    this.queue.push({ record: head, base: pcBase + BigInt(page >>> PC_SHIFT), tlb: this.words[(hart + HS.TLB) >> 2]!, widen });
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
    for (const hot of this.queue) this.draft(hot, drafts, covered);
    this.queue.length = 0;
    if (drafts.length > 0) this.build(drafts);
    this.compileSeconds += (now() - begun) / 1000;
  }

  private draft(hot: Hot, drafts: Draft[], covered: Set<number>): void {
    const { pages } = this.o;
    const { record, widen } = hot;
    const slot = pages.slotOf(record);
    const at = pages.address(slot);
    const page = pages.pageOf(slot);
    if (page === 0 || covered.has(record) || this.drops[this.ramIndex(page)]! >= MAX_DROPS) return;
    if (widen
      ? this.live[widen.index] !== widen
      : this.halves[record >> 1] === Internal.REGION || this.denied(slot, record, (record - at) / RECORD))
      return;
    const lean = !widen && this.count >= this.o.leanFrom;
    const region = discover(this.view(slot, hot, lean), (record - at) / RECORD, widen !== undefined || this.o.threshold <= 2);
    if (!region || widen && region.instructions <= widen.instructions) return;
    const index = this.free.pop();
    if (index === undefined) return;
    const translation = translate(region, { codePages: this.o.layout.codePages, sides: this.sideOf(at), index, strict: this.o.strict },
      `r${drafts.length}`);
    for (const place of translation.entries) if (place < SPAN) covered.add(at + place * RECORD);
    drafts.push({ hot, index, region, translation });
  }

  /**
   * A place inside a region that has no entry there: mostly jumps inside reach it, so it gets a region of its own only when jumps from
   * outside keep coming.
   */
  private denied(slot: number, record: number, place: number): boolean {
    if (this.o.threshold <= 2) return false;
    const inside = [...(this.bySlot.get(slot) ?? [])].some((r) =>
      headSlot(r) === slot && r.ranges.get(slot)!.some(([from, to]) => from <= place * 2 && place * 2 < to));
    if (!inside) return false;
    const times = (this.denials.get(record) ?? 0) + 1;
    if (times > MAX_DENIALS) return false;
    if (this.denials.size >= MAX_REMEMBERED) this.denials.clear();
    this.denials.set(record, times);
    this.halves[(this.sideOf(record) + 4) >> 1] = 0;
    return true;
  }

  private ramIndex(page: number): number { return (page - this.o.layout.ram) / PAGE; }

  /** `lean`: the region ends where others begin, and leaves out what runs seldom. */
  private view(slot: number, { base, tlb }: Seen, lean = false): PageView {
    const { pages, threshold } = this.o;
    const at = pages.address(slot);
    const least = threshold >> (lean ? LEAN_WARM : WARM);
    return {
      records: at,
      ram: pages.pageOf(slot),
      decode: (place) => pages.instruction(slot, place),
      begins: (place) => lean && this.halves[(at + place * RECORD) >> 1] === Internal.REGION,
      decoded: (place) => threshold <= 2 || place < RECORDS && this.halves[(at + place * RECORD) >> 1] !== Internal.UNDECODED,
      warm: (place) => this.halves[(this.sideOf(at + place * RECORD) + 4) >> 1]! >= least,
      warmPlaces: (hot) => this.warmPlaces(at, Math.max(hot ? threshold >> 3 : least, 1)),
      neighbour: (delta) => this.neighbour({ base: BigInt.asIntN(64, base + BigInt(delta)), tlb }),
    };
  }

  /**
   * The page at this address, as the TLB has it now. The mapping may change later, or may be another process's: regions check it again
   * before they go there.
   */
  private neighbour(seen: Seen): PageView | undefined {
    const { layout, pages } = this.o;
    const entry = seen.tlb + (Number(BigInt.asUintN(32, seen.base)) >>> 7 & TLB_MASK);
    if (this.longs[(entry + 16) >> 3] !== seen.base) return undefined;
    const ram = this.words[(entry + 24) >> 2]!;
    const at = this.words[(layout.codeMap >>> 2) + this.ramIndex(ram)]!;
    return at === 0 || this.drops[this.ramIndex(ram)]! >= MAX_DROPS ? undefined : this.view(pages.slotOf(at), seen);
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
    for (const { hot, index, region, translation } of drafts) {
      table.set(index, instance.exports[translation.function.name] as never);
      const live: Live = {
        ranges: this.rangesOf(region), index, head: hot.record, instructions: region.instructions, records: new Set(), batch,
        wide: hot.widen !== undefined
      };
      this.live[index] = live;
      if (region.pages.length > 1) this.widened++;
      batch.regions.push(live);
      for (const start of live.ranges.keys()) this.regionsOf(start).add(live);
      const at = pages.address(pages.slotOf(hot.record));
      translation.entries.forEach((place, n) => {
        if (place < SPAN) this.enter(live, at + place * RECORD, n);
      });
    }
  }

  private rangesOf(region: Region): Live['ranges'] {
    const out = new Map<number, (readonly [number, number])[]>();
    for (const { view } of region.pages) out.set(this.o.pages.slotOf(view.records), []);
    for (const block of region.blocks.values()) {
      const slot = this.o.pages.slotOf(region.pages[pageOf(block.start)]!.view.records);
      out.get(slot)!.push([inPage(block.start) * 2, inPage(block.end) * 2]);
    }
    return out;
  }

  private regionsOf(slot: number): Set<Live> {
    let found = this.bySlot.get(slot);
    if (!found) this.bySlot.set(slot, (found = new Set()));
    return found;
  }

  /** Makes this an entry of the region, unless a region that is at least as wide already begins here. */
  private enter(live: Live, record: number, entry: number): void {
    if (this.halves[record >> 1] === Internal.UNDECODED) this.o.pages.fill(record);
    const op = this.halves[record >> 1]!;
    const side = this.sideOf(record);
    if (op === Internal.REGION) {
      const other = this.live[this.words[side >> 2]! >>> 8]!;
      if (!live.wide || other.wide && other.ranges.size > 1) return;
      other.records.delete(record);
      if (other.records.size === 0) this.remove(other);
    } else {
      this.halves[(side + 6) >> 1] = op;
      this.halves[record >> 1] = Internal.REGION;
    }
    this.words[side >> 2] = (live.index << 8) | entry;
    live.records.add(record);
  }

  private evict(): void {
    const oldest = this.batches.shift()!;
    for (const live of [...oldest.regions]) this.remove(live);
  }

  private remove(live: Live): void {
    for (const record of live.records) {
      const side = this.sideOf(record);
      if (this.halves[record >> 1] === Internal.REGION) this.halves[record >> 1] = this.halves[(side + 6) >> 1]!;
      this.words[side >> 2] = 0;
      this.halves[(side + 4) >> 1] = 0;
    }
    this.o.table.set(live.index, null);
    this.live[live.index] = undefined;
    this.free.push(live.index);
    for (const slot of live.ranges.keys()) this.bySlot.get(slot)?.delete(live);
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
    for (const live of [...regions]) {
      if (!live.ranges.get(slot)!.some(([a, b]) => a < to && b > from)) continue;
      this.remove(live);
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
    for (const live of [...regions]) this.remove(live);
    this.bySlot.delete(slot);
  }
}

const headSlot = (r: Live): number => r.ranges.keys().next().value!;
const now = (): number => performance.now();
