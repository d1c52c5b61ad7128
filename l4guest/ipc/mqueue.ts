/** POSIX message queues: named, with priorities; a descriptor that can be polled, and a signal when the first message comes. */
import { File } from '../fs/file.ts';
import { Inode } from '../fs/inode.ts';
import { May, permitted } from '../fs/walk.ts';
import { Cap, O, Poll, S, SiCode } from '../abi/linux.ts';
import { capable } from '../kernel/creds.ts';
import { E } from '../abi/errno.ts';
import type { Frames } from '../mm/frames.ts';
import type { Process } from '../kernel/process.ts';
import type { Thread } from '../kernel/thread.ts';
import { WaitQueue, type Co } from '../kernel/wait.ts';
import { bytesOf, copyIn, copyOut, getBig, getI32, getI64, clearUser, setI64, setU32, type Io } from '../mm/uaccess.ts';
import { NetlinkSocket } from '../net/netlink/socket.ts';
import { SocketFile } from '../net/socket.ts';
import { install } from '../syscalls/fds.ts';
import { pathArg } from '../syscalls/row.ts';
import { timespec } from '../syscalls/times.ts';

const PRIORITIES = 32768;
/** Server memory of a queue, and of a message besides its bytes. */
const QUEUE_COST = 1024, MESSAGE_COST = 128;
/** Messages and bytes of a message: default, most for users, most for root. */
const OF_ROOT = { messages: 65536, size: 16 << 20 } as const;
const Notify = { SIGNAL: 0, NONE: 1, THREAD: 2 } as const;

interface Message { readonly priority: number; readonly bytes: Uint8Array }
/** The receiver of a notification: by a signal, or (SIGEV_THREAD) by a cookie on a netlink socket, on which the C library waits. */
interface Registration {
  readonly process: Process; readonly signal: number; readonly value: bigint;
  readonly thread: { readonly file: SocketFile; readonly cookie: Uint8Array } | undefined;
}
/** The last byte of a cookie gives its reason. */
const COOKIE = 32, Cookie = { WOKEN: 1, REMOVED: 2 } as const;
function tellCookie(n: Registration, why: number): void {
  if (!n.thread) return;
  const { file, cookie } = n.thread, bytes = cookie.slice();
  bytes[COOKIE - 1] = why;
  if (file.socket instanceof NetlinkSocket) file.socket.tell(bytes);
  file.release();
}

export class MqInode extends Inode {
  readonly wq = new WaitQueue();
  private readonly frames: Frames;
  /** Highest priority first, then the oldest. */
  messages: Message[] = [];
  readonly most: number;
  readonly size_: number;
  notify: Registration | undefined;
  /** Threads that wait for a message, which suppress notifications. */
  receivers = 0;
  constructor(t: Thread, mode: number, most: number, size: number) {
    super(t.k.root.fs, S.IFREG | mode);
    this.uid = t.creds.fsuid; this.gid = t.creds.fsgid;
    this.most = most; this.size_ = size; this.frames = t.k.frames;
  }
  override open(_t: Thread, flags: number): File { return new MqFile(this, flags); }
  /** Takes a message: 0, or -ENOMEM. */
  put(t: Thread, m: Message): number {
    if (!t.k.frames.charge(m.bytes.length + MESSAGE_COST)) return -E.NOMEM;
    let at = this.messages.length;
    while (at > 0 && this.messages[at - 1]!.priority < m.priority) at--;
    this.messages.splice(at, 0, m);
    const n = this.notify;
    if (this.messages.length === 1 && n && this.receivers === 0) {
      this.notify = undefined;
      if (n.signal > 0) t.k.signals.toProcess(n.process, n.signal, SiCode.MESGQ, { pid: t.proc.pid, uid: t.creds.uid, value: n.value });
      tellCookie(n, Cookie.WOKEN);
    }
    this.wq.wakeAll();
    return 0;
  }
  /** The first message is gone. */
  shift(): void {
    this.frames.uncharge(this.messages.shift()!.bytes.length + MESSAGE_COST);
    this.wq.wakeAll();
  }
  override drop(): void {
    while (this.messages.length > 0) this.shift();
    this.frames.uncharge(QUEUE_COST);
  }
}
export class MqFile extends File {
  declare readonly inode: MqInode;
  constructor(inode: MqInode, flags: number) { super(inode, flags & (O.ACCMODE | O.NONBLOCK)); this.wq = inode.wq; }
  override flush(p: Process): void { forget(this.inode, p); }
  override poll(): number {
    const q = this.inode;
    return (q.messages.length > 0 ? Poll.IN | Poll.RDNORM : 0) | (q.messages.length < q.most ? Poll.OUT | Poll.WRNORM : 0);
  }
  /** The text of read(2) on a queue. */
  override read(io: Io, pos: number): number {
    const q = this.inode,
      text = bytesOf(`QSIZE:${q.messages.reduce((n, m) => n + m.bytes.length, 0)} NOTIFY:0 SIGNO:${q.notify?.signal ?? 0} NOTIFY_PID:`
        + `${q.notify?.process.pid ?? 0}\n`),
      n = Math.max(0, Math.min(io.left, text.length - pos));
    io.put(text, pos, n);
    return n;
  }
}
/** A process ends or unregisters: removes its registration. */
function forget(q: MqInode, p: Process): void {
  const n = q.notify;
  if (n?.process !== p) return;
  q.notify = undefined;
  tellCookie(n, Cookie.REMOVED);
}

const nameOf = (t: Thread, va: number): string | number => {
  const name = pathArg(t, va);
  return name === '' ? -E.NOENT : name.includes('/') ? -E.ACCES : name.length > 255 ? -E.NAMETOOLONG : name;
};
export function mqOpen(t: Thread, nameVa: number, flags: number, mode: number, attrVa: number): number {
  if (attrVa) { getI64(t.mm, attrVa); getI64(t.mm, attrVa + 56); }
  const name = nameOf(t, nameVa);
  if (typeof name === 'number') return name;
  if (name === '.' || name === '..') return -E.ACCES;
  if (t.proc.fds.lowestFree(t.proc.limits.files) < 0) return -E.MFILE;
  let q = t.proc.ipc.queues.get(name);
  if (q && flags & O.CREAT && flags & O.EXCL) return -E.EXIST;
  if (!q) {
    const made = flags & O.CREAT ? create(t, name, mode, attrVa) : -E.NOENT;
    if (typeof made === 'number') return made;
    q = made;
  } else {
    const access = flags & O.ACCMODE, wanted = (access !== O.WRONLY ? May.READ : 0) | (access !== O.RDONLY ? May.WRITE : 0);
    if (access === 3) return -E.INVAL;
    if (!permitted(q, wanted, t.creds)) return -E.ACCES;
  }
  if (flags & O.DIRECT) return -E.INVAL;
  const file = new MqFile(q, flags);
  file.name = `/${name}`;
  return install(t, file, true);
}
function create(t: Thread, name: string, mode: number, attrVa: number): MqInode | number {
  const setting = (name: string): number => t.k.sysctl.number(`fs/mqueue/${name}`), root = capable(t.creds, Cap.SYS_RESOURCE);
  const most = attrVa ? getI64(t.mm, attrVa + 8) : Math.min(setting('msg_max'), setting('msg_default'));
  const size = attrVa ? getI64(t.mm, attrVa + 16) : Math.min(setting('msgsize_max'), setting('msgsize_default'));
  const bounds = root ? OF_ROOT : { messages: setting('msg_max'), size: setting('msgsize_max') };
  if (most <= 0 || size <= 0 || most > bounds.messages || size > bounds.size) return -E.INVAL;
  if (t.proc.ipc.queues.size >= setting('queues_max') && !root) return -E.NOSPC;
  if (most * (size + 48) > t.proc.limits.soft[12]! && !root) return -E.MFILE;
  if (!t.k.frames.charge(QUEUE_COST)) return -E.NOMEM;
  const q = new MqInode(t, mode & 0o777 & ~t.proc.fs.umask, most, size);
  t.proc.ipc.queues.set(name, q);
  return q;
}
export function mqUnlink(t: Thread, nameVa: number): number {
  const name = nameOf(t, nameVa), q = typeof name === 'string' ? t.proc.ipc.queues.get(name) : undefined;
  if (typeof name === 'number') return name;
  if (name === '.' || name === '..') return -E.ACCES;
  if (!q) return -E.NOENT;
  if (t.creds.fsuid !== q.uid && !capable(t.creds, Cap.FOWNER)) return -E.ACCES;
  t.proc.ipc.queues.delete(name);
  q.nlink = 0;
  if (q.users === 0) q.drop();
  return 0;
}

// ── sending and receiving ──────────────────────────────────────────────────────────────────────────────────────────────

/** Deadline of an absolute wall-clock time; NaN for nonsense. */
const until = (t: Thread, va: number): number => (va ? t.k.clock.fromWall(timespec(t, va)) : Infinity);
function queueOf(t: Thread, fd: number, writing: boolean): MqFile | undefined {
  const f = t.proc.fds.get(fd);
  return f instanceof MqFile && (writing ? f.writable : f.readable) ? f : undefined;
}
export function mqSend(t: Thread, fd: number, va: number, length: number, priority: number, timeVa: number): number | Co<number> {
  const deadline = until(t, timeVa), f = queueOf(t, fd, true);
  if (priority >>> 0 >= PRIORITIES || Number.isNaN(deadline)) return -E.INVAL;
  if (!f) return -E.BADF;
  const q = f.inode;
  if (length < 0 || length > q.size_) return -E.MSGSIZE;
  const m: Message = { priority, bytes: copyIn(t.mm, va, length) };
  if (q.messages.length < q.most) return q.put(t, m);
  return f.nonblocking ? -E.AGAIN : sendLater(t, f, m, deadline);
}
function* sendLater(t: Thread, f: MqFile, m: Message, deadline: number): Co<number> {
  const q = f.hold().inode;
  try {
    for (;;) {
      const r = yield* t.sleep(q.wq, deadline);
      if (q.messages.length < q.most) return q.put(t, m);
      if (r < 0) return r;
    }
  } finally { f.release(); }
}
export function mqReceive(t: Thread, fd: number, va: number, length: number, priorityVa: number, timeVa: number): number | Co<number> {
  const deadline = until(t, timeVa), f = queueOf(t, fd, false);
  if (Number.isNaN(deadline)) return -E.INVAL;
  if (!f) return -E.BADF;
  if (length < f.inode.size_) return -E.MSGSIZE;
  const n = take(t, f.inode, va, priorityVa);
  return n !== -E.AGAIN || f.nonblocking ? n : receiveLater(t, f, va, priorityVa, deadline);
}
function take(t: Thread, q: MqInode, va: number, priorityVa: number): number {
  const m = q.messages[0];
  if (!m) return -E.AGAIN;
  copyOut(t.mm, va, m.bytes);
  if (priorityVa) setU32(t.mm, priorityVa, m.priority);
  q.shift();
  return m.bytes.length;
}
function* receiveLater(t: Thread, f: MqFile, va: number, priorityVa: number, deadline: number): Co<number> {
  const q = f.hold().inode;
  q.receivers++;
  try {
    for (;;) {
      const r = yield* t.sleep(q.wq, deadline), n = take(t, q, va, priorityVa);
      if (n !== -E.AGAIN) return n;
      if (r < 0) return r;
    }
  } finally { q.receivers--; f.release(); }
}

/** struct mq_attr: flags, most messages, most bytes, messages now. */
export function mqGetSetAttr(t: Thread, fd: number, newVa: number, oldVa: number): number {
  const f = t.proc.fds.get(fd), flags = newVa ? getI64(t.mm, newVa) : 0;
  if (flags & ~O.NONBLOCK) return -E.INVAL;
  if (!(f instanceof MqFile)) return -E.BADF;
  if (oldVa) {
    clearUser(t.mm, oldVa, 64);
    [f.flags & O.NONBLOCK, f.inode.most, f.inode.size_, f.inode.messages.length].forEach((n, i) => { setI64(t.mm, oldVa + 8 * i, n); });
  }
  if (newVa) f.flags = (f.flags & ~O.NONBLOCK) | flags;
  return 0;
}
/** struct sigevent: value, signal, kind. Threads are started by the C library through a netlink socket, which is not there. */
/** SIGEV_THREAD: the signal's number is a netlink socket, the value points to the cookie. */
function threadNotice(t: Thread, fd: number, eventVa: number): { file: SocketFile; cookie: Uint8Array } | number {
  const cookie = copyIn(t.mm, getI64(t.mm, eventVa), COOKIE).slice(), file = t.proc.fds.get(fd);
  if (!file) return -E.BADF;
  return file instanceof SocketFile && file.socket instanceof NetlinkSocket ? { file: file.hold(), cookie } : -E.NOTSOCK;
}
export function mqNotify(t: Thread, fd: number, eventVa: number): number {
  const f = t.proc.fds.get(fd);
  const kind = eventVa ? getI32(t.mm, eventVa + 12) : Notify.NONE, signal = eventVa ? getI32(t.mm, eventVa + 8) : 0;
  if (kind !== Notify.SIGNAL && kind !== Notify.NONE && kind !== Notify.THREAD) return -E.INVAL;
  if (kind === Notify.SIGNAL && (signal < 0 || signal > 64)) return -E.INVAL;
  if (!(f instanceof MqFile)) return -E.BADF;
  const q = f.inode;
  if (!eventVa) { forget(q, t.proc); return 0; }
  if (q.notify?.process.alive) return -E.BUSY;
  const thread = kind === Notify.THREAD ? threadNotice(t, signal, eventVa) : undefined;
  if (typeof thread === 'number') return thread;
  q.notify = { process: t.proc, signal: kind === Notify.SIGNAL ? signal : 0, value: getBig(t.mm, eventVa), thread };
  return 0;
}
