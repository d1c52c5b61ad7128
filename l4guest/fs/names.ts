/** Calls that change names: mkdir, mknod, link, symlink, unlink, rmdir, rename. All return 0 or -errno, some file systems `Later`. */
import { E } from '../abi/errno.ts';
import { Cap, S } from '../abi/linux.ts';
import { capable } from '../kernel/creds.ts';
import { after, type Later } from '../kernel/later.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Thread } from '../kernel/thread.ts';
import type { File } from './file.ts';
import { Directory, tellReplaced, type Inode } from './inode.ts';
import { ownerIn } from './open.ts';
import { isReadOnly, type Mount } from './path.ts';
import { May, WalkFlag, baseOf, mayDelete, newWalkEnd, permitted, walk, type WalkEnd } from './walk.ts';
import { newCookie, notify, Watch } from './watch.ts';

/** Valid until the next walk: an operation that continues later copies what it needs first. */
const place = newWalkEnd(), from = newWalkEnd(), to = newWalkEnd();

function locate(t: Thread, fd: number, path: string, flags: number, p: WalkEnd): number {
  const base = baseOf(t, fd, path);
  return typeof base === 'number' ? base : walk(t, base, path, flags, p);
}
/** Finds the place for a new name. */
function vacant(t: Thread, fd: number, path: string, p: WalkEnd, directory = false): number {
  const failed = locate(t, fd, path, WalkFlag.parent, p);
  if (failed) return failed;
  if (p.inode) return -E.EXIST;
  if (p.slash && !directory) return -E.NOENT;
  if (isReadOnly(p.dirMount)) return -E.ROFS;
  if (!permitted(p.dir, May.WRITE | May.EXEC, t.creds)) return -E.ACCES;
  return 0;
}
/** Notifies watchers of a new name; returns the result of its creation. */
const named = (dir: Directory, name: string, bits: number) => (made: Inode | number): number => {
  if (typeof made === 'number' && made < 0) return made;
  notify(dir, Watch.CREATE | bits, name);
  return 0;
};

export function makeNode(t: Thread, fd: number, path: string, mode: number, rdev: number): Later<number> {
  const type = mode & S.IFMT || S.IFREG;
  if (type === S.IFLNK || (![S.IFDIR, S.IFREG, S.IFIFO, S.IFSOCK, S.IFCHR, S.IFBLK].includes(type as never))) return -E.INVAL;
  if ((type === S.IFCHR || type === S.IFBLK) && !capable(t.creds, Cap.MKNOD)) return -E.PERM;
  const failed = vacant(t, fd, path, place, type === S.IFDIR);
  if (failed) return failed;
  const { dir, name } = place, isDir = type === S.IFDIR, bits = (mode & 0o7777 & ~t.proc.fs.umask) | (isDir ? dir.mode & S.ISGID : 0);
  return after(dir.make(name, type | bits, rdev, ownerIn(t, dir), t), named(dir, name, isDir ? Watch.ISDIR : 0));
}

export function makeSymlink(t: Thread, target: string, fd: number, path: string): Later<number> {
  if (target === '') return -E.NOENT;
  const failed = vacant(t, fd, path, place);
  if (failed) return failed;
  const { dir, name } = place;
  return after(dir.makeLink(name, target, ownerIn(t, dir), t), named(dir, name, 0));
}

export function linkInode(t: Thread, inode: Inode, mount: Mount | undefined, fd: number, path: string): Later<number> {
  const failed = vacant(t, fd, path, place);
  if (failed) return failed;
  const { dir, name } = place;
  if (dir.fs !== inode.fs || (mount && mount !== place.dirMount)) return -E.XDEV;
  if (inode.isDir) return -E.PERM;
  return after(dir.link(name, inode, t), (made) => {
    if (typeof made !== 'number' || made >= 0) notify(inode, Watch.ATTRIB); // its count of names
    return named(dir, name, 0)(made);
  });
}

/** rmdir, unlink. */
export function unlinkAt(t: Thread, fd: number, path: string, directory: boolean): Later<number> {
  const failed = locate(t, fd, path, WalkFlag.parent, place);
  if (failed) return failed;
  const { dir, dirMount, name, slash } = place, inode = name === '' ? undefined : dir.lookup(name, t);
  if (name === '')
    return directory ? (path.endsWith('.') && !path.endsWith('..') ? -E.INVAL : path.endsWith('..') ? -E.NOTEMPTY : -E.BUSY) : -E.ISDIR;
  if (!inode) return -E.NOENT;
  if (isReadOnly(dirMount)) return -E.ROFS;
  const denied = mayDelete(dir, inode, t.creds);
  if (denied) return denied;
  if (directory && !inode.isDir) return -E.NOTDIR;
  if (dir.fs.type === 'proc') return -E.PERM;
  if (!directory && (inode.isDir || slash)) return inode.isDir ? -E.ISDIR : -E.NOTDIR;
  if (t.proc.mounts.covers(inode)) return -E.BUSY;
  if (inode instanceof Directory && !inode.isEmpty(t)) return -E.NOTEMPTY;
  return after(dir.unlink(name, inode, t), (error) => {
    if (error < 0) return error;
    forOpen(t.k, inode, dir, name, unlinked);
    notify(dir, Watch.DELETE | (directory ? Watch.ISDIR : 0), name);
    return error;
  });
}

const NOREPLACE = 1, EXCHANGE = 2, WHITEOUT = 4;

export function renameAt(t: Thread, fromFd: number, fromPath: string, toFd: number, toPath: string, flags: number): Later<number> {
  if (flags & ~7 || (flags & EXCHANGE && flags !== EXCHANGE)) return -E.INVAL;
  if (flags & WHITEOUT && !capable(t.creds, Cap.MKNOD)) return -E.PERM;
  t.k.work.made(2);
  const failed = locate(t, fromFd, fromPath, WalkFlag.parent, from) || locate(t, toFd, toPath, WalkFlag.parent, to);
  if (failed) return failed;
  if (from.dirMount !== to.dirMount) return -E.XDEV;
  if (from.name === '' || to.name === '') return -E.BUSY;
  const moving = from.dir.lookup(from.name, t), old = to.dir.lookup(to.name, t);
  if (!moving) return -E.NOENT;
  const refused = checkRename(t, moving, old, flags);
  if (refused) return refused;
  const { dir, name } = from, { dir: toDir, name: toName } = to;
  if (old === moving) return 0;
  if (flags & EXCHANGE)
    return after(dir.exchange(name, moving, toDir, toName, old!,
      t), (r) => (r < 0 ? r : told(t, moving, dir, name, toDir, toName) || told(t, old!, toDir, toName, dir, name)));
  const moved = after(dir.move(name, moving, toDir, toName, old, t), (r) => {
    if (r >= 0 && old) forOpen(t.k, old, toDir, toName, unlinked);
    return r < 0 ? r : told(t, moving, dir, name, toDir, toName);
  });
  // A whiteout, which hides the name in the layers below: a device of number 0.
  return flags & WHITEOUT ? after(moved, (r) => (r < 0 ? r : after(dir.make(name, S.IFCHR, 0, ownerIn(t, dir), t),
    (made) => (typeof made === 'number' && made < 0 ? made : 0)))) : moved;
}
/** What becomes of files that were opened under a name which goes. */
function forOpen(k: Kernel, inode: Inode, dir: Directory, name: string, use: (f: File) => void): void {
  if (inode.users === 0) return;
  for (const p of k.pids.processes.values()) for (const f of p.fds.files())
    if (f.inode === inode && f.dir === dir && f.name === name && !f.isUnlinked) use(f);
}
const unlinked = (f: File): void => { f.isUnlinked = true; };
/** They have the new name: /proc shows it, and its folder is told what happens to them. */
const renamed = (dir: Directory, name: string) => (f: File): void => { f.dir = dir; f.name = name; };
function told(t: Thread, moved: Inode, dir: Directory, name: string, toDir: Directory, toName: string): number {
  forOpen(t.k, moved, dir, name, renamed(toDir, toName));
  const cookie = newCookie(), dirBit = moved.isDir ? Watch.ISDIR : 0;
  notify(dir, Watch.MOVED_FROM | dirBit, name, cookie);
  notify(toDir, Watch.MOVED_TO | dirBit, toName, cookie);
  if (dir === toDir) notify(dir, Watch.RENAMED);
  tellReplaced(moved);
  return 0;
}
/** `a` is `d`, or one of the folders that hold it. */
function isAbove(a: Directory, d: Directory): boolean {
  for (; d !== a; d = d.parent) if (d.parent === d) return false;
  return true;
}
function checkRename(t: Thread, moving: Inode, old: Inode | undefined, flags: number): number {
  const who = t.creds, { mounts } = t.proc;
  if (isReadOnly(to.dirMount)) return -E.ROFS;
  if (!permitted(to.dir, May.WRITE | May.EXEC, who)) return -E.ACCES;
  if (from.dir.fs !== to.dir.fs) return -E.XDEV;
  if (mounts.covers(moving) || (old && mounts.covers(old))) return -E.BUSY;
  if (flags & EXCHANGE && !old) return -E.NOENT;
  if (moving instanceof Directory) {
    if (isAbove(moving, to.dir)) return -E.INVAL;
  } else if (from.slash || to.slash) return -E.NOTDIR;
  if (old instanceof Directory && isAbove(old, from.dir)) return flags & EXCHANGE ? -E.INVAL : flags & NOREPLACE ? -E.EXIST : -E.NOTEMPTY;
  const denied = mayDelete(from.dir, moving, who);
  if (denied || !old) return denied || (flags & EXCHANGE ? -E.NOENT : 0);
  if (flags & NOREPLACE) return -E.EXIST;
  if (flags & EXCHANGE || old === moving) return 0;
  if (old instanceof Directory) {
    if (!moving.isDir) return -E.ISDIR;
    if (!old.isEmpty(t)) return -E.NOTEMPTY;
  } else if (moving.isDir) return -E.NOTDIR;
  return mayDelete(to.dir, old, who);
}
