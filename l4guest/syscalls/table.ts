/**
 * All system calls, by number. `dispatch` is the whole path from a number to its handler; it returns the result, or the generator of a
 * sleeping call.
 */
import { E } from '../abi/errno.ts';
import { failedCall } from '../kernel/calls.ts';
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

/** Runs a call. It uses only numbers and allocates nothing unless the handler does. */
export function dispatch(thread: Thread, nr: number, a: number, b: number, c: number, d: number, e: number,
    f: number): number | Co<number> {
  const row = nr >= 0 && nr < LAST ? byNumber[nr] : undefined;
  if (row === undefined) return unknown(thread, nr);
  try {
    if (thread.mm.sleepy) bringPointers(thread.mm, row.pointers, a, b, c, d, e, f);
    return row.handler(thread, a, b, c, d, e, f);
  } catch (x) {
    return x instanceof NotHere ? again(thread, row.handler, row.pointers, a, b, c, d, e, f, x) : failedCall(thread.k, thread, x);
  }
}
/** Most structures that a call reads or fills are shorter, bytes. */
const STRUCTURE = 256;
/**
 * Fetches the memory at pointer arguments before the call begins, so that no handler meets a missing page after it has made changes.
 * Cursors handle buffers with a length (`UserIo`).
 */
function bringPointers(mm: Mm, which: number, a: number, b: number, c: number, d: number, e: number, f: number): void {
  if (which & 1 && a > 0) mm.need(a, STRUCTURE);
  if (which & 2 && b > 0) mm.need(b, STRUCTURE);
  if (which & 4 && c > 0) mm.need(c, STRUCTURE);
  if (which & 8 && d > 0) mm.need(d, STRUCTURE);
  if (which & 16 && e > 0) mm.need(e, STRUCTURE);
  if (which & 32 && f > 0) mm.need(f, STRUCTURE);
}
/** A call that needs data outside memory: fetches it and restarts. */
function again(thread: Thread, handler: Handler, which: number, a: number, b: number, c: number, d: number, e: number, f: number,
    need: NotHere): Co<number> {
  return persist(thread, thread.k.clock.now(),
    () => { if (thread.mm.sleepy) bringPointers(thread.mm, which, a, b, c, d, e, f); return handler(thread, a, b, c, d, e, f); },
      (errno) => errno, need);
}
function unknown(thread: Thread, nr: number): number {
  thread.k.once(`call ${nr}`, `l4guest: system call ${nr} is not supported (first used by ${thread.name}); it answers ENOSYS`);
  return -E.NOSYS;
}
