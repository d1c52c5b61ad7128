/** Descriptors: open, close, dup, fcntl, lseek, pipes, locks, ioctl. */
import type { File } from '../fs/file.ts';
import { breakLease, leaseOf, leased, ownerOf, setAsync, setDirNotice, setLease } from '../fs/leases.ts';
import { LockType, closedBy, conflict, tryLock, waitLock, type Lock } from '../fs/locks.ts';
import { openAt } from '../fs/open.ts';
import { PidFile } from '../fs/pidfd.ts';
import { PipeFile, makePipe, waitForPeer } from '../fs/pipe.ts';
import { RegularInode } from '../fs/regular.ts';
import { capableOver, WalkFlag } from '../fs/walk.ts';
import { Cap } from '../abi/linux.ts';
import { capable } from '../kernel/creds.ts';
import { E } from '../abi/errno.ts';
import { O, S } from '../abi/linux.ts';
import { after, type Later } from '../kernel/later.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Co } from '../kernel/wait.ts';
import { getI32, getI64, getU16, getU32, setI64, setU16, setU32 } from '../mm/uaccess.ts';
import { tellOrUndo } from './undo.ts';
import { bits, extensible, field64, pathArg, row, type Row } from './row.ts';

/** Gives a new description a number; releases it where that fails. */
export function install(t: Thread, file: File, cloexec: boolean, from = 0): number {
  if (file.purse === undefined) t.k.work.made(); else t.k.work.filed();
  const fd = file.charge(t.k.frames) ? t.proc.fds.add(file, cloexec, t.proc.limits.files, from) : -E.NFILE;
  if (fd < 0) file.release();
  return fd;
}
function open(t: Thread, dirfd: number, path: string, flags: number, mode: number, resolve = 0): number | Co<number> {
  return after(openAt(t, dirfd, path, (flags & ~O.EXEC) | O.LARGEFILE, mode, resolve), (file) => opened(t, file, flags));
}
function opened(t: Thread, file: File | number, flags: number): Later<number> {
  if (typeof file === 'number') return file;
  const write = (flags & O.ACCMODE) !== O.RDONLY || (flags & O.TRUNC) !== 0;
  if (!(flags & O.PATH) && leased(file.inode, write, file)) return openLeased(t, file, flags, write);
  if (file instanceof PipeFile && !(flags & O.NONBLOCK)) return openWaiting(t, file, flags);
  return install(t, file, (flags & O.CLOEXEC) !== 0);
}
function* openLeased(t: Thread, file: File, flags: number, write: boolean): Co<number> {
  const r = yield* breakLease(t, file.inode, write, file, !(flags & O.NONBLOCK));
  if (r < 0) { file.release(); return r; }
  return install(t, file, (flags & O.CLOEXEC) !== 0);
}
function* openWaiting(t: Thread, file: PipeFile, flags: number): Co<number> {
  const r = yield* waitForPeer(t, file);
  if (r < 0) { file.release(); return r; }
  return install(t, file, (flags & O.CLOEXEC) !== 0);
}
/** Flags that openat2 knows; it refuses all others. */
const OPEN_FLAGS = O.ACCMODE | O.CREAT | O.EXCL | O.NOCTTY | O.TRUNC | O.APPEND | O.NONBLOCK | O.SYNC | O.DSYNC | O.ASYNC | O.DIRECT
  | O.LARGEFILE | O.DIRECTORY | O.NOFOLLOW | O.NOATIME | O.CLOEXEC | O.PATH | O.TMPFILE;
const O_TMPFILE = O.TMPFILE | O.DIRECTORY, PATH_FLAGS = O.DIRECTORY | O.NOFOLLOW | O.PATH | O.CLOEXEC;
const RESOLVE_CACHED = 32, RESOLVE = 63;

/** struct open_how: u64 flags, mode, resolve. */
function openat2(t: Thread, dirfd: number, path: number, how: number, size: number): number | Co<number> {
  const v = extensible(t, how, size, 24, 24), flags = v.getUint32(0, true) | 0, mode = field64(v, 8), resolve = field64(v, 16),
    makes = (flags & O.CREAT) !== 0 || (flags & O_TMPFILE) === O_TMPFILE;
  if (v.getUint32(4, true) !== 0 || flags & ~OPEN_FLAGS || resolve < 0 || resolve > RESOLVE || (resolve & 24) === 24) return -E.INVAL;
  if (makes ? mode < 0 || mode > 0o7777 : mode !== 0) return -E.INVAL;
  if (flags & O.TMPFILE && ((flags & O_TMPFILE) !== O_TMPFILE || (flags & O.ACCMODE) === O.RDONLY)) return -E.INVAL;
  if ((flags & O.PATH && flags & ~PATH_FLAGS) || (flags & (O.DIRECTORY | O.CREAT)) === (O.DIRECTORY | O.CREAT)) return -E.INVAL;
  if (resolve & RESOLVE_CACHED && (makes || flags & O.TRUNC)) return -E.AGAIN;
  const how2 = (resolve & 1 ? WalkFlag.noMounts : 0) | (resolve & 2 ? WalkFlag.noMagic : 0) | (resolve & 4 ? WalkFlag.noLinks : 0)
    | (resolve & 8 ? WalkFlag.beneath : 0) | (resolve & 16 ? WalkFlag.inRoot : 0);
  return open(t, dirfd | 0, pathArg(t, path), flags, mode, how2);
}

/** Closes a descriptor. */
export function closeFd(t: Thread, fd: number): number {
  const f = t.proc.fds.take(fd);
  if (!f) return -E.BADF;
  closedBy(t.proc, f);
  f.release();
  return 0;
}
function closeRange(t: Thread, first: number, last: number, flags: number): number {
  if (first > last || flags & ~6) return -E.INVAL;
  if (flags & 2 && t.proc.fds.users > 1) {
    if (!t.k.frames.charge(t.proc.fds.weight)) return -E.NOMEM;
    t.proc.fds.users--; t.proc.fds = t.proc.fds.fork(); }
  // Both are `unsigned int` to Linux: whatever stood in the upper half of the registers is not there.
  for (const fd of t.proc.fds.between(first >>> 0, last >>> 0)) if (flags & 4) t.proc.fds.setCloexec(fd, true); else closeFd(t, fd);
  return 0;
}
function dup3(t: Thread, from: number, where: number, flags: number): number {
  const to = where | 0, f = t.proc.fds.any(from);
  if ((from | 0) === to) return -E.INVAL;
  if (to < 0 || to >= t.proc.limits.files || !f) return -E.BADF;
  if (!t.proc.fds.hasRoom(to)) return -E.NOMEM;
  const old = t.proc.fds.any(to);
  if (old) closedBy(t.proc, old);
  t.proc.fds.put(to, f.hold(), (flags & O.CLOEXEC) !== 0);
  return to;
}
/** Puts two new files in the table and their numbers at `va`; what cannot be told to the caller is not done. */
export function installPair(t: Thread, va: number, a: File, b: File, cloexec: boolean): number {
  const x = install(t, a, cloexec);
  if (x < 0) { b.release(); return x; }
  const y = install(t, b, cloexec);
  if (y < 0) { t.proc.fds.take(x)?.release(); return y; }
  return tellOrUndo(() => { setU32(t.mm, va, x); setU32(t.mm, va + 4, y); },
    () => { t.proc.fds.take(x)?.release(); t.proc.fds.take(y)?.release(); });
}
function pipe2(t: Thread, va: number, flags: number): number {
  if (flags & O.EXCL) return -E.NOPKG; // A queue of notifications (O_NOTIFICATION_PIPE), as where none is built in.
  const [r, w] = makePipe(t, flags);
  return installPair(t, va, r, w, (flags & O.CLOEXEC) !== 0);
}
function lseek(t: Thread, fd: number, offset: number, whence: number): number {
  const f = t.proc.fds.get(fd);
  if (f && whence >= 2) f.inode.refresh(t);
  return !f ? -E.BADF : whence < 0 || whence > 4 ? -E.INVAL : f.seek(offset, whence);
}

// ── fcntl ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

const SETTABLE = O.APPEND | O.NONBLOCK | O.DIRECT | O.NOATIME;
const F = {
  DUPFD: 0, GETFD: 1, SETFD: 2, GETFL: 3, SETFL: 4, GETLK: 5, SETLK: 6, SETLKW: 7, SETOWN: 8, GETOWN: 9, SETSIG: 10, GETSIG: 11,
  SETOWN_EX: 15, GETOWN_EX: 16, GETOWNER_UIDS: 17, OFD_GETLK: 36, OFD_SETLK: 37, OFD_SETLKW: 38,
  SETLEASE: 1024, GETLEASE: 1025, NOTIFY: 1026, DUPFD_QUERY: 1027, CREATED_QUERY: 1028, CANCELLK: 1029, DUPFD_CLOEXEC: 1030,
  SETPIPE_SZ: 1031, GETPIPE_SZ: 1032, ADD_SEALS: 1033, GET_SEALS: 1034,
} as const;

/** What fcntl does with a description that names an inode and nothing else. */
const OF_PATH = new Set<number>([F.DUPFD, F.DUPFD_CLOEXEC, F.DUPFD_QUERY, F.GETFD, F.SETFD, F.GETFL]);

function fcntl(t: Thread, fd: number, command: number, arg: number): number | Co<number> {
  const f = t.proc.fds.any(fd), fds = t.proc.fds, int = arg | 0;
  if (!f || (f.flags & O.PATH && !OF_PATH.has(command))) return -E.BADF;
  switch (command) {
    case F.DUPFD:
    case F.DUPFD_CLOEXEC: return int < 0 || int >= t.proc.limits.files ? -E.INVAL : install(t, f.hold(), command === F.DUPFD_CLOEXEC, int);
    case F.DUPFD_QUERY: { const other = fds.any(arg); return other ? (other === f ? 1 : 0) : -E.BADF; }
    case F.CREATED_QUERY: return f.created ? 1 : 0;
    case F.GETFD: return fds.cloexec(fd) ? 1 : 0;
    case F.SETFD: fds.setCloexec(fd, (arg & 1) !== 0); return 0;
    case F.GETFL: return f.flags & O.PATH ? f.flags & ~O.LARGEFILE : f.flags;
    case F.SETFL: return setFlags(t, f, arg);
    case F.GETLK: case F.SETLK: case F.SETLKW: case F.OFD_GETLK: case F.OFD_SETLK: case F.OFD_SETLKW: return recordLock(t, f, command, arg);
    case F.SETPIPE_SZ: return f instanceof PipeFile ? f.pipe.resize(t, arg) : -E.BADF;
    case F.GETPIPE_SZ: return f instanceof PipeFile ? f.pipe.capacity : -E.BADF;
    case F.ADD_SEALS: return addSeals(f, arg);
    case F.GET_SEALS: return f.inode instanceof RegularInode && f.splices ? f.inode.seals : -E.INVAL;
    default: return notices(t, f, fd, command, arg);
  }
}
function setFlags(t: Thread, f: File, arg: number): number {
  if ((f.flags ^ arg) & O.NOATIME && arg & O.NOATIME && t.creds.fsuid !== f.inode.uid &&
    !capableOver(f.inode, t.creds, Cap.FOWNER)) return -E.PERM;
  f.flags = (f.flags & ~SETTABLE) | (arg & SETTABLE);
  setAsync(t.k, f, (arg & O.ASYNC) !== 0);
  return 0;
}
/** The commands about who is told of what by a signal. */
function notices(t: Thread, f: File, fd: number, command: number, arg: number): number {
  const o = f.owner;
  switch (command) {
    case F.SETOWN: return setOwner(t, f, (arg | 0) < 0 ? 2 : 1, named(t, Math.abs(arg | 0)));
    case F.GETOWN: { const n = o ? t.proc.numbers.of(o.id) : 0; return o?.type === 2 ? -n : n; }
    case F.SETOWN_EX: return setOwner(t, f, getI32(t.mm, arg), named(t, getI32(t.mm, arg + 4)));
    case F.GETOWN_EX: setU32(t.mm, arg, o?.id ? o.type : 0); setU32(t.mm, arg + 4, o ? t.proc.numbers.of(o.id) : 0); return 0;
    case F.GETOWNER_UIDS: setU32(t.mm, arg, t.creds.uid); setU32(t.mm, arg + 4, t.creds.euid); return 0;
    case F.SETSIG:
      if ((arg | 0) < 0 || (arg | 0) > 64) return -E.INVAL;
      Object.assign(ownerOf(f), { signal: arg | 0, fd });
      return 0;
    case F.GETSIG: return o?.signal ?? 0;
    case F.GETLEASE: return leaseOf(f);
    case F.SETLEASE: return lease(t, f, arg | 0);
    case F.NOTIFY: if (o === undefined || o.id === 0) setOwner(t, f, 1, t.proc.pid); return setDirNotice(t.k, f, arg | 0);
    default: return -E.INVAL;
  }
}
/** 0 is nobody; what a number means to the caller. */
const named = (t: Thread, n: number): number => (n === 0 ? 0 : t.proc.numbers.id(n));
function setOwner(t: Thread, f: File, type: number, id: number): number {
  if (type < 0 || type > 2) return -E.INVAL;
  if (id !== 0 && !(type === 2 ? t.k.pids.groups.has(id) : t.k.pids.threads.has(id) || t.k.pids.processes.has(id))) return -E.SRCH;
  Object.assign(ownerOf(f), { type, id });
  return 0;
}
function lease(t: Thread, f: File, type: number): number {
  if (t.creds.fsuid !== f.inode.uid && !capable(t.creds, Cap.LEASE)) return -E.ACCES;
  if (f.inode.type !== S.IFREG || !(f.splices || f instanceof PidFile)) return -E.INVAL;
  if (type !== LockType.READ && type !== LockType.WRITE && type !== LockType.UNLOCK) return -E.INVAL;
  const unnamed = !f.mount && !(f instanceof PidFile); // A memfd does not count as opened for writing.
  if (type === LockType.READ && f.writable && !unnamed) return -E.AGAIN;
  if (type === LockType.WRITE && unnamed) return -E.AGAIN;
  const r = setLease(f, type, { writing: f.inode.writing - (unnamed && f.writable ? 1 : 0), all: f.inode.users });
  if (r === 0 && type !== LockType.UNLOCK && !f.owner?.id) setOwner(t, f, 1, t.proc.pid);
  return r;
}
const Seal = { SEAL: 1, SHRINK: 2, GROW: 4, WRITE: 8, FUTURE_WRITE: 16, EXEC: 32 } as const;
function addSeals(f: File, seals: number): number {
  if (!f.writable) return -E.PERM;
  if (seals & ~0x3f || !(f.inode instanceof RegularInode) || !f.splices) return -E.INVAL;
  if (f.inode.seals & Seal.SEAL) return -E.PERM;
  if (seals & Seal.WRITE && !(f.inode.seals & Seal.WRITE) && [...f.inode.areas].some((v) => v.shared && v.mayWrite)) return -E.BUSY;
  if (seals & Seal.EXEC && f.inode.mode & 0o111) seals |= Seal.SHRINK | Seal.GROW | Seal.WRITE | Seal.FUTURE_WRITE;
  f.inode.seals |= seals;
  return 0;
}
/** struct flock: i16 type, i16 whence, i64 start, i64 length, i32 pid. Commands ≥ 36 lock for the description. */
function recordLock(t: Thread, f: File, command: number, va: number): number | Co<number> {
  const type = getU16(t.mm, va), whence = getU16(t.mm, va + 2), pid = getI32(t.mm, va + 24), open = command >= F.OFD_GETLK,
    kind = open ? command - 31 : command;
  if (open && pid !== 0) return -E.INVAL;
  if (kind === F.GETLK && type > (open ? 2 : 1)) return -E.INVAL;
  const from = [0, f.pos, f.end][whence], offset = getI64(t.mm, va + 8);
  if (from === undefined) return -E.INVAL;
  let start = from + offset, length = getI64(t.mm, va + 16);
  if (start >= MAX_OFFSET) return -E.OVERFLOW;
  if (start < 0) return -E.INVAL;
  if (length > 0 && start + length - 1 >= MAX_OFFSET) return -E.OVERFLOW;
  if (length < 0) { start += length; length = -length; }
  if (start < 0 || type > 2) return -E.INVAL;
  const want: Lock = {
    owner: open ? f : t.proc, pid: open ? -1 : t.proc.pid, type, start, end: length === 0 ? Infinity : start + length, whole: false
  };
  if (kind === F.GETLK) return getLock(t, f, want, va);
  if ((type === LockType.READ && !f.readable) || (type === LockType.WRITE && !f.writable)) return -E.BADF;
  const r = tryLock(f.inode, want);
  return r !== -E.AGAIN || kind === F.SETLK ? r : waitLock(t, f.inode, want);
}
const MAX_OFFSET = 2 ** 63;
function getLock(t: Thread, f: File, want: Lock, va: number): number {
  const c = conflict(f.inode, want);
  if (!c) { setU16(t.mm, va, LockType.UNLOCK); return 0; }
  setU16(t.mm, va, c.type);
  setU16(t.mm, va + 2, 0);
  setI64(t.mm, va + 8, c.start);
  setI64(t.mm, va + 16, c.end === Infinity ? 0 : c.end - c.start);
  setU32(t.mm, va + 24, c.pid < 0 ? c.pid : t.proc.numbers.of(c.pid));
  return 0;
}
const LOCK_NB = 4, LOCK_MAND = 32;
function flock(t: Thread, fd: number, op: number): number | Co<number> {
  if (op & LOCK_MAND) return 0; // as Linux does since 5.17
  const type = ({ 1: LockType.READ, 2: LockType.WRITE, 8: LockType.UNLOCK } as Record<number, number>)[(op | 0) & ~LOCK_NB],
    f = t.proc.fds.get(fd);
  if (type === undefined) return -E.INVAL;
  if (!f) return -E.BADF;
  const want: Lock = { owner: f, pid: t.proc.pid, type, start: 0, end: Infinity, whole: true }, r = tryLock(f.inode, want);
  return r !== -E.AGAIN || op & LOCK_NB ? r : waitLock(t, f.inode, want);
}

const FIOCLEX = 0x5451, FIONCLEX = 0x5450, FIONBIO = 0x5421, FIONREAD = 0x541b, FIOASYNC = 0x5452, FIOSETOWN = 0x8901, SIOCSPGRP = 0x8902,
  FIOGETOWN = 0x8903, SIOCGPGRP = 0x8904, FIOQSIZE = 0x5460, FIBMAP = 1, FIGETBSZ = 2;

/** FIBMAP where files have no blocks of a disk, as on tmpfs. */
function noBlocks(t: Thread, va: number): number {
  if (!capable(t.creds, Cap.SYS_RAWIO)) return -E.PERM;
  if (getI32(t.mm, va) >= 0) setU32(t.mm, va, 0);
  return -E.INVAL;
}
function ioctl(t: Thread, fd: number, command: number, arg: number): number | Co<number> {
  const f = t.proc.fds.get(fd);
  if (!f) return -E.BADF;
  switch (command >>> 0) {
    case FIOCLEX: t.proc.fds.setCloexec(fd, true); return 0;
    case FIONCLEX: t.proc.fds.setCloexec(fd, false); return 0;
    case FIONBIO: f.flags = getU32(t.mm, arg) ? f.flags | O.NONBLOCK : f.flags & ~O.NONBLOCK; return 0;
    case FIOASYNC: { const on = getU32(t.mm, arg) !== 0; if (!f.wq) return on ? -E.NOTTY : 0; setAsync(t.k, f, on); return 0; }
    case FIOSETOWN: case SIOCSPGRP: if (f.wq) { const id = getI32(t.mm, arg); return setOwner(t, f, id < 0 ? 2 : 1, Math.abs(id)); } break;
    case FIOGETOWN:
    case SIOCGPGRP: if (f.wq) { setU32(t.mm, arg, f.owner ? (f.owner.type === 2 ? -f.owner.id : f.owner.id) : 0); return 0; } break;
    case FIONREAD:
      if (f.inode.type !== S.IFREG || !(f.seekable || f instanceof PidFile)) break;
      setU32(t.mm, arg, Math.max(0, f.end - f.pos));
      return 0;
    case FIOQSIZE:
      if (f.inode.type === S.IFREG || f.inode.isDir || f.inode.isLink) { setI64(t.mm, arg, f.inode.size); return 0; }
      return -E.NOTTY;
    case FIBMAP: if (f.inode.type === S.IFREG && f.seekable) return noBlocks(t, arg); break;
    case FIGETBSZ: setU32(t.mm, arg, 4096); return 0;
  }
  return f.ioctl(t, command >>> 0, arg);
}

export const fdCalls: Row[] = [
  row('openat', (t, dir, path, flags, mode) => open(t, dir | 0, pathArg(t, path), flags & O.PATH ? flags & PATH_FLAGS : flags | 0, mode)),
  row('openat2', openat2),
  row('close', closeFd),
  row('close_range', (t, a, b, c) => closeRange(t, a >>> 0, b >>> 0, c)),
  row('dup', (t, fd) => { const f = t.proc.fds.any(fd); return f ? install(t, f.hold(), false) : -E.BADF; }),
  row('dup3', dup3, { checks: [bits(2, O.CLOEXEC)] }),
  row('fcntl', fcntl),
  row('ioctl', ioctl),
  row('flock', flock),
  row('pipe2', pipe2, { checks: [bits(1, O.CLOEXEC | O.NONBLOCK | O.DIRECT | O.EXCL)] }),
  row('lseek', lseek),
];
