/** The command line of a tool in bench/ or test/. Its usage text is the comment at the head of its file: one text, for readers of both. */
import { readFileSync, writeSync } from 'node:fs';
import { basename } from 'node:path';
import { parseArgs, type ParseArgsConfig } from 'node:util';

const WRONG_USAGE = 2, STDOUT = 1, STDERR = 2;

function headOf(file: string): string {
  const [, comment = ''] = /^\/\*\*([\s\S]*?)\*\//.exec(readFileSync(file, 'utf8')) ?? [];
  return comment.split('\n').map((line) => line.replace(/^ *\* ?/, '').trimEnd()).join('\n').trim();
}

/** Ends the tool: prints its usage if somebody asks for help. `more`: lines behind it, for example names. */
export function answerHelp(file: string, more = '', words: readonly string[] = process.argv.slice(2)): void {
  const own = words.includes('--') ? words.slice(0, words.indexOf('--')) : words;
  if (!own.includes('--help') && !own.includes('-h')) return;
  writeSync(STDOUT, `${headOf(file)}\n${more === '' ? '' : `\n${more}\n`}`);
  process.exit(0);
}

/** Ends the tool: one line says what is wrong with its command line. */
export function refuse(file: string, why: string): never {
  writeSync(STDERR, `${basename(file)}: ${why} (--help shows the usage)\n`);
  process.exit(WRONG_USAGE);
}

/** As `parseArgs`, with --help and -h. */
export function readOptions<T extends ParseArgsConfig>(file: string, config: T, more = ''): ReturnType<typeof parseArgs<T>> {
  answerHelp(file, more);
  try {
    return parseArgs(config);
  } catch (error) {
    return refuse(file, (error as Error).message.split('. ')[0]!);
  }
}

/** The number that an option has; at least `least`. */
export function numberOf(file: string, option: string, text: string, least = 0): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < least) refuse(file, `${option} '${text}' is no number from ${least} on`);
  return value;
}
