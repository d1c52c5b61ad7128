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
export function ipc(k: Core, thread: Thread, flags: number, cap: number, sendTime: number, receiveTime: number, body?: Body): void {
  const sendTimeout = sendTime > 0 ? sendTime : 0, receiveTimeout = receiveTime > 0 ? receiveTime : 0;
  if (!thread.utcb) { thread.status = Status.fault; return; }
  if ((flags & IpcFlag.reply) !== 0) {
    const status = replyTo(k, thread, thread.currentCaller);
    if ((flags & IpcFlag.receive) === 0 || (status !== Status.ok && thread.currentCaller)) { thread.status = status; return; }
    return receive(k, thread, cap, receiveTimeout);
  }
  if ((flags & IpcFlag.send) !== 0) return send(k, thread, flags, cap, sendTimeout, receiveTimeout, body);
  if ((flags & IpcFlag.receive) !== 0) return receive(k, thread, cap, receiveTimeout);
  thread.status = Status.badArgument;
}

function send(k: Core, thread: Thread, flags: number, selector: number, sendTimeout: number, receiveTimeout: number, body?: Body): void {
  const cap = thread.task.caps.lookup(selector);
  if (!cap) { thread.status = Status.badCap; return; }
  if (cap.object.kind !== ObjectKind.portal && cap.object.kind !== ObjectKind.reply) return invoke(k, thread, cap, receiveTimeout, body);
  if ((cap.rights & CapRight.use) === 0) { thread.status = Status.badRights; return; }
  if (cap.object.kind === ObjectKind.reply) { thread.status = replyTo(k, thread, (cap.object as Reply).caller); return; }
  sendThrough(k, thread, cap.object as Portal, flags, sendTimeout, receiveTimeout);
}

function sendThrough(k: Core, thread: Thread, portal: Portal, flags: number, sendTimeout: number, receiveTimeout: number): void {
  const server = portal.thread, call = (flags & IpcFlag.call) !== 0;
  if (server.dead || server.state === ThreadState.dead) { thread.status = Status.dead; return; }
  thread.portal = portal;
  thread.event = -1;
  thread.sendsCall = call;
  thread.thenReceives = !call && (flags & IpcFlag.receive) !== 0;
  thread.receiveTimeout = receiveTimeout;
  const utcb = thread.utcb!;
  thread.sequence = k.trace.note(thread.cpu, call ? Kind.call : Kind.send, thread.id, portal.id, 0, utcb.u32[1],
    wordsOf(utcb) | (itemsOf(utcb) << 8), portal.label);
  const status = meet(k, thread, server, sendTimeout, deliver);
  if (status !== Status.ok) thread.status = status;
}

/** The message of `thread` (which waits nowhere now) is copied to `server`; then `thread` waits for the answer, or continues. */
function deliver(k: Core, thread: Thread, server: Thread): Status {
  const portal = thread.portal!, status = transfer(k, thread, server, portal);
  if (status !== Status.ok) return status;
  k.trace.record(k.cpu.hart.cycles, Kind.receive, server.cpu.id, 0, server.id, thread.id, thread.sequence, server.utcb!.u32[1],
    wordsOf(server.utcb!), portal.label);
  if (thread.sendsCall) {
    awaitAnswer(thread, server);
    setTimeout(k, thread, thread.receiveTimeout);
    return Status.ok;
  }
  thread.portal = thread.partner = undefined;
  thread.status = Status.ok;
  if (thread.thenReceives) {
    thread.state = ThreadState.ready;
    receiveFrom(k, thread, undefined, thread.receiveTimeout);
  }
  if (thread.state !== ThreadState.receiving) makeReady(k, thread);
  return Status.ok;
}

function receive(k: Core, thread: Thread, selector: number, timeout: number): void {
  let only: Portal | undefined;
  if (selector !== 0) {
    const cap = thread.task.caps.lookup(selector);
    if (!cap) { thread.status = Status.badCap; return; }
    if (cap.object.kind !== ObjectKind.portal) { thread.status = Status.badKind; return; }
    only = cap.object as Portal;
    if (only.thread !== thread) { thread.status = Status.badArgument; return; }
  }
  receiveFrom(k, thread, only, timeout);
}

function receiveFrom(k: Core, thread: Thread, only: Portal | undefined, timeout: number): void {
  const forgotten = thread.currentCaller;
  if (forgotten) endWait(k, forgotten, Status.dead);
  for (let sender = senderOf(thread, only); sender; sender = senderOf(thread, only)) {
    thread.senders.remove(sender);
    if (sender.heapIndex >= 0) sender.cpu.timeouts.cancel(sender);
    const status = sender.event >= 0 ? deliverEvent(k, sender, thread) : deliver(k, sender, thread);
    if (status === Status.ok) {
      thread.status = Status.ok;
      if (!sender.sendsCall) returnTime(k, thread);
      if (sender.cpu !== thread.cpu) followChains(k, thread.cpu);
      return;
    }
    endWait(k, sender, status);
  }
  if (timeout <= 0) { thread.status = Status.timeout; return; }
  thread.state = ThreadState.receiving;
  thread.onlyFrom = only;
  setTimeout(k, thread, timeout);
}

/** Answers a call or an event. The server's errors leave the caller waiting; the caller's own go to the caller. */
function replyTo(k: Core, thread: Thread, caller: Thread | undefined): Status {
  if (!caller) return Status.dead;
  if (caller.event >= 0) return resumeFromEvent(k, thread, caller);
  const status = transfer(k, thread, caller, undefined), utcb = thread.utcb!;
  k.trace.note(thread.cpu, Kind.reply, thread.id, caller.id, caller.sequence, utcb.u32[1], wordsOf(utcb), 0, status);
  endCall(k, caller, thread, status);
  return status;
}
