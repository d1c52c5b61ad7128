/**
 * The shape of the system call table: one row per call, which feeds the dispatcher and the compatibility page. Numbers, names and arguments are
 * those of `abi/calls.ts`, which the trace reads too.
 */
import { calls, type CallName } from '../abi/calls.ts';
import { E } from '../abi/errno.ts';
import { CallError } from '../kernel/failure.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Co } from '../kernel/wait.ts';
import { getString } from '../mm/uaccess.ts';

/** Takes the six arguments as numbers; answers the result, -errno, or a generator where it must sleep. */
export type Handler = (t: Thread, a: number, b: number, c: number, d: number, e: number, f: number) => number | Co<number>;

/** full: as Linux. part: the note says what is missing. none: accepted without effect. */
export type Support = 'full' | 'part' | 'none';
export interface Row {
  readonly nr: number; readonly name: CallName; readonly handler: Handler;
  /** Names and formats of the arguments, see `abi/calls.ts`. */
  readonly args: string;
  readonly support: Support;
  readonly note: string;
  /** The handler needs all registers, not only the arguments. */
  readonly regs: boolean;
}
interface Options { support?: Support; note?: string; regs?: boolean }

export const row = (name: CallName, handler: Handler, o: Options = {}): Row =>
  ({ nr: calls[name][0], name, args: calls[name][1], handler, support: o.support ?? (o.note ? 'part' : 'full'), note: o.note ?? '', regs: o.regs ?? false });

/** A path argument. ENAMETOOLONG, EFAULT. */
export function pathArg(t: Thread, va: number): string {
  const s = getString(t.mm, va, 4096);
  if (s === undefined) throw new CallError(E.NAMETOOLONG);
  return s;
}
export const low32 = (n: number): number => n | 0;
