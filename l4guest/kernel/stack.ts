/** The first stack of a program: argc, argv, envp, auxiliary vector, and the strings they point to. */
import { STACK_TOP, type Mm } from '../mm/mm.ts';
import { copyOut } from '../mm/uaccess.ts';
import { E } from '../abi/errno.ts';

const MAX_STRING = 131072, AT_RANDOM = 25, AT_EXECFN = 31;

/** Writes the stack; returns the stack pointer, or -E2BIG. The area must exist. */
export function buildStack(mm: Mm, argv: readonly Uint8Array[], envp: readonly Uint8Array[], execfn: Uint8Array, random: Uint8Array,
    aux: readonly (readonly [number, number])[]): number {
  const strings = [...argv, ...envp, execfn], bytes = strings.reduce((n, s) => n + s.length + 1, 0),
    pointers = (argv.length + envp.length + 3) * 8;
  if (strings.some((s) => s.length >= MAX_STRING) || bytes + pointers > mm.stackLimit / 4) return -E.TOOBIG;
  const textAt = STACK_TOP - 16 - bytes, randomAt = Math.floor((textAt - 16) / 16) * 16;
  const vector = [...aux, [AT_RANDOM, randomAt], [AT_EXECFN, STACK_TOP - 16 - execfn.length - 1], [0, 0]] as const;
  const words = 1 + argv.length + 1 + envp.length + 1 + vector.length * 2, sp = Math.floor((randomAt - words * 8) / 16) * 16;
  const image = new Uint8Array(STACK_TOP - sp), view = new DataView(image.buffer);
  let at = 0, text = textAt;
  const word = (v: number): void => { view.setBigUint64(at, BigInt(v), true); at += 8; };
  const string = (s: Uint8Array): void => { image.set(s, text - sp); text += s.length + 1; };
  word(argv.length);
  mm.argStart = text;
  for (const arg of argv) { word(text); string(arg); }
  word(0);
  mm.argEnd = mm.envStart = text;
  for (const entry of envp) { word(text); string(entry); }
  word(0);
  mm.envEnd = text;
  string(execfn);
  const auxAt = at;
  for (const [type, value] of vector) { word(type); word(value); }
  mm.auxv = image.slice(auxAt, at);
  image.set(random, randomAt - sp);
  const area = mm.areas.find(STACK_TOP - 1)!;
  area.start = Math.min(area.start, Math.floor(sp / 4096) * 4096 - 0x1000);
  copyOut(mm, sp, image);
  mm.stackStart = sp;
  return sp;
}
