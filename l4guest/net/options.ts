/** getsockopt and setsockopt. */
import { E } from '../abi/errno.ts';
import type { Thread } from '../kernel/thread.ts';
import { copyOut, getI64, getU32, setU32 } from '../mm/uaccess.ts';
import { NetlinkSocket } from './netlink.ts';
import { BUFFER, type Socket } from './socket.ts';
import { InetSocket } from './inet/socket.ts';
import { getInetOption, isInetLevel, setInetOption } from './inet/options.ts';
import { TcpSocket } from './inet/tcp.ts';
import { StreamSocket } from './stream.ts';

const SOL_SOCKET = 1;
const So = { DEBUG: 1, REUSEADDR: 2, TYPE: 3, ERROR: 4, DONTROUTE: 5, BROADCAST: 6, SNDBUF: 7, RCVBUF: 8, KEEPALIVE: 9, OOBINLINE: 10, LINGER: 13, REUSEPORT: 15, PASSCRED: 16, PEERCRED: 17, RCVLOWAT: 18, RCVTIMEO: 20, SNDTIMEO: 21, ACCEPTCONN: 30, PROTOCOL: 38, DOMAIN: 39 } as const;

export function getOption(t: Thread, s: Socket, level: number, name: number, va: number, lengthVa: number): number {
  if (s instanceof InetSocket && isInetLevel(level)) return getInetOption(t, s, level, name, va, lengthVa);
  const room = getU32(t.mm, lengthVa);
  if (level === SOL_SOCKET && name === So.PEERCRED) {
    const c = s.peerOwner ?? { pid: 0, uid: 0xffffffff, gid: 0xffffffff }, out = new Uint8Array(new Uint32Array([c.pid, c.uid, c.gid]).buffer).subarray(0, room);
    copyOut(t.mm, va, out);
    setU32(t.mm, lengthVa, out.length);
    return 0;
  }
  if (level === SOL_SOCKET && (name === So.LINGER || name === So.RCVTIMEO || name === So.SNDTIMEO)) {
    const out = (name === So.LINGER ? new Uint8Array(new Uint32Array(s.linger).buffer) : timeval(name === So.RCVTIMEO ? s.receiveTimeout : s.sendTimeout)).subarray(0, room);
    copyOut(t.mm, va, out);
    setU32(t.mm, lengthVa, out.length);
    return 0;
  }
  const value = level === SOL_SOCKET ? socketValue(s, name) : undefined;
  if (value === undefined) return -E.NOPROTOOPT;
  copyOut(t.mm, va, new Uint8Array(new Int32Array([value]).buffer).subarray(0, Math.min(room, 4)));
  setU32(t.mm, lengthVa, Math.min(room, 4));
  return 0;
}
/** struct timeval; zero is "for ever". */
function timeval(ns: number): Uint8Array {
  const us = ns === Infinity ? 0 : Math.floor(ns / 1000);
  return new Uint8Array(new BigInt64Array([BigInt(Math.floor(us / 1e6)), BigInt(us % 1e6)]).buffer);
}
/** SO_RCVTIMEO, SO_SNDTIMEO: ns, or NaN. */
function timeout(t: Thread, va: number, length: number): number {
  if (length < 16) return NaN;
  const s = getI64(t.mm, va), us = getI64(t.mm, va + 8);
  if (us < 0 || us >= 1e6) return NaN;
  return s < 0 ? 0 : s === 0 && us === 0 ? Infinity : s * 1e9 + us * 1000;
}
function socketValue(s: Socket, name: number): number | undefined {
  switch (name) {
    case So.TYPE: return s.type;
    case So.DOMAIN: return s.family;
    case So.PROTOCOL: return s instanceof NetlinkSocket ? s.protocolNumber : s.family === 1 ? 0 : s.type === 1 ? 6 : 17;
    case So.ERROR: { const e = s.error; s.error = 0; if (e) s.pendingConnect = undefined; return e; }
    case So.SNDBUF: case So.RCVBUF: return s.options.get(name) ?? BUFFER;
    case So.PASSCRED: return s.passCred ? 1 : 0;
    case So.ACCEPTCONN: return (s instanceof StreamSocket && s.listening) || (s instanceof TcpSocket && s.isListening()) ? 1 : 0;
    case So.RCVLOWAT: return 1;
    default: return s.options.get(name) ?? (name < 80 ? 0 : undefined);
  }
}
export function setOption(t: Thread, s: Socket, level: number, name: number, va: number, length: number): number {
  if (s instanceof InetSocket && isInetLevel(level)) return setInetOption(t, s, level, name, va, length);
  const value = length >= 4 ? getU32(t.mm, va) : 0;
  if (level === SOL_SOCKET) {
    if (name === So.RCVTIMEO || name === So.SNDTIMEO) {
      const ns = timeout(t, va, length);
      if (Number.isNaN(ns)) return length < 16 ? -E.INVAL : -E.DOM;
      if (name === So.RCVTIMEO) s.receiveTimeout = ns; else s.sendTimeout = ns;
      return 0;
    }
    if (name === So.LINGER) { if (length < 8) return -E.INVAL; s.linger = [value ? 1 : 0, getU32(t.mm, va + 4)]; return 0; }
    if (length < 4) return -E.INVAL;
    if (name === So.PASSCRED) s.passCred = value !== 0;
    if (name === So.TYPE || name === So.ERROR || name === So.ACCEPTCONN || name >= 80) return -E.NOPROTOOPT;
    s.options.set(name, name === So.SNDBUF || name === So.RCVBUF ? value * 2 : value);
    if (s instanceof TcpSocket) s.optionSet();
    return 0;
  }
  return level === 6 || level === 17 || level === 41 || level === 0 ? -E.OPNOTSUPP : -E.NOPROTOOPT;
}
