/**
 * getsockopt and setsockopt: options of all sockets as rows, each with its default, its valid values, and its form when read; Internet
 * options are in inet/options.ts.
 */
import { Cap } from '../abi/linux.ts';
import { capable } from '../kernel/creds.ts';
import { shownId } from '../kernel/spaces.ts';
import { E } from '../abi/errno.ts';
import { pidFd } from '../fs/pidfd.ts';
import type { Thread } from '../kernel/thread.ts';
import { copyIn, copyOut, getI32, getI64, getU32, setU32, textOf } from '../mm/uaccess.ts';
import { Af } from './address.ts';
import { NetlinkSocket } from './netlink/socket.ts';
import { getFilter, isFilterLevel, setFilter } from './inet/filter.ts';
import { InetSocket } from './inet/socket.ts';
import { getInetOption, isInetLevel, setInetOption } from './inet/options.ts';
import { TcpSocket } from './inet/tcp.ts';
import { BUFFER, SockType, optionKey, type Socket } from './socket.ts';
import { StreamSocket } from './stream.ts';

const Level = { SOCKET: 1, NETLINK: 270 } as const;
const So = {
  DEBUG: 1, REUSEADDR: 2, TYPE: 3, ERROR: 4, DONTROUTE: 5, BROADCAST: 6, SNDBUF: 7, RCVBUF: 8, KEEPALIVE: 9, OOBINLINE: 10, PRIORITY: 12,
  LINGER: 13, REUSEPORT: 15, PASSCRED: 16, PEERCRED: 17, RCVLOWAT: 18, SNDLOWAT: 19, RCVTIMEO: 20, SNDTIMEO: 21,
  BINDTODEVICE: 25, PEERNAME: 28, TIMESTAMP: 29, ACCEPTCONN: 30, SNDBUFFORCE: 32, RCVBUFFORCE: 33, PASSSEC: 34, TIMESTAMPNS: 35, MARK: 36,
  PROTOCOL: 38, DOMAIN: 39, RXQ_OVFL: 40, PEEK_OFF: 42, NOFCS: 43, BUSY_POLL: 46, INCOMING_CPU: 49, COOKIE: 57, PEERGROUPS: 59,
  ZEROCOPY: 60,
  NO_CHECK: 11, TIMESTAMPING: 37, TIMESTAMP_NEW: 63, TIMESTAMPNS_NEW: 64, TIMESTAMPING_NEW: 65, RCVTIMEO_NEW: 66, SNDTIMEO_NEW: 67,
  DETACH_REUSEPORT_BPF: 68, WIFI_STATUS: 41, LOCK_FILTER: 44,
  SELECT_ERR_QUEUE: 45,
  PREFER_BUSY_POLL: 69, BUF_LOCK: 72, RESERVE_MEM: 73, TXREHASH: 74, RCVMARK: 75, PASSPIDFD: 76, PEERPIDFD: 77,
  GET_FILTER: 26, MEMINFO: 55, TXTIME: 61,
} as const;

/** A numeric option: its default, its bounds (other values are EINVAL), whether it is a switch, and its owner. */
interface Number_ {
  readonly value: number;
  readonly least: number;
  readonly most: number;
  readonly flag: boolean;
  readonly cap?: Cap;
  readonly readOnly?: boolean
}
const number = (value: number, least = -2147483648, most = 2147483647): Number_ => ({ value, least, most, flag: false });
const flag = (value = 0): Number_ => ({ value, least: -2147483648, most: 2147483647, flag: true });
const shown = (value: number): Number_ => ({ ...number(value), readOnly: true });

/** The largest SO_RCVLOWAT of TCP: half of the largest buffer (tcp_rmem). */
const MOST_TCP_MARK = 0x30_0000;
/** SO_BSDCOMPAT has no effect any more, and may be set. */
const BSDCOMPAT = 14;
/** The valid bits of SOF_TIMESTAMPING_…; they are kept, but no times are reported. */
const TIMESTAMPING_BITS = 0x3_ffff, Stamp = { OPT_ID: 7, OPT_TSONLY: 11, OPT_STATS: 12, BIND_PHC: 15, OPT_ID_TCP: 16 } as const;

const socketOptions: Readonly<Record<number, Number_>> = {
  [So.DEBUG]: { ...flag(), cap: Cap.NET_ADMIN }, [So.REUSEADDR]: flag(), [So.DONTROUTE]: flag(), [So.BROADCAST]: flag(),
  [So.KEEPALIVE]: flag(), [So.OOBINLINE]: flag(), [So.PRIORITY]: number(0, 0, 6), [So.REUSEPORT]: flag(), [So.RCVLOWAT]: number(1),
  [So.SNDLOWAT]: shown(1),
  [So.TIMESTAMP]: flag(), [So.TIMESTAMPNS]: flag(), [So.PASSSEC]: flag(), [So.MARK]: { ...number(0), cap: Cap.NET_ADMIN },
  [So.RXQ_OVFL]: flag(), [So.PEEK_OFF]: number(-1), [So.NOFCS]: flag(), [So.WIFI_STATUS]: flag(), [So.LOCK_FILTER]: flag(),
  [So.SELECT_ERR_QUEUE]: flag(), [So.BUSY_POLL]: number(0, 0), [So.INCOMING_CPU]: number(-1),
  [So.NO_CHECK]: flag(), [So.TIMESTAMP_NEW]: flag(), [So.TIMESTAMPNS_NEW]: flag(), [BSDCOMPAT]: shown(0),
  [So.TIMESTAMPING]: number(0, 0, TIMESTAMPING_BITS), [So.TIMESTAMPING_NEW]: number(0, 0, TIMESTAMPING_BITS),
  [So.ZEROCOPY]: flag(), [So.PREFER_BUSY_POLL]: flag(),
  [So.BUF_LOCK]: number(0, 0, 3), [So.TXREHASH]: number(-1, -1, 1), [So.RCVMARK]: flag(), [So.PASSPIDFD]: flag(),
};
const netlinkOptions: Readonly<Record<number, Number_>> = {
  1: number(0), 2: number(0), 3: flag(), 4: flag(), 5: flag(), 10: flag(), 11: flag(), 12: flag()
};

/** The numeric options of a level for this socket; undefined: it does not support the level. */
const table = (s: Socket, level: number): Readonly<Record<number, Number_>> | undefined =>
  (level === Level.SOCKET ? socketOptions : level === Level.NETLINK && s.family === Af.NETLINK ? netlinkOptions : undefined);

// ── reading ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const u32 = (...n: number[]): Uint8Array => new Uint8Array(new Int32Array(n).buffer);
/** Linux keeps these times in ticks of its clock, rounded up; ns. */
const TICK = 4_000_000;
/** struct timeval; zero means no limit. */
function timeval(ns: number): Uint8Array {
  const ticks = ns === Infinity ? 0 : Math.round(ns / TICK), second = 1e9 / TICK;
  return new Uint8Array(new BigInt64Array([BigInt(Math.floor(ticks / second)), BigInt((ticks % second) * (TICK / 1000))]).buffer);
}
/** An option that is not a plain number: its bytes, or -errno; undefined: another option. */
function special(thread: Thread, socket: Socket, level: number, name: number): Uint8Array | number | undefined {
  if (level !== Level.SOCKET) return undefined;
  switch (name) {
    case So.TYPE: return u32(socket.type);
    case So.DOMAIN: return u32(socket.family);
    case So.PROTOCOL:
      return u32(socket instanceof NetlinkSocket ? socket.protocolNumber
        : socket.family === Af.UNIX ? 0 : socket.type === SockType.STREAM ? 6 : 17);
    case So.ERROR: { const error = socket.takeError(); if (error) socket.pendingConnect = undefined; return u32(error); }
    case So.SNDBUF: case So.RCVBUF: return u32(socket.options.get(name) ?? BUFFER);
    case So.PASSCRED: return u32(socket.passCred ? 1 : 0);
    case So.ACCEPTCONN: return u32((socket instanceof StreamSocket && socket.listening)
      || (socket instanceof TcpSocket && socket.isListening()) ? 1 : 0);
    case So.LINGER: return u32(...socket.linger);
    case So.RCVTIMEO: case So.RCVTIMEO_NEW: return timeval(socket.receiveTimeout);
    case So.SNDTIMEO: case So.SNDTIMEO_NEW: return timeval(socket.sendTimeout);
    case So.PEERCRED: {
      const credentials = socket.peerOwner ?? { pid: 0, uid: -1, gid: -1 };
      const { users } = thread.creds;
      return u32(thread.proc.numbers.of(credentials.pid), shownId(users.users, credentials.uid), shownId(users.groups, credentials.gid));
    }
    case So.COOKIE: return new Uint8Array(new BigUint64Array([BigInt(socket.cookie)]).buffer);
    case So.BINDTODEVICE: return new Uint8Array(0);
    case So.TIMESTAMPING: case So.TIMESTAMPING_NEW: return u32(socket.options.get(name) ?? 0, 0);
    case So.PEERGROUPS: return socket.peerOwner ? new Uint8Array(0) : -E.NODATA;
    case So.PEERPIDFD: return peerPidFd(thread, socket);
    case So.MEMINFO: return u32(socket.available, socket.receiveBuffer, socket.unsent, socket.sendBuffer, 0, 0, 0, 0, 0);
    case So.GET_FILTER: return new Uint8Array(0);
    case So.TXTIME: return u32(0, 0);
    case So.PEERNAME: return -E.NOPROTOOPT;
    default: return undefined;
  }
}
/** A descriptor of the process that was at the other end when the sockets met. */
function peerPidFd(thread: Thread, { peerOwner }: Socket): Uint8Array | number {
  if (!peerOwner) return -E.NODATA;
  const process = thread.k.pids.processes.get(peerOwner.pid);
  if (!process) return -E.SRCH;
  const fd = pidFd(thread, process, 0);
  return fd < 0 ? fd : u32(fd);
}
export function getOption(thread: Thread, socket: Socket, level: number, name: number, va: number, lengthVa: number): number {
  if (socket instanceof InetSocket && isInetLevel(level)) return getInetOption(thread, socket, level, name, va, lengthVa);
  if (isFilterLevel(socket, level)) return getFilter(thread, socket, level, name, va, lengthVa);
  const rows = table(socket, level);
  if (!rows) return -E.OPNOTSUPP;
  const room = getI32(thread.mm, lengthVa);
  if (room < 0) return -E.INVAL;
  const plain = rows[name], bytes = special(thread, socket, level, name) ??
    (plain ? u32(socket.options.get(optionKey(level, name)) ?? plain.value) : -E.NOPROTOOPT);
  if (typeof bytes === 'number') return bytes;
  if (level === Level.SOCKET && name === So.COOKIE && room < bytes.length) return -E.INVAL;
  const out = bytes.subarray(0, room);
  copyOut(thread.mm, va, out);
  setU32(thread.mm, lengthVa, out.length);
  return 0;
}

// ── setting ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** SO_RCVTIMEO, SO_SNDTIMEO: ns, or -errno. */
function timeout(thread: Thread, va: number, length: number): number {
  if (length < 16) return -E.INVAL;
  const seconds = getI64(thread.mm, va), us = getI64(thread.mm, va + 8);
  if (us < 0 || us >= 1e6) return -E.DOM;
  return seconds < 0 ? 0 : seconds === 0 && us === 0 ? Infinity : seconds * 1e9 + Math.ceil((us * 1000) / TICK) * TICK;
}
/** The kept size of a buffer is twice the requested one, between one piece and the system's limit. */
const LEAST_SEND = 4608, LEAST_RECEIVE = 2304;
function setBuffer(thread: Thread, socket: Socket, name: number, value: number, force: boolean): number {
  if (force && !capable(thread.creds, Cap.NET_ADMIN)) return -E.PERM;
  const sends = name === So.SNDBUF, most = force ? 0x3fff_ffff : thread.k.sysctl.number(sends ? 'net/core/wmem_max' : 'net/core/rmem_max'),
    asked = force ? Math.max(0, value | 0) : value >>> 0;
  socket.options.set(name, Math.max(Math.min(asked, most) * 2, sends ? LEAST_SEND : LEAST_RECEIVE));
  socket.wq.wakeAll();
  if (socket instanceof TcpSocket) socket.optionSet();
  return 0;
}
/** Sets an option that is not a plain number: 0 or -errno; undefined: another option. */
function setSpecial(thread: Thread, socket: Socket, level: number, name: number, va: number, length: number): number | undefined {
  if (level !== Level.SOCKET) return undefined;
  switch (name) {
    case So.RCVTIMEO: case So.SNDTIMEO: case So.RCVTIMEO_NEW: case So.SNDTIMEO_NEW: {
      const ns = timeout(thread, va, length);
      if (ns < 0) return ns;
      if (name === So.RCVTIMEO || name === So.RCVTIMEO_NEW) socket.receiveTimeout = ns; else socket.sendTimeout = ns;
      return 0;
    }
    case So.LINGER: if (length < 8) return -E.INVAL; socket.linger = [getU32(thread.mm, va) ? 1 : 0, getU32(thread.mm, va + 4)]; return 0;
    case So.TYPE: case So.ERROR: case So.ACCEPTCONN: case So.PROTOCOL: case So.DOMAIN: case So.PEERCRED: case So.PEERNAME: case So.COOKIE:
    case So.PEERGROUPS: case So.PEERPIDFD: return length < 4 ? -E.INVAL : -E.NOPROTOOPT;
    // no timestamp filter is attached
    case So.DETACH_REUSEPORT_BPF: return length < 4 || !socket.options.get(So.REUSEPORT) ? -E.INVAL : -E.NOENT;
    case So.TIMESTAMPING: case So.TIMESTAMPING_NEW: return length < 4 ? -E.INVAL : refusesTimes(socket, getU32(thread.mm, va));
    case So.BINDTODEVICE: return bindToDevice(thread, va, length);
    case So.SNDBUF: case So.RCVBUF: return length < 4 ? -E.INVAL : setBuffer(thread, socket, name, getU32(thread.mm, va), false);
    case So.SNDBUFFORCE:
    case So.RCVBUFFORCE:
      return length < 4 ? -E.INVAL : setBuffer(thread, socket, name === So.SNDBUFFORCE ? So.SNDBUF : So.RCVBUF, getU32(thread.mm, va),
        true);
    case BSDCOMPAT: return length < 4 ? -E.INVAL : 0;
    case So.PASSCRED: if (length < 4) return -E.INVAL; socket.passCred = getU32(thread.mm, va) !== 0; return 0;
    default: return undefined;
  }
}
/** The error of SO_TIMESTAMPING: bits that need others or a connected stream, or a clock that does not exist; undefined: accepted. */
function refusesTimes(socket: Socket, bits: number): number | undefined {
  const isOn = (bit: number): boolean => (bits & (1 << bit)) !== 0;
  if (bits & ~TIMESTAMPING_BITS || (isOn(Stamp.OPT_ID_TCP) && !isOn(Stamp.OPT_ID))) return -E.INVAL;
  if (isOn(Stamp.OPT_ID) && socket instanceof TcpSocket && !socket.connected) return -E.INVAL;
  if (isOn(Stamp.OPT_STATS) && !isOn(Stamp.OPT_TSONLY)) return -E.INVAL;
  return isOn(Stamp.BIND_PHC) ? -E.OPNOTSUPP : undefined;
}
function bindToDevice(thread: Thread, va: number, length: number): number {
  const name = textOf(copyIn(thread.mm, va, Math.max(0, Math.min(length, 16)))).replace(/\0.*$/s, '');
  return name === '' || name === 'lo' ? 0 : -E.NODEV;
}
export function setOption(thread: Thread, socket: Socket, level: number, name: number, va: number, lengthArg: number): number {
  const length = lengthArg | 0, rows = table(socket, level);
  if (socket instanceof InetSocket && isInetLevel(level))
    return length < 0 ? -E.INVAL : setInetOption(thread, socket, level, name, va, length);
  if (length < 0) return -E.INVAL;
  if (isFilterLevel(socket, level)) return setFilter(thread, socket, level, name, va, length);
  if (!rows) return socket.family === Af.UNIX ? -E.OPNOTSUPP : -E.NOPROTOOPT;
  const done = setSpecial(thread, socket, level, name, va, length);
  if (done !== undefined) return done;
  const row = rows[name];
  if (length < 4) return -E.INVAL;
  const value = getI32(thread.mm, va);
  if (!row || row.readOnly) return -E.NOPROTOOPT;
  if (level === Level.SOCKET && name === So.REUSEPORT && value !== 0 && !(socket instanceof InetSocket)) return -E.OPNOTSUPP;
  if (row.cap !== undefined && !capable(thread.creds, row.cap))
    return level === Level.SOCKET && name === So.DEBUG && value === 0 ? 0
      : level === Level.SOCKET && name === So.DEBUG ? -E.ACCES
      : -E.PERM;
  if (level === Level.SOCKET && name === So.PRIORITY && (value < 0 || value > 6)) {
    if (!capable(thread.creds, Cap.NET_ADMIN)) return -E.PERM;
  } else if (value < row.least || value > row.most) return -E.INVAL;
  if (level === Level.SOCKET && name === So.LOCK_FILTER && value === 0 && socket.options.get(So.LOCK_FILTER)) return -E.PERM;
  const isMark = level === Level.SOCKET && name === So.RCVLOWAT,
    kept = isMark ? Math.min(value < 0 ? 0x7fff_ffff : value || 1, socket instanceof TcpSocket ? MOST_TCP_MARK : 0x7fff_ffff) : value;
  socket.options.set(optionKey(level, name), row.flag ? (value ? 1 : 0) : kept);
  if (socket instanceof TcpSocket) socket.optionSet();
  return 0;
}
