/** A thread's path through a system call: how a sleeping call continues, and how it ends. */
import { E } from '../abi/errno.ts';
import { CallError, UserFault } from './failure.ts';
import type { Kernel } from './kernel.ts';
import { NotHere } from './later.ts';
import { Reg } from './registers.ts';
import { Run, type Thread } from './thread.ts';
import type { Co } from './wait.ts';

/** Stores the result of a finished call in a0. */
export function finishCall(thread: Thread, result: number): void {
  if (Number.isNaN(result)) { thread.sleepUntil = -1; return; }
  thread.regs.setX(Reg.a0, result);
  if (result === -E.RESTARTSYS || result === -E.RESTARTNOHAND || result === -E.RESTARTNOINTR) thread.work = true;
  else thread.sleepUntil = -1;
}
/** Resumes a sleeping call until it sleeps again or ends. */
export function continueCall(k: Kernel, thread: Thread, co: Co<number>): void {
  k.cpu.current = thread;
  thread.state = Run.current;
  thread.co = co;
  try {
    const step = co.next();
    if (!step.done) return;
    thread.co = undefined;
    if (thread.state === Run.current) finishCall(thread, step.value);
  } catch (error) {
    thread.co = undefined;
    finishCall(thread, resultOfFailure(k, thread, error));
  }
}
/** Maps an exception of a system call to its result. */
export function resultOfFailure(k: Kernel, thread: Thread, error: unknown): number {
  if (error instanceof UserFault) return -E.FAULT;
  // A sleeping call has met memory that was removed meanwhile, and cannot restart.
  if (error instanceof NotHere) return -E.FAULT;
  if (error instanceof CallError) return -error.errno;
  const what = error instanceof Error ? error.stack ?? error.message : String(error);
  k.arch.log(`l4guest: bug in a system call of ${thread.name}[${thread.tid}]: ${what}`);
  return -E.IO;
}
/** The next thread that can return to user mode, or undefined when all sleep. Continues calls in progress meanwhile. */
export function pickThread(k: Kernel): Thread | undefined {
  const { cpu } = k;
  for (;;) {
    const thread = cpu.ready.shift();
    if (!thread) { cpu.current = undefined; return undefined; }
    if (thread.state !== Run.ready) continue;
    thread.state = Run.current;
    cpu.current = thread;
    if (thread.co) continueCall(k, thread, thread.co);
    if (cpu.current === thread && thread.state === Run.current && !thread.co) { cpu.take(thread); return thread; }
  }
}
