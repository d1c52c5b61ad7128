/**
 * `--profile`: prints a table of a run's hottest functions. Function names come from the symbols of the started programs, and from
 * --symbols FILE: an ELF file, or lines such as `ffffffff80002000 T _start` (a Linux guest's /proc/kallsyms, what nm prints). Without a
 * symbol the address is shown.
 */
import { Profiler, type Sample } from '../machine/engine/profile.ts';
import { isElf, parseElf } from '../machine/loader/elf.ts';
import { FunctionNames } from '../system/panic/names.ts';
import { CliError } from './errors.ts';
import { linesOf, readImage, readInput } from './files.ts';

/** Rows of the table. */
const ROWS = 30;
/** Addresses without a symbol are grouped by this many bytes. */
const NAMELESS = 256;

/** The profile of one run, over all restarts of its machine. */
export class Profile {
  readonly names = new FunctionNames();
  private readonly profiler = new Profiler();

  /** The profile for these options. @throws CliError when the symbols cannot be read */
  static asked(options: { readonly profile?: boolean | undefined; readonly symbols?: string | undefined }): Profile | undefined {
    const symbols = options.symbols === undefined ? [] : readSymbolFile(options.symbols);
      // without --profile they are for the report of a panic
    if (!options.profile) return undefined;
    const profile = new Profile();
    profile.names.add(symbols);
    return profile;
  }

  attach(machine: { profiler: Profiler | undefined }): void { machine.profiler = this.profiler; }

  table(): string { return profileTable(this.profiler.samples(), this.names); }
}

/** The symbols in the file of a kernel; empty if it has none or is no ELF file. */
export function kernelSymbols(path: string): Iterable<readonly [string, number]> {
  const bytes = readImage('kernel', path), elf = isElf(bytes) ? parseElf(bytes) : undefined;
  return elf?.ok ? elf.value.symbols : [];
}

/** The symbols in a file of --symbols. @throws CliError */
export function readSymbolFile(path: string): ReadonlyMap<string, number> {
  const bytes = readInput('symbol file', path);
  if (!isElf(bytes)) return symbolLines(path, linesOf(bytes));
  const elf = parseElf(bytes);
  if (!elf.ok) throw new CliError('E_FORMAT', `symbol file '${path}' ${elf.error}`);
  if (elf.value.symbols.size === 0) throw new CliError('E_FORMAT', `symbol file '${path}' has no symbols`, 'give one that is not stripped');
  return elf.value.symbols;
}

function symbolLines(path: string, lines: Iterable<string>): Map<string, number> {
  const out = new Map<string, number>();
  for (const line of lines) {
    const [, address, name] = /^([0-9a-f]{4,16}) [tTwW] (\S+)/.exec(line) ?? [];
    if (address !== undefined) out.set(name!, Number(BigInt.asIntN(64, BigInt(`0x${address}`))));
  }
  if (out.size === 0)
    throw new CliError('E_FORMAT', `symbol file '${path}' has no functions`,
      'give an ELF file, or lines such as: ffffffff80002000 T _start');
  return out;
}

interface FunctionCost { readonly name: string; readonly mode: string; instructions: number; translated: number; seconds: number }

/** The table for people. */
export function profileTable(samples: Iterable<Readonly<Sample>>, names: FunctionNames): string {
  const rows = new Map<string, FunctionCost>(), all: FunctionCost = { name: '', mode: '', instructions: 0, translated: 0, seconds: 0 };
  for (const sample of samples) {
    const name = names.at(sample.pc) ?? nameless(sample.pc), mode = modeOf(sample), key = `${mode} ${name}`;
    let row = rows.get(key);
    if (!row) rows.set(key, (row = { name, mode, instructions: 0, translated: 0, seconds: 0 }));
    for (const counted of [row, all]) {
      counted.instructions += sample.instructions;
      counted.translated += sample.translated;
      counted.seconds += sample.seconds;
    }
  }
  if (all.instructions === 0) return '\nprofile: too short a run for a sample\n';
  const sorted = [...rows.values()].sort((a, b) => b.instructions - a.instructions), shown = sorted.slice(0, ROWS);
  const lines = shown.map((r) =>
    `${percent(r.instructions, all.instructions)} ${millions(r.instructions)} ${percent(r.translated, r.instructions)} ${mips(r)}  `
      + `${r.mode.padEnd(4)}  ${r.name}`);
  const rest = sorted.length > ROWS ? `and ${sorted.length - ROWS} more\n` : '';
  return `\nprofile: ${millions(all.instructions).trim()} million instructions, ${percent(all.translated, all.instructions).trim()} of `
    + `them translated, ${mips(all).trim()} MIPS\n`
    + `  share  millions  transl.   MIPS  mode  function\n${lines.join('\n')}\n${rest}`;
}

function modeOf({ priv, virt }: Sample): string {
  const name = ['U', 'S', '', 'M'][priv]!;
  return virt ? `V${name}` : name;
}

const nameless = (pc: number): string => `0x${BigInt.asUintN(64, BigInt(Math.floor(pc / NAMELESS) * NAMELESS)).toString(16)} …`;
const percent = (part: number, whole: number): string => `${((100 * part) / Math.max(whole, 1)).toFixed(1)} %`.padStart(7);
const millions = (n: number): string => (n / 1e6).toFixed(1).padStart(9);
const mips = (r: FunctionCost): string => (r.instructions / 1e6 / Math.max(r.seconds, 1e-9)).toFixed(0).padStart(7);
