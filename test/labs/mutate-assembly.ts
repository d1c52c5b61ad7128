/**
 * Small mistakes in a program in assembly: one instruction changed, or left out. `nop`s replace a removed instruction, so that time stays
 * the same and only the instruction's effect differs: a mutant with the same records is then the same program, not just a faster one.
 */
import { assemble } from '../../hardware/isa/assemble.ts';
import { constants } from '../../labs/start/constants.ts';
import type { Mutant } from './mutate-javascript.ts';

const SWAPS: Readonly<Record<string, readonly string[]>> = {
  beq: ['bne'], bne: ['beq'], blt: ['bge'], bge: ['blt'], bltu: ['bgeu'], bgeu: ['bltu'], bgt: ['ble'], ble: ['bgt'], bgtu: ['bleu'],
  bleu: ['bgtu'], beqz: ['bnez'], bnez: ['beqz'], bltz: ['bgez'], bgez: ['bltz'], blez: ['bgtz'], bgtz: ['blez'],
  add: ['sub'], sub: ['add'], addi: ['xori'], slli: ['srli'], srli: ['slli'], and: ['or'], or: ['and'], andi: ['ori'], ori: ['andi'],
  ld: ['lw'], sd: ['sw'], lw: ['lb'], mul: ['add'], remu: ['divu'], divu: ['remu'], seqz: ['snez'], snez: ['seqz'], sltu: ['slt'],
  slt: ['sltu'], call: ['j'],
};
const REGISTERS = ['a0', 'a1', 'a2', 'a3', 's0', 's1', 's2', 't0', 't1', 't2'];

/** Lines of the solution that the starter has, too, in the same order: they were given, so they are not mutated. */
function given(solution: readonly string[], starter: readonly string[]): Set<number> {
  const longest = Array.from({ length: solution.length + 1 }, () => new Int32Array(starter.length + 1)), found = new Set<number>();
  for (let i = solution.length - 1; i >= 0; i--)
    for (let j = starter.length - 1; j >= 0; j--)
      longest[i]![j] = solution[i] === starter[j] ? longest[i + 1]![j + 1]! + 1 : Math.max(longest[i + 1]![j]!, longest[i]![j + 1]!);
  for (let i = 0, j = 0; i < solution.length && j < starter.length; ) {
    if (solution[i] === starter[j]) { found.add(i++); j++; } else if (longest[i + 1]![j]! >= longest[i]![j + 1]!) i++; else j++;
  }
  return found;
}

/** Instructions of a line: two for those that need labels (la, call). */
function instructionsIn(lines: readonly string[], line: string): number {
  const names = lines.filter((l) => l.trim().startsWith('.equ'));
  try {
    return assemble([constants(), ...names, line].join('\n'), 0).bytes.length / 4;
  } catch {
    return /^(la|call)\b/.test(line) ? 2 : 1;
  }
}

/** All mutants, in the order of the source. */
export function mutantsOf(source: string, starter = ''): Mutant[] {
  const lines = source.split('\n'), found: Mutant[] = [], theirs = given(lines, starter.split('\n'));
  const change = (i: number, what: string, text: string): void => {
    found.push({
      what: `line ${i + 1}: ${what}: ${lines[i]!.trim()} → ${text.trim().replaceAll('\n', '; ') || 'nothing'}`,
      source: [...lines.slice(0, i), text, ...lines.slice(i + 1)].join('\n')
    });
  };
  lines.forEach((line, i) => {
    const [, label = '', name, rest = ''] = /^(\s*(?:[\w.$]+:\s*)?)([a-z][\w.]*)\s*([^#]*)/.exec(line.replace(/(#|\/\/).*$/, '')) ?? [];
    if (!name || name.startsWith('.') || theirs.has(i)) return;
    const args = rest.split(',').map((a) => a.trim()).filter((a) => a !== ''),
      put = (n: string, a: readonly string[]): string => `${label}${n} ${a.join(', ')}`;
    change(i, 'leaves it out', `${label}${'nop\n'.repeat(instructionsIn(lines, `${name} ${rest}`)).trimEnd()}`);
    for (const other of SWAPS[name] ?? []) change(i, 'another instruction', put(other, args));
    args.forEach((argument, k) => {
      const other = (text: string): void => change(i, 'another operand', put(name, args.map((x, j) => (j === k ? text : x))));
      if (/^-?(0x[\da-f]+|\d+)$/i.test(argument)) {
        other(String(Number(argument) + (name.startsWith('s') && /^s[lr]/.test(name) ? 1 : 8)));
        if (Number(argument) !== 0) other('0');
      }
      else if (REGISTERS.includes(argument)) other(REGISTERS[(REGISTERS.indexOf(argument) + 1) % REGISTERS.length]!);
      else if (/^[A-Z][A-Z_]+\+[A-Z]/.test(argument)) other(argument.split('+')[0]!);
      else if (/^[A-Z]\w*$/.test(argument)) other(`${argument}+1`);
    });
    if (args.length === 3 && args[1] !== args[2] && !/\(/.test(rest))
      change(i, 'swaps two operands', put(name, [args[0]!, args[2]!, args[1]!]));
    const memory = /^(.*)\((\w+)\)$/.exec(args[1] ?? '');
    if (memory) change(i, 'another place', put(name, [args[0]!, `${memory[1] || '0'}+8(${memory[2]})`]));
  });
  return found;
}
