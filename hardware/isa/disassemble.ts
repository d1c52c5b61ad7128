/** From instruction words to assembly text, by the rows' operand formats. */
import type { Decoded, Decoder } from './decode.ts';
import type { Operands } from './row.ts';
import { csrName, fName, ROUNDING, xName } from './registers.ts';

const FENCE_SETS = ['w', 'r', 'o', 'i'];
const set = (bits: number): string => FENCE_SETS.map((c, i) => ((bits >> i) & 1 ? c : '')).reverse().join('') || '0';
const hex = (n: number | bigint): string => `0x${n.toString(16)}`;

/** One operand name of a row's format → text. `pc` is undefined when unknown: targets are then shown relative. */
function operand(name: string, operands: Operands, pc: bigint | undefined): string {
  switch (name) {
    case 'rd': case 'rs1': case 'rs2': case 'rs3': return xName(operands[name]!);
    case 'fd': return fName(operands.rd!);
    case 'fs1': case 'fs2': case 'fs3': return fName(operands[`r${name.slice(1)}` as 'rs1']!);
    case 'imm': return `${operands.imm}`;
    case 'upper': return hex((operands.imm! >>> 12) & 0xfffff);
    case 'target':
      return pc === undefined ? `. ${operands.imm! < 0 ? '-' : '+'} ${Math.abs(operands.imm!)}`
        : hex(BigInt.asUintN(64, pc + BigInt(operands.imm!)));
    case 'csr': return csrName(operands.csr!);
    case 'zimm': return `${operands.zimm}`;
    case 'rm': return ROUNDING[operands.rm!] ?? `${operands.rm}`;
    case 'pred': return set(operands.pred!);
    case 'succ': return set(operands.succ!);
    case 'constant': return `${operands.rs1}`;
    default: return name; // punctuation and fixed registers such as sp
  }
}

/** Text of a decoded instruction, as written (compressed forms keep their names). */
export function disassemble(decoded: Decoded, pc?: bigint): string {
  const { written, operands } = decoded;
  if (decoded.index === 0) return decoded.length === 4 ? `.word ${hex(decoded.word >>> 0)}` : `.half ${hex(decoded.word & 0xffff)}`;
  const suffix = operands.aq || operands.rl ? `.${operands.aq ? 'aq' : ''}${operands.rl ? 'rl' : ''}` : '';
  let format = written.operands;
  if (operands.rm === 7) format = format.replace(', rm', ''); // dynamic rounding is the default
  return `${written.name}${suffix} ${format.replace(/[a-z]+\d?/g, (name) => operand(name, operands, pc))}`.trim();
}

/** Text of an instruction word. */
export function disassembleWord(decode: Decoder, word: number, pc?: bigint): string {
  return disassemble(decode(word), pc);
}
