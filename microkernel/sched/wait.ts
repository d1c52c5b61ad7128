/** How a wait ends before its time or in the regular way: out of every queue, the time-out cancelled, and ready again. */
import { Kind, Status } from '../abi/index.ts';
import type { Stage } from '../core.ts';
import type { Thread } from '../objects/thread.ts';
import { alarm, endOfChain, followChains, makeReady, preempt, releaseHelpers } from './place.ts';
import { ThreadState } from './states.ts';

/** Ends whatever `t` waits for with this status. A thread that waits in an event stops: nobody has told it how to go on. */
export function endWait(k: Stage, t: Thread, status: Status): void {
  const end = t.partner && status !== Status.ok ? endOfChain(t) : undefined, event = t.event >= 0 && status !== Status.ok;
  leave(k, t);
  t.status = status;
  if (event) t.state = ThreadState.stopped;
  else makeReady(k, t);
  if (!end) return;
  // Contexts that came through `t` to its partner no longer do.
  releaseHelpers(k, end);
  preempt(k, t.cpu);
  preempt(k, end.cpu);
  if (end.cpu !== t.cpu) followChains(k, end.cpu);
}

/** Takes `t` out of all that it waits in; its state is the caller's to set. */
export function leave(k: Stage, t: Thread): void {
  if (t.heapIndex >= 0) t.cpu.timeouts.cancel(t);
  t.inQueue?.remove(t);
  const partner = t.partner;
  if (partner?.currentCaller === t) partner.currentCaller = undefined;
  const kept = t.keptReply;
  if (kept) {
    t.keptReply = kept.caller = undefined;
    k.destroy(kept);
  }
  t.partner = t.waitingAt = t.onlyFrom = undefined;
  t.portal = undefined;
  t.event = -1;
}

export function expireWait(k: Stage, t: Thread): void {
  k.trace.record(t.cpu.hart.cycles, Kind.timeout, t.cpu.id, 0, t.id, t.partner ? t.partner.id : 0, t.sequence, 0, 0, 0);
  endWait(k, t, Status.timeout);
}

/** The wait may last until now + `ns`. */
export function setTimeout(k: Stage, t: Thread, ns: number): void {
  if (ns !== Infinity) alarm(k, t.cpu, t, k.cpu.hart.cycles + ns);
}
