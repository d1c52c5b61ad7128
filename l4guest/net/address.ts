/**
 * Socket addresses: AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, to and from the bytes that calls carry. A key identifies who is bound to an
 * address.
 */
import { E } from '../abi/errno.ts';
import type { Mm } from '../mm/mm.ts';
import { bytesOf, copyIn, copyOut, getI32, setU32, textOf } from '../mm/uaccess.ts';

export const Af = { UNSPEC: 0, UNIX: 1, INET: 2, INET6: 10, NETLINK: 16 } as const;

export interface Address {
  readonly family: number;
  /** Unix: path, or \0 and an abstract name, or '' (unnamed). */
  readonly path: string;
  /** Internet: 4 or 16 bytes, port. */
  readonly ip: Uint8Array;
  /** Netlink: the port is usually the process's number; the groups are a set of bits. */
  readonly port: number;
  readonly groups?: number;
}
const NO_IP = new Uint8Array(0);
export const unixAddress = (path: string): Address => ({ family: Af.UNIX, path, ip: NO_IP, port: 0 });
export const inetAddress = (family: number, ip: Uint8Array, port: number): Address => ({ family, path: '', ip, port });
export const netlinkAddress = (port: number, groups: number): Address => ({ family: Af.NETLINK, path: '', ip: NO_IP, port, groups });
export const anyIp = (family: number): Uint8Array => new Uint8Array(family === Af.INET ? 4 : 16);
export function loopbackIp(family: number): Uint8Array {
  const ip = anyIp(family);
  if (family === Af.INET) ip.set([127, 0, 0, 1]); else ip[15] = 1;
  return ip;
}
export const isAny = (ip: Uint8Array): boolean => ip.every((b) => b === 0);
/** An IPv4-mapped IPv6 address: ::ffff:a.b.c.d. */
export const isMapped = (ip: Uint8Array): boolean => ip.length === 16 && isAny(ip.subarray(0, 10)) && ip[10] === 0xff && ip[11] === 0xff;
/** Whether an address means this computer: 127.x, ::1, the unspecified ones, ::ffff:127.x. */
export function isLocal(ip: Uint8Array): boolean {
  if (ip.length === 4) return ip[0] === 127 || isAny(ip);
  if (isMapped(ip)) return isLocal(ip.subarray(12));
  return isAny(ip.subarray(0, 15)) && ip[15]! <= 1;
}

/** The longest Unix address, bytes. */
const UNIX_MOST = 110;

/** Reads a sockaddr; -EINVAL, -EAFNOSUPPORT. */
export function getAddress(mm: Mm, va: number, length: number): Address | number {
  if (length < 0 || length > 128) return -E.INVAL;
  if (length < 2) return -E.INVAL;
  const bytes = copyIn(mm, va, length), family = bytes[0]! | (bytes[1]! << 8);
  if (family === Af.UNIX) {
    if (length > UNIX_MOST) return -E.INVAL;
    const name = bytes.subarray(2);
    if (name.length === 0) return unixAddress('');
    if (name[0] === 0) return unixAddress(`\0${[...name.subarray(1)].map((c) => String.fromCharCode(c)).join('')}`);
    const end = name.indexOf(0);
    return unixAddress(textOf(end < 0 ? name : name.subarray(0, end)));
  }
  if (family === Af.INET) return length < 16 ? -E.INVAL : inetAddress(family, bytes.slice(4, 8), (bytes[2]! << 8) | bytes[3]!);
  if (family === Af.INET6) return length < 24 ? -E.INVAL : inetAddress(family, bytes.slice(8, 24), (bytes[2]! << 8) | bytes[3]!);
  if (family === Af.NETLINK) {
    const view = new DataView(bytes.buffer);
    return length < 12 ? -E.INVAL : netlinkAddress(view.getUint32(4, true), view.getUint32(8, true));
  }
  return family === Af.UNSPEC ? { family, path: '', ip: NO_IP, port: 0 } : -E.AFNOSUPPORT;
}
export function encode(address: Address): Uint8Array {
  if (address.family === Af.UNIX) {
    const name = address.path.startsWith('\0') ? Uint8Array.from(address.path, (c) => c.charCodeAt(0))
      : address.path === '' ? new Uint8Array(0)
      : bytesOf(`${address.path}\0`),
      out = new Uint8Array(2 + name.length);
    out[0] = Af.UNIX;
    out.set(name, 2);
    return out;
  }
  if (address.family === Af.NETLINK) return new Uint8Array(new Uint32Array([Af.NETLINK, address.port, address.groups ?? 0]).buffer);
  const out = new Uint8Array(address.family === Af.INET ? 16 : 28);
  out[0] = address.family;
  out[2] = address.port >> 8;
  out[3] = address.port;
  out.set(address.ip, address.family === Af.INET ? 4 : 8);
  return out;
}
/** Writes a sockaddr and its length: truncated to *lengthVa bytes. EFAULT; -EINVAL for a negative length. */
export function tellAddress(mm: Mm, va: number, lengthVa: number, address: Address | undefined): number {
  const room = getI32(mm, lengthVa), bytes = address ? encode(address) : new Uint8Array(0);
  if (room < 0) return -E.INVAL;
  copyOut(mm, va, bytes.subarray(0, Math.min(bytes.length, room)));
  setU32(mm, lengthVa, bytes.length);
  return 0;
}
