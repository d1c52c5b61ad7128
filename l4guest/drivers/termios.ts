/** Terminal settings: flags, control characters, and the structures that ioctls carry (termios 36 bytes, termios2 44). */
import { copyIn, copyOut } from '../mm/uaccess.ts';
import type { Mm } from '../mm/mm.ts';

export const I = {
  IGNBRK: 1, BRKINT: 2, INPCK: 0o20, ISTRIP: 0o40, INLCR: 0o100, IGNCR: 0o200, ICRNL: 0o400, IUCLC: 0o1000, IXON: 0o2000, IXANY: 0o4000,
  IMAXBEL: 0o20000, IUTF8: 0o40000
} as const;
export const Out = { OPOST: 1, OLCUC: 2, ONLCR: 4, OCRNL: 8, ONOCR: 16, ONLRET: 32, TABS: 0o14000, XTABS: 0o14000 } as const;
export const L = {
  ISIG: 1, ICANON: 2, ECHO: 8, ECHOE: 16, ECHOK: 32, ECHONL: 64, NOFLSH: 128, TOSTOP: 256, ECHOCTL: 512, ECHOPRT: 1024, ECHOKE: 2048,
  IEXTEN: 0o100000
} as const;
export const V = {
  INTR: 0, QUIT: 1, ERASE: 2, KILL: 3, EOF: 4, TIME: 5, MIN: 6, SWTC: 7, START: 8, STOP: 9, SUSP: 10, EOL: 11, REPRINT: 12, DISCARD: 13,
  WERASE: 14, LNEXT: 15, EOL2: 16
} as const;
const NCC = 19;

export interface Termios { i: number; o: number; c: number; l: number; readonly cc: Uint8Array; ispeed: number; ospeed: number }

export function defaultTermios(): Termios {
  const cc = new Uint8Array(NCC);
  cc.set([3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0]);
  return {
    i: I.ICRNL | I.IXON | I.IUTF8, o: Out.OPOST | Out.ONLCR, c: 0o2277,
    l: L.ISIG | L.ICANON | L.ECHO | L.ECHOE | L.ECHOK | L.ECHOCTL | L.ECHOKE | L.IEXTEN, cc, ispeed: 38400, ospeed: 38400
  };
}
export function putTermios(mm: Mm, va: number, x: Termios, second: boolean): void {
  const out = new Uint8Array(second ? 44 : 36), view = new DataView(out.buffer);
  view.setUint32(0, x.i, true); view.setUint32(4, x.o, true); view.setUint32(8, x.c, true); view.setUint32(12, x.l, true);
  out.set(x.cc, 17);
  if (second) { view.setUint32(36, x.ispeed, true); view.setUint32(40, x.ospeed, true); }
  copyOut(mm, va, out);
}
/** struct termio, the older 18 bytes: the lower halves of the flags, and eight characters. */
export function putTermio(mm: Mm, va: number, x: Termios): void {
  const out = new Uint8Array(18), view = new DataView(out.buffer);
  [x.i, x.o, x.c, x.l].forEach((n, i) => { view.setUint16(2 * i, n & 0xffff, true); });
  out.set(x.cc.subarray(0, 8), 9);
  copyOut(mm, va, out);
}
export function getTermio(mm: Mm, va: number, x: Termios): void {
  const bytes = copyIn(mm, va, 18), view = new DataView(bytes.buffer), low = (old: number, at: number): number =>
    (old & ~0xffff) | view.getUint16(at, true);
  x.i = low(x.i, 0); x.o = low(x.o, 2); x.c = low(x.c, 4); x.l = low(x.l, 6);
  x.cc.set(bytes.subarray(9, 17));
}
export function getTermios(mm: Mm, va: number, x: Termios, second: boolean): void {
  const bytes = copyIn(mm, va, second ? 44 : 36), view = new DataView(bytes.buffer);
  x.i = view.getUint32(0, true); x.o = view.getUint32(4, true); x.c = view.getUint32(8, true); x.l = view.getUint32(12, true);
  x.cc.set(bytes.subarray(17, 36));
  if (second) { x.ispeed = view.getUint32(36, true); x.ospeed = view.getUint32(40, true); }
}
