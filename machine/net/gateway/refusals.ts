/**
 * How the gateway says no, so that programs get an error at once instead of waiting: a reset for TCP, "port unreachable" for datagrams,
 * "network unreachable" for packets to anybody else.
 *
 * Documentation: RFC 792 (destination unreachable), RFC 9293 3.10.7.1 (reset), RFC 1122 3.2.2 (what must not be answered).
 */
import { IpProtocol, be16, be32, checksum, join, pseudoHeader, u16, u32, type Ipv4 } from './packets.ts';

const UNREACHABLE = { type: 3, network: 0, port: 3 } as const;
/** ICMP messages that are errors themselves: no error answers an error. */
const isIcmpError = (p: Ipv4): boolean => p.protocol === IpProtocol.ICMP && ![0, 8, 13, 14, 15, 16, 17, 18].includes(p.payload[0]);
const TCP = { headerBytes: 20, FIN: 1, SYN: 2, RST: 4, ACK: 16 } as const;
/** Of the packet in question: its header and eight bytes. */
const QUOTED_BYTES = 28;

/** An ICMP message about `packet`, whose bytes are `raw`; undefined when none may be sent. */
export function unreachable(code: 'network' | 'port', packet: Ipv4, raw: Uint8Array): Uint8Array | undefined {
  if (isIcmpError(packet)) return undefined;
  const message = join([UNREACHABLE.type, UNREACHABLE[code], 0, 0, 0, 0, 0, 0], raw.subarray(0, QUOTED_BYTES));
  message.set(be16(checksum(message)), 2);
  return message;
}

/** The segment that ends a connection to a port where nobody listens; undefined for resets and what is cut short. */
export function reset(packet: Ipv4): Uint8Array | undefined {
  const segment = packet.payload;
  if (segment.length < TCP.headerBytes || (segment[13] & TCP.RST) !== 0) return undefined;
  const flags = segment[13];
  const length = segment.length - (segment[12] >> 4) * 4 + (flags & TCP.SYN ? 1 : 0) + (flags & TCP.FIN ? 1 : 0);
  const acknowledges = (flags & TCP.ACK) !== 0;
  const sequence = acknowledges ? u32(segment, 8) : 0;
  const next = acknowledges ? 0 : (u32(segment, 4) + Math.max(0, length)) >>> 0;
  const answer = join(be16(u16(segment, 2)), be16(u16(segment, 0)), be32(sequence), be32(next), [5 << 4, acknowledges ? TCP.RST : TCP.RST | TCP.ACK, 0, 0, 0, 0, 0, 0]);
  answer.set(be16(checksum(pseudoHeader({ from: packet.to, to: packet.from, protocol: IpProtocol.TCP }, answer.length), answer)), 16);
  return answer;
}
