/**
 * Finds a region: the basic blocks that are reachable from a hot instruction and worth translating, on its page and on other pages that it
 * often calls or jumps to.
 *
 * Places in a page are counted in halfwords (0 … 2047, 2048 is its end), as records are. The pages of a region are numbered, the head's
 * page is 0; a place on page n is n × SPAN + the place in the page.
 */
import type { Decoded } from '../../../hardware/isa/decode.ts';
import { meaningOf } from '../../semantics/table.ts';
import { PAGE, RECORDS } from '../layout.ts';
import { jumps } from '../operations.ts';
import { endsSequence } from '../records.ts';

export const SPAN = 4096;
export const pageOf = (place: number): number => Math.floor(place / SPAN);
export const inPage = (place: number): number => place % SPAN;

/** A page as discovery sees it. */
export interface PageView {
  /** The instruction at a place; undefined when it reaches into the next page. */
  decode(place: number): Decoded | undefined;
  /** Do jumps reach it often enough to make it worth translating? */
  warm(place: number): boolean;
  /** All such places; `hot`: only those worth a region of their own. */
  warmPlaces(hot: boolean): readonly number[];
  /** Does another region begin there, so that this one, being lean, ends there? */
  begins(place: number): boolean;
  /** Was it ever decoded? An instruction that was not was never executed. */
  decoded(place: number): boolean;
  /**
   * The page that many bytes after this one in the address space where it became hot; undefined when it is not known, or never was
   * executed.
   */
  neighbour(delta: number): PageView | undefined;
  /** Linear addresses of its decoded code page and of the page itself. */
  readonly records: number;
  readonly ram: number;
}

/** How a block ends: by its last instruction, by reaching the next block, or before an instruction that is not translated. */
export type Ending = 'branch' | 'jump' | 'call' | 'indirect' | 'indirectCall' | 'next' | 'stop';

export interface Block {
  /** Its number in the region: its place. */
  readonly id: number;
  readonly start: number;
  readonly instructions: Decoded[];
  ending: Ending;
  /** Where the instructions end. */
  end: number;
  /** Target of a branch, jump or call inside the region's pages, or -1. */
  target: number;
  /** Successor blocks in the region, or -1: the jump's target, and the block after the last instruction. */
  taken: number;
  falls: number;
  /** The block of the region to which control returns from elsewhere: after a call, after an instruction that is not translated. */
  comeback: number;
}

export const successorsOf = (b: Block): number[] => [b.taken, b.falls].filter((id) => id >= 0);

/** A page of a region: its distance from the head's page in bytes, and the addresses of the page and its records. */
export interface RegionPage { readonly delta: number; readonly view: PageView }

export interface Region {
  readonly head: number;
  /** By number. */
  readonly blocks: ReadonlyMap<number, Block>;
  /** Entries of the region: places on page 0 from anywhere, the others only from inside. */
  readonly roots: ReadonlySet<number>;
  readonly instructions: number;
  readonly pages: readonly RegionPage[];
}

const MAX_BLOCKS = 100;
const MAX_INSTRUCTIONS = 500;
const MAX_COMPUTED = 32;
const MAX_CALLED = 8;
/** Most pages besides the head's, their distance in bytes, and roots in them, because returns compare with each root. */
const MAX_PAGES = 6;
const MAX_DISTANCE = PAGE << 11;
const MAX_FAR_ROOTS = 8;
const RA = 1;
const isTranslated = (d: Decoded): boolean => meaningOf(d) !== undefined;
const links = (d: Decoded): boolean => (d.operands.rd ?? 0) !== 0;

/** The region that begins at `head`; undefined when nothing can be translated there. `wide`: it may go to other pages. */
export function discover(page: PageView, head: number, wide: boolean): Region | undefined {
  const scan = new Scan(page, head, wide);
  const blocks = scan.blocks();
  const first = blocks.get(head);
  if (!first || first.instructions.length === 0) return undefined;
  const roots = new Set([head]);
  for (const root of scan.computed) if (blocks.has(root)) roots.add(root);
  let far = 0;
  for (const { comeback } of blocks.values())
    if (comeback >= 0 && (comeback < SPAN || far++ < MAX_FAR_ROOTS)) roots.add(comeback);
  keepReachable(blocks, roots);
  let instructions = 0;
  for (const block of blocks.values()) instructions += block.instructions.length;
  return { head, blocks, roots, instructions, pages: scan.pages };
}

/** Removes blocks that are not reachable from the roots. */
function keepReachable(blocks: Map<number, Block>, roots: ReadonlySet<number>): void {
  const reached = new Set(roots);
  for (const id of reached) for (const to of successorsOf(blocks.get(id)!)) reached.add(to);
  for (const block of blocks.values()) {
    if (!reached.has(block.id)) blocks.delete(block.id);
    else if (!roots.has(block.comeback)) block.comeback = -1;
  }
}

class Scan {
  readonly pages: RegionPage[];
  private readonly wide: boolean;
  private readonly code = new Map<number, Decoded>();
  private readonly leaders = new Set<number>();
  /** Places still to read: first those on pages of the region, then calls and jumps to other pages. */
  private readonly near: number[] = [];
  private readonly far: number[] = [];
  /** Likely targets of computed jumps (not returns). */
  computed: readonly number[] = [];

  constructor(page: PageView, head: number, wide: boolean) {
    this.wide = wide;
    this.pages = [{ delta: 0, view: page }];
    this.lead(head, this.near);
    for (let at = this.near.shift(); at !== undefined && this.code.size < MAX_INSTRUCTIONS; at = this.near.shift() ?? this.far.shift())
      this.follow(at);
  }

  private view(place: number): PageView { return this.pages[pageOf(place)]!.view; }

  private lead(place: number, queue: number[]): void {
    if (place < 0 || inPage(place) >= RECORDS || this.leaders.has(place) || this.leaders.size >= MAX_BLOCKS) return;
    if (this.leaders.size > 0 && this.view(place).begins(inPage(place))) return;
    this.leaders.add(place);
    queue.push(place);
  }

  /** The place that many bytes after another one, or -1. `add`: may add a page to the region, if jumps often lead there. */
  private locate(from: number, bytes: number, add: boolean): number {
    const halfwords = inPage(from) + bytes / 2;
    if (halfwords >= 0 && halfwords < RECORDS) return from + bytes / 2;
    const place = ((halfwords % RECORDS) + RECORDS) % RECORDS;
    const delta = this.pages[pageOf(from)]!.delta + (halfwords - place) * 2;
    const known = this.pages.findIndex((p) => p.delta === delta);
    if (known >= 0) return known * SPAN + place;
    if (!add || !this.wide || this.pages.length > MAX_PAGES || Math.abs(delta) > MAX_DISTANCE) return -1;
    const view = this.pages[0]!.view.neighbour(delta);
    return view?.warm(place) ? (this.pages.push({ delta, view }) - 1) * SPAN + place : -1;
  }

  /** Reads instructions up to the end of the block, and records its successors. */
  private follow(from: number): void {
    const { code } = this;
    const page = this.view(from);
    let before: Decoded | undefined;
    for (let at = from; !code.has(at) && code.size < MAX_INSTRUCTIONS;) {
      if (inPage(at) >= RECORDS) return this.leadFar(this.locate(at, 0, true));
      const decoded = page.decode(inPage(at));
      if (!decoded) return;
      const after = at + (decoded.length >> 1);
      if (!isTranslated(decoded)) {
        if (at < SPAN && !endsSequence(decoded.row) && page.decoded(after)) this.lead(after, this.near);
        return;
      }
      code.set(at, decoded);
      if (jumps[decoded.index]!) return this.jump(at, decoded, after);
      if (decoded.row.name === 'jalr') return this.computedJump(at, decoded, after, before);
      before = decoded;
      at = after;
    }
  }

  /** A call returns to the next instruction; it and a computed jump may lead to the nearest frequent jump targets; a return does not. */
  private computedJump(at: number, decoded: Decoded, after: number, before: Decoded | undefined): void {
    const to = pairBytes(decoded, before);
    if (to !== undefined) return this.call(this.locate(at, to, true), at, decoded, after);
    if (at >= SPAN) return;
    if (links(decoded) && this.view(at).decoded(inPage(after))) this.lead(after, this.near);
    if (decoded.operands.rs1 === RA || this.computed.length > 0) return;
    this.computed = [...this.view(at).warmPlaces(links(decoded))].sort((a, b) => Math.abs(a - at) - Math.abs(b - at)).slice(0,
      links(decoded) ? MAX_CALLED : MAX_COMPUTED);
    for (const place of this.computed) this.lead(place, this.near);
  }

  private jump(at: number, decoded: Decoded, after: number): void {
    const to = this.locate(at, decoded.operands.imm!, true);
    if (decoded.row.name === 'jal') return this.call(to, at, decoded, after);
    if (this.view(at).decoded(inPage(after))) this.lead(after, this.near);
    if (pageOf(to) !== pageOf(at)) this.leadFar(to);
    else if (this.view(to).warm(inPage(to))) this.lead(to, this.near);
  }

  /** On pages other than the head's a return place is only worth a root when the callee is in the region. */
  private call(to: number, at: number, decoded: Decoded, after: number): void {
    if (pageOf(to) !== pageOf(at)) this.leadFar(to);
    else this.lead(to, this.near);
    if (links(decoded) && (at < SPAN || this.leaders.has(to)) && this.view(at).decoded(inPage(after))) this.lead(after, this.near);
  }

  private leadFar(to: number): void {
    if (to >= 0 && (to < SPAN || this.view(to).warm(inPage(to)))) this.lead(to, this.far);
  }

  blocks(): Map<number, Block> {
    const out = new Map<number, Block>();
    for (const start of this.leaders) if (this.code.has(start)) out.set(start, this.block(start));
    for (const block of out.values()) {
      if (out.has(block.target)) block.taken = block.target;
      if (block.ending === 'next' || block.ending === 'branch') block.falls = this.fallsTo(block, out);
      if (!out.has(block.comeback)) block.comeback = -1;
    }
    return out;
  }

  private fallsTo(block: Block, blocks: ReadonlyMap<number, Block>): number {
    const to = this.locate(block.end, 0, false);
    return blocks.has(to) ? to : -1;
  }

  private block(start: number): Block {
    const block: Block = { id: start, start, instructions: [], ending: 'stop', end: start, target: -1, taken: -1, falls: -1, comeback: -1 };
    for (;;) {
      const decoded = inPage(block.end) < RECORDS ? this.code.get(block.end) : undefined;
      if (!decoded) return this.stopped(block);
      block.instructions.push(decoded);
      const at = block.end;
      block.end += decoded.length >> 1;
      if (jumps[decoded.index]! || decoded.row.name === 'jalr') return this.finish(block, decoded, at);
      const next = this.locate(block.end, 0, false);
      if (this.leaders.has(next) && this.code.has(next)) {
        block.ending = 'next';
        return block;
      }
    }
  }

  /** The instruction at the end of the block is not in the region. */
  private stopped(block: Block): Block {
    const decoded = inPage(block.end) < RECORDS ? this.view(block.end).decode(inPage(block.end)) : undefined;
    if (decoded && !isTranslated(decoded) && !endsSequence(decoded.row)) block.comeback = block.end + (decoded.length >> 1);
    return block;
  }

  private finish(block: Block, decoded: Decoded, at: number): Block {
    const computed = decoded.row.name === 'jalr';
    const bytes = computed ? pairBytes(decoded, block.instructions[block.instructions.length - 2]) : decoded.operands.imm!;
    if (bytes !== undefined) block.target = this.locate(at, bytes, false);
    if (computed && block.target < 0) block.ending = links(decoded) ? 'indirectCall' : 'indirect';
    else if (computed || decoded.row.name === 'jal') block.ending = links(decoded) ? 'call' : 'jump';
    else block.ending = 'branch';
    if (block.ending !== 'branch' && links(decoded)) block.comeback = block.end;
    return block;
  }
}

/** Target of a jalr whose base the auipc just before it has set: bytes from the jalr. */
function pairBytes(decoded: Decoded, before: Decoded | undefined): number | undefined {
  if (before?.row.name !== 'auipc' || !links(before) || before.operands.rd !== decoded.operands.rs1) return undefined;
  return ((before.operands.imm! + decoded.operands.imm!) & ~1) - before.length;
}
