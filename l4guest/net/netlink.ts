/**
 * Netlink sockets: how programs ask for interfaces, addresses and routes (getifaddrs, ip). A request is answered at once with the
 * messages that a reader then takes, one datagram for each; nothing can be changed.
 *
 *   message = u32 length, u16 type, u16 flags, u32 sequence, u32 port, payload; attributes = u16 length, u16 type, value, padded to 4
 */
import { E } from '../abi/errno.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { Poll } from '../abi/linux.ts';
import type { Thread } from '../kernel/thread.ts';
import { bytesOf, textOf, type Io } from '../mm/uaccess.ts';
import type { File } from '../fs/file.ts';
import { Af, loopbackIp, netlinkAddress, type Address } from './address.ts';
import { Lo } from './interfaces.ts';
import { Msg, Socket, namesOf, type Received } from './socket.ts';

/** NETLINK_ROUTE; NETLINK_KOBJECT_UEVENT, on which nothing ever comes. */
export const NetlinkProtocol = { ROUTE: 0, UEVENT: 15 } as const;
const Type = { ERROR: 2, DONE: 3, NEWLINK: 16, GETLINK: 18, NEWADDR: 20, GETADDR: 22, GETROUTE: 26, GETNEIGH: 30, GETRULE: 34 } as const;
const Flag = { MULTI: 2, ACK: 4, DUMP: 0x300 } as const;

const u8 = (...n: number[]): Uint8Array => new Uint8Array(n);
const u32 = (...n: number[]): Uint8Array => new Uint8Array(new Uint32Array(n).buffer);
const i32 = (n: number): Uint8Array => new Uint8Array(new Int32Array([n]).buffer);
function join(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  parts.reduce((at, p) => { out.set(p, at); return at + p.length; }, 0);
  return out;
}
const pad = (n: number): number => (n + 3) & ~3;
function attribute(type: number, value: Uint8Array): Uint8Array {
  const out = new Uint8Array(pad(4 + value.length)), v = new DataView(out.buffer);
  v.setUint16(0, 4 + value.length, true);
  v.setUint16(2, type, true);
  out.set(value, 4);
  return out;
}
interface Request { readonly type: number; readonly flags: number; readonly sequence: number; readonly body: Uint8Array; readonly head: Uint8Array }
function message(type: number, flags: number, q: Request, port: number, body: Uint8Array): Uint8Array {
  const out = new Uint8Array(pad(16 + body.length)), v = new DataView(out.buffer);
  v.setUint32(0, 16 + body.length, true); v.setUint16(4, type, true); v.setUint16(6, flags, true); v.setUint32(8, q.sequence, true); v.setUint32(12, port, true);
  out.set(body, 16);
  return out;
}

/** struct ifinfomsg and its attributes: address, broadcast, name, MTU, discipline, queue length, state, mode, counters. */
const link = (): Uint8Array => join(u8(0, 0, Lo.type & 255, Lo.type >> 8), u32(Lo.index, Lo.flags, 0),
  attribute(3, bytesOf(`${Lo.name}\0`)), attribute(13, u32(Lo.queue)), attribute(16, u8(0)), attribute(17, u8(0)), attribute(4, u32(Lo.mtu)), attribute(6, bytesOf('noqueue\0')),
  attribute(1, new Uint8Array(6)), attribute(2, new Uint8Array(6)), attribute(23, new Uint8Array(24 * 8)), attribute(7, new Uint8Array(24 * 4)));
/** struct ifaddrmsg and its attributes: address, local address, label, flags (permanent), lifetimes. */
const address = (family: number): Uint8Array => {
  const ip = loopbackIp(family), v4 = family === Af.INET;
  return join(u8(family, v4 ? 8 : 128, 0x80, 254), u32(Lo.index), attribute(1, ip), ...(v4 ? [attribute(2, ip), attribute(3, bytesOf(`${Lo.name}\0`))] : []),
    attribute(8, u32(0x80)), attribute(6, u32(0xffff_ffff, 0xffff_ffff, 0, 0)));
};
/** The value of an attribute in a request's body, behind `from` bytes of fixed part. */
function find(body: Uint8Array, from: number, type: number): Uint8Array | undefined {
  const v = new DataView(body.buffer, body.byteOffset, body.length);
  for (let at = from; at + 4 <= body.length; ) {
    const length = v.getUint16(at, true);
    if (length < 4 || at + length > body.length) return undefined;
    if ((v.getUint16(at + 2, true) & 0x3fff) === type) return body.subarray(at + 4, at + length);
    at += pad(length);
  }
  return undefined;
}

export class NetlinkSocket extends Socket {
  private readonly protocol: number;
  private queue: Uint8Array[] = [];
  constructor(k: Kernel, type: number, protocol: number) { super(k, Af.NETLINK, type); this.protocol = protocol; this.local = netlinkAddress(0, 0); }

  get available(): number { return this.queue[0]?.length ?? 0; }
  get protocolNumber(): number { return this.protocol; }
  /** Takes the port asked for, or one that is free: the process's own number first. */
  bind(t: Thread, a: Address): number {
    const { bound } = namesOf(this.k), key = (port: number): string => `netlink${this.protocol}:${port}`;
    let port = a.port || this.local.port || t.proc.pid;
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
    const bytes = new Uint8Array(io.left), v = new DataView(bytes.buffer), target = to ?? this.remote;
    if (target && target.port !== 0) return -E.CONNREFUSED;
    if (this.local.port === 0) this.bind(t, this.local);
    io.take(bytes, 0, bytes.length);
    for (let at = 0; at + 16 <= bytes.length; ) {
      const length = v.getUint32(at, true);
      if (length < 16 || at + length > bytes.length) break;
      this.answer({ type: v.getUint16(at + 4, true), flags: v.getUint16(at + 6, true), sequence: v.getUint32(at + 8, true), body: bytes.subarray(at + 16, at + length), head: bytes.slice(at, at + 16) });
      at += pad(length);
    }
    this.wq.wakeAll();
    return bytes.length;
  }
  private answer(q: Request): void {
    const port = this.local.port, dump = (q.flags & Flag.DUMP) === Flag.DUMP, found = this.protocol === NetlinkProtocol.ROUTE ? this.look(q, dump) : -E.OPNOTSUPP;
    if (typeof found === 'number') { this.acknowledge(q, found); return; }
    const parts = found.map((body) => message(q.type === Type.GETLINK ? Type.NEWLINK : Type.NEWADDR, dump ? Flag.MULTI : 0, q, port, body));
    if (parts.length > 0) this.queue.push(join(...parts));
    if (dump) this.queue.push(message(Type.DONE, Flag.MULTI, q, port, i32(0)));
    else if (q.flags & Flag.ACK) this.acknowledge(q, 0);
  }
  private acknowledge(q: Request, error: number): void { this.queue.push(message(Type.ERROR, 0, q, this.local.port, join(i32(error), q.head, error ? q.body : u8()))); }
  /** Bodies of the answer, or -errno. */
  private look(q: Request, dump: boolean): Uint8Array[] | number {
    const family = q.body[0] ?? 0;
    switch (q.type) {
      case Type.GETLINK: return dump || this.isLo(q.body) ? [link()] : -E.NODEV;
      case Type.GETADDR: return dump ? [Af.INET, Af.INET6].filter((f) => family === 0 || family === f).map(address) : -E.OPNOTSUPP;
      case Type.GETROUTE: case Type.GETNEIGH: case Type.GETRULE: return dump ? [] : q.type === Type.GETROUTE ? -E.NETUNREACH : -E.OPNOTSUPP;
      default: return q.type >= 16 && q.type % 4 !== 2 ? -E.PERM : -E.OPNOTSUPP;
    }
  }
  private isLo(body: Uint8Array): boolean {
    if (body.length < 16) return false;
    const index = new DataView(body.buffer, body.byteOffset, 16).getInt32(4, true), name = find(body, 16, 3);
    return index !== 0 ? index === Lo.index : name !== undefined && textOf(name).replace(/\0.*$/s, '') === Lo.name;
  }
  override receive(io: Io, flags: number): Received | number {
    const d = this.queue[0];
    if (!d) return -E.AGAIN;
    const n = Math.min(io.left, d.length);
    io.put(d, 0, n);
    if (!(flags & Msg.PEEK)) this.queue.shift();
    return { n: flags & Msg.TRUNC ? d.length : n, flags: n < d.length ? Msg.TRUNC : 0, files: [], from: netlinkAddress(0, 0), sender: { pid: 0, uid: 0, gid: 0 } };
  }
  override poll(): number { return (this.queue.length > 0 ? Poll.IN | Poll.RDNORM : 0) | Poll.OUT | Poll.WRNORM; }
  override close(): void { this.unbind(); this.queue = []; }
}
