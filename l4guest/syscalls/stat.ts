/** Attributes of inodes: stat in its three forms, statfs, and the calls that change attributes. */
import { PidFile } from '../fs/pidfd.ts';
import { idOf, shownId } from '../kernel/spaces.ts';
import type { Changes, Inode, Located } from '../fs/inode.ts';
import { isReadOnly, type Mount } from '../fs/path.ts';
import type { Time } from '../kernel/clocks.ts';
import { notifyAt, notifyFile, Watch } from '../fs/watch.ts';
import { capableOver, May, WalkFlag, at, permitted, type Who } from '../fs/walk.ts';
import { AT, Cap, majorOf, minorOf, Ms, S, Secure, SiCode, Sig } from '../abi/linux.ts';
import { after, type Later } from '../kernel/later.ts';
import { capableHere, type Creds } from '../kernel/creds.ts';
import { E } from '../abi/errno.ts';
import type { Thread } from '../kernel/thread.ts';
import { copyOut, copyOutWords, getI64 } from '../mm/uaccess.ts';
import { bits, pathArg, row, type Row } from './row.ts';

/** Resolves a (dirfd, path, flags) triple. */
export function placeOf(thread: Thread, fd: number, pathVa: number, flags: number): Located | number {
  const path = pathVa === 0 && flags & AT.EMPTY_PATH ? '' : pathArg(thread, pathVa);
  if (path === '' && flags & AT.EMPTY_PATH) return fd === AT.FDCWD ? thread.proc.fs.cwd : thread.proc.fds.any(fd) ?? -E.BADF;
  const found = at(thread, fd, path, flags & AT.SYMLINK_NOFOLLOW ? 0 : WalkFlag.follow);
  return typeof found === 'number' ? found : found as Located;
}
const ofFd = (t: Thread, fd: number): Located | number => t.proc.fds.get(fd) ?? -E.BADF;
/** The same for calls that only read attributes: they accept O_PATH. */
const ofAnyFd = (t: Thread, fd: number): Located | number => t.proc.fds.any(fd) ?? -E.BADF;

const buffer = new Uint8Array(256), words = new Uint32Array(buffer.buffer), view = new DataView(buffer.buffer);
const u64 = (at: number, v: number): void => { view.setUint32(at, v, true); view.setInt32(at + 4, Math.floor(v / 4294967296), true); };
const time = (at: number, x: Time): void => { u64(at, x.s); u64(at + 8, x.n); };

/** struct stat of asm-generic, 128 bytes. */
function putStat(thread: Thread, { inode: i }: Located, va: number): number {
  const { users, groups } = thread.creds.users;
  buffer.fill(0, 0, 128);
  u64(0, i.dev); u64(8, i.ino);
  view.setUint32(16, i.shownMode, true); view.setUint32(20, i.nlink, true); view.setUint32(24, shownId(users, i.uid), true);
  view.setUint32(28, shownId(groups, i.gid), true);
  u64(32, i.rdev); u64(48, i.size);
  view.setInt32(56, 4096, true); u64(64, i.blocks);
  time(72, i.atime); time(88, i.mtime); time(104, i.ctime);
  copyOutWords(thread.mm, va, words, 128);
  return 0;
}
const stamp = (at: number, x: Time): void => { u64(at, x.s); view.setUint32(at + 8, x.n, true); };
/** struct statx, 256 bytes. */
function putStatx(thread: Thread, { inode: i, mount }: Located, va: number): number {
  const { users, groups } = thread.creds.users;
  buffer.fill(0);
  view.setUint32(0, 0xfff, true); view.setUint32(4, 4096, true); u64(8, i === mount?.root ? 0x2000 : 0);
  view.setUint32(16, i.nlink, true); view.setUint32(20, shownId(users, i.uid), true); view.setUint32(24, shownId(groups, i.gid), true);
  view.setUint16(28, i.shownMode, true);
  u64(32, i.ino); u64(40, i.size); u64(48, i.blocks); u64(56, 0x2000);
  stamp(64, i.atime); stamp(80, i.btime); stamp(96, i.ctime); stamp(112, i.mtime);
  view.setUint32(128, majorOf(i.rdev), true);
  view.setUint32(132, minorOf(i.rdev), true);
  view.setUint32(136, i.dev >>> 8, true);
  view.setUint32(140, i.dev & 0xff, true);
  copyOutWords(thread.mm, va, words, 256);
  return 0;
}
/** f_flags: the mount's flags are numbered as in mount(2), except RELATIME; 0x20: the field is valid. */
function statFlags(mount: Mount | undefined, readOnly: boolean): number {
  const flags = mount?.flags ?? 0, noatime = flags & Ms.NOATIME;
  return 0x20 | (readOnly ? 1 : 0) | (flags & 0xf) | (noatime ? 0x400 : 0x1000) | (flags & Ms.NODIRATIME);
}
/** struct statfs, 120 bytes. */
/** The file systems behind descriptors without names: of pipes, sockets, memory, and those of single kinds (anon_inode). */
const MAGIC = { [S.IFIFO]: 0x5049_5045, [S.IFSOCK]: 0x534f_434b, [S.IFREG]: 0x0102_1994, 0: 0x0904_1934 } as const;
function putNameless(thread: Thread, type: number, va: number): number {
  buffer.fill(0, 0, 120);
  u64(0, MAGIC[type as keyof typeof MAGIC] ?? MAGIC[0]); u64(8, 4096); u64(64, 255); u64(72, 4096);
  copyOut(thread.mm, va, buffer.subarray(0, 120));
  return 0;
}
function putStatfs(thread: Thread, { inode: { fs, type }, mount }: Located, va: number): number {
  if (fs === thread.k.nowhere.fs) return putNameless(thread, type, va);
  const usage = fs.usage(thread);
  buffer.fill(0, 0, 120);
  u64(0, fs.magic); u64(8, 4096);
  u64(16, usage.blocks); u64(24, usage.free); u64(32, usage.free); u64(40, usage.files); u64(48, usage.freeFiles);
  u64(56, fs.dev); u64(64, 255); u64(72, 4096); u64(80, statFlags(mount, fs.readOnly));
  copyOut(thread.mm, va, buffer.subarray(0, 120));
  return 0;
}
const withInode = <T>(p: Located | number, use: (i: Inode) => T): T | number => (typeof p === 'number' ? p : use(p.inode));
/** Refreshes the attributes, then runs `put`. */
function refreshed(thread: Thread, found: Located | number, va: number, put: (t: Thread, p: Located, va: number) => number): number {
  if (typeof found === 'number') return found;
  thread.k.work.filed();
  found.inode.refresh(thread);
  return put(thread, found, va);
}
/** The place, if its inode may change: -EROFS if the mount is read-only. */
const writableAt = (p: Located | number): Located | number =>
  (typeof p !== 'number' && (p.mount ? isReadOnly(p.mount) : p.inode.fs.readOnly) ? -E.ROFS : p);

// ── changes ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const owns = (t: Thread, i: Inode): boolean => t.creds.fsuid === i.uid || capableOver(i, t.creds, Cap.FOWNER);
/** Sets attributes and notifies watchers; as on Linux, a change of one time only counts as an access or a modification. */
function setAttributes(thread: Thread, { inode: i, dir, name = '' }: Located, changes: Changes): Later<number> {
  const owner = changes.uid !== undefined || changes.gid !== undefined || changes.mode !== undefined,
    event = owner || (changes.atime && changes.mtime) ? Watch.ATTRIB : changes.atime ? Watch.ACCESS : changes.mtime ? Watch.MODIFY : 0;
  return after(i.change(changes, thread), (r) => { if (r >= 0 && event) notifyAt(i, dir, name, event); return r; });
}

const inGroup = (c: Creds, gid: number): boolean => c.fsgid === gid || c.groups.includes(gid);
/** The set-group-ID bit stays only if the caller is in the group. */
const allowedMode = (t: Thread, mode: number, gid: number): number =>
  (mode & S.ISGID && !inGroup(t.creds, gid) && !capableHere(t.creds, Cap.FSETID) ? mode & ~S.ISGID : mode);
function chmod(thread: Thread, found: Located | number, mode: number): Later<number> {
  const target = writableAt(found);
  return withInode(target, (i) =>
    (!owns(thread, i) || i.fs.type === 'proc' ? -E.PERM : i.isLink ? -E.OPNOTSUPP
      : setAttributes(thread, target as Located, { mode: allowedMode(thread, mode & 0o7777, i.gid) })));
}
function chown(thread: Thread, found: Located | number, uid: number, gid: number): Later<number> {
  const creds = thread.creds, target = writableAt(found), inner = creds.users,
    newUid = (uid | 0) === -1 ? -1 : idOf(inner.users, uid >>> 0) | 0,
    newGid = (gid | 0) === -1 ? -1 : idOf(inner.groups, gid >>> 0) | 0;
  if (((uid | 0) !== -1 && newUid === -1) || ((gid | 0) !== -1 && newGid === -1)) return -E.INVAL;
  return withInode(target, (i) => {
    if (!capableOver(i, creds, Cap.CHOWN) && (creds.fsuid !== i.uid || (newUid !== -1 && newUid !== i.uid) ||
      (newGid !== -1 && newGid !== i.gid && !inGroup(creds, newGid)))) return -E.PERM;
    const mode = !i.isDir && (newUid !== -1 || newGid !== -1) ? i.mode & 0o7777 & (i.mode & 0o10 ? ~0o6000 : ~0o4000) : undefined;
    return setAttributes(thread, target as Located,
      { uid: newUid === -1 ? undefined : newUid >>> 0, gid: newGid === -1 ? undefined : newGid >>> 0, mode });
  });
}
const UTIME_NOW = 0x3fffffff, UTIME_OMIT = 0x3ffffffe;

function utimens(thread: Thread, fd: number, path: number, va: number, flags: number): Later<number> {
  // Nothing changes, so not even the path is looked at.
  if (va && getI64(thread.mm, va + 8) === UTIME_OMIT && getI64(thread.mm, va + 24) === UTIME_OMIT) return 0;
  if (path === 0 && fd === AT.FDCWD) return -E.FAULT;
  if (path === 0 && flags !== 0 && !va) return -E.INVAL;
  const found = path === 0 ? ofFd(thread, fd) : placeOf(thread, fd, path, flags);
  if (typeof found === 'number') return found;
  const { inode: i } = found, now = thread.k.clock.wall(), pick = (at: number): Time | undefined | number => {
    if (!va) return now;
    const seconds = getI64(thread.mm, at), n = getI64(thread.mm, at + 8);
    if (n === UTIME_NOW) return now;
    if (n === UTIME_OMIT) return undefined;
    return n < 0 || n >= 1e9 ? -E.INVAL : { s: seconds, n };
  };
  const atime = pick(va), mtime = pick(va + 16), place = writableAt(found);
  if (typeof atime === 'number' || typeof mtime === 'number') return -E.INVAL;
  if (typeof place === 'number') return place;
  if (!owns(thread, i) && !(!va && permitted(i, May.WRITE, thread.creds))) return va ? -E.PERM : -E.ACCES;
  return setAttributes(thread, found, { atime, mtime, now });
}
/** The user for whom access(2) asks: the real user, with the capabilities that this user would have. */
function realUser(creds: Creds): Who {
  const effective = creds.caps.secure & Secure.NO_SETUID_FIXUP ? creds.caps.effective
    : creds.uid === idOf(creds.users.users, 0) ? creds.caps.permitted : 0n;
  return creds.uid === creds.fsuid && creds.gid === creds.fsgid && effective === creds.caps.effective ? creds
    : { fsuid: creds.uid, fsgid: creds.gid, groups: creds.groups, caps: { ...creds.caps, effective }, users: creds.users };
}
function access(thread: Thread, fd: number, path: number, mode: number, flags: number): number {
  if (mode & ~7) return -E.INVAL;
  const found = placeOf(thread, fd, path, flags & ~AT.EACCESS), creds = thread.creds;
  if (typeof found === 'number') return found;
  const who = flags & AT.EACCESS ? creds : realUser(creds), i = found.inode, mount = found.mount?.flags ?? 0;
  if (mode & 2 && (i.type === S.IFREG || i.isDir) && writableAt(found) !== found) return -E.ROFS;
  if (mode & 1 && i.type === S.IFREG && mount & Ms.NOEXEC) return -E.ACCES;
  return permitted(i, mode, who) ? 0 : -E.ACCES;
}
function truncate(thread: Thread, found: Located | number, length: number): Later<number> {
  if (length < 0) return -E.INVAL;
  return withInode(found, (i) => {
    if (i.isDir) return -E.ISDIR;
    if (i.type !== S.IFREG) return -E.INVAL;
    if (i.immutable) return -E.PERM;
    const place = writableAt(found);
    if (typeof place === 'number') return place;
    if (!permitted(i, May.WRITE, thread.creds)) return -E.ACCES;
    if (thread.k.isExecuting(i)) return -E.TXTBSY;
    return resize(thread, found as Located, length);
  });
}
function resize(thread: Thread, { inode: i, dir, name = '' }: Located, length: number): Later<number> {
  if (length > thread.proc.limits.fileSize) { thread.k.signals.toThread(thread, Sig.XFSZ, SiCode.KERNEL); return -E.FBIG; }
  const seals = (i as { seals?: number }).seals ?? 0;
  if ((seals & 2 && length < i.size) || (seals & 4 && length > i.size)) return -E.PERM;
  return after(i.truncate(length, thread), (r) => { if (r >= 0) notifyAt(i, dir, name, Watch.MODIFY, false); return r; });
}
function ftruncate(thread: Thread, fd: number, length: number): Later<number> {
  if (length < 0) return -E.INVAL;
  const file = thread.proc.fds.get(fd);
  if (!file) return -E.BADF;
  if (file instanceof PidFile) return -E.OPNOTSUPP;
  if (!file.writable || file.inode.type !== S.IFREG || !file.splices) return -E.INVAL;
  return resize(thread, file, length);
}
const Falloc = { KEEP_SIZE: 1, PUNCH_HOLE: 2, MODES: 0x7b } as const;
/** What files in memory support, as on tmpfs: to allocate space, and to punch holes. */
interface Allocating { punch?: (from: number, to: number) => number; allocate?: (from: number, to: number) => number; seals?: number }
function fallocate(thread: Thread, fd: number, modeArg: number, offset: number, length: number): Later<number> {
  const file = thread.proc.fds.get(fd), mode = modeArg | 0, end = offset + length;
  if (!file) return -E.BADF;
  if (offset < 0 || length <= 0) return -E.INVAL;
  if (mode & ~Falloc.MODES || (mode & Falloc.PUNCH_HOLE && !(mode & Falloc.KEEP_SIZE))) return -E.OPNOTSUPP;
  if (!file.writable) return -E.BADF;
  const { type, isDir } = file.inode, inode = file.inode as Inode & Allocating;
  if (type === S.IFIFO) return -E.SPIPE;
  if (!file.splices) return -E.NODEV;
  if (type !== S.IFREG && type !== S.IFBLK) return isDir ? -E.ISDIR : -E.NODEV;
  if (end >= 2 ** 63) return -E.FBIG;
  if (mode & ~3 || !inode.allocate || !inode.punch) return -E.OPNOTSUPP;
  if (mode & Falloc.PUNCH_HOLE) return inode.punch(offset, end);
  if (!(mode & Falloc.KEEP_SIZE) && end > inode.size) {
    if (end > thread.proc.limits.fileSize) { thread.k.signals.toThread(thread, Sig.XFSZ, SiCode.KERNEL); return -E.FBIG; }
    if ((inode.seals ?? 0) & 4) return -E.PERM;
  }
  const result = inode.allocate(offset, end);
  if (result < 0) return result;
  notifyFile(file, Watch.MODIFY);
  return !(mode & Falloc.KEEP_SIZE) && end > inode.size ? inode.truncate(end, thread) : 0;
}
/** cachestat(2): range of offset and length (0: to the end); counts of pages cached, dirty, under write-back, evicted, recently evicted. */
function cachestat(thread: Thread, fd: number, rangeVa: number, va: number, flags: number): number {
  const file = thread.proc.fds.get(fd);
  if (!file) return -E.BADF;
  const offset = getI64(thread.mm, rangeVa), length = getI64(thread.mm, rangeVa + 8),
    i = file.inode as Inode & { cached?: (from: number, to: number) => number };
  if ((flags | 0) !== 0) return -E.INVAL;
  const from = Math.floor(offset / 4096), to = length === 0 ? Infinity : Math.floor((offset + length - 1) / 4096) + 1;
  copyOut(thread.mm, va, new Uint8Array(new BigUint64Array([BigInt(i.cached?.(from, to) ?? 0), 0n, 0n, 0n, 0n]).buffer));
  return 0;
}
const LOOK = AT.SYMLINK_NOFOLLOW | AT.EMPTY_PATH, SYNC_TYPE = 0x6000, STATX_RESERVED = 0x8000_0000;
function statx(thread: Thread, fd: number, path: number, flags: number, mask: number, va: number): number {
  if (mask & STATX_RESERVED || (flags & SYNC_TYPE) === SYNC_TYPE) return -E.INVAL;
  const found = placeOf(thread, fd | 0, path, flags);
  return refreshed(thread, found, va, putStatx);
}

export const statCalls: Row[] = [
  row('newfstatat', (t, fd, path, va, flags) => refreshed(t, placeOf(t, fd | 0, path, flags), va, putStat),
    { checks: [bits(3, LOOK | AT.NO_AUTOMOUNT | SYNC_TYPE)] }),
  row('fstat', (t, fd, va) => refreshed(t, ofAnyFd(t, fd), va, putStat)),
  row('statx', statx, { checks: [bits(2, LOOK | AT.NO_AUTOMOUNT | SYNC_TYPE)] }), row('cachestat', cachestat),
  row('statfs', (t, path, va) => { const p = placeOf(t, AT.FDCWD, path, 0); return typeof p === 'number' ? p : putStatfs(t, p, va); }),
  row('fstatfs', (t, fd, va) => { const p = ofAnyFd(t, fd); return typeof p === 'number' ? p : putStatfs(t, p, va); }),
  row('faccessat', (t, fd, path, mode) => access(t, fd | 0, path, mode, 0)),
  row('faccessat2', (t, fd, path, mode, flags) => access(t, fd | 0, path, mode, flags),
    { checks: [bits(2, 7), bits(3, LOOK | AT.EACCESS)] }),
  row('fchmod', (t, fd, mode) => chmod(t, ofFd(t, fd), mode)),
  row('fchmodat', (t, fd, path, mode) => chmod(t, placeOf(t, fd | 0, path, 0), mode)),
  row('fchmodat2', (t, fd, path, mode, flags) => chmod(t, placeOf(t, fd | 0, path, flags), mode), { checks: [bits(3, LOOK)] }),
  row('fchownat', (t, fd, path, uid, gid, flags) => chown(t, placeOf(t, fd | 0, path, flags), uid, gid), { checks: [bits(4, LOOK)] }),
  row('fchown', (t, fd, uid, gid) => chown(t, ofFd(t, fd), uid, gid)),
  row('utimensat', (t, fd, path, va, flags) => utimens(t, fd | 0, path, va, flags | 0), { checks: [bits(3, LOOK)] }),
  row('truncate', (t, path, length) => truncate(t, placeOf(t, AT.FDCWD, path, 0), length)),
  row('ftruncate', ftruncate),
  row('fallocate', fallocate),
];
