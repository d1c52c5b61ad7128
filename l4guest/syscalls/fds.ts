/** Descriptors: open, close, dup, fcntl, lseek, pipes, locks, ioctl. */
import type { File } from '../fs/file.ts';
import { LockType, closeFlock, closeLocks, conflict, tryLock, waitLock, type Lock } from '../fs/locks.ts';
import { notify, Watch } from '../fs/inotify.ts';
import { openAt } from '../fs/open.ts';
import { PipeFile, makePipe, waitForPeer } from '../fs/pipe.ts';
import { RegularInode } from '../fs/regular.ts';
import { WalkFlag } from '../fs/walk.ts';
import { E } from '../abi/errno.ts';
import { AT, O, S } from '../abi/linux.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Co } from '../kernel/wait.ts';
import { getI64, getU16, getU32, setI64, setU16, setU32 } from '../mm/uaccess.ts';
import { pathArg, row, type Row } from './row.ts';

/** Gives a new description a number; releases it where that fails. */
export function install(t: Thread, file: File, cloexec: boolean, from = 0): number {
  const fd = t.proc.fds.add(file, cloexec, t.proc.limits.files, from);
  if (fd < 0) file.release();
  return fd;
}
function open(t: Thread, dirfd: number, path: string, flags: number, mode: number, resolve = 0): number | Co<number> {
  const file = openAt(t, dirfd, path, flags | O.LARGEFILE, mode, resolve);
  if (typeof file === 'number') return file;
  if (file instanceof PipeFile && !(flags & O.NONBLOCK)) return openWaiting(t, file, flags);
  return install(t, file, (flags & O.CLOEXEC) !== 0);
}
function* openWaiting(t: Thread, file: PipeFile, flags: number): Co<number> {
  const r = yield* waitForPeer(t, file);
  if (r < 0) { file.release(); return r; }
  return install(t, file, (flags & O.CLOEXEC) !== 0);
}
function openat2(t: Thread, dirfd: number, path: number, how: number, size: number): number | Co<number> {
  if (size < 24) return -E.INVAL;
  const flags = getI64(t.mm, how), mode = getI64(t.mm, how + 8), resolve = getI64(t.mm, how + 16);
  if (resolve & ~0x3f || (mode && !(flags & (O.CREAT | O.TMPFILE)))) return -E.INVAL;
  const how2 = (resolve & 1 ? WalkFlag.noMounts : 0) | (resolve & 2 ? WalkFlag.noMagic : 0) | (resolve & 4 ? WalkFlag.noLinks : 0) | (resolve & 8 ? WalkFlag.beneath : 0) | (resolve & 16 ? WalkFlag.inRoot : 0);
  return open(t, dirfd | 0, pathArg(t, path), flags | 0, mode, how2);
}

/** Closes a descriptor. */
export function closeFd(t: Thread, fd: number): number {
  const f = t.proc.fds.take(fd);
  if (!f) return -E.BADF;
  closeLocks(t.proc, f.inode);
  const inode = f.inode, wrote = f.writable;
  f.release();
  closeFlock(f);
  if (inode.watchers) notify(inode, wrote ? Watch.CLOSE_WRITE : Watch.CLOSE_NOWRITE);
  return 0;
}
function closeRange(t: Thread, first: number, last: number, flags: number): number {
  if (first > last || flags & ~6) return -E.INVAL;
  if (flags & 2 && t.proc.fds.users > 1) { t.proc.fds.users--; t.proc.fds = t.proc.fds.fork(); }
  // Both are `unsigned int` to Linux: whatever stood in the upper half of the registers is not there.
  const end = Math.min(last >>> 0, t.proc.fds.length - 1);
  for (let fd = first >>> 0; fd <= end; fd++) if (flags & 4) t.proc.fds.setCloexec(fd, true); else closeFd(t, fd);
  return 0;
}
function dup3(t: Thread, from: number, to: number, flags: number): number {
  const f = t.proc.fds.get(from);
  if (from === to || flags & ~O.CLOEXEC) return -E.INVAL;
  if (!f || to < 0 || to >= t.proc.limits.files) return -E.BADF;
  t.proc.fds.put(to, f.hold(), (flags & O.CLOEXEC) !== 0);
  return to;
}
function pipe2(t: Thread, va: number, flags: number): number {
  if (flags & ~(O.CLOEXEC | O.NONBLOCK | O.DIRECT)) return -E.INVAL;
  const [r, w] = makePipe(t, flags), cloexec = (flags & O.CLOEXEC) !== 0, a = install(t, r, cloexec);
  if (a < 0) { w.release(); return a; }
  const b = install(t, w, cloexec);
  if (b < 0) { t.proc.fds.take(a)?.release(); return b; }
  setU32(t.mm, va, a);
  setU32(t.mm, va + 4, b);
  return 0;
}
function lseek(t: Thread, fd: number, offset: number, whence: number): number {
  const f = t.proc.fds.get(fd);
  return f ? f.seek(offset, whence) : -E.BADF;
}

// ── fcntl ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

const SETTABLE = O.APPEND | O.NONBLOCK | O.ASYNC | O.DIRECT | O.NOATIME;

function fcntl(t: Thread, fd: number, command: number, arg: number): number | Co<number> {
  const f = t.proc.fds.get(fd), fds = t.proc.fds;
  if (!f) return -E.BADF;
  switch (command) {
    case 0: case 1030: return arg < 0 || arg >= t.proc.limits.files ? -E.INVAL : install(t, f.hold(), command === 1030, arg);
    case 1: return fds.cloexec(fd) ? 1 : 0;
    case 2: fds.setCloexec(fd, (arg & 1) !== 0); return 0;
    case 3: return f.flags;
    case 4: f.flags = (f.flags & ~SETTABLE) | (arg & SETTABLE); return 0;
    case 5: case 6: case 7: case 36: case 37: case 38: return recordLock(t, f, command, arg);
    case 8: f.owner = arg; return 0;
    case 9: return f.owner;
    case 1031: return f instanceof PipeFile ? f.pipe.resize(arg) : -E.BADF;
    case 1032: return f instanceof PipeFile ? f.pipe.capacity : -E.BADF;
    case 1033: return addSeals(f, arg);
    case 1034: return f.inode instanceof RegularInode ? f.inode.seals : -E.INVAL;
    default: return -E.INVAL;
  }
}
function addSeals(f: File, seals: number): number {
  if (!(f.inode instanceof RegularInode)) return -E.INVAL;
  if (f.inode.seals & 1) return -E.PERM;
  if (seals & 8 && [...f.inode.areas].some((v) => v.shared && v.mayWrite)) return -E.BUSY;
  f.inode.seals |= seals;
  return 0;
}
/** struct flock: i16 type, i16 whence, i64 start, i64 length, i32 pid. Commands ≥ 36 lock for the description. */
function recordLock(t: Thread, f: File, command: number, va: number): number | Co<number> {
  const type = getU16(t.mm, va), whence = getU16(t.mm, va + 2), from = [0, f.pos, f.end][whence];
  if (from === undefined || type > 2) return -E.INVAL;
  let start = from + getI64(t.mm, va + 8), length = getI64(t.mm, va + 16);
  if (length < 0) { start += length; length = -length; }
  if (start < 0) return -E.INVAL;
  const open = command >= 36, want: Lock = { owner: open ? f : t.proc, pid: open ? -1 : t.proc.pid, type, start, end: length === 0 ? Infinity : start + length, whole: false };
  const kind = open ? command - 31 : command;
  if (kind === 5) return getLock(t, f, want, va);
  if ((type === LockType.READ && !f.readable) || (type === LockType.WRITE && !f.writable)) return -E.BADF;
  const r = tryLock(f.inode, want);
  return r === 0 || kind === 6 ? r : waitLock(t, f.inode, want);
}
function getLock(t: Thread, f: File, want: Lock, va: number): number {
  const c = conflict(f.inode, want);
  if (!c) { setU16(t.mm, va, LockType.UNLOCK); return 0; }
  setU16(t.mm, va, c.type);
  setU16(t.mm, va + 2, 0);
  setI64(t.mm, va + 8, c.start);
  setI64(t.mm, va + 16, c.end === Infinity ? 0 : c.end - c.start);
  setU32(t.mm, va + 24, c.pid);
  return 0;
}
function flock(t: Thread, fd: number, op: number): number | Co<number> {
  const f = t.proc.fds.get(fd);
  if (!f) return -E.BADF;
  const type = ({ 1: LockType.READ, 2: LockType.WRITE, 8: LockType.UNLOCK } as Record<number, number>)[op & 11];
  if (type === undefined) return -E.INVAL;
  const want: Lock = { owner: f, pid: 0, type, start: 0, end: Infinity, whole: true }, r = tryLock(f.inode, want);
  return r === 0 || op & 4 ? r : waitLock(t, f.inode, want);
}

const FIOCLEX = 0x5451, FIONCLEX = 0x5450, FIONBIO = 0x5421, FIONREAD = 0x541b, FIOASYNC = 0x5452;

function ioctl(t: Thread, fd: number, command: number, arg: number): number | Co<number> {
  const f = t.proc.fds.get(fd);
  if (!f || f.flags & O.PATH) return -E.BADF;
  switch (command) {
    case FIOCLEX: t.proc.fds.setCloexec(fd, true); return 0;
    case FIONCLEX: t.proc.fds.setCloexec(fd, false); return 0;
    case FIONBIO: f.flags = getU32(t.mm, arg) ? f.flags | O.NONBLOCK : f.flags & ~O.NONBLOCK; return 0;
    case FIOASYNC: return 0;
    case FIONREAD: if (f.inode.type === S.IFREG) { setU32(t.mm, arg, Math.max(0, f.end - f.pos)); return 0; }
  }
  return f.ioctl(t, command >>> 0, arg);
}

export const fdCalls: Row[] = [
  row('openat', (t, dir, path, flags, mode) => open(t, dir | 0, pathArg(t, path), flags | 0, mode)),
  row('openat2', openat2),
  row('close', closeFd),
  row('close_range', (t, a, b, c) => closeRange(t, a >>> 0, b >>> 0, c)),
  row('dup', (t, fd) => { const f = t.proc.fds.get(fd); return f ? install(t, f.hold(), false) : -E.BADF; }),
  row('dup3', dup3),
  row('fcntl', fcntl),
  row('ioctl', ioctl),
  row('flock', flock),
  row('pipe2', pipe2),
  row('lseek', lseek),
];
export const atCwd = AT.FDCWD;
