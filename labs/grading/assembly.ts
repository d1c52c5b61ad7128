/** A submission in RISC-V assembly: our assembler turns it into a native program, with the names of the ABI in front. */
import { assemble } from '../../hardware/isa/assemble.ts';
import { constants } from '../start/constants.ts';
import { SubmissionError } from './submission.ts';

/** Address of the program: one segment, readable, writable and executable. */
const BASE = 0x10000, HEADERS = 4096, PHDR = 64;

/** A static ELF executable that the loader of roottask takes. Throws SubmissionError, with the line. */
export function nativeProgram(file: string, source: string): Uint8Array {
  const lines = source.split('\n'), code = assembled(file, lines), entry = code.symbols.get('_start');
  if (entry === undefined) throw new SubmissionError(`${file} has no label '_start', where the program begins`);
  const elf = new Uint8Array(HEADERS + code.bytes.length), view = new DataView(elf.buffer);
  elf.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true); view.setUint16(18, 243, true); view.setUint32(20, 1, true);
  view.setBigUint64(24, entry, true); view.setBigUint64(32, BigInt(PHDR), true);
  view.setUint16(52, 64, true); view.setUint16(54, 56, true); view.setUint16(56, 1, true);
  view.setUint32(PHDR, 1, true); view.setUint32(PHDR + 4, 7, true);
  [HEADERS, BASE, BASE, code.bytes.length, code.bytes.length, 4096].forEach((v, i) => view.setBigUint64(PHDR + 8 + 8 * i, BigInt(v), true));
  elf.set(code.bytes, HEADERS);
  return elf;
}

function assembled(file: string, lines: readonly string[]): ReturnType<typeof assemble> {
  try {
    return assemble(`${constants()}\n${lines.join('\n')}`, BASE);
  } catch (error) {
    const message = (error as Error).message,
      at = lines.findIndex((line) => {
        const text = line.replace(/(#|\/\/).*$/, '').replace(/^\s*[\w.$]+:\s*/, '').trim();
        return text !== '' && message.startsWith(`${text}:`);
      });
    throw new SubmissionError(`${message} (${file}${at < 0 ? '' : `:${at + 1}`})`);
  }
}

/** Adds the label to a message with `pc 0x…`: `(lend_on+0x8)`. */
export function placed(message: string, file: string, source: string): string {
  const pc = Number.parseInt(/\bpc 0x([0-9a-f]+)/.exec(message)?.[1] ?? '', 16), { symbols, bytes } = assembled(file, source.split('\n'));
  if (!(pc >= BASE && pc < BASE + bytes.length)) return message;
  const labels = source.split('\n').flatMap((l) => /^\s*([\w.$]+):/.exec(l)?.[1] ?? [])
    .map((l) => [l, Number(symbols.get(l) ?? -1)] as const);
  const [name, at] = labels.filter(([, a]) => a >= BASE && a <= pc).reduce((best, l) => (l[1] >= best[1] ? l : best),
    ['', 0] as readonly [string, number]);
  return name === '' ? message : `${message} (${name}${pc > at ? `+0x${(pc - at).toString(16)}` : ''})`;
}
