/**
 * Finds a region: the basic blocks of one page that can be reached from a hot instruction, as far as they are worth translating.
 * Places in the page are counted in halfwords (0 … 2047), as records are.
 */
import type { Decoded } from '../../isa/decode.ts';
import { RECORDS } from '../layout.ts';
import { jumps } from '../operations.ts';
import { endsSequence } from '../records.ts';

/** What discovery asks about the page. */
export interface PageView {
  /** The instruction at a place; undefined when it reaches into the next page. */
  decode(place: number): Decoded | undefined;
  /** Has it been jumped to so often that it is worth translating? */
  warm(place: number): boolean;
  /** All such places; `hot`: that are even worth a region of their own. */
  warmPlaces(hot: boolean): readonly number[];
  /** Was it ever decoded? What was not cannot have been executed. */
  decoded(place: number): boolean;
}

/** How a block ends: by its last instruction, by reaching the next block, or before an instruction that is not translated. */
export type Ending = 'branch' | 'jump' | 'call' | 'indirect' | 'indirectCall' | 'next' | 'stop';

export interface Block {
  /** Its number in the region: its place, but for copies (split.ts). */
  readonly id: number;
  readonly start: number;
  readonly instructions: Decoded[];
  ending: Ending;
  /** Where the instructions end. */
  end: number;
  /** Target of a branch, jump or call inside the page, or -1. */
  target: number;
  /** Blocks of the region that control goes to from here directly, or -1: by the jump, and behind the last instruction. */
  taken: number;
  falls: number;
  /** Block of the region where control comes back to, from elsewhere: after a call, after an instruction that is not translated. */
  comeback: number;
}

export const successorsOf = (b: Block): number[] => [b.taken, b.falls].filter((id) => id >= 0);

export interface Region {
  readonly head: number;
  /** By number. */
  readonly blocks: ReadonlyMap<number, Block>;
  /** Where the region can be entered. */
  readonly roots: ReadonlySet<number>;
  readonly instructions: number;
}

const MAX_BLOCKS = 100;
const MAX_INSTRUCTIONS = 500;
const MAX_COMPUTED = 32;
const MAX_CALLED = 8;
const RA = 1;
const isTranslated = (d: Decoded): boolean => d.row.meaning !== undefined;

/** The region that begins at `head`; undefined when nothing can be translated there. */
export function discover(page: PageView, head: number): Region | undefined {
  const scan = new Scan(page, head);
  const blocks = scan.blocks();
  const first = blocks.get(head);
  if (!first || first.instructions.length === 0) return undefined;
  const roots = new Set([head]);
  for (const r of scan.computed) if (blocks.has(r)) roots.add(r);
  for (const b of blocks.values()) if (b.comeback >= 0) roots.add(b.comeback);
  let instructions = 0;
  for (const b of blocks.values()) instructions += b.instructions.length;
  return { head, blocks, roots, instructions };
}

class Scan {
  private readonly page: PageView;
  private readonly code = new Map<number, Decoded>();
  private readonly leaders = new Set<number>();
  private readonly queue: number[] = [];
  /** Likely targets of computed jumps (not returns). */
  computed: readonly number[] = [];

  constructor(page: PageView, head: number) {
    this.page = page;
    this.lead(head);
    for (let i = 0; i < this.queue.length && this.code.size < MAX_INSTRUCTIONS; i++) this.follow(this.queue[i]!);
  }

  private lead(place: number): void {
    if (place < 0 || place >= RECORDS || this.leaders.has(place) || this.leaders.size >= MAX_BLOCKS) return;
    this.leaders.add(place);
    this.queue.push(place);
  }

  /** Reads instructions up to the end of the block, and notes where it leads. */
  private follow(from: number): void {
    const { page, code } = this;
    for (let at = from; at < RECORDS && !code.has(at) && code.size < MAX_INSTRUCTIONS;) {
      const d = page.decode(at);
      if (!d) return;
      const after = at + (d.length >> 1);
      if (!isTranslated(d)) {
        if (!endsSequence(d.row) && page.decoded(after)) this.lead(after);
        return;
      }
      code.set(at, d);
      if (jumps[d.index]!) return this.jump(at, d, after);
      if (d.row.name === 'jalr') return this.computedJump(at, d, after);
      at = after;
    }
  }

  /** A call comes back; it and a computed jump may lead to the nearest places that jumps have often gone to; a return does not. */
  private computedJump(at: number, d: Decoded, after: number): void {
    const call = (d.operands.rd ?? 0) !== 0;
    if (call && this.page.decoded(after)) this.lead(after);
    if (d.operands.rs1 === RA || this.computed.length > 0) return;
    this.computed = [...this.page.warmPlaces(call)].sort((a, b) => Math.abs(a - at) - Math.abs(b - at)).slice(0, call ? MAX_CALLED : MAX_COMPUTED);
    for (const place of this.computed) this.lead(place);
  }

  private jump(at: number, d: Decoded, after: number): void {
    const to = at + d.operands.imm! / 2;
    const near = to >= 0 && to < RECORDS;
    if (d.row.name !== 'jal') {
      if (this.page.decoded(after)) this.lead(after);
      if (near && this.page.warm(to)) this.lead(to);
    } else {
      if ((d.operands.rd ?? 0) !== 0 && this.page.decoded(after)) this.lead(after);
      if (near) this.lead(to);
    }
  }

  blocks(): Map<number, Block> {
    const out = new Map<number, Block>();
    for (const start of this.leaders) if (this.code.has(start)) out.set(start, this.block(start));
    for (const b of out.values()) {
      if (out.has(b.target)) b.taken = b.target;
      if ((b.ending === 'next' || b.ending === 'branch') && out.has(b.end)) b.falls = b.end;
      if (!out.has(b.comeback)) b.comeback = -1;
    }
    return out;
  }

  private block(start: number): Block {
    const b: Block = { id: start, start, instructions: [], ending: 'stop', end: start, target: -1, taken: -1, falls: -1, comeback: -1 };
    for (;;) {
      const d = this.code.get(b.end);
      if (!d) return this.stopped(b);
      b.instructions.push(d);
      const at = b.end;
      b.end += d.length >> 1;
      if (jumps[d.index]! || d.row.name === 'jalr') return finish(b, d, at);
      if (this.leaders.has(b.end) && this.code.has(b.end)) {
        b.ending = 'next';
        return b;
      }
    }
  }

  /** The instruction at the end of the block is not in the region. */
  private stopped(b: Block): Block {
    const d = b.end < RECORDS ? this.page.decode(b.end) : undefined;
    if (d && !isTranslated(d) && !endsSequence(d.row)) b.comeback = b.end + (d.length >> 1);
    return b;
  }
}

function finish(b: Block, d: Decoded, at: number): Block {
  const linked = (d.operands.rd ?? 0) !== 0;
  if (d.row.name === 'jalr') {
    b.ending = linked ? 'indirectCall' : 'indirect';
    if (linked) b.comeback = b.end;
    return b;
  }
  const to = at + d.operands.imm! / 2;
  b.target = to >= 0 && to < RECORDS ? to : -1;
  if (d.row.name !== 'jal') b.ending = 'branch';
  else {
    b.ending = linked ? 'call' : 'jump';
    if (linked) b.comeback = b.end;
  }
  return b;
}
