/** Headers of sendmsg and recvmsg, and control messages: descriptors, credentials, and those of each protocol. */
import { E } from '../abi/errno.ts';
import { Cap } from '../abi/linux.ts';
import type { File } from '../fs/file.ts';
import { capableHere } from '../kernel/creds.ts';
import { capableIn, shownId } from '../kernel/spaces.ts';
import type { Thread } from '../kernel/thread.ts';
import { copyOut, getI32, getI64, getU32, setI64, setU32, type UserIo } from '../mm/uaccess.ts';
import { Af } from '../net/address.ts';
import { Msg, releaseFiles, type Credentials, type Received, type Socket } from '../net/socket.ts';
import { install } from './fds.ts';
import { ioVector } from './io.ts';

/** struct msghdr: name, namelen, iov, iovlen, control, controllen, flags (56 bytes). */
export interface Header { io: UserIo; nameVa: number; nameLength: number; controlVa: number; controlLength: number }
export function getHeader(thread: Thread, va: number): Header | number {
  const pieces = getI64(thread.mm, va + 24);
  if (getI64(thread.mm, va) && getI32(thread.mm, va + 8) < 0) return -E.INVAL;
  if (pieces < 0 || pieces > 1024) return -E.MSGSIZE;
  const io = ioVector(thread, getI64(thread.mm, va + 16), pieces);
  return typeof io === 'number'
    ? io
    : {
      io, nameVa: getI64(thread.mm, va), nameLength: getU32(thread.mm, va + 8), controlVa: getI64(thread.mm, va + 32),
        controlLength: getI64(thread.mm, va + 40)
    };
}
const Scm = { RIGHTS: 1, CREDENTIALS: 2 } as const, MOST_FILES = 253, CMSG = 16;
export interface Ancillary { readonly files: readonly File[]; readonly sender: Credentials | undefined }
/** The control messages of a sender: files of SCM_RIGHTS, held; SCM_CREDENTIALS. -EINVAL, -EBADF, -EPERM, -ETOOMANYREFS. */
export function getAncillary(thread: Thread, socket: Socket, header: Header): Ancillary | number {
  const files: File[] = [];
  let sender: Credentials | undefined;
  if (header.controlLength > MOST_CONTROL) return -E.NOBUFS;
  for (let at = 0; header.controlVa && at + CMSG <= header.controlLength; ) {
    const va = header.controlVa + at, length = getI64(thread.mm, va), level = getU32(thread.mm, va + 8), type = getU32(thread.mm, va + 12);
    if (length < CMSG || at + length > header.controlLength) return -E.INVAL;
    if (level === SOL_SOCKET && socket.family === Af.UNIX) {
      if (type === Scm.RIGHTS) {
        for (let i = CMSG; i + 4
          <= length; i += 4) { const file = thread.proc.fds.any(getI32(thread.mm, va + i)); if (!file) return -E.BADF; files.push(file); }
        if (files.length > MOST_FILES) return -E.INVAL;
      } else if (type === Scm.CREDENTIALS) {
        if (length !== CMSG + 12) return -E.INVAL;
        sender = { pid: getU32(thread.mm, va + CMSG), uid: getU32(thread.mm, va + CMSG + 4), gid: getU32(thread.mm, va + CMSG + 8) };
        if (!mayClaim(thread, sender)) return -E.PERM;
        if (sender.uid === NO_ID || sender.gid === NO_ID) return -E.INVAL;
        if (!thread.k.pids.processes.has(thread.proc.numbers.id(sender.pid))) return -E.SRCH;
      } else return -E.INVAL;
    }
    at += Math.ceil(length / 8) * 8;
  }
  return { files: files.map((f) => f.hold()), sender };
}
const NO_ID = 0xffff_ffff, SOL_SOCKET = 1, MOST_CONTROL = 0x7fff_ffff;
/** Credentials as the thread's name spaces show them. */
const seenBy = (t: Thread, c: Credentials): number[] =>
  [t.proc.numbers.of(c.pid), shownId(t.creds.users.users, c.uid), shownId(t.creds.users.groups, c.gid)];
/** Whether a thread may claim to be this process, user and group. */
function mayClaim(thread: Thread, { pid, uid, gid }: Credentials): boolean {
  const creds = thread.creds;
  return (pid === thread.proc.pid || capableIn(creds, thread.proc.numbers.owner, Cap.SYS_ADMIN)) &&
    ([creds.uid, creds.euid, creds.suid].includes(uid) || capableHere(creds, Cap.SETUID)) &&
    ([creds.gid, creds.egid, creds.sgid].includes(gid) || capableHere(creds, Cap.SETGID));
}
/** Writes control messages: credentials if the receiver wants them, then files. MSG_CTRUNC reports what did not fit. */
export function putControl(thread: Thread, socket: Socket, header: Header, received: Received,
    flags: number): { length: number; flags: number } {
  const room = header.controlVa ? header.controlLength : 0;
  let at = 0, cut = 0;
  const head = (length: number, type: number, level: number = SOL_SOCKET): void => {
    setI64(thread.mm, header.controlVa + at, length);
    setU32(thread.mm, header.controlVa + at + 8, level);
    setU32(thread.mm, header.controlVa + at + 12, type);
  };
  if (socket.passCred && socket.family === Af.UNIX) {
    const length = Math.min(CMSG + 12, room);
    if (length < CMSG + 12) cut = Msg.CTRUNC;
    if (length >= CMSG) {
      head(length, Scm.CREDENTIALS);
      copyOut(thread.mm, header.controlVa + at + CMSG,
        new Uint8Array(new Uint32Array(seenBy(thread, received.sender)).buffer).subarray(0, length - CMSG));
      at = Math.min(room, 32);
    }
  }
  for (const control of received.control ?? []) {
    const length = CMSG + control.data.length;
    if (room - at < length) { cut = Msg.CTRUNC; break; }
    head(length, control.type, control.level);
    copyOut(thread.mm, header.controlVa + at + CMSG, control.data);
    at = Math.min(room, at + Math.ceil(length / 8) * 8);
  }
  if (received.files.length > 0) {
    const fit = Math.max(0, Math.min(received.files.length, Math.floor((room - at - CMSG) / 4)));
    let n = 0;
    releaseFiles(received.files.slice(fit));
    for (const file of received.files.slice(0,
      fit)) {
        const fd = install(thread, file, (flags & Msg.CMSG_CLOEXEC) !== 0);
        if (fd >= 0) setU32(thread.mm, header.controlVa + at + CMSG + 4 * n++, fd);
      }
    if (n < received.files.length) cut = Msg.CTRUNC;
    if (n > 0) { head(CMSG + 4 * n, Scm.RIGHTS); at = Math.min(room, at + Math.ceil((CMSG + 4 * n) / 8) * 8); }
  }
  return { length: at, flags: cut };
}
