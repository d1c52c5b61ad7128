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
    const { c: code, e: emitter } = this;
    code.get(PARAMETER.hart);
    code.memory(Op.i32Load, HS.CODE);
    code.set(this.page);
    const leave = code.block();
    const next = code.loop();
    this.call();
    emitter.and32(emitter.read(this.answer), emitter.word(RESULT.special));
    code.if();
    this.record(leave);
    code.else();
    this.lookUp(leave);
    code.end();
    this.unlessRegion(leave);
    emitter.shrU32(emitter.mul32(emitter.read(PARAMETER.budget), emitter.word(GOLDEN)), emitter.word(28));
    code.brIf(next);
    this.count(leave);
    code.br(next);
    code.end();
    code.end();
    code.get(PARAMETER.hart);
    code.get(this.page);
    code.memory(Op.i32Store, HS.CODE);
    for (const result of [this.target, PARAMETER.budget, PARAMETER.record, PARAMETER.pcBase]) code.get(result);
    return { name: 'chain', signature: CHAIN, locals: emitter.locals.slice(CHAIN.params.length), body: code.done() };
  }

  private call(): void {
    const { c: code, e: emitter } = this;
    for (const argument of [PARAMETER.hart, PARAMETER.tlb, PARAMETER.budget, PARAMETER.pcBase]) code.get(argument);
    code.get(PARAMETER.record);
    code.memory(Op.i32Load, sideOffset(this.layout));
    code.tee(this.answer);
    emitter.and32(emitter.pushed(), emitter.word(0xff));
    emitter.shrU32(emitter.read(this.answer), emitter.word(8));
    code.byte(Op.callIndirect);
    code.u32(this.numbers.regionType);
    code.u32(0);
    code.set(PARAMETER.budget);
    code.set(this.target);
    emitter.wrap(emitter.read(this.target));
    code.set(this.answer);
  }

  /** The answer names a record. */
  private record(leave: Label): void {
    const { c: code, e: emitter, answer } = this;
    emitter.and32(emitter.read(answer), emitter.word(RESULT.refused));
    code.brIf(leave);
    emitter.shrU(emitter.read(this.target), emitter.long(RESULT.pageShift));
    emitter.wrap(emitter.pushed());
    code.tee(this.scratch);
    code.if();
    this.otherPage();
    code.end();
    emitter.add32(emitter.read(this.page), emitter.and32(emitter.read(answer), emitter.word(RESULT.record)));
    code.set(PARAMETER.record);
    emitter.add32(emitter.read(PARAMETER.budget),
      emitter.and32(emitter.shrU32(emitter.read(answer), emitter.word(RESULT.refundShift)), emitter.word(RESULT.refund)));
    code.set(PARAMETER.budget);
    emitter.eqz32(emitter.and32(emitter.read(answer), emitter.word(RESULT.landed)));
    code.brIf(leave);
  }

  /** The record is in the page whose number is in `scratch`: `page` and `pcBase` become that page's. */
  private otherPage(): void {
    const { c: code, e: emitter, page, scratch } = this;
    emitter.add32(emitter.shl32(emitter.and32(emitter.read(scratch), emitter.word(RESULT.page)), emitter.word(4)),
      emitter.word(this.layout.codePages));
    code.set(scratch);
    emitter.add(emitter.read(PARAMETER.pcBase),
      emitter.shl(emitter.shrS(emitter.read(this.target), emitter.long(RESULT.deltaShift)), emitter.long(12)));
    emitter.add(emitter.pushed(), emitter.zext(emitter.shrU32(emitter.read(page), emitter.word(PC_SHIFT))));
    emitter.sub(emitter.pushed(), emitter.zext(emitter.shrU32(emitter.read(scratch), emitter.word(PC_SHIFT))));
    code.set(PARAMETER.pcBase);
    code.get(scratch);
    code.set(page);
  }

  /** The answer is an address. */
  private lookUp(leave: Label): void {
    const { c: code, e: emitter } = this;
    emitter.leS32(emitter.read(PARAMETER.budget), emitter.word(0));
    code.brIf(leave);
    emitLookUp(emitter, this.layout, { ...PARAMETER, target: this.target, entry: this.scratch }, leave, () => {
      code.get(PARAMETER.record);
      code.set(this.page);
    });
  }

  /** Leaves if no region begins here. It asks the side data, which the call needs anyway; the record may be in no cache. */
  private unlessRegion(leave: Label): void {
    const { c: code, e: emitter } = this;
    code.get(PARAMETER.record);
    code.memory(Op.i32Load, sideOffset(this.layout));
    emitter.eqz32(emitter.pushed());
    code.i64(RESULT.special | RESULT.landed);
    code.set(this.target);
    code.brIf(leave);
  }

  /** Counts an entry where jumps are counted; reports a region that others often enter, which may replace it. */
  private count(leave: Label): void {
    const { c: code, e: emitter } = this;
    const heat = emitter.keep32(emitter.add32(emitter.read(PARAMETER.record), emitter.word(sideOffset(this.layout) + 4)));
    heat();
    heat();
    code.memory(Op.i32Load16U, 0);
    emitter.add32(emitter.pushed(), emitter.word(1));
    code.tee(this.scratch);
    code.memory(Op.i32Store16, 0);
    emitter.geU32(emitter.read(this.scratch), emitter.word(BUSY));
    code.if();
    heat();
    code.i32(BUSY / 2);
    code.memory(Op.i32Store16, 0);
    for (const argument of [PARAMETER.record, PARAMETER.hart, PARAMETER.pcBase]) code.get(argument);
    code.call(this.numbers.busy);
    this.unlessRegion(leave);
    code.end();
  }
}
