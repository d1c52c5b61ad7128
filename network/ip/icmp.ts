/**
 * ICMP of both versions: echo, and errors that report the fate of a packet to its sender.
 *
 * Documentation: RFC 792, RFC 4443, RFC 1122 3.2.2 (no error answers an error), RFC 1191 and 8201 (the size that would fit).
 */
import { isAny, isMulticast, type Ip } from '../address.ts';
import { foldSum, put16, put32, same, sumOf, u16, u32 } from '../bytes.ts';
import { HEADROOM, Protocol, draft, pseudoSum, transportChecksum, type Packet } from './packet.ts';

export const Icmp4 = { ECHO_REPLY: 0, UNREACHABLE: 3, REDIRECT: 5, ECHO: 8, TIME_EXCEEDED: 11, PARAMETER: 12 } as const;
export const Icmp6 = {
  UNREACHABLE: 1, TOO_BIG: 2, TIME_EXCEEDED: 3, PARAMETER: 4, ECHO: 128, ECHO_REPLY: 129, ROUTER_SOLICITATION: 133,
  ROUTER_ADVERTISEMENT: 134,
  NEIGHBOUR_SOLICITATION: 135, NEIGHBOUR_ADVERTISEMENT: 136,
} as const;

/** Why a packet did not arrive. `tooBig` comes with the size that fits. */
export type Trouble = 'network' | 'host' | 'protocol' | 'port' | 'prohibited' | 'time' | 'tooBig';

export interface IcmpError {
  readonly trouble: Trouble;
  /** Largest packet in bytes, for `tooBig`. */
  readonly mtu: number;
  /** Type and code as received, for sockets that pass them on. */
  readonly type: number;
  readonly code: number;
  readonly sender: Ip;
  /** The start of the packet that caused the error. */
  readonly quoted: Uint8Array;
}

/** Bytes of the offending packet that an error quotes. */
const QUOTED = { 4: 576 - 28, 6: 1280 - 48 } as const;
const CODES: Record<Trouble, readonly [v4: readonly [number, number], v6: readonly [number, number]]> = {
  network: [[3, 0], [1, 0]], host: [[3, 1], [1, 3]], protocol: [[3, 2], [4, 1]], port: [[3, 3], [1, 4]], prohibited: [[3, 13], [1, 1]],
  time: [[11, 0], [3, 0]], tooBig: [[3, 4], [2, 0]],
};

/** Is the checksum right? IPv6's covers the addresses too. */
export function isWhole(packet: Packet): boolean {
  if (packet.payload.length < 8) return false;
  if (packet.protocol === Protocol.ICMP6) return transportChecksum(packet.from, packet.to, Protocol.ICMP6, packet.payload) === 0;
  return foldSum(sumOf(packet.payload, 0, packet.payload.length)) === 0;
}

/** Puts the checksum into the message in `buffer[HEADROOM …)`. */
export function seal(buffer: Uint8Array, from: Ip, to: Ip): Uint8Array {
  const base = to.length === 4 ? 0 : pseudoSum(from, to, Protocol.ICMP6, buffer.length - HEADROOM);
  put16(buffer, HEADROOM + 2, 0);
  put16(buffer, HEADROOM + 2, foldSum(sumOf(buffer, HEADROOM, buffer.length, base)));
  return buffer;
}

/** A message with four bytes after its checksum (`word`) and a body, not yet sealed. */
export function message(type: number, code: number, word: number, body: Uint8Array): Uint8Array {
  const buffer = draft(8 + body.length);
  buffer[HEADROOM] = type;
  buffer[HEADROOM + 1] = code;
  put32(buffer, HEADROOM + 4, word);
  buffer.set(body, HEADROOM + 8);
  return buffer;
}

/** The answer to an echo request. */
export function echoReply(packet: Packet): Uint8Array {
  const type = packet.protocol === Protocol.ICMP ? Icmp4.ECHO_REPLY : Icmp6.ECHO_REPLY;
  return message(type, 0, u32(packet.payload, 4), packet.payload.subarray(8));
}

/** An error about `packet`, for the caller to seal and send to its sender; undefined when none may be sent. */
export function errorAbout(packet: Packet, trouble: Trouble, mtu = 0): Uint8Array | undefined {
  if (isAny(packet.from) || isMulticast(packet.from) || isMulticast(packet.to) || isIcmpError(packet)) return undefined;
  if (packet.to.length === 4 && same(packet.to, Uint8Array.of(255, 255, 255, 255))) return undefined;
  const v6 = packet.to.length === 16, [type, code] = CODES[trouble][v6 ? 1 : 0];
  return message(type, code, mtu, packet.bytes.subarray(0, QUOTED[v6 ? 6 : 4]));
}

function isIcmpError({ protocol, payload }: Packet): boolean {
  if (protocol === Protocol.ICMP6) return payload[0]! < 128;
  return protocol === Protocol.ICMP && [3, 4, 5, 11, 12].includes(payload[0]!);
}

/** Reads an error; undefined for other messages. */
export function readError({ protocol, payload, from }: Packet): IcmpError | undefined {
  const type = payload[0]!, code = payload[1]!, trouble = protocol === Protocol.ICMP6 ? trouble6(type, code) : trouble4(type, code);
  if (trouble === undefined) return undefined;
  const mtu = trouble === 'tooBig' ? (protocol === Protocol.ICMP6 ? u32(payload, 4) : u16(payload, 6)) : 0;
  return { trouble, mtu, type, code, sender: from, quoted: payload.subarray(8) };
}

function trouble4(type: number, code: number): Trouble | undefined {
  if (type === Icmp4.TIME_EXCEEDED) return 'time';
  if (type !== Icmp4.UNREACHABLE) return undefined;
  const troubles: Record<number, Trouble> = {
    1: 'host', 2: 'protocol', 3: 'port', 4: 'tooBig', 9: 'prohibited', 10: 'prohibited', 13: 'prohibited'
  };
  return troubles[code] ?? 'network';
}

function trouble6(type: number, code: number): Trouble | undefined {
  if (type === Icmp6.TIME_EXCEEDED) return 'time';
  if (type === Icmp6.TOO_BIG) return 'tooBig';
  if (type === Icmp6.PARAMETER) return 'protocol';
  if (type !== Icmp6.UNREACHABLE) return undefined;
  return code === 4 ? 'port' : code === 1 ? 'prohibited' : code === 3 ? 'host' : 'network';
}
