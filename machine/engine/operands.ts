/** The interpreter's half of `Semantics`: operands come from the decoded record, results go to the hart block, memory through the TLB. */
import type { F32, F64, I32, I64, Value } from '../semantics/operators.ts';
import type { LoadKind, Semantics, StoreKind } from '../semantics/semantics.ts';
import { HS, PC_SHIFT, RECORD, TLB_MASK } from './layout.ts';
import { LD } from './port.ts';
import { Op, type Code, type Label } from './code.ts';
import { MemoryEmitter } from './emitter.ts';
import { BOXES, LOADS, STORES } from './memory-kinds.ts';
import type { Operation } from './operations.ts';

/** Offsets in a record (layout.ts). */
const RD = 2, RS1 = 3, IMM = 4, RS2 = 4, MODE = 5, RS3 = 6, SHORT = 6;
/** An x register as a destination is said by its distance from x1. */
const DESTINATIONS = HS.X + 8;
/** `kind` of a load or store: the bits below this name the kind, those above it hold the bytes to the next record. */
export const KIND_BITS = 8;

const INEXACT = 1;

export class InterpreterEmitter extends MemoryEmitter implements Semantics {
  // Parameter 0 is the hart's number.
  readonly hart: number = this.local('i32'); // linear address of the hart block
  readonly record: number = this.local('i32');
  readonly budget: number = this.local('i32');
  readonly tlb: number = this.local('i32');
  readonly pcBase: number = this.local('i64'); // pc = pcBase + (record >>> PC_SHIFT)
  readonly target: number = this.local('i64'); // where `jump` goes
  readonly address: number = this.local('i64'); // arguments of the memory tails
  readonly value: number = this.local('i64');
  readonly kind: number = this.local('i32'); // kind or size for the tails; then their answer
  readonly entry: number = this.local('i32'); // TLB entry
  next!: Label;
  landed!: Label;
  jumpLabel!: Label;
  loadMiss!: Label;
  storeMiss!: Label;
  atomicMiss!: Label;
  slow!: Label;
  illegal!: Label;
  private length: 2 | 4 = 4;
  private near = false;
  /** The immediate has 16 bits. */
  private short = false;
  /** Loads and stores at misaligned addresses miss. */
  private readonly strict: boolean;

  constructor(code: Code, strict = false) {
    super(code, ['i32']);
    this.strict = strict;
  }

  /** The code of one operation, up to the jump to the next instruction. */
  operation(described: Operation): void {
    this.length = described.length;
    this.near = described.near;
    this.short = described.short;
    described.meaning(this);
    this.proceed();
    this.endInstruction();
  }

  /** Bytes from this record to the next instruction's. */
  private get step(): number { return this.length * RECORD / 2; }

  private proceed(): void {
    this.addTo(this.record, this.step);
    this.code.br(this.next);
  }

  addTo(local: number, n: number): void {
    this.add32(this.read(local), this.word(n));
    this.code.set(local);
  }

  /** Address of a register field: hart + record[offset]. */
  private register(field: number): void {
    const { code } = this;
    code.get(this.hart);
    code.get(this.record);
    code.memory(Op.i32Load8U, field);
    this.add32(this.pushed(), this.pushed());
  }

  private source(field: number, opcode: number, base: number): void {
    this.register(field);
    this.code.memory(opcode, base);
  }

  private destination(base: number): void {
    const value = this.temporary('i64');
    this.code.set(value);
    this.register(RD);
    this.code.get(value);
    this.code.memory(Op.i64Store, base);
  }

  x1(): I64 { this.source(RS1, Op.i64Load, HS.X); return this.pushed(); }
  x2(): I64 { this.source(RS2, Op.i64Load, HS.X); return this.pushed(); }
  w1(): I32 { this.source(RS1, Op.i32Load, HS.X); return this.pushed(); }
  w2(): I32 { this.source(RS2, Op.i32Load, HS.X); return this.pushed(); }
  rd(_value: I64): void { this.destination(DESTINATIONS); }
  rdw(value: I32): void { this.rd(this.sext(value)); }
  imm(): I64 { return this.immediate(Op.i64Load16S, Op.i64Load32S); }
  imm32(): I32 { return this.immediate(Op.i32Load16S, Op.i32Load); }
  private immediate<T extends Value>(short: number, long: number): T {
    this.code.get(this.record);
    this.code.memory(this.short ? short : long, this.short ? SHORT : IMM);
    return this.pushed();
  }
  zimm(): I32 { return this.and32(this.shrU32(this.imm32(), this.word(15)), this.word(31)); }
  pc(): I64 { return this.add(this.read(this.pcBase), this.zext(this.shrU32(this.read(this.record), this.word(PC_SHIFT)))); }
  nextPc(): I64 { return this.add(this.pc(), this.long(this.length)); }

  branch(_condition: I32): void {
    const { code } = this;
    code.if();
    this.jump();
    code.end();
  }

  jump(): void {
    const { code } = this;
    if (this.near) {
      this.add32(this.read(this.record), this.imm32());
      code.set(this.record);
      code.br(this.landed);
    } else this.jumpTo(this.add(this.pc(), this.imm()));
  }

  jumpTo(_target: I64): void {
    this.code.set(this.target);
    this.code.br(this.jumpLabel);
  }

  /** entry = TLB entry of the page of a local that holds an address. @see layout.ts */
  tlbEntry(address: number): void {
    this.add32(this.read(this.tlb), this.and32(this.shrU32(this.wrap(this.read(address)), this.word(7)), this.word(TLB_MASK)));
    this.code.set(this.entry);
  }
  field64(offset: number): I64 { this.code.get(this.entry); this.code.memory(Op.i64Load, offset); return this.pushed(); }
  field32(offset: number): I32 { this.code.get(this.entry); this.code.memory(Op.i32Load, offset); return this.pushed(); }

  /** The address (in the local `address`) → its host address on the stack; `miss` is taken where the tag does not match. */
  private hostAddress(tag: number, size: number, miss: Label): I32 {
    this.tlbEntry(this.address);
    this.gtU(this.sub(this.read(this.address), this.field64(tag)), this.long(4096 - size));
    this.code.brIf(miss);
    return this.add32(this.field32(28), this.wrap(this.read(this.address)));
  }

  private checkAlignment(size: number, miss: Label): void {
    if (!this.strict || size === 1) return;
    this.and32(this.wrap(this.read(this.address)), this.word(size - 1));
    this.code.brIf(miss);
  }

  private setKind(n: number): void {
    this.code.i32(n);
    this.code.set(this.kind);
  }

  load(kind: LoadKind, _address: I64): I64 {
    const { code } = this;
    const [size, opcode] = LOADS[kind];
    code.set(this.address);
    this.setKind(LD[kind] | this.step << KIND_BITS);
    this.checkAlignment(size, this.loadMiss);
    this.hostAddress(0, size, this.loadMiss);
    code.memory(opcode, 0);
    const box = BOXES[kind];
    return box === undefined ? this.pushed() : this.or(this.pushed(), this.long(box));
  }

  store(kind: StoreKind, _address: I64, _value: I64): void {
    const { code } = this;
    const [size, opcode] = STORES[kind];
    code.set(this.value);
    code.set(this.address);
    this.setKind(size | this.step << KIND_BITS);
    this.checkAlignment(size, this.storeMiss);
    this.hostAddress(8, size, this.storeMiss);
    code.get(this.value);
    code.memory(opcode, 0);
  }

  /** Host address of an atomic access, in a local; misaligned ones miss. */
  protected atomicAddress(kind: 'w' | 'd', write: boolean): number {
    const tag = write ? 8 : 0;
    const { code } = this;
    const size = STORES[kind][0];
    code.set(this.address);
    this.and32(this.wrap(this.read(this.address)), this.word(size - 1));
    code.brIf(this.atomicMiss);
    this.hostAddress(tag, size, this.atomicMiss);
    const host = this.temporary('i32');
    code.set(host);
    return host;
  }

  protected reserve(host: number): void {
    this.code.get(this.hart);
    this.code.get(host);
    this.code.memory(Op.i32Store, HS.RES);
  }

  compareAndSwap(_address: I64): void {
    this.code.set(this.address);
    this.code.br(this.atomicMiss);
  }

  storeConditional(kind: 'w' | 'd', _address: I64, _value: I64): I64 {
    const { code } = this;
    code.set(this.value);
    const host = this.atomicAddress(kind, true);
    code.get(this.hart);
    code.memory(Op.i32Load, HS.RES);
    const held = this.keep32(this.eq32(this.pushed(), this.read(host)));
    code.get(this.hart);
    code.i32(0);
    code.memory(Op.i32Store, HS.RES);
    this.when(held(), () => {
      code.get(host);
      code.get(this.value);
      code.memory(STORES[kind][1], 0);
    });
    return this.zext(this.eqz32(held()));
  }

  zeroBlock(_address: I64): void {
    const { code } = this;
    this.and(this.pushed(), this.long(-64));
    code.set(this.address);
    this.slowIf(this.eqz32(this.hartWord(HS.ZERO_ON)));
    const host = this.keep32(this.hostAddress(8, 64, this.slow));
    for (let i = 0; i < 64; i += 8) {
      host();
      code.i64(0);
      code.memory(Op.i64Store, i);
    }
  }

  slowIf(_condition: I32): void { this.code.brIf(this.slow); }
  needsFp(): void {
    this.hartWord(HS.FS_ON);
    this.eqz32(this.pushed());
    this.code.brIf(this.illegal);
  }
  hartWord(offset: number): I32 { this.code.get(this.hart); this.code.memory(Op.i32Load, offset); return this.pushed(); }

  rm(): I32 {
    this.code.get(this.record);
    this.code.memory(Op.i32Load8U, MODE);
    const mode = this.keep32(this.pushed());
    return this.choose32(this.eq32(mode(), this.word(7)), () => this.hartWord(HS.FRM), mode);
  }
  f1(): I64 { this.source(RS1, Op.i64Load, HS.F); return this.pushed(); }
  f2(): I64 { this.source(RS2, Op.i64Load, HS.F); return this.pushed(); }
  d1(): F64 { this.source(RS1, Op.f64Load, HS.F); return this.pushed(); }
  d2(): F64 { this.source(RS2, Op.f64Load, HS.F); return this.pushed(); }
  b1(): I32 { return this.boxed(RS1); }
  b2(): I32 { return this.boxed(RS2); }
  d3(): F64 { this.source(RS3, Op.f64Load, HS.F); return this.pushed(); }
  s3(): F32 { this.boxed(RS3); return this.fromBitsS(this.pushed()); }
  s1(): F32 { this.boxed(RS1); return this.fromBitsS(this.pushed()); }
  s2(): F32 { this.boxed(RS2); return this.fromBitsS(this.pushed()); }
  private boxed(field: number): I32 {
    this.source(field, Op.i64Load, HS.F);
    return this.unbox();
  }
  private unbox(): I32 {
    const value = this.keep(this.pushed());
    this.slowIf(this.ne(this.shrS(value(), this.long(32)), this.long(-1)));
    return this.wrap(value());
  }
  fd(_value: I64): void {
    this.destination(HS.F);
    this.dirty();
  }
  private dirty(): void {
    this.code.get(this.hart);
    this.code.i32(1);
    this.code.memory(Op.i32Store, HS.FS_DIRTY);
  }
  fdB(value: I32): void { this.fd(this.or(this.zext(value), this.long(~0xffff_ffffn))); }
  fdD(value: F64): void { this.fd(this.bitsD(value)); }
  fdS(value: F32): void { this.fdB(this.bitsS(value)); }
  inexactSet(): I32 { return this.and32(this.hartWord(HS.FFLAGS), this.word(INEXACT)); }
  raiseInexact(condition: I32): void {
    const flag = this.keep32(condition);
    this.code.get(this.hart);
    this.or32(this.hartWord(HS.FFLAGS), flag());
    this.code.memory(Op.i32Store, HS.FFLAGS);
    this.dirty();
  }
}
