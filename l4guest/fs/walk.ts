/** From a path to an inode: the walk over directories, links and mounts, with permissions and limits on the way. */
import { has, type CapSets } from '../kernel/caps.ts';
import { AT, Cap, S } from '../abi/linux.ts';
import { E } from '../abi/errno.ts';
import type { Thread } from '../kernel/thread.ts';
import { Directory, type Inode, uncovered } from './inode.ts';

const MAX_LINKS = 40, NAME_MAX = 255;

export const May = { EXEC: 1, WRITE: 2, READ: 4 } as const;
export interface Who { readonly fsuid: number; readonly fsgid: number; readonly groups: readonly number[]; readonly caps: CapSets }

/** Whether `who` has these rights to the inode; with CAP_DAC_OVERRIDE all, except execute what nobody may. */
export function permitted(inode: Inode, mask: number, who: Who): boolean {
  const bits = inode.uid === who.fsuid ? inode.mode >> 6 : inode.gid === who.fsgid || who.groups.includes(inode.gid) ? inode.mode >> 3 : inode.mode;
  if ((bits & mask) === mask) return true;
  if (has(who.caps, Cap.DAC_OVERRIDE)) return !(mask & May.EXEC) || inode.isDir || (inode.mode & 0o111) !== 0;
  return has(who.caps, Cap.DAC_READ_SEARCH) && !(mask & May.WRITE) && (inode.isDir || !(mask & May.EXEC));
}
/** Whether `who` may take names away from the directory: write permission, and the sticky bit's rule. */
export function mayDelete(dir: Directory, inode: Inode, who: Who): number {
  if (!permitted(dir, May.WRITE | May.EXEC, who)) return -E.ACCES;
  if (dir.mode & S.ISVTX && inode.uid !== who.fsuid && dir.uid !== who.fsuid && !has(who.caps, Cap.FOWNER)) return -E.PERM;
  return 0;
}

export const WalkFlag = {
  /** Follow a link that is the last name. */
  follow: 1,
  /** The last name need not exist. */
  parent: 2,
  /** openat2: no links at all, stay below the start, no crossing of mounts. */
  noLinks: 4, beneath: 8, noMounts: 16, inRoot: 32, noMagic: 64,
} as const;

/** Where a walk ended. Valid until the next walk. */
export interface Place {
  dir: Directory;
  /** Last name, '' when the path ended in a directory by itself ('/', '.', '..'). */
  name: string;
  inode: Inode | undefined;
  /** The path ended in a slash. */
  slash: boolean;
}
interface Walk { readonly t: Thread; readonly flags: number; links: number; readonly place: Place; readonly root: Directory; readonly start: Directory }

/** Walks `path` from `base`; fills `place` (yours or a fresh one) and answers 0 or -errno. */
export function walk(t: Thread, base: Directory, path: string, flags: number, place: Place): number {
  if (path.length >= 4096) return -E.NAMETOOLONG;
  if (path === '') return -E.NOENT;
  const root = flags & WalkFlag.inRoot ? base : t.proc.fs.root;
  if (path.charCodeAt(0) === 47 && flags & WalkFlag.beneath) return -E.XDEV;
  place.dir = path.charCodeAt(0) === 47 ? uncovered(root) : base;
  place.inode = place.dir; place.name = ''; place.slash = false;
  return steps({ t, flags, links: 0, place, root, start: base }, path, true);
}
export const newPlace = (): Place => ({ dir: undefined as unknown as Directory, name: '', inode: undefined, slash: false });

/** Goes on from place.dir. `last`: the path's last name is the walk's last name (not so inside a link in the middle). */
function steps(w: Walk, path: string, last: boolean): number {
  const p = w.place;
  for (let at = 0; ; ) {
    while (path.charCodeAt(at) === 47) at++;
    if (at >= path.length) return 0;
    let end = path.indexOf('/', at);
    if (end < 0) end = path.length;
    const name = at === 0 && end === path.length ? path : path.slice(at, end);
    at = end;
    if (!(p.inode instanceof Directory)) return p.inode === undefined ? -E.NOENT : -E.NOTDIR;
    p.dir = p.inode;
    const rest = restIsEmpty(path, at), final = last && rest;
    p.slash = final && at < path.length;
    const failed = step(w, name, final);
    if (failed) return failed;
    if (p.inode === undefined && !rest) return -E.NOENT;
  }
}
function restIsEmpty(path: string, at: number): boolean {
  while (at < path.length) if (path.charCodeAt(at++) !== 47) return false;
  return true;
}

function step(w: Walk, name: string, final: boolean): number {
  const p = w.place, t = w.t, dir = p.dir;
  if (!permitted(dir, May.EXEC, t.proc.creds)) return -E.ACCES;
  if (name === '.') { p.name = ''; p.inode = dir; return 0; }
  if (name === '..') return up(w);
  if (name.length > NAME_MAX) return -E.NAMETOOLONG;
  const found = dir.lookup(name, t);
  if (found === undefined) {
    p.name = name; p.inode = undefined;
    return final && w.flags & WalkFlag.parent ? 0 : -E.NOENT;
  }
  if (found.isLink && (!final || w.flags & WalkFlag.follow || (p.slash && !(w.flags & WalkFlag.parent)))) return followLink(w, found, name, final);
  const next = found instanceof Directory && found.mounted ? uncovered(found) : found;
  if (next !== found && w.flags & WalkFlag.noMounts) return -E.XDEV;
  p.name = name; p.inode = next;
  return final && p.slash && !next.isDir && !(w.flags & WalkFlag.parent && next.isLink) ? -E.NOTDIR : 0;
}

function up(w: Walk): number {
  const p = w.place;
  let dir = p.dir;
  if (dir === w.start && w.flags & WalkFlag.beneath) return -E.XDEV;
  while (dir !== uncovered(w.root) && dir.covers) dir = dir.covers;
  if (dir !== uncovered(w.root) && dir !== w.root) dir = uncovered(dir.parent);
  p.name = ''; p.inode = p.dir = dir;
  return 0;
}

function followLink(w: Walk, link: Inode, name: string, final: boolean): number {
  const p = w.place, dir = p.dir, slash = p.slash;
  if (w.flags & WalkFlag.noLinks || ++w.links > MAX_LINKS) return -E.LOOP;
  const jump = link.jump(w.t);
  if (jump !== undefined) {
    if (typeof jump === 'number') return jump;
    if (w.flags & WalkFlag.noMagic) return -E.LOOP;
    if ('inode' in jump) { p.name = jump.name; p.inode = jump.inode; p.dir = jump.dir ?? dir; }
    else { p.name = name; p.inode = jump; }
    return 0;
  }
  const target = link.readlink(w.t);
  if (typeof target === 'number') return target;
  if (target === '') return -E.NOENT;
  if (target.charCodeAt(0) === 47 && w.flags & WalkFlag.beneath) return -E.XDEV;
  p.inode = target.charCodeAt(0) === 47 ? uncovered(w.root) : dir;
  p.dir = p.inode as Directory;
  const failed = steps(w, target, final);
  if (failed) return failed;
  if (slash) { p.slash = true; if (p.inode && !p.inode.isDir) return -E.NOTDIR; }
  return 0;
}

/** The directory that a `dirfd` argument names. */
export function baseOf(t: Thread, fd: number, path: string): Directory | number {
  if (path.charCodeAt(0) === 47) return t.proc.fs.root;
  if (fd === AT.FDCWD) return t.proc.fs.cwd;
  const file = t.proc.fds.any(fd);
  if (!file) return -E.BADF;
  return file.inode instanceof Directory ? file.inode : path === '' ? t.proc.fs.cwd : -E.NOTDIR;
}
const shared = newPlace();
/** Walk from a dirfd: fills the shared place, which the next walk overwrites. */
export function at(t: Thread, fd: number, path: string, flags: number): Place | number {
  const base = baseOf(t, fd, path);
  if (typeof base === 'number') return base;
  return walk(t, base, path, flags, shared) || shared;
}
/** The same for the inode alone, following a last link unless told. */
export function inodeAt(t: Thread, fd: number, path: string, follow = true): Inode | number {
  const p = at(t, fd, path, follow ? WalkFlag.follow : 0);
  return typeof p === 'number' ? p : p.inode!;
}
