/** The system call of the reference model: its effect on the world (reference.ts), and its status. */
import { IpcFlag, Status, isCapPage } from '../abi/index.ts';
import { place, transfer } from './reference-items.ts';
import { invoke } from './reference-operations.ts';
import { NOTHING, type MPortal, type MThread, type Request, type World } from './reference.ts';


/** `thread` makes a system call; what it changes, and `thread.status` unless it waits. */
export function systemCall(world: World, thread: MThread, request: Request): void {
  thread.message = request.message;
  thread.window = request.window;
  thread.capWindow = request.capWindow;
  thread.utcb = { label: request.message.label, words: undefined, badge: undefined };
  const has = (flag: number): boolean => (request.flags & flag) !== 0;
  if (has(IpcFlag.reply)) {
    const status = reply(world, thread, thread.currentCaller);
    if (!has(IpcFlag.receive) || (status !== Status.ok && thread.currentCaller)) thread.status = status;
    else receive(world, thread, request.cap, request.receiveTimeout);
  } else if (has(IpcFlag.send)) send(world, thread, request);
  else if (has(IpcFlag.receive)) receive(world, thread, request.cap, request.receiveTimeout);
  else thread.status = Status.badArgument;
  world.settle();
}

function send(world: World, thread: MThread, request: Request): void {
  const cap = thread.task.slots.get(request.cap);
  if (!cap) { thread.status = Status.badCap; return; }
  const object = cap.object;
  if (object.kind !== 'portal' && object.kind !== 'reply') return invoke(world, thread, cap, request);
  if ((cap.rights & 1) === 0) { thread.status = Status.badRights; return; }
  if (object.kind === 'reply') { thread.status = reply(world, thread, object.caller); return; }
  const server = object.thread;
  if (server.state === 'dead') { thread.status = Status.dead; return; }
  Object.assign(thread, {
    portal: object, event: -1, sendsCall: (request.flags & IpcFlag.call) !== 0,
    thenReceives: (request.flags & IpcFlag.call) === 0 && (request.flags & IpcFlag.receive) !== 0, receiveTimeout: request.receiveTimeout
  });
  if (server.state === 'receiving' && (!server.onlyFrom || server.onlyFrom === object)) {
    const status = deliver(world, thread, server);
    if (status !== Status.ok) { thread.status = status; thread.portal = undefined; return; }
    Object.assign(server, { state: 'ready', onlyFrom: undefined, status: Status.ok, deadline: Infinity });
  } else if (request.sendTimeout <= 0) {
    thread.status = Status.timeout;
    thread.portal = undefined;
  } else stand(world, thread, server, request.sendTimeout);
}

function stand(world: World, thread: MThread, server: MThread, timeout: number): void {
  thread.state = 'sending';
  thread.partner = server;
  world.stand(server.senders, thread);
  thread.deadline = world.oracle.now() + timeout;
}

/** The message of `thread`, or its event, is with the server now. */
function deliver(world: World, thread: MThread, server: MThread): number {
  if (thread.event >= 0) server.utcb = { label: thread.event, words: undefined, badge: thread.portal!.label };
  else {
    const status = transfer(world, thread, server, thread.portal);
    if (status !== Status.ok) return status;
  }
  if (thread.sendsCall) {
    Object.assign(thread, { state: 'calling', partner: server,
      deadline: thread.event >= 0 ? Infinity : world.oracle.now() + thread.receiveTimeout });
    server.currentCaller = thread;
    return Status.ok;
  }
  Object.assign(thread, { portal: undefined, partner: undefined, status: Status.ok, state: 'ready', deadline: Infinity });
  if (thread.thenReceives) receiveFrom(world, thread, undefined, thread.receiveTimeout);
  return Status.ok;
}

function receive(world: World, thread: MThread, sel: number, timeout: number): void {
  const cap = sel === 0 ? undefined : thread.task.slots.get(sel);
  if (sel !== 0 && !cap) thread.status = Status.badCap;
  else if (cap && cap.object.kind !== 'portal') thread.status = Status.badKind;
  else if (cap && (cap.object as MPortal).thread !== thread) thread.status = Status.badArgument;
  else receiveFrom(world, thread, cap?.object as MPortal | undefined, timeout);
}
function receiveFrom(world: World, thread: MThread, only: MPortal | undefined, timeout: number): void {
  if (thread.currentCaller) world.endWait(thread.currentCaller, Status.dead); // forgotten
  for (;;) {
    const sender = thread.senders.find(s => !only || s.portal === only);
    if (!sender) break;
    thread.senders.splice(thread.senders.indexOf(sender), 1);
    sender.deadline = Infinity;
    const status = deliver(world, sender, thread);
    if (status === Status.ok) { thread.status = Status.ok; return; }
    world.endWait(sender, status);
  }
  if (timeout <= 0) { thread.status = Status.timeout; return; }
  Object.assign(thread, { state: 'receiving', onlyFrom: only, deadline: world.oracle.now() + timeout });
}

/** Answers a call; or an event: then the thread continues, stops, or keeps waiting (when the request is impossible). */
function reply(world: World, thread: MThread, caller: MThread | undefined): number {
  if (!caller) return Status.dead;
  if (caller.event >= 0) {
    const { items } = thread.message;
    if (items.some(i => isCapPage(i.flexpage))) return Status.badArgument;
    const status = items.length > 0 ? place(world, thread.task, caller.task, items.map(i => ({ ...i })), thread) : Status.ok;
    if (status !== Status.ok) return status;
    world.leave(caller);
    caller.status = Status.ok;
    caller.state = thread.message.label === 2 ? 'stopped' : 'ready';
    return Status.ok;
  }
  const status = transfer(world, thread, caller, undefined);
  world.leave(caller);
  caller.status = status;
  caller.state = 'ready';
  return status;
}

/** A TypeScript thread's body has thrown a page fault and not caught it. */
export function crash(world: World, thread: MThread): void {
  const portal = thread.events[3];
  thread.begun = thread.over = true;
  if (!portal) { world.kill(thread); world.settle(); return; }
  if (portal.dead || portal.thread.state === 'dead') { thread.state = 'stopped'; return; }
  Object.assign(thread, { portal, event: 3, sendsCall: true, receiveTimeout: Infinity, message: NOTHING });
  const server = portal.thread;
  if (server.state === 'receiving' && (!server.onlyFrom || server.onlyFrom === portal)) {
    deliver(world, thread, server);
    Object.assign(server, { state: 'ready', onlyFrom: undefined, status: Status.ok, deadline: Infinity });
  } else stand(world, thread, server, Infinity);
}
