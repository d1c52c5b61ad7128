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
 * `deliver` brings the message of `t` to the server that waits for it; else `t` stands in the server's queue until it is received, or until
 * the time is over. Not ok: `t` does not wait, and nothing has happened.
 */
export function meet<K extends Stage>(k: K, t: Thread, server: Thread, timeout: number,
    deliver: (k: K, t: Thread, server: Thread) => Status): Status {
  if (waitsFor(server, t.portal!)) {
    const status = deliver(k, t, server);
    if (status !== Status.ok) return status;
    if (server.heapIndex >= 0) server.cpu.timeouts.cancel(server);
    server.onlyFrom = undefined;
    server.status = Status.ok;
    handOver(k, server.cpu, server);
  } else {
    if (timeout <= 0) return Status.timeout;
    t.state = ThreadState.sending;
    t.partner = server;
    server.senders.add(t);
    setTimeout(k, t, timeout);
  }
  if (server.cpu !== t.cpu) followChains(k, t.cpu);
  return Status.ok;
}

/** `t` has called, and waits for the answer of `server`. */
export function awaitAnswer(t: Thread, server: Thread): void {
  t.state = ThreadState.calling;
  t.partner = server;
  server.currentCaller = t;
}

/** `server` has answered: `t` is ready, or stopped, and time that the server was lent is the caller's again. */
export function endCall(k: Stage, t: Thread, server: Thread, status: Status, stops = false): void {
  leave(k, t);
  t.status = status;
  if (stops) t.state = ThreadState.stopped;
  else makeReady(k, t);
  returnTime(k, server);
  if (t.cpu !== server.cpu) followChains(k, server.cpu);
}

/** Both of it for who needs no time: `t` has called a server that waited, and waits for the answer; the server is ready. */
export function called(t: Thread, portal: Portal, server: Thread): void {
  t.portal = portal;
  t.sendsCall = true;
  t.thenReceives = false;
  t.receiveTimeout = Infinity;
  awaitAnswer(t, server);
  server.onlyFrom = undefined;
  server.status = Status.ok;
  server.state = ThreadState.ready;
}

/** … and its counterpart: the server has answered, and waits for the next message; `t` is ready. */
export function answered(server: Thread, t: Thread): void {
  server.currentCaller = t.partner = t.portal = undefined;
  t.status = Status.ok;
  t.state = ThreadState.ready;
  server.state = ThreadState.receiving;
  server.onlyFrom = undefined;
}

/** Ends the wait of `t` with this status. A thread that waits in an event stops, because it has no reply to resume with. */
export function endWait(k: Stage, t: Thread, status: Status): void {
  const end = t.partner && status !== Status.ok ? endOfChain(t) : undefined, event = t.event >= 0 && status !== Status.ok;
  leave(k, t);
  t.status = status;
  if (event) t.state = ThreadState.stopped;
  else makeReady(k, t);
  if (!end) return;
  preempt(k, t.cpu);
  cutChain(k, t, end);
}

/** Removes `t` from every queue; the caller sets its state. */
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
  k.trace.note(t.cpu, Kind.timeout, t.id, t.partner ? t.partner.id : 0, t.sequence);
  endWait(k, t, Status.timeout);
}

/** The wait may last until now + `ns`. */
export function setTimeout(k: Stage, t: Thread, ns: number): void {
  if (ns !== Infinity) alarm(k, t.cpu, t, k.cpu.hart.cycles + ns);
}
