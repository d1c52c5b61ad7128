/**
 * The root file system from a tar image in memory. Nothing is copied: files point into the image, and where a file's data
 * starts at a page boundary its pages are mapped as they are. The format is `tar-format.ts`.
 */
import { S, PAGE } from '../abi/linux.ts';
import { errnoName } from '../abi/errno.ts';
import { persist } from '../kernel/later.ts';
import type { Co, Sleeper } from '../kernel/wait.ts';
import { textOf } from '../mm/uaccess.ts';
import { Directory, type Inode } from './inode.ts';
import type { Image } from './regular.ts';
import { TarError, tarEntries, type TarHeader } from './tar-format.ts';
import { LinkInode, TmpDir } from './tmpfs.ts';

/** `pfn`: the server page number of the image's first byte if that byte is page-aligned, else 0. */
export type TarImage = Image;

/**
 * Puts every entry of the image below `root`, which is in memory. Returns the number of entries, or the rest of a sentence that says what
 * is wrong.
 */
export function loadTar(root: TmpDir, image: TarImage): number | string {
  const step = loadTarOver(NOBODY, root, image).next();
  return step.done ? step.value : 'lies over a file system that is not in memory';
}
const NOBODY: Sleeper = { since: Infinity, wake: () => undefined, *sleep() { yield; return 0; }, *nap() { yield; } };

/** The same over a root whose names must be fetched. */
export function* loadTarOver(sleeper: Sleeper, root: TmpDir, { bytes, pfn }: TarImage): Co<number | string> {
  const dirs: [Inode, TarHeader][] = [];
  let count = 0;
  try {
    for (const tarHeader of tarEntries(bytes)) {
      const data = { bytes: bytes.part(tarHeader.dataAt, tarHeader.dataAt + tarHeader.size),
        pfn: pfn !== 0 && tarHeader.dataAt % PAGE === 0 ? pfn + tarHeader.dataAt / PAGE : 0 };
      const inode = yield* persist<Inode | undefined>(sleeper, 0, () => place(root, tarHeader, data),
        (errno) => { throw new TarError(`cannot be laid over the root file system (${errnoName(-errno)})`); });
      if (inode?.isDir) dirs.push([inode, tarHeader]); // their times change as they are filled
      count++;
    }
  } catch (error) {
    if (error instanceof TarError) return error.message;
    throw error;
  }
  for (const [dir, header] of dirs) attributes(dir, header);
  return count;
}

/** The directory of a path's last name; creates missing directories. */
function parentOf(root: TmpDir, parts: readonly string[]): TmpDir {
  let dir = root, links = 0;
  for (let rest = [...parts]; rest.length > 0; ) {
    const name = rest.shift()!, next = name === '..' ? dir.parent : dir.lookup(name);
    if (next instanceof TmpDir) dir = next;
    else if (next instanceof LinkInode && root.origin && links++ < MOST_LINKS) {
      if (next.target.startsWith('/')) dir = root;
      rest = [...next.target.split('/').filter((p) => p !== '' && p !== '.'), ...rest];
    } else { if (next) dir.take(name); dir = dir.make(name, S.IFDIR | 0o755, 0) as TmpDir; }
  }
  return dir;
}
/** Links that a path over another root file system may lead through: /bin is one in most. */
const MOST_LINKS = 40;
const ASCII = /^[\x00-\x7f]*$/;
const textual = (bytes: string): string => (ASCII.test(bytes) ? bytes : textOf(Uint8Array.from(bytes, (c) => c.charCodeAt(0))));
const split = (path: string): string[] => textual(path).split('/').filter((p) => p !== '' && p !== '.' && p !== '..');

function place(root: TmpDir, tarHeader: TarHeader, data: Image): Inode | undefined {
  const parts = split(tarHeader.name), name = parts.pop();
  if (name === undefined) { if (root.origin) return undefined; attributes(root, tarHeader); return root; }
  const dir = parentOf(root, parts);
  if (tarHeader.type === '5' && root.origin && isThere(dir, name)) return undefined; // an existing directory keeps its contents
  const inode = make(root, dir, name, tarHeader, data);
  if (inode) attributes(inode, tarHeader);
  return inode;
}
/** Whether a name exists as a directory, or as a link. */
function isThere(dir: TmpDir, name: string): boolean {
  const i = dir.lookup(name);
  return i instanceof Directory || i instanceof LinkInode;
}
function make(root: TmpDir, dir: TmpDir, name: string, tarHeader: TarHeader, data: Image): Inode | undefined {
  const old = dir.lookup(name);
  if (tarHeader.type === '5') { if (old instanceof Directory) return old; }
  if (old && !(old instanceof Directory)) dir.take(name);
  switch (tarHeader.type) {
    case '1': {
      const to = split(tarHeader.link), last = to.pop(), target = last === undefined ? undefined : parentOf(root, to).lookup(last);
      if (!target || target instanceof Directory) return undefined;
      dir.add(name, target);
      target.nlink++;
      return undefined;
    }
    case '2': return dir.makeLink(name, textual(tarHeader.link)) as Inode;
    case '3': case '4': return dir.make(name, (tarHeader.type === '3' ? S.IFCHR : S.IFBLK) | tarHeader.mode,
      (tarHeader.major << 8) | tarHeader.minor) as Inode;
    case '5': return dir.make(name, S.IFDIR | tarHeader.mode, 0) as Inode;
    case '6': return dir.make(name, S.IFIFO | tarHeader.mode, 0) as Inode;
    default: {
      const inode = dir.create(S.IFREG | tarHeader.mode, 0, data);
      dir.add(name, inode);
      return inode;
    }
  }
}
function attributes(i: Inode, tarHeader: TarHeader): void {
  if (!i.isLink) i.mode = i.type | tarHeader.mode;
  i.uid = tarHeader.uid;
  i.gid = tarHeader.gid;
  i.atime = i.mtime = i.ctime = { s: tarHeader.mtime, n: 0 };
}
