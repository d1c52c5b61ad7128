/** Calls on names and directories: mkdir … rename, readlink, getdents64, chdir, mounts, extended attributes, sync. */
import { RegularFile } from '../fs/regular.ts';
import { PidFile } from '../fs/pidfd.ts';
import { DirectoryFile } from '../fs/file.ts';
import { Directory, type Inode, type Located } from '../fs/inode.ts';
import { textOfPath, type DirPath } from '../fs/path.ts';
import { mountAt, pivotRoot, unmountAt } from '../fs/mount-space.ts';
import { linkInode, makeNode, makeSymlink, renameAt, unlinkAt } from '../fs/names.ts';
import { capableOver, inodeAt, May, permitted } from '../fs/walk.ts';
import { notifyAt, notifyFile, Watch } from '../fs/watch.ts';
import { AT, Cap, S } from '../abi/linux.ts';
import { capableHere, capable } from '../kernel/creds.ts';
import { E } from '../abi/errno.ts';
import { sooner, type Later } from '../kernel/later.ts';
import type { Thread } from '../kernel/thread.ts';
import { bytesOf, copyIn, copyOut, getString } from '../mm/uaccess.ts';
import { bits, isOpen, pathArg, row, type Row } from './row.ts';
import { placeOf } from './stat.ts';

/** The buffer for one answer of getdents64; no other thread runs before it is copied out. */
const listing = new Uint8Array(65536), listingView = new DataView(listing.buffer);
/** Writes a name at `at` if it fits, and returns its length in bytes; a name that does not fit is only measured. */
function putName(name: string, at: number, end: number): number {
  if (at + name.length <= end) {
    let i = 0;
    for (; i < name.length; i++) { const unit = name.charCodeAt(i); if (unit > 127) break; listing[at + i] = unit; }
    if (i === name.length) return i;
  }
  const bytes = bytesOf(name);
  if (at + bytes.length <= end) listing.set(bytes, at);
  return bytes.length;
}
/** struct linux_dirent64: u64 ino, i64 next position, u16 length, u8 type, name, padded to 8. */
function getdents(thread: Thread, fd: number, va: number, size: number): number {
  const file = thread.proc.fds.get(fd);
  if (!file) return -E.BADF;
  if (!(file instanceof DirectoryFile)) return -E.NOTDIR;
  if (file.inode.nlink === 0) return -E.NOENT;
  if ((size | 0) < 0) return -E.INVAL;
  const entries = file.snapshot(thread), end = Math.min(size >>> 0, listing.length);
  if (!entries) return -E.NOMEM;
  let at = 0, pos = file.pos;
  for (; pos < entries.length; pos++) {
    const entry = entries[pos]!, name = putName(entry.name, at + 19, end), length = (19 + name + 1 + 7) & ~7;
    if (at + length > end) break;
    listingView.setUint32(at, entry.ino, true);
    listingView.setUint32(at + 4, Math.floor(entry.ino / 2 ** 32), true);
    listingView.setUint32(at + 8, pos + 1, true);
    listingView.setUint32(at + 12, 0, true);
    listingView.setUint16(at + 16, length, true);
    listing[at + 18] = entry.type >> 12;
    listing.fill(0, at + 19 + name, at + length);
    at += length;
  }
  if (at === 0 && pos < entries.length) return -E.INVAL;
  copyOut(thread.mm, va, listing.subarray(0, at));
  thread.k.work.filed();
  thread.k.work.found(pos - file.pos);
  file.pos = pos;
  notifyFile(file, Watch.ACCESS);
  return at;
}
function readlink(thread: Thread, fd: number, pathVa: number, va: number, size: number): number {
  if ((size | 0) <= 0) return -E.INVAL;
  const path = pathArg(thread, pathVa),
    i = path === '' ? (fd === AT.FDCWD ? thread.proc.fs.cwd.inode : thread.proc.fds.any(fd)?.inode ?? -E.BADF)
    : inodeAt(thread, fd, path, false);
  if (typeof i === 'number') return i;
  if (!i.isLink) return path === '' ? -E.NOENT : -E.INVAL;
  const target = i.readlink(thread);
  if (typeof target === 'number') return target;
  const bytes = bytesOf(target).subarray(0, size);
  copyOut(thread.mm, va, bytes);
  return bytes.length;
}
function getcwd(thread: Thread, va: number, size: number): number {
  const { cwd, root } = thread.proc.fs;
  thread.k.work.filed();
  thread.k.work.found();
  if (cwd.inode.nlink === 0) return -E.NOENT;
  const path = textOfPath(cwd, root), bytes = bytesOf(`${path ?? `(unreachable)/${cwd.inode.name}`}\0`);
  if (size >= 0 && bytes.length > size) return -E.RANGE;
  copyOut(thread.mm, va, bytes);
  return bytes.length;
}
function changeTo(thread: Thread, found: Located | number, set: (d: DirPath) => void): number {
  if (typeof found === 'number') return found;
  if (!(found.inode instanceof Directory)) return -E.NOTDIR;
  if (!permitted(found.inode, May.EXEC, thread.creds)) return -E.ACCES;
  set({ mount: found.mount ?? thread.k.nowhere, inode: found.inode });
  return 0;
}
function chroot(thread: Thread, path: number): number {
  let root: DirPath | undefined;
  const failed = changeTo(thread, placeOf(thread, AT.FDCWD, path, 0), (d) => { root = d; });
  if (failed < 0) return failed;
  if (!capableHere(thread.creds, Cap.SYS_CHROOT)) return -E.PERM;
  thread.proc.fs.root = root!;
  return 0;
}
function link(thread: Thread, fromFd: number, from: number, toFd: number, to: number, flags: number): Later<number> {
  const found = placeOf(thread, fromFd | 0, from, (flags & AT.SYMLINK_FOLLOW ? 0 : AT.SYMLINK_NOFOLLOW) | (flags & AT.EMPTY_PATH));
  if (typeof found === 'number') return found;
  const { inode, mount } = found;
  return linkInode(thread, inode, mount, toFd | 0, pathArg(thread, to));
}
const optional = (t: Thread, va: number): string => (va === 0 ? '' : getString(t.mm, va, 4096) ?? '');

// ── extended attributes ────────────────────────────────────────────────────────────────────────────────────────────────

const XATTR = { CREATE: 1, REPLACE: 2, MOST: 65536, NAME: 255 } as const;
/** The server's cost of an attribute beyond its bytes. */
const XATTR_COST = 128;
/** The name of an attribute: -ERANGE for an empty or too long one. */
function attributeName(thread: Thread, va: number): string | number {
  const name = getString(thread.mm, va, XATTR.NAME + 1);
  return name === undefined || name === '' ? -E.RANGE : name;
}
/** Whether the caller may read or change an attribute of this name: 0 or -errno. */
function mayAttribute(thread: Thread, i: Inode, name: string, writing: boolean): number {
  if (writing && i.immutable) return -E.PERM;
  if (!/^(user|trusted|security)\../s.test(name) || hasNoAttributes(i)) return -E.OPNOTSUPP;
  if (name.startsWith('trusted.') && !capable(thread.creds, Cap.SYS_ADMIN)) return writing ? -E.PERM : -E.NODATA;
  if (name.startsWith('security.')) return writing && !capable(thread.creds, Cap.SYS_ADMIN) ? -E.PERM : 0;
  if (!name.startsWith('user.')) return 0;
  if (i.type !== S.IFREG && !i.isDir) return writing ? -E.PERM : -E.NODATA;
  if (writing && i.isDir && i.mode & S.ISVTX && i.uid !== thread.creds.fsuid && !capableOver(i, thread.creds, Cap.FOWNER)) return -E.PERM;
  return permitted(i, writing ? May.WRITE : May.READ, thread.creds) ? 0 : -E.ACCES;
}
/** File systems that store no attributes; a live folder's would be the host's, and Node has no call for them. */
const hasNoAttributes = (i: Inode): boolean => UNSYNCED.has(i.fs.type) || i.fs.type === '9p';
function setxattr(thread: Thread, find: () => Located | number, nameVa: number, va: number, size: number, flags: number): number {
  if (flags & ~3) return -E.INVAL;
  const name = attributeName(thread, nameVa);
  if (typeof name === 'number') return name;
  if (size < 0 || size > XATTR.MOST) return -E.TOOBIG;
  const value = copyIn(thread.mm, va, size), found = find();
  if (typeof found === 'number') return found;
  const i = found.inode, refused = mayAttribute(thread, i, name, true), old = i.xattrs?.get(name);
  if (refused) return refused;
  if (flags & XATTR.CREATE && old) return -E.EXIST;
  if (flags & XATTR.REPLACE && !old) return -E.NODATA;
  if (!thread.k.frames.charge(XATTR_COST + size)) return -E.NOSPC;
  if (old) thread.k.frames.uncharge(XATTR_COST + old.length);
  (i.xattrs ??= new Map()).set(name, value);
  i.touchAttributes();
  notifyAt(i, found.dir, found.name ?? '', Watch.ATTRIB);
  return 0;
}
function answer(thread: Thread, value: Uint8Array, va: number, size: number): number {
  if (size === 0) return value.length;
  if (value.length > size) return -E.RANGE;
  copyOut(thread.mm, va, value);
  return value.length;
}
function getxattr(thread: Thread, find: () => Located | number, nameVa: number, va: number, size: number): number {
  const found = find();
  if (typeof found === 'number') return found;
  const i = found.inode, name = attributeName(thread, nameVa);
  if (typeof name === 'number') return name;
  const refused = mayAttribute(thread, i, name, false), value = i.xattrs?.get(name);
  return refused || (value ? answer(thread, value, va, size) : -E.NODATA);
}
function listxattr(thread: Thread, found: Located | number, va: number, size: number): number {
  if (typeof found === 'number') return found;
  const i = found.inode;
  if (i.fs.type === '9p') return -E.OPNOTSUPP;
  const names = [...(i.xattrs?.keys() ?? [])].filter((n) => !n.startsWith('trusted.') || capable(thread.creds, Cap.SYS_ADMIN));
  return answer(thread, bytesOf(names.map((n) => `${n}\0`).join('')), va, size);
}
function removexattr(thread: Thread, find: () => Located | number, nameVa: number): number {
  const name = attributeName(thread, nameVa);
  if (typeof name === 'number') return name;
  const found = find();
  if (typeof found === 'number') return found;
  const i = found.inode;
  const refused = mayAttribute(thread, i, name, true), old = i.xattrs?.get(name);
  if (refused) return refused;
  if (!old) return -E.NODATA;
  i.xattrs!.delete(name);
  thread.k.frames.uncharge(XATTR_COST + old.length);
  notifyAt(i, found.dir, found.name ?? '', Watch.ATTRIB);
  return 0;
}
const byPath = (t: Thread, va: number): Located | number => placeOf(t, AT.FDCWD, va, 0);
const byLink = (t: Thread, va: number): Located | number => placeOf(t, AT.FDCWD, va, AT.SYMLINK_NOFOLLOW);
const byFd = (t: Thread, fd: number): Located | number => t.proc.fds.get(fd) ?? -E.BADF;

const xattrCalls: Row[] = ([['', byPath], ['l', byLink], ['f', byFd]] as const).flatMap(([prefix, find]) => [
  row(`${prefix}setxattr`, (t, x, n, va, size, flags) => setxattr(t, () => find(t, x), n, va, size, flags),
    { checks: prefix === 'f' ? [isOpen(0)] : [] }),
  row(`${prefix}getxattr`, (t, x, n, va, size) => getxattr(t, () => find(t, x), n, va, size)),
  row(`${prefix}listxattr`, (t, x, va, size) => listxattr(t, find(t, x), va, size)),
  row(`${prefix}removexattr`, (t, x, n) => removexattr(t, () => find(t, x), n), { checks: prefix === 'f' ? [isOpen(0)] : [] }),
]);

/** fsync fails with EINVAL except for files, directories and block devices of file systems that store data. */
function fsync(thread: Thread, fd: number, dataOnly: boolean): Later<number> {
  const file = thread.proc.fds.get(fd);
  if (!file) return -E.BADF;
  const { type, isDir, fs } = file.inode;
  const kept = !UNSYNCED.has(fs.type) || (file instanceof RegularFile && fs.type === 'anon');
  return (type === S.IFREG || isDir || type === S.IFBLK) && kept ? file.sync(thread, dataOnly) : -E.INVAL;
}
/** File systems that generate their files when they are read. */
const UNSYNCED = new Set(['proc', 'sysfs', 'devpts', 'anon']);
function syncFileRange(thread: Thread, fd: number, offset: number, length: number, flags: number): Later<number> {
  const file = thread.proc.fds.get(fd);
  if (!file) return -E.BADF;
  if (flags & ~7 || offset < 0 || length < 0 || offset + length >= 2 ** 63) return -E.INVAL;
  const known = [S.IFREG, S.IFBLK, S.IFDIR, S.IFLNK].includes(file.inode.type as never);
  return known && (file.splices || file instanceof PidFile) ? file.sync(thread, true) : -E.SPIPE;
}
function readahead(thread: Thread, fd: number): number {
  const file = thread.proc.fds.get(fd);
  if (!file?.readable) return -E.BADF;
  return (file.inode.type === S.IFREG && (file.seekable || file instanceof PidFile)) || file.inode.type === S.IFBLK ? 0 : -E.INVAL;
}
const ADVICE_MOST = 5;
function fadvise(thread: Thread, fd: number, _offset: number, length: number, advice: number): number {
  const file = thread.proc.fds.get(fd);
  if (!file) return -E.BADF;
  if (file.inode.type === S.IFIFO) return -E.SPIPE;
  return length < 0 || advice < 0 || advice > ADVICE_MOST ? -E.INVAL : 0;
}
/** sync(2) writes everything back and never fails. */
function syncAll(thread: Thread): Later<number> {
  const all = [...new Set(thread.proc.mounts.list.map((m) => m.fs))].flatMap((fs) => fs.sync?.(thread) ?? []);
  return all.length === 0 ? 0 : (function* () { for (const one of all) yield* sooner(one); return 0; })();
}

export const pathCalls: Row[] = [
  row('getcwd', getcwd),
  row('mknodat', (t, fd, path, mode, dev) => ((mode & S.IFMT) === S.IFDIR ? -E.PERM : makeNode(t, fd | 0, pathArg(t, path), mode, dev))),
  row('mkdirat', (t, fd, path, mode) => makeNode(t, fd | 0, pathArg(t, path), S.IFDIR | (mode & 0o1777), 0)),
  row('unlinkat', (t, fd, path, flags) =>
    (flags & ~AT.REMOVEDIR ? -E.INVAL : unlinkAt(t, fd | 0, pathArg(t, path), (flags & AT.REMOVEDIR) !== 0))),
  row('symlinkat', (t, target, fd, path) => makeSymlink(t, pathArg(t, target), fd | 0, pathArg(t, path))),
  row('linkat', link, { checks: [bits(4, AT.SYMLINK_FOLLOW | AT.EMPTY_PATH)] }),
  row('renameat2', (t, a, from, b, to, flags) => renameAt(t, a | 0, pathArg(t, from), b | 0, pathArg(t, to), flags),
    { checks: [bits(4, 7)] }),
  row('renameat', (t, a, from, b, to) => renameAt(t, a | 0, pathArg(t, from), b | 0, pathArg(t, to), 0)),
  row('chdir', (t, path) => changeTo(t, placeOf(t, AT.FDCWD, path, 0), (d) => { t.proc.fs.cwd = d; })),
  row('fchdir', (t, fd) => changeTo(t, t.proc.fds.any(fd) ?? -E.BADF, (d) => { t.proc.fs.cwd = d; })),
  row('chroot', chroot),
  row('getdents64', getdents),
  row('readlinkat', (t, fd, path, va, size) => readlink(t, fd | 0, path, va, size)),
  row('mount',
    (t, source, target, type, flags, data) =>
      mountAt(t, optional(t, source), pathArg(t, target), optional(t, type), flags, optional(t, data)),
    { note: 'types: proc, sysfs, tmpfs, ramfs, devtmpfs, devpts' }),
  row('umount2', (t, target, flags) => (flags & ~15 ? -E.INVAL : unmountAt(t, pathArg(t, target), flags))),
  row('pivot_root', (t, next, old) => pivotRoot(t, pathArg(t, next), pathArg(t, old))),
  row('sync', syncAll), row('fsync', (t, fd) => fsync(t, fd, false)), row('fdatasync', (t, fd) => fsync(t, fd, true)),
  row('sync_file_range', syncFileRange),
  row('syncfs', (t, fd) => { const f = t.proc.fds.get(fd); return f ? f.inode.fs.sync?.(t) ?? 0 : -E.BADF; }),
  row('readahead', readahead), row('fadvise64', fadvise),
  ...xattrCalls,
];
