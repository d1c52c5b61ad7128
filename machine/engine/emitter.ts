/**
 * The part of `Semantics` that both engines share: operators, constants, temporaries, control inside one instruction.
 * Operands, memory and jumps are added by the interpreter's and the translator's emitters.
 */
import { OPERATORS, type F32, type F64, type I32, type I64, type OperatorMethods, type Value } from '../semantics/operators.ts';
import { Code, Op, Type, type TypeName } from './code.ts';
import { emitFused, hostFuses } from './fused.ts';
import { LOADS, STORES } from './memory-kinds.ts';

/** The token that semantics pass around; the value itself is on WebAssembly's stack. */
const TOKEN = {} as I64 & I32 & F64 & F32;

// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging
export interface Emitter extends OperatorMethods {}

// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging
export class Emitter {
  readonly code: Code;
  /** Types of all locals, parameters first; temporaries of one instruction are reused by the next. */
  readonly locals: TypeName[];
  private readonly free: Record<TypeName, number[]> = { i32: [], i64: [], f32: [], f64: [] };
  private readonly used: [TypeName, number][] = [];

  constructor(code: Code, parameters: readonly TypeName[]) {
    this.code = code;
    this.locals = [...parameters];
  }

  /** A permanent local. */
  local(type: TypeName): number { return this.locals.push(type) - 1; }

  /** A local until `endInstruction`. */
  temporary(type: TypeName): number {
    const n = this.free[type].pop() ?? this.local(type);
    this.used.push([type, n]);
    return n;
  }

  endInstruction(): void {
    for (const [type, n] of this.used) this.free[type].push(n);
    this.used.length = 0;
  }

  long(value: number | bigint): I64 { this.code.i64(value); return TOKEN; }
  word(value: number): I32 { this.code.i32(value); return TOKEN; }

  keep(_value: I64): () => I64 { return this.kept<I64>('i64'); }
  keep32(_value: I32): () => I32 { return this.kept<I32>('i32'); }
  keepD(_value: F64): () => F64 { return this.kept<F64>('f64'); }
  keepS(_value: F32): () => F32 { return this.kept<F32>('f32'); }
  private kept<T extends Value>(type: TypeName): () => T {
    const n = this.temporary(type);
    this.code.set(n);
    return () => this.read<T>(n);
  }
  /** The value of a local. */
  read<T extends Value>(local: number): T { this.code.get(local); return TOKEN as unknown as T; }
  /** A token for the value on top of the stack. */
  pushed<T extends Value>(): T { return TOKEN as unknown as T; }

  select(_a: I64, _b: I64, _condition: I32): I64 { this.code.byte(Op.select); return TOKEN; }
  select32(_a: I32, _b: I32, _condition: I32): I32 { this.code.byte(Op.select); return TOKEN; }
  choose(condition: I32, a: () => I64, b: () => I64): I64 { return this.branches<I64>(condition, Type.i64, a, b); }
  choose32(condition: I32, a: () => I32, b: () => I32): I32 { return this.branches<I32>(condition, Type.i32, a, b); }
  private branches<T extends Value>(_condition: I32, type: number, whenTrue: () => T, whenFalse: () => T): T {
    this.code.if(type);
    whenTrue();
    this.code.else();
    whenFalse();
    this.code.end();
    return TOKEN as unknown as T;
  }
  when(_condition: I32, then: () => void): void {
    this.code.if();
    then();
    this.code.end();
  }

  fusedD(left: () => F64, right: () => F64, addend: () => F64): F64 | undefined {
    if (!hostFuses()) return undefined;
    emitFused(this.code, [left, right, addend]);
    return TOKEN;
  }

  fold(count: number, _initial: I64, step: (accumulator: () => I64, i: () => I64) => I64): I64 {
    const { code } = this;
    const sum = this.temporary('i64');
    const i = this.temporary('i64');
    code.set(sum);
    code.i64(0);
    code.set(i);
    const head = code.loop();
    step(() => this.read<I64>(sum), () => this.read<I64>(i));
    code.set(sum);
    this.add(this.read<I64>(i), this.long(1));
    code.tee(i);
    this.ltU(TOKEN, this.long(count));
    code.brIf(head);
    code.end();
    return this.read<I64>(sum);
  }
}

for (const [name, { opcode, prefixed }] of Object.entries(OPERATORS)) {
  Object.defineProperty(Emitter.prototype, name, {
    value(this: Emitter) {
      if (prefixed) this.code.byte(0xfc);
      this.code.byte(opcode);
      return TOKEN;
    },
  });
}

/** Memory operations that both engines share, after the host address of an atomic access has been checked. */
export abstract class MemoryEmitter extends Emitter {
  /** The linear address of an aligned word that may be read (or written), in a local; leaves generated code for any other access. */
  protected abstract atomicAddress(kind: 'w' | 'd', write: boolean): number;
  /** Records the reservation. */
  protected abstract reserve(host: number): void;

  modify(kind: 'w' | 'd', _address: I64, change: (old: () => I64) => I64): I64 {
    const { code } = this;
    const host = this.atomicAddress(kind, true);
    code.get(host);
    code.memory(LOADS[kind][1], 0);
    const old = this.keep(this.pushed());
    code.get(host);
    change(old);
    code.memory(STORES[kind][1], 0);
    return old();
  }

  peek(_address: I32, offset: number): I64 { this.code.memory(Op.i64Load, offset); return this.pushed(); }
  peek32(_address: I32, offset: number): I32 { this.code.memory(Op.i32Load, offset); return this.pushed(); }
  poke(_address: I32, offset: number, _value: I64): void { this.code.memory(Op.i64Store, offset); }
  poke32(_address: I32, offset: number, _value: I32): void { this.code.memory(Op.i32Store, offset); }

  loadReserved(kind: 'w' | 'd', _address: I64): I64 {
    const { code } = this;
    const host = this.atomicAddress(kind, false);
    this.reserve(host);
    code.get(host);
    code.memory(LOADS[kind][1], 0);
    return this.pushed();
  }
}
