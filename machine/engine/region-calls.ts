/** The interpreter's part in running translations: it counts jumps, calls regions, and follows their answers. */
import { sideOffset } from './chain.ts';
import { HS, type Layout } from './layout.ts';
import { Op, type Label } from './code.ts';
import type { I32 } from '../semantics/operators.ts';
import type { InterpreterEmitter } from './operands.ts';
import { Internal } from './operations.ts';
import { RESULT } from './regions/convention.ts';

export class RegionCalls {
  private readonly e: InterpreterEmitter;
  private readonly c: InterpreterEmitter['code'];
  private readonly layout: Layout;
  /** Jumps to a record after which it is reported; 0 = nothing is counted. */
  private readonly threshold: number;
  /** Function numbers. */
  private readonly numbers: { readonly hot: number; readonly chain: number };
  /** Instructions left, 0 = see `budget`: the interpreter executes the next instruction although a translation begins there. */
  private readonly deferred: number;
  /** 1 until the first look-up of a run is over: the start of a slice is no jump and must not count as one. */
  private readonly resumed: number;
  /** The budget before a call, and the low half of its answer. */
  private readonly before: number;
  private readonly answer: number;

  constructor(e: InterpreterEmitter, layout: Layout, threshold: number, numbers: { hot: number; chain: number }) {
    this.e = e;
    this.c = e.code;
    this.layout = layout;
    this.threshold = threshold;
    this.numbers = numbers;
    this.deferred = e.local('i32');
    this.resumed = e.local('i32');
    this.before = e.local('i32');
    this.answer = e.local('i32');
  }

  /** A slice begins. */
  resume(): void {
    this.c.i32(1);
    this.c.set(this.resumed);
  }

  /** Counts a jump to this record. */
  heat(): void {
    const { c, e } = this;
    if (this.threshold === 0) return;
    const offset = this.sideOffset;
    const side = (): I32 => e.read(e.record);
    side();
    c.memory(Op.i32Load16U, offset + 4);
    const count = e.keep32(e.add32(e.pushed(), e.word(1)));
    side();
    count();
    c.memory(Op.i32Store16, offset + 4);
    e.eq32(count(), e.word(this.threshold));
    c.if();
    c.get(e.record);
    c.get(e.hart);
    c.get(e.pcBase);
    c.call(this.numbers.hot);
    c.end();
    e.endInstruction();
  }

  /** Offset of the side data from the record. */
  private get sideOffset(): number { return sideOffset(this.layout); }

  /** The budget is used up, or `deferred` holds it: then the interpreter executes this one instruction, whatever begins here. */
  deferredDispatch(end: Label, labels: readonly Label[]): void {
    const { c, e } = this;
    c.get(this.deferred);
    e.eqz32(e.pushed());
    c.brIf(end);
    e.sub32(e.read(this.deferred), e.word(1));
    c.set(e.budget);
    c.i32(0);
    c.set(this.deferred);
    c.get(e.record);
    c.memory(Op.i32Load16U, 0);
    c.tee(e.kind);
    e.eq32(e.pushed(), e.word(Internal.REGION));
    c.if();
    c.get(e.record);
    c.memory(Op.i32Load16U, this.sideOffset + 6);
    c.set(e.kind);
    c.end();
    c.get(e.kind);
    c.brTable(labels, labels[0]!);
  }

  /** After a jump to a record: runs the translation that begins there, or else counts the jump. */
  land(jump: Label): void {
    const { c, e } = this;
    const past = c.block();
    const done = c.block();
    c.get(e.record);
    c.memory(Op.i32Load16U, 0);
    e.ne32(e.pushed(), e.word(Internal.REGION));
    c.brIf(done);
    this.call(jump, past);
    c.end();
    e.eqz32(e.read(this.resumed));
    c.if();
    this.heat();
    c.end();
    c.end();
    c.i32(0);
    c.set(this.resumed);
  }

  /** Calls the translation and those that follow it, and continues as the last answer requires (regions/convention.ts). */
  call(jump: Label, next: Label): void {
    const { c, e, before, answer } = this;
    c.get(e.budget);
    c.set(before);
    c.get(e.hart);
    c.get(e.tlb);
    c.get(e.budget);
    c.get(e.record);
    c.get(e.pcBase);
    c.call(this.numbers.chain);
    c.set(e.pcBase);
    c.set(e.record);
    c.set(e.budget);
    c.set(e.target);
    this.countTranslated();
    e.wrap(e.read(e.target));
    c.tee(answer);
    e.eqz32(e.and32(e.pushed(), e.word(RESULT.special)));
    c.brIf(jump);
    e.and32(e.read(answer), e.word(RESULT.landed));
    c.if();
    this.heat();
    c.else();
    c.get(e.budget);
    c.set(this.deferred);
    c.i32(0);
    c.set(e.budget);
    c.end();
    c.br(next);
  }

  private countTranslated(): void {
    const { c, e, before } = this;
    c.get(e.hart);
    c.get(e.hart);
    c.memory(Op.i64Load, HS.TRANSLATED);
    e.add(e.pushed(), e.sext(e.sub32(e.read(before), e.read(e.budget))));
    c.memory(Op.i64Store, HS.TRANSLATED);
  }
}
