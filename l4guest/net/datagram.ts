/** Unix datagram sockets. */
import type { File } from '../fs/file.ts';
import { E } from '../abi/errno.ts';
import { Poll } from '../abi/linux.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Io } from '../mm/uaccess.ts';
import { Af, type Address } from './address.ts';
import { findUnix } from './bind.ts';
import { Msg, NOBODY, PIECE, ROOM, Socket, carriedCost, releaseFiles, type Attached, type Extra, type Received } from './socket.ts';

/** Bytes of a buffer that no message can use. */
const HEADER = 32;

interface Datagram extends Attached { readonly bytes: Uint8Array; readonly by: DatagramSocket }

export class DatagramSocket extends Socket {
  private queue: Datagram[] = [];
  private length = 0;
  /** Senders that found the queue full: told when it has room. */
  private readonly refused = new Set<DatagramSocket>();
  private target: DatagramSocket | undefined;
  /** Ends of socketpair know each other without addresses. */
  static pair(a: DatagramSocket, b: DatagramSocket): void { a.target = b; b.target = a; a.remote = b.local; b.remote = a.local; }

  get available(): number { return this.queue[0]?.bytes.length ?? 0; }
  override connect(thread: Thread, to: Address): number {
    if (to.family === Af.UNSPEC) { this.remote = this.target = undefined; return 0; }
    const found = this.find(thread, to);
    if (typeof found === 'number') return found;
    this.remote = to;
    this.target = found;
    return 0;
  }
  private find(thread: Thread, to: Address): DatagramSocket | number {
    if (to.family !== Af.UNIX) return -E.INVAL;
    const found = findUnix(thread, to);
    return typeof found === 'number' ? found : found instanceof DatagramSocket ? found : -E.PROTOTYPE;
  }
  override send(io: Io, to: Address | undefined, files: readonly File[], thread: Thread, extra?: Extra): number {
    if (this.writeShut) return -E.PIPE;
    if (this.error) return -this.takeError();
    if (!to && !this.remote && !this.target) return -E.NOTCONN;
    const found = !to && this.target ? this.target : this.find(thread, to ?? this.remote!);
    if (typeof found === 'number') return found;
    if (found.closed) { if (found === this.target) this.target = this.remote = undefined; return -E.CONNREFUSED; }
    if (found.readShut) return -E.PIPE;
    if (found.target && found.target !== this) return -E.PERM;
    return this.deliver(found, io, files, thread, extra);
  }
  private deliver(found: DatagramSocket, io: Io, files: readonly File[], thread: Thread, extra: Extra | undefined): number {
    const n = io.left;
    if (n > this.sendBuffer - HEADER) return -E.MSGSIZE;
    // As in Linux, the last message may reach beyond the buffer.
    if (this.inFlight >= this.sendBuffer) return -E.AGAIN;
    if (found.target !== this && found.queue.length > this.k.sysctl.number('net/unix/max_dgram_qlen')) {
      found.refused.add(this);
      return -E.AGAIN;
    }
    const cost = n + PIECE + carriedCost(files);
    if (!this.k.frames.charge(cost)) return -E.NOBUFS;
    this.k.work.made();
    const bytes = new Uint8Array(n), creds = thread.creds, wanted = this.passCred || found.passCred || extra?.sender !== undefined;
    try { io.take(bytes, 0, n); } catch (error) { this.k.frames.uncharge(cost); throw error; }
    found.queue.push({
      bytes, files, from: this.local, sender: wanted ? extra?.sender ?? { pid: thread.proc.pid, uid: creds.uid, gid: creds.gid } : NOBODY,
        by: this
    });
    found.length += n + PIECE;
    this.inFlight += n + PIECE;
    found.wq.wakeAll(Poll.IN | Poll.RDNORM);
    return n;
  }
  override get unsent(): number { return this.inFlight; }
  private inFlight = 0;
  override receive(io: Io, flags: number): Received | number {
    const datagram = this.queue[0];
    if (flags & Msg.OOB) return -E.OPNOTSUPP;
    if (!datagram) {
      if (this.error) return -this.takeError();
      return this.readShut ? { n: 0, flags: 0, files: [], from: this.local, sender: this.owner } : -E.AGAIN;
    }
    const n = Math.min(io.left, datagram.bytes.length), peek = (flags & Msg.PEEK) !== 0;
    if (!peek) this.drop();
    io.put(datagram.bytes, 0, n);
    return {
      n: flags & Msg.TRUNC ? datagram.bytes.length : n, flags: n < datagram.bytes.length ? Msg.TRUNC : 0,
      files: peek ? datagram.files.map((f) => f.hold()) : datagram.files, from: datagram.from, sender: datagram.sender
    };
  }
  private drop(): void {
    const datagram = this.queue.shift()!, cost = datagram.bytes.length + PIECE;
    this.length -= cost;
    datagram.by.inFlight -= cost;
    this.k.frames.uncharge(cost + carriedCost(datagram.files));
    datagram.by.wq.wakeAll(ROOM);
    for (const socket of this.refused) socket.wq.wakeAll(ROOM);
    this.refused.clear();
  }
  override poll(): number {
    const room = (this.inFlight * 4 <= this.sendBuffer
      && !(this.target && this.target.target !== this && this.target.queue.length > this.k.sysctl.number('net/unix/max_dgram_qlen')));
    return (this.queue.length > 0 || this.readShut ? Poll.IN | Poll.RDNORM : 0) | (this.readShut ? Poll.RDHUP : 0)
      | (this.readShut && this.writeShut ? Poll.HUP : 0) | (this.error ? Poll.ERR : 0) | (room ? ROOM : 0);
  }
  private closed = false;
  override close(): void {
    this.closed = true;
    for (const socket of this.refused) socket.wq.wakeAll();
    this.refused.clear();
    this.unbind();
    for (const datagram of this.queue.splice(0)) {
      const cost = datagram.bytes.length + PIECE;
      this.k.frames.uncharge(cost + carriedCost(datagram.files));
      datagram.by.inFlight -= cost;
      releaseFiles(datagram.files);
    }
    this.length = 0;
    if (this.target) this.target.wq.wakeAll();
  }
}
