/** A network interface: its addresses, its neighbours, and the link below it, which carries Ethernet frames (the loopback has none). */
import { broadcastOf, isAny, isIp4, isLinkLocal, type Ip } from '../address.ts';
import { same } from '../bytes.ts';
import type { Neighbours } from './neighbours.ts';

/** An Ethernet card as the stack uses it. */
export interface Link {
  readonly mac: Uint8Array;
  readonly mtu: number;
  send(frame: Uint8Array): void;
}

export interface Assigned {
  readonly ip: Ip;
  readonly bits: number;
  /** Not used until duplicate address detection has found no other owner (RFC 4862 5.4). */
  tentative: boolean;
  /** Duplicate address detection has found another owner. */
  failed?: boolean;
}

export class Interface {
  readonly name: string;
  readonly index: number;
  readonly link: Link | undefined;
  readonly neighbours: Neighbours | undefined;
  mtu: number;
  up = true;
  addresses: Assigned[] = [];
  /** Multicast groups that sockets joined, with the number of joins. */
  readonly groups = new Map<string, number>();
  readonly counts = { rxPackets: 0, rxBytes: 0, txPackets: 0, txBytes: 0, rxDropped: 0, txDropped: 0 };

  constructor(name: string, index: number, mtu: number, link: Link | undefined, neighbours: (self: Interface) => Neighbours | undefined) {
    this.name = name;
    this.index = index;
    this.mtu = mtu;
    this.link = link;
    this.neighbours = neighbours(this);
  }

  has(ip: Ip): boolean {
    const isOurs = this.addresses.some((a) => !a.tentative && same(a.ip, ip));
    return isOurs || (this.link === undefined && isIp4(ip) && ip[0] === 127);
  }

  /** Is `ip` the broadcast address of one of its networks? */
  isBroadcast(ip: Ip): boolean {
    if (!isIp4(ip)) return false;
    if (ip.every((byte) => byte === 255)) return true;
    return this.addresses.some((a) => isIp4(a.ip) && a.bits < 31 && same(broadcastOf(a.ip, a.bits), ip));
  }

  /** The source address for packets to `to`. */
  sourceFor(to: Ip): Ip | undefined {
    const usable = this.addresses.filter((a) => a.ip.length === to.length && !a.tentative && !a.failed && !isAny(a.ip));
    const local = isLinkLocal(to) || (to[0] === 0xff && to[1] === 2);
    return (usable.find((a) => isLinkLocal(a.ip) === local) ?? usable[0])?.ip;
  }
}
