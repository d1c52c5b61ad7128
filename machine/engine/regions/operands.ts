/**
 * The translator's half of `Semantics`: guest registers are locals, immediates and addresses constants; memory goes through the TLB.
 * Everything else leaves the region: the code sets `target` to the place of the instruction and branches to the common exit.
 */
import type { Decoded } from '../../../hardware/isa/decode.ts';
import { meaningOf } from '../../semantics/table.ts';
import type { F32, F64, I32, I64 } from '../../semantics/operators.ts';
import type { LoadKind, Semantics, StoreKind } from '../../semantics/semantics.ts';
import { Op, type Code, type Label } from '../code.ts';
import { MemoryEmitter } from '../emitter.ts';
import { HS, TLB_MASK } from '../layout.ts';
import { BOXES, LOADS, STORES } from '../memory-kinds.ts';
import { PARAMETER, REGION, RESULT } from './convention.ts';
import type { BlockGroups, Group } from './groups.ts';

const INEXACT = 1;
const TAG = { read: 0, write: 8, execute: 16 } as const;
const HOST = 24;
const ADDEND = 28;

/** The region decides where jumps go. */
export interface JumpSide {
  branch(): void;
  jump(): void;
  jumpTo(): void;
}

export class RegionEmitter extends MemoryEmitter implements Semantics {
  readonly target: number;
  /** Locals of the registers used: x i64, f f64. */
  readonly x = new Map<number, number>();
  readonly f = new Map<number, number>();
  readonly dirtyX = new Set<number>();
  readonly dirtyF = new Set<number>();
  usesFloat = false;
  usesRounding = false;
  usesFlags = false;
  /** Accrued exceptions, also in memory. */
  readonly flags: number;
  exit!: Label;
  readonly jumps: JumpSide;
  private d!: Decoded;
  /**
   * The instruction's address - pcBase; the answer that names it (convention.ts) in two halves; instructions counted from here to the end
   * of the block.
   */
  private offset = 0;
  private answer = 0;
  private page = 0;
  private refund = 0;
  private fsDirty = false;
  private i = 0;
  private block = 0;
  private groups: BlockGroups = [];
  private group: Group | undefined;
  /** Locals with the linear address that stands for the base register of a group. */
  private readonly bases = new Map<Group, number>();
  private readonly strict: boolean;
  private readonly address: number;
  private readonly entry: number;
  /** Addends of the pages that were accessed last, by base register, so that following pointers need not wait for the TLB. */
  private readonly guesses = new Map<number, number>();
  private readonly chased: ReadonlySet<number>;
  private repeated = false;

  /** `chased`: registers with addresses that were just loaded. */
  constructor(code: Code, jumps: JumpSide, chased: ReadonlySet<number>, strict = false) {
    super(code, REGION.params);
    this.strict = strict;
    this.jumps = jumps;
    this.chased = chased;
    this.target = this.local('i64');
    this.flags = this.local('i32');
    this.address = this.local('i64');
    this.entry = this.local('i32');
  }

  /** `repeated`: the block is in a loop. */
  beginBlock(id: number, groups: BlockGroups, repeated: boolean): void {
    this.fsDirty = false;
    this.block = id;
    this.groups = groups;
    this.repeated = repeated;
  }

  /** Instruction `i` of the block, `offset` after pcBase. `answer`: the halves of the answer that names it. */
  instruction(decoded: Decoded, i: number, offset: number, answer: readonly [low: number, high: number], refund: number): void {
    this.d = decoded;
    this.i = i;
    this.group = this.groups[i];
    this.offset = offset;
    [this.answer, this.page] = answer;
    this.refund = refund;
    meaningOf(decoded)!(this);
    this.endInstruction();
  }

  /** target = the place of this instruction, for the interpreter. Works with a condition on the stack. */
  private mark(): void {
    this.code.i64Halves(this.answer | RESULT.special | (this.refund << RESULT.refundShift), this.page);
    this.code.set(this.target);
  }
  private leaveIf(): void {
    this.mark();
    this.code.brIf(this.exit);
  }

  private xLocal(n: number): number {
    let local = this.x.get(n);
    if (local === undefined) this.x.set(n, (local = this.local('i64')));
    return local;
  }
  private fLocal(n: number): number {
    let local = this.f.get(n);
    if (local === undefined) this.f.set(n, (local = this.local('f64')));
    return local;
  }
  private readX(n: number): I64 { return n === 0 ? this.long(0) : this.read<I64>(this.xLocal(n)); }
  private readF(n: number): F64 { return this.read<F64>(this.fLocal(n)); }

  x1(): I64 { return this.readX(this.d.operands.rs1 ?? 0); }
  x2(): I64 { return this.readX(this.d.operands.rs2 ?? 0); }
  w1(): I32 { return (this.d.operands.rs1 ?? 0) === 0 ? this.word(0) : this.wrap(this.x1()); }
  w2(): I32 { return (this.d.operands.rs2 ?? 0) === 0 ? this.word(0) : this.wrap(this.x2()); }
  rd(_value: I64): void {
    const n = this.d.operands.rd ?? 0;
    if (n === 0) return this.code.byte(Op.drop);
    this.code.set(this.xLocal(n));
    this.dirtyX.add(n);
  }
  rdw(value: I32): void { this.rd(this.sext(value)); }
  imm(): I64 { return this.long(this.d.operands.imm ?? 0); }
  imm32(): I32 { return this.word(this.d.operands.imm ?? 0); }
  zimm(): I32 { return this.word(this.d.operands.zimm ?? 0); }
  pc(): I64 { return this.pcAfter(0); }
  nextPc(): I64 { return this.pcAfter(this.d.length); }
  /** The address `bytes` behind this instruction. */
  pcAfter(bytes: number): I64 { return this.add(this.read<I64>(PARAMETER.pcBase), this.long(this.offset + bytes)); }

  branch(_condition: I32): void { this.jumps.branch(); }
  jump(): void { this.jumps.jump(); }
  jumpTo(_target: I64): void {
    this.code.set(this.target);
    this.jumps.jumpTo();
  }

  /** `entry` = the TLB entry of the page of the local `address`. */
  private findEntry(): void {
    this.add32(this.read(PARAMETER.tlb), this.and32(this.shrU32(this.wrap(this.read(this.address)), this.word(7)), this.word(TLB_MASK)));
    this.code.set(this.entry);
  }

  /** Is this page mapped to that RAM page for execution? `offset` of the page - pcBase, `ram`: linear address. */
  mapped(offset: number, ram: number): I32 {
    this.add(this.read<I64>(PARAMETER.pcBase), this.long(offset));
    this.code.set(this.address);
    this.findEntry();
    const tagged = this.eq(this.read(this.address), this.entryLong(TAG.execute));
    this.code.get(this.entry);
    this.code.memory(Op.i32Load, HOST);
    return this.and32(tagged, this.eq32(this.pushed(), this.word(ram)));
  }

  /** The entry of the page of the local `address` must have a tag for [address, address + size); otherwise leaves the region. */
  private checkTag(tag: number, size: number): void {
    this.findEntry();
    this.gtU(this.sub(this.read(this.address), this.entryLong(tag)), this.long(4096 - size));
    this.leaveIf();
  }
  private entryLong(offset: number): I64 {
    this.code.get(this.entry);
    this.code.memory(Op.i64Load, offset);
    return this.pushed();
  }
  private entryAddend(): I32 {
    this.code.get(this.entry);
    this.code.memory(Op.i32Load, ADDEND);
    return this.pushed();
  }

  /** Checks [address, address + size) as above; leaves the offset from an address in this page to the host's. */
  private checkedAddend(tag: number, size: number): I32 {
    this.checkTag(tag, size);
    const base = this.d.operands.rs1 ?? 0;
    if (!this.repeated || !this.chased.has(base)) return this.entryAddend();
    let guess = this.guesses.get(base);
    if (guess === undefined) this.guesses.set(base, (guess = this.local('i32')));
    const addend = this.keep32(this.entryAddend());
    this.when(this.ne32(addend(), this.read(guess)), () => {
      addend();
      this.code.set(guess);
    });
    return this.read(guess);
  }

  /** The address (on the stack) → its linear address and a constant offset from that. */
  private hostAddress(tag: number, size: number): number {
    const { group, code } = this;
    if (!group) {
      code.set(this.address);
      if (this.strict && size > 1) {
        this.and32(this.wrap(this.read(this.address)), this.word(size - 1));
        this.leaveIf();
      }
      this.add32(this.checkedAddend(tag, size), this.wrap(this.read(this.address)));
      return 0;
    }
    code.byte(Op.drop);
    if (group.leader.i === this.i && group.leader.block === this.block) this.lead(group, tag);
    const offset = this.d.operands.imm ?? 0;
    code.get(this.bases.get(group)!);
    if (offset >= 0) return offset;
    this.add32(this.pushed(), this.word(offset));
    return 0;
  }

  /** The check for a whole group. */
  private lead(group: Group, tag: number): void {
    const { code } = this;
    this.add(this.x1(), this.long(group.low));
    code.set(this.address);
    const base = this.local('i32');
    this.bases.set(group, base);
    this.add32(this.checkedAddend(tag, group.high - group.low), this.wrap(this.x1()));
    code.set(base);
  }

  load(kind: LoadKind, _address: I64): I64 {
    const [size, opcode] = LOADS[kind];
    this.code.memory(opcode, this.hostAddress(TAG.read, size));
    const box = BOXES[kind];
    return box === undefined ? this.pushed() : this.or(this.pushed(), this.long(box));
  }

  store(kind: StoreKind, _address: I64, _value: I64): void {
    const [size, opcode] = STORES[kind];
    const value = this.temporary('i64');
    this.code.set(value);
    const offset = this.hostAddress(TAG.write, size);
    this.code.get(value);
    this.code.memory(opcode, offset);
  }

  protected atomicAddress(kind: 'w' | 'd', write: boolean): number {
    const tag = write ? TAG.write : TAG.read;
    const size = STORES[kind][0];
    this.code.set(this.address);
    this.and32(this.wrap(this.read(this.address)), this.word(size - 1));
    this.leaveIf();
    this.checkTag(tag, size);
    const host = this.temporary('i32');
    this.add32(this.entryAddend(), this.wrap(this.read(this.address)));
    this.code.set(host);
    return host;
  }

  protected reserve(host: number): void { this.storeHart(HS.RES, () => this.code.get(host)); }

  storeConditional(kind: 'w' | 'd', _address: I64, _value: I64): I64 {
    const { code } = this;
    const value = this.temporary('i64');
    code.set(value);
    const host = this.atomicAddress(kind, true);
    const held = this.keep32(this.eq32(this.hartWord(HS.RES), this.read(host)));
    this.storeHart(HS.RES, () => code.i32(0));
    this.when(held(), () => {
      code.get(host);
      code.get(value);
      code.memory(STORES[kind][1], 0);
    });
    return this.zext(this.eqz32(held()));
  }

  /** Always left to the interpreter. The rest of the block is never reached. */
  compareAndSwap(_address: I64): void {
    this.code.byte(Op.drop);
    this.mark();
    this.code.br(this.exit);
  }

  zeroBlock(_address: I64): void {
    const { code } = this;
    this.and(this.pushed(), this.long(-64));
    code.set(this.address);
    this.slowIf(this.eqz32(this.hartWord(HS.ZERO_ON)));
    this.checkTag(TAG.write, 64);
    const host = this.keep32(this.add32(this.entryAddend(), this.wrap(this.read(this.address))));
    for (let i = 0; i < 64; i += 8) {
      host();
      code.i64(0);
      code.memory(Op.i64Store, i);
    }
  }

  hartWord(offset: number): I32 {
    this.code.get(PARAMETER.hart);
    this.code.memory(Op.i32Load, offset);
    return this.pushed();
  }
  private storeHart(offset: number, value: () => void): void {
    this.code.get(PARAMETER.hart);
    value();
    this.code.memory(Op.i32Store, offset);
  }

  slowIf(_condition: I32): void { this.leaveIf(); }
  needsFp(): void { this.usesFloat = true; }
  /** The region is only entered while the dynamic mode is 0. */
  rm(): I32 {
    const mode = this.d.operands.rm ?? 0;
    if (mode === 7) this.usesRounding = true;
    return this.word(mode === 7 ? 0 : mode);
  }
  f1(): I64 { return this.bitsD(this.readF(this.d.operands.rs1 ?? 0)); }
  f2(): I64 { return this.bitsD(this.readF(this.d.operands.rs2 ?? 0)); }
  d1(): F64 { return this.readF(this.d.operands.rs1 ?? 0); }
  d2(): F64 { return this.readF(this.d.operands.rs2 ?? 0); }
  d3(): F64 { return this.readF(this.d.operands.rs3 ?? 0); }
  b1(): I32 { return this.unbox(this.f1()); }
  b2(): I32 { return this.unbox(this.f2()); }
  s1(): F32 { return this.fromBitsS(this.b1()); }
  s2(): F32 { return this.fromBitsS(this.b2()); }
  s3(): F32 { return this.fromBitsS(this.unbox(this.bitsD(this.d3()))); }
  private unbox(raw: I64): I32 {
    const value = this.keep(raw);
    this.slowIf(this.ne(this.shrS(value(), this.long(32)), this.long(-1)));
    return this.wrap(value());
  }
  fd(value: I64): void { this.fdD(this.fromBitsD(value)); }
  fdB(value: I32): void { this.fd(this.or(this.zext(value), this.long(~0xffff_ffffn))); }
  fdS(value: F32): void { this.fdB(this.bitsS(value)); }
  fdD(_value: F64): void {
    const n = this.d.operands.rd ?? 0;
    this.code.set(this.fLocal(n));
    this.dirtyF.add(n);
    this.dirty();
  }
  private dirty(): void {
    if (this.fsDirty) return;
    this.fsDirty = true;
    this.storeHart(HS.FS_DIRTY, () => this.code.i32(1));
  }
  inexactSet(): I32 {
    this.usesFlags = true;
    return this.and32(this.read(this.flags), this.word(INEXACT));
  }
  raiseInexact(condition: I32): void {
    this.usesFlags = true;
    const flag = this.keep32(condition);
    this.or32(this.read(this.flags), flag());
    this.code.set(this.flags);
    this.storeHart(HS.FFLAGS, () => this.code.get(this.flags));
    // This may be in a conditional part of the instruction, so later instructions cannot rely on it.
    this.storeHart(HS.FS_DIRTY, () => this.code.i32(1));
  }
}
