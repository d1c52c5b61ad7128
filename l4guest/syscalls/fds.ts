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
import { getBig, getI32, getI64, getU16, getU32, setI64, setU16, setU32 } from '../mm/uaccess.ts';
import { tellOrUndo } from './undo.ts';
import { bits, extensible, field64, pathArg, row, type Row } from './row.ts';

/** Gives a newly opened file a descriptor; releases the file if that fails. */
export function install(thread: Thread, file: File, cloexec: boolean, from = 0): number {
  if (file.purse === undefined) thread.k.work.made(); else thread.k.work.filed();
  const fd = file.charge(thread.k.frames) ? thread.proc.fds.add(file, cloexec, thread.proc.limits.files, from) : -E.NFILE;
  if (fd < 0) file.release();
  return fd;
}
function open(t: Thread, dirfd: number, path: string, flags: number, mode: number, resolve = 0): number | Co<number> {
  return after(openAt(t, dirfd, path, (flags & ~O.EXEC) | O.LARGEFILE, mode, resolve), (file) => opened(t, file, flags));
}
function opened(thread: Thread, file: File | number, flags: number): Later<number> {
  if (typeof file === 'number') return file;
  const write = (flags & O.ACCMODE) !== O.RDONLY || (flags & O.TRUNC) !== 0;
  if (!(flags & O.PATH) && leased(file.inode, write, file)) return openLeased(thread, file, flags, write);
  if (file instanceof PipeFile && !(flags & O.NONBLOCK)) return openWaiting(thread, file, flags);
  return install(thread, file, (flags & O.CLOEXEC) !== 0);
}
function* openLeased(thread: Thread, file: File, flags: number, write: boolean): Co<number> {
  const result = yield* breakLease(thread, file.inode, write, file, !(flags & O.NONBLOCK));
  if (result < 0) { file.release(); return result; }
  return install(thread, file, (flags & O.CLOEXEC) !== 0);
}
function* openWaiting(thread: Thread, file: PipeFile, flags: number): Co<number> {
  const result = yield* waitForPeer(thread, file);
  if (result < 0) { file.release(); return result; }
  return install(thread, file, (flags & O.CLOEXEC) !== 0);
}
/** Flags that openat2 knows; it refuses all others. */
const OPEN_FLAGS = O.ACCMODE | O.CREAT | O.EXCL | O.NOCTTY | O.TRUNC | O.APPEND | O.NONBLOCK | O.SYNC | O.DSYNC | O.ASYNC | O.DIRECT
  | O.LARGEFILE | O.DIRECTORY | O.NOFOLLOW | O.NOATIME | O.CLOEXEC | O.PATH | O.TMPFILE;
const O_TMPFILE = O.TMPFILE | O.DIRECTORY, PATH_FLAGS = O.DIRECTORY | O.NOFOLLOW | O.PATH | O.CLOEXEC;
const RESOLVE_CACHED = 32, RESOLVE = 63;

/** struct open_how: u64 flags, mode, resolve. */
function openat2(thread: Thread, dirfd: number, path: number, how: number, size: number): number | Co<number> {
  const view = extensible(thread, how, size, 24, 24), flags = view.getUint32(0, true) | 0, mode = field64(view, 8),
    resolve = field64(view, 16),
    makes = (flags & O.CREAT) !== 0 || (flags & O_TMPFILE) === O_TMPFILE;
  if (view.getUint32(4, true) !== 0 || flags & ~OPEN_FLAGS || resolve < 0 || resolve > RESOLVE || (resolve & 24) === 24) return -E.INVAL;
  if (makes ? mode < 0 || mode > 0o7777 : mode !== 0) return -E.INVAL;
  if (flags & O.TMPFILE && ((flags & O_TMPFILE) !== O_TMPFILE || (flags & O.ACCMODE) === O.RDONLY)) return -E.INVAL;
  if ((flags & O.PATH && flags & ~PATH_FLAGS) || (flags & (O.DIRECTORY | O.CREAT)) === (O.DIRECTORY | O.CREAT)) return -E.INVAL;
  if (resolve & RESOLVE_CACHED && (makes || flags & O.TRUNC)) return -E.AGAIN;
  const how2 = (resolve & 1 ? WalkFlag.noMounts : 0) | (resolve & 2 ? WalkFlag.noMagic : 0) | (resolve & 4 ? WalkFlag.noLinks : 0)
    | (resolve & 8 ? WalkFlag.beneath : 0) | (resolve & 16 ? WalkFlag.inRoot : 0);
  return open(thread, dirfd | 0, pathArg(thread, path), flags, mode, how2);
}

/** Closes a descriptor. */
export function closeFd(thread: Thread, fd: number): number {
  const file = thread.proc.fds.take(fd);
  if (!file) return -E.BADF;
  closedBy(thread.proc, file);
  file.release();
  return 0;
}
function closeRange(thread: Thread, first: number, last: number, flags: number): number {
  if (first > last || flags & ~6) return -E.INVAL;
  if (flags & 2 && thread.proc.fds.users > 1) {
    if (!thread.k.frames.charge(thread.proc.fds.weight)) return -E.NOMEM;
    thread.proc.fds.users--; thread.proc.fds = thread.proc.fds.fork(); }
  // Linux takes both as `unsigned int` and ignores the upper half of the registers.
  for (const fd of thread.proc.fds.between(first >>> 0, last >>> 0))
    if (flags & 4) thread.proc.fds.setCloexec(fd, true); else closeFd(thread, fd);
  return 0;
}
function dup3(thread: Thread, from: number, where: number, flags: number): number {
  const to = where | 0, file = thread.proc.fds.any(from);
  if ((from | 0) === to) return -E.INVAL;
  if (to < 0 || to >= thread.proc.limits.files || !file) return -E.BADF;
  if (!thread.proc.fds.hasRoom(to)) return -E.NOMEM;
  const old = thread.proc.fds.any(to);
  if (old) closedBy(thread.proc, old);
  thread.proc.fds.put(to, file.hold(), (flags & O.CLOEXEC) !== 0);
  return to;
}
/** Puts two new files into the table and stores their numbers at `va`; closes both again if the numbers cannot be stored. */
export function installPair(thread: Thread, va: number, first: File, second: File, cloexec: boolean): number {
  const x = install(thread, first, cloexec);
  if (x < 0) { second.release(); return x; }
  const y = install(thread, second, cloexec);
  if (y < 0) { thread.proc.fds.take(x)?.release(); return y; }
  return tellOrUndo(() => { setU32(thread.mm, va, x); setU32(thread.mm, va + 4, y); },
    () => { thread.proc.fds.take(x)?.release(); thread.proc.fds.take(y)?.release(); });
}
function pipe2(thread: Thread, va: number, flags: number): number {
  // Linux without CONFIG_WATCH_QUEUE refuses a queue of notifications (O_NOTIFICATION_PIPE) in this way.
  if (flags & O.EXCL) return -E.NOPKG;
  const [pipeFile, writeEnd] = makePipe(thread, flags);
  return installPair(thread, va, pipeFile, writeEnd, (flags & O.CLOEXEC) !== 0);
}
function lseek(thread: Thread, fd: number, offset: number, whence: number): number {
  const file = thread.proc.fds.get(fd);
  if (file && whence >= 2) file.inode.refresh(thread);
  return !file ? -E.BADF : whence < 0 || whence > 4 ? -E.INVAL : file.seek(offset, whence);
}

// ── fcntl ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

const SETTABLE = O.APPEND | O.NONBLOCK | O.DIRECT | O.NOATIME;
const F = {
  DUPFD: 0, GETFD: 1, SETFD: 2, GETFL: 3, SETFL: 4, GETLK: 5, SETLK: 6, SETLKW: 7, SETOWN: 8, GETOWN: 9, SETSIG: 10, GETSIG: 11,
  SETOWN_EX: 15, GETOWN_EX: 16, GETOWNER_UIDS: 17, OFD_GETLK: 36, OFD_SETLK: 37, OFD_SETLKW: 38,
  SETLEASE: 1024, GETLEASE: 1025, NOTIFY: 1026, DUPFD_QUERY: 1027, CREATED_QUERY: 1028, CANCELLK: 1029, DUPFD_CLOEXEC: 1030,
  SETPIPE_SZ: 1031, GETPIPE_SZ: 1032, ADD_SEALS: 1033, GET_SEALS: 1034, GET_RW_HINT: 1035, SET_RW_HINT: 1036,
} as const;

/** The commands that fcntl allows on a descriptor opened with O_PATH. */
const OF_PATH = new Set<number>([F.DUPFD, F.DUPFD_CLOEXEC, F.DUPFD_QUERY, F.GETFD, F.SETFD, F.GETFL]);

/** How long written data is expected to live, for devices that care: kept with the inode, without an effect here. */
const lifeTimes = new WeakMap<object, number>(), LONGEST_LIFE = 5;
function setLifeTime(thread: Thread, { inode }: File, hint: number): number {
  if (thread.creds.fsuid !== inode.uid && !capableOver(inode, thread.creds, Cap.FOWNER)) return -E.PERM;
  if (hint < 0 || hint > LONGEST_LIFE) return -E.INVAL;
  lifeTimes.set(inode, hint);
  return 0;
}
function fcntl(thread: Thread, fd: number, command: number, arg: number): number | Co<number> {
  const file = thread.proc.fds.any(fd), fds = thread.proc.fds, int = arg | 0;
  if (!file || (file.flags & O.PATH && !OF_PATH.has(command))) return -E.BADF;
  switch (command) {
    case F.DUPFD:
    case F.DUPFD_CLOEXEC: return int < 0 || int >= thread.proc.limits.files ? -E.INVAL
      : install(thread, file.hold(), command === F.DUPFD_CLOEXEC, int);
    case F.DUPFD_QUERY: { const other = fds.any(arg); return other ? (other === file ? 1 : 0) : -E.BADF; }
    case F.CREATED_QUERY: return file.created ? 1 : 0;
    case F.GETFD: return fds.cloexec(fd) ? 1 : 0;
    case F.SETFD: fds.setCloexec(fd, (arg & 1) !== 0); return 0;
    case F.GETFL: return file.flags & O.PATH ? file.flags & ~O.LARGEFILE : file.flags;
    case F.SETFL: return setFlags(thread, file, arg);
    case F.GETLK: case F.SETLK: case F.SETLKW: case F.OFD_GETLK: case F.OFD_SETLK: case F.OFD_SETLKW: return recordLock(thread, file,
      command,
      arg);
    case F.SETPIPE_SZ: return file instanceof PipeFile ? file.pipe.resize(thread, arg) : -E.BADF;
    case F.GETPIPE_SZ: return file instanceof PipeFile ? file.pipe.capacity : -E.BADF;
    case F.GET_RW_HINT: setI64(thread.mm, arg, lifeTimes.get(file.inode) ?? 0); return 0;
    case F.SET_RW_HINT: return setLifeTime(thread, file, getI64(thread.mm, arg));
    case F.ADD_SEALS: return addSeals(file, arg);
    case F.GET_SEALS: return file.inode instanceof RegularInode && file.splices ? file.inode.seals : -E.INVAL;
    default: return signalCommand(thread, file, fd, command, arg);
  }
}
function setFlags(thread: Thread, file: File, arg: number): number {
  if ((file.flags ^ arg) & O.NOATIME && arg & O.NOATIME && thread.creds.fsuid !== file.inode.uid &&
    !capableOver(file.inode, thread.creds, Cap.FOWNER)) return -E.PERM;
  file.flags = (file.flags & ~SETTABLE) | (arg & SETTABLE);
  setAsync(thread.k, file, (arg & O.ASYNC) !== 0);
  return 0;
}
/** The commands that say which process a file notifies, and by which signal. */
function signalCommand(thread: Thread, file: File, fd: number, command: number, arg: number): number {
  const owner = file.owner;
  switch (command) {
    case F.SETOWN: return setOwner(thread, file, (arg | 0) < 0 ? 2 : 1, named(thread, Math.abs(arg | 0)));
    case F.GETOWN: { const n = owner ? thread.proc.numbers.of(owner.id) : 0; return owner?.type === 2 ? -n : n; }
    case F.SETOWN_EX: return setOwner(thread, file, getI32(thread.mm, arg), named(thread, getI32(thread.mm, arg + 4)));
    case F.GETOWN_EX: setU32(thread.mm, arg, owner?.id ? owner.type : 0); setU32(thread.mm, arg + 4,
      owner ? thread.proc.numbers.of(owner.id) : 0); return 0;
    case F.GETOWNER_UIDS: setU32(thread.mm, arg, thread.creds.uid); setU32(thread.mm, arg + 4, thread.creds.euid); return 0;
    case F.SETSIG:
      if ((arg | 0) < 0 || (arg | 0) > 64) return -E.INVAL;
      Object.assign(ownerOf(file), { signal: arg | 0, fd });
      return 0;
    case F.GETSIG: return owner?.signal ?? 0;
    case F.GETLEASE: return leaseOf(file);
    case F.SETLEASE: return lease(thread, file, arg | 0);
    case F.NOTIFY: if (owner === undefined || owner.id === 0)
      setOwner(thread, file, 1, thread.proc.pid); return setDirNotice(thread.k, file, arg | 0);
    default: return -E.INVAL;
  }
}
/** The process or group that a number names in the caller's space; 0 stands for nobody. */
const named = (t: Thread, n: number): number => (n === 0 ? 0 : t.proc.numbers.id(n));
function setOwner(thread: Thread, file: File, type: number, id: number): number {
  if (type < 0 || type > 2) return -E.INVAL;
  if (id !== 0 && !(type === 2 ? thread.k.pids.groups.has(id) : thread.k.pids.threads.has(id) || thread.k.pids.processes.has(id)))
    return -E.SRCH;
  Object.assign(ownerOf(file), { type, id });
  return 0;
}
function lease(thread: Thread, file: File, type: number): number {
  if (thread.creds.fsuid !== file.inode.uid && !capable(thread.creds, Cap.LEASE)) return -E.ACCES;
  if (file.inode.type !== S.IFREG || !(file.splices || file instanceof PidFile)) return -E.INVAL;
  if (type !== LockType.READ && type !== LockType.WRITE && type !== LockType.UNLOCK) return -E.INVAL;
  const unnamed = !file.mount && !(file instanceof PidFile); // A memfd does not count as opened for writing.
  if (type === LockType.READ && file.writable && !unnamed) return -E.AGAIN;
  if (type === LockType.WRITE && unnamed) return -E.AGAIN;
  const result = setLease(file, type, { writing: file.inode.writing - (unnamed && file.writable ? 1 : 0), all: file.inode.users });
  if (result === 0 && type !== LockType.UNLOCK && !file.owner?.id) setOwner(thread, file, 1, thread.proc.pid);
  return result;
}
const Seal = { SEAL: 1, SHRINK: 2, GROW: 4, WRITE: 8, FUTURE_WRITE: 16, EXEC: 32 } as const;
function addSeals(file: File, seals: number): number {
  if (!file.writable) return -E.PERM;
  if (seals & ~0x3f || !(file.inode instanceof RegularInode) || !file.splices) return -E.INVAL;
  if (file.inode.seals & Seal.SEAL) return -E.PERM;
  if (seals & Seal.WRITE && !(file.inode.seals & Seal.WRITE) && [...file.inode.areas].some((v) => v.shared && v.mayWrite)) return -E.BUSY;
  if (seals & Seal.EXEC && file.inode.mode & 0o111) seals |= Seal.SHRINK | Seal.GROW | Seal.WRITE | Seal.FUTURE_WRITE;
  file.inode.seals |= seals;
  return 0;
}
/** struct flock: i16 type, i16 whence, i64 start, i64 length, i32 pid. Commands from 36 on lock on behalf of the open file. */
function recordLock(thread: Thread, file: File, command: number, va: number): number | Co<number> {
  const type = getU16(thread.mm, va), whence = getU16(thread.mm, va + 2), pid = getI32(thread.mm, va + 24), open = command >= F.OFD_GETLK,
    kind = open ? command - 31 : command;
  if (open && pid !== 0) return -E.INVAL;
  if (kind === F.GETLK && type > (open ? 2 : 1)) return -E.INVAL;
  const from = [0, file.pos, file.end][whence], offset = getI64(thread.mm, va + 8);
  if (from === undefined) return -E.INVAL;
  let start = from + offset, length = getI64(thread.mm, va + 16);
  if (start >= MAX_OFFSET && BigInt(from) + getBig(thread.mm, va + 8) > LAST_OFFSET) return -E.OVERFLOW;
  if (start < 0) return -E.INVAL;
  if (length > 0 && start + length - 1 >= MAX_OFFSET
      && BigInt(from) + getBig(thread.mm, va + 8) + getBig(thread.mm, va + 16) - 1n > LAST_OFFSET) return -E.OVERFLOW;
  if (length < 0) { start += length; length = -length; }
  if (start < 0 || type > 2) return -E.INVAL;
  const want: Lock = {
    owner: open ? file : thread.proc, pid: open ? -1 : thread.proc.pid, type, start, end: length === 0 ? Infinity : start + length,
      whole: false
  };
  if (kind === F.GETLK) return getLock(thread, file, want, va);
  if ((type === LockType.READ && !file.readable) || (type === LockType.WRITE && !file.writable)) return -E.BADF;
  const result = tryLock(file.inode, want);
  return result !== -E.AGAIN || kind === F.SETLK ? result : waitLock(thread, file.inode, want);
}
const MAX_OFFSET = 2 ** 63, LAST_OFFSET = 2n ** 63n - 1n;
function getLock(thread: Thread, file: File, want: Lock, va: number): number {
  const lock = conflict(file.inode, want);
  if (!lock) { setU16(thread.mm, va, LockType.UNLOCK); return 0; }
  setU16(thread.mm, va, lock.type);
  setU16(thread.mm, va + 2, 0);
  setI64(thread.mm, va + 8, lock.start);
  setI64(thread.mm, va + 16, lock.end === Infinity ? 0 : lock.end - lock.start);
  setU32(thread.mm, va + 24, lock.pid < 0 ? lock.pid : thread.proc.numbers.of(lock.pid));
  return 0;
}
const LOCK_NB = 4, LOCK_MAND = 32;
function flock(thread: Thread, fd: number, op: number): number | Co<number> {
  if (op & LOCK_MAND) return 0; // Linux ignores mandatory locks since 5.17
  const type = ({ 1: LockType.READ, 2: LockType.WRITE, 8: LockType.UNLOCK } as Record<number, number>)[(op | 0) & ~LOCK_NB],
    file = thread.proc.fds.get(fd);
  if (type === undefined) return -E.INVAL;
  if (!file) return -E.BADF;
  const want: Lock = { owner: file, pid: thread.proc.pid, type, start: 0, end: Infinity, whole: true }, result = tryLock(file.inode, want);
  return result !== -E.AGAIN || op & LOCK_NB ? result : waitLock(thread, file.inode, want);
}

const FIOCLEX = 0x5451, FIONCLEX = 0x5450, FIONBIO = 0x5421, FIONREAD = 0x541b, FIOASYNC = 0x5452, FIOSETOWN = 0x8901, SIOCSPGRP = 0x8902,
  FIOGETOWN = 0x8903, SIOCGPGRP = 0x8904, FIOQSIZE = 0x5460, FIBMAP = 1, FIGETBSZ = 2;

/** FIBMAP on a file system without disk blocks, such as tmpfs. */
function noBlocks(thread: Thread, va: number): number {
  if (!capable(thread.creds, Cap.SYS_RAWIO)) return -E.PERM;
  if (getI32(thread.mm, va) >= 0) setU32(thread.mm, va, 0);
  return -E.INVAL;
}
function ioctl(thread: Thread, fd: number, command: number, arg: number): number | Co<number> {
  const file = thread.proc.fds.get(fd);
  if (!file) return -E.BADF;
  switch (command >>> 0) {
    case FIOCLEX: thread.proc.fds.setCloexec(fd, true); return 0;
    case FIONCLEX: thread.proc.fds.setCloexec(fd, false); return 0;
    case FIONBIO: file.flags = getU32(thread.mm, arg) ? file.flags | O.NONBLOCK : file.flags & ~O.NONBLOCK; return 0;
    case FIOASYNC: {
      const on = getU32(thread.mm, arg) !== 0;
      if (!file.wq) return on ? -E.NOTTY : 0;
      setAsync(thread.k, file, on);
      return 0;
    }
    case FIOSETOWN: case SIOCSPGRP: if (file.wq) {
      const id = getI32(thread.mm, arg);
      return setOwner(thread, file, id < 0 ? 2 : 1, Math.abs(id));
    } break;
    case FIOGETOWN:
    case SIOCGPGRP: if (file.wq) {
      setU32(thread.mm, arg, file.owner ? (file.owner.type === 2 ? -file.owner.id : file.owner.id) : 0);
      return 0;
    } break;
    case FIONREAD:
      if (file.inode.type !== S.IFREG || !(file.seekable || file instanceof PidFile)) break;
      setU32(thread.mm, arg, Math.max(0, file.end - file.pos));
      return 0;
    case FIOQSIZE:
      if (file.inode.type === S.IFREG || file.inode.isDir || file.inode.isLink) { setI64(thread.mm, arg, file.inode.size); return 0; }
      return -E.NOTTY;
    case FIBMAP: if (file.inode.type === S.IFREG && file.seekable) return noBlocks(thread, arg); break;
    case FIGETBSZ: setU32(thread.mm, arg, 4096); return 0;
  }
  return file.ioctl(thread, command >>> 0, arg);
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
