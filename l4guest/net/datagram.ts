/** Unix datagram sockets. */
import type { File } from '../fs/file.ts';
import { E } from '../abi/errno.ts';
import { Poll } from '../abi/linux.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Io } from '../mm/uaccess.ts';
import { Af, type Address } from './address.ts';
import { findUnix } from './bind.ts';
import { BUFFER, Msg, Socket, type Attached, type Received } from './socket.ts';

interface Datagram extends Attached { readonly bytes: Uint8Array }

export class DatagramSocket extends Socket {
  private queue: Datagram[] = [];
  private length = 0;
  private target: DatagramSocket | undefined;
  /** Ends of socketpair know each other without addresses. */
  static pair(a: DatagramSocket, b: DatagramSocket): void { a.target = b; b.target = a; a.remote = b.local; b.remote = a.local; }

  get available(): number { return this.queue[0]?.bytes.length ?? 0; }
  override connect(t: Thread, to: Address): number {
    if (to.family === Af.UNSPEC) { this.remote = this.target = undefined; return 0; }
    const found = this.find(t, to);
    if (typeof found === 'number') return found;
    this.remote = to;
    this.target = found;
    return 0;
  }
  private find(t: Thread, to: Address): DatagramSocket | number {
    if (to.family !== Af.UNIX) return -E.INVAL;
    const s = findUnix(t, to);
    return typeof s === 'number' ? s : s instanceof DatagramSocket ? s : -E.PROTOTYPE;
  }
  override send(io: Io, to: Address | undefined, files: readonly File[], t: Thread): number {
    if (this.writeShut) return -E.PIPE;
    if (!to && !this.remote && !this.target) return -E.NOTCONN;
    const found = !to && this.target ? this.target : this.find(t, to ?? this.remote!);
    if (typeof found === 'number') return found;
    if (found.closed) return -E.CONNREFUSED;
    if (io.left > BUFFER) return -E.MSGSIZE;
    if (found.length + io.left > BUFFER && found.queue.length > 0) return -E.AGAIN;
    const bytes = new Uint8Array(io.left), c = t.creds;
    io.take(bytes, 0, bytes.length);
    found.queue.push({ bytes, files, from: this.local, sender: { pid: t.proc.pid, uid: c.uid, gid: c.gid } });
    found.length += bytes.length;
    found.wq.wakeAll();
    return bytes.length;
  }
  override receive(io: Io, flags: number): Received | number {
    const d = this.queue[0];
    if (!d) {
      if (this.error) { const e = this.error; this.error = 0; return -e; }
      return this.readShut ? { n: 0, flags: 0, files: [], from: this.local, sender: this.owner } : -E.AGAIN;
    }
    const n = Math.min(io.left, d.bytes.length), peek = (flags & Msg.PEEK) !== 0;
    io.put(d.bytes, 0, n);
    if (!peek) { this.queue.shift(); this.length -= d.bytes.length; this.wq.wakeAll(); }
    return { n: flags & Msg.TRUNC ? d.bytes.length : n, flags: n < d.bytes.length ? Msg.TRUNC : 0, files: peek ? [] : d.files, from: d.from, sender: d.sender };
  }
  override poll(): number { return (this.queue.length > 0 || this.readShut ? Poll.IN | Poll.RDNORM : 0) | (this.error ? Poll.ERR : 0) | Poll.OUT | Poll.WRNORM; }
  private closed = false;
  override close(): void {
    this.closed = true;
    this.unbind();
    for (const d of this.queue) for (const f of d.files) f.release();
    this.queue = [];
    if (this.target?.target === this) { this.target.target = undefined; this.target.wq.wakeAll(); }
  }
}
