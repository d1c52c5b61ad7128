/** Socket calls for AF_UNIX, AF_INET and AF_INET6 within this computer. */
import { inetAddress, isAny, unixAddress, Af, encode, getAddress, tellAddress, type Address } from '../net/address.ts';
import { bindTo } from '../net/bind.ts';
import { DatagramSocket } from '../net/datagram.ts';
import { getOption, setOption } from '../net/options.ts';
import { Msg, SocketFile, SockType, releaseFiles, type Extra, type Received, type Socket } from '../net/socket.ts';
import { IPPROTO, RawSocket } from '../net/inet/raw.ts';
import { TcpSocket } from '../net/inet/tcp.ts';
import { UdpSocket } from '../net/inet/udp.ts';
import { NetlinkProtocol, NetlinkSocket } from '../net/netlink/socket.ts';
import { StreamSocket } from '../net/stream.ts';
import type { File } from '../fs/file.ts';
import { Cap, O, Poll, S, Sig } from '../abi/linux.ts';
import { capable } from '../kernel/creds.ts';
import { E } from '../abi/errno.ts';
import type { Later } from '../kernel/later.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Co } from '../kernel/wait.ts';
import { copyIn, UserIo, copyOut, couldBeUser, setI64, setU32 } from '../mm/uaccess.ts';
import { UserFault } from '../kernel/failure.ts';
import { putTimespec, timespec } from './times.ts';
import { tellOrUndo } from './undo.ts';
import { install, installPair } from './fds.ts';
import { interruptedWait, untilDone } from './io.ts';
import { getAncillary, getHeader, putControl, type Ancillary } from './message.ts';
import { bits, row, type Row } from './row.ts';
import { Parts } from '../kernel/work.ts';

function fileOf(thread: Thread, fd: number): SocketFile | number {
  const file = thread.proc.fds.get(fd);
  return file instanceof SocketFile ? file : file ? -E.NOTSOCK : -E.BADF;
}
const using = (thread: Thread, fd: number, use: (f: SocketFile) => number | Co<number>): number | Co<number> => {
  const file = fileOf(thread, fd);
  return typeof file === 'number' ? file : use(file);
};

function netlink(thread: Thread, type: number, protocol: number): Socket | number {
  if (type !== SockType.RAW && type !== SockType.DGRAM) return -E.SOCKTNOSUPPORT;
  return Object.values<number>(NetlinkProtocol).includes(protocol) ? new NetlinkSocket(thread.k, type, protocol) : -E.PROTONOSUPPORT;
}
function unixSocket(thread: Thread, type: number, protocol: number): Socket | number {
  if (protocol !== 0 && protocol !== Af.UNIX) return -E.PROTONOSUPPORT;
  if (type === SockType.DGRAM || type === SockType.RAW) return new DatagramSocket(thread.k, Af.UNIX, SockType.DGRAM);
  return type === SockType.STREAM || type === SockType.SEQPACKET ? new StreamSocket(thread.k, Af.UNIX, type) : -E.SOCKTNOSUPPORT;
}
/** TCP and UDP; ICMP sockets for groups that may ping; raw sockets for processes with the capability. */
function inetSocket(thread: Thread, family: number, type: number, protocol: number): Socket | number {
  if (protocol < 0 || protocol > 262) return -E.INVAL;
  const icmp = family === Af.INET ? IPPROTO.ICMP : IPPROTO.ICMP6;
  switch (type) {
    case SockType.STREAM: return protocol === 0 || protocol === 6 ? new TcpSocket(thread.k, family) : -E.PROTONOSUPPORT;
    case SockType.DGRAM:
      return protocol === icmp ? pingSocket(thread, family, icmp)
        : protocol === 0 || protocol === 17 ? new UdpSocket(thread.k, family)
        : -E.PROTONOSUPPORT;
    case SockType.RAW:
      return protocol === 0 ? -E.PROTONOSUPPORT
        : capable(thread.creds, Cap.NET_RAW) ? new RawSocket(thread.k, family, type, protocol) : -E.PERM;
    default: return -E.SOCKTNOSUPPORT;
  }
}
function pingSocket(thread: Thread, family: number, icmp: number): Socket | number {
  const [least, most] = thread.k.sysctl.numbers('net/ipv4/ping_group_range'), creds = thread.creds;
  return [creds.egid, ...creds.groups].some((gid) => gid >= least! && gid <= most!) ? new RawSocket(thread.k, family, SockType.DGRAM, icmp)
    : -E.ACCES;
}
const TYPE = 0xf, MOST_TYPE = 11, MOST_FAMILY = 46;
function create(thread: Thread, family: number, typeArg: number, protocol: number): Socket | number {
  const type = typeArg & TYPE, creds = thread.creds;
  if (typeArg & ~(TYPE | O.CLOEXEC | O.NONBLOCK)) return -E.INVAL;
  if (family < 0 || family >= MOST_FAMILY) return -E.AFNOSUPPORT;
  if (type >= MOST_TYPE) return -E.INVAL;
  if (family === Af.NETLINK) return netlink(thread, type, protocol);
  if (family !== Af.UNIX && family !== Af.INET && family !== Af.INET6) return -E.AFNOSUPPORT;
  const socket = family === Af.UNIX ? unixSocket(thread, type, protocol) : inetSocket(thread, family, type, protocol);
  if (typeof socket === 'number') return socket;
  socket.owner = { pid: thread.proc.pid, uid: creds.euid, gid: creds.egid };
  thread.k.work.made(Parts.socket);
  return socket;
}
function fileFor(t: Thread, s: Socket, flags: number): SocketFile { return new SocketFile(t.k.anon.make(S.IFSOCK | 0o777), flags, s); }
const installSocket = (t: Thread, s: Socket, flags: number): number => install(t, fileFor(t, s, flags), (flags & O.CLOEXEC) !== 0);

function socketpair(thread: Thread, family: number, type: number, protocol: number, va: number): number {
  // The call stores the descriptors' numbers before it makes the sockets.
  if (type & ~(TYPE | O.CLOEXEC | O.NONBLOCK)) return -E.INVAL;
  const first = thread.proc.fds.lowestFree(thread.proc.limits.files);
  if (first < 0) return -E.MFILE;
  setU32(thread.mm, va, first);
  setU32(thread.mm, va + 4, first + 1);
  const left = create(thread, family, type, protocol);
  if (typeof left === 'number') return left;
  if (family !== Af.UNIX) return -E.OPNOTSUPP;
  const right = create(thread, family, type, protocol) as Socket;
  if (left instanceof StreamSocket) StreamSocket.pair(left, right as StreamSocket);
  else DatagramSocket.pair(left as DatagramSocket, right as DatagramSocket);
  return installPair(thread, va, fileFor(thread, left, type), fileFor(thread, right, type), (type & O.CLOEXEC) !== 0);
}
/** An address in the form that this kind of socket needs: refuses a short one, or one of another family, in Linux's order. */
function addressFor(thread: Thread, socket: Socket, va: number, lengthArg: number, use: 'bind' | 'connect' | 'send'): Address | number {
  const length = lengthArg | 0;
  if (length < 0 || length > 128) return -E.INVAL;
  const bytes = copyIn(thread.mm, va, length), family = length >= 2 ? bytes[0]! | (bytes[1]! << 8) : Af.UNSPEC;
  const apart = family === Af.UNSPEC && use === 'connect' && socket.type === SockType.DGRAM;
  if (socket.family === Af.UNIX && length >= 2 && !apart && (family !== Af.UNIX || (length === 2 && use !== 'bind'))) return -E.INVAL;
  if (socket.family !== Af.INET || (use === 'connect' && (length < 2 || family === Af.UNSPEC))) return getAddress(thread.mm, va, length);
  if (length < 16) return -E.INVAL;
  // An unspecified family means the socket's own if nothing else is possible.
  const ip = bytes.slice(4, 8), unsaid = family === Af.UNSPEC && (use === 'send' || isAny(ip));
  return family === Af.INET || unsaid ? inetAddress(Af.INET, ip, (bytes[2]! << 8) | bytes[3]!) : -E.AFNOSUPPORT;
}
function bind(thread: Thread, socketFile: SocketFile, va: number, length: number): Later<number> {
  const address = addressFor(thread, socketFile.socket, va, length, 'bind');
  return typeof address === 'number' ? address : bindTo(thread, socketFile.socket, address);
}
function connect(thread: Thread, socketFile: SocketFile, va: number, length: number): number | Co<number> {
  const address = addressFor(thread, socketFile.socket, va, length, 'connect');
  if (typeof address === 'number') return address;
  const socket = socketFile.socket;
  if (socket.pendingConnect !== undefined) return takePendingConnect(socket);
  const result = socket.connect(thread, address);
  if (socket instanceof TcpSocket && socket.connection) return connected(thread, socketFile, socket, result);
  return result !== -E.AGAIN || socketFile.nonblocking ? result : retryConnect(thread, socketFile, address);
}
/** connect reads the address before it checks whether the descriptor is a socket. */
function addressFirst(thread: Thread, fd: number, va: number, length: number): number {
  if (!thread.proc.fds.get(fd)) return 0;
  if (length < 0 || length > 128) return -E.INVAL;
  copyIn(thread.mm, va, length);
  return 0;
}
/** TCP never connects at once: a non-blocking caller learns of it by poll, and by SO_ERROR or a second connect. */
function connected(thread: Thread, socketFile: SocketFile, tcpSocket: TcpSocket, result: number): number | Co<number> {
  if (!socketFile.nonblocking) return result === -E.INPROGRESS ? untilConnected(thread, tcpSocket) : result;
  if (result !== 0 && result !== -E.INPROGRESS && result !== -E.CONNREFUSED) return result;
  tcpSocket.pendingConnect = result === -E.INPROGRESS ? -E.AGAIN : result;
  if (result === -E.CONNREFUSED) tcpSocket.error = E.CONNREFUSED;
  tcpSocket.wq.wakeAll();
  return -E.INPROGRESS;
}
function* untilConnected(thread: Thread, tcpSocket: TcpSocket): Co<number> {
  for (const until = thread.k.clock.now() + tcpSocket.sendTimeout; ; ) {
    const slept = yield* thread.sleep(tcpSocket.wq, until);
    const outcome = tcpSocket.outcome();
    if (outcome !== -E.INPROGRESS) return outcome;
    if (slept === -E.RESTARTSYS) { tcpSocket.pendingConnect = -E.AGAIN; return interruptedWait(slept, until); }
    if (thread.k.clock.now() >= until) { tcpSocket.pendingConnect = -E.AGAIN; return -E.INPROGRESS; }
  }
}
/** The second call of a non-blocking connect: returns the result of the first, once. */
function takePendingConnect(socket: Socket): number {
  const result = socket.pendingConnect!;
  if (result === -E.AGAIN) return -E.ALREADY;
  socket.pendingConnect = undefined;
  socket.error = 0;
  return result;
}
/** A full backlog empties when the listener accepts; it has no queue to wait on, so the caller polls. */
function* retryConnect(thread: Thread, socketFile: SocketFile, address: Address): Co<number> {
  for (;;) {
    const slept = yield* thread.sleep(undefined, thread.k.clock.now() + 1e6);
    if (slept === -E.RESTARTSYS) return slept;
    const result = socketFile.socket.connect(thread, address);
    if (result !== -E.AGAIN) return result;
  }
}
/** A connection gets its descriptor first; if the caller's address cannot be stored, the connection closes again. */
function accept(thread: Thread, fd: number, va: number, lengthVa: number, flags: number): number | Co<number> {
  return using(thread, fd, (socketFile) => {
    const attempt = (): number => {
      if (thread.proc.fds.lowestFree(thread.proc.limits.files) < 0) return -E.MFILE;
      const accepted = socketFile.socket.accept();
      if (typeof accepted === 'number') return accepted;
      const n = installSocket(thread, accepted, flags);
      if (n < 0 || !va) return n;
      let told = 0;
      const undo = (): void => { thread.proc.fds.take(n)?.release(); },
        failed = tellOrUndo(() => { told = tellAddress(thread.mm, va, lengthVa, accepted.remote); }, undo);
      if (told < 0) undo();
      return failed || (told < 0 ? told : n);
    };
    const result = attempt(), { socket } = socketFile;
    if (result !== -E.AGAIN || socketFile.nonblocking) return result;
    const patient = (): number => { const now = attempt(); return now === -E.AGAIN && socket.readShut ? -E.INVAL : now; };
    return socket.readShut ? -E.INVAL : untilDone(thread, socketFile, patient);
  });
}

// ── messages ───────────────────────────────────────────────────────────────────────────────────────────────────────────

function send(thread: Thread, socketFile: SocketFile, io: UserIo, to: Address | undefined, ancillary: Ancillary,
    flags: number): number | Co<number> {
  let done = 0, rights = ancillary.files;
  const extra: Extra = { urgent: (flags & Msg.OOB) !== 0, more: (flags & Msg.MORE) !== 0, sender: ancillary.sender };
  const idle = socketFile.socket instanceof TcpSocket && !socketFile.socket.connection;
  if (flags & Msg.FASTOPEN && idle && !to) { releaseFiles(rights); return -E.INVAL; }
  if (extra.urgent && !idle && !(socketFile.socket instanceof StreamSocket && socketFile.socket.type === SockType.STREAM)) {
    releaseFiles(rights);
    return -E.OPNOTSUPP;
  }
  const attempt = (): number => {
    const n = sendPiece(thread, socketFile, io, to, rights, extra, done);
    if (n > 0) { done += n; rights = []; if (io.left > 0 && socketFile.socket.type === SockType.STREAM) return -E.AGAIN; return done; }
    if (n === 0 && io.left === 0) rights = [];
    if (n < 0 && n !== -E.AGAIN && done > 0) return done;
    if (n < 0 && n !== -E.AGAIN) releaseFiles(rights);
    if (n === -E.PIPE && !(flags & Msg.NOSIGNAL) && socketFile.socket.type !== SockType.DGRAM)
      thread.k.signals.toThread(thread, Sig.PIPE, 0x80);
    return n;
  };
  let result = attempt();
  while (result === -E.AGAIN && io.left > 0 && done > 0 && socketFile.socket.poll() & Poll.OUT) result = attempt();
  if (result !== -E.AGAIN) return result;
  if (socketFile.nonblocking || flags & Msg.DONTWAIT) { if (done === 0) releaseFiles(rights); return done || result; }
  return sendRest(thread, socketFile, attempt, () => done);
}
/** One piece; a bad address after the first piece ends the call with the bytes sent so far. */
function sendPiece(thread: Thread, socketFile: SocketFile, io: UserIo, to: Address | undefined, files: readonly File[], extra: Extra,
    done: number): number {
  try { return socketFile.socket.send(io, to, files, thread, extra); } catch (error) {
    if (!(error instanceof UserFault)) throw error;
    if (done > 0) return -E.FAULT;
    releaseFiles(files);
    throw error;
  }
}
function* sendRest(thread: Thread, socketFile: SocketFile, attempt: () => number, done: () => number): Co<number> {
  const peer = socketFile.socket instanceof StreamSocket ? socketFile.socket.peer : undefined;
  /** Whether the peer wakes this queue when there is room. */
  const tells = peer !== undefined || socketFile.socket instanceof TcpSocket;
  for (const until = thread.k.clock.now() + socketFile.writePatience; ; ) {
    const slept = yield* thread.sleep(peer ? [socketFile.socket.wq, peer.wq] : socketFile.socket.wq,
      tells ? until : Math.min(until, thread.k.clock.now() + 1e6));
    if (slept === -E.RESTARTSYS) return done() || interruptedWait(slept, until);
    if (thread.k.clock.now() >= until) return done() || -E.AGAIN;
    const result = attempt();
    if (result !== -E.AGAIN) return result;
  }
}
/** TCP ignores the address in send, a Unix stream refuses every address. */
const refusal = (s: Socket, a: Address | number | undefined): Address | number | undefined =>
  (typeof a !== 'number' ? a : s instanceof TcpSocket ? undefined
    : s instanceof StreamSocket && s.type === SockType.STREAM ? unixAddress('') : a);
const NOTHING: Ancillary = { files: [], sender: undefined };
function sendto(thread: Thread, fd: number, va: number, length: number, flags: number, toVa: number,
    toLength: number): number | Co<number> {
  return using(thread, fd, (socketFile) => {
    const named = toVa !== 0 && ((toLength | 0) !== 0
      || (socketFile.socket.family !== Af.UNIX && socketFile.socket.type !== SockType.STREAM));
    const read = named ? addressFor(thread, socketFile.socket, toVa, toLength, 'send') : undefined, to = refusal(socketFile.socket, read);
    return typeof to === 'number' ? to
      : couldBeUser(va, length) ? send(thread, socketFile, new UserIo(thread.mm, va, Math.min(length, 0x7fff_f000)), to, NOTHING, flags)
      : -E.FAULT;
  });
}
function sendmsg(thread: Thread, fd: number, va: number, flags: number): number | Co<number> {
  return using(thread, fd, (socketFile) => {
    const header = getHeader(thread, va),
      read = typeof header !== 'number' && header.nameVa && header.nameLength
        ? addressFor(thread, socketFile.socket, header.nameVa, header.nameLength, 'send')
        : undefined,
      to = refusal(socketFile.socket, read);
    if (typeof header === 'number') return header;
    if (typeof to === 'number') return to;
    const ancillary = getAncillary(thread, socketFile.socket, header);
    return typeof ancillary === 'number' ? ancillary : send(thread, socketFile, header.io, to, ancillary, flags);
  });
}
/** Receives; `take` handles what came beside the bytes. MSG_WAITALL continues to read from streams. */
function receive(thread: Thread, socketFile: SocketFile, io: UserIo, flags: number, take: (r: Received) => number): number | Co<number> {
  let done = 0;
  // No error queue is kept here: it is always empty.
  if (flags & Msg.ERRQUEUE && socketFile.socket.family !== Af.UNIX) return -E.AGAIN;
  const part = (): number => {
    const received = socketFile.socket.receive(io, flags);
    if (typeof received === 'number') return received === -E.AGAIN ? received : done || received;
    const failed = done === 0 ? take(received) : (releaseFiles(received.files), 0);
    if (failed < 0) return failed;
    done += received.n;
    const { socket } = socketFile;
    // A read of a Unix stream ends where descriptors were sent, and where another sender's bytes begin.
    const atBorder = socket.family === Af.UNIX && (received.files.length > 0 || socket.available > 0);
    const waitsForAll = flags & Msg.WAITALL && !(flags & Msg.PEEK) && socket.type === SockType.STREAM;
    return waitsForAll && received.n > 0 && io.left > 0 && !atBorder ? -E.AGAIN : done;
  };
  /** Reads on while there is more; the end of the stream counts as more. */
  const attempt = (): number => {
    for (;;) { const had = done, r = part(); if (r !== -E.AGAIN || done === had) return r; }
  };
  const result = attempt();
  if (result !== -E.AGAIN) return result;
  if (socketFile.nonblocking || flags & Msg.DONTWAIT) return done || result;
  return untilDone(thread, socketFile, attempt);
}
/** The address that recvmsg reports: TCP reports none, a Unix stream its peer's name if it has one. */
function senderOf(socket: Socket, received: Received): Address | undefined {
  if (socket.type !== SockType.STREAM) return socket.family === Af.UNIX && received.from.path === '' ? undefined : received.from;
  return socket.family === Af.UNIX && socket.remote && socket.remote.path !== '' ? socket.remote : undefined;
}
function recvfrom(thread: Thread, fd: number, va: number, length: number, flags: number, fromVa: number,
    lengthVa: number): number | Co<number> {
  return using(thread, fd, (socketFile) =>
    (!couldBeUser(va, length) ? -E.FAULT
      : receive(thread, socketFile, new UserIo(thread.mm, va, Math.min(length, 0x7fff_f000)), flags, (received) => {
    releaseFiles(received.files);
    return fromVa ? tellAddress(thread.mm, fromVa, lengthVa, senderOf(socketFile.socket, received)) : 0;
  })));
}
function recvmsg(thread: Thread, fd: number, va: number, flags: number): number | Co<number> {
  return using(thread, fd, (socketFile) => {
    const header = getHeader(thread, va);
    if (typeof header === 'number') return header;
    return receive(thread, socketFile, header.io, flags, (received) => {
      const from = header.nameVa ? senderOf(socketFile.socket, received) : undefined, bytes = from ? encode(from) : undefined;
      if (bytes) copyOut(thread.mm, header.nameVa, bytes.subarray(0, Math.min(bytes.length, header.nameLength)));
      setU32(thread.mm, va + 8, header.nameVa ? bytes?.length ?? 0 : 0);
      const control = putControl(thread, socketFile.socket, header, received, flags);
      setI64(thread.mm, va + 40, control.length);
      setU32(thread.mm, va + 48, received.flags | control.flags | (flags & Msg.CMSG_CLOEXEC));
      return 0;
    });
  });
}
const MMSG = 64, MOST_MESSAGES = 1024;
/** sendmmsg: sends until one message fails. struct mmsghdr is 64 bytes. */
function* sendMany(thread: Thread, fd: number, va: number, count: number, flags: number): Co<number> {
  const n = Math.min(count >>> 0, MOST_MESSAGES), refused = using(thread, fd, () => 0);
  if (typeof refused !== 'number' || refused < 0) return refused as number;
  for (let i = 0; i < n; i++) {
    const x = sendmsg(thread, fd, va + MMSG * i, flags), result = typeof x === 'number' ? x : yield* x;
    if (result < 0) return i > 0 ? i : result;
    const told = tellOrUndo(() => { setU32(thread.mm, va + MMSG * i + 56, result); }, () => undefined);
    if (told < 0) return i > 0 ? i : told;
  }
  return n;
}
/** recvmmsg: MSG_WAITFORONE waits for the first message only; the time limit is checked between two messages. */
function receiveMany(thread: Thread, fd: number, va: number, count: number, flags: number, timeVa: number): number | Co<number> {
  const ns = timeVa ? timespec(thread, timeVa) : Infinity, refused = using(thread, fd, () => 0);
  return Number.isNaN(ns) ? -E.INVAL
    : typeof refused !== 'number' || refused < 0 ? refused
    : receiveAll(thread, fd, va, Math.min(count >>> 0, MOST_MESSAGES), flags, timeVa, ns);
}
function* receiveAll(thread: Thread, fd: number, va: number, count: number, flags: number, timeVa: number, ns: number): Co<number> {
  const until = thread.k.clock.now() + ns;
  let n = 0, result = 0;
  for (let how = flags & ~Msg.WAITFORONE; n < count; n++) {
    const x = recvmsg(thread, fd, va + MMSG * n, how), got = typeof x === 'number' ? x : yield* x;
    if (got < 0) { result = got; break; }
    setU32(thread.mm, va + MMSG * n + 56, got);
    if (flags & Msg.WAITFORONE) how |= Msg.DONTWAIT;
    if (thread.k.clock.now() >= until) { n++; break; }
  }
  if (timeVa) putTimespec(thread, timeVa, Math.max(0, until - thread.k.clock.now()));
  return n > 0 || result === 0 ? n : result;
}
function name(t: Thread, a: Address | undefined, va: number, lengthVa: number): number {
  return a ? tellAddress(t.mm, va, lengthVa, a) : -E.NOTCONN;
}

export const netCalls: Row[] = [
  row('socket',
    (thread, family, type, protocol) => {
      const socket = create(thread, family | 0, type | 0, protocol | 0);
      return typeof socket === 'number' ? socket : installSocket(thread, socket, type);
    },
    { note: 'AF_UNIX; AF_INET and AF_INET6 on the loopback; AF_NETLINK for routes: reading' }),
  row('socketpair', socketpair),
  row('bind', (t, fd, va, n) => using(t, fd, (f) => bind(t, f, va, n))),
  row('listen', (t, fd, n) => using(t, fd, (f) => listen(t, f, n | 0))),
  row('accept', (t, fd, va, n) => accept(t, fd, va, n, 0)), row('accept4', accept, { checks: [bits(3, O.CLOEXEC | O.NONBLOCK)] }),
  row('connect', (t, fd, va, n) => addressFirst(t, fd, va, n | 0) || using(t, fd, (f) => connect(t, f, va, n))),
  row('getsockname', (t, fd, va, n) => using(t, fd, (f) => name(t, f.socket.local, va, n))),
  row('getpeername', (t, fd, va, n) => using(t, fd, (f) => name(t, f.socket.connectedTo, va, n))),
  row('sendto', sendto), row('recvfrom', recvfrom),
  row('sendmsg', sendmsg), row('recvmsg', recvmsg),
  row('sendmmsg', sendMany), row('recvmmsg', receiveMany),
  row('setsockopt', (t, fd, level, option, va, n) => using(t, fd, (f) => setOption(t, f.socket, level, option, va, n))),
  row('getsockopt', (t, fd, level, option, va, n) => using(t, fd, (f) => getOption(t, f.socket, level, option, va, n))),
  row('shutdown', (t, fd, how) => using(t, fd, (f) => (how < 0 || how > 2 ? -E.INVAL : f.socket.shutdown(how)))),
];
function listen(thread: Thread, socketFile: SocketFile, backlog: number): number {
  const socket = socketFile.socket;
  if (socket instanceof TcpSocket && socket.ends.length === 0 && !socket.connection) {
    const result = socket.bindInet(thread, { ...socket.local, port: 0 });
    if (result) return result;
  }
  return socket.listen(backlog);
}
