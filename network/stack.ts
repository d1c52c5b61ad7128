/**
 * A host's network stack: interfaces, routes, and the protocols above IP. It knows neither the sockets of an operating system nor a clock:
 * its owner gives the time (virtual microseconds), delivers frames, calls `run` when `next` is due, and calls `flush` after calls that send
 * to this host itself.
 *
 *   frame → receive → ARP, IPv6 discovery, ICMP, UDP, TCP, raw sockets;   send → route → neighbour → Link.send
 *
 * Documentation: RFC 1122 3 (hosts), RFC 8200.
 */
import {
  BROADCAST_MAC, LOOPBACK4, LOOPBACK6, anyOf, groupMac, inPrefix, isIp4, isMulticast, keyOf, solicitedNode, type Ip
} from './address.ts';
import { same } from './bytes.ts';
import { UNBOUNDED, type Budget } from './budget.ts';
import { Reassembly, cut } from './ip/fragments.ts';
import { Icmp4, Icmp6, echoReply, errorAbout, isWhole, readError, seal, type Trouble } from './ip/icmp.ts';
import { HEADROOM, Protocol, headerBytes, readIp, writeHeader, type Envelope, type Packet } from './ip/packet.ts';
import { Discovery } from './link/discovery.ts';
import { Arp, EtherType, arpFrame, readArp, readFrame, wrap, type Frame } from './link/ethernet.ts';
import { Interface, type Assigned, type Link } from './link/interface.ts';
import { Neighbours } from './link/neighbours.ts';
import { Raw } from './raw.ts';
import { Routes, type Route } from './routes.ts';
import { Tcp } from './tcp/tcp.ts';
import { Timer, Timers } from './timers.ts';
import { Udp, type SendError } from './udp.ts';

/** Why a packet cannot be sent. */
export type { SendError };

export interface StackOptions {
  /** Virtual time in microseconds. */
  now(): number;
  /** 32 random bits. */
  random(): number;
  /** Budget for the bytes that the stack stores for others (default: its own limits alone). */
  readonly budget?: Budget;
  /** Called with the number of packets that this host sends; a TCP segment, which causes an answer, counts twice. */
  sent?(packets: number): void;
}

const LOOPBACK_MTU = 65_536, PACKET_MOST = 65_535, LOCAL_MOST = 4096;
const Origin = { KERNEL: 2, ADVERTISED: 9 } as const;

export class Stack {
  readonly timers = new Timers();
  readonly routes = new Routes();
  readonly tcp: Tcp;
  readonly udp: Udp;
  readonly raw: Raw;
  readonly budget: Budget;
  readonly interfaces: Interface[] = [];
  readonly discovery = new Map<Interface, Discovery>();
  /**
   * Asked about packets to other addresses: true accepts them as if they were for this host, as a gateway does that acts for the outside
   * world.
   */
  foreign: ((packet: Packet) => boolean) | undefined;
  /** Packets that this host sends to itself. */
  readonly #local: Uint8Array[] = [];
  readonly #loop: Timer;
  readonly #reassembly = new Reassembly();
  readonly #options: StackOptions;
  #id = 0;

  constructor(options: StackOptions) {
    this.#options = options;
    this.#loop = new Timer(() => this.flush());
    this.budget = options.budget ?? UNBOUNDED;
    this.raw = new Raw(this.budget);
    this.tcp = new Tcp({
      budget: this.budget, timers: this.timers, now: () => this.now(), random: () => this.random(), mtuTo: (remote) => this.mtuTo(remote),
      send: (buffer, envelope) => this.send(buffer, envelope) as 'network' | 'host' | undefined,
    });
    this.udp = new Udp(this);
  }

  now(): number { return this.#options.now(); }
  random(): number { return this.#options.random() >>> 0; }
  /** Time of the next `run`. */
  get next(): number { return this.timers.next; }
  run(): void {
    this.timers.run(this.now());
    this.flush();
  }

  // ── interfaces ───────────────────────────────────────────────────────────────────────────────────────────────────────

  addLoopback(): Interface {
    const lo = new Interface('lo', this.interfaces.length + 1, LOOPBACK_MTU, undefined, () => undefined);
    this.interfaces.push(lo);
    this.assign(lo, LOOPBACK4, 8);
    this.assign(lo, LOOPBACK6, 128);
    return lo;
  }

  /** An Ethernet interface, without IPv4 addresses yet; IPv6 begins with `discovery.get(…).start()`. */
  addEthernet(name: string, link: Link): Interface {
    const iface: Interface = new Interface(name, this.interfaces.length + 1, link.mtu, link, (self) => this.#neighbours(self, link));
    this.interfaces.push(iface);
    this.discovery.set(iface, new Discovery(this, iface, link.mac));
    return iface;
  }

  #neighbours(iface: Interface, link: Link): Neighbours {
    return new Neighbours({
      timers: this.timers, now: () => this.now(), ask: (ip, mac) => this.#ask(iface, link, ip, mac),
      transmit: (packet, mac) => this.#frame(iface, link, packet, mac), unreachable: (packet) => this.#unreachable(packet),
    });
  }

  #ask(iface: Interface, link: Link, ip: Ip, mac: Uint8Array | undefined): void {
    if (!isIp4(ip)) { this.discovery.get(iface)!.ask(ip, mac !== undefined); return; }
    link.send(arpFrame(Arp.REQUEST, { mac: link.mac, ip: iface.sourceFor(ip) ?? anyOf(ip) }, { mac, ip }));
  }

  /** No neighbour answered for the packet's next hop; the packet comes from this host. */
  #unreachable(bytes: Uint8Array): void {
    const packet = readIp(bytes);
    const error = packet && errorAbout(packet, 'host');
    if (packet && error) this.#icmp(error, packet.from.slice(), packet.from.slice());
    this.flush();
  }

  assign(iface: Interface, ip: Ip, bits: number, tentative = false): Assigned {
    const assigned: Assigned = { ip: ip.slice(), bits, tentative };
    iface.addresses.push(assigned);
    this.routes.add({
      prefix: ip.slice(), bits, interface: iface, metric: isIp4(ip) ? 0 : 256, source: isIp4(ip) ? assigned.ip : undefined,
      origin: Origin.KERNEL
    });
    return assigned;
  }

  unassign(iface: Interface, ip: Ip): boolean {
    const before = iface.addresses.length;
    iface.addresses = iface.addresses.filter((a) => !same(a.ip, ip));
    this.routes.remove((route) => route.interface === iface && route.origin === Origin.KERNEL && same(route.prefix, ip));
    return iface.addresses.length < before;
  }

  /** A router of the link announced itself. */
  router(iface: Interface, router: Ip, lifetime: number): void {
    const isOurs = (route: Route): boolean =>
      route.interface === iface && route.origin === Origin.ADVERTISED && route.gateway !== undefined && same(route.gateway, router);
    this.routes.remove(isOurs);
    if (lifetime > 0)
      this.routes.add({ prefix: anyOf(router), bits: 0, gateway: router, interface: iface, metric: 1024, origin: Origin.ADVERTISED });
  }

  interfaceNamed(name: string): Interface | undefined { return this.interfaces.find((iface) => iface.name === name); }
  /** Is it an address of this host? */
  isLocal(ip: Ip): boolean { return this.interfaces.some((iface) => iface.up && iface.has(ip)); }

  /** The source address for packets to `to`; undefined: there is no route. */
  sourceFor(to: Ip): Ip | undefined {
    if (this.isLocal(to)) return to;
    const route = this.routes.find(to);
    return route && (route.source ?? route.interface.sourceFor(to));
  }

  mtuTo(to: Ip): number {
    return this.isLocal(to) ? LOOPBACK_MTU : (this.routes.find(to)?.interface.mtu ?? 1280);
  }

  // ── sending ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Sends `buffer[HEADROOM …)` in packets. `via` names the interface for multicast and broadcast. The stack owns the buffer from now on.
   */
  send(buffer: Uint8Array, envelope: Envelope, via?: string): SendError | undefined {
    const { to } = envelope;
    this.#options.sent?.(envelope.protocol === Protocol.TCP ? 2 : 1);
    if (this.isLocal(to)) return this.#loopback(buffer, envelope);
    const forced = via === undefined ? undefined : this.interfaceNamed(via);
    const route = forced ? undefined : this.routes.find(to), iface = forced ?? route?.interface;
    if (!iface?.up) return 'network';
    if (isMulticast(to)) this.#loopToMembers(buffer, envelope, iface);
    if (!iface.link) return isMulticast(to) ? undefined : this.#loopback(buffer, envelope);
    if (buffer.length - HEADROOM + headerBytes(to) <= iface.mtu) {
      this.#emit(iface, buffer, writeHeader(buffer, envelope, this.#nextId()), to, route?.gateway ?? to);
      return undefined;
    }
    if (envelope.dontFragment) return 'tooBig';
    for (const piece of cut(buffer, envelope, this.#nextId(), iface.mtu))
      this.#emit(iface, piece.buffer, piece.start, to, route?.gateway ?? to);
    return undefined;
  }

  #nextId(): number { return (this.#id = (this.#id + 1) & 0xffff); }

  #loopback(buffer: Uint8Array, envelope: Envelope): SendError | undefined {
    if (buffer.length - HEADROOM + headerBytes(envelope.to) > PACKET_MOST) return 'tooBig';
    if (this.#local.length >= LOCAL_MOST) return undefined;
    this.#local.push(buffer.subarray(writeHeader(buffer, envelope, this.#nextId())));
    if (this.#loop.at === Infinity) this.timers.set(this.#loop, this.now());
    return undefined;
  }

  /** Group members on this host receive the group's packets too. */
  #loopToMembers(buffer: Uint8Array, envelope: Envelope, iface: Interface): void {
    if (!envelope.noLoop && iface.groups.has(keyOf(envelope.to))) this.#loopback(buffer.slice(), envelope);
  }

  #emit(iface: Interface, buffer: Uint8Array, start: number, to: Ip, hop: Ip): void {
    const link = iface.link!;
    if (iface.isBroadcast(to)) this.#frame(iface, link, buffer.subarray(start), BROADCAST_MAC);
    else if (isMulticast(to)) this.#frame(iface, link, buffer.subarray(start), groupMac(to));
    else iface.neighbours!.send(hop, buffer.subarray(start));
  }

  /** `packet` has room for the frame header in front. */
  #frame(iface: Interface, link: Link, packet: Uint8Array, mac: Uint8Array): void {
    const whole = new Uint8Array(packet.buffer, 0, packet.byteOffset + packet.length);
    const frame = wrap(whole, packet.byteOffset, mac, link.mac, packet[0]! >> 4 === 6 ? EtherType.IP6 : EtherType.IP4);
    iface.counts.txPackets++;
    iface.counts.txBytes += frame.length;
    link.send(frame);
  }

  /** Delivers packets that this host sent to itself, and the packets that follow from them. */
  flush(): void {
    this.timers.stop(this.#loop);
    const lo = this.interfaces.find((iface) => !iface.link);
    for (let left = 4 * LOCAL_MOST; left > 0 && this.#local.length > 0; left--)
      this.#packet(lo ?? this.interfaces[0]!, this.#local.shift()!);
    if (this.#local.length > 0) this.timers.set(this.#loop, this.now());
  }

  // ── receiving ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Receives a frame. The caller owns it again when this returns. */
  receive(iface: Interface, bytes: Uint8Array): void {
    const frame = readFrame(bytes);
    if (!frame || !iface.up) return;
    iface.counts.rxPackets++;
    iface.counts.rxBytes += bytes.length;
    const isForUs = (frame.to[0]! & 1) !== 0 || same(frame.to, iface.link!.mac);
    if (!isForUs) return;
    if (frame.type === EtherType.ARP) this.#arp(iface, frame);
    else if (frame.type === EtherType.IP4 || frame.type === EtherType.IP6) this.#packet(iface, frame.payload);
    this.flush();
  }

  #arp(iface: Interface, frame: Frame): void {
    const arp = readArp(frame.payload), link = iface.link!;
    if (!arp) return;
    const isAsked = iface.has(arp.targetIp);
    if (arp.senderIp.some((byte) => byte !== 0)) iface.neighbours!.learn(arp.senderIp, arp.senderMac, isAsked);
    if (arp.operation === Arp.REQUEST && isAsked) {
      link.send(arpFrame(Arp.REPLY, { mac: link.mac, ip: arp.targetIp.slice() }, { mac: arp.senderMac.slice(), ip: arp.senderIp.slice() }));
    }
  }

  #packet(iface: Interface, bytes: Uint8Array): void {
    const packet = bytes.length > 0 ? readIp(bytes) : undefined;
    if (!packet) { iface.counts.rxDropped++; return; }
    const toMany = isMulticast(packet.to) || iface.isBroadcast(packet.to);
    if (!this.#isForUs(iface, packet, toMany)) return;
    const whole = packet.fragment ? this.#reassembly.add(packet, this.now()) : packet;
    if (whole) this.#deliver(iface, whole, toMany);
  }

  #isForUs(iface: Interface, packet: Packet, toMany: boolean): boolean {
    const { to } = packet;
    if (!toMany) return this.isLocal(to) || (this.foreign?.(packet) ?? false);
    if (iface.isBroadcast(to) || iface.groups.has(keyOf(to))) return true;
    const isEverybody = isIp4(to)
      ? keyOf(to) === '\xe0\0\0\x01'
      : to[15] === 1 && inPrefix(to, Uint8Array.from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), 120);
    if (isEverybody) return true;
    const isRouters = !isIp4(to) && to[15] === 2 && this.discovery.get(iface)?.advertised !== undefined;
    return isRouters || iface.addresses.some((a) => !isIp4(a.ip) && same(solicitedNode(a.ip), to));
  }

  #deliver(iface: Interface, packet: Packet, toMany: boolean): void {
    const wanted = this.raw.receive(packet);
    switch (packet.protocol) {
      case Protocol.TCP: if (!toMany) this.tcp.receive(packet); return;
      case Protocol.UDP: if (!this.udp.receive(packet, toMany)) this.refuse(packet, 'port'); return;
      case Protocol.ICMP: if (isIp4(packet.to)) this.#control(iface, packet); return;
      case Protocol.ICMP6: if (!isIp4(packet.to)) this.#control(iface, packet); return;
      case Protocol.NONE: return;
      default: if (!wanted && !toMany) this.refuse(packet, 'protocol');
    }
  }

  /** Reports an error to the sender of a packet, from the packet's destination or from `from`. */
  refuse(packet: Packet, trouble: Trouble, from: Ip = packet.to.slice()): void {
    const error = errorAbout(packet, trouble);
    if (error) this.#icmp(error, from, packet.from.slice());
  }

  #icmp(buffer: Uint8Array, from: Ip, to: Ip): void {
    this.send(seal(buffer, from, to), { from, to, protocol: isIp4(to) ? Protocol.ICMP : Protocol.ICMP6 });
  }

  #control(iface: Interface, packet: Packet): void {
    if (!isWhole(packet) || (packet.protocol === Protocol.ICMP6 && this.discovery.get(iface)?.receive(packet))) return;
    const isEcho = packet.payload[0] === (isIp4(packet.to) ? Icmp4.ECHO : Icmp6.ECHO);
    if (isEcho && !iface.isBroadcast(packet.to)) {
      const from = isMulticast(packet.to) ? iface.sourceFor(packet.from) : packet.to.slice();
      if (from) this.#icmp(echoReply(packet), from, packet.from.slice());
      return;
    }
    const error = readError(packet), about = error && protocolOf(error.quoted);
    if (error && about === Protocol.TCP) this.tcp.failed(error);
    else if (error && about === Protocol.UDP) this.udp.failed(error);
  }
}

const protocolOf = (quoted: Uint8Array): number | undefined =>
  (quoted.length < 20 ? undefined : quoted[0]! >> 4 === 6 ? quoted[6] : quoted[9]);
