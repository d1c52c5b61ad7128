/**
 * One region as one WebAssembly function.
 *
 *   refuse when the budget is short, or floating point is off      → RESULT.refused
 *   load the registers used
 *   block exit
 *     loop again                          only where there are several entries
 *       block … block  br_table entry
 *       items of the shape, loops as loops
 *   store the registers changed; → target, budget
 */
import { Code, Op, type Label } from '../code.ts';
import { HS, PAGE } from '../layout.ts';
import type { FunctionBody } from '../module.ts';
import { PARAMETER, REGION, RESULT } from './convention.ts';
import type { Block, Region } from './discover.ts';
import { groupsOf, type BlockGroups } from './groups.ts';
import { RegionEmitter, type JumpSide } from './operands.ts';
import { shapeOf, type Item, type Shape } from './shape.ts';

export interface Translation {
  readonly function: FunctionBody;
  /** Places in the page where the function can be entered, in the order of its entry numbers. */
  readonly entries: readonly number[];
}

/** Where a translation stands: linear address of the decoded code page, of the data beside its first record, its number in the dispatcher's table. */
export interface Place { readonly page: number; readonly sides: number; readonly index: number; readonly strict?: boolean }

export function translate(region: Region, place: Place, name: string): Translation {
  const shape = shapeOf(region);
  const body = new Body(region, shape, place).function();
  return { function: { name, signature: REGION, ...body }, entries: shape.entries };
}

class Body implements JumpSide {
  private readonly region: Region;
  private readonly shape: Shape;
  private readonly place: Place;
  /** Instructions at most from any entry to the next look at the budget. */
  private readonly need: number;
  private readonly groups: ReadonlyMap<number, BlockGroups>;
  private readonly c = new Code(4096);
  private readonly e: RegionEmitter;
  private readonly forward = new Map<number, Label>();
  private readonly loops = new Map<number, Label>();
  private again: Label | undefined;
  /** The block in translation, and the one whose code follows its own. */
  private block!: Block;
  private next: number | undefined;

  constructor(region: Region, shape: Shape, place: Place) {
    this.region = region;
    this.shape = shape;
    this.place = place;
    this.need = Math.max(...shape.entries.map((b) => shape.need.get(b)!));
    // Each access looks at its own alignment where that matters.
    this.groups = place.strict ? new Map() : groupsOf(region, shape.order, new Set(shape.entries));
    this.e = new RegionEmitter(this.c, this, place.strict);
  }

  function(): { locals: FunctionBody['locals']; body: Uint8Array } {
    const { c, e, shape } = this;
    e.exit = c.block();
    this.again = c.loop();
    this.sequence(shape.items, undefined, true);
    c.byte(Op.unreachable);
    c.end();
    c.byte(Op.unreachable);
    c.end();
    const main = c.done();
    const out = new Code(main.length + 1024);
    this.prologue(out);
    out.append(main);
    this.epilogue(out);
    return { locals: e.locals.slice(REGION.params.length), body: out.done() };
  }

  private prologue(out: Code): void {
    const { e } = this;
    out.get(PARAMETER.budget);
    out.i32(this.need);
    out.byte(0x48); // i32.lt_s
    if (e.usesFloat) {
      this.hartWord(out, HS.FS_ON);
      out.byte(0x45); // i32.eqz
      out.byte(0x72); // i32.or
    }
    if (e.usesRounding) {
      this.hartWord(out, HS.FRM);
      out.byte(0x72);
    }
    out.if();
    out.i64(RESULT.special | RESULT.refused);
    out.get(PARAMETER.budget);
    out.byte(Op.return);
    out.end();
    if (e.usesFlags) {
      this.hartWord(out, HS.FFLAGS);
      out.set(e.flags);
    }
    for (const [n, local] of e.x) this.loadRegister(out, Op.i64Load, HS.X + n * 8, local);
    for (const [n, local] of e.f) this.loadRegister(out, Op.f64Load, HS.F + n * 8, local);
  }

  private hartWord(out: Code, offset: number): void {
    out.get(PARAMETER.hart);
    out.memory(Op.i32Load, offset);
  }

  private loadRegister(out: Code, opcode: number, offset: number, local: number): void {
    out.get(PARAMETER.hart);
    out.memory(opcode, offset);
    out.set(local);
  }

  private epilogue(out: Code): void {
    const { e } = this;
    const store = (opcode: number, offset: number, local: number): void => {
      out.get(PARAMETER.hart);
      out.get(local);
      out.memory(opcode, offset);
    };
    for (const n of e.dirtyX) store(Op.i64Store, HS.X + n * 8, e.x.get(n)!);
    for (const n of e.dirtyF) store(Op.f64Store, HS.F + n * 8, e.f.get(n)!);
    out.get(e.target);
    out.get(PARAMETER.budget);
  }

  /** Items one after the other; each can be jumped to from those before it. `after` is what follows the last one. */
  private sequence(items: readonly Item[], after: number | undefined, top: boolean): void {
    const { c } = this;
    for (let i = items.length - 1; i >= (top ? 0 : 1); i--) this.forward.set(items[i]!.head, c.block());
    if (top) this.dispatch();
    items.forEach((item, i) => {
      if (top || i > 0) {
        c.end();
        this.forward.delete(item.head);
      }
      this.item(item, items[i + 1]?.head ?? after);
    });
  }

  private dispatch(): void {
    const { c, shape } = this;
    const labels = shape.entries.map((b) => this.forward.get(b)!);
    if (labels.length === 1) return c.br(labels[0]!);
    c.get(PARAMETER.entry);
    c.brTable(labels, labels[0]!);
  }

  private item(item: Item, next: number | undefined): void {
    const { c } = this;
    if (!item.inside) return this.plain(this.region.blocks.get(item.head)!, next);
    this.loops.set(item.head, c.loop());
    this.checkBudget(item.head);
    this.sequence(item.inside, undefined, false);
    c.byte(Op.unreachable);
    c.end();
    this.loops.delete(item.head);
  }

  /** Leaves at this block when the budget may not last to the next check. */
  private checkBudget(at: number): void {
    const { c, e } = this;
    c.i64((at << 4) | RESULT.special);
    c.set(e.target);
    e.ltS32(e.read(PARAMETER.budget), e.word(this.shape.need.get(at)!));
    c.brIf(e.exit);
  }

  private plain(b: Block, next: number | undefined): void {
    const { c, e } = this;
    this.block = b;
    this.next = next;
    const n = b.instructions.length;
    if (n > 0) {
      e.sub32(e.read(PARAMETER.budget), e.word(n));
      c.set(PARAMETER.budget);
    }
    e.beginBlock(b.start, this.groups.get(b.start) ?? []);
    let at = b.start;
    b.instructions.forEach((d, i) => {
      e.instruction(d, i, this.place.page, at, n - i);
      at += d.length >> 1;
    });
    this.fallThrough(b);
  }

  private fallThrough(b: Block): void {
    switch (b.ending) {
      case 'next': case 'branch': return this.goTo(b.end, true);
      case 'stop': return this.leaveAt(b.end);
    }
  }

  // ---- JumpSide: the last instruction of a block ---------------------------------------------------------------------

  branch(): void {
    const { c } = this;
    c.if();
    this.takeJump();
    c.end();
  }

  jump(): void { this.takeJump(); }

  /** To an entry of this region, if that is where the address in `target` leads; else out. */
  jumpTo(): void {
    const { c, e } = this;
    if (this.shape.entries.length > 1) this.jumpInside();
    c.br(e.exit);
  }

  private jumpInside(): void {
    const { c, e, place } = this;
    const offset = e.keep(e.sub(e.read(e.target), e.add(e.read(PARAMETER.pcBase), e.long(place.page >>> 3))));
    e.ltU(offset(), e.long(PAGE));
    c.if();
    e.shl32(e.wrap(offset()), e.word(2));
    c.memory(Op.i32Load, place.sides);
    c.tee(PARAMETER.entry);
    e.eq32(e.shrU32(e.pushed(), e.word(8)), e.word(place.index));
    e.and32(e.pushed(), e.geS32(e.read(PARAMETER.budget), e.word(this.need)));
    c.if();
    e.and32(e.read(PARAMETER.entry), e.word(0xff));
    c.set(PARAMETER.entry);
    c.br(this.again!);
    c.end();
    c.end();
  }

  private takeJump(): void {
    const { e, c, block } = this;
    if (block.target >= 0) return this.goTo(block.target, false);
    const last = block.instructions[block.instructions.length - 1]!;
    e.pcAfter(last.operands.imm!);
    c.set(e.target);
    c.br(e.exit);
  }

  /** Control goes to a place in the page. `falling`: this is the end of the block's code. */
  private goTo(place: number, falling: boolean): void {
    const { c, region } = this;
    if (!region.blocks.has(place)) return this.leaveAt(place);
    if (falling && place === this.next) return;
    const label = this.loops.get(place) ?? this.forward.get(place);
    if (label) return c.br(label);
    this.checkBudget(place);
    c.i32(this.shape.entries.indexOf(place));
    c.set(PARAMETER.entry);
    c.br(this.again!);
  }

  /** Out of the region, to a place in the page or just behind it. */
  private leaveAt(place: number): void {
    const { c, e } = this;
    c.i64((place << 4) | RESULT.special | RESULT.landed);
    c.set(e.target);
    c.br(e.exit);
  }
}
