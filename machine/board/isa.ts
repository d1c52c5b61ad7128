/**
 * The ISA string in the device tree's words.
 * @spec devicetree bindings riscv/extensions.yaml
 */
import type { CpuModel } from '../cpu/switch.ts';
import { HART_EXTENSIONS } from '../hart/features.ts';
import { FULL_ISA, parseIsa, rows, STRICT_ALIGNMENT } from '../../hardware/isa/table.ts';

/** The default machine: all instructions, and all features of the hart model. */
export const DEFAULT_ISA = `${FULL_ISA}_${HART_EXTENSIONS}`;

/** Names of privilege modes, which are not extensions. */
const modes = new Set(['g', 's', 'u']);
const LETTERS = 'imafdqcbvh';

/** Extension names as `riscv,isa-extensions` lists them: single letters in canonical order, then the others. */
export function isaExtensions(isa: string): string[] {
  const names = [...parseIsa(isa)].filter((name) => !modes.has(name));
  const letters = names.filter((n) => n.length === 1).sort((a, b) => LETTERS.indexOf(a) - LETTERS.indexOf(b));
  return [...letters, ...names.filter((n) => n.length > 1).sort()];
}

/** The `riscv,isa` string of the same list. */
export function isaString(extensions: readonly string[]): string {
  const letters = extensions.filter((n) => n.length === 1).join('');
  return [`rv64${letters}`, ...extensions.filter((n) => n.length > 1)].join('_');
}

/** The ISA string without the extensions that the processor model lacks. */
export function isaOf(model: CpuModel, isa: string): string {
  const names = isaExtensions(isa);
  return names.some((name) => model.absent.includes(name)) ? isaString(names.filter((name) => !model.absent.includes(name))) : isa;
}

/** Names that stand for several extensions, or for behaviour that every machine here has. */
const COMMON = [
  'g', 'h', 's', 'u', 'b', 'zfh', 'zfhmin', 'zfa', 'zcb', 'zcd', 'zk', 'zkn', 'zks', 'zkt', 'zihpm', 'zicntr', 'ziccif', 'ziccrse',
  'ziccamoa', 'za64rs', 'zic64b',
  'svbare', 'svade', 'sv39', 'sv48', 'sv57', 'ssccptr', 'sstvecd', 'sstvala', 'sscounterenw', 'ssu64xl', 'sha', 'shcounterenw', 'shvstvala',
  'shtvala', 'shvstvecd', 'shvsatpa', 'shgatpa',
];

/** Extensions in an ISA string that this machine lacks and that make a difference to software. */
export function unknownExtensions(isa: string): string[] {
  const known = new Set([...parseIsa(DEFAULT_ISA), STRICT_ALIGNMENT, ...COMMON.flatMap((name) => [...parseIsa(`rv64i_${name}`)])]);
  for (const row of rows) for (const all of row.extensions) for (const name of all.split('+')) known.add(name);
  return [...parseIsa(isa)].filter((name) => !known.has(name));
}
