/**
 * Formats arguments by their call's format (`path:s flags:open fd len`), in strace's notation.
 *
 * plain = decimal x = hexadecimal o = octal m = octal, only where a file may be created c = character s = text v = list of texts
 *   b = input bytes   r = output bytes   g = bytes in a guest's memory   anything else = words of the recording's symbols
 */
import { O } from '../l4guest/abi/linux.ts';
import { symbolText } from '../l4guest/abi/symbols.ts';
import { Part, type PayloadPart } from './payload.ts';
import type { Vocabulary } from './vocabulary.ts';

const decoder = new TextDecoder();
/** Longest text of one argument. */
const MOST_TEXT = 64;
const MAY_CREATE = O.CREAT | O.TMPFILE;

/** Bytes as a C string: escapes unprintable characters, cuts a long text with `…`. */
export function quoted(bytes: Uint8Array, whole = bytes.length): string {
  const cut = bytes.length > MOST_TEXT ? bytes.subarray(0, MOST_TEXT) : bytes, more = whole > cut.length ? '…' : '';
  const text = isText(cut)
    ? decoder.decode(cut).replace(/[\p{C}\u2028\u2029]/gu, escaped)
    : [...cut].map((b) => (b >= 32 && b < 127 ? String.fromCharCode(b) : escaped(String.fromCharCode(b)))).join('');
  return `"${text.replace(/["\\](?!\d|[nrtx])/g, '\\$&')}"${more}`;
}
const escaped = (c: string): string =>
  ({ '\n': '\\n', '\r': '\\r', '\t': '\\t' })[c] ?? `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`;
function isText(bytes: Uint8Array): boolean {
  try { new TextDecoder('utf-8', { fatal: true }).decode(bytes); return true; } catch { return false; }
}

const signed = (v: bigint): bigint => BigInt.asIntN(64, v);
/** Addresses in hexadecimal; small numbers and errors as they are. */
const hexOf = (v: bigint): string => (signed(v) < 0n && signed(v) > -4096n ? String(signed(v)) : v === 0n ? '0' : `0x${v.toString(16)}`);

/** The data for formatting one argument. */
interface Argument {
  readonly value: bigint;
  readonly before: bigint;
  readonly parts: readonly PayloadPart[];
  readonly length: number | undefined
}
const formats: Readonly<Record<string, (a: Argument) => string>> = {
  x: ({ value }) => hexOf(value), b: said, r: said, g: said,
  o: ({ value }) => `0${value.toString(8)}`, m: ({ value }) => `0${value.toString(8)}`,
  c: ({ value }) => quoted(Uint8Array.of(Number(value & 0xffn))),
  s: (a) => (a.value === 0n ? 'NULL' : a.parts[0] ? quoted(a.parts[0].bytes) : hexOf(a.value)),
  v: (a) => (a.value === 0n ? 'NULL' : a.parts.length > 0 ? `[${a.parts.map((p) => quoted(p.bytes)).join(', ')}]` : hexOf(a.value)),
};
function said(argument: Argument): string {
  const part = argument.parts.find((p) => p.part === Part.bytes);
  return argument.value === 0n ? 'NULL' : part ? quoted(part.bytes, argument.length) : hexOf(argument.value);
}

/** The arguments of a call: `args` is its format, `values` its words, `parts` the payload of the call and of its answer. */
export function argumentsText(words: Vocabulary, args: string, values: readonly bigint[], parts: readonly PayloadPart[],
    result?: bigint): string {
  const rows = args === '' ? [] : args.split(' '), texts: string[] = [];
  rows.forEach((row, i) => {
    const [, format = ''] = row.split(':'), value = values[i];
    if (value === undefined) return;
    if (format === 'm' && (Number(values[i - 1] ?? 0n) & MAY_CREATE) === 0) return;
    const symbols = words.symbols?.[format], word = symbols && symbolText(symbols, Number(signed(value)));
    const length = format === 'b' || format === 'g' ? Number(values[format === 'b' ? i + 1 : i - 1] ?? 0n)
      : format === 'r' && result !== undefined ? Number(signed(result))
      : undefined;
    const argument: Argument = {
      value, before: values[i - 1] ?? 0n, parts: parts.filter((p) => p.index === i && (p.part === Part.text || p.part === Part.bytes)),
      length
    };
    texts.push(word ?? formats[format]?.(argument) ?? (symbols ? hexOf(value) : String(signed(value))));
  });
  return texts.join(', ');
}

/** The result of a system call: a number, an address, or an error by name. */
export function resultText(words: Vocabulary, value: bigint): string {
  const n = signed(value);
  if (n < 0n && n > -4096n) return `-1 E${(words.errors?.[Number(-n)] ?? `E${-n}`).replace(/^E/, '')}`;
  return n >= 0x10000n ? `0x${n.toString(16)}` : String(n);
}
