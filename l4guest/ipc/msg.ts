/** System V message queues: messages with a type, fetched in order or by type. */
import { Cap } from '../abi/linux.ts';
import { capable } from '../kernel/creds.ts';
import { E } from '../abi/errno.ts';
import type { Thread } from '../kernel/thread.ts';
import { WaitQueue, type Co } from '../kernel/wait.ts';
import { clearUser, copyIn, copyOut, getI64, setI64, setU16, setU32 } from '../mm/uaccess.ts';
import { Ipc, putPerm, seconds, setPerm, type IpcObject, type Perm } from './objects.ts';

const Msg = { NOERROR: 0o10000, EXCEPT: 0o20000, COPY: 0o40000, STAT: 11, INFO: 12, STAT_ANY: 13 } as const;
/** Largest message, bytes in a queue, queues. */
const MAX_MESSAGE = 8192, QUEUE_BYTES = 16384;
export const MSG_MOST = 32000;

interface Message { readonly type: number; readonly bytes: Uint8Array }

export class MsgQueue implements IpcObject {
  readonly id: number;
  readonly perm: Perm;
  removed = false;
  readonly wq = new WaitQueue();
  messages: Message[] = [];
  bytes = 0;
  limit = QUEUE_BYTES;
  stime = 0; rtime = 0; ctime: number;
  lspid = 0; lrpid = 0;
  constructor(id: number, perm: Perm, now: number) { this.id = id; this.perm = perm; this.ctime = now; }

  fits(n: number): boolean { return this.bytes + n <= this.limit && this.messages.length + 1 <= this.limit; }
  /** Index of the message that msgrcv's type asks for, -1 = none. */
  choose(type: number, flags: number): number {
    if (flags & Msg.COPY) return type < this.messages.length ? type : -1;
    if (type === 0) return this.messages.length > 0 ? 0 : -1;
    if (type > 0) return this.messages.findIndex((m) => (m.type === type) !== ((flags & Msg.EXCEPT) !== 0));
    let best = -1;
    this.messages.forEach((m, i) => { if (m.type <= -type && (best < 0 || m.type < this.messages[best]!.type)) best = i; });
    return best;
  }
}

/** Server memory of a queue, bytes. */
const QUEUE_COST = 512;
export const msgget = (t: Thread, key: number, flags: number): number =>
  t.proc.ipc.msg.get(t, key, flags, (id, perm) => (t.k.frames.charge(QUEUE_COST) ? new MsgQueue(id, perm, seconds(t)) : -E.NOMEM), () => 0);

export function msgsnd(thread: Thread, id: number, va: number, size: number, flags: number): number | Co<number> {
  const type = getI64(thread.mm, va);
  if (size < 0 || size > MAX_MESSAGE || type < 1 || id < 0) return -E.INVAL;
  const bytes = copyIn(thread.mm, va + 8, size), msgQueue = thread.proc.ipc.msg.find(id);
  if (!msgQueue) return -E.INVAL;
  if (!msgQueue.perm.allows(thread.creds, 0o222)) return -E.ACCES;
  if (msgQueue.fits(size)) return put(thread, msgQueue, { type, bytes });
  return flags & Ipc.NOWAIT ? -E.AGAIN : sendLater(thread, msgQueue, { type, bytes });
}
/** Server memory of a message besides its bytes: an array of its own, which takes 280 bytes of the host for a single byte. */
const MESSAGE_COST = 384;
function put(thread: Thread, msgQueue: MsgQueue, message: Message): number {
  if (!thread.k.frames.charge(message.bytes.length + MESSAGE_COST)) return -E.NOMEM;
  msgQueue.messages.push(message);
  msgQueue.bytes += message.bytes.length;
  msgQueue.lspid = thread.proc.pid;
  msgQueue.stime = seconds(thread);
  msgQueue.wq.wakeAll();
  return 0;
}
function* sendLater(thread: Thread, msgQueue: MsgQueue, message: Message): Co<number> {
  for (;;) {
    const slept = yield* thread.sleep(msgQueue.wq);
    if (msgQueue.removed) return -E.IDRM;
    if (msgQueue.fits(message.bytes.length)) return put(thread, msgQueue, message);
    if (slept < 0) return -E.RESTARTNOHAND;
  }
}

export function msgrcv(thread: Thread, id: number, va: number, size: number, type: number, flags: number): number | Co<number> {
  if (id < 0 || size < 0) return -E.INVAL;
  if (flags & Msg.COPY && (flags & Msg.EXCEPT || !(flags & Ipc.NOWAIT))) return -E.INVAL;
  const msgQueue = thread.proc.ipc.msg.find(id);
  if (!msgQueue) return -E.INVAL;
  if (!msgQueue.perm.allows(thread.creds, 0o444)) return -E.ACCES;
  const result = take(thread, msgQueue, va, size, type, flags);
  return result !== -E.NOMSG || flags & Ipc.NOWAIT ? result
    : receiveLater(thread, msgQueue, () => take(thread, msgQueue, va, size, type, flags));
}
function take(thread: Thread, msgQueue: MsgQueue, va: number, size: number, type: number, flags: number): number {
  const i = msgQueue.choose(type, flags), message = msgQueue.messages[i];
  if (!message) return -E.NOMSG;
  if (message.bytes.length > size && !(flags & Msg.NOERROR)) return -E.TOOBIG;
  const n = Math.min(size, message.bytes.length);
  if (!(flags & Msg.COPY)) {
    msgQueue.messages.splice(i, 1);
    msgQueue.bytes -= message.bytes.length;
    thread.k.frames.uncharge(message.bytes.length + MESSAGE_COST);
    msgQueue.lrpid = thread.proc.pid;
    msgQueue.rtime = seconds(thread);
    msgQueue.wq.wakeAll();
  }
  setI64(thread.mm, va, message.type);
  copyOut(thread.mm, va + 8, message.bytes.subarray(0, n));
  return n;
}
function* receiveLater(thread: Thread, msgQueue: MsgQueue, again: () => number): Co<number> {
  for (;;) {
    const slept = yield* thread.sleep(msgQueue.wq);
    if (msgQueue.removed) return -E.IDRM;
    const n = again();
    if (n !== -E.NOMSG) return n;
    if (slept < 0) return -E.RESTARTNOHAND;
  }
}

export function msgctl(thread: Thread, id: number, command: number, va: number): number {
  const all = thread.proc.ipc.msg, cmd = command & 0xff;
  if (id < 0) return -E.INVAL;
  if (cmd === Ipc.INFO || cmd === Msg.INFO) return info(thread, cmd, va);
  const bySlot = cmd === Msg.STAT || cmd === Msg.STAT_ANY, msgQueue = bySlot ? all.slots[id] : all.find(id);
  if (!msgQueue) return -E.INVAL;
  switch (cmd) {
    case Ipc.RMID:
      if (!msgQueue.perm.owns(thread.creds)) return -E.PERM;
      all.remove(msgQueue);
      thread.k.frames.uncharge(msgQueue.bytes + MESSAGE_COST * msgQueue.messages.length + QUEUE_COST);
      msgQueue.messages = [];
      msgQueue.wq.wakeAll();
      return 0;
    case Ipc.SET: return set(thread, msgQueue, va);
    case Ipc.STAT: case Msg.STAT: case Msg.STAT_ANY:
      if (cmd !== Msg.STAT_ANY && !msgQueue.perm.allows(thread.creds, 0o444)) return -E.ACCES;
      putPerm(thread, va, msgQueue, 120);
      [msgQueue.stime, msgQueue.rtime, msgQueue.ctime, msgQueue.bytes, msgQueue.messages.length, msgQueue.limit].forEach((n,
        i) => { setI64(thread.mm, va + 48 + 8 * i, n); });
      setU32(thread.mm, va + 96, msgQueue.lspid); setU32(thread.mm, va + 100, msgQueue.lrpid);
      return bySlot ? msgQueue.id : 0;
    default: return -E.INVAL;
  }
}
function set(thread: Thread, msgQueue: MsgQueue, va: number): number {
  const limit = getI64(thread.mm, va + 88);
  if (limit > QUEUE_BYTES && !capable(thread.creds, Cap.SYS_RESOURCE)) return -E.PERM;
  const result = setPerm(thread, va, msgQueue);
  if (result < 0) return result;
  msgQueue.limit = limit;
  msgQueue.ctime = seconds(thread);
  msgQueue.wq.wakeAll();
  return 0;
}
/** struct msginfo: seven integers and a short. */
function info(thread: Thread, cmd: number, va: number): number {
  const all = thread.proc.ipc.msg, now = cmd === Msg.INFO, sum = (of: (q: MsgQueue) => number): number =>
    all.slots.reduce((n, q) => n + (q ? of(q) : 0), 0);
  clearUser(thread.mm, va, 32);
  [
    now ? all.count : 0, now ? sum((q) => q.messages.length) : 0, MAX_MESSAGE, QUEUE_BYTES, MSG_MOST, 16, now ? sum((q) => q.bytes) : 0
  ].forEach((n,
      i) => { setU32(thread.mm, va + 4 * i, n); });
  setU16(thread.mm, va + 28, 0xffff);
  return all.last;
}
