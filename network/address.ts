/** Addresses of the Internet protocols: 4 or 16 bytes. Documentation: RFC 791, RFC 4291. */
import { same } from './bytes.ts';

export type Ip = Uint8Array;

export const ip4 = (a: number, b: number, c: number, d: number): Ip => Uint8Array.of(a, b, c, d);
export const ANY4 = ip4(0, 0, 0, 0);
export const BROADCAST4 = ip4(255, 255, 255, 255);
export const LOOPBACK4 = ip4(127, 0, 0, 1);
export const ANY6 = new Uint8Array(16);
export const LOOPBACK6 = Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
/** ff02::1 and ff02::2: all nodes and all routers of the link. */
export const ALL_NODES6 = Uint8Array.from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
export const ALL_ROUTERS6 = Uint8Array.from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);

export const isIp4 = (ip: Ip): boolean => ip.length === 4;
export const isAny = (ip: Ip): boolean => ip.every((byte) => byte === 0);
export const isMulticast = (ip: Ip): boolean => (isIp4(ip) ? ip[0]! >= 224 && ip[0]! < 240 : ip[0] === 0xff);
export const isLoopback = (ip: Ip): boolean => (isIp4(ip) ? ip[0] === 127 : same(ip, LOOPBACK6));
export const isLinkLocal = (ip: Ip): boolean => (isIp4(ip) ? ip[0] === 169 && ip[1] === 254 : ip[0] === 0xfe && (ip[1]! & 0xc0) === 0x80);
export const anyOf = (ip: Ip): Ip => (isIp4(ip) ? ANY4 : ANY6);

/** An address as a key of maps. */
export const keyOf = (ip: Ip): string =>
  (ip.length === 4 ? String.fromCharCode(ip[0]!, ip[1]!, ip[2]!, ip[3]!) : String.fromCharCode(...ip));

export function textOfIp(ip: Ip): string {
  if (isIp4(ip)) return ip.join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((ip[2 * i]! << 8) | ip[2 * i + 1]!).toString(16)).join(':');
  const zeros = [...groups.matchAll(/(?:^|:)0(?::0)+(?=:|$)/g)].sort((a, b) => b[0].length - a[0].length)[0];
  return zeros ? `${groups.slice(0, zeros.index)}::${groups.slice(zeros.index + zeros[0].length + 1)}` : groups;
}

/** Are the first `bits` bits of both alike? Addresses of different families never are. */
export function inPrefix(ip: Ip, prefix: Ip, bits: number): boolean {
  if (ip.length !== prefix.length) return false;
  for (let i = 0, left = bits; left > 0; i++, left -= 8) {
    const mask = left >= 8 ? 0xff : (0xff << (8 - left)) & 0xff;
    if (((ip[i]! ^ prefix[i]!) & mask) !== 0) return false;
  }
  return true;
}

/** The last address of an IPv4 network: its broadcast address. */
export const broadcastOf = (ip: Ip, bits: number): Ip => ip.map((byte, i) => byte | (0xff >> Math.min(8, Math.max(0, bits - 8 * i))));

/** @spec RFC 4291 2.7.1: the group in which neighbours ask the owner of an IPv6 address for its link address. */
export function solicitedNode(ip: Ip): Ip {
  const group = Uint8Array.from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 0]);
  group.set(ip.subarray(13), 13);
  return group;
}

/** @spec RFC 4291 2.5.6 and appendix A: an address in a /64 made of the link address (modified EUI-64). */
export function eui64(prefix: Ip, mac: Uint8Array): Ip {
  const ip = new Uint8Array(16);
  ip.set(prefix.subarray(0, 8));
  ip.set([mac[0]! ^ 2, mac[1]!, mac[2]!, 0xff, 0xfe, mac[3]!, mac[4]!, mac[5]!], 8);
  return ip;
}

export const BROADCAST_MAC = new Uint8Array(6).fill(0xff);

/** The link address of a group. @spec RFC 1112 6.4, RFC 2464 7 */
export function groupMac(ip: Ip): Uint8Array {
  if (isIp4(ip)) return Uint8Array.of(1, 0, 0x5e, ip[1]! & 0x7f, ip[2]!, ip[3]!);
  return Uint8Array.of(0x33, 0x33, ip[12]!, ip[13]!, ip[14]!, ip[15]!);
}
