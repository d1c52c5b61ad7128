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

export function msgsnd(t: Thread, id: number, va: number, size: number, flags: number): number | Co<number> {
  const type = getI64(t.mm, va);
  if (size < 0 || size > MAX_MESSAGE || type < 1 || id < 0) return -E.INVAL;
  const bytes = copyIn(t.mm, va + 8, size), q = t.proc.ipc.msg.find(id);
  if (!q) return -E.INVAL;
  if (!q.perm.allows(t.creds, 0o222)) return -E.ACCES;
  if (q.fits(size)) return put(t, q, { type, bytes });
  return flags & Ipc.NOWAIT ? -E.AGAIN : sendLater(t, q, { type, bytes });
}
/** Server memory of a message besides its bytes. */
const MESSAGE_COST = 128;
function put(t: Thread, q: MsgQueue, m: Message): number {
  if (!t.k.frames.charge(m.bytes.length + MESSAGE_COST)) return -E.NOMEM;
  q.messages.push(m);
  q.bytes += m.bytes.length;
  q.lspid = t.proc.pid;
  q.stime = seconds(t);
  q.wq.wakeAll();
  return 0;
}
function* sendLater(t: Thread, q: MsgQueue, m: Message): Co<number> {
  for (;;) {
    const r = yield* t.sleep(q.wq);
    if (q.removed) return -E.IDRM;
    if (q.fits(m.bytes.length)) return put(t, q, m);
    if (r < 0) return -E.RESTARTNOHAND;
  }
}

export function msgrcv(t: Thread, id: number, va: number, size: number, type: number, flags: number): number | Co<number> {
  if (id < 0 || size < 0) return -E.INVAL;
  if (flags & Msg.COPY && (flags & Msg.EXCEPT || !(flags & Ipc.NOWAIT))) return -E.INVAL;
  const q = t.proc.ipc.msg.find(id);
  if (!q) return -E.INVAL;
  if (!q.perm.allows(t.creds, 0o444)) return -E.ACCES;
  const r = take(t, q, va, size, type, flags);
  return r !== -E.NOMSG || flags & Ipc.NOWAIT ? r : receiveLater(t, q, () => take(t, q, va, size, type, flags));
}
function take(t: Thread, q: MsgQueue, va: number, size: number, type: number, flags: number): number {
  const i = q.choose(type, flags), m = q.messages[i];
  if (!m) return -E.NOMSG;
  if (m.bytes.length > size && !(flags & Msg.NOERROR)) return -E.TOOBIG;
  const n = Math.min(size, m.bytes.length);
  if (!(flags & Msg.COPY)) {
    q.messages.splice(i, 1);
    q.bytes -= m.bytes.length;
    t.k.frames.uncharge(m.bytes.length + MESSAGE_COST);
    q.lrpid = t.proc.pid;
    q.rtime = seconds(t);
    q.wq.wakeAll();
  }
  setI64(t.mm, va, m.type);
  copyOut(t.mm, va + 8, m.bytes.subarray(0, n));
  return n;
}
function* receiveLater(t: Thread, q: MsgQueue, again: () => number): Co<number> {
  for (;;) {
    const r = yield* t.sleep(q.wq);
    if (q.removed) return -E.IDRM;
    const n = again();
    if (n !== -E.NOMSG) return n;
    if (r < 0) return -E.RESTARTNOHAND;
  }
}

export function msgctl(t: Thread, id: number, command: number, va: number): number {
  const all = t.proc.ipc.msg, cmd = command & 0xff;
  if (id < 0) return -E.INVAL;
  if (cmd === Ipc.INFO || cmd === Msg.INFO) return info(t, cmd, va);
  const bySlot = cmd === Msg.STAT || cmd === Msg.STAT_ANY, q = bySlot ? all.slots[id] : all.find(id);
  if (!q) return -E.INVAL;
  switch (cmd) {
    case Ipc.RMID:
      if (!q.perm.owns(t.creds)) return -E.PERM;
      all.remove(q);
      t.k.frames.uncharge(q.bytes + MESSAGE_COST * q.messages.length + QUEUE_COST);
      q.messages = [];
      q.wq.wakeAll();
      return 0;
    case Ipc.SET: return set(t, q, va);
    case Ipc.STAT: case Msg.STAT: case Msg.STAT_ANY:
      if (cmd !== Msg.STAT_ANY && !q.perm.allows(t.creds, 0o444)) return -E.ACCES;
      putPerm(t, va, q, 120);
      [q.stime, q.rtime, q.ctime, q.bytes, q.messages.length, q.limit].forEach((n, i) => { setI64(t.mm, va + 48 + 8 * i, n); });
      setU32(t.mm, va + 96, q.lspid); setU32(t.mm, va + 100, q.lrpid);
      return bySlot ? q.id : 0;
    default: return -E.INVAL;
  }
}
function set(t: Thread, q: MsgQueue, va: number): number {
  const limit = getI64(t.mm, va + 88);
  if (limit > QUEUE_BYTES && !capable(t.creds, Cap.SYS_RESOURCE)) return -E.PERM;
  const r = setPerm(t, va, q);
  if (r < 0) return r;
  q.limit = limit;
  q.ctime = seconds(t);
  q.wq.wakeAll();
  return 0;
}
/** struct msginfo: seven integers and a short. */
function info(t: Thread, cmd: number, va: number): number {
  const all = t.proc.ipc.msg, now = cmd === Msg.INFO, sum = (of: (q: MsgQueue) => number): number =>
    all.slots.reduce((n, q) => n + (q ? of(q) : 0), 0);
  clearUser(t.mm, va, 32);
  [
    now ? all.count : 0, now ? sum((q) => q.messages.length) : 0, MAX_MESSAGE, QUEUE_BYTES, MSG_MOST, 16, now ? sum((q) => q.bytes) : 0
  ].forEach((n,
      i) => { setU32(t.mm, va + 4 * i, n); });
  setU16(t.mm, va + 28, 0xffff);
  return all.last;
}
