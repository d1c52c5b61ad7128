/**
 * A register that nobody reads after an instruction until it is written anew: a stub comes back through it (stub-code.ts), because RISC-V
 * has no jump that needs none. What lies between, the window, is followed as long as it is straight, in one page, and of instructions
 * whose registers are known.
 *
 *   csrrci a1, sstatus, 2 · lw a4, 32(tp) · …        a4 is free; the window is the lw that writes it
 */
import { accesses } from '../../hardware/isa/access.ts';
import type { Decoded } from '../../hardware/isa/decode.ts';
import { isPlain } from '../interpreter/plain.ts';

export interface Free {
  readonly register: number;
  /** Bytes from the beginning of the page, and each instruction of the window; the last one writes the register. */
  readonly window: readonly { readonly offset: number; readonly decoded: Decoded }[];
  /** Where the window ends. */
  readonly end: number;
}

const LONGEST = 24, RA = 1, SP = 2, TP = 4, ORDER: ReadonlySet<string> = new Set(['fence', 'fence.tso', 'pause']);
/** A load from the stack, or near the thread pointer: memory that a kernel relies on to be there. */
export function isOwnLoad({ index, operands: { rs1 = 0 } }: Decoded): boolean {
  const access = accesses[index];
  return access?.kind === 'load' && !access.float && !access.guest && rs1 >= SP && rs1 <= TP;
}
/** Leaves the guest, or has a stub of its own; before and behind it, nobody has read its register. */
const readsCsr = ({ row: { name }, operands }: Decoded): boolean => name === 'csrrs' && operands.rs1 === 0;

/**
 * `at`: the instruction at an offset of the page, undefined where none ends in it. `taken`: registers that the stub itself needs. `plain`:
 * only a window that the monitor can do itself: of instructions that compute, and loads from the kernel's own memory.
 */
export function freeRegister(at: (offset: number) => Decoded | undefined, from: number, taken: readonly number[],
  plain: boolean): Free | undefined {
  const read = new Set([0, ...taken]), window: { offset: number; decoded: Decoded }[] = [];
  for (let offset = from; window.length < LONGEST;) {
    const decoded = at(offset), { rd = 0, rs1 = 0, rs2 = 0 } = decoded?.operands ?? {};
    if (!decoded) return undefined;
    const access = accesses[decoded.index], last = (decoded.row.name === 'jal' && rd === RA) || readsCsr(decoded);
    const known = isPlain(decoded) || last || ORDER.has(decoded.row.name) || (access && !access.float && !access.guest);
    if (plain ? !isPlain(decoded) && !isOwnLoad(decoded) : !known) return undefined;
    window.push({ offset, decoded });
    for (const register of [rs1, rs2]) read.add(register);
    offset += decoded.length;
    if (!read.has(rd)) return { register: rd, window, end: offset };
    if (last) return undefined;
  }
  return undefined;
}
