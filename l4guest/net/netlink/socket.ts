/**
 * Netlink sockets: programs use them to query interfaces, addresses, routes and sockets (ip, ss, getifaddrs), and to change them. A request
 * produces its answers at once, and a reader takes one datagram for each.
 */
import { E } from '../../abi/errno.ts';
import { Cap, Poll } from '../../abi/linux.ts';
import { capable } from '../../kernel/creds.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Thread } from '../../kernel/thread.ts';
import type { Io } from '../../mm/uaccess.ts';
import type { File } from '../../fs/file.ts';
import { Af, netlinkAddress, type Address } from '../address.ts';
import { inetOf, type Inet } from '../inet/inet.ts';
import { Msg, PIECE, ROOM, Socket, namesOf, type Received } from '../socket.ts';
import { SOCK_DIAG_BY_FAMILY, diagAnswers } from './diag.ts';
import { Flag, i32, join, message, pad, u8, type Answer, type Request } from './messages.ts';
import { routeRows } from './route.ts';

/** NETLINK_ROUTE; NETLINK_SOCK_DIAG; NETLINK_KOBJECT_UEVENT, on which nothing ever comes. */
export const NetlinkProtocol = { ROUTE: 0, SOCK_DIAG: 4, UEVENT: 15 } as const;
const Type = { ERROR: 2, DONE: 3 } as const;
/** Bytes of one datagram of a dump. */
const PIECE_BYTES = 8192;
/** The longest that one call may ask, bytes. */
const LARGEST_REQUEST = 1 << 20;

export class NetlinkSocket extends Socket {
  private readonly protocol: number;
  private queue: Uint8Array[] = [];
  /** Bytes in the queue, each datagram with its overhead. */
  private held = 0;
  constructor(k: Kernel, type: number, protocol: number) {
    super(k, Af.NETLINK, type);
    this.protocol = protocol;
    this.local = netlinkAddress(0, 0);
  }

  get available(): number { return this.queue[0]?.length ?? 0; }
  get protocolNumber(): number { return this.protocol; }
  /** Takes the port asked for, or one that is free: the process's own number first. */
  bind(t: Thread, a: Address): number {
    const { bound } = namesOf(this.k), key = (port: number): string => `netlink${this.protocol}:${port}`;
    let port = a.port || this.local.port || t.proc.number;
    if (a.port !== this.local.port && a.port !== 0 && bound.has(key(a.port))) return -E.ADDRINUSE;
    if (this.local.port === 0) while (a.port === 0 && bound.has(key(port))) port = (port + 0x8000_0001) >>> 0;
    this.unbind();
    this.keys = [key(port)];
    bound.set(key(port), this);
    this.local = netlinkAddress(port, a.groups ?? 0);
    return 0;
  }
  override connect(t: Thread, to: Address): number {
    if (to.family !== Af.NETLINK) return -E.INVAL;
    this.remote = to;
    return this.local.port ? 0 : this.bind(t, this.local);
  }
  override send(io: Io, to: Address | undefined, _files: readonly File[], t: Thread): number {
    const tooLong = io.left > Math.min(this.sendBuffer, LARGEST_REQUEST), bytes = new Uint8Array(tooLong ? 0 : io.left),
      v = new DataView(bytes.buffer), target = to ?? this.remote;
    if (tooLong) return -E.MSGSIZE;
    if (target && target.port !== 0) return -E.CONNREFUSED;
    if (this.local.port === 0) this.bind(t, this.local);
    io.take(bytes, 0, bytes.length);
    for (let at = 0; at + 16 <= bytes.length; ) {
      const length = v.getUint32(at, true);
      if (length < 16 || at + length > bytes.length) break;
      this.answer({
        type: v.getUint16(at + 4, true), flags: v.getUint16(at + 6, true), sequence: v.getUint32(at + 8, true),
        body: bytes.subarray(at + 16, at + length), head: bytes.slice(at, at + 16)
      },
        t);
      at += pad(length);
    }
    this.wq.wakeAll();
    return bytes.length;
  }
  private answer(q: Request, t: Thread): void {
    const port = this.local.port, dump = (q.flags & Flag.DUMP) === Flag.DUMP, found = this.look(inetOf(this.k), q, dump, t);
    if (typeof found === 'number') { this.acknowledge(q, found); return; }
    for (const piece of pieces(found.map((a) => message(a.type, dump ? Flag.MULTI : 0, q, port, a.body)))) this.push(piece);
    if (dump) this.push(message(Type.DONE, Flag.MULTI, q, port, i32(0)));
    else if (q.flags & Flag.ACK || found.length === 0) this.acknowledge(q, 0);
  }
  /** Something that the kernel has to say of itself. */
  tell(bytes: Uint8Array): void { this.push(bytes); this.wq.wakeAll(); }
  /** A reader that does not read loses answers and gets ENOBUFS. */
  private push(piece: Uint8Array): void {
    const cost = piece.length + PIECE;
    if ((this.held > this.receiveBuffer && this.queue.length > 0) || !this.k.frames.charge(cost)) { this.error = E.NOBUFS; return; }
    this.held += cost;
    this.queue.push(piece);
  }
  private shift(): void {
    const cost = this.queue.shift()!.length + PIECE;
    this.held -= cost;
    this.k.frames.uncharge(cost);
  }
  private acknowledge(q: Request, error: number): void {
    this.push(message(Type.ERROR, 0, q, this.local.port, join(i32(error), q.head, error ? q.body : u8())));
  }
  /** The answer, or -errno; nothing after a change. */
  private look(inet: Inet, q: Request, dump: boolean, t: Thread): readonly Answer[] | number {
    if (this.protocol === NetlinkProtocol.SOCK_DIAG) return q.type === SOCK_DIAG_BY_FAMILY && dump ? diagAnswers(inet, q) : -E.OPNOTSUPP;
    const row = this.protocol === NetlinkProtocol.ROUTE ? routeRows[q.type] : undefined;
    if (row?.change) return capable(t.creds, Cap.NET_ADMIN) ? row.change(inet, q) || [] : -E.PERM;
    if (row && dump) return row.dump ? row.dump(inet, q.body[0] ?? 0) : -E.OPNOTSUPP;
    if (row?.get) return row.get(inet, q);
    return this.protocol === NetlinkProtocol.ROUTE && q.type >= 16 && q.type % 4 !== 2 && !capable(t.creds, Cap.NET_ADMIN)
      ? -E.PERM
      : -E.OPNOTSUPP;
  }
  override receive(io: Io, flags: number): Received | number {
    const d = this.queue[0], { error } = this;
    this.error = 0;
    if (error) return -error;
    if (!d) return -E.AGAIN;
    const n = Math.min(io.left, d.length);
    io.put(d, 0, n);
    if (!(flags & Msg.PEEK)) this.shift();
    return {
      n: flags & Msg.TRUNC ? d.length : n, flags: n < d.length ? Msg.TRUNC : 0, files: [], from: netlinkAddress(0, 0),
      sender: { pid: 0, uid: 0, gid: 0 }
    };
  }
  override poll(): number { return (this.queue.length > 0 ? Poll.IN | Poll.RDNORM : 0) | ROOM; }
  override close(): void { this.unbind(); while (this.queue.length > 0) this.shift(); }
}

/** Messages put together to datagrams of a bounded size. */
function* pieces(messages: readonly Uint8Array[]): Generator<Uint8Array> {
  let piece: Uint8Array[] = [], length = 0;
  for (const m of messages) {
    if (length > 0 && length + m.length > PIECE_BYTES) { yield join(...piece); piece = []; length = 0; }
    piece.push(m);
    length += m.length;
  }
  if (length > 0) yield join(...piece);
}
