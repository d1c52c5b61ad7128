/** Common code of all sockets, and the file of a socket. Operations never sleep: -EAGAIN means wait on `wq`. */
import { File } from '../fs/file.ts';
import type { Inode } from '../fs/inode.ts';
import { E } from '../abi/errno.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { O, Poll, Sig } from '../abi/linux.ts';
import type { Thread } from '../kernel/thread.ts';
import { WaitQueue } from '../kernel/wait.ts';
import { setU32, type Io } from '../mm/uaccess.ts';
import { interfaceCall } from './interfaces.ts';
import { Af, anyIp, inetAddress, unixAddress, type Address } from './address.ts';

export const SockType = { STREAM: 1, DGRAM: 2, RAW: 3, SEQPACKET: 5 } as const;
export const Msg = { OOB: 1, PEEK: 2, EOR: 0x80, WAITFORONE: 0x10000, CTRUNC: 8, TRUNC: 0x20, DONTWAIT: 0x40, WAITALL: 0x100,
  ERRQUEUE: 0x2000, NOSIGNAL: 0x4000, MORE: 0x8000, FASTOPEN: 0x20000000,
  CMSG_CLOEXEC: 0x40000000 } as const;

export interface Credentials { readonly pid: number; readonly uid: number; readonly gid: number }
/** Ancillary data of sent bytes: files (SCM_RIGHTS) and the sender. */
export interface Attached { readonly files: readonly File[]; readonly from: Address; readonly sender: Credentials }
/** A control message that accompanies received data. */
export interface Control { readonly level: number; readonly type: number; readonly data: Uint8Array }
export interface Received extends Attached { readonly n: number; readonly flags: number; readonly control?: readonly Control[] }

export const BUFFER = 212_992;
/** What a piece of data in flight costs beyond its bytes: its sender's buffer (an sk_buff of Linux), and the server. */
export const PIECE = 768;
/** The sender if no credentials were requested at the time of sending. */
export const NOBODY: Credentials = { pid: 0, uid: 65534, gid: 65534 };

/** Who is bound to which name that is not a path: abstract names of Unix sockets, ports of netlink. */
export class Names {
  readonly bound = new Map<string, Socket>();
  private lastCookie = 0;
  newCookie(): number { return ++this.lastCookie; }
}
const names = new WeakMap<Kernel, Names>();
export function namesOf(k: Kernel): Names { let n = names.get(k); if (!n) names.set(k, n = new Names()); return n; }

/** What a message carries besides bytes and files: MSG_OOB, and credentials that the sender states. */
/** `more`: MSG_MORE, the rest follows in another call. */
export interface Extra { readonly urgent: boolean; readonly more: boolean; readonly sender: Credentials | undefined }
const SO_SNDBUF = 7, SO_RCVBUF = 8, SOL_SOCKET = 1;
/** The key under which an option is kept: its number for SOL_SOCKET; other levels (that of IP is 0) must not collide with it. */
export const optionKey = (level: number, name: number): number => (level === SOL_SOCKET ? 0 : (level + 1) * 65_536) + name;

/** Server memory of the list of files that a message carries, bytes. They do not count in the sender's buffer, as in Linux. */
export const carriedCost = (files: readonly File[]): number => (files.length === 0 ? 0 : 64 + 8 * files.length);

/** Dropped files in flight. Releasing one may release others in turn, so they are queued. */
const givenUp: File[] = [];
let givingUp = false;
export function releaseFiles(files: readonly File[]): void {
  for (const file of files) givenUp.push(file);
  if (givingUp) return;
  givingUp = true;
  try { for (let file = givenUp.pop(); file; file = givenUp.pop()) file.release(); } finally { givingUp = false; }
}

export abstract class Socket {
  readonly k: Kernel;
  /** IPV6_ADDRFORM turns an IPv6 socket with an IPv4 peer into an IPv4 socket. */
  family: number;
  readonly type: number;
  readonly wq = new WaitQueue();
  local: Address;
  remote: Address | undefined;
  /** Keys in `Names`, or the inode of a path. */
  keys: readonly string[] = [];
  inode: (Inode & { endpoint: unknown }) | undefined;
  readShut = false;
  writeShut = false;
  error = 0;
  passCred = false;
  /** SO_COOKIE. */
  readonly cookie: number;
  owner: Credentials = { pid: 0, uid: 0, gid: 0 };
  peerOwner: Credentials | undefined;
  readonly options = new Map<number, number>();
  /** SO_RCVTIMEO and SO_SNDTIMEO, ns. */
  receiveTimeout = Infinity;
  sendTimeout = Infinity;
  /** SO_LINGER: on, seconds. */
  linger: readonly [number, number] = [0, 0];
  /** The outcome of a non-blocking connect until its caller has asked for it: 0, or the error. */
  pendingConnect: number | undefined;
  constructor(k: Kernel, family: number, type: number) {
    this.k = k;
    this.family = family;
    this.type = type;
    this.cookie = namesOf(k).newCookie();
    this.local = family === Af.UNIX ? unixAddress('') : inetAddress(family, anyIp(family), 0);
  }

  abstract send(io: Io, to: Address | undefined, files: readonly File[], t: Thread, extra?: Extra): number;
  /** The pending error; it is reported once. */
  takeError(): number { const e = this.error; this.error = 0; return e; }
  /** The peer that getpeername reports now. */
  get connectedTo(): Address | undefined { return this.remote; }
  /** The limits of bytes in flight from here, and of bytes received (SO_SNDBUF, SO_RCVBUF). */
  get sendBuffer(): number { return this.options.get(SO_SNDBUF) ?? BUFFER; }
  get receiveBuffer(): number { return this.options.get(SO_RCVBUF) ?? BUFFER; }
  /** The next byte to read follows the urgent one (SIOCATMARK). */
  get atMark(): boolean { return false; }
  /** Bytes sent that the peer has not read (SIOCOUTQ). */
  get unsent(): number { return 0; }
  /** Whether the peer wakes the queue when there is room again. */
  get tellsRoom(): boolean { return true; }
  abstract receive(io: Io, flags: number): Received | number;
  abstract connect(t: Thread, to: Address): number;
  abstract poll(): number;
  abstract get available(): number;
  listen(_backlog: number): number { return -E.OPNOTSUPP; }
  accept(): Socket | number { return -E.OPNOTSUPP; }
  abstract close(): void;
  shutdown(how: number): number {
    if (how === 0 || how === 2) this.readShut = true;
    if (how === 1 || how === 2) this.writeShut = true;
    this.wq.wakeAll();
    return 0;
  }
  unbind(): void {
    for (const key of this.keys) namesOf(this.k).bound.delete(key);
    if (this.inode?.endpoint === this) this.inode.endpoint = undefined;
    this.keys = [];
    this.inode = undefined;
  }
}

export class SocketFile extends File {
  readonly socket: Socket;
  constructor(inode: Inode, flags: number, socket: Socket) {
    super(inode, O.RDWR | (flags & O.NONBLOCK));
    this.socket = socket;
    this.wq = socket.wq;
    this.name = `socket:[${inode.ino}]`;
  }
  override read(io: Io): number {
    if (io.left === 0) return 0;
    const received = this.socket.receive(io, 0);
    if (typeof received === 'number') return received;
    releaseFiles(received.files);
    return received.n;
  }
  override write(io: Io, _pos: number, thread: Thread): number {
    const n = this.socket.send(io, undefined, [], thread);
    if (n === -E.PIPE) thread.k.signals.toThread(thread, Sig.PIPE, 0x80);
    return n;
  }
  override poll(): number { return this.socket.poll(); }
  override ioctl(thread: Thread, command: number, arg: number): number {
    if (command === 0x541b) { setU32(thread.mm, arg, this.socket.available); return 0; }
    if (command === 0x5411) { setU32(thread.mm, arg, this.socket.unsent); return 0; }
    if (command === 0x8905) {
      if (this.socket.type !== SockType.STREAM) return -E.NOTTY;
      setU32(thread.mm, arg, this.socket.atMark ? 1 : 0);
      return 0;
    }
    return interfaceCall(thread, command, arg) ?? -E.NOTTY;
  }
  override get readPatience(): number { return this.socket.receiveTimeout; }
  override get writePatience(): number { return this.socket.sendTimeout; }
  protected override closed(): void { this.socket.close(); }
}
/** The events that report room, for all sockets but TCP's. */
export const ROOM = Poll.OUT | Poll.WRNORM | Poll.WRBAND;
export const HANGUP = Poll.HUP | Poll.RDHUP | Poll.IN | Poll.RDNORM;
