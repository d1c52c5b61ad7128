/**
 * The ISA string in the device tree's words.
 * @spec devicetree bindings riscv/extensions.yaml
 */
import type { CpuModel } from '../cpu/switch.ts';
import { HART_EXTENSIONS } from '../hart/features.ts';
import { FULL_ISA, parseIsa, rows, STRICT_ALIGNMENT } from '../../hardware/isa/table.ts';

/** What the machine has unless told otherwise: all instructions, and the features of the hart model. */
export const DEFAULT_ISA = `${FULL_ISA}_${HART_EXTENSIONS}`;

/** Names that say a privilege mode rather than an extension. */
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

/** The ISA string without what the processor lacks. */
export function isaOf(model: CpuModel, isa: string): string {
  const names = isaExtensions(isa);
  return names.some((name) => model.absent.includes(name)) ? isaString(names.filter((name) => !model.absent.includes(name))) : isa;
}

/** Names for several extensions, and for what every machine of ours does anyway. */
const COMMON = [
  'g', 'h', 's', 'u', 'b', 'zfh', 'zfhmin', 'zfa', 'zcb', 'zcd', 'zk', 'zkn', 'zks', 'zkt', 'zihpm', 'zicntr', 'ziccif', 'ziccrse',
  'ziccamoa', 'za64rs', 'zic64b',
  'svbare', 'svade', 'sv39', 'sv48', 'sv57', 'ssccptr', 'sstvecd', 'sstvala', 'sscounterenw', 'ssu64xl', 'sha', 'shcounterenw', 'shvstvala',
  'shtvala', 'shvstvecd', 'shvsatpa', 'shgatpa',
];

/** What an ISA string names that this machine does not have, and no machine of ours can do without noticing. */
export function unknownExtensions(isa: string): string[] {
  const known = new Set([...parseIsa(DEFAULT_ISA), STRICT_ALIGNMENT, ...COMMON.flatMap((name) => [...parseIsa(`rv64i_${name}`)])]);
  for (const row of rows) for (const all of row.extensions) for (const name of all.split('+')) known.add(name);
  return [...parseIsa(isa)].filter((name) => !known.has(name));
}
