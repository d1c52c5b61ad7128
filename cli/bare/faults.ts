/** The report about a hart that only faults: place, cause, registers, instruction. */
import { createDecoder } from '../../hardware/isa/decode.ts';
import { disassembleWord } from '../../hardware/isa/disassemble.ts';
import { xName } from '../../hardware/isa/registers.ts';
import { FULL_ISA } from '../../hardware/isa/table.ts';
import { readMemory } from '../../machine/debug/memory.ts';
import type { Hart } from '../../machine/hart/hart.ts';
import { MOST_NESTED } from '../../machine/hart/nested.ts';
import type { Machine } from '../../machine/machine.ts';
import { causeText } from '../../hardware/isa/causes.ts';

const hex = (value: bigint): string => `0x${BigInt.asUintN(64, value).toString(16)}`;
const joined = (lo: number, hi: number): bigint => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
const REGISTERS = 32, A_LINE = 4;

/** One line with the cause, then the registers. */
export function faultReport(machine: Machine, hart: Hart): string {
  const { nested } = hart, pc = joined(nested.pcLo, nested.pcHi), address = joined(nested.tvalLo, nested.tvalHi),
    mode = hart.virt ? 'VS' : hart.priv === 3 ? 'M' : 'S';
  const what = `hart ${hart.id} does nothing but fault in ${mode} mode: ${causeText(nested.cause)} at pc ${hex(pc)} (`
    + `${instructionAt(machine, hart, pc)}), value ${hex(address)}`;
  return `tessera: E_FAULTS: ${what}; its trap handler at ${hex(hart.pc)} faults as well, ${MOST_NESTED} times without returning\n`
    + `${registers(hart)}`;
}

function instructionAt(machine: Machine, hart: Hart, pc: bigint): string {
  const bytes = readMemory(machine, hart, pc, 4);
  if (bytes === undefined || bytes.length < 2) return 'there is no memory';
  const word = bytes.length < 4 ? bytes[0]! | (bytes[1]! << 8) : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  return disassembleWord(createDecoder(FULL_ISA), word, pc);
}

function registers(hart: Hart): string {
  const cells = [`pc ${hex(hart.pc)}`, ...Array.from({ length: REGISTERS - 1 }, (_, i) => `${xName(i + 1)} ${hex(hart.x[i + 1]!)}`)];
  const lines: string[] = [];
  for (let i = 0; i < cells.length; i += A_LINE) lines.push(cells.slice(i, i + A_LINE).map((cell) => cell.padEnd(24)).join('').trimEnd());
  return `${lines.join('\n')}\n`;
}
