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

  constructor(e: InterpreterEmitter, layout: Layout, threshold: number) {
    this.e = e;
    this.c = e.code;
    this.layout = layout;
    this.regions = new RegionCalls(e, layout, threshold, { hot: CALL['hot']!, chain: IMPORTS.length + 1 });
  }

  function(): Uint8Array {
    const { c, e } = this;
    this.prologue();
    this.jump = e.jumpLabel = c.loop();
    this.miss = c.block();
    this.after = c.block();
    this.lookUp();
    e.next = c.loop();
    this.body();
    c.end(); // next
    c.byte(Op.unreachable);
    c.end(); // after
    this.afterSlow();
    c.end(); // miss
    this.fetchMiss();
    c.end(); // jump
    c.byte(Op.unreachable);
    return c.done();
  }

  private prologue(): void {
    const { c, e } = this;
    c.get(0);
    c.i32(HART_BYTES);
    e.mul32(e.pushed(), e.pushed());
    c.i32(HARTS);
    e.add32(e.pushed(), e.pushed());
    c.set(e.hart);
    this.reload();
    this.regions.resume();
    this.targetFromPc();
  }

  /** After TypeScript has run: it may have changed the budget and the context. */
  private reload(): void {
    const { c, e } = this;
    c.get(e.hart);
    c.memory(Op.i32Load, HS.BUDGET);
    c.set(e.budget);
    c.get(e.hart);
    c.memory(Op.i32Load, HS.TLB);
    c.set(e.tlb);
  }

  private startAtPc(): void {
    const { c, e } = this;
    c.get(e.hart);
    c.i32(0);
    c.memory(Op.i32Store, HS.RES);
    this.targetFromPc();
  }

  private targetFromPc(): void {
    const { c, e } = this;
    c.get(e.hart);
    c.memory(Op.i64Load, HS.PC);
    c.set(e.target);
  }

  private leave(result: number): void {
    const { c, e } = this;
    c.get(e.hart);
    c.i32(0);
    c.memory(Op.i32Store, HS.CODE);
    c.i32(result);
    c.byte(Op.return);
  }

  /** HS.PC = target, HS.BUDGET = budget. */
  private saveTarget(): void {
    const { c, e } = this;
    c.get(e.hart);
    c.get(e.target);
    c.memory(Op.i64Store, HS.PC);
    c.get(e.hart);
    c.get(e.budget);
    c.memory(Op.i32Store, HS.BUDGET);
  }

  private lookUp(): void {
    const { c, e } = this;
    e.leS32(e.read(e.budget), e.word(0));
    c.if();
    this.saveTarget();
    this.leave(0);
    c.end();
    emitLookUp(e, this.layout, e, this.miss, () => {
      c.get(e.hart);
      c.get(e.record);
      c.memory(Op.i32Store, HS.CODE);
    });
    this.regions.land(this.jump);
  }

  /** Dispatch, operations, and the tails that call TypeScript. */
  private body(): void {
    const { c, e } = this;
    const end = c.block();
    e.landed = c.block();
    e.atomicMiss = c.block();
    e.illegal = c.block();
    e.slow = c.block();
    e.storeMiss = c.block();
    e.loadMiss = c.block();
    const labels: Label[] = new Array<Label>(operationCount);
    for (let i = operationCount - 1; i >= 0; i--) labels[i] = c.block();
    e.sub32(e.read(e.budget), e.word(1));
    c.tee(e.budget);
    e.ltS32(e.pushed(), e.word(0));
    c.if();
    this.regions.deferredDispatch(end, labels);
    c.end();
    c.get(e.record);
    c.memory(Op.i32Load16U, 0);
    c.brTable(labels, labels[0]!);
    for (let i = 0; i < operationCount; i++) {
      c.end();
      if (i < firstOperation) this.internal(i);
      else e.operation(operations[i - firstOperation]!);
    }
    c.end();
    this.loadTail();
    c.end();
    this.storeTail();
    c.end();
    this.callTail('slow');
    c.end();
    this.callTail('illegal');
    c.end();
    this.argument(HS.ADDR, e.address);
    this.callTail('atomic');
    c.end();
    this.regions.heat();
    c.br(e.next);
    c.end();
    this.save();
    this.leave(0);
  }

  private internal(op: number): void {
    const { c, e } = this;
    if (op === Internal.SLOW) return c.br(e.slow);
    e.addTo(e.budget, 1); // nothing has been executed
    if (op === Internal.UNDECODED) {
      c.get(e.record);
      c.call(CALL['decode']!);
      c.byte(Op.drop);
      c.br(e.next);
    } else if (op === Internal.PAGE_END) {
      this.targetIsHere();
      c.br(this.jump);
    } else if (op === Internal.REGION) this.regions.call(this.jump, e.next);
    else this.straddle();
  }

  private targetIsHere(): void {
    this.e.pc();
    this.c.set(this.e.target);
  }

  /** The composed instruction has its own record after the page's; TypeScript checks it each time. */
  private straddle(): void {
    const { c, e } = this;
    this.targetIsHere();
    this.saveTarget();
    c.get(0);
    c.get(e.record);
    c.call(CALL['straddle']!);
    c.tee(e.kind);
    this.reload();
    c.brIf(this.after);
    const distance = (STRADDLE_RECORD - (RECORDS - 1)) * RECORD;
    e.addTo(e.record, distance);
    e.sub(e.read(e.pcBase), e.long(distance >> PC_SHIFT));
    c.set(e.pcBase);
    c.br(e.next);
  }

  /** HS.PC and HS.BUDGET of the instruction in execution. */
  private save(): void {
    const { c, e } = this;
    c.get(e.hart);
    e.pc();
    c.memory(Op.i64Store, HS.PC);
    c.get(e.hart);
    e.add32(e.read(e.budget), e.word(1));
    c.memory(Op.i32Store, HS.BUDGET);
  }

  /** Calls TypeScript for the current instruction; continues here when it returns NEXT. */
  private call(name: string, argument: () => void): void {
    const { c, e } = this;
    this.save();
    c.get(0);
    argument();
    c.call(CALL[name]!);
    c.set(e.kind);
    this.reload();
    c.get(e.kind);
    c.brIf(this.after);
  }

  /** Goes on, `step` bytes of records further. */
  private retire(step: () => I32, then: Label = this.e.next): void {
    const { c, e } = this;
    e.add32(e.read(e.record), step());
    c.set(e.record);
    e.addTo(e.budget, -1);
    c.br(then);
  }

  /** TypeScript executes the instruction of the record, and notes how long it is. */
  private callTail(name: string): void {
    const { c, e } = this;
    this.call(name, () => c.get(e.record));
    this.retire(() => e.hartWord(HS.STEP), name === 'slow' ? e.landed : e.next);
  }

  private loadTail(): void {
    const { c, e } = this;
    const kind = e.local('i32');
    c.get(e.kind);
    c.set(kind);
    this.argument(HS.ADDR, e.address);
    this.call('load', () => this.low(kind));
    const value = e.local('i64');
    c.get(e.hart);
    c.memory(Op.i64Load, HS.VALUE);
    c.set(value);
    e.ltU32(this.low(kind), e.word(7));
    c.if();
    e.rd(e.read(value));
    c.else();
    e.fd(e.read(value));
    c.end();
    this.retire(() => e.shrU32(e.read(kind), e.word(KIND_BITS)));
  }

  private low(kind: number): I32 { return this.e.and32(this.e.read(kind), this.e.word((1 << KIND_BITS) - 1)); }

  private storeTail(): void {
    const { c, e } = this;
    const size = e.local('i32');
    c.get(e.kind);
    c.set(size);
    this.argument(HS.ADDR, e.address);
    this.argument(HS.VALUE, e.value);
    this.call('store', () => this.low(size));
    this.retire(() => e.shrU32(e.read(size), e.word(KIND_BITS)));
  }

  private argument(offset: number, local: number): void {
    const { c, e } = this;
    c.get(e.hart);
    c.get(local);
    c.memory(Op.i64Store, offset);
  }

  /** A slow path returned JUMP (1) or LEAVE (2). */
  private afterSlow(): void {
    const { c, e } = this;
    e.eq32(e.read(e.kind), e.word(2));
    c.if();
    this.leave(2);
    c.end();
    this.startAtPc();
    c.br(this.jump);
  }

  private fetchMiss(): void {
    const { c, e } = this;
    this.saveTarget();
    c.get(0);
    c.call(CALL['fetch']!);
    c.set(e.kind);
    this.reload();
    c.get(e.kind);
    e.eqz32(e.pushed());
    c.brIf(this.jump);
    this.afterSlow();
  }
}
