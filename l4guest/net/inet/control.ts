/** Ancillary data that a receiver has requested: addresses and interface, TTL, TOS (IP_PKTINFO and relatives). */
import { put32 } from '../../../network/bytes.ts';
import type { Control } from '../socket.ts';
import { Sol, type InetSocket } from './socket.ts';

const Ip4 = { TOS: 1, TTL: 2, PKTINFO: 8, RECVTTL: 12, RECVTOS: 13 } as const;
const Ip6 = { RECVPKTINFO: 49, PKTINFO: 50, RECVHOPLIMIT: 51, HOPLIMIT: 52, RECVTCLASS: 66, TCLASS: 67 } as const;

/** Facts about a received packet: its destination, and two fields of its header. */
interface Arrived { readonly to: Uint8Array; readonly ttl: number; readonly tos: number }

const word = (value: number): Uint8Array => new Uint8Array(new Uint32Array([value]).buffer);

export function controlOf(inetSocket: InetSocket, arrived: Arrived): readonly Control[] {
  const isAsked = (level: number, name: number): boolean => (inetSocket.option(level, name) ?? 0) !== 0, out: Control[] = [];
  const index = inetSocket.inet.stack.interfaces.find((i) => i.has(arrived.to))?.index ?? inetSocket.inet.stack.interfaces.at(-1)?.index
    ?? 0;
  if (arrived.to.length === 4) {
    if (isAsked(Sol.IP, Ip4.PKTINFO)) out.push({ level: Sol.IP, type: Ip4.PKTINFO, data: packetInfo4(index, arrived.to) });
    if (isAsked(Sol.IP, Ip4.RECVTTL)) out.push({ level: Sol.IP, type: Ip4.TTL, data: word(arrived.ttl) });
    if (isAsked(Sol.IP, Ip4.RECVTOS)) out.push({ level: Sol.IP, type: Ip4.TOS, data: Uint8Array.of(arrived.tos) });
    return out;
  }
  if (isAsked(Sol.IPV6, Ip6.RECVPKTINFO))
    out.push({ level: Sol.IPV6, type: Ip6.PKTINFO, data: Uint8Array.of(...arrived.to, ...word(index)) });
  if (isAsked(Sol.IPV6, Ip6.RECVHOPLIMIT)) out.push({ level: Sol.IPV6, type: Ip6.HOPLIMIT, data: word(arrived.ttl) });
  if (isAsked(Sol.IPV6, Ip6.RECVTCLASS)) out.push({ level: Sol.IPV6, type: Ip6.TCLASS, data: word(arrived.tos) });
  return out;
}

/** struct in_pktinfo: index, local address, address in the header. */
function packetInfo4(index: number, to: Uint8Array): Uint8Array {
  const out = new Uint8Array(12);
  out.set(word(index));
  put32(out, 4, 0);
  out.set(to, 4);
  out.set(to, 8);
  return out;
}
