/**
 * UDP: datagrams between ports. A socket keeps datagrams until they are read, bounded in bytes; it drops more, as the protocol allows.
 *
 * Documentation: RFC 768, RFC 1122 4.1, RFC 8200 8.1 (IPv6 requires the checksum).
 */
import { isAny, keyOf, type Ip } from './address.ts';
import { foldSum, put16, same, sumOf, u16 } from './bytes.ts';
import type { Budget } from './budget.ts';
import { Inbox } from './inbox.ts';
import { readIp, HEADROOM, Protocol, draft, pseudoSum, type Envelope, type Packet } from './ip/packet.ts';
import type { IcmpError } from './ip/icmp.ts';

export type SendError = 'network' | 'host' | 'tooBig';

export interface Datagram {
  readonly from: Ip;
  readonly fromPort: number;
  readonly to: Ip;
  readonly toPort: number;
  readonly payload: Uint8Array;
  readonly ttl: number;
  readonly tos: number;
}

const HEADER_BYTES = 8;
const LARGEST = { 4: 65_507, 6: 65_527 } as const;

export class UdpSocket extends Inbox<Datagram> {
  readonly local: Ip;
  readonly port: number;
  /** When set, the socket receives only datagrams from there, and errors about datagrams sent there. */
  remote: { readonly ip: Ip; readonly port: number } | undefined;
  error: IcmpError | undefined;
  constructor(local: Ip, port: number, budget: Budget) {
    super(budget);
    this.local = local;
    this.port = port;
  }

  protected bytesOf(datagram: Datagram): number { return datagram.payload.length; }

  accepts(datagram: Datagram): boolean {
    const { remote } = this;
    return remote === undefined || (remote.port === datagram.fromPort && same(remote.ip, datagram.from));
  }
}

export interface UdpNetwork {
  readonly budget: Budget;
  send(buffer: Uint8Array, envelope: Envelope, via?: string): SendError | undefined;
}

export class Udp {
  readonly #network: UdpNetwork;
  readonly #sockets = new Map<number, UdpSocket[]>();
  /** Takes datagrams to addresses and ports that are not bound; returns whether it did. */
  onUnclaimed: ((datagram: Datagram) => boolean) | undefined;
  constructor(network: UdpNetwork) { this.#network = network; }

  get sockets(): UdpSocket[] { return [...this.#sockets.values()].flat(); }
  isFree(port: number): boolean { return !this.#sockets.has(port); }

  /** The caller ensures that ports do not collide. */
  bind(local: Ip, port: number): UdpSocket {
    const socket = new UdpSocket(local, port, this.#network.budget);
    this.#sockets.set(port, [...(this.#sockets.get(port) ?? []), socket]);
    return socket;
  }

  unbind(socket: UdpSocket): void {
    socket.clear();
    const left = (this.#sockets.get(socket.port) ?? []).filter((other) => other !== socket);
    if (left.length > 0) this.#sockets.set(socket.port, left);
    else this.#sockets.delete(socket.port);
  }

  /** Sends a datagram from any port; `via` names an interface for groups. */
  send(payload: Uint8Array, ports: { from: number; to: number }, envelope: Omit<Envelope, 'protocol'>,
      via?: string): SendError | undefined {
    if (payload.length > LARGEST[envelope.to.length === 4 ? 4 : 6]) return 'tooBig';
    const buffer = draft(HEADER_BYTES + payload.length);
    put16(buffer, HEADROOM, ports.from);
    put16(buffer, HEADROOM + 2, ports.to);
    put16(buffer, HEADROOM + 4, HEADER_BYTES + payload.length);
    buffer.set(payload, HEADROOM + HEADER_BYTES);
    const sum = foldSum(sumOf(buffer, HEADROOM, buffer.length,
      pseudoSum(envelope.from, envelope.to, Protocol.UDP, buffer.length - HEADROOM)));
    put16(buffer, HEADROOM + 6, sum === 0 ? 0xffff : sum);
    return this.#network.send(buffer, { ...envelope, protocol: Protocol.UDP }, via);
  }

  /** Returns false when no socket wants it. `toMany` (multicast, broadcast): delivers to each matching socket. */
  receive(packet: Packet, toMany: boolean): boolean {
    const datagram = readDatagram(packet);
    if (datagram === undefined) return true;
    const fitting = (this.#sockets.get(datagram.toPort) ?? []).filter((s) => isFor(s, datagram, toMany) && s.accepts(datagram));
    if (fitting.length === 0) return toMany || (this.onUnclaimed?.(datagram) ?? false);
    const chosen = toMany ? fitting : [best(fitting, datagram)];
    for (const socket of chosen) socket.deliver(datagram);
    return true;
  }

  failed(error: IcmpError): void {
    const quoted = readIp(error.quoted.slice()) ?? undefined, bytes = error.quoted;
    const header = bytes.length > 0 && bytes[0]! >> 4 === 6 ? 40 : (bytes[0]! & 15) * 4;
    if (bytes.length < header + 4) return;
    const from = u16(bytes, header), to = u16(bytes, header + 2);
    const target = quoted ? quoted.to : header === 40 ? bytes.slice(24, 40) : bytes.slice(16, 20);
    for (const socket of this.#sockets.get(from) ?? []) {
      if (socket.remote?.port !== to || keyOf(socket.remote.ip) !== keyOf(target)) continue;
      socket.error = error;
      socket.onChange();
    }
  }
}

const isFor = (s: UdpSocket, d: Datagram, toMany: boolean): boolean =>
  s.local.length === d.to.length && (isAny(s.local) || same(s.local, d.to) || (toMany && same(s.local, d.to)));

/** The most specific socket: connected before bound to an address before bound to any; among equals the source decides. */
function best(sockets: readonly UdpSocket[], datagram: Datagram): UdpSocket {
  const rank = (s: UdpSocket): number => (s.remote ? 2 : 0) + (isAny(s.local) ? 0 : 1);
  const most = Math.max(...sockets.map(rank)), equal = sockets.filter((s) => rank(s) === most);
  return equal[datagram.fromPort % equal.length]!;
}

function readDatagram(packet: Packet): Datagram | undefined {
  const bytes = packet.payload, length = bytes.length >= HEADER_BYTES ? u16(bytes, 4) : 0;
  if (length < HEADER_BYTES || length > bytes.length) return undefined;
  const sent = u16(bytes, 6), sum = foldSum(sumOf(bytes, 0, length, pseudoSum(packet.from, packet.to, Protocol.UDP, length)));
  if (sent === 0 ? packet.to.length === 16 : sum !== 0) return undefined;
  return {
    from: packet.from.slice(), fromPort: u16(bytes, 0), to: packet.to.slice(), toPort: u16(bytes, 2),
    payload: bytes.slice(HEADER_BYTES, length), ttl: packet.ttl, tos: packet.tos,
  };
}
