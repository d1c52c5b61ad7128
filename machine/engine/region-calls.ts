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

  constructor(interpreterEmitter: InterpreterEmitter, layout: Layout, threshold: number, numbers: { hot: number; chain: number }) {
    this.e = interpreterEmitter;
    this.c = interpreterEmitter.code;
    this.layout = layout;
    this.threshold = threshold;
    this.numbers = numbers;
    this.deferred = interpreterEmitter.local('i32');
    this.resumed = interpreterEmitter.local('i32');
    this.before = interpreterEmitter.local('i32');
    this.answer = interpreterEmitter.local('i32');
  }

  /** A slice begins. */
  resume(): void {
    this.c.i32(1);
    this.c.set(this.resumed);
  }

  /** Counts a jump to this record. */
  heat(): void {
    const { c: code, e: interpreterEmitter } = this;
    if (this.threshold === 0) return;
    const offset = this.sideOffset;
    const side = (): I32 => interpreterEmitter.read(interpreterEmitter.record);
    side();
    code.memory(Op.i32Load16U, offset + 4);
    const count = interpreterEmitter.keep32(interpreterEmitter.add32(interpreterEmitter.pushed(), interpreterEmitter.word(1)));
    side();
    count();
    code.memory(Op.i32Store16, offset + 4);
    interpreterEmitter.eq32(count(), interpreterEmitter.word(this.threshold));
    code.if();
    code.get(interpreterEmitter.record);
    code.get(interpreterEmitter.hart);
    code.get(interpreterEmitter.pcBase);
    code.call(this.numbers.hot);
    code.end();
    interpreterEmitter.endInstruction();
  }

  /** Offset of the side data from the record. */
  private get sideOffset(): number { return sideOffset(this.layout); }

  /** The budget is used up, or `deferred` holds it: then the interpreter executes this one instruction, whatever begins here. */
  deferredDispatch(end: Label, labels: readonly Label[]): void {
    const { c: code, e: interpreterEmitter } = this;
    code.get(this.deferred);
    interpreterEmitter.eqz32(interpreterEmitter.pushed());
    code.brIf(end);
    interpreterEmitter.sub32(interpreterEmitter.read(this.deferred), interpreterEmitter.word(1));
    code.set(interpreterEmitter.budget);
    code.i32(0);
    code.set(this.deferred);
    code.get(interpreterEmitter.record);
    code.memory(Op.i32Load16U, 0);
    code.tee(interpreterEmitter.kind);
    interpreterEmitter.eq32(interpreterEmitter.pushed(), interpreterEmitter.word(Internal.REGION));
    code.if();
    code.get(interpreterEmitter.record);
    code.memory(Op.i32Load16U, this.sideOffset + 6);
    code.set(interpreterEmitter.kind);
    code.end();
    code.get(interpreterEmitter.kind);
    code.brTable(labels, labels[0]!);
  }

  /** After a jump to a record: runs the translation that begins there, or else counts the jump. */
  land(jump: Label): void {
    const { c: code, e: interpreterEmitter } = this;
    const past = code.block();
    const done = code.block();
    code.get(interpreterEmitter.record);
    code.memory(Op.i32Load16U, 0);
    interpreterEmitter.ne32(interpreterEmitter.pushed(), interpreterEmitter.word(Internal.REGION));
    code.brIf(done);
    this.call(jump, past);
    code.end();
    interpreterEmitter.eqz32(interpreterEmitter.read(this.resumed));
    code.if();
    this.heat();
    code.end();
    code.end();
    code.i32(0);
    code.set(this.resumed);
  }

  /** Calls the translation and those that follow it, and continues as the last answer requires (regions/convention.ts). */
  call(jump: Label, next: Label): void {
    const { c: code, e: interpreterEmitter, before, answer } = this;
    code.get(interpreterEmitter.budget);
    code.set(before);
    code.get(interpreterEmitter.hart);
    code.get(interpreterEmitter.tlb);
    code.get(interpreterEmitter.budget);
    code.get(interpreterEmitter.record);
    code.get(interpreterEmitter.pcBase);
    code.call(this.numbers.chain);
    code.set(interpreterEmitter.pcBase);
    code.set(interpreterEmitter.record);
    code.set(interpreterEmitter.budget);
    code.set(interpreterEmitter.target);
    this.countTranslated();
    interpreterEmitter.wrap(interpreterEmitter.read(interpreterEmitter.target));
    code.tee(answer);
    interpreterEmitter.eqz32(interpreterEmitter.and32(interpreterEmitter.pushed(), interpreterEmitter.word(RESULT.special)));
    code.brIf(jump);
    interpreterEmitter.and32(interpreterEmitter.read(answer), interpreterEmitter.word(RESULT.landed));
    code.if();
    this.heat();
    code.else();
    code.get(interpreterEmitter.budget);
    code.set(this.deferred);
    code.i32(0);
    code.set(interpreterEmitter.budget);
    code.end();
    code.br(next);
  }

  private countTranslated(): void {
    const { c: code, e: emitter, before } = this;
    code.get(emitter.hart);
    code.get(emitter.hart);
    code.memory(Op.i64Load, HS.TRANSLATED);
    emitter.add(emitter.pushed(), emitter.sext(emitter.sub32(emitter.read(before), emitter.read(emitter.budget))));
    code.memory(Op.i64Store, HS.TRANSLATED);
  }
}
