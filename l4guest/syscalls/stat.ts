/** What inodes say about themselves: stat in its three forms, statfs, and the calls that change attributes. */
import { Directory, type FileSystem, type Inode } from '../fs/inode.ts';
import type { Time } from '../kernel/clocks.ts';
import { notify, Watch } from '../fs/inotify.ts';
import { May, inodeAt, permitted, type Who } from '../fs/walk.ts';
import { AT, Cap, majorOf, minorOf, S, Secure } from '../abi/linux.ts';
import { capable, type Creds } from '../kernel/creds.ts';
import { E } from '../abi/errno.ts';
import type { Thread } from '../kernel/thread.ts';
import { copyOut, getI64 } from '../mm/uaccess.ts';
import { pathArg, row, type Row } from './row.ts';

/** The inode that a (dirfd, path, flags) triple names. */
export function inodeOf(t: Thread, fd: number, pathVa: number, flags: number): Inode | number {
  const path = pathVa === 0 && flags & AT.EMPTY_PATH ? '' : pathArg(t, pathVa);
  if (path === '' && flags & AT.EMPTY_PATH) {
    if (fd === AT.FDCWD) return t.proc.fs.cwd;
    return t.proc.fds.any(fd)?.inode ?? -E.BADF;
  }
  return inodeAt(t, fd, path, !(flags & AT.SYMLINK_NOFOLLOW));
}
const ofFd = (t: Thread, fd: number): Inode | number => t.proc.fds.get(fd)?.inode ?? -E.BADF;
/** The same for calls that only look, which O_PATH is for. */
const ofAnyFd = (t: Thread, fd: number): Inode | number => t.proc.fds.any(fd)?.inode ?? -E.BADF;

const buffer = new Uint8Array(256), view = new DataView(buffer.buffer);
const u64 = (at: number, v: number): void => { view.setUint32(at, v, true); view.setInt32(at + 4, Math.floor(v / 4294967296), true); };
const time = (at: number, x: Time): void => { u64(at, x.s); u64(at + 8, x.n); };

/** struct stat of asm-generic, 128 bytes. */
function putStat(t: Thread, i: Inode, va: number): number {
  buffer.fill(0, 0, 128);
  u64(0, i.dev); u64(8, i.ino);
  view.setUint32(16, i.mode, true); view.setUint32(20, i.nlink, true); view.setUint32(24, i.uid, true); view.setUint32(28, i.gid, true);
  u64(32, i.rdev); u64(48, i.size);
  view.setInt32(56, 4096, true); u64(64, i.blocks);
  time(72, i.atime); time(88, i.mtime); time(104, i.ctime);
  copyOut(t.mm, va, buffer.subarray(0, 128));
  return 0;
}
/** struct statx, 256 bytes. */
function putStatx(t: Thread, i: Inode, va: number): number {
  buffer.fill(0);
  const stamp = (at: number, x: Time): void => { u64(at, x.s); view.setUint32(at + 8, x.n, true); };
  view.setUint32(0, 0xfff, true); view.setUint32(4, 4096, true); u64(8, i instanceof Directory && i.covers ? 0x2000 : 0);
  view.setUint32(16, i.nlink, true); view.setUint32(20, i.uid, true); view.setUint32(24, i.gid, true); view.setUint16(28, i.mode, true);
  u64(32, i.ino); u64(40, i.size); u64(48, i.blocks); u64(56, 0x2000);
  stamp(64, i.atime); stamp(80, i.btime); stamp(96, i.ctime); stamp(112, i.mtime);
  view.setUint32(128, majorOf(i.rdev), true); view.setUint32(132, minorOf(i.rdev), true); view.setUint32(136, i.dev >>> 8, true); view.setUint32(140, i.dev & 0xff, true);
  copyOut(t.mm, va, buffer);
  return 0;
}
/** struct statfs, 120 bytes. */
function putStatfs(t: Thread, fs: FileSystem, va: number): number {
  const u = fs.usage();
  buffer.fill(0, 0, 120);
  u64(0, fs.magic); u64(8, 4096); u64(16, u.blocks); u64(24, u.free); u64(32, u.free); u64(40, u.blocks); u64(48, Math.max(0, u.blocks - u.files));
  u64(56, fs.dev); u64(64, 255); u64(72, 4096); u64(80, fs.readOnly ? 1 : 0);
  copyOut(t.mm, va, buffer.subarray(0, 120));
  return 0;
}
const withInode = (i: Inode | number, use: (i: Inode) => number): number => (typeof i === 'number' ? i : use(i));

// ── changes ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const owns = (t: Thread, i: Inode): boolean => t.proc.creds.fsuid === i.uid || capable(t.proc.creds, Cap.FOWNER);
function changed(i: Inode): number { i.touchAttributes(); notify(i, Watch.ATTRIB); return 0; }

function chmod(t: Thread, i: Inode, mode: number): number {
  if (i.fs.readOnly) return -E.ROFS;
  if (!owns(t, i)) return -E.PERM;
  if (i.isLink) return -E.OPNOTSUPP;
  i.mode = i.type | (mode & 0o7777);
  return changed(i);
}
function chown(t: Thread, i: Inode, uid: number, gid: number): number {
  const c = t.proc.creds, u = uid | 0, g = gid | 0;
  if (i.fs.readOnly) return -E.ROFS;
  if (!capable(c, Cap.CHOWN) && (c.fsuid !== i.uid || (u !== -1 && u !== i.uid) || (g !== -1 && g !== i.gid && g !== c.fsgid && !c.groups.includes(g)))) return -E.PERM;
  if (u !== -1) i.uid = u >>> 0;
  if (g !== -1) i.gid = g >>> 0;
  if (i.type === S.IFREG && (u !== -1 || g !== -1)) i.mode &= i.mode & 0o10 ? ~0o6000 : ~0o4000;
  return changed(i);
}
const UTIME_NOW = 0x3fffffff, UTIME_OMIT = 0x3ffffffe;

function utimens(t: Thread, fd: number, path: number, va: number, flags: number): number {
  const i = path === 0 ? ofFd(t, fd) : inodeOf(t, fd, path, flags);
  if (typeof i === 'number') return i;
  const now = t.k.clock.wall(), pick = (at: number, old: Time): Time | undefined => {
    if (!va) return now;
    const s = getI64(t.mm, at), n = getI64(t.mm, at + 8);
    if (n === UTIME_NOW) return now;
    if (n === UTIME_OMIT) return old;
    return n < 0 || n >= 1e9 ? undefined : { s, n };
  };
  const atime = pick(va, i.atime), mtime = pick(va + 16, i.mtime);
  if (!atime || !mtime) return -E.INVAL;
  if (i.fs.readOnly) return -E.ROFS;
  if (!owns(t, i) && !(!va && permitted(i, May.WRITE, t.proc.creds))) return va ? -E.PERM : -E.ACCES;
  i.atime = atime;
  i.mtime = mtime;
  return changed(i);
}
/** Who access(2) asks for: the real user, with the capabilities that this user would have. */
function realUser(c: Creds): Who {
  const effective = c.caps.secure & Secure.NO_SETUID_FIXUP ? c.caps.effective : c.uid === 0 ? c.caps.permitted : 0n;
  return { fsuid: c.uid, fsgid: c.gid, groups: c.groups, caps: { ...c.caps, effective } };
}
function access(t: Thread, fd: number, path: number, mode: number, flags: number): number {
  if (mode & ~7) return -E.INVAL;
  const i = inodeOf(t, fd, path, flags & ~AT.EACCESS), c = t.proc.creds;
  if (typeof i === 'number') return i;
  const who = flags & AT.EACCESS ? c : realUser(c);
  if (mode & 2 && i.fs.readOnly && (i.type === S.IFREG || i.isDir)) return -E.ROFS;
  return permitted(i, mode, who) ? 0 : -E.ACCES;
}
function truncate(t: Thread, i: Inode, length: number): number {
  if (length < 0) return -E.INVAL;
  if (i.isDir) return -E.ISDIR;
  if (i.type !== S.IFREG) return -E.INVAL;
  if (i.fs.readOnly) return -E.ROFS;
  if (!permitted(i, May.WRITE, t.proc.creds)) return -E.ACCES;
  return resize(t, i, length);
}
function resize(t: Thread, i: Inode, length: number): number {
  if (length > t.proc.limits.fileSize) { t.k.signals.toThread(t, 25, 0x80); return -E.FBIG; }
  const seals = (i as { seals?: number }).seals ?? 0;
  if ((seals & 2 && length < i.size) || (seals & 4 && length > i.size)) return -E.PERM;
  const r = i.truncate(length);
  notify(i, Watch.MODIFY);
  return r;
}
function ftruncate(t: Thread, fd: number, length: number): number {
  const f = t.proc.fds.get(fd);
  if (!f) return -E.BADF;
  if (length < 0 || !f.writable || f.inode.type !== S.IFREG) return -E.INVAL;
  return resize(t, f.inode, length);
}
function fallocate(t: Thread, fd: number, mode: number, offset: number, length: number): number {
  const f = t.proc.fds.get(fd);
  if (!f || !f.writable) return -E.BADF;
  if (offset < 0 || length <= 0) return -E.INVAL;
  if (f.inode.type !== S.IFREG) return f.inode.isDir ? -E.ISDIR : -E.NODEV;
  if (mode & ~0x13) return -E.OPNOTSUPP;
  const end = offset + length;
  if (mode & 2) { (f.inode as { punch?: (a: number, b: number) => void }).punch?.(offset, end); return 0; }
  if (mode & 0x10) (f.inode as { punch?: (a: number, b: number) => void }).punch?.(offset, end);
  if (end - f.inode.size > t.k.frames.free * 4096) return -E.NOSPC;
  return !(mode & 1) && end > f.inode.size ? resize(t, f.inode, end) : 0;
}

export const statCalls: Row[] = [
  row('newfstatat', (t, fd, path, va, flags) => withInode(inodeOf(t, fd | 0, path, flags), (i) => putStat(t, i, va))),
  row('fstat', (t, fd, va) => withInode(ofAnyFd(t, fd), (i) => putStat(t, i, va))),
  row('statx', (t, fd, path, flags, _mask, va) => withInode(inodeOf(t, fd | 0, path, flags), (i) => putStatx(t, i, va))),
  row('statfs', (t, path, va) => withInode(inodeOf(t, AT.FDCWD, path, 0), (i) => putStatfs(t, i.fs, va))),
  row('fstatfs', (t, fd, va) => withInode(ofAnyFd(t, fd), (i) => putStatfs(t, i.fs, va))),
  row('faccessat', (t, fd, path, mode) => access(t, fd | 0, path, mode, 0)),
  row('faccessat2', (t, fd, path, mode, flags) => access(t, fd | 0, path, mode, flags)),
  row('fchmod', (t, fd, mode) => withInode(ofFd(t, fd), (i) => chmod(t, i, mode))),
  row('fchmodat', (t, fd, path, mode) => withInode(inodeOf(t, fd | 0, path, 0), (i) => chmod(t, i, mode))),
  row('fchmodat2', (t, fd, path, mode, flags) => withInode(inodeOf(t, fd | 0, path, flags), (i) => chmod(t, i, mode))),
  row('fchownat', (t, fd, path, uid, gid, flags) => withInode(inodeOf(t, fd | 0, path, flags), (i) => chown(t, i, uid, gid))),
  row('fchown', (t, fd, uid, gid) => withInode(ofFd(t, fd), (i) => chown(t, i, uid, gid))),
  row('utimensat', (t, fd, path, va, flags) => utimens(t, fd | 0, path, va, flags)),
  row('truncate', (t, path, length) => withInode(inodeOf(t, AT.FDCWD, path, 0), (i) => truncate(t, i, length))),
  row('ftruncate', ftruncate),
  row('fallocate', fallocate),
];
