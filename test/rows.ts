/**
 * The table of docs/rows.md: systems and techniques, each with its state and with the command that shows it.
 *
 *   | ID | row | state | shown by | missing |
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

export interface DocumentRow {
  readonly id: string;
  readonly state: string;
  /** Commands between backquotes, in their order. */
  readonly commands: readonly string[];
  readonly missing: string;
}

export function rowsOf(text: string): DocumentRow[] {
  return text.split('\n').filter((line) => /^\| [A-N]\d+ \|/.test(line)).map((line) => {
    const [id, , state, shown, missing] = line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim());
    const commands = [...shown!.matchAll(/`((?:tessera|npx|npm) [^`]+)`/g)].map((found) => found[1]!);
    return { id: id!, state: state!, commands, missing: missing! };
  });
}

export const readRows = (): DocumentRow[] => rowsOf(readFileSync(join(root, 'docs/rows.md'), 'utf8'));

/** Tells why `command` cannot be run in this tree, or nothing if all that it names is there. */
export function flawOf(command: string, subcommands: ReadonlySet<string>): string | undefined {
  const words = command.split(/\s+/);
  if (words[0] === 'tessera') return flawOfTessera(words, subcommands);
  if (words[0] === 'npm') return words[1] === 'run' && !scripts().has(words[2]!) ? `package.json has no script ${words[2]}` : undefined;
  const named = words.slice(1).filter((word) => /\/|\.ts$/.test(word) && !word.startsWith('-'));
  return named.filter((path) => !existsSync(join(root, path))).map((path) => `${path} is not there`)[0];
}

function flawOfTessera(words: readonly string[], subcommands: ReadonlySet<string>): string | undefined {
  if (!subcommands.has(words[1]!)) return `tessera has no command ${words[1]}`;
  if (words[1] === 'boot' && !existsSync(join(root, 'scenarios', `${words[2]}.ts`))) return `scenarios/${words[2]}.ts is not there`;
  const ours = words.filter((word) => /^(guests|scenarios|labs|test)\//.test(word));
  return ours.filter((path) => !existsSync(join(root, path))).map((path) => `${path} is not there`)[0];
}

const scripts = (): Set<string> => new Set(Object.keys(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).scripts));
