/**
 * The shape of the system call table: one row per call, which feeds the dispatcher and the compatibility page. Numbers, names and
 * arguments are those of `abi/calls.ts`, which the trace reads too.
 */
import { calls, type CallName } from '../abi/calls.ts';
import { E } from '../abi/errno.ts';
import { CallError } from '../kernel/failure.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Co } from '../kernel/wait.ts';
import { copyIn, getString } from '../mm/uaccess.ts';

/** Takes the six arguments as numbers; returns the result, -errno, or a generator where it must sleep. */
export type Handler = (t: Thread, a: number, b: number, c: number, d: number, e: number, f: number) => number | Co<number>;

/** full: as Linux. part: the note says what is missing. none: accepted without effect. */
export type Support = 'full' | 'part' | 'none';
export interface Row {
  readonly nr: number; readonly name: CallName; readonly handler: Handler;
  /** Names and formats of the arguments, see `abi/calls.ts`. */
  readonly args: string;
  readonly support: Support;
  readonly note: string;
  /** Bit n: argument n points to memory of the caller. */
  readonly pointers: number;
  /** Checks of the dispatcher before the handler runs. */
  readonly checks: readonly Check[];
  /** The handler needs all registers, not only the arguments. */
  readonly regs: boolean;
}
interface Options { support?: Support; note?: string; regs?: boolean; checks?: readonly Check[] }

/**
 * A check of an argument before the handler runs. bits: only these may be set, in the 32 bits that Linux examines, or in all 64 for a long.
 * open: the descriptor is open, and not with O_PATH.
 */
export type Check =
  | { readonly kind: 'bits'; readonly arg: number; readonly allowed: number; readonly errno: number; readonly long: boolean }
  | { readonly kind: 'open'; readonly arg: number };
export const bits = (arg: number, allowed: number, errno: number = E.INVAL): Check => ({ kind: 'bits', arg, allowed, errno, long: false });
export const longBits = (arg: number, allowed: number, errno: number = E.INVAL): Check =>
  ({ kind: 'bits', arg, allowed, errno, long: true });
export const isOpen = (arg: number): Check => ({ kind: 'open', arg });

function failedCheck(thread: Thread, check: Check, value: number): number {
  if (check.kind === 'open') return thread.proc.fds.get(value) ? 0 : -E.BADF;
  return (value & ~check.allowed) !== 0 || (check.long && (value < 0 || value > 0xffff_ffff)) ? -check.errno : 0;
}
/** The handler preceded by its checks, in order; without checks the handler itself. */
function checked(handler: Handler, checks: readonly Check[]): Handler {
  if (checks.length === 0) return handler;
  return (thread, a0, a1, a2, a3, a4, a5) => {
    for (const x of checks) {
      const failed = failedCheck(thread, x,
        x.arg === 0 ? a0 : x.arg === 1 ? a1 : x.arg === 2 ? a2 : x.arg === 3 ? a3 : x.arg === 4 ? a4 : a5);
      if (failed !== 0) return failed;
    }
    return handler(thread, a0, a1, a2, a3, a4, a5);
  };
}

/** Arguments that Linux takes as an int: the upper half of the register is ignored. Descriptors are narrowed at their lookup. */
const INTS = new RegExp(`^(${['sig', 'whence', 'which', 'who', 'pid', 'tid', 'tgid', 'pgid', 'ms', 'backlog', 'level', 'protocol', 'family',
  'policy', 'prio', 'nice', 'clock', 'advice', 'wd', 'option', 'cpu', 'page', 'ring', 'how', 'command'].join('|')})(:\\w+)?$`);
/** … but these are addresses, which are shown in hexadecimal: `how` of openat2, `cpu` of getcpu. */
const ADDRESSES = /^(how|cpu):x$/;
const intsOf = (args: string): number =>
  args.split(' ').reduce((bits, arg, i) => (INTS.test(arg) && !ADDRESSES.test(arg) ? bits | (1 << i) : bits), 0);
/** Calls whose flags are an int or unsigned although no check says so. */
const INT_FLAGS = new Set<string>(['copy_file_range', 'sched_setattr', 'sched_getattr', 'rseq', 'seccomp', 'process_mrelease',
  'pidfd_send_signal']);
/** Flags of which only 32 bits are examined: bit n for argument n. */
const flagsOf = (name: string, args: string, checks: readonly Check[]): number =>
  checks.reduce((bits, c) => (c.kind === 'bits' && !c.long ? bits | (1 << c.arg) : bits),
    INT_FLAGS.has(name) ? args.split(' ').reduce((bits, arg, i) => (arg.startsWith('flags') ? bits | (1 << i) : bits), 0) : 0);
/** The handler, called with the arguments narrowed to what it expects. */
function narrowed(handler: Handler, ints: number): Handler {
  if (ints === 0) return handler;
  const int = (bit: number, x: number): number => (ints & bit ? x | 0 : x);
  return (t, a, b, c, d, e, f) => handler(t, int(1, a), int(2, b), int(4, c), int(8, d), int(16, e), int(32, f));
}
/** Arguments whose format says that they are addresses. */
const pointersOf = (args: string): number =>
  args.split(' ').reduce((bits, arg, i) =>
    (/:[xsbrv]$/.test(arg) && !/^(flags|mode|mask|prot|dev|end|at|newat|start|rights):/.test(arg) ? bits | (1 << i) : bits),
    0);

export const row = (name: CallName, handler: Handler, options: Options = {}): Row => ({
  nr: calls[name][0], name, args: calls[name][1], pointers: pointersOf(calls[name][1]),
    handler: narrowed(checked(handler, options.checks ?? []), intsOf(calls[name][1]) | flagsOf(name, calls[name][1], options.checks ?? [])),
    checks: options.checks ?? [], support: options.support ??
    (options.note ? 'part' : 'full'), note: options.note ?? '',
  regs: options.regs ?? false,
});

/**
 * Reads a structure whose size the caller states: EINVAL if too small, E2BIG if over a page or if a byte beyond the fields that we know
 * is not zero. Missing fields are zeros.
 */
export function extensible(thread: Thread, va: number, size: number, least: number, known: number): DataView {
  if (size < 0 || size > 4096) throw new CallError(E.TOOBIG);
  if (size < least) throw new CallError(E.INVAL);
  const bytes = copyIn(thread.mm, va, size), out = new Uint8Array(known);
  for (let i = known; i < size; i++) if (bytes[i] !== 0) throw new CallError(E.TOOBIG);
  out.set(bytes.subarray(0, known));
  return new DataView(out.buffer);
}
/** A 64-bit field as a number: exact below 2^53. */
export const field64 = (v: DataView, at: number): number => v.getInt32(at + 4, true) * 4294967296 + v.getUint32(at, true);

/** A path argument. ENAMETOOLONG, EFAULT. */
export function pathArg(thread: Thread, va: number): string {
  const text = getString(thread.mm, va, 4096);
  if (text === undefined) throw new CallError(E.NAMETOOLONG);
  return text;
}
