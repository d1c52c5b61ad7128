/** A load of an integer register that the monitor performs. @spec unpriv 2.6 */
import { accesses } from '../../hardware/isa/access.ts';
import type { Decoded } from '../../hardware/isa/decode.ts';
import type { GuestRam } from '../ram.ts';
import type { XRegisters } from './store.ts';

/** Performs it at `gpa`. False for any other instruction, or a misaligned one, without effect. */
export function load({ index, operands: { rd = 0 } }: Decoded, x: XRegisters, ram: GuestRam, gpa: number): boolean {
  const access = accesses[index];
  if (access?.kind !== 'load' || access.float || access.guest || gpa % access.size !== 0) return false;
  const { size, signed } = access, bits = 8 * size;
  const value = size === 8 ? BigInt(ram.u32(gpa)) | (BigInt(ram.u32(gpa + 4)) << 32n)
    : BigInt(size === 4 ? ram.u32(gpa) : size === 2 ? ram.u16(gpa) : ram.u8(gpa));
  if (rd !== 0) x.set(rd, BigInt.asIntN(64, signed ? BigInt.asIntN(bits, value) : value));
  return true;
}
