/** UDP sockets over the kernel's stack. */
import { isAny, isMulticast, keyOf, type Ip } from '../../../network/address.ts';
import type { Datagram, UdpSocket as Port } from '../../../network/udp.ts';
import type { Trouble } from '../../../network/ip/icmp.ts';
import type { File } from '../../fs/file.ts';
import { E } from '../../abi/errno.ts';
import { Poll } from '../../abi/linux.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Thread } from '../../kernel/thread.ts';
import type { Io } from '../../mm/uaccess.ts';
import { Af, anyIp, loopbackIp, type Address } from '../address.ts';
import { Msg, ROOM, SockType, type Extra, type Received } from '../socket.ts';
import { controlOf } from './control.ts';
import { errnoOf, socketAddress, stackIp } from './inet.ts';
import { InetSocket, Sol } from './socket.ts';

const MOST_BYTES = 65_507, CORK = 1, SNDBUF = 7, RCVBUF = 8, MULTICAST_IF = 32, MULTICAST_TTL = 33, MULTICAST_LOOP = 34;
/** The error that a connected socket reports for an ICMP error. */
export const troubleErrno = (trouble: Trouble): number =>
  ({
    port: E.CONNREFUSED, host: E.HOSTUNREACH, network: E.NETUNREACH, protocol: E.NOPROTOOPT, prohibited: E.ACCES, time: E.HOSTUNREACH,
    tooBig: E.MSGSIZE
  })[trouble];

export class UdpSocket extends InetSocket {
  readonly transport = 'udp';
  private readonly ports: Port[] = [];
  constructor(k: Kernel, family: number) { super(k, family, SockType.DGRAM); }

  get available(): number { return this.first()?.payload.length ?? 0; }
  private first(): Datagram | undefined { return this.ports.find((p) => p.queue.length > 0)?.queue[0]; }
  private take(): void { this.ports.find((p) => p.queue.length > 0)?.take(); }
  /** The pending ICMP error, reported once. */
  override takeError(): number {
    let errno = this.error;
    this.error = 0;
    for (const udpSocket of this.ports) {
      if (udpSocket.error) errno ||= troubleErrno(udpSocket.error.trouble);
      udpSocket.error = undefined;
    }
    return errno;
  }

  protected override reservable(port: number): boolean { return port > 0; }
  protected override bound(): number {
    for (const end of this.ends) {
      const port = this.inet.stack.udp.bind(end.ip, end.port);
      port.limit = this.option(Sol.SOCKET, RCVBUF) ?? port.limit;
      port.onChange = () => this.wq.wakeAll();
      this.ports.push(port);
    }
    return 0;
  }

  override connect(thread: Thread, to: Address): number {
    if (to.family === Af.UNSPEC) return this.disconnect();
    if (to.family !== this.family) return -E.AFNOSUPPORT;
    const remote = this.target(to), source = this.sourceTo(remote);
    if (this.refusesBroadcast(remote)) return -E.ACCES;
    if (!source) return -E.NETUNREACH;
    const failed = this.autobind(thread);
    if (failed) return failed;
    this.remote = { ...to, ip: isAny(stackIp(to.ip)) ? loopbackIp(this.family) : to.ip };
    if (isAny(stackIp(this.local.ip))) this.local = socketAddress(this.family, source, this.local.port);
    for (const udpSocket of this.ports) udpSocket.remote = { ip: remote, port: to.port };
    return 0;
  }
  private disconnect(): number {
    this.remote = undefined;
    for (const udpSocket of this.ports) udpSocket.remote = undefined;
    if (this.ends.length > 0 && isAny(this.ends[0]!.ip)) this.local = { ...this.local, ip: anyIp(this.family) };
    return 0;
  }
  private target(to: Address): Ip { const ip = stackIp(to.ip); return isAny(ip) ? loopbackIp(ip.length === 4 ? Af.INET : Af.INET6) : ip; }
  private sourceTo(remote: Ip): Ip | undefined {
    const own = stackIp(this.local.ip);
    if (!isAny(own) && own.length === remote.length && !isMulticast(own)) return own;
    return this.inet.stack.sourceFor(remote) ?? this.interfaceFor(remote)?.sourceFor(remote);
  }
  private interfaceFor(remote: Ip): { readonly name: string; sourceFor(to: Ip): Ip | undefined } | undefined {
    if (!isMulticast(remote) && !this.inet.stack.interfaces.some((i) => i.isBroadcast(remote))) return undefined;
    const index = this.option(Sol.IP, MULTICAST_IF), { interfaces } = this.inet.stack;
    return interfaces.find((i) => i.index === index) ?? interfaces.find((i) => i.link && i.up) ?? interfaces[0];
  }
  private refusesBroadcast(ip: Ip): boolean { return !this.mayBroadcast && this.inet.stack.interfaces.some((i) => i.isBroadcast(ip)); }

  /** Data that MSG_MORE or UDP_CORK holds back until the rest is sent, and its destination. */
  private held: { readonly bytes: Uint8Array; readonly send: (bytes: Uint8Array) => number } | undefined;
  private get corked(): boolean { return (this.option(Sol.UDP, CORK) ?? 0) !== 0; }
  /** If UDP_CORK was cleared, sends what was held back. */
  override optionSet(): void {
    const { held } = this;
    if (!held || this.corked) return;
    this.letGo();
    held.send(held.bytes);
  }
  /** Sends one datagram, or holds back a part of one. */
  private part(bytes: Uint8Array, more: boolean, send: (bytes: Uint8Array) => number): number {
    const { held } = this, all = new Uint8Array((held?.bytes.length ?? 0) + bytes.length);
    if (all.length > MOST_BYTES) return -E.MSGSIZE;
    all.set(held?.bytes ?? [], 0);
    all.set(bytes, all.length - bytes.length);
    if (more || this.corked) {
      if (!this.k.frames.charge(bytes.length)) return -E.NOBUFS;
      this.held = { bytes: all, send: held?.send ?? send };
      return bytes.length;
    }
    this.letGo();
    const result = (held?.send ?? send)(all);
    return result < 0 ? result : bytes.length;
  }
  private letGo(): void {
    this.k.frames.uncharge(this.held?.bytes.length ?? 0);
    this.held = undefined;
  }
  override send(io: Io, to: Address | undefined, _files: readonly File[], thread: Thread, extra?: Extra): number {
    const name = to ?? this.remote;
    const error = this.takeError();
    if (error) return -error;
    if (this.writeShut) return -E.PIPE;
    if (!name) return -E.DESTADDRREQ;
    if (name.family !== this.family) return -E.AFNOSUPPORT;
    if (name.port === 0) return -E.INVAL;
    if (io.left > MOST_BYTES || io.left > (this.option(Sol.SOCKET, SNDBUF) ?? Infinity)) return -E.MSGSIZE;
    const remote = this.target(name), source = this.sourceTo(remote);
    if (this.refusesBroadcast(remote)) return -E.ACCES;
    const failed = this.autobind(thread);
    if (failed) return failed;
    if (!source) return -E.NETUNREACH;
    const bytes = new Uint8Array(io.left);
    io.take(bytes, 0, bytes.length);
    return this.part(bytes, extra?.more === true, (all) => this.inet.act(() => this.emit(all, source, remote, name.port)) ?? 0);
  }
  private emit(bytes: Uint8Array, from: Ip, to: Ip, port: number): number | undefined {
    const isGroup = isMulticast(to), ttl = isGroup ? this.option(Sol.IP, MULTICAST_TTL) ?? 1 : this.ttlTo(to);
    const via = this.interfaceFor(to)?.name, loops = !isGroup || (this.option(Sol.IP, MULTICAST_LOOP) ?? 1) !== 0;
    const trouble = this.inet.stack.udp.send(bytes, { from: this.local.port, to: port },
      { from: from.slice(), to: to.slice(), ttl, tos: this.tosTo(to), ...(loops ? {} : { noLoop: true }) }, via);
    return trouble && -errnoOf(trouble);
  }

  override receive(io: Io, flags: number): Received | number {
    const datagram = this.first();
    if (!datagram) {
      const error = this.takeError();
      if (error) return -error;
      return this.readShut ? { n: 0, flags: 0, files: [], from: this.local, sender: this.owner } : -E.AGAIN;
    }
    const n = Math.min(io.left, datagram.payload.length);
    io.put(datagram.payload, 0, n);
    if (!(flags & Msg.PEEK)) this.take();
    return {
      n: flags & Msg.TRUNC ? datagram.payload.length : n, flags: n < datagram.payload.length ? Msg.TRUNC : 0, files: [], sender: this.owner,
      from: socketAddress(this.family, datagram.from, datagram.fromPort), control: controlOf(this, datagram),
    };
  }
  override poll(): number {
    const failed = this.error !== 0 || this.ports.some((p) => p.error);
    const readable = this.first() !== undefined || this.readShut;
    return (readable ? Poll.IN | Poll.RDNORM : 0) | (this.readShut ? Poll.RDHUP : 0) | (failed ? Poll.ERR : 0)
      | (this.readShut && this.writeShut ? Poll.HUP : 0) | ROOM;
  }
  override shutdown(how: number): number { return this.remote ? super.shutdown(how) : -E.NOTCONN; }
  override close(): void {
    this.letGo();
    this.inet.ports.leave(this);
    for (const udpSocket of this.ports.splice(0)) this.inet.stack.udp.unbind(udpSocket);
    this.leaveAll();
  }
  private leaveAll(): void {
    for (const { iface, key } of this.groups.values()) leaveGroup(this.inet.stack.interfaceNamed(iface)?.groups, key);
    this.groups.clear();
  }
}

/** Joins a group on an interface: 0, -ENODEV, -EADDRINUSE. */
export function joinGroup(inetSocket: InetSocket, ip: Ip, index: number): number {
  const { interfaces } = inetSocket.inet.stack,
    iface = index ? interfaces.find((i) => i.index === index) : interfaces.find((i) => i.link && i.up) ?? interfaces[0];
  if (!iface) return -E.NODEV;
  const key = keyOf(ip), id = `${iface.name}/${key}`;
  if (!isMulticast(ip)) return -E.INVAL;
  if (inetSocket.groups.has(id)) return -E.ADDRINUSE;
  inetSocket.groups.set(id, { iface: iface.name, key });
  iface.groups.set(key, (iface.groups.get(key) ?? 0) + 1);
  return 0;
}
export function dropGroup(inetSocket: InetSocket, ip: Ip): number {
  const found = [...inetSocket.groups].find(([, g]) => g.key === keyOf(ip));
  if (!found) return -E.ADDRNOTAVAIL;
  inetSocket.groups.delete(found[0]);
  leaveGroup(inetSocket.inet.stack.interfaceNamed(found[1].iface)?.groups, found[1].key);
  return 0;
}
function leaveGroup(groups: Map<string, number> | undefined, key: string): void {
  const n = (groups?.get(key) ?? 1) - 1;
  if (n > 0) groups?.set(key, n); else groups?.delete(key);
}
