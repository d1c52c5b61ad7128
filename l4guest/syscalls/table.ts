/**
 * All system calls, by number. `dispatch` is the whole path from a number to its handler; it returns the result, or the generator of a
 * sleeping call.
 */
import { E } from '../abi/errno.ts';
import { resultOfFailure } from '../kernel/calls.ts';
import { NotHere, persist } from '../kernel/later.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Mm } from '../mm/mm.ts';
import type { Co } from '../kernel/wait.ts';
import { aioCalls } from './aio.ts';
import { fdCalls } from './fds.ts';
import { futexCalls } from './futex.ts';
import { idCalls } from './ids.ts';
import { ioCalls } from './io.ts';
import { ipcCalls } from './ipc.ts';
import { keyCalls } from './keys.ts';
import { memoryCalls } from './memory.ts';
import { mountCalls } from './mounts.ts';
import { netCalls } from './net.ts';
import { pathCalls } from './paths.ts';
import { pollCalls } from './poll.ts';
import { processCalls } from './process.ts';
import type { Handler, Row } from './row.ts';
import { rareCalls } from './rare.ts';
import { schedCalls } from './sched.ts';
import { seccompCalls } from './seccomp.ts';
import { signalCalls } from './signals.ts';
import { spaceCalls } from './spaces.ts';
import { spliceCalls } from './splice.ts';
import { statCalls } from './stat.ts';
import { swapCalls } from './swap.ts';
import { systemCalls } from './system.ts';
import { traceCalls } from './ptrace.ts';
import { timeCalls } from './times.ts';

export const rows: readonly Row[] = [
  ...ioCalls, ...fdCalls, ...statCalls, ...pathCalls, ...memoryCalls, ...processCalls, ...idCalls, ...signalCalls, ...timeCalls,
    ...pollCalls, ...netCalls, ...systemCalls, ...schedCalls, ...traceCalls, ...ipcCalls, ...futexCalls, ...seccompCalls, ...rareCalls,
    ...aioCalls, ...spaceCalls, ...mountCalls, ...keyCalls, ...swapCalls, ...spliceCalls,
].sort((a, b) => a.nr - b.nr);

export const LAST = 512;
/** Row by number; undefined = no such call. */
export const byNumber: readonly (Row | undefined)[] = (() => {
  const out = new Array<Row | undefined>(LAST).fill(undefined);
  for (const row of rows) out[row.nr] = row;
  return out;
})();

/** Runs a call. Arguments and result are numbers; nothing is allocated unless the handler does. */
export function dispatch(thread: Thread, nr: number, a0: number, a1: number, a2: number, a3: number, a4: number,
    a5: number): number | Co<number> {
  const row = nr >= 0 && nr < LAST ? byNumber[nr] : undefined;
  if (row === undefined) return unknown(thread, nr);
  try {
    if (thread.mm.sleepy) bringPointers(thread.mm, row.pointers, a0, a1, a2, a3, a4, a5);
    return row.handler(thread, a0, a1, a2, a3, a4, a5);
  } catch (x) {
    return x instanceof NotHere ? again(thread, row.handler, row.pointers, a0, a1, a2, a3, a4, a5, x)
      : resultOfFailure(thread.k, thread, x);
  }
}
/** Most structures that a call reads or fills are shorter than this, in bytes. */
const STRUCTURE = 256;
/**
 * Fetches the memory at pointer arguments before the call begins, so that no handler meets a missing page after it has made changes.
 * Cursors handle buffers with a length (`UserIo`).
 */
function bringPointers(mm: Mm, which: number, a0: number, a1: number, a2: number, a3: number, a4: number, a5: number): void {
  if (which & 1 && a0 > 0) mm.need(a0, STRUCTURE);
  if (which & 2 && a1 > 0) mm.need(a1, STRUCTURE);
  if (which & 4 && a2 > 0) mm.need(a2, STRUCTURE);
  if (which & 8 && a3 > 0) mm.need(a3, STRUCTURE);
  if (which & 16 && a4 > 0) mm.need(a4, STRUCTURE);
  if (which & 32 && a5 > 0) mm.need(a5, STRUCTURE);
}
/** Fetches data from outside memory, then restarts the call. */
function again(thread: Thread, handler: Handler, which: number, a0: number, a1: number, a2: number, a3: number, a4: number, a5: number,
    need: NotHere): Co<number> {
  return persist(thread, thread.k.clock.now(),
    () => {
      if (thread.mm.sleepy) bringPointers(thread.mm, which, a0, a1, a2, a3, a4, a5);
      return handler(thread, a0, a1, a2, a3, a4, a5);
    },
      (errno) => errno, need);
}
function unknown(thread: Thread, nr: number): number {
  thread.k.once(`call ${nr}`, `l4guest: system call ${nr} is not supported (first used by ${thread.name}); it answers ENOSYS`);
  return -E.NOSYS;
}
