/**
 * The one system call. A message leaves when its receiver waits for it (rendezvous); until then the sender waits in the receiver's queue.
 * Everything here works on a thread that is ready, and leaves it ready with `status` set, or blocked.
 *
 *   call     = send, then wait for the answer of the receiver
 *   receive  = from the queue of senders, or wait
 *   reply    = to the caller whose message came last, unless the reply was kept
 */
import { CapRight, IpcFlag, Kind, Status } from '../abi/index.ts';
import type { Core } from '../core.ts';
import { ObjectKind, ThreadState } from '../objects/object.ts';
import { senderOf, type Portal } from '../objects/portal.ts';
import type { Reply } from '../objects/reply.ts';
import type { Body, Thread } from '../objects/thread.ts';
import { invoke } from '../objects/invoke.ts';
import { followChains, makeReady, returnTime } from '../sched/place.ts';
import { awaitAnswer, endCall, endWait, meet, setTimeout } from '../sched/wait.ts';
import { deliverEvent, resumeFromEvent } from './event.ts';
import { transfer, wordsOf, itemsOf } from './transfer.ts';

/** Time-outs in ns; `cap` is a selector of the thread's task. */
export function ipc(k: Core, t: Thread, flags: number, cap: number, sendTime: number, receiveTime: number, body: Body | undefined): void {
  const sendTimeout = sendTime > 0 ? sendTime : 0, receiveTimeout = receiveTime > 0 ? receiveTime : 0;
  if (!t.utcb) { t.status = Status.fault; return; }
  if ((flags & IpcFlag.reply) !== 0) {
    const status = replyTo(k, t, t.currentCaller);
    if ((flags & IpcFlag.receive) === 0 || (status !== Status.ok && t.currentCaller)) { t.status = status; return; }
    return receive(k, t, cap, receiveTimeout);
  }
  if ((flags & IpcFlag.send) !== 0) return send(k, t, flags, cap, sendTimeout, receiveTimeout, body);
  if ((flags & IpcFlag.receive) !== 0) return receive(k, t, cap, receiveTimeout);
  t.status = Status.badArgument;
}

function send(k: Core, t: Thread, flags: number, selector: number, sendTimeout: number, receiveTimeout: number,
    body: Body | undefined): void {
  const cap = t.task.caps.lookup(selector);
  if (!cap) { t.status = Status.badCap; return; }
  if (cap.object.kind !== ObjectKind.portal && cap.object.kind !== ObjectKind.reply) return invoke(k, t, cap, receiveTimeout, body);
  if ((cap.rights & CapRight.use) === 0) { t.status = Status.badRights; return; }
  if (cap.object.kind === ObjectKind.reply) { t.status = replyTo(k, t, (cap.object as Reply).caller); return; }
  sendThrough(k, t, cap.object as Portal, flags, sendTimeout, receiveTimeout);
}

function sendThrough(k: Core, t: Thread, portal: Portal, flags: number, sendTimeout: number, receiveTimeout: number): void {
  const server = portal.thread, call = (flags & IpcFlag.call) !== 0;
  if (server.dead || server.state === ThreadState.dead) { t.status = Status.dead; return; }
  t.portal = portal;
  t.event = -1;
  t.sendsCall = call;
  t.thenReceives = !call && (flags & IpcFlag.receive) !== 0;
  t.receiveTimeout = receiveTimeout;
  const u = t.utcb!;
  t.sequence = k.trace.note(t.cpu, call ? Kind.call : Kind.send, t.id, portal.id, 0, u.u32[1], wordsOf(u) | (itemsOf(u) << 8),
    portal.label);
  const status = meet(k, t, server, sendTimeout, deliver);
  if (status !== Status.ok) t.status = status;
}

/** The message of `t` (which waits nowhere now) is copied to `server`; then `t` waits for the answer, or continues. */
function deliver(k: Core, t: Thread, server: Thread): Status {
  const portal = t.portal!, status = transfer(k, t, server, portal);
  if (status !== Status.ok) return status;
  k.trace.record(k.cpu.hart.cycles, Kind.receive, server.cpu.id, 0, server.id, t.id, t.sequence, server.utcb!.u32[1], wordsOf(server.utcb!),
    portal.label);
  if (t.sendsCall) {
    awaitAnswer(t, server);
    setTimeout(k, t, t.receiveTimeout);
    return Status.ok;
  }
  t.portal = t.partner = undefined;
  t.status = Status.ok;
  if (t.thenReceives) {
    t.state = ThreadState.ready;
    receiveFrom(k, t, undefined, t.receiveTimeout);
  }
  if (t.state !== ThreadState.receiving) makeReady(k, t);
  return Status.ok;
}

function receive(k: Core, t: Thread, selector: number, timeout: number): void {
  let only: Portal | undefined;
  if (selector !== 0) {
    const cap = t.task.caps.lookup(selector);
    if (!cap) { t.status = Status.badCap; return; }
    if (cap.object.kind !== ObjectKind.portal) { t.status = Status.badKind; return; }
    only = cap.object as Portal;
    if (only.thread !== t) { t.status = Status.badArgument; return; }
  }
  receiveFrom(k, t, only, timeout);
}

function receiveFrom(k: Core, t: Thread, only: Portal | undefined, timeout: number): void {
  const forgotten = t.currentCaller;
  if (forgotten) endWait(k, forgotten, Status.dead);
  for (let sender = senderOf(t, only); sender; sender = senderOf(t, only)) {
    t.senders.remove(sender);
    if (sender.heapIndex >= 0) sender.cpu.timeouts.cancel(sender);
    const status = sender.event >= 0 ? deliverEvent(k, sender, t) : deliver(k, sender, t);
    if (status === Status.ok) {
      t.status = Status.ok;
      if (!sender.sendsCall) returnTime(k, t);
      if (sender.cpu !== t.cpu) followChains(k, t.cpu);
      return;
    }
    endWait(k, sender, status);
  }
  if (timeout <= 0) { t.status = Status.timeout; return; }
  t.state = ThreadState.receiving;
  t.onlyFrom = only;
  setTimeout(k, t, timeout);
}

/** Answers a call or an event. The server's errors leave the caller waiting; the caller's own go to the caller. */
function replyTo(k: Core, t: Thread, caller: Thread | undefined): Status {
  if (!caller) return Status.dead;
  if (caller.event >= 0) return resumeFromEvent(k, t, caller);
  const status = transfer(k, t, caller, undefined), u = t.utcb!;
  k.trace.record(k.cpu.hart.cycles, Kind.reply, t.cpu.id, status, t.id, caller.id, caller.sequence, u.u32[1], wordsOf(u), 0);
  endCall(k, caller, t, status);
  return status;
}
