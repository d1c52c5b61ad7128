/** Connected Unix sockets: streams and packets. Bytes go from queue to queue. */
import type { File } from '../fs/file.ts';
import { E } from '../abi/errno.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { Poll } from '../abi/linux.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Io } from '../mm/uaccess.ts';
import { Af, type Address } from './address.ts';
import { findUnix } from './bind.ts';
import { BUFFER, HANGUP, Msg, Socket, SockType, type Attached, type Received } from './socket.ts';

interface Segment extends Attached { bytes: Uint8Array }

export class StreamSocket extends Socket {
  peer: StreamSocket | undefined;
  /** It was connected once. */
  connected = false;
  private backlog: StreamSocket[] | undefined;
  private limit = 0;
  private queue: Segment[] = [];
  private length = 0;
  constructor(k: Kernel, family: number, type: number) { super(k, family, type); }

  get available(): number { return this.length; }
  private get packets(): boolean { return this.type === SockType.SEQPACKET; }

  static pair(a: StreamSocket, b: StreamSocket): void {
    a.peer = b; b.peer = a;
    a.connected = b.connected = true;
    a.peerOwner = b.owner; b.peerOwner = a.owner;
    a.remote = b.local; b.remote = a.local;
  }

  // ── connecting ───────────────────────────────────────────────────────────────────────────────────────────────────────

  override listen(backlog: number): number {
    if (this.connected) return -E.INVAL;
    if (this.keys.length === 0 && !this.inode) return -E.INVAL;
    this.backlog ??= [];
    this.limit = Math.max(1, Math.min(backlog < 0 ? 4096 : backlog, 4096)) + 1;
    return 0;
  }
  get listening(): boolean { return this.backlog !== undefined; }
  override connect(t: Thread, to: Address): number {
    if (this.connected) return -E.ISCONN;
    if (this.backlog) return -E.INVAL;
    const listener = this.find(t, to);
    if (typeof listener === 'number') return listener;
    if (!listener.backlog) return -E.CONNREFUSED;
    if (listener.backlog.length >= listener.limit) return -E.AGAIN;
    const server = new StreamSocket(this.k, listener.family, listener.type);
    server.local = listener.local;
    server.owner = listener.owner;
    StreamSocket.pair(this, server);
    listener.backlog.push(server);
    listener.wq.wakeAll();
    this.wq.wakeAll();
    return 0;
  }
  private find(t: Thread, to: Address): StreamSocket | number {
    if (to.family !== Af.UNIX) return -E.INVAL;
    const s = findUnix(t, to);
    if (typeof s === 'number') return s;
    return s instanceof StreamSocket && s.type === this.type ? s : -E.PROTOTYPE;
  }
  override accept(): Socket | number {
    if (!this.backlog) return -E.INVAL;
    const s = this.backlog.shift();
    if (!s) return -E.AGAIN;
    this.wq.wakeAll();
    return s;
  }

  // ── data ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

  override send(io: Io, to: Address | undefined, files: readonly File[], t: Thread): number {
    if (to && this.connected) return -E.ISCONN;
    const peer = this.peer;
    if (this.error) { const e = this.error; this.error = 0; return -e; }
    if (this.writeShut) return -E.PIPE;
    if (!peer) return this.connected ? -E.PIPE : -E.NOTCONN;
    if (peer.readShut) return -E.PIPE;
    const room = BUFFER - peer.length;
    if (this.packets && io.left > BUFFER) return -E.MSGSIZE;
    if (room <= 0 || (this.packets && io.left > room)) return -E.AGAIN;
    const n = Math.min(io.left, room, this.packets ? Infinity : 65536);
    if (n === 0 && !this.packets) return 0;
    const bytes = new Uint8Array(n), c = t.creds;
    io.take(bytes, 0, n);
    peer.queue.push({ bytes, files, from: this.local, sender: { pid: t.proc.pid, uid: c.uid, gid: c.gid } });
    peer.length += n;
    peer.wq.wakeAll();
    return n;
  }
  override receive(io: Io, flags: number): Received | number {
    const first = this.queue[0];
    if (!first) return this.empty();
    const peek = (flags & Msg.PEEK) !== 0, start = io.done;
    if (this.packets) return this.receivePacket(io, first, peek, flags);
    let i = 0;
    do {
      const s = this.queue[i]!, n = Math.min(io.left, s.bytes.length);
      if (i > 0 && s.files.length > 0) break;
      io.put(s.bytes, 0, n);
      if (peek) { i++; continue; }
      this.length -= n;
      if (n === s.bytes.length) this.queue.shift(); else { this.queue[0] = { ...s, bytes: s.bytes.subarray(n), files: [] }; break; }
      if (s.files.length > 0) break;
    } while (io.left > 0 && i < this.queue.length);
    if (!peek) this.peer?.wq.wakeAll();
    return { n: io.done - start, flags: 0, files: peek ? [] : first.files, from: first.from, sender: first.sender };
  }
  private receivePacket(io: Io, s: Segment, peek: boolean, flags: number): Received {
    const n = Math.min(io.left, s.bytes.length), cut = n < s.bytes.length;
    io.put(s.bytes, 0, n);
    if (!peek) { this.queue.shift(); this.length -= s.bytes.length; this.peer?.wq.wakeAll(); }
    return { n: flags & Msg.TRUNC ? s.bytes.length : n, flags: cut ? Msg.TRUNC : 0, files: peek ? [] : s.files, from: s.from, sender: s.sender };
  }
  private empty(): Received | number {
    if (this.error) { const e = this.error; this.error = 0; return -e; }
    const end: Received = { n: 0, flags: 0, files: [], from: this.remote ?? this.local, sender: this.peerOwner ?? this.owner };
    if (this.readShut) return end;
    if (!this.connected) return -E.INVAL;
    return !this.peer || this.peer.writeShut ? end : -E.AGAIN;
  }
  override poll(): number {
    if (this.backlog) return this.backlog.length > 0 ? Poll.IN | Poll.RDNORM : 0;
    let mask = this.error ? Poll.ERR | HANGUP : 0;
    if (!this.connected) return mask | Poll.OUT | Poll.HUP;
    if (this.queue.length > 0) mask |= Poll.IN | Poll.RDNORM;
    if (!this.peer) return mask | HANGUP | Poll.OUT | Poll.WRNORM;
    if (this.peer.writeShut || this.readShut) mask |= Poll.RDHUP | Poll.IN | Poll.RDNORM;
    if (this.peer.writeShut && this.writeShut) mask |= Poll.HUP;
    if (this.writeShut || BUFFER - this.peer.length >= 4096) mask |= Poll.OUT | Poll.WRNORM;
    return mask;
  }
  override shutdown(how: number): number {
    if (!this.connected && !this.backlog) return -E.NOTCONN;
    super.shutdown(how);
    this.peer?.wq.wakeAll();
    return 0;
  }
  override close(): void {
    this.unbind();
    for (const s of this.backlog ?? []) { if (s.peer) s.peer.error = E.CONNRESET; s.close(); }
    this.backlog = undefined;
    const peer = this.peer;
    if (peer) { if (this.queue.length > 0) peer.error = E.CONNRESET; peer.peer = undefined; peer.wq.wakeAll(); }
    this.peer = undefined;
    for (const s of this.queue) for (const f of s.files) f.release();
    this.queue = [];
    this.length = 0;
  }
}
