/** Calls that change names: mkdir, mknod, link, symlink, unlink, rmdir, rename. All answer 0 or -errno. */
import { Cap, S } from '../abi/linux.ts';
import { capable } from '../kernel/creds.ts';
import { E } from '../abi/errno.ts';
import type { Thread } from '../kernel/thread.ts';
import { Directory, type Inode } from './inode.ts';
import { newCookie, notify, Watch } from './watch.ts';
import { own } from './open.ts';
import { May, WalkFlag, baseOf, mayDelete, newPlace, permitted, walk, type Place } from './walk.ts';

const place = newPlace(), from = newPlace(), to = newPlace();

function locate(t: Thread, fd: number, path: string, flags: number, p: Place): number {
  const base = baseOf(t, fd, path);
  return typeof base === 'number' ? base : walk(t, base, path, flags, p);
}
/** Finds where a new name may be put. */
function vacant(t: Thread, fd: number, path: string, p: Place, directory = false): number {
  const failed = locate(t, fd, path, WalkFlag.parent, p);
  if (failed) return failed;
  if (p.inode) return -E.EXIST;
  if (p.slash && !directory) return -E.NOENT;
  if (!permitted(p.dir, May.WRITE | May.EXEC, t.proc.creds)) return -E.ACCES;
  return 0;
}

export function makeNode(t: Thread, fd: number, path: string, mode: number, rdev: number): number {
  const type = mode & S.IFMT || S.IFREG;
  if (type === S.IFLNK || (![S.IFDIR, S.IFREG, S.IFIFO, S.IFSOCK, S.IFCHR, S.IFBLK].includes(type as never))) return -E.INVAL;
  if ((type === S.IFCHR || type === S.IFBLK) && !capable(t.proc.creds, Cap.MKNOD)) return -E.PERM;
  const failed = vacant(t, fd, path, place, type === S.IFDIR);
  if (failed) return failed;
  const { dir, name } = place, inode = dir.make(name, type | (mode & 0o7777 & ~t.proc.fs.umask), rdev, t);
  if (typeof inode === 'number') return inode;
  own(t, inode, dir);
  notify(dir, Watch.CREATE | (inode.isDir ? Watch.ISDIR : 0), name);
  return 0;
}

export function makeSymlink(t: Thread, target: string, fd: number, path: string): number {
  if (target === '') return -E.NOENT;
  const failed = vacant(t, fd, path, place);
  if (failed) return failed;
  const inode = place.dir.makeLink(place.name, target);
  if (typeof inode === 'number') return inode;
  own(t, inode, place.dir);
  notify(place.dir, Watch.CREATE, place.name);
  return 0;
}

export function linkInode(t: Thread, inode: Inode, fd: number, path: string): number {
  if (inode.isDir) return -E.PERM;
  const failed = vacant(t, fd, path, place);
  if (failed) return failed;
  if (place.dir.fs !== inode.fs) return -E.XDEV;
  const error = place.dir.attach(place.name, inode);
  if (error) return error;
  inode.nlink++;
  inode.touchAttributes();
  notify(place.dir, Watch.CREATE, place.name);
  return 0;
}

export function unlinkAt(t: Thread, fd: number, path: string, directory: boolean): number {
  const failed = locate(t, fd, path, WalkFlag.parent, place);
  if (failed) return failed;
  const { dir, name } = place, inode = name === '' ? undefined : dir.lookup(name, t);
  if (name === '') return directory ? (path.endsWith('.') && !path.endsWith('..') ? -E.INVAL : path.endsWith('..') ? -E.NOTEMPTY : -E.BUSY) : -E.ISDIR;
  if (!inode) return -E.NOENT;
  const denied = mayDelete(dir, inode, t.proc.creds);
  if (denied) return denied;
  if (directory) {
    if (!(inode instanceof Directory)) return -E.NOTDIR;
    if (inode.mounted) return -E.BUSY;
    if (!inode.isEmpty) return -E.NOTEMPTY;
  } else if (inode.isDir) return -E.ISDIR;
  else if (place.slash) return -E.NOTDIR;
  const error = dir.detach(name);
  if (error) return error;
  forget(inode);
  notify(dir, Watch.DELETE | (directory ? Watch.ISDIR : 0), name);
  return 0;
}
/** One name less. */
function forget(inode: Inode): void {
  inode.nlink = inode.isDir ? 0 : inode.nlink - 1;
  inode.touchAttributes();
  if (!inode.isDir) notify(inode, Watch.ATTRIB);
  if (inode.nlink === 0 && inode.users === 0) { notify(inode, Watch.DELETE_SELF); inode.drop(); }
}

const NOREPLACE = 1, EXCHANGE = 2;

export function renameAt(t: Thread, fromFd: number, fromPath: string, toFd: number, toPath: string, flags: number): number {
  if (flags & ~3 || flags === 3) return -E.INVAL;
  const failed = locate(t, fromFd, fromPath, WalkFlag.parent, from) || locate(t, toFd, toPath, WalkFlag.parent, to);
  if (failed) return failed;
  if (from.name === '' || to.name === '') return -E.BUSY;
  const moving = from.dir.lookup(from.name, t), old = to.dir.lookup(to.name, t);
  if (!moving) return -E.NOENT;
  const refused = checkRename(t, moving, old, flags);
  if (refused) return refused;
  if (flags & EXCHANGE) return exchange(moving, old!);
  if (old === moving) return 0;
  const error = from.dir.detach(from.name);
  if (error) return error;
  if (old) { to.dir.detach(to.name); forget(old); }
  to.dir.attach(to.name, moving);
  moving.touchAttributes();
  const cookie = newCookie(), dirBit = moving.isDir ? Watch.ISDIR : 0;
  notify(from.dir, Watch.MOVED_FROM | dirBit, from.name, cookie);
  notify(to.dir, Watch.MOVED_TO | dirBit, to.name, cookie);
  notify(moving, Watch.MOVE_SELF);
  return 0;
}
function checkRename(t: Thread, moving: Inode, old: Inode | undefined, flags: number): number {
  const who = t.proc.creds;
  if (!permitted(to.dir, May.WRITE | May.EXEC, who)) return -E.ACCES;
  if (from.dir.fs !== to.dir.fs) return -E.XDEV;
  if (moving instanceof Directory) {
    if (moving.mounted) return -E.BUSY;
    for (let d: Directory = to.dir; d.parent !== d; d = d.parent) if (d === moving) return -E.INVAL;
  } else if (from.slash || to.slash) return -E.NOTDIR;
  const denied = mayDelete(from.dir, moving, who);
  if (denied || !old) return denied || (flags & EXCHANGE ? -E.NOENT : 0);
  if (flags & NOREPLACE) return -E.EXIST;
  if (flags & EXCHANGE || old === moving) return 0;
  if (old instanceof Directory) {
    if (!moving.isDir) return -E.ISDIR;
    if (old.mounted) return -E.BUSY;
    if (!old.isEmpty) return -E.NOTEMPTY;
  } else if (moving.isDir) return -E.NOTDIR;
  return mayDelete(to.dir, old, who);
}
function exchange(a: Inode, b: Inode): number {
  const error = from.dir.detach(from.name) || to.dir.detach(to.name);
  if (error) return error;
  from.dir.attach(from.name, b);
  to.dir.attach(to.name, a);
  return 0;
}
