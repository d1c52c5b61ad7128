/**
 * ELF64 kernels: pieces to copy with their addresses, and the entry. Nothing is copied here; pieces are views of the file.
 * @spec elf 1-4, 2-2; riscv-elf-psabi 8
 */
import { type Loaded, loaded, refused } from './result.ts';

export interface Piece {
  /** Guest-physical. */ readonly address: number;
  readonly bytes: Uint8Array; /** With the zeros behind them. */
  readonly memory: number
}
export interface Elf { readonly entry: number; readonly pieces: readonly Piece[] }

const HEADER = 64, PROGRAM_HEADER = 56, MACHINE_RISCV = 243, LOADABLE = 1;
const kinds: Record<number, string> = { 1: 'an object file that is not linked', 3: '', 4: 'a core dump' };
const machines: Record<number, string> = { 3: 'x86', 40: 'ARM', 62: 'x86-64', 183: 'AArch64', 243: 'RISC-V', 258: 'LoongArch' };

export const isElf = (file: Uint8Array): boolean => file[0] === 0x7f && file[1] === 0x45 && file[2] === 0x4c && file[3] === 0x46;

export function readElf(file: Uint8Array): Loaded<Elf> {
  if (file.length < HEADER) return refused('is truncated: the ELF header is cut off');
  const data = new DataView(file.buffer, file.byteOffset, file.byteLength), type = data.getUint16(16, true),
    machine = data.getUint16(18, true);
  if (machine !== MACHINE_RISCV) return refused(`is a program for ${machines[machine] ?? `machine type ${machine}`}, not for RISC-V`);
  if (file[4] !== 2) return refused('is a 32-bit program; a 64-bit one is needed');
  if (type !== 2 && type !== 3) return refused(`is ${kinds[type] ?? `an ELF file of type ${type}`}, not an executable`);
  const pieces: Piece[] = [], start = u64(data, 32), size = data.getUint16(54, true), count = data.getUint16(56, true);
  if (count > 0 && (size < PROGRAM_HEADER || start + count * size > file.length))
    return refused('is truncated: the program headers are cut off');
  const own = i64(data, 24);
  let entry = own;
  for (let at = start; at < start + count * size; at += size) {
    if (data.getUint32(at, true) !== LOADABLE) continue;
    const offset = u64(data, at + 8), virtual = i64(data, at + 16), address = u64(data, at + 24), length = u64(data, at + 32),
      memory = u64(data, at + 40);
    if (offset + length > file.length || length > memory) return refused('is truncated: a segment is cut off');
    if (own >= virtual && own < virtual + memory) entry = own - virtual + address;
    pieces.push({ address, bytes: file.subarray(offset, offset + length), memory });
  }
  return pieces.length > 0 ? loaded({ entry, pieces }) : refused('has nothing to load');
}

/** Virtual addresses of kernels are negative numbers, and exact. */
const i64 = (data: DataView, at: number): number => Number(data.getBigInt64(at, true));
const u64 = (data: DataView, at: number): number => Number(data.getBigUint64(at, true));
