/**
 * Options of IP, IPv6, TCP and UDP as rows: name, default, bounds, effect. A row without bounds takes any number; one with `kept` has no
 * effect here, but programs can read it back.
 *
 * Documentation: ip(7), ipv6(7), tcp(7), udp(7) of Linux.
 */
import { isMulticast } from '../../../network/address.ts';
import { State } from '../../../network/tcp/connection.ts';
import { E } from '../../abi/errno.ts';
import { Cap } from '../../abi/linux.ts';
import { capable } from '../../kernel/creds.ts';
import type { Thread } from '../../kernel/thread.ts';
import { copyIn, copyOut, getU32, setU32, textOf } from '../../mm/uaccess.ts';
import { Af, anyIp, inetAddress, isMapped } from '../address.ts';
import { SockType, optionKey } from '../socket.ts';
import { stackIp } from './inet.ts';
import { Sol, type InetSocket } from './socket.ts';
import { TcpSocket } from './tcp.ts';
import { dropGroup, joinGroup } from './udp.ts';

interface OptionRow {
  readonly value: number;
  readonly least?: number;
  readonly most?: number;
  /** A flag: every number but 0 counts as 1. */
  readonly flag?: boolean;
  readonly readOnly?: boolean;
  /** The value that programs read, if it is not the one that was set. */
  readonly shown?: (s: InetSocket, kept: number | undefined) => number;
  readonly privileged?: boolean;
  /** The value to keep for a number that is set, or -errno. */
  readonly keeps?: (s: InetSocket, value: number, length: number) => number;
  /** The only type of socket that may set it, and the error for others. */
  readonly only?: readonly [type: number, error: number];
  /** A value shorter than four bytes counts as 0. */
  readonly short?: boolean;
  /** An empty value is EINVAL. */
  readonly filled?: boolean;
}
const flag = (value = 0): OptionRow => ({ value, flag: true });
const number = (value: number, least: number, most: number): OptionRow => ({ value, least, most });
const tcpOnly = (s: InetSocket): TcpSocket | undefined => (s instanceof TcpSocket ? s : undefined);

/** IP_TOS: a byte, whose last two bits TCP uses itself. */
const keptTos = (s: InetSocket, value: number): number => value & (s instanceof TcpSocket ? 0xfc : 0xff);
/** IP_UNICAST_IF: the number of an interface, in network order. */
function keptInterface(inetSocket: InetSocket, value: number, length: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setInt32(0, value, true);
  const index = view.getUint32(0);
  return length !== 4 ? -E.INVAL : index === 0 || inetSocket.inet.stack.interfaces.some((i) => i.index === index) ? value : -E.ADDRNOTAVAIL;
}
/** TCP_DEFER_ACCEPT counts tries: the first after a second, each later one after twice the time, at most two minutes. */
function keptTries(_: InetSocket, seconds: number): number {
  if (seconds <= 0) return 0;
  let period = 1, wait = 1;
  for (let tries = 1; seconds > period && tries < 255; tries++) period += wait = Math.min(120, wait * 2);
  return period;
}
/** The least window that TCP_WINDOW_CLAMP allows; the longest time that TCP_LINGER2 accepts, seconds. */
const LEAST_WINDOW = 1152, MOST_LINGER = 120;

const levels: Readonly<Record<number, Readonly<Record<number, OptionRow>>>> = {
  [Sol.IP]: {
    1: { value: 0, keeps: keptTos }, 5: { value: 0 },
    2: { ...number(64, -1, 255), shown: (_, kept) => (kept === undefined || kept < 0 ? 64 : kept) },
    3: { ...flag(), privileged: true }, 6: flag(), 7: flag(), 8: flag(),
    10: number(1, 0, 5), 11: flag(), 12: flag(), 13: flag(),
    14: { value: 0, readOnly: true, shown: (s) => (s.remote ? s.inet.stack.mtuTo(stackIp(s.remote.ip)) : -1) },
    15: { ...flag(), filled: true },
    19: { ...flag(), privileged: true },
    20: flag(), 21: { ...number(0, 0, 255), filled: true }, 22: { value: 0, readOnly: true }, 23: flag(), 24: flag(),
    25: { ...flag(), only: [SockType.DGRAM, E.INVAL] }, 26: number(0, 0, 1),
    33: { ...number(1, -1, 255), shown: (_, kept) => (kept === undefined || kept < 0 ? 1 : kept) }, 34: flag(1),
    49: { ...number(1, 0, 1), filled: true, shown: (s, kept) => kept ?? (s.family === Af.INET ? 1 : 0) },
    50: { value: 0, keeps: keptInterface },
  },
  [Sol.TCP]: {
    1: flag(), 2: { ...number(536, 88, 32767), shown: (s) => tcpOnly(s)?.connection?.sender.mss ?? 536 }, 3: flag(),
    4: number(7200, 1, 32767), 5: number(75, 1, 32767), 6: number(9, 1, 127),
    7: number(6, 1, 127), 8: { value: 60, keeps: (_, n) => Math.max(-1, Math.min(MOST_LINGER, n)), shown: (_, n) => n || 60 },
    9: { value: 0, keeps: keptTries },
    10: { value: 0, keeps: (_, n) => (n === 0 || n >>> 0 >= LEAST_WINDOW ? n >>> 0 : LEAST_WINDOW) }, 12: flag(1),
    16: number(0, 0, 1), 17: { ...number(0, 0, 1), shown: () => 0 }, 37: { value: 0 },
    18: number(0, 0, 0x7fff_ffff), 19: flag(),
    23: { ...number(0, 0, 0x7fff_ffff), keeps: (s, n) => Math.min(n, s.k.sysctl.number('net/core/somaxconn')) }, 24: { value: 0 },
    25: { value: 0 }, 26: { value: 0, readOnly: true }, 27: number(0, 0, 2), 28: { value: 0, readOnly: true }, 30: number(0, 0, 1),
    36: number(0, 0, 1),
  },
  [Sol.UDP]: {
    1: flag(), 10: { value: 0, readOnly: true }, 11: { value: 0, readOnly: true },
    100: number(0, 0, 7), 101: flag(), 102: flag(), 103: number(0, 0, 65535), 104: flag(),
  },
  [Sol.IPV6]: {
    16: { ...number(64, -1, 255), shown: (_, kept) => (kept === undefined || kept < 0 ? 64 : kept) },
    18: { ...number(1, -1, 255), shown: (_, kept) => (kept === undefined || kept < 0 ? 1 : kept),
      only: [SockType.DGRAM, E.NOPROTOOPT] }, 19: number(1, 0, 1), 22: { value: 0, readOnly: true },
    23: number(1, 0, 5),
    24: { value: 0, keeps: (_, n) => (n !== 0 && n < 1280 ? -E.INVAL : n),
      shown: (s) => (s.remote ? s.inet.stack.mtuTo(stackIp(s.remote.ip)) : -1) },
    25: flag(), 26: flag(),
    33: flag(), 49: flag(), 51: flag(), 53: flag(), 54: flag(), 56: flag(), 58: flag(), 62: { ...flag(), short: true }, 66: flag(),
    67: { ...number(0, -1, 255), shown: (_, kept) => Math.max(0, kept ?? 0) }, 70: { ...flag(), short: true },
    72: flag(), 73: number(0, 0, 255),
    75: { ...flag(), privileged: true }, 78: flag(),
  },
};
/** Options that are always refused: options of raw sockets, policies, keys, missing modules. */
const REFUSED: Readonly<Record<number, Readonly<Record<number, number>>>> = {
  [Sol.IP]: { 5: E.INVAL, 16: E.INVAL, 17: E.INVAL, 37: E.INVAL, 38: E.INVAL, 39: E.INVAL, 40: E.INVAL },
  [Sol.TCP]: { 14: E.INVAL, 20: E.PERM, 21: E.INVAL, 22: E.INVAL, 24: E.PERM, 29: E.PERM, 31: E.NOENT, 32: E.INVAL, 33: E.INVAL },
};
/** Bytes of struct tcp_info. */
const TCP_INFO = 248;
const Ip4 = { OPTIONS: 4, MTU: 14, MULTICAST_IF: 32, ADD: 35, DROP: 36, V6ONLY: 26 } as const;
const Tcp = { INFO: 11, CONGESTION: 13 } as const;
const Ip6 = { ADDRFORM: 1, MTU: 24, MULTICAST_IF: 17, ADD: 20, DROP: 21 } as const;

/** Whether this file knows the options of a level. */
export const isInetLevel = (level: number): boolean => levels[level] !== undefined;

/** A level fits the kind of socket: TCP's only TCP sockets, IPv6's only IPv6 sockets. */
function fits(inetSocket: InetSocket, level: number): boolean {
  if (level === Sol.TCP) return inetSocket instanceof TcpSocket;
  if (level === Sol.UDP) return inetSocket.type === 2;
  return level === Sol.IP || inetSocket.family === 10;
}

export function setInetOption(thread: Thread, inetSocket: InetSocket, level: number, name: number, va: number, length: number): number {
  if (!fits(inetSocket, level)) return -E.NOPROTOOPT;
  if (level === Sol.IP && name === Ip4.OPTIONS) return length === 0 ? 0 : length > 40 ? -E.INVAL : 0;
  if (level === Sol.IP && (name === Ip4.ADD || name === Ip4.DROP || name === Ip4.MULTICAST_IF))
    return groups4(thread, inetSocket, name, va, length);
  if (level === Sol.IPV6 && (name === Ip6.ADD || name === Ip6.DROP)) return groups6(thread, inetSocket, name, va, length);
  if (level === Sol.TCP && name === Tcp.CONGESTION) return setCongestion(thread, inetSocket as TcpSocket, va, length);
  if (level === Sol.IPV6 && name === Ip6.ADDRFORM)
    return length < 4 || getU32(thread.mm, va) !== Af.INET ? -E.INVAL : becomeIpv4(inetSocket);
  const refused = REFUSED[level]?.[name];
  if (refused !== undefined && (length >= 4 || level === Sol.IP)) return -refused;
  if (level === Sol.IP && name === 3 && inetSocket.type !== 3) return -E.NOPROTOOPT;
  const row = levels[level]![name];
  if (row?.only && inetSocket.type !== row.only[0]) return -row.only[1];
  if (row?.filled && length === 0) return -E.INVAL;
  if (length < 4 && level !== Sol.IP && !row?.short && (row || level !== Sol.IPV6)) return -E.INVAL;
  if (!row || row.readOnly) return -E.NOPROTOOPT;
  if (row.privileged && !capable(thread.creds, Cap.NET_ADMIN)) return -E.PERM;
  const isByte = length > 0 && length < 4 && level === Sol.IP;
  const value = length === 0 || (length < 4 && level !== Sol.IP) ? 0 : isByte ? copyIn(thread.mm, va, 1)[0]! : getU32(thread.mm, va) | 0;
  if ((row.least !== undefined && value < row.least) || (row.most !== undefined && value > row.most)) return -E.INVAL;
  if (level === Sol.IPV6 && name === Ip4.V6ONLY && inetSocket.ends.length > 0) return -E.INVAL;
  if (level === Sol.IP && name === 2 && value === 0) return -E.INVAL;
  const kept = row.flag ? Number(value !== 0) : row.keeps ? row.keeps(inetSocket, value, length) : value;
  if (row.keeps && kept < -1) return kept;
  inetSocket.options.set(optionKey(level, name), kept);
  inetSocket.optionSet();
  return 0;
}

export function getInetOption(thread: Thread, inetSocket: InetSocket, level: number, name: number, va: number, lengthVa: number): number {
  if (!fits(inetSocket, level)) return inetSocket.family === Af.INET6 ? -E.NOPROTOOPT : -E.OPNOTSUPP;
  const room = getU32(thread.mm, lengthVa) | 0;
  if (room < 0) return -E.INVAL;
  const put = (bytes: Uint8Array): number => {
    copyOut(thread.mm, va, bytes.subarray(0, Math.min(room, bytes.length)));
    setU32(thread.mm, lengthVa, Math.min(room, bytes.length));
    return 0;
  };
  if (level === Sol.IP && name === Ip4.OPTIONS) return put(new Uint8Array(0));
  if (level === Sol.IP && name === Ip4.MULTICAST_IF) return put(new Uint8Array(4));
  if (level === Sol.TCP && name === Tcp.INFO) return put(padded(tcpInfo(inetSocket as TcpSocket), TCP_INFO));
  if (level === Sol.TCP && (name === 26 || name === 28 || name === 31 || name === 33)) return put(new Uint8Array(0));
  if (level === Sol.TCP && (name === 20 || name === 21 || name === 29)) return -E.INVAL;
  if (level === Sol.TCP && name === Tcp.CONGESTION) return put(name16((inetSocket as TcpSocket).congestion));
  if (level === Sol.IPV6 && name === Ip6.ADDRFORM) {
    if (inetSocket.type === SockType.RAW) return -E.NOPROTOOPT;
    return !inetSocket.remote || (inetSocket instanceof TcpSocket && !inetSocket.connected) ? -E.NOTCONN
      : put(new Uint8Array(new Int32Array([inetSocket.family]).buffer));
  }
  const row = levels[level]![name];
  if (!row) return -E.NOPROTOOPT;
  if (!inetSocket.remote && ((level === Sol.IP && name === Ip4.MTU) || (level === Sol.IPV6 && name === Ip6.MTU))) return -E.NOTCONN;
  const kept = inetSocket.options.get(optionKey(level, name)), value = row.shown ? row.shown(inetSocket, kept) : kept ?? row.value;
  if (room > 0 && room < 4 && level === Sol.IP && value >= 0 && value <= 255) return put(Uint8Array.of(value));
  return put(new Uint8Array(new Int32Array([value]).buffer));
}

const padded = (bytes: Uint8Array, length: number): Uint8Array => { const out = new Uint8Array(length); out.set(bytes); return out; };
const name16 = (name: string): Uint8Array => { const out = new Uint8Array(16); out.set(new TextEncoder().encode(name)); return out; };

function setCongestion(thread: Thread, tcpSocket: TcpSocket, va: number, length: number): number {
  if (length < 1) return -E.INVAL;
  const name = textOf(copyIn(thread.mm, va, Math.min(length, 15))).replace(/\0.*$/s, '');
  if (name !== 'reno' && name !== 'cubic') return -E.NOENT;
  tcpSocket.congestion = name;
  return 0;
}

/** -ENOPROTOOPT: raw; -ENOTCONN; -EADDRNOTAVAIL: its peer has no IPv4 address. */
function becomeIpv4(inetSocket: InetSocket): number {
  if (inetSocket.type === SockType.RAW) return -E.NOPROTOOPT;
  if (!inetSocket.remote || (inetSocket instanceof TcpSocket && inetSocket.connection?.state !== State.ESTABLISHED)) return -E.NOTCONN;
  if (inetSocket.v6only || !isMapped(inetSocket.remote.ip)) return -E.ADDRNOTAVAIL;
  inetSocket.family = Af.INET;
  inetSocket.remote = inetAddress(Af.INET, stackIp(inetSocket.remote.ip), inetSocket.remote.port);
  inetSocket.local = inetAddress(Af.INET, isMapped(inetSocket.local.ip) ? stackIp(inetSocket.local.ip) : anyIp(Af.INET),
    inetSocket.local.port);
  return 0;
}

/** struct ip_mreq (group, interface's address), or ip_mreqn, which adds the interface's index. */
function groups4(thread: Thread, inetSocket: InetSocket, name: number, va: number, length: number): number {
  if (length < (name === Ip4.MULTICAST_IF ? 4 : 8)) return -E.INVAL;
  const bytes = copyIn(thread.mm, va, Math.min(length, 12)), index = bytes.length >= 12 ? getU32(thread.mm, va + 8) : 0;
  if (name === Ip4.MULTICAST_IF) return chooseInterface(inetSocket, bytes, index);
  const group = bytes.slice(0, 4), own = bytes.subarray(4, 8),
    byAddress = inetSocket.inet.stack.interfaces.find((i) => i.has(own))?.index ?? 0;
  if (!isMulticast(group)) return -E.INVAL;
  return name === Ip4.ADD ? joinGroup(inetSocket, group, index || byAddress) : dropGroup(inetSocket, group);
}
function chooseInterface(inetSocket: InetSocket, bytes: Uint8Array, index: number): number {
  const own = bytes.length >= 8 ? bytes.subarray(4, 8) : bytes.subarray(0, 4), isNone = own.every((b) => b === 0);
  const iface = inetSocket.inet.stack.interfaces.find((i) => (index ? i.index === index : i.has(own)));
  if (!iface && (index || !isNone)) return -E.ADDRNOTAVAIL;
  inetSocket.options.set(optionKey(Sol.IP, Ip4.MULTICAST_IF), iface?.index ?? 0);
  return 0;
}

/** struct ipv6_mreq: group, index. */
function groups6(thread: Thread, inetSocket: InetSocket, name: number, va: number, length: number): number {
  if (length < 20) return -E.INVAL;
  const group = copyIn(thread.mm, va, 16).slice();
  if (!isMulticast(group)) return -E.INVAL;
  return name === Ip6.ADD ? joinGroup(inetSocket, group, getU32(thread.mm, va + 16)) : dropGroup(inetSocket, group);
}

/** States of TCP as Linux numbers them (tcp_states.h). */
export const NUMBERS: Readonly<Record<State, number>> = {
  established: 1, synSent: 2, synReceived: 3, finWait1: 4, finWait2: 5, timeWait: 6, closed: 7, closeWait: 8, lastAck: 9, closing: 11,
};
const LISTENING = 10;
export const tcpState = (s: TcpSocket): number =>
  (s.isListening() ? LISTENING : s.connection ? NUMBERS[s.connection.state] : NUMBERS.closed);

/** struct tcp_info, the first 104 bytes, which all kernels have. Times are microseconds. */
function tcpInfo(tcpSocket: TcpSocket): Uint8Array {
  const out = new Uint8Array(104), view = new DataView(out.buffer), tcpConnection = tcpSocket.connection,
    word = (at: number, value: number): void => view.setUint32(at, Math.min(0xffff_ffff, Math.max(0, Math.round(value))), true);
  out[0] = tcpState(tcpSocket);
  if (!tcpConnection) return out;
  const { sender, receiver } = tcpConnection;
  out[2] = sender.trip.backoff;
  out[5] = (tcpConnection.withTimestamps ? 1 : 0) | (sender.withSack ? 2 : 0) | (receiver.scale ? 4 : 0);
  out[6] = sender.scale | (receiver.scale << 4);
  word(8, sender.trip.timeout); word(12, 40_000); word(16, sender.mss); word(20, tcpConnection.peerMss);
  word(24, sender.flight / sender.mss); word(28, sender.scoreboard.bytes / sender.mss); word(36, sender.recoverUntil === undefined ? 0 : 1);
  word(60, tcpSocket.inet.stack.mtuTo(tcpConnection.ends.remote)); word(68, sender.trip.smoothed); word(72, sender.trip.variation);
  word(76, Math.min(0x7fff_ffff, sender.congestion.threshold / sender.mss));
  word(80, sender.congestion.window / sender.mss);
  word(84, sender.mss);
  word(88, 3);
  word(96, receiver.limit); word(100, sender.retransmitted);
  return out;
}
