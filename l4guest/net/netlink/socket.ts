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

/** NETLINK_ROUTE; NETLINK_SOCK_DIAG; NETLINK_KOBJECT_UEVENT, which never sends a message. */
export const NetlinkProtocol = { ROUTE: 0, SOCK_DIAG: 4, UEVENT: 15 } as const;
const Type = { ERROR: 2, DONE: 3 } as const;
/** Bytes of one datagram of a dump. */
const PIECE_BYTES = 8192;
/** The longest request, bytes. */
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
  /** Binds to the requested port, or to a free one: the process's own number first. */
  bind(thread: Thread, address: Address): number {
    const { bound } = namesOf(this.k), key = (port: number): string => `netlink${this.protocol}:${port}`;
    let port = address.port || this.local.port || thread.proc.number;
    if (address.port !== this.local.port && address.port !== 0 && bound.has(key(address.port))) return -E.ADDRINUSE;
    if (this.local.port === 0) while (address.port === 0 && bound.has(key(port))) port = (port + 0x8000_0001) >>> 0;
    this.unbind();
    this.keys = [key(port)];
    bound.set(key(port), this);
    this.local = netlinkAddress(port, address.groups ?? 0);
    return 0;
  }
  override connect(thread: Thread, to: Address): number {
    if (to.family !== Af.NETLINK) return -E.INVAL;
    this.remote = to;
    return this.local.port ? 0 : this.bind(thread, this.local);
  }
  override send(io: Io, to: Address | undefined, _files: readonly File[], thread: Thread): number {
    const tooLong = io.left > Math.min(this.sendBuffer, LARGEST_REQUEST), bytes = new Uint8Array(tooLong ? 0 : io.left),
      view = new DataView(bytes.buffer), target = to ?? this.remote;
    if (tooLong) return -E.MSGSIZE;
    if (target && target.port !== 0) return -E.CONNREFUSED;
    if (this.local.port === 0) this.bind(thread, this.local);
    io.take(bytes, 0, bytes.length);
    for (let at = 0; at + 16 <= bytes.length; ) {
      const length = view.getUint32(at, true);
      if (length < 16 || at + length > bytes.length) break;
      this.answer({
        type: view.getUint16(at + 4, true), flags: view.getUint16(at + 6, true), sequence: view.getUint32(at + 8, true),
        body: bytes.subarray(at + 16, at + length), head: bytes.slice(at, at + 16)
      },
        thread);
      at += pad(length);
    }
    this.wq.wakeAll();
    return bytes.length;
  }
  private answer(request: Request, thread: Thread): void {
    const port = this.local.port, dump = (request.flags & Flag.DUMP) === Flag.DUMP,
      found = this.look(inetOf(this.k), request, dump, thread);
    if (typeof found === 'number') { this.acknowledge(request, found); return; }
    for (const piece of pieces(found.map((a) => message(a.type, dump ? Flag.MULTI : 0, request, port, a.body)))) this.push(piece);
    if (dump) this.push(message(Type.DONE, Flag.MULTI, request, port, i32(0)));
    else if (request.flags & Flag.ACK || found.length === 0) this.acknowledge(request, 0);
  }
  /** Queues a message of the kernel itself. */
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
  private look(inet: Inet, request: Request, dump: boolean, thread: Thread): readonly Answer[] | number {
    if (this.protocol === NetlinkProtocol.SOCK_DIAG)
      return request.type === SOCK_DIAG_BY_FAMILY && dump ? diagAnswers(inet, request) : -E.OPNOTSUPP;
    const row = this.protocol === NetlinkProtocol.ROUTE ? routeRows[request.type] : undefined;
    if (row?.change) return capable(thread.creds, Cap.NET_ADMIN) ? row.change(inet, request) || [] : -E.PERM;
    if (row && dump) return row.dump ? row.dump(inet, request.body[0] ?? 0) : -E.OPNOTSUPP;
    if (row?.get) return row.get(inet, request);
    return this.protocol === NetlinkProtocol.ROUTE && request.type >= 16 && request.type % 4 !== 2 && !capable(thread.creds, Cap.NET_ADMIN)
      ? -E.PERM
      : -E.OPNOTSUPP;
  }
  override receive(io: Io, flags: number): Received | number {
    const bytes = this.queue[0], error = this.takeError();
    if (error) return -error;
    if (!bytes) return -E.AGAIN;
    const n = Math.min(io.left, bytes.length);
    io.put(bytes, 0, n);
    if (!(flags & Msg.PEEK)) this.shift();
    return {
      n: flags & Msg.TRUNC ? bytes.length : n, flags: n < bytes.length ? Msg.TRUNC : 0, files: [], from: netlinkAddress(0, 0),
      sender: { pid: 0, uid: 0, gid: 0 }
    };
  }
  override poll(): number { return (this.queue.length > 0 ? Poll.IN | Poll.RDNORM : 0) | ROOM; }
  override close(): void { this.unbind(); while (this.queue.length > 0) this.shift(); }
}

/** Messages put together to datagrams of a bounded size. */
function* pieces(messages: readonly Uint8Array[]): Generator<Uint8Array> {
  let piece: Uint8Array[] = [], length = 0;
  for (const bytes of messages) {
    if (length > 0 && length + bytes.length > PIECE_BYTES) { yield join(...piece); piece = []; length = 0; }
    piece.push(bytes);
    length += bytes.length;
  }
  if (length > 0) yield join(...piece);
}
