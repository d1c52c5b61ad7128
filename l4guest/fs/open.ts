/** openat: from path and flags to an open file description. */
import { E } from '../abi/errno.ts';
import { O, S } from '../abi/linux.ts';
import type { Thread } from '../kernel/thread.ts';
import { type File, PathFile } from './file.ts';
import type { Directory, Inode } from './inode.ts';
import { notify, notifyAt, Watch } from './watch.ts';
import { May, WalkFlag, baseOf, newPlace, permitted, walk, type Place } from './walk.ts';

const place = newPlace();

/** A new description (count 1, not in any table yet), or -errno. `mode` holds permission bits for O_CREAT, umask not applied yet. */
export function openAt(t: Thread, dirfd: number, path: string, flags: number, mode: number, resolve = 0): File | number {
  const base = baseOf(t, dirfd, path);
  if (typeof base === 'number') return base;
  return openFrom(t, base, path, flags, mode, resolve);
}

export function openFrom(t: Thread, base: Directory, path: string, flags: number, mode: number, resolve = 0): File | number {
  if ((flags & O.TMPFILE) !== 0 && (flags & O.DIRECTORY) !== 0) return openNameless(t, base, path, flags, mode);
  const exclusive = (flags & (O.CREAT | O.EXCL)) === (O.CREAT | O.EXCL);
  const how = resolve | (flags & O.NOFOLLOW || exclusive ? 0 : WalkFlag.follow) | (flags & O.CREAT ? WalkFlag.parent : 0);
  const failed = walk(t, base, path, how, place);
  if (failed) return failed;
  let created = false;
  if (!place.inode) {
    if (place.slash) return -E.ISDIR;
    const made = create(t, place, mode);
    if (made) return made;
    created = true;
  } else if (exclusive) return -E.EXIST;
  else if (flags & O.CREAT && place.inode.isDir) return -E.ISDIR;
  return openInode(t, place.inode!, flags, place.dir, place.name, created);
}

function create(t: Thread, p: Place, mode: number): number {
  if (!permitted(p.dir, May.WRITE | May.EXEC, t.proc.creds)) return -E.ACCES;
  const inode = p.dir.make(p.name, S.IFREG | (mode & 0o7777 & ~t.proc.fs.umask), 0, t);
  if (typeof inode === 'number') return inode;
  own(t, inode, p.dir);
  p.inode = inode;
  notify(p.dir, Watch.CREATE, p.name);
  return 0;
}
/** Gives a new inode its owner: the creator, and the group of a set-group-id directory. */
export function own(t: Thread, inode: Inode, dir: Directory): void {
  inode.uid = t.proc.creds.fsuid;
  inode.gid = dir.mode & S.ISGID ? dir.gid : t.proc.creds.fsgid;
  if (dir.mode & S.ISGID && inode.isDir) inode.mode |= S.ISGID;
}

/** Checks rights and opens; `dir` and `name` say where it was found. */
export function openInode(t: Thread, inode: Inode, flags: number, dir: Directory | undefined, name: string, created = false): File | number {
  if (flags & O.DIRECTORY && !inode.isDir) return -E.NOTDIR;
  if (flags & O.PATH) return placed(new PathFile(inode, flags), dir, name);
  if (inode.isLink) return -E.LOOP;
  const access = flags & O.ACCMODE, write = access !== O.RDONLY;
  if (write && inode.isDir) return -E.ISDIR;
  if ((write || flags & O.TRUNC) && inode.fs.readOnly && (inode.type === S.IFREG)) return -E.ROFS;
  const need = (access === O.WRONLY ? 0 : May.READ) | (write || flags & O.TRUNC ? May.WRITE : 0);
  if (!created && !permitted(inode, need, t.proc.creds)) return -E.ACCES;
  if (write && inode.type === S.IFREG && t.k.isExecuting(inode)) return -E.TXTBSY;
  const file = inode.open(t, flags & ~(O.CREAT | O.EXCL | O.TRUNC | O.CLOEXEC | O.DIRECTORY));
  if (typeof file === 'number') return file;
  file.created = created;
  file.flags &= ~O.NOCTTY; // only for terminals, and only while they are opened
  if (flags & O.TRUNC && !created && inode.type === S.IFREG && inode.size > 0) { inode.truncate(0); notifyAt(inode, dir, name, Watch.MODIFY); }
  notifyAt(inode, dir, name, Watch.OPEN);
  return placed(file, dir, name);
}
function placed(file: File, dir: Directory | undefined, name: string): File {
  file.dir ??= dir;
  if (file.name === '') file.name = name;
  return file;
}

function openNameless(t: Thread, base: Directory, path: string, flags: number, mode: number): File | number {
  const failed = walk(t, base, path, WalkFlag.follow, place);
  if (failed) return failed;
  const dir = place.inode as Directory;
  if (!dir.isDir) return -E.NOTDIR;
  if ((flags & O.ACCMODE) === O.RDONLY) return -E.INVAL;
  const inode = dir.makeNameless(mode & ~t.proc.fs.umask);
  if (typeof inode === 'number') return inode;
  own(t, inode, dir);
  const file = inode.open(t, flags & ~(O.TMPFILE | O.EXCL | O.CLOEXEC));
  return typeof file === 'number' ? file : placed(file, dir, `#${inode.ino}`);
}
