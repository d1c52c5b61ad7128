/** The shape of the system call table: one row per call, which feeds the dispatcher, the trace (`strace`) and the compatibility page. */
import { CallError, E } from '../kernel/errno.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Co } from '../kernel/wait.ts';
import { getString } from '../mm/uaccess.ts';

/** Takes the six arguments as numbers; answers the result, -errno, or a generator where it must sleep. */
export type Handler = (t: Thread, a: number, b: number, c: number, d: number, e: number, f: number) => number | Co<number>;

/** full: as Linux. part: the note says what is missing. none: accepted without effect. */
export type Support = 'full' | 'part' | 'none';
export interface Row {
  readonly nr: number; readonly name: string; readonly handler: Handler;
  /**
   * Names of the arguments with how to print them: `path:s flags:open fd len`. Plain = decimal, s = text, x = hexadecimal, o = octal,
   * m = octal, only where the flags before it may make a file,
   * b = bytes that go in (as many as the next argument says), r = bytes that come out (as many as the result says), v = list of texts,
   * anything else = words of symbols.ts.
   */
  readonly args: string;
  readonly support: Support;
  readonly note: string;
  /** The handler needs all registers, not only the arguments. */
  readonly regs: boolean;
}
interface Options { support?: Support; note?: string; regs?: boolean }

export const row = (nr: number, name: string, args: string, handler: Handler, o: Options = {}): Row =>
  ({ nr, name, args, handler, support: o.support ?? (o.note ? 'part' : 'full'), note: o.note ?? '', regs: o.regs ?? false });

/** A path argument. ENAMETOOLONG, EFAULT. */
export function pathArg(t: Thread, va: number): string {
  const s = getString(t.mm, va, 4096);
  if (s === undefined) throw new CallError(E.NAMETOOLONG);
  return s;
}
export const low32 = (n: number): number => n | 0;
