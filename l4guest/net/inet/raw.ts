/** Raw sockets (SOCK_RAW: whole packets of one protocol) and echo sockets (SOCK_DGRAM with ICMP, as ping uses them). */
import { isAny, type Ip } from '../../../network/address.ts';
import { u16 } from '../../../network/bytes.ts';
import { Icmp4, Icmp6, seal } from '../../../network/ip/icmp.ts';
import { HEADROOM, Protocol, draft } from '../../../network/ip/packet.ts';
import type { RawSocket as Port } from '../../../network/raw.ts';
import type { File } from '../../fs/file.ts';
import { E } from '../../abi/errno.ts';
import { Poll } from '../../abi/linux.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Thread } from '../../kernel/thread.ts';
import type { Io } from '../../mm/uaccess.ts';
import { Af, inetAddress, loopbackIp, type Address } from '../address.ts';
import { Msg, ROOM, SockType, type Received } from '../socket.ts';
import { controlOf } from './control.ts';
import { errnoOf, stackIp } from './inet.ts';
import { InetSocket, Sol } from './socket.ts';

export const IPPROTO = { ICMP: Protocol.ICMP, RAW: 255, ICMP6: Protocol.ICMP6 } as const;
const HDRINCL = 3, MOST_BYTES = 65_535;

export class RawSocket extends InetSocket {
  readonly transport = 'udp';
  readonly protocol: number;
  private port: Port;
  /** Echo sockets take a number as their port. */
  readonly isEcho: boolean;

  constructor(k: Kernel, family: number, type: number, protocol: number) {
    super(k, family, type);
    this.protocol = protocol;
    this.isEcho = type === SockType.DGRAM;
    this.local = inetAddress(family, this.local.ip, this.isEcho ? k.random.next() & 0xffff : protocol);
    this.port = this.inet.stack.raw.open(family === Af.INET ? 4 : 6, protocol, this.local.ip, this.isEcho ? this.local.port : undefined);
    this.port.onChange = () => this.wq.wakeAll();
  }

  /** The types of messages that it does not receive, a bit each. */
  get blocked(): Uint8Array { return this.port.blocked; }
  set blocked(types: Uint8Array) { this.port.blocked = types; }
  get available(): number { return this.port.queue[0]?.payload.length ?? 0; }
  protected override reservable(): boolean { return true; }
  protected override bound(): number { return 0; }

  override bindInet(_t: Thread, address: Address): number {
    if (!isAny(address.ip) && !this.inet.stack.isLocal(address.ip)) return -E.ADDRNOTAVAIL;
    this.port.local = address.ip;
    this.local = inetAddress(this.family, address.ip, this.local.port);
    return 0;
  }
  override connect(_t: Thread, to: Address): number {
    if (to.family === Af.UNSPEC) { this.remote = undefined; this.port.remote = undefined; return 0; }
    if (to.family !== this.family) return -E.AFNOSUPPORT;
    if (!this.inet.stack.sourceFor(this.target(to))) return -E.NETUNREACH;
    this.remote = { ...to, port: 0 };
    this.port.remote = this.target(to);
    return 0;
  }
  private target(to: Address): Ip { return isAny(to.ip) ? loopbackIp(this.family) : stackIp(to.ip); }

  override send(io: Io, to: Address | undefined, _files: readonly File[]): number {
    const name = to ?? this.remote;
    if (!name) return -E.DESTADDRREQ;
    if (name.family !== this.family) return -E.AFNOSUPPORT;
    if (io.left > MOST_BYTES) return -E.MSGSIZE;
    const remote = this.target(name), source = isAny(this.local.ip) ? this.inet.stack.sourceFor(remote) : this.local.ip;
    if (!source) return -E.NETUNREACH;
    const n = io.left, buffer = draft(n);
    io.take(buffer, HEADROOM, n);
    return this.inet.act(() => this.emit(buffer, source, remote)) ?? n;
  }
  private emit(buffer: Uint8Array, from: Ip, to: Ip): number | undefined {
    if (this.hasHeader) return this.emitWhole(buffer.subarray(HEADROOM), to);
    if (this.isEcho) {
      const type = buffer[HEADROOM], isRequest = type === (to.length === 4 ? Icmp4.ECHO : Icmp6.ECHO);
      if (buffer.length < HEADROOM + 8 || !isRequest) return -E.INVAL;
      buffer[HEADROOM + 4] = this.local.port >> 8;
      buffer[HEADROOM + 5] = this.local.port;
    }
    if (this.isEcho || this.protocol === Protocol.ICMP6) seal(buffer, from, to);
    const trouble = this.inet.stack.send(buffer, {
      from: from.slice(), to: to.slice(), protocol: this.protocol, ttl: this.ttlTo(to), tos: this.tosTo(to)
    });
    return trouble && -errnoOf(trouble);
  }
  private get hasHeader(): boolean {
    return this.family === Af.INET && !this.isEcho && (this.protocol === IPPROTO.RAW || (this.option(Sol.IP, HDRINCL) ?? 0) !== 0);
  }

  /** A packet whose header the program wrote: fills in its length, number and checksum, as Linux does. */
  private emitWhole(bytes: Uint8Array, to: Ip): number | undefined {
    if (bytes.length < 20) return -E.INVAL;
    const header = (bytes[0]! & 15) * 4;
    if (header < 20 || header > bytes.length) return -E.INVAL;
    const own = bytes.subarray(12, 16), from = isAny(own) ? this.inet.stack.sourceFor(to)! : own.slice(),
      buffer = draft(bytes.length - header);
    buffer.set(bytes.subarray(header), HEADROOM);
    const trouble = this.inet.stack.send(buffer, {
      from, to: to.slice(), protocol: bytes[9]!, ttl: bytes[8]!, tos: bytes[1]!, dontFragment: (u16(bytes, 6) & 0x4000) !== 0
    });
    return trouble && -errnoOf(trouble);
  }

  override receive(io: Io, flags: number): Received | number {
    const packet = this.port.queue[0];
    if (!packet) {
      const error = this.takeError();
      return error ? -error : -E.AGAIN;
    }
    const bytes = this.family === Af.INET && !this.isEcho ? packet.bytes : packet.payload, n = Math.min(io.left, bytes.length);
    io.put(bytes, 0, n);
    if (!(flags & Msg.PEEK)) this.port.take();
    return {
      n: flags & Msg.TRUNC ? bytes.length : n, flags: n < bytes.length ? Msg.TRUNC : 0, files: [], sender: this.owner,
      from: inetAddress(this.family, packet.from, 0), control: controlOf(this, packet),
    };
  }
  override poll(): number {
    return (this.port.queue.length > 0 ? Poll.IN | Poll.RDNORM : 0) | (this.error ? Poll.ERR : 0) | ROOM;
  }
  override close(): void { this.inet.stack.raw.close(this.port); }
}

