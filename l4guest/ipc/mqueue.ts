/** POSIX message queues: named, with priorities; a descriptor can be polled, and the first message may send a signal. */
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
const QUEUE_COST = 1024, MESSAGE_COST = 384;
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
  constructor(thread: Thread, mode: number, most: number, size: number) {
    super(thread.k.root.fs, S.IFREG | mode);
    this.uid = thread.creds.fsuid; this.gid = thread.creds.fsgid;
    this.most = most; this.size_ = size; this.frames = thread.k.frames;
  }
  override open(_t: Thread, flags: number): File { return new MqFile(this, flags); }
  /** Takes a message: 0, or -ENOMEM. */
  put(thread: Thread, message: Message): number {
    if (!thread.k.frames.charge(message.bytes.length + MESSAGE_COST)) return -E.NOMEM;
    let at = this.messages.length;
    while (at > 0 && this.messages[at - 1]!.priority < message.priority) at--;
    this.messages.splice(at, 0, message);
    const n = this.notify;
    if (this.messages.length === 1 && n && this.receivers === 0) {
      this.notify = undefined;
      if (n.signal > 0) thread.k.signals.toProcess(n.process, n.signal, SiCode.MESGQ,
          { pid: thread.proc.pid, uid: thread.creds.uid, value: n.value });
      tellCookie(n, Cookie.WOKEN);
    }
    this.wq.wakeAll();
    return 0;
  }
  /** Removes the first message. */
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
    const mqInode = this.inode;
    return (mqInode.messages.length > 0 ? Poll.IN | Poll.RDNORM : 0) | (mqInode.messages.length < mqInode.most ? Poll.OUT | Poll.WRNORM
      : 0);
  }
  /** The text of read(2) on a queue. */
  override read(io: Io, pos: number): number {
    const mqInode = this.inode,
      text = bytesOf(`QSIZE:${mqInode.messages.reduce((n, m) => n + m.bytes.length, 0)} NOTIFY:0 SIGNO:${mqInode.notify?.signal
        ?? 0} NOTIFY_PID:`
        + `${mqInode.notify?.process.pid ?? 0}\n`),
      n = Math.max(0, Math.min(io.left, text.length - pos));
    io.put(text, pos, n);
    return n;
  }
}
/** A process ends or unregisters: removes its registration. */
function forget(mqInode: MqInode, process: Process): void {
  const n = mqInode.notify;
  if (n?.process !== process) return;
  mqInode.notify = undefined;
  tellCookie(n, Cookie.REMOVED);
}

const nameOf = (thread: Thread, va: number): string | number => {
  const name = pathArg(thread, va);
  return name === '' ? -E.NOENT : name.includes('/') ? -E.ACCES : name.length > 255 ? -E.NAMETOOLONG : name;
};
export function mqOpen(thread: Thread, nameVa: number, flags: number, mode: number, attrVa: number): number {
  if (attrVa) { getI64(thread.mm, attrVa); getI64(thread.mm, attrVa + 56); }
  const name = nameOf(thread, nameVa);
  if (typeof name === 'number') return name;
  if (name === '.' || name === '..') return -E.ACCES;
  if (thread.proc.fds.lowestFree(thread.proc.limits.files) < 0) return -E.MFILE;
  let mqInode = thread.proc.ipc.queues.get(name);
  if (mqInode && flags & O.CREAT && flags & O.EXCL) return -E.EXIST;
  if (!mqInode) {
    const made = flags & O.CREAT ? create(thread, name, mode, attrVa) : -E.NOENT;
    if (typeof made === 'number') return made;
    mqInode = made;
  } else {
    const access = flags & O.ACCMODE, wanted = (access !== O.WRONLY ? May.READ : 0) | (access !== O.RDONLY ? May.WRITE : 0);
    if (access === 3) return -E.INVAL;
    if (!permitted(mqInode, wanted, thread.creds)) return -E.ACCES;
  }
  if (flags & O.DIRECT) return -E.INVAL;
  const file = new MqFile(mqInode, flags);
  file.name = `/${name}`;
  return install(thread, file, true);
}
function create(thread: Thread, name: string, mode: number, attrVa: number): MqInode | number {
  const setting = (name: string): number => thread.k.sysctl.number(`fs/mqueue/${name}`), root = capable(thread.creds, Cap.SYS_RESOURCE);
  const most = attrVa ? getI64(thread.mm, attrVa + 8) : Math.min(setting('msg_max'), setting('msg_default'));
  const size = attrVa ? getI64(thread.mm, attrVa + 16) : Math.min(setting('msgsize_max'), setting('msgsize_default'));
  const bounds = root ? OF_ROOT : { messages: setting('msg_max'), size: setting('msgsize_max') };
  if (most <= 0 || size <= 0 || most > bounds.messages || size > bounds.size) return -E.INVAL;
  if (thread.proc.ipc.queues.size >= setting('queues_max') && !root) return -E.NOSPC;
  if (most * (size + 48) > thread.proc.limits.soft[12]! && !root) return -E.MFILE;
  if (!thread.k.frames.charge(QUEUE_COST)) return -E.NOMEM;
  const mqInode = new MqInode(thread, mode & 0o777 & ~thread.proc.fs.umask, most, size);
  thread.proc.ipc.queues.set(name, mqInode);
  return mqInode;
}
export function mqUnlink(thread: Thread, nameVa: number): number {
  const name = nameOf(thread, nameVa), mqInode = typeof name === 'string' ? thread.proc.ipc.queues.get(name) : undefined;
  if (typeof name === 'number') return name;
  if (name === '.' || name === '..') return -E.ACCES;
  if (!mqInode) return -E.NOENT;
  if (thread.creds.fsuid !== mqInode.uid && !capable(thread.creds, Cap.FOWNER)) return -E.ACCES;
  thread.proc.ipc.queues.delete(name);
  mqInode.nlink = 0;
  if (mqInode.users === 0) mqInode.drop();
  return 0;
}

// ── sending and receiving ──────────────────────────────────────────────────────────────────────────────────────────────

/** The deadline of an absolute wall-clock time; NaN for an invalid one. */
const until = (t: Thread, va: number): number => (va ? t.k.clock.fromWall(timespec(t, va)) : Infinity);
function queueOf(thread: Thread, fd: number, writing: boolean): MqFile | undefined {
  const file = thread.proc.fds.get(fd);
  return file instanceof MqFile && (writing ? file.writable : file.readable) ? file : undefined;
}
export function mqSend(thread: Thread, fd: number, va: number, length: number, priority: number, timeVa: number): number | Co<number> {
  const deadline = until(thread, timeVa), mqFile = queueOf(thread, fd, true);
  if (priority >>> 0 >= PRIORITIES || Number.isNaN(deadline)) return -E.INVAL;
  if (!mqFile) return -E.BADF;
  const mqInode = mqFile.inode;
  if (length < 0 || length > mqInode.size_) return -E.MSGSIZE;
  const message: Message = { priority, bytes: copyIn(thread.mm, va, length) };
  if (mqInode.messages.length < mqInode.most) return mqInode.put(thread, message);
  return mqFile.nonblocking ? -E.AGAIN : sendLater(thread, mqFile, message, deadline);
}
function* sendLater(thread: Thread, mqFile: MqFile, message: Message, deadline: number): Co<number> {
  const mqInode = mqFile.hold().inode;
  try {
    for (;;) {
      const slept = yield* thread.sleep(mqInode.wq, deadline);
      if (mqInode.messages.length < mqInode.most) return mqInode.put(thread, message);
      if (slept < 0) return slept;
    }
  } finally { mqFile.release(); }
}
export function mqReceive(thread: Thread, fd: number, va: number, length: number, priorityVa: number, timeVa: number): number | Co<number> {
  const deadline = until(thread, timeVa), mqFile = queueOf(thread, fd, false);
  if (Number.isNaN(deadline)) return -E.INVAL;
  if (!mqFile) return -E.BADF;
  if (length < mqFile.inode.size_) return -E.MSGSIZE;
  const n = take(thread, mqFile.inode, va, priorityVa);
  return n !== -E.AGAIN || mqFile.nonblocking ? n : receiveLater(thread, mqFile, va, priorityVa, deadline);
}
function take(thread: Thread, mqInode: MqInode, va: number, priorityVa: number): number {
  const message = mqInode.messages[0];
  if (!message) return -E.AGAIN;
  copyOut(thread.mm, va, message.bytes);
  if (priorityVa) setU32(thread.mm, priorityVa, message.priority);
  mqInode.shift();
  return message.bytes.length;
}
function* receiveLater(thread: Thread, mqFile: MqFile, va: number, priorityVa: number, deadline: number): Co<number> {
  const mqInode = mqFile.hold().inode;
  mqInode.receivers++;
  try {
    for (;;) {
      const slept = yield* thread.sleep(mqInode.wq, deadline), n = take(thread, mqInode, va, priorityVa);
      if (n !== -E.AGAIN) return n;
      if (slept < 0) return slept;
    }
  } finally { mqInode.receivers--; mqFile.release(); }
}

/** struct mq_attr: flags, most messages, most bytes, messages now. */
export function mqGetSetAttr(thread: Thread, fd: number, newVa: number, oldVa: number): number {
  const file = thread.proc.fds.get(fd), flags = newVa ? getI64(thread.mm, newVa) : 0;
  if (flags & ~O.NONBLOCK) return -E.INVAL;
  if (!(file instanceof MqFile)) return -E.BADF;
  if (oldVa) {
    clearUser(thread.mm, oldVa, 64);
    [file.flags & O.NONBLOCK, file.inode.most, file.inode.size_, file.inode.messages.length].forEach((n,
      i) => { setI64(thread.mm, oldVa + 8 * i, n); });
  }
  if (newVa) file.flags = (file.flags & ~O.NONBLOCK) | flags;
  return 0;
}
/** struct sigevent: value, signal, kind. For SIGEV_THREAD the C library starts the threads, and waits on a netlink socket. */
/** SIGEV_THREAD: the signal's number is a netlink socket, the value points to the cookie. */
function threadNotice(thread: Thread, fd: number, eventVa: number): { file: SocketFile; cookie: Uint8Array } | number {
  const cookie = copyIn(thread.mm, getI64(thread.mm, eventVa), COOKIE).slice(), file = thread.proc.fds.get(fd);
  if (!file) return -E.BADF;
  return file instanceof SocketFile && file.socket instanceof NetlinkSocket ? { file: file.hold(), cookie } : -E.NOTSOCK;
}
export function mqNotify(caller: Thread, fd: number, eventVa: number): number {
  const file = caller.proc.fds.get(fd);
  const kind = eventVa ? getI32(caller.mm, eventVa + 12) : Notify.NONE, signal = eventVa ? getI32(caller.mm, eventVa + 8) : 0;
  if (kind !== Notify.SIGNAL && kind !== Notify.NONE && kind !== Notify.THREAD) return -E.INVAL;
  if (kind === Notify.SIGNAL && (signal < 0 || signal > 64)) return -E.INVAL;
  if (!(file instanceof MqFile)) return -E.BADF;
  const mqInode = file.inode;
  if (!eventVa) { forget(mqInode, caller.proc); return 0; }
  if (mqInode.notify?.process.alive) return -E.BUSY;
  const thread = kind === Notify.THREAD ? threadNotice(caller, signal, eventVa) : undefined;
  if (typeof thread === 'number') return thread;
  mqInode.notify = { process: caller.proc, signal: kind === Notify.SIGNAL ? signal : 0, value: getBig(caller.mm, eventVa), thread };
  return 0;
}
