/** Connected Unix sockets: streams and packets. Sent bytes go straight into the peer's queue. */
import type { File } from '../fs/file.ts';
import { E } from '../abi/errno.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { Poll } from '../abi/linux.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Io } from '../mm/uaccess.ts';
import { Af, type Address } from './address.ts';
import { findUnix } from './bind.ts';
import { UserFault } from '../kernel/failure.ts';
import {
  HANGUP, Msg, NOBODY, PIECE, ROOM, Socket, SockType, carriedCost, releaseFiles, type Attached, type Credentials, type Extra, type Received
} from './socket.ts';

/** SO_OOBINLINE, and server memory of a connection that waits for accept, bytes. */
const SO_OOBINLINE = 10, SO_PEEK_OFF = 42, SOCKET_COST = 2048;

/**
 * A piece in flight. `cost`: bytes of its sender's buffer. `charged`: what it takes of the server's memory. `urgent`: the one byte of
 * MSG_OOB.
 */
interface Segment extends Attached {
  bytes: Uint8Array; readonly cost: number; readonly charged: number; readonly urgent: boolean; files: readonly File[]
}
const MOST_PIECE = 32768;
const sameSender = (a: Credentials, b: Credentials): boolean => a.pid === b.pid && a.uid === b.uid && a.gid === b.gid;

export class StreamSocket extends Socket {
  peer: StreamSocket | undefined;
  /** It has been connected once. */
  connected = false;
  private backlog: StreamSocket[] | undefined;
  private limit = 0;
  private queue: Segment[] = [];
  private length = 0;
  /** Bytes in flight to the peer, with their cost. */
  private inFlight = 0;
  /** A connect made it, and it is charged for. */
  private accepted = false;
  /** The latest urgent byte, if it is unread. */
  private urgentByte: number | undefined;
  constructor(k: Kernel, family: number, type: number) { super(k, family, type); }

  get available(): number { return this.length; }
  override get unsent(): number { return this.inFlight; }
  override get atMark(): boolean { return this.queue[0]?.urgent === true && !this.inline; }
  private get packets(): boolean { return this.type === SockType.SEQPACKET; }
  private get inline(): boolean { return (this.options.get(SO_OOBINLINE) ?? 0) !== 0; }

  static pair(left: StreamSocket, right: StreamSocket): void {
    left.peer = right; right.peer = left;
    left.connected = right.connected = true;
    left.peerOwner = right.owner; right.peerOwner = left.owner;
    left.remote = right.local; right.remote = left.local;
  }

  // ── connecting ───────────────────────────────────────────────────────────────────────────────────────────────────────

  override listen(backlog: number): number {
    if (this.connected) return -E.INVAL;
    if (this.keys.length === 0 && !this.inode) return -E.INVAL;
    this.backlog ??= [];
    const most = this.k.sysctl.number('net/core/somaxconn');
    this.limit = backlog < 0 ? most : Math.min(backlog, most);
    return 0;
  }
  get listening(): boolean { return this.backlog !== undefined; }
  override connect(thread: Thread, to: Address): number {
    const listener = this.find(thread, to);
    if (typeof listener === 'number') return listener;
    if (!listener.backlog) return -E.CONNREFUSED;
    if (listener.readShut) return -E.CONNREFUSED;
    if (listener.backlog.length > listener.limit) return -E.AGAIN;
    if (this.connected) return -E.ISCONN;
    if (this.backlog) return -E.INVAL;
    if (!this.k.frames.charge(SOCKET_COST)) return -E.NOMEM;
    const server = new StreamSocket(this.k, listener.family, listener.type);
    server.passCred = listener.passCred;
    for (const [name, value] of listener.options) server.options.set(name, value);
    server.local = listener.local;
    server.owner = listener.owner;
    server.accepted = true;
    StreamSocket.pair(this, server);
    listener.backlog.push(server);
    listener.wq.wakeAll();
    this.wq.wakeAll();
    return 0;
  }
  private find(thread: Thread, to: Address): StreamSocket | number {
    if (to.family !== Af.UNIX) return -E.INVAL;
    const found = findUnix(thread, to);
    if (typeof found === 'number') return found;
    return found instanceof StreamSocket && found.type === this.type ? found : -E.PROTOTYPE;
  }
  override accept(): Socket | number {
    if (!this.backlog) return -E.INVAL;
    const streamSocket = this.backlog.shift();
    if (!streamSocket) return -E.AGAIN;
    this.wq.wakeAll();
    return streamSocket;
  }

  // ── data ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

  override send(io: Io, to: Address | undefined, files: readonly File[], thread: Thread, extra?: Extra): number {
    if (to) return this.connected ? -E.ISCONN : -E.OPNOTSUPP;
    const peer = this.peer;
    if (this.error) return -this.takeError();
    if (this.writeShut) return -E.PIPE;
    if (!peer) return this.connected ? -E.PIPE : -E.NOTCONN;
    if (peer.readShut) return -E.PIPE;
    if (this.packets && io.left > this.sendBuffer - PIECE) return -E.MSGSIZE;
    if (io.left === 0 && !this.packets) return 0;
    const room = this.sendBuffer - this.inFlight - PIECE;
    if (this.inFlight > 0 && (room <= 0 || (this.packets && io.left > room))) return -E.AGAIN;
    const urgent = extra?.urgent ?? false, n = this.packets ? io.left : Math.min(io.left, Math.max(1, room), MOST_PIECE);
    if (!this.k.frames.charge(n + PIECE + carriedCost(files))) return -E.NOBUFS;
    this.k.work.made();
    const bytes = new Uint8Array(n), start = io.done;
    try { io.take(bytes, 0, n); } catch (error) {
      this.k.frames.uncharge(n + PIECE + carriedCost(files));
      if (this.packets || io.done === start || !(error instanceof UserFault)) throw error;
      // Bytes copied before the bad address are sent; the next call meets the address first and fails.
      return this.queueTo(peer, bytes.slice(0, io.done - start), files, thread, extra, false);
    }
    return this.queueTo(peer, bytes, files, thread, extra, urgent && io.left === 0, true);
  }
  private queueTo(peer: StreamSocket, bytes: Uint8Array, files: readonly File[], thread: Thread, extra: Extra | undefined, urgent: boolean,
      charged = false): number {
    const creds = thread.creds, wanted = this.passCred || peer.passCred || extra?.sender !== undefined,
      sender = wanted ? extra?.sender ?? { pid: thread.proc.pid, uid: creds.uid, gid: creds.gid } : NOBODY, n = bytes.length;
    if (!charged && !this.k.frames.charge(n + PIECE + carriedCost(files))) return -E.NOBUFS;
    const push = (part: Uint8Array, mark: boolean, with_: readonly File[]): void => {
      const cost = part.length + PIECE;
      peer.queue.push({ bytes: part, files: with_, from: this.local, sender, cost, charged: cost + carriedCost(with_), urgent: mark });
      this.inFlight += part.length + PIECE;
    };
    if (!urgent) push(bytes, false, files);
    else {
      if (n > 1) push(bytes.subarray(0, n - 1), false, files);
      if (n > 1) this.k.frames.charge(PIECE);
      push(bytes.subarray(n - 1), true, n > 1 ? [] : files);
      peer.urgentByte = bytes[n - 1];
    }
    peer.length += n;
    peer.wq.wakeAll(Poll.IN | Poll.RDNORM | (urgent ? Poll.PRI : 0));
    return n;
  }
  override receive(io: Io, flags: number): Received | number {
    if (flags & Msg.OOB) return this.receiveUrgent(io, flags);
    const first = this.queue[0];
    if (!first || (this.packets && this.error)) return this.empty();
    const peek = (flags & Msg.PEEK) !== 0;
    return this.packets ? this.receivePacket(io, first, peek, flags) : this.receiveBytes(io, first, peek);
  }
  /**
   * Copies one piece after the other, and stops at files (which arrive with the piece they were sent with), at another sender's bytes,
   * and at the urgent byte.
   */
  private receiveBytes(io: Io, first: Segment, peek: boolean): Received | number {
    const mixed = this.passCred, offset = this.options.get(SO_PEEK_OFF) ?? -1;
    let skip = peek ? Math.max(0, offset) : 0;
    let files: readonly File[] = [], i = 0, n = 0;
    while (i < this.queue.length) {
      const segment = this.queue[i]!, more = n > 0 || i > 0;
      if (segment.urgent && !this.inline) { if (n > 0) break; if (!peek) { this.drop(); continue; } i++; continue; }
      if (more && mixed && !sameSender(segment.sender, first.sender)) break;
      // As on Linux, a reader that peeks sees the files of the next pieces even without room for bytes.
      if (more && io.left === 0 && !peek) break;
      if (skip >= segment.bytes.length) { skip -= segment.bytes.length; i++; continue; }
      const part = Math.min(io.left, segment.bytes.length - skip);
      try { io.put(segment.bytes, skip, part); } catch (error) { if (!(error instanceof UserFault) || n === 0) throw error; break; }
      n += part;
      if (segment.files.length > 0) files = peek ? segment.files.map((f) => f.hold()) : segment.files;
      const had = segment.files.length > 0, isWhole = part + skip === segment.bytes.length;
      skip = 0;
      if (peek) i++; else this.took(segment, part);
      if (had || !(isWhole || peek)) break;
    }
    if (!peek) this.peer?.wq.wakeAll(ROOM);
    if (offset >= 0) this.options.set(SO_PEEK_OFF, peek ? offset + n : Math.max(0, offset - n));
    // Nothing but what a peek has seen before, or an urgent byte, which is passed over.
    if (n === 0 && io.left > 0 && files.length === 0) return this.empty();
    return { n, flags: 0, files, from: first.from, sender: first.sender };
  }
  /** Consumes bytes of the first piece; its files leave with the first byte. */
  private took(segment: Segment, n: number): void {
    segment.files = [];
    if (n < segment.bytes.length) { segment.bytes = segment.bytes.subarray(n); this.length -= n; return; }
    this.drop(n);
  }
  /** Removes the first piece; `n` of its bytes still count. */
  private drop(n = this.queue[0]!.bytes.length): void {
    const segment = this.queue.shift()!;
    this.length -= n;
    this.k.frames.uncharge(segment.charged);
    if (this.peer) this.peer.inFlight -= segment.cost;
  }
  private receiveUrgent(io: Io, flags: number): Received | number {
    if (this.inline || this.urgentByte === undefined) return -E.INVAL;
    if (this.packets) return -E.OPNOTSUPP;
    const n = Math.min(io.left, 1);
    io.put(Uint8Array.of(this.urgentByte), 0, n);
    if (!(flags & Msg.PEEK)) {
      this.urgentByte = undefined;
      const i = this.queue.findIndex((s) => s.urgent), segment = this.queue[i];
      if (segment) {
        this.queue.splice(i, 1);
        this.length -= segment.bytes.length;
        this.k.frames.uncharge(segment.charged);
        if (this.peer) this.peer.inFlight -= segment.cost;
      }
    }
    return { n, flags: Msg.OOB, files: [], from: this.remote ?? this.local, sender: NOBODY };
  }
  private receivePacket(io: Io, segment: Segment, peek: boolean, flags: number): Received {
    const n = Math.min(io.left, segment.bytes.length), cut = n < segment.bytes.length,
      files = peek ? segment.files.map((f) => f.hold()) : segment.files;
    io.put(segment.bytes, 0, n);
    if (!peek) { this.drop(); this.peer?.wq.wakeAll(ROOM); }
    return { n: flags & Msg.TRUNC ? segment.bytes.length : n, flags: cut ? Msg.TRUNC : 0, files, from: segment.from,
      sender: segment.sender };
  }
  private empty(): Received | number {
    if (this.error) return -this.takeError();
    const end: Received = { n: 0, flags: 0, files: [], from: this.remote ?? this.local, sender: this.peerOwner ?? this.owner };
    if (this.readShut) return end;
    if (!this.connected) return -E.INVAL;
    return !this.peer || this.peer.writeShut ? end : -E.AGAIN;
  }
  override poll(): number {
    if (this.backlog) return (this.backlog.length > 0 || this.readShut ? Poll.IN | Poll.RDNORM : 0) | (this.readShut ? Poll.RDHUP : 0);
    let mask = this.error ? Poll.ERR | HANGUP : 0;
    if (!this.connected) return mask | ROOM | Poll.HUP;
    if (this.queue.length > 0) mask |= Poll.IN | Poll.RDNORM;
    if (!this.peer) return mask | HANGUP | ROOM;
    if (this.peer.writeShut || this.readShut) mask |= Poll.RDHUP | Poll.IN | Poll.RDNORM;
    if ((this.peer.writeShut || this.readShut) && (this.peer.readShut || this.writeShut)) mask |= Poll.HUP;
    if (this.urgentByte !== undefined) mask |= Poll.PRI;
    if (this.writeShut || this.inFlight * 4 <= this.sendBuffer) mask |= ROOM;
    return mask;
  }
  override shutdown(how: number): number {
    super.shutdown(how);
    this.peer?.wq.wakeAll();
    return 0;
  }
  override close(): void {
    this.unbind();
    for (const streamSocket of this.backlog ?? []) { if (streamSocket.peer) streamSocket.peer.error = E.CONNRESET; streamSocket.close(); }
    this.backlog = undefined;
    const peer = this.peer;
    if (peer) { if (this.queue.length > 0) peer.error = E.CONNRESET; peer.peer = undefined; peer.wq.wakeAll(); }
    this.peer = undefined;
    for (const segment of this.queue) { this.k.frames.uncharge(segment.charged); releaseFiles(segment.files); }
    this.queue = [];
    this.length = 0;
    if (this.accepted) { this.accepted = false; this.k.frames.uncharge(SOCKET_COST); }
  }
}
