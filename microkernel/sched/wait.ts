/**
 * How a wait begins, where sender and receiver meet (the receiver waits already, or the sender stands in its queue until it does), and how
 * it ends, before its time or in the regular way: out of every queue, the time-out cancelled, and ready again.
 */
import { Kind, Status } from '../abi/index.ts';
import type { Stage } from '../core.ts';
import type { Portal } from '../objects/portal.ts';
import type { Thread } from '../objects/thread.ts';
import { alarm, cutChain, endOfChain, followChains, handOver, makeReady, preempt, returnTime } from './place.ts';
import { ThreadState } from '../objects/object.ts';

const waitsFor = (server: Thread, portal: Portal): boolean =>
  server.state === ThreadState.receiving && (server.onlyFrom === undefined || server.onlyFrom === portal);

/**
 * If the server waits for the message of `thread`, `deliver` passes it on; else the thread queues at the server until it is received or
 * the time is over. Not ok: the thread does not wait, and nothing has happened.
 */
export function meet<K extends Stage>(k: K, thread: Thread, server: Thread, timeout: number,
    deliver: (k: K, t: Thread, server: Thread) => Status): Status {
  if (waitsFor(server, thread.portal!)) {
    const status = deliver(k, thread, server);
    if (status !== Status.ok) return status;
    if (server.heapIndex >= 0) server.cpu.timeouts.cancel(server);
    server.onlyFrom = undefined;
    server.status = Status.ok;
    handOver(k, server.cpu, server);
  } else {
    if (timeout <= 0) return Status.timeout;
    thread.state = ThreadState.sending;
    thread.partner = server;
    server.senders.add(thread);
    setTimeout(k, thread, timeout);
  }
  if (server.cpu !== thread.cpu) followChains(k, thread.cpu);
  return Status.ok;
}

/** `thread` has called, and waits for the answer of `server`. */
export function awaitAnswer(thread: Thread, server: Thread): void {
  thread.state = ThreadState.calling;
  thread.partner = server;
  server.currentCaller = thread;
}

/** `server` has answered: `thread` is ready, or stopped, and time that the server was lent is the caller's again. */
export function endCall(k: Stage, thread: Thread, server: Thread, status: Status, stops = false): void {
  leave(k, thread);
  thread.status = status;
  if (stops) thread.state = ThreadState.stopped;
  else makeReady(k, thread);
  returnTime(k, server);
  if (thread.cpu !== server.cpu) followChains(k, server.cpu);
}

/** Both of it for who needs no time: `thread` has called a server that waited, and waits for the answer; the server is ready. */
export function called(thread: Thread, portal: Portal, server: Thread): void {
  thread.portal = portal;
  thread.sendsCall = true;
  thread.thenReceives = false;
  thread.receiveTimeout = Infinity;
  awaitAnswer(thread, server);
  server.onlyFrom = undefined;
  server.status = Status.ok;
  server.state = ThreadState.ready;
}

/** … and its counterpart: the server has answered, and waits for the next message; `thread` is ready. */
export function answered(server: Thread, thread: Thread): void {
  server.currentCaller = thread.partner = thread.portal = undefined;
  thread.status = Status.ok;
  thread.state = ThreadState.ready;
  server.state = ThreadState.receiving;
  server.onlyFrom = undefined;
}

/** Ends the wait of `thread` with this status. A thread that waits in an event stops, because it has no reply to resume with. */
export function endWait(k: Stage, thread: Thread, status: Status): void {
  const end = thread.partner && status !== Status.ok ? endOfChain(thread) : undefined, event = thread.event >= 0 && status !== Status.ok;
  leave(k, thread);
  thread.status = status;
  if (event) thread.state = ThreadState.stopped;
  else makeReady(k, thread);
  if (!end) return;
  preempt(k, thread.cpu);
  cutChain(k, thread, end);
}

/** Removes `thread` from every queue; the caller sets its state. */
export function leave(k: Stage, thread: Thread): void {
  if (thread.heapIndex >= 0) thread.cpu.timeouts.cancel(thread);
  thread.inQueue?.remove(thread);
  const partner = thread.partner;
  if (partner?.currentCaller === thread) partner.currentCaller = undefined;
  const kept = thread.keptReply;
  if (kept) {
    thread.keptReply = kept.caller = undefined;
    k.destroy(kept);
  }
  thread.partner = thread.waitingAt = thread.onlyFrom = undefined;
  thread.portal = undefined;
  thread.event = -1;
}

export function expireWait(k: Stage, thread: Thread): void {
  k.trace.note(thread.cpu, Kind.timeout, thread.id, thread.partner ? thread.partner.id : 0, thread.sequence);
  endWait(k, thread, Status.timeout);
}

/** The wait may last until now + `ns`. */
export function setTimeout(k: Stage, t: Thread, ns: number): void {
  if (ns !== Infinity) alarm(k, t.cpu, t, k.cpu.hart.cycles + ns);
}
