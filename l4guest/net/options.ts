/** getsockopt and setsockopt. */
import { E } from '../kernel/errno.ts';
import type { Thread } from '../kernel/thread.ts';
import { copyOut, getU32, setU32 } from '../mm/uaccess.ts';
import { BUFFER, type Socket } from './socket.ts';
import { StreamSocket } from './stream.ts';

const SOL_SOCKET = 1;
const So = { DEBUG: 1, REUSEADDR: 2, TYPE: 3, ERROR: 4, DONTROUTE: 5, BROADCAST: 6, SNDBUF: 7, RCVBUF: 8, KEEPALIVE: 9, OOBINLINE: 10, LINGER: 13, REUSEPORT: 15, PASSCRED: 16, PEERCRED: 17, RCVLOWAT: 18, RCVTIMEO: 20, SNDTIMEO: 21, ACCEPTCONN: 30, PROTOCOL: 38, DOMAIN: 39 } as const;
/** Levels whose options are kept and otherwise without meaning here: IP, TCP, UDP, IPv6. */
const LEVELS = new Set([0, 6, 17, 41]);

export function getOption(t: Thread, s: Socket, level: number, name: number, va: number, lengthVa: number): number {
  const room = getU32(t.mm, lengthVa);
  if (level === SOL_SOCKET && name === So.PEERCRED) {
    const c = s.peerOwner ?? { pid: 0, uid: 0xffffffff, gid: 0xffffffff }, out = new Uint8Array(new Uint32Array([c.pid, c.uid, c.gid]).buffer).subarray(0, room);
    copyOut(t.mm, va, out);
    setU32(t.mm, lengthVa, out.length);
    return 0;
  }
  if (level === SOL_SOCKET && (name === So.LINGER || name === So.RCVTIMEO || name === So.SNDTIMEO)) {
    const out = new Uint8Array(name === So.LINGER ? 8 : 16).subarray(0, room);
    copyOut(t.mm, va, out);
    setU32(t.mm, lengthVa, out.length);
    return 0;
  }
  const value = level === SOL_SOCKET ? socketValue(s, name) : LEVELS.has(level) ? s.options.get(level * 65536 + name) ?? 0 : undefined;
  if (value === undefined) return -E.NOPROTOOPT;
  copyOut(t.mm, va, new Uint8Array(new Int32Array([value]).buffer).subarray(0, Math.min(room, 4)));
  setU32(t.mm, lengthVa, Math.min(room, 4));
  return 0;
}
function socketValue(s: Socket, name: number): number | undefined {
  switch (name) {
    case So.TYPE: return s.type;
    case So.DOMAIN: return s.family;
    case So.PROTOCOL: return s.family === 1 ? 0 : s.type === 1 ? 6 : 17;
    case So.ERROR: { const e = s.error; s.error = 0; return e; }
    case So.SNDBUF: case So.RCVBUF: return s.options.get(name) ?? BUFFER;
    case So.PASSCRED: return s.passCred ? 1 : 0;
    case So.ACCEPTCONN: return s instanceof StreamSocket && s.listening ? 1 : 0;
    case So.RCVLOWAT: return 1;
    default: return s.options.get(name) ?? (name < 80 ? 0 : undefined);
  }
}
export function setOption(t: Thread, s: Socket, level: number, name: number, va: number, length: number): number {
  const value = length >= 4 ? getU32(t.mm, va) : 0;
  if (level === SOL_SOCKET) {
    if (name === So.PASSCRED) s.passCred = value !== 0;
    if (name === So.TYPE || name === So.ERROR || name === So.ACCEPTCONN || name >= 80) return -E.NOPROTOOPT;
    s.options.set(name, name === So.SNDBUF || name === So.RCVBUF ? value * 2 : value);
    return 0;
  }
  if (!LEVELS.has(level)) return -E.NOPROTOOPT;
  s.options.set(level * 65536 + name, value);
  return 0;
}
