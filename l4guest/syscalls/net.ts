/** Socket calls. AF_UNIX, and AF_INET and AF_INET6 within this computer. */
import { Af, getAddress, putAddress, type Address } from '../net/address.ts';
import { bindTo } from '../net/bind.ts';
import { DatagramSocket } from '../net/datagram.ts';
import { getOption, setOption } from '../net/options.ts';
import { Msg, SocketFile, SockType, type Received, type Socket } from '../net/socket.ts';
import { IPPROTO, RawSocket } from '../net/inet/raw.ts';
import { TcpSocket } from '../net/inet/tcp.ts';
import { UdpSocket } from '../net/inet/udp.ts';
import { NetlinkProtocol, NetlinkSocket } from '../net/netlink.ts';
import { StreamSocket } from '../net/stream.ts';
import type { File } from '../fs/file.ts';
import { Cap, O, S, Sig } from '../abi/linux.ts';
import { capable } from '../kernel/creds.ts';
import { E } from '../abi/errno.ts';
import type { Later } from '../kernel/later.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Co } from '../kernel/wait.ts';
import { UserIo, copyOut, getI32, getI64, getU32, setI64, setU32 } from '../mm/uaccess.ts';
import { timespec } from './times.ts';
import { install } from './fds.ts';
import { interruptedWait, ioVector, untilDone } from './io.ts';
import { row, type Row } from './row.ts';

function fileOf(t: Thread, fd: number): SocketFile | number { const f = t.proc.fds.get(fd); return f instanceof SocketFile ? f : f ? -E.NOTSOCK : -E.BADF; }
const using = (t: Thread, fd: number, use: (f: SocketFile) => number | Co<number>): number | Co<number> => { const f = fileOf(t, fd); return typeof f === 'number' ? f : use(f); };

function netlink(t: Thread, type: number, protocol: number): Socket | number {
  if (type !== SockType.RAW && type !== SockType.DGRAM) return -E.SOCKTNOSUPPORT;
  return protocol === NetlinkProtocol.ROUTE || protocol === NetlinkProtocol.UEVENT ? new NetlinkSocket(t.k, type, protocol) : -E.PROTONOSUPPORT;
}
function unixSocket(t: Thread, type: number, protocol: number): Socket | number {
  if (protocol !== 0 && protocol !== Af.UNIX) return -E.PROTONOSUPPORT;
  if (type === SockType.DGRAM || type === SockType.RAW) return new DatagramSocket(t.k, Af.UNIX, SockType.DGRAM);
  return type === SockType.STREAM || type === SockType.SEQPACKET ? new StreamSocket(t.k, Af.UNIX, type) : -E.SOCKTNOSUPPORT;
}
/** TCP and UDP; ICMP by numbers of its own for groups that may ping; raw sockets for who may have them. */
function inetSocket(t: Thread, family: number, type: number, protocol: number): Socket | number {
  if (protocol < 0 || protocol > 262) return -E.INVAL;
  const icmp = family === Af.INET ? IPPROTO.ICMP : IPPROTO.ICMP6;
  switch (type) {
    case SockType.STREAM: return protocol === 0 || protocol === 6 ? new TcpSocket(t.k, family) : -E.PROTONOSUPPORT;
    case SockType.DGRAM: return protocol === icmp ? pingSocket(t, family, icmp) : protocol === 0 || protocol === 17 ? new UdpSocket(t.k, family) : -E.PROTONOSUPPORT;
    case SockType.RAW: return protocol === 0 ? -E.PROTONOSUPPORT : capable(t.creds, Cap.NET_RAW) ? new RawSocket(t.k, family, type, protocol) : -E.PERM;
    default: return -E.SOCKTNOSUPPORT;
  }
}
function pingSocket(t: Thread, family: number, icmp: number): Socket | number {
  const [least, most] = t.k.sysctl.numbers('net/ipv4/ping_group_range'), c = t.creds;
  return [c.egid, ...c.groups].some((gid) => gid >= least! && gid <= most!) ? new RawSocket(t.k, family, SockType.DGRAM, icmp) : -E.ACCES;
}
function create(t: Thread, family: number, typeArg: number, protocol: number): Socket | number {
  const type = typeArg & 0xf, c = t.creds;
  if (family === Af.NETLINK) return netlink(t, type, protocol);
  if (family !== Af.UNIX && family !== Af.INET && family !== Af.INET6) return -E.AFNOSUPPORT;
  const s = family === Af.UNIX ? unixSocket(t, type, protocol) : inetSocket(t, family, type, protocol);
  if (typeof s === 'number') return s;
  s.owner = { pid: t.proc.pid, uid: c.euid, gid: c.egid };
  return s;
}
function fileFor(t: Thread, s: Socket, flags: number): SocketFile { return new SocketFile(t.k.anon.make(S.IFSOCK | 0o777), flags, s); }
const installSocket = (t: Thread, s: Socket, flags: number): number => install(t, fileFor(t, s, flags), (flags & O.CLOEXEC) !== 0);

function socketpair(t: Thread, family: number, type: number, protocol: number, va: number): number {
  if (family !== Af.UNIX) return family === Af.INET || family === Af.INET6 ? -E.OPNOTSUPP : -E.AFNOSUPPORT;
  const a = create(t, family, type, protocol), b = create(t, family, type, protocol);
  if (typeof a === 'number') return a;
  if (a instanceof StreamSocket) StreamSocket.pair(a, b as StreamSocket); else DatagramSocket.pair(a as DatagramSocket, b as DatagramSocket);
  const x = installSocket(t, a, type);
  if (x < 0) return x;
  const y = installSocket(t, b as Socket, type);
  if (y < 0) { t.proc.fds.take(x)?.release(); return y; }
  setU32(t.mm, va, x);
  setU32(t.mm, va + 4, y);
  return 0;
}
function bind(t: Thread, f: SocketFile, va: number, length: number): Later<number> {
  const a = getAddress(t.mm, va, length);
  return typeof a === 'number' ? a : bindTo(t, f.socket, a);
}
function connect(t: Thread, f: SocketFile, va: number, length: number): number | Co<number> {
  const a = getAddress(t.mm, va, length);
  if (typeof a === 'number') return a;
  const s = f.socket;
  if (s.pendingConnect !== undefined) return pendingEnds(s);
  const r = s.connect(t, a);
  if (s instanceof TcpSocket && s.connection) return connected(t, f, s, r);
  return r !== -E.AGAIN || f.nonblocking ? r : retryConnect(t, f, a);
}
/** TCP never connects at once: who does not wait hears of it by poll, and by SO_ERROR or a second connect. */
function connected(t: Thread, f: SocketFile, s: TcpSocket, r: number): number | Co<number> {
  if (!f.nonblocking) return r === -E.INPROGRESS ? untilConnected(t, s) : r;
  if (r !== 0 && r !== -E.INPROGRESS && r !== -E.CONNREFUSED) return r;
  s.pendingConnect = r === -E.INPROGRESS ? -E.AGAIN : r;
  if (r === -E.CONNREFUSED) s.error = E.CONNREFUSED;
  s.wq.wakeAll();
  return -E.INPROGRESS;
}
function* untilConnected(t: Thread, s: TcpSocket): Co<number> {
  for (const until = t.k.clock.now() + s.sendTimeout; ; ) {
    const slept = yield* t.sleep(s.wq, until);
    const r = s.outcome();
    if (r !== -E.INPROGRESS) return r;
    if (slept === -E.RESTARTSYS) { s.pendingConnect = -E.AGAIN; return interruptedWait(slept, until); }
    if (t.k.clock.now() >= until) { s.pendingConnect = -E.AGAIN; return -E.INPROGRESS; }
  }
}
/** The second call of a connect that did not wait: its result, and no more. */
function pendingEnds(s: Socket): number {
  const r = s.pendingConnect!;
  if (r === -E.AGAIN) return -E.ALREADY;
  s.pendingConnect = undefined;
  s.error = 0;
  return r;
}
/** A full backlog empties when the listener accepts; there is nothing to wait on but time. */
function* retryConnect(t: Thread, f: SocketFile, a: Address): Co<number> {
  for (;;) {
    const s = yield* t.sleep(undefined, t.k.clock.now() + 1e6);
    if (s === -E.RESTARTSYS) return s;
    const r = f.socket.connect(t, a);
    if (r !== -E.AGAIN) return r;
  }
}
function accept(t: Thread, fd: number, va: number, lengthVa: number, flags: number): number | Co<number> {
  return using(t, fd, (f) => {
    const attempt = (): number => {
      const s = f.socket.accept();
      if (typeof s === 'number') return s;
      const n = installSocket(t, s, flags);
      if (n >= 0 && s.remote) putAddress(t.mm, va, lengthVa, s.remote);
      return n;
    };
    const r = attempt();
    return r !== -E.AGAIN || f.nonblocking ? r : untilDone(t, f, attempt);
  });
}

// ── messages ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** struct msghdr: name, namelen, iov, iovlen, control, controllen, flags (56 bytes). */
interface Header { io: UserIo; nameVa: number; nameLength: number; controlVa: number; controlLength: number }
function getHeader(t: Thread, va: number): Header | number {
  const io = ioVector(t, getI64(t.mm, va + 16), getI64(t.mm, va + 24));
  return typeof io === 'number' ? io : { io, nameVa: getI64(t.mm, va), nameLength: getU32(t.mm, va + 8), controlVa: getI64(t.mm, va + 32), controlLength: getI64(t.mm, va + 40) };
}
/** The files of SCM_RIGHTS; held. -EINVAL, -EBADF. */
function getRights(t: Thread, h: Header): File[] | number {
  const files: File[] = [];
  for (let at = 0; h.controlVa && at + 16 <= h.controlLength; ) {
    const length = getI64(t.mm, h.controlVa + at), level = getU32(t.mm, h.controlVa + at + 8), type = getU32(t.mm, h.controlVa + at + 12);
    if (length < 16 || at + length > h.controlLength) return -E.INVAL;
    if (level === 1 && type === 1) for (let i = 16; i + 4 <= length; i += 4) { const f = t.proc.fds.any(getI32(t.mm, h.controlVa + at + i)); if (!f) return -E.BADF; files.push(f); }
    at += Math.ceil(length / 8) * 8;
  }
  if (files.length > 253) return -E.INVAL;
  return files.map((f) => f.hold());
}
function send(t: Thread, f: SocketFile, io: UserIo, to: Address | undefined, files: readonly File[], flags: number): number | Co<number> {
  let done = 0, rights = files;
  const attempt = (): number => {
    const n = f.socket.send(io, to, rights, t);
    if (n > 0) { done += n; rights = []; if (io.left > 0 && f.socket.type === SockType.STREAM) return -E.AGAIN; return done; }
    if (n < 0 && n !== -E.AGAIN && done > 0) return done;
    if (n === -E.PIPE && !(flags & Msg.NOSIGNAL)) t.k.signals.toThread(t, Sig.PIPE, 0x80);
    return n;
  };
  let r = attempt();
  while (r === -E.AGAIN && io.left > 0 && done > 0 && f.socket.poll() & 4) r = attempt();
  if (r !== -E.AGAIN) return r;
  if (f.nonblocking || flags & Msg.DONTWAIT) { if (done === 0) for (const x of rights) x.release(); return done || r; }
  return sendRest(t, f, attempt, () => done);
}
function* sendRest(t: Thread, f: SocketFile, attempt: () => number, done: () => number): Co<number> {
  const peer = f.socket instanceof StreamSocket ? f.socket.peer : undefined;
  /** Somebody wakes the queue when there is room. */
  const tells = peer !== undefined || f.socket instanceof TcpSocket;
  for (const until = t.k.clock.now() + f.writePatience; ; ) {
    const s = yield* t.sleep(peer ? [f.socket.wq, peer.wq] : f.socket.wq, tells ? until : Math.min(until, t.k.clock.now() + 1e6));
    if (s === -E.RESTARTSYS) return done() || interruptedWait(s, until);
    if (t.k.clock.now() >= until) return done() || -E.AGAIN;
    const r = attempt();
    if (r !== -E.AGAIN) return r;
  }
}
function sendto(t: Thread, fd: number, va: number, length: number, flags: number, toVa: number, toLength: number): number | Co<number> {
  return using(t, fd, (f) => {
    const to = toVa ? getAddress(t.mm, toVa, toLength) : undefined;
    return typeof to === 'number' ? to : length < 0 ? -E.INVAL : send(t, f, new UserIo(t.mm, va, length), to, [], flags);
  });
}
function sendmsg(t: Thread, fd: number, va: number, flags: number): number | Co<number> {
  return using(t, fd, (f) => {
    const h = getHeader(t, va), to = typeof h !== 'number' && h.nameVa && h.nameLength ? getAddress(t.mm, h.nameVa, h.nameLength) : undefined;
    if (typeof h === 'number') return h;
    if (typeof to === 'number') return to;
    const files = getRights(t, h);
    return typeof files === 'number' ? files : send(t, f, h.io, to, files, flags);
  });
}
/** Receives with `take` for what came beside the bytes. MSG_WAITALL reads on for streams. */
function receive(t: Thread, f: SocketFile, io: UserIo, flags: number, take: (r: Received) => void): number | Co<number> {
  let done = 0;
  const attempt = (): number => {
    const r = f.socket.receive(io, flags);
    if (typeof r === 'number') return r === -E.AGAIN ? r : done || r;
    if (done === 0) take(r); else for (const x of r.files) x.release();
    done += r.n;
    return flags & Msg.WAITALL && !(flags & Msg.PEEK) && f.socket.type === SockType.STREAM && r.n > 0 && io.left > 0 ? -E.AGAIN : done;
  };
  let r = attempt();
  while (r === -E.AGAIN && done > 0 && f.socket.available > 0) r = attempt();
  if (r !== -E.AGAIN) return r;
  if (f.nonblocking || flags & Msg.DONTWAIT) return done || r;
  return untilDone(t, f, attempt);
}
function recvfrom(t: Thread, fd: number, va: number, length: number, flags: number, fromVa: number, lengthVa: number): number | Co<number> {
  return using(t, fd, (f) => (length < 0 ? -E.INVAL : receive(t, f, new UserIo(t.mm, va, length), flags, (r) => {
    for (const x of r.files) x.release();
    if (fromVa) putAddress(t.mm, fromVa, lengthVa, f.socket.type === SockType.STREAM && f.socket.remote ? f.socket.remote : r.from);
  })));
}
function recvmsg(t: Thread, fd: number, va: number, flags: number): number | Co<number> {
  return using(t, fd, (f) => {
    const h = getHeader(t, va);
    if (typeof h === 'number') return h;
    return receive(t, f, h.io, flags, (r) => {
      if (h.nameVa && f.socket.type !== SockType.STREAM) putAddress(t.mm, h.nameVa, va + 8, r.from); else setU32(t.mm, va + 8, 0);
      const control = putControl(t, f.socket, h, r, flags);
      setI64(t.mm, va + 40, control.length);
      setU32(t.mm, va + 48, r.flags | control.flags);
    });
  });
}
/** Control messages: credentials if asked for, then files. */
function putControl(t: Thread, s: Socket, h: Header, r: Received, flags: number): { length: number; flags: number } {
  let at = 0, cut = 0;
  const head = (length: number, type: number, level = 1): void => { setI64(t.mm, h.controlVa + at, length); setU32(t.mm, h.controlVa + at + 8, level); setU32(t.mm, h.controlVa + at + 12, type); };
  if (s.passCred && h.controlLength - at >= 28) {
    head(28, 2);
    copyOut(t.mm, h.controlVa + at + 16, new Uint8Array(new Uint32Array([r.sender.pid, r.sender.uid, r.sender.gid]).buffer));
    at += 32;
  }
  for (const c of r.control ?? []) {
    const length = 16 + c.data.length;
    if (h.controlLength - at < length) { cut = Msg.CTRUNC; break; }
    head(length, c.type, c.level);
    copyOut(t.mm, h.controlVa + at + 16, c.data);
    at += Math.ceil(length / 8) * 8;
  }
  if (r.files.length > 0) {
    const fit = Math.max(0, Math.min(r.files.length, Math.floor((h.controlLength - at - 16) / 4)));
    let n = 0;
    r.files.forEach((file, i) => {
      const fd = i < fit ? install(t, file, (flags & Msg.CMSG_CLOEXEC) !== 0) : (file.release(), -1);
      if (fd >= 0) setU32(t.mm, h.controlVa + at + 16 + 4 * n++, fd);
    });
    if (n < r.files.length) cut = Msg.CTRUNC;
    if (n > 0) { head(16 + 4 * n, 1); at += Math.ceil((16 + 4 * n) / 8) * 8; }
  }
  return { length: Math.min(at, h.controlLength), flags: cut };
}
/** sendmmsg and recvmmsg: as many as go without waiting after the first. struct mmsghdr is 64 bytes. */
function* many(t: Thread, fd: number, va: number, count: number, flags: number, one: (t: Thread, fd: number, va: number, flags: number) => number | Co<number>, until: number): Co<number> {
  for (let i = 0; i < Math.min(count, 1024); i++) {
    const r = one(t, fd, va + 64 * i, i === 0 ? flags & ~0x10000 : flags | Msg.DONTWAIT), n = typeof r === 'number' ? r : yield* r;
    if (n < 0) return i > 0 ? i : n;
    setU32(t.mm, va + 64 * i + 56, n);
    if (t.k.clock.now() > until) return i + 1;
  }
  return Math.min(count, 1024);
}
function name(t: Thread, a: Address | undefined, va: number, lengthVa: number): number {
  if (!a) return -E.NOTCONN;
  putAddress(t.mm, va, lengthVa, a);
  return 0;
}

export const netCalls: Row[] = [
  row('socket', (t, family, type, protocol) => { const s = create(t, family, type, protocol); return typeof s === 'number' ? s : installSocket(t, s, type); }, { note: 'AF_UNIX; AF_INET and AF_INET6 on the loopback; AF_NETLINK for routes: reading' }),
  row('socketpair', socketpair),
  row('bind', (t, fd, va, n) => using(t, fd, (f) => bind(t, f, va, n))), row('listen', (t, fd, n) => using(t, fd, (f) => listen(t, f, n | 0))),
  row('accept', (t, fd, va, n) => accept(t, fd, va, n, 0)), row('accept4', accept),
  row('connect', (t, fd, va, n) => using(t, fd, (f) => connect(t, f, va, n))),
  row('getsockname', (t, fd, va, n) => using(t, fd, (f) => name(t, f.socket.local, va, n))), row('getpeername', (t, fd, va, n) => using(t, fd, (f) => name(t, f.socket.remote, va, n))),
  row('sendto', sendto), row('recvfrom', recvfrom),
  row('sendmsg', sendmsg), row('recvmsg', recvmsg),
  row('sendmmsg', (t, fd, va, n, flags) => many(t, fd, va, n, flags, sendmsg, Infinity)), row('recvmmsg', (t, fd, va, n, flags, time) => many(t, fd, va, n, flags, recvmsg, time ? t.k.clock.now() + timespec(t, time) : Infinity)),
  row('setsockopt', (t, fd, level, option, va, n) => using(t, fd, (f) => setOption(t, f.socket, level, option, va, n))), row('getsockopt', (t, fd, level, option, va, n) => using(t, fd, (f) => getOption(t, f.socket, level, option, va, n))),
  row('shutdown', (t, fd, how) => using(t, fd, (f) => (how > 2 ? -E.INVAL : f.socket.shutdown(how)))),
];
function listen(t: Thread, f: SocketFile, backlog: number): number {
  const s = f.socket;
  if (s instanceof TcpSocket && s.ends.length === 0 && !s.connection) { const r = s.bindInet(t, { ...s.local, port: 0 }); if (r) return r; }
  return s.listen(backlog);
}
