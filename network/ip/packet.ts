/** IP packets of both versions, read and written. A writer leaves room for the headers below it, so that a payload is copied once. */
import type { Ip } from '../address.ts';
import { checksum, foldSum, put16, put32, sumOf, u16, u32 } from '../bytes.ts';

export const Protocol = {
  HOP_BY_HOP: 0, ICMP: 1, TCP: 6, UDP: 17, ROUTING: 43, FRAGMENT: 44, ICMP6: 58, NONE: 59, DESTINATION: 60
} as const;

/** Room in front of a payload: an Ethernet header and an IPv6 header (an IPv4 header of ours is shorter). */
export const HEADROOM = 14 + 40;
const IP4_BYTES = 20, IP6_BYTES = 40;
const DONT_FRAGMENT = 0x4000, MORE_FRAGMENTS = 0x2000;

/** A packet as received: `bytes` is the whole packet, `payload` the part after all IP headers. */
export interface Packet {
  readonly from: Ip;
  readonly to: Ip;
  readonly protocol: number;
  readonly ttl: number;
  readonly tos: number;
  readonly bytes: Uint8Array;
  readonly payload: Uint8Array;
  /** Where a fragment belongs in its packet. */
  readonly fragment?: { readonly id: number; readonly offset: number; readonly more: boolean };
}

/** Addresses and header fields of one packet. */
export interface Envelope {
  readonly from: Ip;
  readonly to: Ip;
  readonly protocol: number;
  /** 64 by default. */
  readonly ttl?: number | undefined;
  readonly tos?: number | undefined;
  readonly dontFragment?: boolean | undefined;
  /** A multicast packet that members on this host do not receive. */
  readonly noLoop?: boolean | undefined;
}
export const DEFAULT_TTL = 64;

export const headerBytes = (ip: Ip): number => (ip.length === 4 ? IP4_BYTES : IP6_BYTES);

/** A buffer with `length` bytes of payload from HEADROOM on. */
export const draft = (length: number): Uint8Array => new Uint8Array(HEADROOM + length);

/** Undefined for a damaged or truncated packet. Options are skipped. @spec RFC 791 3.1 */
export function readIp4(bytes: Uint8Array): Packet | undefined {
  if (bytes.length < IP4_BYTES || bytes[0]! >> 4 !== 4) return undefined;
  const header = (bytes[0]! & 15) * 4, total = u16(bytes, 2);
  const fits = header >= IP4_BYTES && header <= total && total <= bytes.length;
  if (!fits || checksum(bytes, 0, header) !== 0) return undefined;
  const flags = u16(bytes, 6), offset = (flags & 0x1fff) * 8, more = (flags & MORE_FRAGMENTS) !== 0;
  return {
    from: bytes.subarray(12, 16), to: bytes.subarray(16, 20), protocol: bytes[9]!, ttl: bytes[8]!, tos: bytes[1]!,
    bytes: bytes.subarray(0, total), payload: bytes.subarray(header, total),
    ...(offset > 0 || more ? { fragment: { id: u16(bytes, 4), offset, more } } : {}),
  };
}

/** @spec RFC 8200 3 and 4: extension headers are skipped, a fragment header is read. */
export function readIp6(bytes: Uint8Array): Packet | undefined {
  if (bytes.length < IP6_BYTES || bytes[0]! >> 4 !== 6) return undefined;
  const total = IP6_BYTES + u16(bytes, 4);
  if (total > bytes.length) return undefined;
  const base = {
    from: bytes.subarray(8, 24), to: bytes.subarray(24, 40), ttl: bytes[7]!, tos: ((bytes[0]! & 15) << 4) | (bytes[1]! >> 4),
    bytes: bytes.subarray(0, total),
  };
  let protocol = bytes[6]!, at = IP6_BYTES, fragment: Packet['fragment'];
  while (isExtension(protocol)) {
    if (at + 8 > total) return undefined;
    const next = bytes[at]!;
    if (protocol === Protocol.FRAGMENT)
      fragment = { id: u32(bytes, at + 4), offset: u16(bytes, at + 2) & 0xfff8, more: (bytes[at + 3]! & 1) !== 0 };
    at += protocol === Protocol.FRAGMENT ? 8 : 8 + 8 * bytes[at + 1]!;
    protocol = next;
    if (fragment !== undefined) break;
  }
  if (at > total) return undefined;
  return { ...base, protocol, payload: bytes.subarray(at, total), ...(fragment ? { fragment } : {}) };
}

const isExtension = (protocol: number): boolean =>
  protocol === Protocol.HOP_BY_HOP || protocol === Protocol.ROUTING || protocol === Protocol.DESTINATION || protocol === Protocol.FRAGMENT;

export const readIp = (bytes: Uint8Array): Packet | undefined => (bytes[0]! >> 4 === 6 ? readIp6(bytes) : readIp4(bytes));

/**
 * Writes the header in front of `buffer[HEADROOM …)`; returns where the packet begins. `id` numbers IPv4 packets; `part` makes it a
 * fragment.
 */
export function writeHeader(buffer: Uint8Array, envelope: Envelope, id: number, part?: { offset: number; more: boolean }): number {
  return envelope.to.length === 4 ? writeIp4(buffer, envelope, id, part) : writeIp6(buffer, envelope);
}

function writeIp4(bytes: Uint8Array, envelope: Envelope, id: number, part?: { offset: number; more: boolean }): number {
  const at = HEADROOM - IP4_BYTES;
  const flags = part ? (part.offset >> 3) | (part.more ? MORE_FRAGMENTS : 0) : envelope.dontFragment ? DONT_FRAGMENT : 0;
  bytes[at] = 0x45;
  bytes[at + 1] = envelope.tos ?? 0;
  put16(bytes, at + 2, bytes.length - at);
  put16(bytes, at + 4, id);
  put16(bytes, at + 6, flags);
  bytes[at + 8] = envelope.ttl ?? DEFAULT_TTL;
  bytes[at + 9] = envelope.protocol;
  put16(bytes, at + 10, 0);
  bytes.set(envelope.from, at + 12);
  bytes.set(envelope.to, at + 16);
  put16(bytes, at + 10, checksum(bytes, at, at + IP4_BYTES));
  return at;
}

function writeIp6(bytes: Uint8Array, envelope: Envelope): number {
  const at = HEADROOM - IP6_BYTES;
  put32(bytes, at, 0x6000_0000 | ((envelope.tos ?? 0) << 20));
  put16(bytes, at + 4, bytes.length - HEADROOM);
  bytes[at + 6] = envelope.protocol;
  bytes[at + 7] = envelope.ttl ?? DEFAULT_TTL;
  bytes.set(envelope.from, at + 8);
  bytes.set(envelope.to, at + 24);
  return at;
}

/** The part of a checksum that covers addresses, protocol and length. @spec RFC 9293 3.1, RFC 8200 8.1 */
export function pseudoSum(from: Ip, to: Ip, protocol: number, length: number): number {
  return sumOf(from, 0, from.length, sumOf(to, 0, to.length, protocol + (length >>> 16) + (length & 0xffff)));
}

/** The checksum of the transport bytes `bytes[at …)` between two addresses; 0 when they include a correct checksum. */
export function transportChecksum(from: Ip, to: Ip, protocol: number, bytes: Uint8Array, at = 0): number {
  return foldSum(sumOf(bytes, at, bytes.length, pseudoSum(from, to, protocol, bytes.length - at)));
}
