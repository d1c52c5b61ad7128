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

function locate(thread: Thread, fd: number, path: string, flags: number, walkEnd: WalkEnd): number {
  const base = baseOf(thread, fd, path);
  return typeof base === 'number' ? base : walk(thread, base, path, flags, walkEnd);
}
/** Finds the place of a new name. */
function vacant(thread: Thread, fd: number, path: string, walkEnd: WalkEnd, directory = false): number {
  const failed = locate(thread, fd, path, WalkFlag.parent, walkEnd);
  if (failed) return failed;
  if (walkEnd.inode) return -E.EXIST;
  if (walkEnd.slash && !directory) return -E.NOENT;
  if (isReadOnly(walkEnd.dirMount)) return -E.ROFS;
  if (!permitted(walkEnd.dir, May.WRITE | May.EXEC, thread.creds)) return -E.ACCES;
  return walkEnd.dir.nlink === 0 ? -E.NOENT : 0; // a removed directory gets no new names
}
/** Notifies watchers of a new name; returns the result of its creation. */
const named = (dir: Directory, name: string, bits: number) => (made: Inode | number): number => {
  if (typeof made === 'number' && made < 0) return made;
  notify(dir, Watch.CREATE | bits, name);
  return 0;
};

export function makeNode(thread: Thread, fd: number, path: string, mode: number, rdev: number): Later<number> {
  const type = mode & S.IFMT || S.IFREG;
  if (type === S.IFLNK || (![S.IFDIR, S.IFREG, S.IFIFO, S.IFSOCK, S.IFCHR, S.IFBLK].includes(type as never))) return -E.INVAL;
  if ((type === S.IFCHR || type === S.IFBLK) && !capable(thread.creds, Cap.MKNOD)) return -E.PERM;
  const failed = vacant(thread, fd, path, place, type === S.IFDIR);
  if (failed) return failed;
  const { dir, name } = place, isDir = type === S.IFDIR, bits = (mode & 0o7777 & ~thread.proc.fs.umask) | (isDir ? dir.mode & S.ISGID : 0);
  return after(dir.make(name, type | bits, rdev, ownerIn(thread, dir), thread), named(dir, name, isDir ? Watch.ISDIR : 0));
}

export function makeSymlink(thread: Thread, target: string, fd: number, path: string): Later<number> {
  if (target === '') return -E.NOENT;
  const failed = vacant(thread, fd, path, place);
  if (failed) return failed;
  const { dir, name } = place;
  return after(dir.makeLink(name, target, ownerIn(thread, dir), thread), named(dir, name, 0));
}

export function linkInode(thread: Thread, inode: Inode, mount: Mount | undefined, fd: number, path: string): Later<number> {
  const failed = vacant(thread, fd, path, place);
  if (failed) return failed;
  const { dir, name } = place;
  if (dir.fs !== inode.fs || (mount && mount !== place.dirMount)) return -E.XDEV;
  if (inode.isDir) return -E.PERM;
  return after(dir.link(name, inode, thread), (made) => {
    if (typeof made !== 'number' || made >= 0) notify(inode, Watch.ATTRIB); // its count of names
    return named(dir, name, 0)(made);
  });
}

/** rmdir, unlink. */
export function unlinkAt(thread: Thread, fd: number, path: string, directory: boolean): Later<number> {
  const failed = locate(thread, fd, path, WalkFlag.parent, place);
  if (failed) return failed;
  const { dir, dirMount, name, slash } = place, inode = name === '' ? undefined
    : (directory ? undefined : dir.toRemove?.(name)) ?? dir.lookup(name, thread);
  if (name === '')
    return directory ? (path.endsWith('.') && !path.endsWith('..') ? -E.INVAL : path.endsWith('..') ? -E.NOTEMPTY : -E.BUSY) : -E.ISDIR;
  if (!inode) return -E.NOENT;
  if (isReadOnly(dirMount)) return -E.ROFS;
  const denied = mayDelete(dir, inode, thread.creds);
  if (denied) return denied;
  if (directory && !inode.isDir) return -E.NOTDIR;
  if (dir.fs.type === 'proc') return -E.PERM;
  if (!directory && (inode.isDir || slash)) return inode.isDir ? -E.ISDIR : -E.NOTDIR;
  if (thread.proc.mounts.covers(inode)) return -E.BUSY;
  if (inode instanceof Directory && !inode.isEmpty(thread)) return -E.NOTEMPTY;
  return after(dir.unlink(name, inode, thread), (error) => {
    if (error < 0) return error;
    forOpen(thread.k, inode, dir, name, unlinked);
    notify(dir, Watch.DELETE | (directory ? Watch.ISDIR : 0), name);
    return error;
  });
}

const NOREPLACE = 1, EXCHANGE = 2, WHITEOUT = 4;

export function renameAt(thread: Thread, fromFd: number, fromPath: string, toFd: number, toPath: string, flags: number): Later<number> {
  if (flags & ~7 || (flags & EXCHANGE && flags !== EXCHANGE)) return -E.INVAL;
  if (flags & WHITEOUT && !capable(thread.creds, Cap.MKNOD)) return -E.PERM;
  thread.k.work.made(2);
  const failed = locate(thread, fromFd, fromPath, WalkFlag.parent, from) || locate(thread, toFd, toPath, WalkFlag.parent, to);
  if (failed) return failed;
  if (from.dirMount !== to.dirMount) return -E.XDEV;
  if (from.name === '' || to.name === '') return -E.BUSY;
  const moving = from.dir.lookup(from.name, thread), old = to.dir.lookup(to.name, thread);
  if (!moving) return -E.NOENT;
  const refused = checkRename(thread, moving, old, flags);
  if (refused) return refused;
  const { dir, name } = from, { dir: toDir, name: toName } = to;
  if (old === moving) return 0;
  if (flags & EXCHANGE)
    return after(dir.exchange(name, moving, toDir, toName, old!,
      thread), (r) => (r < 0 ? r : told(thread, moving, dir, name, toDir, toName) || told(thread, old!, toDir, toName, dir, name)));
  const moved = after(dir.move(name, moving, toDir, toName, old, thread), (result) => {
    if (result >= 0 && old) forOpen(thread.k, old, toDir, toName, unlinked);
    return result < 0 ? result : told(thread, moving, dir, name, toDir, toName);
  });
  // A whiteout, which hides the name in the layers below: a device of number 0.
  return flags & WHITEOUT ? after(moved, (r) => (r < 0 ? r : after(dir.make(name, S.IFCHR, 0, ownerIn(thread, dir), thread),
    (made) => (typeof made === 'number' && made < 0 ? made : 0)))) : moved;
}
/** Updates files that were opened under a name that goes. */
function forOpen(k: Kernel, inode: Inode, dir: Directory, name: string, use: (f: File) => void): void {
  if (inode.users === 0) return;
  for (const process of k.pids.processes.values()) for (const file of process.fds.files())
    if (file.inode === inode && file.dir === dir && file.name === name && !file.isUnlinked) use(file);
}
const unlinked = (f: File): void => { f.isUnlinked = true; };
/** They have the new name: /proc shows it, and its folder is told what happens to them. */
const renamed = (dir: Directory, name: string) => (f: File): void => { f.dir = dir; f.name = name; };
function told(thread: Thread, moved: Inode, dir: Directory, name: string, toDir: Directory, toName: string): number {
  forOpen(thread.k, moved, dir, name, renamed(toDir, toName));
  const cookie = newCookie(), dirBit = moved.isDir ? Watch.ISDIR : 0;
  notify(dir, Watch.MOVED_FROM | dirBit, name, cookie);
  notify(toDir, Watch.MOVED_TO | dirBit, toName, cookie);
  if (dir === toDir) notify(dir, Watch.RENAMED);
  tellReplaced(moved);
  return 0;
}
/** `a` is `d`, or one of the folders that hold it. */
function isAbove(above: Directory, below: Directory): boolean {
  for (; below !== above; below = below.parent) if (below.parent === below) return false;
  return true;
}
function checkRename(thread: Thread, moving: Inode, old: Inode | undefined, flags: number): number {
  const who = thread.creds, { mounts } = thread.proc;
  if (isReadOnly(to.dirMount)) return -E.ROFS;
  if (!permitted(to.dir, May.WRITE | May.EXEC, who)) return -E.ACCES;
  if (to.dir.nlink === 0) return -E.NOENT;
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
    if (!old.isEmpty(thread)) return -E.NOTEMPTY;
  } else if (moving.isDir) return -E.NOTDIR;
  return mayDelete(to.dir, old, who);
}
