/**
 * The supervisor registers that kernels touch at every trap and lock, without TypeScript: sscratch, sepc, scause, stval, and sstatus as far
 * as interrupts and the trap stack go. Which copies the names mean (the hart's own, or a guest's), and whether this mode may, the hart side
 * keeps in two words (HS.SUPER, HS.STATUS). All other registers, and writes that move translation, floating point or an interrupt that
 * waits, are the hart's (machine/hart/csr.ts). @spec unpriv 6.1 @spec priv 12.1.1, 12.1.6, 12.1.7, 12.1.8, 12.1.9, 21.2
 */
import type { Operands } from '../../hardware/isa/row.ts';
import { MSTATUS } from '../hart/bits.ts';
import { C } from '../hart/slots.ts';
import { HS } from '../engine/layout.ts';
import type { I32 } from './operators.ts';
import type { Meaning, Semantics } from './semantics.ts';

const SSTATUS = 0x100;
/** Registers that only store bits, and their offsets from the first. */
const PLAIN: Readonly<Record<number, number>> = { 0x140: C.sscratch, 0x141: C.sepc, 0x142: C.scause, 0x143: C.stval };
const SEPC = 0x141;

const BITS = MSTATUS.SIE | MSTATUS.SPIE | MSTATUS.SPP | MSTATUS.FS | MSTATUS.SUM | MSTATUS.MXR;
/** The bits that generated code may change. */
const STACK = MSTATUS.SIE | MSTATUS.SPIE | MSTATUS.SPP;

/** The base of the registers, or the slow path where this mode has none. */
function base(semantics: Semantics, word: number): () => I32 {
  const at = semantics.keep32(semantics.hartWord(word));
  semantics.slowIf(semantics.eqz32(at()));
  return at;
}

const readPlain = (slot: number): Meaning => (semantics) => {
  const at = base(semantics, HS.SUPER);
  semantics.rd(semantics.peek(at(), slot * 4));
};

const swapPlain = (slot: number, pc: boolean): Meaning => (semantics) => {
  const at = base(semantics, HS.SUPER);
  const next = semantics.keep(pc ? semantics.and(semantics.x1(), semantics.sext(semantics.hartWord(HS.EPC_MASK))) : semantics.x1());
  const old = semantics.keep(semantics.peek(at(), slot * 4));
  semantics.poke(at(), slot * 4, next());
  semantics.rd(old());
};

/** The base of sstatus, where FS in memory is what it is. */
function statusBase(semantics: Semantics): () => I32 {
  const at = semantics.keep32(semantics.hartWord(HS.STATUS));
  semantics.slowIf(semantics.or32(semantics.eqz32(at()), semantics.hartWord(HS.FS_DIRTY)));
  return at;
}

/** sstatus as it is read, from its lower word; SD says that FS is dirty. */
function readStatus(semantics: Semantics, at: () => I32, low: () => I32): void {
  const dirty = semantics.shl32(
    semantics.eq32(semantics.and32(low(), semantics.word(MSTATUS.FS)), semantics.word(MSTATUS.FS)), semantics.word(31));
  const high = semantics.or32(dirty, semantics.and32(semantics.peek32(at(), 4), semantics.word(MSTATUS.UXL_HI)));
  semantics.rd(semantics.or(semantics.shl(semantics.zext(high), semantics.long(32)),
    semantics.zext(semantics.and32(low(), semantics.word(BITS)))));
}

const csrrStatus: Meaning = (semantics) => {
  const at = statusBase(semantics);
  readStatus(semantics, at, semantics.keep32(semantics.peek32(at(), 0)));
};

/** `change`: the new lower word, from the old one. A pending and enabled interrupt may be due now, so the hart checks. */
const changeStatus = (change: (semantics: Semantics, old: () => I32) => I32): Meaning => (semantics) => {
  const at = statusBase(semantics);
  const old = semantics.keep32(semantics.peek32(at(), 0));
  const changed = semantics.keep32(semantics.and32(semantics.xor32(change(semantics, old), old()), semantics.word(BITS)));
  const wires = semantics.hartWord(HS.WIRES), soft = semantics.hartWord(HS.CSRS + 4 * C.softPending);
  const waiting = semantics.or32(semantics.or32(wires, soft), semantics.hartWord(HS.CSRS + 4 * C.hvip));
  const due = semantics.and32(waiting, semantics.hartWord(HS.CSRS + 4 * C.mie));
  semantics.slowIf(semantics.or32(due, semantics.and32(changed(), semantics.word(~STACK))));
  semantics.poke32(at(), 0, semantics.xor32(old(), changed()));
  readStatus(semantics, at, old);
};

const bits = (s: Semantics): I32 => s.w1();
const given = (s: Semantics): I32 => s.zimm();
const setting = (mask: (s: Semantics) => I32): Meaning => changeStatus((s, old) => s.or32(old(), mask(s)));
const clearing = (mask: (s: Semantics) => I32): Meaning => changeStatus((s, old) => s.and32(old(), s.xor32(mask(s), s.word(-1))));

/** One way to access one register: a row, the register, and for the rows that may leave it as it is, whether they do. */
interface Form { readonly row: string; readonly csr: number; readonly reads?: boolean; readonly meaning: Meaning }

const forms: readonly Form[] = [
  ...Object.entries(PLAIN).flatMap(([number, slot]): Form[] => {
    const csr = Number(number), reading = readPlain(slot);
    return [
      { row: 'csrrs', csr, reads: true, meaning: reading }, { row: 'csrrc', csr, reads: true, meaning: reading },
      { row: 'csrrw', csr, meaning: swapPlain(slot, csr === SEPC) },
    ];
  }),
  { row: 'csrrs', csr: SSTATUS, reads: true, meaning: csrrStatus }, { row: 'csrrc', csr: SSTATUS, reads: true, meaning: csrrStatus },
  { row: 'csrrs', csr: SSTATUS, reads: false, meaning: setting(bits) },
  { row: 'csrrsi', csr: SSTATUS, meaning: setting(given) }, { row: 'csrrci', csr: SSTATUS, meaning: clearing(given) },
];

export const csrMeanings: readonly { readonly row: string; readonly meaning: Meaning }[] = forms;

const key = (row: string, csr: number, reads: boolean): string => `${row} ${csr} ${reads}`;
const byKey = new Map(forms.flatMap(({ row, csr, reads, meaning }) =>
  (reads === undefined ? [true, false] : [reads]).map((r) => [key(row, csr, r), meaning] as const)));

/** What the access means without TypeScript; undefined where it is the hart's. */
export const csrMeaning = (row: string, { csr, rs1 }: Operands): Meaning | undefined =>
  (csr === undefined ? undefined : byKey.get(key(row, csr, (rs1 ?? 0) === 0)));
