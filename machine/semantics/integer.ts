/** RV64I: the base integer instructions. @spec unpriv 2, 4 */
import type { integer as rows } from '../../hardware/isa/integer.ts';
import type { I32, I64 } from './operators.ts';
import type { LoadKind, Meaning, Meanings, Semantics, StoreKind } from './semantics.ts';

export type Binary = (s: Semantics, a: I64, b: I64) => I64;
export type BinaryW = (s: Semantics, a: I32, b: I32) => I32;

/** Two registers, or a register and the immediate; the same on words. */
export const op = (f: Binary): Meaning => (s) => s.rd(f(s, s.x1(), s.x2()));
export const opW = (f: BinaryW): Meaning => (s) => s.rdw(f(s, s.w1(), s.w2()));
export const opImm = (f: Binary): Meaning => (s) => s.rd(f(s, s.x1(), s.imm()));
export const opImmW = (f: BinaryW): Meaning => (s) => s.rdw(f(s, s.w1(), s.imm32()));
const load = (kind: LoadKind): Meaning => (s) => s.rd(s.load(kind, s.add(s.x1(), s.imm())));
const store = (kind: StoreKind): Meaning => (s) => s.store(kind, s.add(s.x1(), s.imm()), s.x2());
const branch = (f: (s: Semantics, a: I64, b: I64) => I32): Meaning => (s) => s.branch(f(s, s.x1(), s.x2()));

export const integer = {
  lui: (s) => s.rd(s.imm()),
  auipc: (s) => s.rd(s.add(s.pc(), s.imm())),
  jal: (s) => { s.rd(s.nextPc()); s.jump(); },
  jalr: (semantics) => {
    const target = semantics.keep(semantics.and(semantics.add(semantics.x1(), semantics.imm()), semantics.long(-2)));
    semantics.rd(semantics.nextPc());
    semantics.jumpTo(target());
  },
  beq: branch((s, a, b) => s.eq(a, b)),
  bne: branch((s, a, b) => s.ne(a, b)),
  blt: branch((s, a, b) => s.ltS(a, b)),
  bge: branch((s, a, b) => s.geS(a, b)),
  bltu: branch((s, a, b) => s.ltU(a, b)),
  bgeu: branch((s, a, b) => s.geU(a, b)),
  lb: load('b'), lh: load('h'), lw: load('w'), ld: load('d'), lbu: load('bu'), lhu: load('hu'), lwu: load('wu'),
  sb: store('b'), sh: store('h'), sw: store('w'), sd: store('d'),
  addi: opImm((s, a, b) => s.add(a, b)),
  slti: opImm((s, a, b) => s.zext(s.ltS(a, b))),
  sltiu: opImm((s, a, b) => s.zext(s.ltU(a, b))),
  xori: opImm((s, a, b) => s.xor(a, b)),
  ori: opImm((s, a, b) => s.or(a, b)),
  andi: opImm((s, a, b) => s.and(a, b)),
  slli: opImm((s, a, b) => s.shl(a, b)),
  srli: opImm((s, a, b) => s.shrU(a, b)),
  srai: opImm((s, a, b) => s.shrS(a, b)),
  add: op((s, a, b) => s.add(a, b)),
  sub: op((s, a, b) => s.sub(a, b)),
  sll: op((s, a, b) => s.shl(a, b)),
  slt: op((s, a, b) => s.zext(s.ltS(a, b))),
  sltu: op((s, a, b) => s.zext(s.ltU(a, b))),
  xor: op((s, a, b) => s.xor(a, b)),
  srl: op((s, a, b) => s.shrU(a, b)),
  sra: op((s, a, b) => s.shrS(a, b)),
  or: op((s, a, b) => s.or(a, b)),
  and: op((s, a, b) => s.and(a, b)),
  addiw: opImmW((s, a, b) => s.add32(a, b)),
  slliw: opImmW((s, a, b) => s.shl32(a, b)),
  srliw: opImmW((s, a, b) => s.shrU32(a, b)),
  sraiw: opImmW((s, a, b) => s.shrS32(a, b)),
  addw: opW((s, a, b) => s.add32(a, b)),
  subw: opW((s, a, b) => s.sub32(a, b)),
  sllw: opW((s, a, b) => s.shl32(a, b)),
  srlw: opW((s, a, b) => s.shrU32(a, b)),
  sraw: opW((s, a, b) => s.shrS32(a, b)),
  // In program order there is nothing to do: harts are interleaved, never concurrent. The hints are in hints.ts.
  fence: () => {},
} satisfies Meanings<typeof rows>;
