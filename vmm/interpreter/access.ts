/**
 * Loads and stores that leave the VM: what an instruction asks of a device. Only what is needed for that is decoded.
 * @spec unpriv 2.6, 27.3; priv 21.6.3 (transformed instructions)
 */
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

const LOAD = 0x03, STORE = 0x23;
/** By funct3 of a load. */
const loads = [[1, true], [2, true], [4, true], [8, true], [1, false], [2, false], [4, false]] as const;

/** The access of a load or store of integer registers; undefined for everything else (atomics, floating point). */
export function decodeAccess(instruction: number): Access | undefined {
  return (instruction & 3) === 3 ? decodeLong(instruction, 4) : decodeCompressed(instruction & 0xffff);
}

/** htinst: the instruction with its base register and immediate taken out; bit 1 clear = it was a compressed one. @spec priv 21.6.3 */
export function decodeTransformed(htinst: number): Access | undefined {
  return (htinst & 1) === 0 ? undefined : decodeLong(htinst | 2, (htinst & 2) === 0 ? 2 : 4);
}

function decodeLong(i: number, length: number): Access | undefined {
  const opcode = i & 0x7f, funct3 = (i >> 12) & 7;
  if (opcode === STORE && funct3 < 4) return { store: true, size: 1 << funct3, signed: false, register: (i >> 20) & 31, length };
  if (opcode !== LOAD || funct3 === 7) return undefined;
  return { store: false, size: loads[funct3][0], signed: loads[funct3][1], register: (i >> 7) & 31, length };
}

/** Quadrant and funct3 of the compressed forms. */
function decodeCompressed(i: number): Access | undefined {
  const small = 8 + ((i >> 2) & 7), access = (store: boolean, size: number, register: number, signed = true): Access => ({ store, size, signed, register, length: 2 });
  switch ((i & 3) | ((i >> 11) & 0x1c)) {
    case 0b010_00: return access(false, 4, small); // c.lw
    case 0b011_00: return access(false, 8, small); // c.ld
    case 0b110_00: return access(true, 4, small); // c.sw
    case 0b111_00: return access(true, 8, small); // c.sd
    case 0b010_10: return access(false, 4, (i >> 7) & 31); // c.lwsp
    case 0b011_10: return access(false, 8, (i >> 7) & 31); // c.ldsp
    case 0b110_10: return access(true, 4, (i >> 2) & 31); // c.swsp
    case 0b111_10: return access(true, 8, (i >> 2) & 31); // c.sdsp
    case 0b100_00: return decodeZcb(i, small, access);
    default: return undefined;
  }
}

/** c.lbu, c.lhu, c.lh, c.sb, c.sh */
function decodeZcb(i: number, register: number, access: (store: boolean, size: number, register: number, signed?: boolean) => Access): Access | undefined {
  switch ((i >> 10) & 7) {
    case 0: return access(false, 1, register, false);
    case 1: return access(false, 2, register, (i & 0x40) !== 0);
    case 2: return access(true, 1, register);
    case 3: return (i & 0x40) === 0 ? access(true, 2, register) : undefined;
    default: return undefined;
  }
}
