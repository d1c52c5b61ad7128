/**
 * Restartable sequences: a thread marks a section that must not be interrupted; if it is (another thread has run, or a handler is about
 * to), it continues at its abort address.
 *
 * @spec linux include/uapi/linux/rseq.h
 */
import { getBig, getI64, getU32, setI64, setU32 } from '../mm/uaccess.ts';
import { UserFault } from './failure.ts';
import type { Thread } from './thread.ts';

/** struct rseq as first known: processor at the start, processor, address of the sequence, flags, node, concurrency id. */
export const RSEQ_SIZE = 32;
const CPU = 4, SEQUENCE = 8, NODE = 20, CONCURRENCY = 24, NO_CPU = 0xffff_ffff;
/** due: an interruption has occurred since the thread was last in user mode. */
export interface Rseq { readonly area: number; readonly length: number; readonly sig: number; due: boolean }

function tell(thread: Thread, area: number, cpu: number): void {
  setU32(thread.mm, area, 0);
  setU32(thread.mm, area + CPU, cpu);
  setU32(thread.mm, area + NODE, 0);
  setU32(thread.mm, area + CONCURRENCY, 0);
}
export function startSequence(thread: Thread, area: number, length: number, sig: number): number {
  setI64(thread.mm, area + SEQUENCE, 0);
  tell(thread, area, 0);
  thread.rseq = { area, length, sig, due: false };
  return 0;
}
export function stopSequence(thread: Thread): number {
  tell(thread, thread.rseq!.area, NO_CPU);
  thread.rseq = undefined;
  return 0;
}
/** Another thread runs now: returns whether this thread's registers must be checked before it resumes. */
export function interrupted(thread: Thread): void {
  const rseq = thread.rseq!;
  try { if (getBig(thread.mm, rseq.area + SEQUENCE) === 0n) return; } catch (error) { if (!(error instanceof UserFault)) return; }
  rseq.due = true;
  thread.work = true;
}
/** Sends a thread inside a sequence to its abort address. False: its descriptor is invalid. */
export function leaveSequence(thread: Thread): boolean {
  const rseq = thread.rseq!;
  rseq.due = false;
  try {
    const at = getI64(thread.mm, rseq.area + SEQUENCE);
    if (at === 0) return true;
    const version = getU32(thread.mm, at), start = getI64(thread.mm, at + 8), length = getI64(thread.mm, at + 16),
      abort = getI64(thread.mm, at + 24);
    const pc = thread.regs.pc, inside = pc >= start && pc < start + length;
    if (version !== 0 || (abort >= start && abort < start + length) || getU32(thread.mm, abort - 4) !== rseq.sig) return false;
    setI64(thread.mm, rseq.area + SEQUENCE, 0);
    if (inside) thread.regs.pc = abort;
    return true;
  } catch (error) {
    if (error instanceof UserFault) return false;
    throw error;
  }
}
