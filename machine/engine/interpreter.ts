/**
 * The interpreter: one generated WebAssembly function, `run(hart)`, over decoded records (layout.ts).
 *
 *   loop jump                     an address in `target`: TLB, code map, record
 *     loop next                   budget, dispatch
 *       op … op … op              code for each operation, from the instruction table
 *       load / store / atomic / slow tails       calls to TypeScript for the rest
 *     after                       a slow path answered JUMP or LEAVE
 *     miss                        no executable page, or no records: HartSide.fetch
 *
 * `budget` is decremented when an instruction starts, so inside one it is one less than HS.BUDGET will say.
 */
import { HART_BYTES, HARTS, HS, PC_SHIFT, RECORD, RECORDS, type Layout } from './layout.ts';
import { generateChain } from './chain.ts';
import type { I32 } from '../semantics/operators.ts';
import { Code, Op, type Label } from './code.ts';
import { emitLookUp } from './look-up.ts';
import { encodeModule, tableType, type Import } from './module.ts';
import { InterpreterEmitter, KIND_BITS } from './operands.ts';
import { Internal, operationCount, operations, firstOperation } from './operations.ts';
import { RegionCalls } from './region-calls.ts';
import { REGION, TABLE_SIZE } from './regions/convention.ts';

const ONE = { params: ['i32'], results: ['i32'] } as const;
const TWO = { params: ['i32', 'i32'], results: ['i32'] } as const;
const HOT = { params: ['i32', 'i32', 'i64'], results: [] } as const;
const IMPORTS: readonly Import[] = [
  { name: 'load', signature: TWO }, { name: 'store', signature: TWO }, { name: 'atomic', signature: TWO },
  { name: 'fetch', signature: ONE },
  { name: 'slow', signature: TWO }, { name: 'hot', signature: HOT }, { name: 'busy', signature: HOT },
  { name: 'illegal', signature: TWO }, { name: 'decode', signature: ONE }, { name: 'straddle', signature: TWO },
];
const CALL = Object.fromEntries(IMPORTS.map((f, i) => [f.name, i])) as Record<string, number>;

/** Index of the composed instruction in the straddle area (records after the page's own; see codepages.ts). */
export const STRADDLE_RECORD = RECORDS + 1;

/**
 * The module's bytes; imports `e.memory`, `e.table` and the functions of `IMPORTS`; exports `run(hart) → 0 budget used up | 2 left`.
 * Reports a jump target that is reached `threshold` times to `hot`; 0 = counts nothing. `strict`: leaves misaligned loads and stores to the
 * hart side.
 */
export function generateInterpreter(layout: Layout, threshold: number, strict = false): Uint8Array {
  const emitter = new InterpreterEmitter(new Code(1 << 17), strict);
  const body = new Generator(emitter, layout, threshold).function();
  return encodeModule(layout.wasmPages, IMPORTS,
    [
      { name: 'run', signature: ONE, locals: emitter.locals.slice(1), body },
      generateChain(layout, { regionType: tableType(IMPORTS, 2), busy: CALL['busy']! })
    ],
    { size: TABLE_SIZE, signature: REGION });
}

class Generator {
  private readonly e: InterpreterEmitter;
  private readonly c: Code;
  private readonly layout: Layout;
  private jump!: Label;
  private after!: Label;
  private miss!: Label;
  private readonly regions: RegionCalls;

  constructor(interpreterEmitter: InterpreterEmitter, layout: Layout, threshold: number) {
    this.e = interpreterEmitter;
    this.c = interpreterEmitter.code;
    this.layout = layout;
    this.regions = new RegionCalls(interpreterEmitter, layout, threshold, { hot: CALL['hot']!, chain: IMPORTS.length + 1 });
  }

  function(): Uint8Array {
    const { c: code, e: interpreterEmitter } = this;
    this.prologue();
    this.jump = interpreterEmitter.jumpLabel = code.loop();
    this.miss = code.block();
    this.after = code.block();
    this.lookUp();
    interpreterEmitter.next = code.loop();
    this.body();
    code.end(); // next
    code.byte(Op.unreachable);
    code.end(); // after
    this.afterSlow();
    code.end(); // miss
    this.fetchMiss();
    code.end(); // jump
    code.byte(Op.unreachable);
    return code.done();
  }

  private prologue(): void {
    const { c: code, e: interpreterEmitter } = this;
    code.get(0);
    code.i32(HART_BYTES);
    interpreterEmitter.mul32(interpreterEmitter.pushed(), interpreterEmitter.pushed());
    code.i32(HARTS);
    interpreterEmitter.add32(interpreterEmitter.pushed(), interpreterEmitter.pushed());
    code.set(interpreterEmitter.hart);
    this.reload();
    this.regions.resume();
    this.targetFromPc();
  }

  /** After TypeScript has run: it may have changed the budget and the context. */
  private reload(): void {
    const { c: code, e: interpreterEmitter } = this;
    code.get(interpreterEmitter.hart);
    code.memory(Op.i32Load, HS.BUDGET);
    code.set(interpreterEmitter.budget);
    code.get(interpreterEmitter.hart);
    code.memory(Op.i32Load, HS.TLB);
    code.set(interpreterEmitter.tlb);
  }

  private startAtPc(): void {
    const { c: code, e: interpreterEmitter } = this;
    code.get(interpreterEmitter.hart);
    code.i32(0);
    code.memory(Op.i32Store, HS.RES);
    this.targetFromPc();
  }

  private targetFromPc(): void {
    const { c: code, e: interpreterEmitter } = this;
    code.get(interpreterEmitter.hart);
    code.memory(Op.i64Load, HS.PC);
    code.set(interpreterEmitter.target);
  }

  private leave(result: number): void {
    const { c: code, e: interpreterEmitter } = this;
    code.get(interpreterEmitter.hart);
    code.i32(0);
    code.memory(Op.i32Store, HS.CODE);
    code.i32(result);
    code.byte(Op.return);
  }

  /** HS.PC = target, HS.BUDGET = budget. */
  private saveTarget(): void {
    const { c: code, e: interpreterEmitter } = this;
    code.get(interpreterEmitter.hart);
    code.get(interpreterEmitter.target);
    code.memory(Op.i64Store, HS.PC);
    code.get(interpreterEmitter.hart);
    code.get(interpreterEmitter.budget);
    code.memory(Op.i32Store, HS.BUDGET);
  }

  private lookUp(): void {
    const { c: code, e: interpreterEmitter } = this;
    interpreterEmitter.leS32(interpreterEmitter.read(interpreterEmitter.budget), interpreterEmitter.word(0));
    code.if();
    this.saveTarget();
    this.leave(0);
    code.end();
    emitLookUp(interpreterEmitter, this.layout, interpreterEmitter, this.miss, () => {
      code.get(interpreterEmitter.hart);
      code.get(interpreterEmitter.record);
      code.memory(Op.i32Store, HS.CODE);
    });
    this.regions.land(this.jump);
  }

  /** Dispatch, operations, and the tails that call TypeScript. */
  private body(): void {
    const { c: code, e: interpreterEmitter } = this;
    const end = code.block();
    interpreterEmitter.landed = code.block();
    interpreterEmitter.atomicMiss = code.block();
    interpreterEmitter.illegal = code.block();
    interpreterEmitter.slow = code.block();
    interpreterEmitter.storeMiss = code.block();
    interpreterEmitter.loadMiss = code.block();
    const labels: Label[] = new Array<Label>(operationCount);
    for (let i = operationCount - 1; i >= 0; i--) labels[i] = code.block();
    interpreterEmitter.sub32(interpreterEmitter.read(interpreterEmitter.budget), interpreterEmitter.word(1));
    code.tee(interpreterEmitter.budget);
    interpreterEmitter.ltS32(interpreterEmitter.pushed(), interpreterEmitter.word(0));
    code.if();
    this.regions.deferredDispatch(end, labels);
    code.end();
    code.get(interpreterEmitter.record);
    code.memory(Op.i32Load16U, 0);
    code.brTable(labels, labels[0]!);
    for (let i = 0; i < operationCount; i++) {
      code.end();
      if (i < firstOperation) this.internal(i);
      else interpreterEmitter.operation(operations[i - firstOperation]!);
    }
    code.end();
    this.loadTail();
    code.end();
    this.storeTail();
    code.end();
    this.callTail('slow');
    code.end();
    this.callTail('illegal');
    code.end();
    this.argument(HS.ADDR, interpreterEmitter.address);
    this.callTail('atomic');
    code.end();
    this.regions.heat();
    code.br(interpreterEmitter.next);
    code.end();
    this.save();
    this.leave(0);
  }

  private internal(op: number): void {
    const { c: code, e: interpreterEmitter } = this;
    if (op === Internal.SLOW) return code.br(interpreterEmitter.slow);
    interpreterEmitter.addTo(interpreterEmitter.budget, 1); // nothing has been executed
    if (op === Internal.UNDECODED) {
      code.get(interpreterEmitter.record);
      code.call(CALL['decode']!);
      code.byte(Op.drop);
      code.br(interpreterEmitter.next);
    } else if (op === Internal.PAGE_END) {
      this.targetIsHere();
      code.br(this.jump);
    } else if (op === Internal.REGION) this.regions.call(this.jump, interpreterEmitter.next);
    else this.straddle();
  }

  private targetIsHere(): void {
    this.e.pc();
    this.c.set(this.e.target);
  }

  /** The composed instruction has its own record after the page's; TypeScript checks it each time. */
  private straddle(): void {
    const { c: code, e: interpreterEmitter } = this;
    this.targetIsHere();
    this.saveTarget();
    code.get(0);
    code.get(interpreterEmitter.record);
    code.call(CALL['straddle']!);
    code.tee(interpreterEmitter.kind);
    this.reload();
    code.brIf(this.after);
    const distance = (STRADDLE_RECORD - (RECORDS - 1)) * RECORD;
    interpreterEmitter.addTo(interpreterEmitter.record, distance);
    interpreterEmitter.sub(interpreterEmitter.read(interpreterEmitter.pcBase), interpreterEmitter.long(distance >> PC_SHIFT));
    code.set(interpreterEmitter.pcBase);
    code.br(interpreterEmitter.next);
  }

  /** HS.PC and HS.BUDGET of the instruction in execution. */
  private save(): void {
    const { c: code, e: interpreterEmitter } = this;
    code.get(interpreterEmitter.hart);
    interpreterEmitter.pc();
    code.memory(Op.i64Store, HS.PC);
    code.get(interpreterEmitter.hart);
    interpreterEmitter.add32(interpreterEmitter.read(interpreterEmitter.budget), interpreterEmitter.word(1));
    code.memory(Op.i32Store, HS.BUDGET);
  }

  /** Calls TypeScript for the current instruction; continues here when it returns NEXT. */
  private call(name: string, argument: () => void): void {
    const { c: code, e: interpreterEmitter } = this;
    this.save();
    code.get(0);
    argument();
    code.call(CALL[name]!);
    code.set(interpreterEmitter.kind);
    this.reload();
    code.get(interpreterEmitter.kind);
    code.brIf(this.after);
  }

  /** Goes on, `step` bytes of records further. */
  private retire(step: () => I32, then: Label = this.e.next): void {
    const { c: code, e: interpreterEmitter } = this;
    interpreterEmitter.add32(interpreterEmitter.read(interpreterEmitter.record), step());
    code.set(interpreterEmitter.record);
    interpreterEmitter.addTo(interpreterEmitter.budget, -1);
    code.br(then);
  }

  /** TypeScript executes the instruction of the record, and notes how long it is. */
  private callTail(name: string): void {
    const { c: code, e: interpreterEmitter } = this;
    this.call(name, () => code.get(interpreterEmitter.record));
    this.retire(() => interpreterEmitter.hartWord(HS.STEP), name === 'slow' ? interpreterEmitter.landed : interpreterEmitter.next);
  }

  private loadTail(): void {
    const { c: code, e: interpreterEmitter } = this;
    const kind = interpreterEmitter.local('i32');
    code.get(interpreterEmitter.kind);
    code.set(kind);
    this.argument(HS.ADDR, interpreterEmitter.address);
    this.call('load', () => this.low(kind));
    const value = interpreterEmitter.local('i64');
    code.get(interpreterEmitter.hart);
    code.memory(Op.i64Load, HS.VALUE);
    code.set(value);
    interpreterEmitter.ltU32(this.low(kind), interpreterEmitter.word(7));
    code.if();
    interpreterEmitter.rd(interpreterEmitter.read(value));
    code.else();
    interpreterEmitter.fd(interpreterEmitter.read(value));
    code.end();
    this.retire(() => interpreterEmitter.shrU32(interpreterEmitter.read(kind), interpreterEmitter.word(KIND_BITS)));
  }

  private low(kind: number): I32 { return this.e.and32(this.e.read(kind), this.e.word((1 << KIND_BITS) - 1)); }

  private storeTail(): void {
    const { c: code, e: interpreterEmitter } = this;
    const size = interpreterEmitter.local('i32');
    code.get(interpreterEmitter.kind);
    code.set(size);
    this.argument(HS.ADDR, interpreterEmitter.address);
    this.argument(HS.VALUE, interpreterEmitter.value);
    this.call('store', () => this.low(size));
    this.retire(() => interpreterEmitter.shrU32(interpreterEmitter.read(size), interpreterEmitter.word(KIND_BITS)));
  }

  private argument(offset: number, local: number): void {
    const { c: code, e: interpreterEmitter } = this;
    code.get(interpreterEmitter.hart);
    code.get(local);
    code.memory(Op.i64Store, offset);
  }

  /** A slow path returned JUMP (1) or LEAVE (2). */
  private afterSlow(): void {
    const { c: code, e: interpreterEmitter } = this;
    interpreterEmitter.eq32(interpreterEmitter.read(interpreterEmitter.kind), interpreterEmitter.word(2));
    code.if();
    this.leave(2);
    code.end();
    this.startAtPc();
    code.br(this.jump);
  }

  private fetchMiss(): void {
    const { c: code, e: interpreterEmitter } = this;
    this.saveTarget();
    code.get(0);
    code.call(CALL['fetch']!);
    code.set(interpreterEmitter.kind);
    this.reload();
    code.get(interpreterEmitter.kind);
    interpreterEmitter.eqz32(interpreterEmitter.pushed());
    code.brIf(this.jump);
    this.afterSlow();
  }
}
