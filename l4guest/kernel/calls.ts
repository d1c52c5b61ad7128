/** A thread's path through a system call: how a sleeping call continues, and how it ends. */
import { E } from '../abi/errno.ts';
import { CallError, UserFault } from './failure.ts';
import type { Kernel } from './kernel.ts';
import { NotHere } from './later.ts';
import { Reg } from './registers.ts';
import { Run, type Thread } from './thread.ts';
import type { Co } from './wait.ts';

/** The call has its result: into a0. */
export function finishCall(t: Thread, result: number): void {
  if (Number.isNaN(result)) { t.sleepUntil = -1; return; }
  t.regs.setX(Reg.a0, result);
  if (result === -E.RESTARTSYS || result === -E.RESTARTNOHAND || result === -E.RESTARTNOINTR) t.work = true;
  else t.sleepUntil = -1;
}
/** Runs a call that sleeps until it sleeps again or ends. */
export function continueCall(k: Kernel, t: Thread, co: Co<number>): void {
  k.cpu.current = t;
  t.state = Run.current;
  t.co = co;
  try {
    const r = co.next();
    if (!r.done) return;
    t.co = undefined;
    if (t.state === Run.current) finishCall(t, r.value);
  } catch (e) {
    t.co = undefined;
    finishCall(t, failedCall(k, t, e));
  }
}
/** Maps an exception of a system call to its result. */
export function failedCall(k: Kernel, t: Thread, e: unknown): number {
  if (e instanceof UserFault) return -E.FAULT;
  // A sleeping call has met memory that was removed meanwhile, and cannot restart.
  if (e instanceof NotHere) return -E.FAULT;
  if (e instanceof CallError) return -e.errno;
  k.arch.log(`l4guest: bug in a system call of ${t.name}[${t.tid}]: ${e instanceof Error ? e.stack ?? e.message : String(e)}`);
  return -E.IO;
}
/** The next thread that can return to user mode, or undefined when all sleep. Continues calls in progress meanwhile. */
export function pickThread(k: Kernel): Thread | undefined {
  const { cpu } = k;
  for (;;) {
    const t = cpu.ready.shift();
    if (!t) { cpu.current = undefined; return undefined; }
    if (t.state !== Run.ready) continue;
    t.state = Run.current;
    cpu.current = t;
    if (t.co) continueCall(k, t, t.co);
    if (cpu.current === t && t.state === Run.current && !t.co) { cpu.take(t); return t; }
  }
}
