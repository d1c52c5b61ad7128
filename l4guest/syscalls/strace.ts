/** A system call as a line of text, formatted by its row: `openat(AT_FDCWD, "/etc/passwd", O_RDONLY)`. */
import type { Thread } from '../kernel/thread.ts';
import { getString } from '../mm/uaccess.ts';
import { O } from '../abi/linux.ts';
import { symbolText, symbols } from '../abi/symbols.ts';
import { byNumber } from './table.ts';

const MAY_CREATE = O.CREAT | O.TMPFILE;

function text(thread: Thread, va: number): string {
  if (va === 0) return 'NULL';
  try {
    const string = getString(thread.mm, va, 4096);
    return string === undefined ? '…' : JSON.stringify(string.length > 80 ? `${string.slice(0, 80)}…` : string);
  } catch { return `0x${va.toString(16)}`; }
}
function value(thread: Thread, format: string | undefined, arg: number): string {
  if (format === 's') return text(thread, arg);
  const table = format === undefined ? undefined : symbols[format], word = table && symbolText(table, arg);
  if (word !== undefined) return word;
  if (format === 'x' || format === 'b' || format === 'r' || format === 'v')
    return arg === 0 ? '0' : arg < 0 ? String(arg) : `0x${arg.toString(16)}`;
  if (format === 'o' || format === 'm') return `0${arg.toString(8)}`;
  return String(arg);
}
export function strace(thread: Thread, nr: number, args: readonly number[]): string {
  const row = byNumber[nr];
  if (!row) return `[${thread.tid}] call ${nr}()`;
  const words = row.args === '' ? [] : row.args.split(' ');
  const meant = words.filter((word, i) => !word.endsWith(':m') || ((args[i - 1] ?? 0) & MAY_CREATE) !== 0);
  return `[${thread.tid} ${thread.name}] ${row.name}(${meant.map((word,
    i) => value(thread, word.split(':')[1], args[i] ?? 0)).join(', ')})`;
}
