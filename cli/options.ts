/**
 * The options that `boot`, `run`, `vm` and `bare` share, and how option values are read. An invalid value is a usage error that names the
 * option.
 */
import { Option, type Command } from 'commander';
import { CpuError, cpuModel, switches, usage } from '../machine/cpu/model.ts';
import { CliError } from './errors.ts';

export const engines = ['auto', 'interp', 'jit'] as const;
export type Engine = (typeof engines)[number];

export interface SharedOptions {
  engine: Engine;
  /** Processor model. */
  cpu?: string;
  /** File for the kernel's trace. */
  trace?: string;
  /** Tasks whose payload is captured, `all` = every task. */
  tracePayload?: string[];
  /** Packs the trace file's chunks. */
  traceCompress?: boolean;
  /** `true`: the JSON object goes to standard error; text: to that file. */
  stats?: true | string;
  /** Lists the hottest functions at the end; with the symbols of this file too. */
  profile?: boolean;
  symbols?: string;
  /** Stop after this many instructions, status 124. */
  maxInstructions?: number;
  /** Stop with status 0 when this has appeared on the console. */
  until?: string;
  seed?: number;
  record?: string;
  replay?: string;
}

/** Adds the shared options to a command. */
export function withSharedOptions(command: Command): Command {
  return command
    .addOption(new Option('--engine <tiers>', 'engine tiers to use: auto, interp or jit; results never differ').default(
      'auto').argParser(oneOf('--engine',
      engines)))
    .option('--cpu <model>', `processor model: base, then switches with commas before them: ${switches.map(usage).join(', ')}`,
    processor('--cpu'))
    .option('--trace <file>', "record the kernel's trace")
    .option('--trace-payload <tasks>',
    'with --trace: also record the contents of messages, system calls and exits of these tasks; names with commas, * for any text, or all',
    names('--trace-payload'))
    .option('--trace-compress', 'with --trace: pack the file')
    .addOption(new Option('--stats [file]', 'print counts and speed as one JSON object when the run ends (to standard error, or to =FILE)'))
    .option('--profile',
    'print the hottest functions of the guest when the run ends, to standard error: share, instructions, translated part, speed')
    .option('--symbols <file>',
    "names of functions, for --profile and for the report of a kernel's panic: an ELF file, or lines as in System.map")
    .option('--max-instructions <n>', 'stop after this many instructions; exit status 124', count('--max-instructions'))
    .option('--until <text>', 'stop with status 0 when TEXT has appeared on the console; 1 if the run ends without it')
    .option('--seed <n>', 'seed of all random numbers in the machine', count('--seed'))
    .option('--record <file>', 'record all outside input')
    .option('--replay <file>', 'take all outside input from a recording')
    .option('--no-sandbox', 'run without a second wall around the host process (tessera doctor lists them)');
}

/** Reads --clock: seconds since 1970; `host` takes the host's clock now (a recording keeps it). */
function clockTime(text: string): number {
  if (text === 'host') return Math.floor(Date.now() / 1000);
  const seconds = /^\d+$/.test(text) ? Number(text) : Math.floor(Date.parse(text) / 1000);
  if (Number.isSafeInteger(seconds) && seconds >= 0 && seconds < 2 ** 40) return seconds;
  throw new CliError('E_OPTION', `option --clock: '${text}' is no time`, 'write for example --clock 2026-01-01T12:00Z');
}
/** `byDefault`: the options with which the guest's clock begins with the host's. */
export const clockOption = (byDefault: string): Option => new Option('--clock <time>',
  "the guest's wall clock at the start: a date such as 2026-01-01T12:00Z, seconds since 1970, or host; host is also the default with "
    + `${byDefault} and without --seed`).argParser(clockTime);

/** Reader of processor models; returns the text. */
export const processor = (option: string) => (text: string): string => {
  try {
    return cpuModel(text).text;
  } catch (error) {
    if (error instanceof CpuError)
      throw new CliError('E_CPU', `option ${option}: ${error.message}`, `write for example ${option} base,no-vmid`);
    throw error;
  }
};

const units: Record<string, number> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** Reader of sizes: `512M`, `1G`, `65536`; in bytes. */
export const size = (option: string) => (text: string): number => {
  const match = /^(\d+(?:\.\d+)?)([kmg]?)(?:i?b)?$/i.exec(text);
  const bytes = match ? Number(match[1]) * units[match[2].toLowerCase()] : NaN;
  if (Number.isNaN(bytes))
    throw new CliError('E_OPTION', `option ${option}: '${text}' is not a size`, 'write bytes, or a number with K, M or G, such as 512M');
  if (!Number.isSafeInteger(bytes) || bytes < 1)
    throw new CliError('E_OPTION', `option ${option}: '${text}' is not a whole number of bytes that a computer can have`,
      'write for example 512M');
  return bytes;
};

const LEAST_MEMORY = 64 * 2 ** 10, PAGE = 4096;

/** Reader of sizes of memory: whole pages, at least enough for a program and its stack. */
export const memorySize = (option: string) => (text: string): number => {
  const bytes = size(option)(text);
  if (bytes < LEAST_MEMORY)
    throw new CliError('E_OPTION', `option ${option}: ${text} is too little`, `write ${LEAST_MEMORY / 2 ** 10}K or more, such as 512M`);
  if (bytes % PAGE !== 0)
    throw new CliError('E_OPTION', `option ${option}: ${text} is no whole number of pages of 4K`, 'write for example 512M');
  return bytes;
};

/** Reader of counts: non-negative whole numbers; `1e9`, `10_000` and hexadecimal are fine. */
export const count = (option: string, least = 0, most = Number.MAX_SAFE_INTEGER) => (text: string): number => {
  const value = /^(0x[0-9a-f]+|-?[\d_]+(e\d+)?)$/i.test(text) ? Number(text.replaceAll('_', '')) : NaN;
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  if (Number.isNaN(value)) throw new CliError('E_OPTION', `option ${option}: '${text}' is not a whole number`, `write one ${range}`);
  if (!Number.isSafeInteger(value) || value < least || value > most)
    throw new CliError('E_OPTION', `option ${option}: ${text} is out of range`, `write a whole number ${range}`);
  return value;
};

export const oneOf = <T extends string>(option: string, choices: readonly T[]) => (text: string): T => {
  if (!choices.includes(text as T))
    throw new CliError('E_OPTION', `option ${option}: '${text}' is none of ${choices.join(', ')}`,
      `write for example ${option} ${choices[0]}`);
  return text as T;
};

/** Reader of names with commas between them. */
export const names = (option: string) => (text: string): string[] => {
  const list = text.split(',').map((t) => t.trim());
  if (list.some((t) => t === ''))
    throw new CliError('E_OPTION', `option ${option}: '${text}' has an empty name`,
      `write names with commas between them, such as ${option} sh,linux`);
  return list;
};

/** Collects an option that may be given several times. */
export const several = (text: string, before: string[] = []): string[] => [...before, text];

/**
 * `--stats` takes a value only with '=', but commander would also take the next word. So this rewrites a bare `--stats` as `--stats=`, up
 * to the words of a guest program.
 */
export function settleStats(words: string[], command: Command, stopAtOperand: boolean): string[] {
  const done: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if (word === '--' || (stopAtOperand && (!word.startsWith('-') || word === '-'))) return [...done, ...words.slice(i)];
    done.push(word === '--stats' ? '--stats=' : word);
    const option = command.options.find((o) => o.long === word || o.short === word);
    if (option?.required && i + 1 < words.length) done.push(words[++i]);
  }
  return done;
}

/** The option that gives a machine a disk, alike in every command. */
export const diskFlag = '--disk <file[,ro|,snapshot[=size]]>';
export const diskHelp = 'a virtio disk; ro = for reading only, snapshot = writes stay in memory (256M by default) and '
  + 'the file does not change; may be given several times';

/** `--gdb`, for the commands that offer it. */

export const gdbOption = (): Option =>
  new Option('--gdb <port>', 'wait for GDB on this TCP port (0: any) before the first instruction').argParser(count('--gdb', 0, 65535));

export const gdbAtOption = (): Option =>
  new Option('--gdb-at <record>', 'with --gdb: run up to this record of the trace (its number) first').argParser(count('--gdb-at', 1));
