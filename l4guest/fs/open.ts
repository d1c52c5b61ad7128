/** openat: from path and flags to an open file description. */
import { E } from '../abi/errno.ts';
import { Cap, Ms, O, S } from '../abi/linux.ts';
import { after, type Later } from '../kernel/later.ts';
import type { Thread } from '../kernel/thread.ts';
import { type File, PathFile } from './file.ts';
import type { Directory, Inode, Owner } from './inode.ts';
import { isReadOnly, type DirPath, type Path } from './path.ts';
import { notify, notifyAt, Watch } from './watch.ts';
import { capableOver, May, WalkFlag, baseOf, newWalkEnd, pathOf, permitted, walk } from './walk.ts';

const place = newWalkEnd();

/** A new description (count 1, not in any table yet), or -errno. `mode` holds permission bits for O_CREAT, umask not applied yet. */
export function openAt(thread: Thread, dirfd: number, path: string, flags: number, mode: number, resolve = 0): Later<File | number> {
  const nameless = (flags & O.TMPFILE) !== 0 && (flags & O.PATH) === 0;
  if (nameless && (flags & (O.DIRECTORY | O.CREAT)) !== O.DIRECTORY) return -E.INVAL;
  if ((flags & (O.DIRECTORY | O.CREAT)) === (O.DIRECTORY | O.CREAT)) return -E.INVAL;
  const base = baseOf(thread, dirfd, path, resolve);
  if (typeof base === 'number') return base;
  if (nameless) return openNameless(thread, base, path, flags, mode);
  const exclusive = (flags & (O.CREAT | O.EXCL)) === (O.CREAT | O.EXCL);
  const how = resolve | (flags & O.NOFOLLOW || exclusive ? 0 : WalkFlag.follow) | (flags & O.CREAT ? WalkFlag.parent : 0);
  place.makes = flags & O.CREAT ? mode & 0o7777 & ~thread.proc.fs.umask : -1;
  const failed = walk(thread, base, path, how, place);
  if (place.slash && flags & O.CREAT && (!failed || failed === -E.NOTDIR)) return -E.ISDIR;
  if (failed) return failed;
  if (!place.inode) return create(thread, flags, mode);
  if (exclusive) return -E.EXIST;
  if (flags & O.CREAT && place.inode.isDir) return -E.ISDIR;
  return openPath(thread, pathOf(place), flags);
}
/** Opens an existing file for reading: programs. */
export function openFrom(thread: Thread, base: DirPath, path: string, flags: number): File | number {
  place.makes = -1;
  const failed = walk(thread, base, path, flags & O.NOFOLLOW ? 0 : WalkFlag.follow, place);
  return failed || openNow(thread, pathOf(place), flags, false);
}
/** Opens the file of a descriptor again, by its inode: it may have no name any more. */
export function openAgain(thread: Thread, file: File, flags: number): File | number {
  const { inode, mount = thread.k.nowhere, dir = thread.proc.fs.root.inode, name } = file;
  return openNow(thread, { mount, inode, dir, name }, flags, false);
}

/** Creates the file if the walk has not found it. */
function create(thread: Thread, flags: number, mode: number): Later<File | number> {
  const { dirMount: mount, dir, name } = place;
  if (!permitted(dir, May.WRITE | May.EXEC, thread.creds)) return -E.ACCES;
  if (isReadOnly(mount)) return -E.ROFS;
  if (dir.nlink === 0) return -E.NOENT;
  return after(dir.make(name, S.IFREG | (mode & 0o7777 & ~thread.proc.fs.umask), 0, ownerIn(thread, dir), thread), (inode) => {
    if (typeof inode === 'number') return inode;
    notify(dir, Watch.CREATE, name);
    return openNow(thread, { mount, inode, dir, name }, flags, true);
  });
}
/** The owner of a new inode in a directory: the creator, and the group of a set-group-id directory. */
export const ownerIn = (t: Thread, dir: Directory): Owner => ({ uid: t.creds.fsuid, gid: dir.mode & S.ISGID ? dir.gid : t.creds.fsgid });

/** Opens the found file, and truncates it by the flags. */
export function openPath(thread: Thread, path: Path, flags: number): Later<File | number> {
  const file = openNow(thread, path, flags, false), { inode } = path;
  if (typeof file === 'number' || !(flags & O.TRUNC) || flags & O.PATH || inode.type !== S.IFREG) return file;
  if (inode.size === 0) { notifyAt(inode, path.dir, path.name, Watch.MODIFY); return file; }
  return after(inode.truncate(0, thread), (failed) => {
    if (failed < 0) { file.release(); return failed; }
    notifyAt(inode, path.dir, path.name, Watch.MODIFY);
    return file;
  });
}

/** File systems whose files have no cached pages that O_DIRECT could bypass. */
const GENERATED = new Set(['proc', 'sysfs', 'devpts']);

/** Checks rights and opens. */
function openNow(thread: Thread, path: Path, flags: number, created: boolean): File | number {
  const { inode, mount } = path;
  if (flags & O.DIRECTORY && !inode.isDir) return -E.NOTDIR;
  if (flags & O.PATH) return placed(new PathFile(inode, flags), path);
  if (inode.isLink) return -E.LOOP;
  const access = flags & O.ACCMODE, write = access !== O.RDONLY, type = inode.type;
  if ((write || flags & O.TRUNC) && inode.isDir) return -E.ISDIR;
  if (mount.flags & Ms.NODEV && (type === S.IFCHR || type === S.IFBLK)) return -E.ACCES;
  if ((write || flags & O.TRUNC) && type === S.IFREG && isReadOnly(mount)) return -E.ROFS;
  const need = flags & O.EXEC ? May.EXEC : (access === O.WRONLY ? 0 : May.READ) | (write || flags & O.TRUNC ? May.WRITE : 0);
  if (flags & O.EXEC && (type !== S.IFREG || mount.flags & Ms.NOEXEC)) return -E.ACCES;
  if (!created && !permitted(inode, need, thread.creds)) return -E.ACCES;
  if (flags & O.NOATIME && thread.creds.fsuid !== inode.uid && !capableOver(inode, thread.creds, Cap.FOWNER)) return -E.PERM;
  if (write && type === S.IFREG && thread.k.isExecuting(inode)) return -E.TXTBSY;
  if (flags & O.DIRECT && type !== S.IFBLK && (type !== S.IFREG || GENERATED.has(inode.fs.type))) return -E.INVAL;
  const file = inode.open(thread, flags & ~(O.EXEC | O.CREAT | O.EXCL | O.TRUNC | O.CLOEXEC));
  if (typeof file === 'number') return file;
  file.created = created;
  file.flags &= ~O.NOCTTY; // only terminals heed it, and only while they are opened
  notifyAt(inode, path.dir, path.name, Watch.OPEN);
  return placed(file, path);
}
function placed(file: File, path: Path): File {
  file.enter(path);
  return file;
}

function openNameless(thread: Thread, base: DirPath, path: string, flags: number, mode: number): Later<File | number> {
  place.makes = -1;
  const failed = walk(thread, base, path, WalkFlag.follow, place);
  if (failed) return failed;
  const dir = place.inode as Directory, { mount } = place;
  if (!dir.isDir) return -E.NOTDIR;
  if ((flags & O.ACCMODE) === O.RDONLY) return -E.INVAL;
  if (isReadOnly(mount)) return -E.ROFS;
  return after(dir.makeNameless(mode & ~thread.proc.fs.umask, ownerIn(thread, dir), thread),
    (inode) => openNamelessInode(thread, inode, mount, dir, flags));
}
function openNamelessInode(thread: Thread, inode: Inode | number, mount: Path['mount'], dir: Directory, flags: number): File | number {
  if (typeof inode === 'number') return inode;
  const file = inode.open(thread, flags & ~(O.TMPFILE | O.EXCL | O.CLOEXEC));
  if (typeof file === 'number') return file;
  const name = `#${inode.ino}`;
  notifyAt(inode, dir, name, Watch.OPEN);
  return placed(file, { mount, inode, dir, name });
}
