/** Ethernet frames and ARP as bytes. Documentation: RFC 894, RFC 826. */
import { BROADCAST_MAC, type Ip } from '../address.ts';
import { put16, u16 } from '../bytes.ts';

export const EtherType = { IP4: 0x0800, ARP: 0x0806, IP6: 0x86dd } as const;
export const ETHERNET_BYTES = 14;
const ARP_BYTES = 28;
export const Arp = { REQUEST: 1, REPLY: 2 } as const;

export interface Frame { readonly to: Uint8Array; readonly from: Uint8Array; readonly type: number; readonly payload: Uint8Array }
export interface ArpMessage { readonly operation: number; readonly senderMac: Uint8Array; readonly senderIp: Ip; readonly targetIp: Ip }

export function readFrame(bytes: Uint8Array): Frame | undefined {
  if (bytes.length < ETHERNET_BYTES) return undefined;
  return { to: bytes.subarray(0, 6), from: bytes.subarray(6, 12), type: u16(bytes, 12), payload: bytes.subarray(ETHERNET_BYTES) };
}

/** Puts an Ethernet header in front of `buffer[at …)`; returns the frame. */
export function wrap(buffer: Uint8Array, at: number, to: Uint8Array, from: Uint8Array, type: number): Uint8Array {
  const start = at - ETHERNET_BYTES;
  buffer.set(to, start);
  buffer.set(from, start + 6);
  put16(buffer, start + 12, type);
  return buffer.subarray(start);
}

/** ARP for IPv4 over Ethernet; undefined for other frames. */
export function readArp(bytes: Uint8Array): ArpMessage | undefined {
  if (bytes.length < ARP_BYTES || u16(bytes, 0) !== 1 || u16(bytes, 2) !== EtherType.IP4 || u16(bytes, 4) !== 0x0604) return undefined;
  return { operation: u16(bytes, 6), senderMac: bytes.subarray(8, 14), senderIp: bytes.subarray(14, 18), targetIp: bytes.subarray(24, 28) };
}

/** An ARP frame: a request to everybody (or to the last known owner of the address), or a reply. */
export function arpFrame(operation: number, sender: { mac: Uint8Array; ip: Ip },
    target: { mac: Uint8Array | undefined; ip: Ip }): Uint8Array {
  const bytes = new Uint8Array(ETHERNET_BYTES + ARP_BYTES), at = ETHERNET_BYTES;
  put16(bytes, at, 1);
  put16(bytes, at + 2, EtherType.IP4);
  put16(bytes, at + 4, 0x0604);
  put16(bytes, at + 6, operation);
  bytes.set(sender.mac, at + 8);
  bytes.set(sender.ip, at + 14);
  if (target.mac) bytes.set(target.mac, at + 18);
  bytes.set(target.ip, at + 24);
  return wrap(bytes, at, target.mac ?? BROADCAST_MAC, sender.mac, EtherType.ARP);
}
