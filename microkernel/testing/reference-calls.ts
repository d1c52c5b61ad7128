/** The system call of the reference model: its effect on the world (reference.ts), and its status. */
import { IpcFlag, Status, isCapPage } from '../abi/index.ts';
import { place, transfer } from './reference-items.ts';
import { invoke } from './reference-operations.ts';
import { NOTHING, type MPortal, type MThread, type Request, type World } from './reference.ts';


/** `t` makes a system call; what it changes, and `t.status` unless it waits. */
export function systemCall(w: World, t: MThread, r: Request): void {
  t.message = r.message;
  t.window = r.window;
  t.capWindow = r.capWindow;
  t.utcb = { label: r.message.label, words: undefined, badge: undefined };
  const has = (flag: number): boolean => (r.flags & flag) !== 0;
  if (has(IpcFlag.reply)) {
    const status = reply(w, t, t.currentCaller);
    if (!has(IpcFlag.receive) || (status !== Status.ok && t.currentCaller)) t.status = status;
    else receive(w, t, r.cap, r.receiveTimeout);
  } else if (has(IpcFlag.send)) send(w, t, r);
  else if (has(IpcFlag.receive)) receive(w, t, r.cap, r.receiveTimeout);
  else t.status = Status.badArgument;
  w.settle();
}

function send(w: World, t: MThread, r: Request): void {
  const cap = t.task.slots.get(r.cap);
  if (!cap) { t.status = Status.badCap; return; }
  const o = cap.object;
  if (o.kind !== 'portal' && o.kind !== 'reply') return invoke(w, t, cap, r);
  if ((cap.rights & 1) === 0) { t.status = Status.badRights; return; }
  if (o.kind === 'reply') { t.status = reply(w, t, o.caller); return; }
  const server = o.thread;
  if (server.state === 'dead') { t.status = Status.dead; return; }
  Object.assign(t, {
    portal: o, event: -1, sendsCall: (r.flags & IpcFlag.call) !== 0,
    thenReceives: (r.flags & IpcFlag.call) === 0 && (r.flags & IpcFlag.receive) !== 0, receiveTimeout: r.receiveTimeout
  });
  if (server.state === 'receiving' && (!server.onlyFrom || server.onlyFrom === o)) {
    const status = deliver(w, t, server);
    if (status !== Status.ok) { t.status = status; t.portal = undefined; return; }
    Object.assign(server, { state: 'ready', onlyFrom: undefined, status: Status.ok, deadline: Infinity });
  } else if (r.sendTimeout <= 0) { t.status = Status.timeout; t.portal = undefined; } else stand(w, t, server, r.sendTimeout);
}

function stand(w: World, t: MThread, server: MThread, timeout: number): void {
  t.state = 'sending';
  t.partner = server;
  w.stand(server.senders, t);
  t.deadline = w.oracle.now() + timeout;
}

/** The message of `t`, or its event, is with the server now. */
function deliver(w: World, t: MThread, server: MThread): number {
  if (t.event >= 0) server.utcb = { label: t.event, words: undefined, badge: t.portal!.label };
  else {
    const status = transfer(w, t, server, t.portal);
    if (status !== Status.ok) return status;
  }
  if (t.sendsCall) {
    Object.assign(t, { state: 'calling', partner: server, deadline: t.event >= 0 ? Infinity : w.oracle.now() + t.receiveTimeout });
    server.currentCaller = t;
    return Status.ok;
  }
  Object.assign(t, { portal: undefined, partner: undefined, status: Status.ok, state: 'ready', deadline: Infinity });
  if (t.thenReceives) receiveFrom(w, t, undefined, t.receiveTimeout);
  return Status.ok;
}

function receive(w: World, t: MThread, sel: number, timeout: number): void {
  const cap = sel === 0 ? undefined : t.task.slots.get(sel);
  if (sel !== 0 && !cap) t.status = Status.badCap;
  else if (cap && cap.object.kind !== 'portal') t.status = Status.badKind;
  else if (cap && (cap.object as MPortal).thread !== t) t.status = Status.badArgument;
  else receiveFrom(w, t, cap?.object as MPortal | undefined, timeout);
}
function receiveFrom(w: World, t: MThread, only: MPortal | undefined, timeout: number): void {
  if (t.currentCaller) w.endWait(t.currentCaller, Status.dead); // forgotten
  for (;;) {
    const sender = t.senders.find(s => !only || s.portal === only);
    if (!sender) break;
    t.senders.splice(t.senders.indexOf(sender), 1);
    sender.deadline = Infinity;
    const status = deliver(w, sender, t);
    if (status === Status.ok) { t.status = Status.ok; return; }
    w.endWait(sender, status);
  }
  if (timeout <= 0) { t.status = Status.timeout; return; }
  Object.assign(t, { state: 'receiving', onlyFrom: only, deadline: w.oracle.now() + timeout });
}

/** Answers a call; or an event: then the thread continues, stops, or keeps waiting (when the request is impossible). */
function reply(w: World, t: MThread, caller: MThread | undefined): number {
  if (!caller) return Status.dead;
  if (caller.event >= 0) {
    const { items } = t.message;
    if (items.some(i => isCapPage(i.flexpage))) return Status.badArgument;
    const status = items.length > 0 ? place(w, t.task, caller.task, items.map(i => ({ ...i })), t) : Status.ok;
    if (status !== Status.ok) return status;
    w.leave(caller);
    caller.status = Status.ok;
    caller.state = t.message.label === 2 ? 'stopped' : 'ready';
    return Status.ok;
  }
  const status = transfer(w, t, caller, undefined);
  w.leave(caller);
  caller.status = status;
  caller.state = 'ready';
  return status;
}

/** A TypeScript thread's body has thrown a page fault and not caught it. */
export function crash(w: World, t: MThread): void {
  const portal = t.events[3];
  t.begun = t.over = true;
  if (!portal) { w.kill(t); w.settle(); return; }
  if (portal.dead || portal.thread.state === 'dead') { t.state = 'stopped'; return; }
  Object.assign(t, { portal, event: 3, sendsCall: true, receiveTimeout: Infinity, message: NOTHING });
  const server = portal.thread;
  if (server.state === 'receiving' && (!server.onlyFrom || server.onlyFrom === portal)) {
    deliver(w, t, server);
    Object.assign(server, { state: 'ready', onlyFrom: undefined, status: Status.ok, deadline: Infinity });
  } else stand(w, t, server, Infinity);
}
