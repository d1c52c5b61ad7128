/**
 * The dispatcher: a small generated function that calls one region after the other while each returns a place where another region begins.
 * Otherwise it returns to the interpreter.
 *
 *   chain(hart block, TLB, budget, record, pcBase) → (answer, budget left, record, pcBase)
 *
 * `record` is one where a region can be entered. The answer is the last region's (regions/convention.ts); when it names a record, `record`
 * is that record, and the budget again includes the instructions that were counted but not executed. An address whose record is known
 * becomes a record with `landed`.
 */
import { Code, Op, type Label } from './code.ts';
import { Emitter } from './emitter.ts';
import { HS, PC_SHIFT, type Layout } from './layout.ts';
import { emitLookUp } from './look-up.ts';
import type { FunctionBody, Signature } from './module.ts';
import { RESULT } from './regions/convention.ts';

const CHAIN: Signature = { params: ['i32', 'i32', 'i32', 'i32', 'i64'], results: ['i64', 'i32', 'i32', 'i64'] };
const PARAMETER = { hart: 0, tlb: 1, budget: 2, record: 3, pcBase: 4 } as const;

/** Counted entries after which a region is replaced by a wider one; about one of 16 entries is counted. */
const BUSY = 16_384;
/** Hashes the budget at an entry, because the budgets at the entries of one loop have much in common. */
const GOLDEN = 0x9e37_79b1 | 0;

/** Numbers in the module: the type of regions, the function `busy`. */
interface Numbers { readonly regionType: number; readonly busy: number }

/** Offset of the side data from the record. */
export const sideOffset = (layout: Layout): number => layout.sides - layout.codePages;

export const generateChain = (layout: Layout, numbers: Numbers): FunctionBody => new Chain(layout, numbers).function();

class Chain {
  private readonly layout: Layout;
  private readonly numbers: Numbers;
  private readonly e = new Emitter(new Code(512), CHAIN.params);
  private readonly c = this.e.code;
  private readonly target = this.e.local('i64');
  /** The low half of the answer. */
  private readonly answer = this.e.local('i32');
  /** Linear address of the code page in use. */
  private readonly page = this.e.local('i32');
  private readonly scratch = this.e.local('i32');

  constructor(layout: Layout, numbers: Numbers) {
    this.layout = layout;
    this.numbers = numbers;
  }

  function(): FunctionBody {
    const { c, e } = this;
    c.get(PARAMETER.hart);
    c.memory(Op.i32Load, HS.CODE);
    c.set(this.page);
    const leave = c.block();
    const next = c.loop();
    this.call();
    e.and32(e.read(this.answer), e.word(RESULT.special));
    c.if();
    this.record(leave);
    c.else();
    this.lookUp(leave);
    c.end();
    this.unlessRegion(leave);
    e.shrU32(e.mul32(e.read(PARAMETER.budget), e.word(GOLDEN)), e.word(28));
    c.brIf(next);
    this.count(leave);
    c.br(next);
    c.end();
    c.end();
    c.get(PARAMETER.hart);
    c.get(this.page);
    c.memory(Op.i32Store, HS.CODE);
    for (const result of [this.target, PARAMETER.budget, PARAMETER.record, PARAMETER.pcBase]) c.get(result);
    return { name: 'chain', signature: CHAIN, locals: e.locals.slice(CHAIN.params.length), body: c.done() };
  }

  private call(): void {
    const { c, e } = this;
    for (const argument of [PARAMETER.hart, PARAMETER.tlb, PARAMETER.budget, PARAMETER.pcBase]) c.get(argument);
    c.get(PARAMETER.record);
    c.memory(Op.i32Load, sideOffset(this.layout));
    c.tee(this.answer);
    e.and32(e.pushed(), e.word(0xff));
    e.shrU32(e.read(this.answer), e.word(8));
    c.byte(Op.callIndirect);
    c.u32(this.numbers.regionType);
    c.u32(0);
    c.set(PARAMETER.budget);
    c.set(this.target);
    e.wrap(e.read(this.target));
    c.set(this.answer);
  }

  /** The answer names a record. */
  private record(leave: Label): void {
    const { c, e, answer } = this;
    e.and32(e.read(answer), e.word(RESULT.refused));
    c.brIf(leave);
    e.shrU(e.read(this.target), e.long(RESULT.pageShift));
    e.wrap(e.pushed());
    c.tee(this.scratch);
    c.if();
    this.otherPage();
    c.end();
    e.add32(e.read(this.page), e.and32(e.read(answer), e.word(RESULT.record)));
    c.set(PARAMETER.record);
    e.add32(e.read(PARAMETER.budget), e.and32(e.shrU32(e.read(answer), e.word(RESULT.refundShift)), e.word(RESULT.refund)));
    c.set(PARAMETER.budget);
    e.eqz32(e.and32(e.read(answer), e.word(RESULT.landed)));
    c.brIf(leave);
  }

  /** The record is in the page whose number is in `scratch`: `page` and `pcBase` become that page's. */
  private otherPage(): void {
    const { c, e, page, scratch } = this;
    e.add32(e.shl32(e.and32(e.read(scratch), e.word(RESULT.page)), e.word(4)), e.word(this.layout.codePages));
    c.set(scratch);
    e.add(e.read(PARAMETER.pcBase), e.shl(e.shrS(e.read(this.target), e.long(RESULT.deltaShift)), e.long(12)));
    e.add(e.pushed(), e.zext(e.shrU32(e.read(page), e.word(PC_SHIFT))));
    e.sub(e.pushed(), e.zext(e.shrU32(e.read(scratch), e.word(PC_SHIFT))));
    c.set(PARAMETER.pcBase);
    c.get(scratch);
    c.set(page);
  }

  /** The answer is an address. */
  private lookUp(leave: Label): void {
    const { c, e } = this;
    e.leS32(e.read(PARAMETER.budget), e.word(0));
    c.brIf(leave);
    emitLookUp(e, this.layout, { ...PARAMETER, target: this.target, entry: this.scratch }, leave, () => {
      c.get(PARAMETER.record);
      c.set(this.page);
    });
  }

  /** Leaves where no region begins: the side data say so, and the call needs them anyway; the record may be in no cache. */
  private unlessRegion(leave: Label): void {
    const { c, e } = this;
    c.get(PARAMETER.record);
    c.memory(Op.i32Load, sideOffset(this.layout));
    e.eqz32(e.pushed());
    c.i64(RESULT.special | RESULT.landed);
    c.set(this.target);
    c.brIf(leave);
  }

  /** Counts an entry where jumps are counted; reports a region that others often enter, which may replace it. */
  private count(leave: Label): void {
    const { c, e } = this;
    const heat = e.keep32(e.add32(e.read(PARAMETER.record), e.word(sideOffset(this.layout) + 4)));
    heat();
    heat();
    c.memory(Op.i32Load16U, 0);
    e.add32(e.pushed(), e.word(1));
    c.tee(this.scratch);
    c.memory(Op.i32Store16, 0);
    e.geU32(e.read(this.scratch), e.word(BUSY));
    c.if();
    heat();
    c.i32(BUSY / 2);
    c.memory(Op.i32Store16, 0);
    for (const argument of [PARAMETER.record, PARAMETER.hart, PARAMETER.pcBase]) c.get(argument);
    c.call(this.numbers.busy);
    this.unlessRegion(leave);
    c.end();
  }
}
