/**
 * Atomic instructions that generated code passes on: a TLB miss, a page without write tag, a misaligned address, a device. This file
 * executes the whole instruction. @spec unpriv 13, 15
 */
import { rd, rs1, rs2 } from '../../hardware/isa/row.ts';
import { HS, SLOW } from '../engine/layout.ts';
import { Access, Cause } from './bits.ts';
import type { Hart } from './hart.ts';
import { illegalInstruction, raise, raiseFault } from './trap.ts';

const RES = HS.RES >> 2;

const LR = 0b00010;
const SC = 0b00011;
const CAS = 0b00101;

/** The operations on memory values; both are sign extended from the access size. */
const OPERATIONS: Record<number, ((memory: bigint, register: bigint, bits: number) => bigint) | undefined> = {
  0b00001: (_, b) => b,
  0b00000: (a, b) => a + b,
  0b00100: (a, b) => a ^ b,
  0b01100: (a, b) => a & b,
  0b01000: (a, b) => a | b,
  0b10000: (a, b) => (a < b ? a : b),
  0b10100: (a, b) => (a > b ? a : b),
  0b11000: (a, b, n) => (BigInt.asUintN(n, a) < BigInt.asUintN(n, b) ? a : b),
  0b11100: (a, b, n) => (BigInt.asUintN(n, a) > BigInt.asUintN(n, b) ? a : b),
};

export function atomic(hart: Hart, insn: number): number {
  const base = rs1(insn);
  const lo = hart.x32[2 * base];
  const hi = hart.x32[2 * base + 1];
  const funct5 = insn >>> 27;
  const size = 1 << ((insn >> 12) & 7);
  const isLoad = funct5 === LR;
  // Pairs begin at even registers: the other encodings are reserved. @spec unpriv 15.1
  if (size === 16 && ((insn >>> 7 | insn >>> 20) & 1) !== 0) return illegalInstruction(hart);
  if ((lo & (size - 1)) !== 0) return raise(hart, isLoad ? Cause.loadMisaligned : Cause.storeMisaligned, lo, hi, hart.dataVirt);
  const access = isLoad ? Access.load : Access.store;
  const mmu = hart.mmu;
  if (!mmu.translate(lo, hi, access, hart.dataPriv, hart.dataVirt, false, size)) return raiseFault(hart, lo, hi, hart.dataVirt);
  const page = hart.host.linear.page(mmu.ppn);
  if (page === 0) return raise(hart, isLoad ? Cause.loadAccess : Cause.storeAccess, lo, hi, hart.dataVirt);
  const hasCode = hart.host.engine.hasCode(page);
  if (!mmu.split) hart.contexts.fill(hart.context!, lo, hi, page, mmu.writable && !hasCode, access, mmu.span);

  const at = page + (lo & 0xfff);
  if (watched(hart, lo, hi, size, funct5, at)) return SLOW.LEAVE;
  if (hasCode && !isLoad) hart.host.engine.dropCode(at, size);
  if (funct5 === LR) loadReserved(hart, insn, at, size);
  else if (funct5 === SC) storeConditional(hart, insn, at, size);
  else if (funct5 === CAS) compareAndSwap(hart, insn, at, size);
  else modify(hart, insn, at, size, funct5);
  return SLOW.NEXT;
}

/** Asks the debugger whether to stop here. All but LR write, an SC only if it will succeed; all but SC read. */
function watched(hart: Hart, lo: number, hi: number, size: number, funct5: number, at: number): boolean {
  const { debug } = hart.host;
  if (debug === undefined) return false;
  if (funct5 !== SC && debug.touches(hart, lo, hi, size, false)) return true;
  return funct5 !== LR && (funct5 !== SC || hart.w[RES] === (at | 0)) && debug.touches(hart, lo, hi, size, true);
}

function loadReserved(hart: Hart, insn: number, at: number, size: number): void {
  const data = hart.host.linear.data;
  const low = data.getInt32(at, true);
  hart.setX(rd(insn), low, size === 8 ? data.getInt32(at + 4, true) : low >> 31);
  hart.w[RES] = at;
}

function storeConditional(hart: Hart, insn: number, at: number, size: number): void {
  const data = hart.host.linear.data;
  const source = 2 * rs2(insn);
  const ok = hart.w[RES] === (at | 0);
  if (ok) {
    data.setInt32(at, hart.x32[source], true);
    if (size === 8) data.setInt32(at + 4, hart.x32[source + 1], true);
  }
  hart.w[RES] = 0;
  hart.setX(rd(insn), ok ? 0 : 1, 0);
}

function readMemory(hart: Hart, at: number, size: number): bigint {
  const data = hart.host.linear.data;
  switch (size) {
    case 1: return BigInt(data.getInt8(at));
    case 2: return BigInt(data.getInt16(at, true));
    case 4: return BigInt(data.getInt32(at, true));
    default: return data.getBigInt64(at, true);
  }
}

function writeMemory(hart: Hart, at: number, size: number, value: bigint): void {
  const data = hart.host.linear.data;
  switch (size) {
    case 1: data.setInt8(at, Number(BigInt.asIntN(8, value))); break;
    case 2: data.setInt16(at, Number(BigInt.asIntN(16, value)), true); break;
    case 4: data.setInt32(at, Number(BigInt.asIntN(32, value)), true); break;
    default: data.setBigInt64(at, BigInt.asIntN(64, value), true);
  }
}

function writeX(h: Hart, i: number, value: bigint): void { if (i !== 0) h.x[i] = value; }

function modify(hart: Hart, insn: number, at: number, size: number, funct5: number): void {
  const operation = OPERATIONS[funct5];
  if (operation === undefined) throw new Error(`atomic: no operation ${funct5}`);
  const bits = size * 8;
  const old = readMemory(hart, at, size);
  const value = operation(old, BigInt.asIntN(bits, hart.x[rs2(insn)]), bits);
  writeMemory(hart, at, size, value);
  writeX(hart, rd(insn), old);
}

/** amocas: rd is compared and loaded, rs2 stored; the 16-byte form uses register pairs. */
function compareAndSwap(hart: Hart, insn: number, at: number, size: number): void {
  const to = rd(insn);
  if (size === 16) return compareAndSwapPair(hart, to, rs2(insn), at);
  const old = readMemory(hart, at, size);
  if (old === BigInt.asIntN(size * 8, hart.x[to])) writeMemory(hart, at, size, hart.x[rs2(insn)]);
  writeX(hart, to, old);
}

function compareAndSwapPair(hart: Hart, to: number, from: number, at: number): void {
  const pair = (i: number): [bigint, bigint] => (i === 0 ? [0n, 0n] : [hart.x[i], hart.x[i + 1]]);
  const low = readMemory(hart, at, 8);
  const high = readMemory(hart, at + 8, 8);
  const [wantLow, wantHigh] = pair(to);
  if (low === wantLow && high === wantHigh) {
    const [newLow, newHigh] = pair(from);
    writeMemory(hart, at, 8, newLow);
    writeMemory(hart, at + 8, 8, newHigh);
  }
  if (to !== 0) {
    hart.x[to] = low;
    hart.x[to + 1] = high;
  }
}
