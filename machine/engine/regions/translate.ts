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
import { HS, PAGE, PC_SHIFT, RECORD } from '../layout.ts';
import type { FunctionBody } from '../module.ts';
import { PARAMETER, REGION, RESULT } from './convention.ts';
import { inPage, pageOf, SPAN, type Block, type Region } from './discover.ts';
import { groupsOf, type BlockGroups } from './groups.ts';
import { RegionEmitter, type JumpSide } from './operands.ts';
import { shapeOf, type Item, type Shape } from './shape.ts';

export interface Translation {
  readonly function: FunctionBody;
  /**
   * Places where the function can be entered, in the order of its entry numbers: from anywhere on the head's page, only from inside on
   * others.
   */
  readonly entries: readonly number[];
}

/**
 * Position of a translation: linear address of the pool of code pages, of the side data of the first record of the head's page, and its
 * index in the dispatcher's table.
 */
export interface Position { readonly codePages: number; readonly sides: number; readonly index: number; readonly strict?: boolean }

export function translate(region: Region, place: Position, name: string): Translation {
  const shape = shapeOf(region);
  const body = new Body(region, shape, place).function();
  return { function: { name, signature: REGION, ...body }, entries: shape.entries.map((id) => region.blocks.get(id)!.start) };
}

/**
 * Subtracted from the budget while control heads for a block behind a door, so that the budget check at a loop's head also serves the
 * doors.
 */
const DETOUR = 1 << 30;

class Body implements JumpSide {
  private readonly region: Region;
  private readonly shape: Shape;
  private readonly place: Position;
  /** Most instructions from any entry to the next check of the budget. */
  private readonly need: number;
  private readonly groups: ReadonlyMap<number, BlockGroups>;
  private readonly c = new Code(4096);
  private readonly e: RegionEmitter;
  /** By page of the region but the first: is it known to be mapped? */
  private readonly checked = new Map<number, number>();
  private readonly forward = new Map<number, Label>();
  private readonly loops = new Map<number, Label>();
  private again: Label | undefined;
  /** The block under translation, and the block whose code follows. */
  private block!: Block;
  private next: number | undefined;

  constructor(region: Region, shape: Shape, place: Position) {
    this.region = region;
    this.shape = shape;
    this.place = place;
    this.need = Math.max(...shape.entries.map((b) => shape.need.get(b)!));
    // Each access checks its own alignment where that matters.
    this.groups = place.strict ? new Map() : groupsOf(region, shape.order, new Set(shape.entries));
    this.e = new RegionEmitter(this.c, this, this.chased(), place.strict);
  }

  function(): { locals: FunctionBody['locals']; body: Uint8Array } {
    const { c: code, e: regionEmitter, shape } = this;
    regionEmitter.exit = code.block();
    this.again = code.loop();
    this.sequence(shape.items, undefined, true);
    code.byte(Op.unreachable);
    code.end();
    code.byte(Op.unreachable);
    code.end();
    const main = code.done();
    const out = new Code(main.length + 1024);
    this.prologue(out);
    out.append(main);
    this.epilogue(out);
    return { locals: regionEmitter.locals.slice(REGION.params.length), body: out.done() };
  }

  /** Registers that 64-bit loads write: pointers, if they are then used as addresses. */
  private chased(): Set<number> {
    const out = new Set<number>();
    for (const block of this.region.blocks.values())
      for (const decoded of block.instructions) if (decoded.row.name === 'ld') out.add(decoded.operands.rd ?? 0);
    return out;
  }

  private prologue(out: Code): void {
    const { e: regionEmitter } = this;
    out.get(PARAMETER.budget);
    out.i32(this.need);
    out.byte(0x48); // i32.lt_s
    if (regionEmitter.usesFloat) {
      this.hartWord(out, HS.FS_ON);
      out.byte(0x45); // i32.eqz
      out.byte(0x72); // i32.or
    }
    if (regionEmitter.usesRounding) {
      this.hartWord(out, HS.FRM);
      out.byte(0x72);
    }
    out.if();
    out.i64(RESULT.special | RESULT.refused);
    out.get(PARAMETER.budget);
    out.byte(Op.return);
    out.end();
    if (regionEmitter.usesFlags) {
      this.hartWord(out, HS.FFLAGS);
      out.set(regionEmitter.flags);
    }
    for (const [n, local] of regionEmitter.x) this.loadRegister(out, Op.i64Load, HS.X + n * 8, local);
    for (const [n, local] of regionEmitter.f) this.loadRegister(out, Op.f64Load, HS.F + n * 8, local);
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
    const { e: regionEmitter } = this;
    const store = (opcode: number, offset: number, local: number): void => {
      out.get(PARAMETER.hart);
      out.get(local);
      out.memory(opcode, offset);
    };
    for (const n of regionEmitter.dirtyX) store(Op.i64Store, HS.X + n * 8, regionEmitter.x.get(n)!);
    for (const n of regionEmitter.dirtyF) store(Op.f64Store, HS.F + n * 8, regionEmitter.f.get(n)!);
    out.get(regionEmitter.target);
    out.get(PARAMETER.budget);
  }

  /** Items one after the other; each can be jumped to from those before it. `after` is what follows the last one. */
  private sequence(items: readonly Item[], after: number | undefined, top: boolean, doors: readonly number[] = []): void {
    const { c: code } = this;
    for (let i = items.length - 1; i >= (top ? 0 : 1); i--) this.forward.set(items[i]!.head, code.block());
    if (top) this.dispatch();
    else this.checkBudget(items[0]!.head, doors);
    items.forEach((item, i) => {
      if (top || i > 0) {
        code.end();
        this.forward.delete(item.head);
      }
      this.item(item, items[i + 1]?.head ?? after);
    });
  }

  /** Branches to this item, or to the item that contains it. */
  private dispatch(): void {
    const { c: code, e: regionEmitter, shape } = this;
    const labels = shape.entries.map((id) => this.forward.get(shape.loopsAround.get(id)![0] ?? id)!);
    if (labels.length === 1) return code.br(labels[0]!);
    if (shape.firstDoor < labels.length) {
      regionEmitter.geU32(regionEmitter.read(PARAMETER.entry), regionEmitter.word(shape.firstDoor));
      code.if();
      this.detour(-DETOUR);
      code.end();
    }
    code.get(PARAMETER.entry);
    code.brTable(labels, labels[0]!);
  }

  private detour(by: number): void {
    this.e.add32(this.e.read(PARAMETER.budget), this.e.word(by));
    this.c.set(PARAMETER.budget);
  }

  /** At the head of a loop, on a detour: continues to the wanted block inside. */
  private passDoors(doors: readonly number[]): void {
    const { c: code, e: regionEmitter, shape } = this;
    regionEmitter.ltS32(regionEmitter.read(PARAMETER.budget), regionEmitter.word(-DETOUR / 2));
    code.if();
    for (const id of doors) {
      const next = this.nextLoop(id) ?? id;
      regionEmitter.eq32(regionEmitter.read(PARAMETER.entry), regionEmitter.word(shape.entries.indexOf(id)));
      code.if();
      if (next === id) this.detour(DETOUR);
      code.br(this.forward.get(next)!);
      code.end();
    }
    code.end();
  }

  /** The outermost loop around a block that we are not in. */
  private nextLoop(id: number): number | undefined {
    return this.shape.loopsAround.get(id)!.find((head) => !this.loops.has(head));
  }

  private item(item: Item, next: number | undefined): void {
    const { c: code } = this;
    if (!item.inside) return this.plain(this.region.blocks.get(item.head)!, next);
    this.loops.set(item.head, code.loop());
    this.sequence(item.inside, undefined, false, item.doors);
    code.byte(Op.unreachable);
    code.end();
    this.loops.delete(item.head);
  }

  /** At the head of a loop: leaves when the budget may not last to the next check. */
  private checkBudget(id: number, doors: readonly number[]): void {
    const { c: code, e: regionEmitter } = this;
    regionEmitter.ltS32(regionEmitter.read(PARAMETER.budget), regionEmitter.word(this.shape.need.get(id)!));
    code.if();
    if (doors.length > 0) this.passDoors(doors);
    const [low, high] = this.answer(id);
    code.i64Halves(low | RESULT.special, high);
    code.set(regionEmitter.target);
    code.br(regionEmitter.exit);
    code.end();
  }

  /** A place's address - pcBase. */
  private offset(place: number): number {
    const { pages } = this.region;
    return (pages[0]!.view.records >>> PC_SHIFT) + pages[pageOf(place)]!.delta + inPage(place) * 2;
  }

  /** The answer that names a place, in two halves (convention.ts), without flags. */
  private answer(place: number): [low: number, high: number] {
    const low = inPage(place) * RECORD;
    if (place < SPAN) return [low, 0];
    const { delta, view } = this.region.pages[pageOf(place)]!;
    const page = (view.records - this.place.codePages) / 16;
    return [low | (page << RESULT.pageShift), (page >>> (32 - RESULT.pageShift)) | ((delta / PAGE) << (RESULT.deltaShift - 32))];
  }

  private plain(block: Block, next: number | undefined): void {
    const { c: code, e: regionEmitter } = this;
    this.block = block;
    this.next = next;
    const n = block.instructions.length;
    if (n > 0) {
      regionEmitter.sub32(regionEmitter.read(PARAMETER.budget), regionEmitter.word(n));
      code.set(PARAMETER.budget);
    }
    regionEmitter.beginBlock(block.id, this.groups.get(block.id) ?? [], this.loops.size > 0);
    let at = block.start;
    block.instructions.forEach((decoded, i) => {
      regionEmitter.instruction(decoded, i, this.offset(at), this.answer(at), n - i);
      at += decoded.length >> 1;
    });
    this.fallThrough(block);
  }

  private fallThrough(block: Block): void {
    switch (block.ending) {
      case 'next': case 'branch': return this.goTo(block.falls, block.end, true);
      case 'stop': return this.leaveAt(block.end);
    }
  }

  // ---- JumpSide: the last instruction of a block ---------------------------------------------------------------------

  branch(): void {
    const { c: code } = this;
    code.if();
    this.takeJump();
    code.end();
  }

  jump(): void { this.takeJump(); }

  /** Branches to an entry of this region if the address in `target` is one; otherwise leaves. */
  jumpTo(): void {
    const { c: code, e: regionEmitter, block } = this;
    if (block.target >= 0) return this.goTo(block.taken, block.target, false);
    for (const id of this.region.roots) if (id >= SPAN) this.backTo(id);
    if (this.region.roots.size > 1) this.jumpInside();
    code.br(regionEmitter.exit);
  }

  /** Branches to this root on another page, if the address in `target` is the root's and the page is known to be mapped. */
  private backTo(id: number): void {
    const { c: code, e: emitter } = this;
    emitter.eq(emitter.read(emitter.target), emitter.add(emitter.read(PARAMETER.pcBase), emitter.long(this.offset(id))));
    emitter.and32(emitter.pushed(), emitter.read(this.known(pageOf(id))));
    emitter.and32(emitter.pushed(), emitter.geS32(emitter.read(PARAMETER.budget), emitter.word(this.need)));
    code.if();
    code.i32(this.shape.entries.indexOf(id));
    code.set(PARAMETER.entry);
    code.br(this.again!);
    code.end();
  }

  /** The local that is 1 when the page is known to be mapped as it was when the region was translated. */
  private known(page: number): number {
    let local = this.checked.get(page);
    if (local === undefined) this.checked.set(page, (local = this.e.local('i32')));
    return local;
  }

  /** Before control goes to a place on another page: leaves if that page is now mapped differently. */
  private enterPage(place: number): void {
    const { c: code, e: regionEmitter } = this;
    const n = pageOf(place);
    code.get(this.known(n));
    regionEmitter.eqz32(regionEmitter.pushed());
    code.if();
    regionEmitter.add(regionEmitter.read(PARAMETER.pcBase), regionEmitter.long(this.offset(place)));
    code.set(regionEmitter.target);
    regionEmitter.mapped(this.offset(n * SPAN), this.region.pages[n]!.view.ram);
    code.tee(this.known(n));
    regionEmitter.eqz32(regionEmitter.pushed());
    code.brIf(regionEmitter.exit);
    code.end();
  }

  private jumpInside(): void {
    const { c: code, e: emitter, place } = this;
    const offset = emitter.keep(emitter.sub(emitter.read(emitter.target),
      emitter.add(emitter.read(PARAMETER.pcBase), emitter.long(this.offset(0)))));
    emitter.ltU(offset(), emitter.long(PAGE));
    code.if();
    emitter.shl32(emitter.wrap(offset()), emitter.word(2));
    code.memory(Op.i32Load, place.sides);
    code.tee(PARAMETER.entry);
    emitter.eq32(emitter.shrU32(emitter.pushed(), emitter.word(8)), emitter.word(place.index));
    emitter.and32(emitter.pushed(), emitter.geS32(emitter.read(PARAMETER.budget), emitter.word(this.need)));
    code.if();
    emitter.and32(emitter.read(PARAMETER.entry), emitter.word(0xff));
    code.set(PARAMETER.entry);
    code.br(this.again!);
    code.end();
    code.end();
  }

  private takeJump(): void {
    const { e: regionEmitter, c: code, block } = this;
    if (block.target >= 0) return this.goTo(block.taken, block.target, false);
    const last = block.instructions[block.instructions.length - 1]!;
    regionEmitter.pcAfter(last.operands.imm!);
    code.set(regionEmitter.target);
    code.br(regionEmitter.exit);
  }

  /** Transfers control to a block, or to a place without a block. `falling`: this is the end of the block's code. */
  private goTo(id: number, place: number, falling: boolean): void {
    const { c: code } = this;
    if (id < 0) return this.leaveAt(place);
    if (pageOf(id) !== pageOf(this.block.start) && id >= SPAN) this.enterPage(id);
    if (falling && id === this.next) return;
    const label = this.loops.get(id) ?? this.forward.get(id);
    if (label) return code.br(label);
    code.i32(this.shape.entries.indexOf(id));
    code.set(PARAMETER.entry);
    this.detour(-DETOUR);
    code.br(this.forward.get(this.nextLoop(id)!)!);
  }

  /** Leaves the region: for a place on the page, or just after it; elsewhere, for an address. */
  private leaveAt(place: number): void {
    const { c: code, e: regionEmitter } = this;
    const [low, high] = this.answer(place);
    if (pageOf(place) === pageOf(this.block.start)) code.i64Halves(low | RESULT.special | RESULT.landed, high);
    else regionEmitter.add(regionEmitter.read(PARAMETER.pcBase), regionEmitter.long(this.offset(place)));
    code.set(regionEmitter.target);
    code.br(regionEmitter.exit);
  }
}
