/**
 * Loads and stores that cause exits: the device access of an instruction.
 * @spec unpriv 2.6, 27.3; priv 21.6.3 (transformed instructions)
 */
import { accesses } from '../../hardware/isa/access.ts';
import { createDecoder } from '../../hardware/isa/decode.ts';
import { FULL_ISA } from '../../hardware/isa/table.ts';

export interface Access {
  readonly store: boolean;
  /** Bytes: 1, 2, 4, 8. */
  readonly size: number;
  readonly signed: boolean;
  /** Integer register that receives the value, or holds it. */
  readonly register: number;
  /** Bytes of the instruction. */
  readonly length: number;
}

/** The instruction has run up to its fault, so it is legal. */
const decode = createDecoder(FULL_ISA);

/** The access of a load or store of integer registers; undefined for everything else (atomics, floating point). */
export function decodeAccess(instruction: number): Access | undefined {
  const { index, operands, length } = decode(instruction);
  const access = accesses[index];
  if (access === undefined || access.kind === 'atomic' || access.float || access.guest) return undefined;
  const store = access.kind === 'store';
  return { store, size: access.size, signed: !store && access.signed, register: (store ? operands.rs2 : operands.rd)!, length };
}

/** htinst: the instruction without its base register and immediate; bit 1 clear = a compressed instruction. @spec priv 21.6.3 */
export function decodeTransformed(htinst: number): Access | undefined {
  const access = (htinst & 1) === 0 ? undefined : decodeAccess(htinst | 2);
  return access && (htinst & 2) === 0 ? { ...access, length: 2 } : access;
}
