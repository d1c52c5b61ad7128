/**
 * Which instructions a deprivileged kernel must not execute itself: all that read or write the supervisor's state. On most processors they
 * trap in U mode; where one does not (`popf`), only finding it before it runs helps.
 * @spec priv 12.1, 12.2
 */
import { rowNamed } from '../../hardware/isa/table.ts';

const SYSTEM = 0x73, OPCODE = 0x7f, LEVEL = 3;
/** Instructions without a CSR: pattern and mask as the table has them. */
const PATTERNS = ['sret', 'wfi', 'sfence.vma', 'sinval.vma', 'sfence.w.inval', 'sfence.inval.ir'].map((name) => rowNamed(name).pattern);

/** `word`: 4 bytes of code, whatever they are. */
export function isSensitive(word: number): boolean {
  if ((word & OPCODE) !== SYSTEM) return false;
  const funct3 = (word >>> 12) & 7;
  if (funct3 === 0) return PATTERNS.some(({ match, mask }) => ((word ^ match) & mask) === 0);
  return funct3 !== 4 && ((word >>> 28) & LEVEL) !== 0;
}

/** The CSR of a sensitive access traps on no processor model by itself: sstatus under `popf`. */
export const neverTraps = (word: number): boolean => isSensitive(word) && ((word >>> 12) & 7) !== 0 && word >>> 20 === 0x100;

/** An `ebreak` of two bytes: it fits wherever an instruction begins. */
export const C_EBREAK = 0x9002;
/** Is this half the beginning of an instruction of 4 bytes? */
export const isLong = (half: number): boolean => (half & 3) === 3;
