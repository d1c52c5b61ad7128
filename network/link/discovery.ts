/**
 * Neighbour discovery of IPv6 on one interface: asks for and announces link addresses, forms addresses from a router's prefixes (SLAAC),
 * and announces its own prefix where it is a router itself.
 *
 * Documentation: RFC 4861 (messages, validity), RFC 4862 (addresses, duplicates), RFC 8106 (name servers).
 */
import { ALL_NODES6, ALL_ROUTERS6, ANY6, eui64, inPrefix, isAny, isMulticast, solicitedNode, type Ip } from '../address.ts';
import { put16, put32, same, u32 } from '../bytes.ts';
import { Icmp6, message, seal } from '../ip/icmp.ts';
import { HEADROOM, Protocol, type Envelope, type Packet } from '../ip/packet.ts';
import { Timer, type Timers } from '../timers.ts';
import type { Assigned, Interface } from './interface.ts';

const HOPS = 255, SECOND = 1_000_000, SOLICITATIONS = 3, PREFIXES_MOST = 8;
const Option = { SOURCE_LINK: 1, TARGET_LINK: 2, PREFIX: 3, MTU: 5, NAME_SERVERS: 25 } as const;
const NA = { ROUTER: 0x8000_0000, SOLICITED: 0x4000_0000, OVERRIDE: 0x2000_0000 } as const;
const LINK_LOCAL = Uint8Array.from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

/** A router advertisement. */
export interface Advertised { readonly prefix: Ip; readonly nameServer?: Ip; readonly mtu?: number }

export interface DiscoveryHost {
  readonly timers: Timers;
  now(): number;
  send(buffer: Uint8Array, envelope: Envelope, via: string): unknown;
  /** Gives the interface an address and the route to its network. */
  assign(iface: Interface, ip: Ip, bits: number, tentative: boolean): Assigned;
  /** A router announced itself; a lifetime of 0 means that it stops being a router. */
  router(iface: Interface, router: Ip, lifetime: number): void;
}

export class Discovery {
  readonly #host: DiscoveryHost;
  readonly #iface: Interface;
  readonly #mac: Uint8Array;
  readonly #solicit: Timer;
  #left = SOLICITATIONS;
  /** When set, this host is the router of the link. */
  advertised: Advertised | undefined;
  nameServers: Ip[] = [];

  constructor(host: DiscoveryHost, iface: Interface, mac: Uint8Array) {
    this.#host = host;
    this.#iface = iface;
    this.#mac = mac;
    this.#solicit = new Timer(() => this.#askRouters());
  }

  /** Takes a link-local address and looks for routers. */
  start(): void {
    this.#take(eui64(LINK_LOCAL, this.#mac));
    if (!this.advertised) this.#host.timers.set(this.#solicit, this.#host.now() + SECOND);
  }

  #take(ip: Ip, bits = 64): void {
    if (this.#iface.addresses.some((a) => same(a.ip, ip))) return;
    const assigned = this.#host.assign(this.#iface, ip, bits, !this.advertised);
    if (!assigned.tentative) return;
    this.#solicitation(ip, solicitedNode(ip), ANY6);
    this.#host.timers.set(new Timer(() => { if (!assigned.failed) assigned.tentative = false; }), this.#host.now() + SECOND);
  }

  #askRouters(): void {
    if (this.#left-- <= 0) return;
    const from = this.#iface.sourceFor(ALL_ROUTERS6);
    const body = from ? this.#link(Option.SOURCE_LINK) : new Uint8Array(0);
    this.#emit(message(Icmp6.ROUTER_SOLICITATION, 0, 0, body), from ?? ANY6, ALL_ROUTERS6);
    this.#host.timers.set(this.#solicit, this.#host.now() + 4 * SECOND);
  }

  /** Asks for the link address of `ip`. */
  ask(ip: Ip, known: boolean): void {
    const from = this.#iface.sourceFor(ip);
    if (from) this.#solicitation(ip, known ? ip : solicitedNode(ip), from);
  }

  #solicitation(target: Ip, to: Ip, from: Ip): void {
    const link = isAny(from) ? new Uint8Array(0) : this.#link(Option.SOURCE_LINK), body = new Uint8Array(16 + link.length);
    body.set(target);
    body.set(link, 16);
    this.#emit(message(Icmp6.NEIGHBOUR_SOLICITATION, 0, 0, body), from, to);
  }

  #link(option: number): Uint8Array { return Uint8Array.of(option, 1, ...this.#mac); }

  #emit(buffer: Uint8Array, from: Ip, to: Ip): void {
    this.#host.send(seal(buffer, from, to), { from, to, protocol: Protocol.ICMP6, ttl: HOPS }, this.#iface.name);
  }

  // ── receiving ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** True if the message belongs to discovery. @spec RFC 4861 6.1, 7.1: from this link only, and undamaged */
  receive(packet: Packet): boolean {
    const { payload } = packet, type = payload[0]!;
    if (type < Icmp6.ROUTER_SOLICITATION || type > Icmp6.NEIGHBOUR_ADVERTISEMENT + 1) return false;
    if (packet.ttl !== HOPS || payload[1] !== 0) return true;
    if (type === Icmp6.NEIGHBOUR_SOLICITATION) this.#solicited(packet);
    else if (type === Icmp6.NEIGHBOUR_ADVERTISEMENT) this.#told(packet);
    else if (type === Icmp6.ROUTER_ADVERTISEMENT) this.#routed(packet);
    else if (type === Icmp6.ROUTER_SOLICITATION && this.advertised) this.advertise();
    return true;
  }

  #solicited(packet: Packet): void {
    const { payload } = packet;
    if (payload.length < 24) return;
    const target = payload.slice(8, 24), source = optionsOf(payload, 24).get(Option.SOURCE_LINK)?.[0]?.subarray(2, 8),
      isProbe = isAny(packet.from);
    const tentative = this.#iface.addresses.find((a) => a.tentative && same(a.ip, target));
    if (tentative && isProbe) { tentative.failed = true; return; }
    if (!this.#iface.has(target)) return;
    if (source?.length === 6 && !isProbe) this.#iface.neighbours!.learn(packet.from, source, true);
    const link = this.#link(Option.TARGET_LINK), body = new Uint8Array(16 + link.length);
    body.set(target);
    body.set(link, 16);
    const flags = NA.OVERRIDE + (isProbe ? 0 : NA.SOLICITED) + (this.advertised ? NA.ROUTER : 0);
    this.#emit(message(Icmp6.NEIGHBOUR_ADVERTISEMENT, 0, flags, body), target, isProbe ? ALL_NODES6 : packet.from.slice());
  }

  #told({ payload, to }: Packet): void {
    if (payload.length < 24) return;
    const target = payload.slice(8, 24), link = optionsOf(payload, 24).get(Option.TARGET_LINK)?.[0]?.subarray(2, 8),
      flags = u32(payload, 4);
    if (isMulticast(to) && (flags & NA.SOLICITED) !== 0) return;
    const tentative = this.#iface.addresses.find((a) => a.tentative && same(a.ip, target));
    if (tentative) tentative.failed = true;
    else if (link?.length === 6) this.#iface.neighbours!.learn(target, link, false);
  }

  /** @spec RFC 4861 6.3.4, RFC 4862 5.5.3 */
  #routed(packet: Packet): void {
    const { payload, from } = packet;
    if (payload.length < 16 || from[0] !== 0xfe) return;
    const options = optionsOf(payload, 16), link = options.get(Option.SOURCE_LINK)?.[0]?.subarray(2, 8);
    this.#left = 0;
    this.#host.timers.stop(this.#solicit);
    if (link?.length === 6) this.#iface.neighbours!.learn(from, link, true);
    this.#host.router(this.#iface, from.slice(), (payload[6]! << 8) | payload[7]!);
    for (const prefix of options.get(Option.PREFIX) ?? []) this.#prefix(prefix);
    const mtu = options.get(Option.MTU)?.[0];
    if (mtu?.length === 8 && u32(mtu, 4) >= 1280 && u32(mtu, 4) <= this.#iface.mtu) this.#iface.mtu = u32(mtu, 4);
    for (const servers of options.get(Option.NAME_SERVERS) ?? []) if (servers.length >= 24) this.nameServers = [servers.slice(8, 24)];
  }

  /** A 64-bit prefix from which hosts may form addresses. */
  #prefix(option: Uint8Array): void {
    if (option.length !== 32 || option[2] !== 64 || (option[3]! & 0x40) === 0 || u32(option, 4) === 0) return;
    const prefix = option.slice(16, 32), taken = this.#iface.addresses.filter((a) => a.ip.length === 16).length;
    if (!inPrefix(prefix, LINK_LOCAL, 10) && !isMulticast(prefix) && taken < PREFIXES_MOST) this.#take(eui64(prefix, this.#mac));
  }

  // ── a router's part ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Announces the prefix to all hosts. */
  advertise(): void {
    const from = this.#iface.sourceFor(ALL_NODES6), own = this.advertised;
    if (!from || !own) return;
    const server = own.nameServer ? 24 : 0, body = new Uint8Array(8 + 8 + 32 + server);
    body.set(this.#link(Option.SOURCE_LINK), 8);
    body.set([Option.PREFIX, 4, 64, 0xc0], 16);
    put32(body, 20, 86_400);
    put32(body, 24, 14_400);
    body.set(own.prefix.subarray(0, 8), 32);
    if (own.nameServer) {
      body.set([Option.NAME_SERVERS, 3], 48);
      put32(body, 52, 1_800);
      body.set(own.nameServer, 56);
    }
    const buffer = message(Icmp6.ROUTER_ADVERTISEMENT, 0, 0, body);
    buffer[HEADROOM + 4] = 64;
    put16(buffer, HEADROOM + 6, 1_800);
    this.#emit(buffer, from, ALL_NODES6);
  }
}

/** Options by type, each with its two-byte header; a length of zero or beyond the end stops the parsing. */
function optionsOf(payload: Uint8Array, from: number): Map<number, Uint8Array[]> {
  const options = new Map<number, Uint8Array[]>();
  for (let at = from; at + 8 <= payload.length; ) {
    const length = payload[at + 1]! * 8;
    if (length === 0 || at + length > payload.length) break;
    options.set(payload[at]!, [...(options.get(payload[at]!) ?? []), payload.subarray(at, at + length)]);
    at += length;
  }
  return options;
}
