/**
 * Access to control and status registers: finds the register (under virtualization some names mean the guest's copies), checks the
 * permission, and performs the read-modify-write. The registers are the rows of csr-rows.ts.
 * @spec priv 2.1 @spec priv 21.2
 */
import { rd, rs1 } from '../../hardware/isa/row.ts';
import { SLOW } from '../engine/layout.ts';
import { HS } from '../engine/layout.ts';
import { LEAKED } from '../cpu/popf.ts';
import { Cause } from './bits.ts';
import { ROWS } from './csr-rows.ts';
import type { Features } from './features.ts';
import type { Hart } from './hart.ts';
import { illegalInstruction, raise } from './trap.ts';

/** The reason why an access fails. */
export const Deny = { no: 0, illegal: 1, virtual: 2 } as const;
export type Deny = (typeof Deny)[keyof typeof Deny];

export interface CsrRow {
  readonly number: number;
  readonly name: string;
  /** Index of the stored value (slots.ts), -1 when `read` and `write` do everything. */
  readonly slot: number;
  /** Writable bits of the stored value. */
  readonly maskLo: number;
  readonly maskHi: number;
  /** Leaves the value in h.lo, h.hi. */
  readonly read?: (h: Hart) => void;
  readonly write?: (h: Hart, lo: number, hi: number) => void;
  /** The value that csrrs and csrrc modify, where it differs from the value they return (mip.SEIP). */
  readonly modify?: (h: Hart) => void;
  readonly guard?: (h: Hart, write: boolean) => Deny;
  /** The extension to which the register belongs: without it the register does not exist. */
  readonly feature?: keyof Features;
  /** A write may change how the next instruction is fetched. */
  readonly refetch?: boolean;
}

/** Rows as instructions use them: all objects have the same shape, because that makes access to their fields fast. */
const entry = (row: CsrRow): CsrRow => ({
  number: row.number, name: row.name, slot: row.slot, maskLo: row.maskLo, maskHi: row.maskHi,
  read: row.read, write: row.write, modify: row.modify, guard: row.guard, feature: row.feature, refetch: row.refetch,
});

const byNumber: (CsrRow | undefined)[] = new Array<CsrRow | undefined>(4096).fill(undefined);
for (const row of ROWS) byNumber[row.number] = entry(row);

/** The supervisor registers with a guest's copy, whose number is this much higher. @spec priv 21.2 */
const GUEST_COPY = 0x100;
const hasGuestCopy = new Uint8Array(4096);
for (const n of [0x100, 0x104, 0x105, 0x140, 0x141, 0x142, 0x143, 0x144, 0x14d, 0x180]) hasGuestCopy[n] = 1;

/** All registers, for reference pages and debuggers. */
export const csrRows: readonly CsrRow[] = ROWS;

function readRow(hart: Hart, row: CsrRow): void {
  if (row.read !== undefined) return row.read(hart);
  hart.lo = hart.c[row.slot];
  hart.hi = hart.c[row.slot + 1];
}

function writeRow(hart: Hart, row: CsrRow, lo: number, hi: number): void {
  if (row.write !== undefined) return row.write(hart, lo, hi);
  const words = hart.c;
  words[row.slot] = (words[row.slot] & ~row.maskLo) | (lo & row.maskLo);
  words[row.slot + 1] = (words[row.slot + 1] & ~row.maskHi) | (hi & row.maskHi);
}

/** Reads by number, with the highest privilege: value in h.lo, h.hi. False = no such register. */
export function readCsr(hart: Hart, number: number): boolean {
  const row = byNumber[number & 0xfff];
  if (row === undefined) return false;
  readRow(hart, row);
  return true;
}

/** Writes by number, with WARL rules and side effects. False = no such register, or read-only. */
export function writeCsr(hart: Hart, number: number, lo: number, hi: number): boolean {
  const row = byNumber[number & 0xfff];
  if (row === undefined || number >> 10 === 3) return false;
  writeRow(hart, row, lo, hi);
  return true;
}

/** May the hart access this register in its current mode? */
function check(hart: Hart, row: CsrRow, write: boolean): Deny {
  const n = row.number;
  if (row.feature !== undefined && !hart.features[row.feature]) return Deny.illegal;
  if (write && n >> 10 === 3) return Deny.illegal;
  const level = (n >> 8) & 3;
  const priv = hart.w[HS.PRIV >> 2];
  if (hart.w[HS.VIRT >> 2] !== 0) {
    if (level === 3) return Deny.illegal;
    if (level === 2 || (level === 1 && priv === 0)) return row.guard?.(hart, write) === Deny.illegal ? Deny.illegal : Deny.virtual;
  } else if (level === 2 ? priv === 0 : level > priv) return Deny.illegal;
  return row.guard === undefined ? Deny.no : row.guard(hart, write);
}

/** A processor with `popf` does not trap here: a read returns the register, a write is lost. */
const leaks = (h: Hart, number: number): boolean => number === LEAKED && h.host.model.popf && h.w[HS.PRIV >> 2] === 0;

function leak(hart: Hart, to: number): number {
  readRow(hart, byNumber[hart.w[HS.VIRT >> 2] !== 0 ? LEAKED + GUEST_COPY : LEAKED]!);
  hart.setX(to, hart.lo, hart.hi);
  return SLOW.NEXT;
}

/** csrrw, csrrs, csrrc and their immediate forms. @spec unpriv 6.1 */
export function csrInstruction(hart: Hart, insn: number): number {
  const number = insn >>> 20;
  const f3 = (insn >> 12) & 7;
  const source = rs1(insn);
  const to = rd(insn);
  const isSwap = (f3 & 3) === 1;
  const write = isSwap || source !== 0;
  let row = byNumber[number];
  if (row === undefined) return illegalInstruction(hart);
  const deny = check(hart, row, write);
  if (deny !== Deny.no)
    return leaks(hart, number) ? leak(hart, to)
      : deny === Deny.illegal ? illegalInstruction(hart) : raise(hart, Cause.virtualInstruction, insn, 0);
  if (hasGuestCopy[number] !== 0 && hart.w[HS.VIRT >> 2] !== 0) row = byNumber[number + GUEST_COPY]!;

  let lo = (f3 & 4) !== 0 ? source : hart.x32[2 * source];
  let hi = (f3 & 4) !== 0 ? 0 : hart.x32[2 * source + 1];
  if (!isSwap || to !== 0) {
    readRow(hart, row);
    const oldLo = hart.lo;
    const oldHi = hart.hi;
    if (!isSwap && write) {
      if (row.modify !== undefined) row.modify(hart);
      if ((f3 & 3) === 2) { lo |= hart.lo; hi |= hart.hi; } else { lo = hart.lo & ~lo; hi = hart.hi & ~hi; }
    }
    hart.setX(to, oldLo, oldHi);
  }
  if (!write) return SLOW.NEXT;
  writeRow(hart, row, lo, hi);
  if (row.refetch !== true) return SLOW.NEXT;
  hart.retire(4);
  return SLOW.JUMP;
}
