/**
 * Ethernet, ARP, IPv4, ICMP and UDP as bytes: just what the gateway reads and writes. Readers answer `undefined` for what
 * is damaged, cut short, a fragment, or of another kind; addresses are byte arrays.
 *
 * Documentation: RFC 826 (ARP), 791 (IPv4), 792 (ICMP), 768 (UDP), 1071 (checksum).
 */
export const EtherType = { IPV4: 0x0800, ARP: 0x0806 } as const;
export const IpProtocol = { ICMP: 1, TCP: 6, UDP: 17 } as const;
export const BROADCAST_MAC = new Uint8Array(6).fill(0xff);
const ETHER_BYTES = 14, IP_BYTES = 20, UDP_BYTES = 8, ARP_BYTES = 28;
const TTL = 64;

export interface Ethernet { readonly to: Uint8Array; readonly from: Uint8Array; readonly type: number; readonly payload: Uint8Array }
export interface Arp { readonly operation: number; readonly senderMac: Uint8Array; readonly senderIp: Uint8Array; readonly targetIp: Uint8Array }
export interface Ipv4 { readonly from: Uint8Array; readonly to: Uint8Array; readonly protocol: number; readonly payload: Uint8Array }
export interface Udp { readonly fromPort: number; readonly toPort: number; readonly payload: Uint8Array }

export const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);
export const u16 = (bytes: Uint8Array, at: number): number => (bytes[at] << 8) | bytes[at + 1];
export const u32 = (bytes: Uint8Array, at: number): number => ((u16(bytes, at) << 16) | u16(bytes, at + 2)) >>> 0;
export const be16 = (value: number): number[] => [(value >> 8) & 0xff, value & 0xff];
export const be32 = (value: number): number[] => [...be16(value >>> 16), ...be16(value & 0xffff)];

export function join(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** The internet checksum; 0 over bytes that hold a right one. */
export function checksum(...parts: readonly Uint8Array[]): number {
  const bytes = join(...parts);
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i] << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

export function readEthernet(frame: Uint8Array): Ethernet | undefined {
  if (frame.length < ETHER_BYTES) return undefined;
  return { to: frame.subarray(0, 6), from: frame.subarray(6, 12), type: u16(frame, 12), payload: frame.subarray(ETHER_BYTES) };
}

export function ethernet(to: Uint8Array, from: Uint8Array, type: number, payload: Uint8Array): Uint8Array {
  return join(to, from, be16(type), payload);
}

/** ARP for IPv4 over Ethernet. */
export function readArp(bytes: Uint8Array): Arp | undefined {
  if (bytes.length < ARP_BYTES || u16(bytes, 0) !== 1 || u16(bytes, 2) !== EtherType.IPV4 || u16(bytes, 4) !== 0x0604) return undefined;
  return { operation: u16(bytes, 6), senderMac: bytes.subarray(8, 14), senderIp: bytes.subarray(14, 18), targetIp: bytes.subarray(24, 28) };
}

export function arpReply(mac: Uint8Array, ip: Uint8Array, to: Arp): Uint8Array {
  return join(be16(1), be16(EtherType.IPV4), be16(0x0604), be16(2), mac, ip, to.senderMac, to.senderIp);
}

export function readIpv4(bytes: Uint8Array): Ipv4 | undefined {
  const header = (bytes[0] & 15) * 4;
  const total = bytes.length >= IP_BYTES ? u16(bytes, 2) : 0;
  const fits = bytes[0] >> 4 === 4 && header >= IP_BYTES && header <= total && total <= bytes.length;
  if (!fits || checksum(bytes.subarray(0, header)) !== 0) return undefined;
  if ((u16(bytes, 6) & 0x3fff) !== 0) return undefined; // a fragment
  return { from: bytes.subarray(12, 16), to: bytes.subarray(16, 20), protocol: bytes[9], payload: bytes.subarray(header, total) };
}

/** `id` numbers the packet. */
export function ipv4(packet: Ipv4, id: number): Uint8Array {
  const head = Uint8Array.of(0x45, 0, ...be16(IP_BYTES + packet.payload.length), ...be16(id), 0x40, 0, TTL, packet.protocol, 0, 0, ...packet.from, ...packet.to);
  head.set(be16(checksum(head)), 10);
  return join(head, packet.payload);
}

export function readUdp(packet: Ipv4): Udp | undefined {
  const bytes = packet.payload;
  const length = bytes.length >= UDP_BYTES ? u16(bytes, 4) : 0;
  if (length < UDP_BYTES || length > bytes.length) return undefined;
  const datagram = bytes.subarray(0, length);
  if (u16(bytes, 6) !== 0 && checksum(pseudoHeader(packet, length), datagram) !== 0) return undefined;
  return { fromPort: u16(bytes, 0), toPort: u16(bytes, 2), payload: datagram.subarray(UDP_BYTES) };
}

/** A datagram with its checksum: the payload of an IPv4 packet between these addresses. */
export function udp(addresses: Pick<Ipv4, 'from' | 'to'>, datagram: Udp): Uint8Array {
  const length = UDP_BYTES + datagram.payload.length;
  const bytes = join(be16(datagram.fromPort), be16(datagram.toPort), be16(length), [0, 0], datagram.payload);
  const sum = checksum(pseudoHeader({ ...addresses, protocol: IpProtocol.UDP }, length), bytes);
  bytes.set(be16(sum === 0 ? 0xffff : sum), 6);
  return bytes;
}

/** What the checksums of TCP and UDP cover besides their bytes. */
export function pseudoHeader(p: Pick<Ipv4, 'from' | 'to' | 'protocol'>, length: number): Uint8Array {
  return join(p.from, p.to, [0, p.protocol], be16(length));
}
