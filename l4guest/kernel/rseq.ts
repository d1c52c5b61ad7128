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

function tell(t: Thread, area: number, cpu: number): void {
  setU32(t.mm, area, 0);
  setU32(t.mm, area + CPU, cpu);
  setU32(t.mm, area + NODE, 0);
  setU32(t.mm, area + CONCURRENCY, 0);
}
export function startSequence(t: Thread, area: number, length: number, sig: number): number {
  setI64(t.mm, area + SEQUENCE, 0);
  tell(t, area, 0);
  t.rseq = { area, length, sig, due: false };
  return 0;
}
export function stopSequence(t: Thread): number {
  tell(t, t.rseq!.area, NO_CPU);
  t.rseq = undefined;
  return 0;
}
/** Another thread runs now: returns whether the registers must be checked before this one resumes. */
export function interrupted(t: Thread): void {
  const r = t.rseq!;
  try { if (getBig(t.mm, r.area + SEQUENCE) === 0n) return; } catch (e) { if (!(e instanceof UserFault)) return; }
  r.due = true;
  t.work = true;
}
/** Sends a thread inside a sequence to its abort address. False: its descriptor is invalid. */
export function leaveSequence(t: Thread): boolean {
  const r = t.rseq!;
  r.due = false;
  try {
    const at = getI64(t.mm, r.area + SEQUENCE);
    if (at === 0) return true;
    const version = getU32(t.mm, at), start = getI64(t.mm, at + 8), length = getI64(t.mm, at + 16), abort = getI64(t.mm, at + 24);
    const pc = t.regs.pc, inside = pc >= start && pc < start + length;
    if (version !== 0 || (abort >= start && abort < start + length) || getU32(t.mm, abort - 4) !== r.sig) return false;
    setI64(t.mm, r.area + SEQUENCE, 0);
    if (inside) t.regs.pc = abort;
    return true;
  } catch (e) {
    if (e instanceof UserFault) return false;
    throw e;
  }
}
