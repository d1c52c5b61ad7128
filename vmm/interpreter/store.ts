/**
 * A store of the guest's kernel that the monitor performs, because the page is write-protected: plain stores and atomic operations of
 * integer registers.
 * @spec unpriv 2.6, 13
 */
import { accesses } from '../../hardware/isa/access.ts';
import type { Decoded } from '../../hardware/isa/decode.ts';
import { Mtd } from '../../microkernel/abi/index.ts';
import type { GuestRam } from '../ram.ts';

export interface XRegisters { get(n: number): bigint; set(n: number, value: bigint): void }
const FIRST_ARGUMENT = 10, LAST_ARGUMENT = 17;
/** The group of a thread's state that a register travels in: a0 … a7 have one of their own. */
export const groupOf = (register: number): number => (register >= FIRST_ARGUMENT && register <= LAST_ARGUMENT ? Mtd.args : Mtd.regs);

type Operation = (old: bigint, operand: bigint) => bigint;
const OPERATIONS: Readonly<Partial<Record<string, Operation>>> = {
  amoswap: (_, b) => b, amoadd: (a, b) => a + b, amoxor: (a, b) => a ^ b, amoand: (a, b) => a & b, amoor: (a, b) => a | b,
  amomin: (a, b) => (a < b ? a : b), amomax: (a, b) => (a > b ? a : b),
};
const UNSIGNED: Readonly<Partial<Record<string, Operation>>> = { amominu: (a, b) => (a < b ? a : b), amomaxu: (a, b) => (a > b ? a : b) };

/** Performs it at `gpa`. Returns the number of bytes; undefined for any other instruction, or a misaligned one, without effect. */
export function store({ index, row, operands }: Decoded, x: XRegisters, ram: GuestRam, gpa: number): number | undefined {
  const access = accesses[index];
  if (!access || access.float || access.guest || gpa % access.size !== 0 || access.size > 8) return undefined;
  const bits = access.size * 8, value = x.get(operands.rs2 ?? 0);
  if (access.kind === 'store') put(ram, gpa, access.size, BigInt.asUintN(bits, value));
  else if (!atomic(row.name.split('.')[0]!, operands.rd ?? 0, value, x, ram, gpa, bits)) return undefined;
  return access.size;
}

function atomic(name: string, rd: number, value: bigint, x: XRegisters, ram: GuestRam, gpa: number, bits: number): boolean {
  const signed = OPERATIONS[name], unsigned = UNSIGNED[name], extend = unsigned ? BigInt.asUintN : BigInt.asIntN,
    operation = signed ?? unsigned;
  if (!operation || bits < 32) return false;
  const old = BigInt(ram.u32(gpa)) | (bits === 64 ? BigInt(ram.u32(gpa + 4)) << 32n : 0n);
  put(ram, gpa, bits / 8, BigInt.asUintN(bits, operation(extend(bits, old), extend(bits, value))));
  if (rd !== 0) x.set(rd, BigInt.asIntN(bits, old));
  return true;
}

function put(ram: GuestRam, gpa: number, size: number, value: bigint): void {
  if (size === 1) ram.setU8(gpa, Number(value));
  else if (size === 2) ram.setU16(gpa, Number(value));
  else ram.setU32(gpa, Number(value & 0xffff_ffffn));
  if (size === 8) ram.setU32(gpa + 4, Number(value >> 32n));
}
