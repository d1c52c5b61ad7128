/** From a path to an inode: the walk over directories, links and mounts, with its permission checks and limits. */
import { has, type CapSets } from '../kernel/caps.ts';
import { firstUsers, nameOfId, type UserSpace } from '../kernel/spaces.ts';
import { AT, Cap, Ms, S } from '../abi/linux.ts';
import { E } from '../abi/errno.ts';
import type { Thread } from '../kernel/thread.ts';
import type { File } from './file.ts';
import { partOf } from '../mm/text.ts';
import { Directory, type Inode } from './inode.ts';
import { above, isReadOnly, topmost, type DirPath, type Mount, type Path } from './path.ts';

const MAX_LINKS = 40, NAME_MAX = 255;

export const May = { EXEC: 1, WRITE: 2, READ: 4 } as const;
export interface Who { readonly fsuid: number; readonly fsgid: number; readonly groups: readonly number[]; readonly caps: CapSets;
  readonly users: UserSpace }

/** Whether a sorted list contains this number: it may have 65,536 entries, and each name of a path checks it. */
export function inGroups(groups: readonly number[], gid: number): boolean {
  let lo = 0, hi = groups.length;
  while (lo < hi) {
    const mid = (lo + hi) >>> 1;
    if (groups[mid]! < gid) lo = mid + 1; else hi = mid;
  }
  return groups[lo] === gid;
}
/** Whether `who` has a capability over an inode: in a space of users only where the space knows owner and group. */
export function capableOver(inode: Inode, who: Pick<Who, 'caps' | 'users'>, cap: Cap): boolean {
  return has(who.caps, cap) && (who.users === firstUsers || (nameOfId(who.users.users, inode.uid) >= 0 &&
    nameOfId(who.users.groups, inode.gid) >= 0));
}
/** Whether `who` has these rights to the inode; CAP_DAC_OVERRIDE grants all, but execution only if some execute bit is set. */
export function permitted(inode: Inode, mask: number, who: Who): boolean {
  const bits = inode.uid === who.fsuid ? inode.mode >> 6
    : inode.gid === who.fsgid || inGroups(who.groups, inode.gid) ? inode.mode >> 3
    : inode.mode;
  if ((bits & mask) === mask) return true;
  if (capableOver(inode, who, Cap.DAC_OVERRIDE)) return !(mask & May.EXEC) || inode.isDir || (inode.mode & 0o111) !== 0;
  return capableOver(inode, who, Cap.DAC_READ_SEARCH) && !(mask & May.WRITE) && (inode.isDir || !(mask & May.EXEC));
}
/** Whether `who` may remove names from the directory: write permission, and the sticky bit's rule. */
export function mayDelete(dir: Directory, inode: Inode, who: Who): number {
  if (!permitted(dir, May.WRITE | May.EXEC, who)) return -E.ACCES;
  if (dir.mode & S.ISVTX && inode.uid !== who.fsuid && dir.uid !== who.fsuid && !capableOver(inode, who, Cap.FOWNER)) return -E.PERM;
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

/** The place where a walk ended. Valid until the next walk. */
export interface WalkEnd {
  /** The directory that has the last name, and its mount. */
  dirMount: Mount;
  dir: Directory;
  /** Last name, '' when the path ended in a directory by itself ('/', '.', '..'). */
  name: string;
  /** What was found, on top of all mounts, and its mount. */
  mount: Mount;
  inode: Inode | undefined;
  /** The path ended in a slash. */
  slash: boolean;
  /** Permission bits of the file that the caller makes if the last name does not exist; -1: it makes none. */
  makes: number;
}
interface Walk { t: Thread; flags: number; links: number; place: WalkEnd; root: DirPath; start: DirPath }
/** The last walk's state, for reuse by the next one; undefined while in use. */
let spare: Walk | undefined;

/** Walks `path` from `base`; fills `place` (the caller's or a new one) and returns 0 or -errno. */
export function walk(thread: Thread, base: DirPath, path: string, flags: number, place: WalkEnd): number {
  if (path.length >= 4096) return -E.NAMETOOLONG;
  if (path === '') return -E.NOENT;
  thread.k.work.walked();
  const root = flags & WalkFlag.inRoot ? base : thread.proc.fs.root, absolute = path.charCodeAt(0) === 47;
  if (absolute && flags & WalkFlag.beneath) return -E.XDEV;
  const from = absolute ? root : base;
  place.mount = place.dirMount = from.mount;
  place.inode = place.dir = from.inode;
  place.name = ''; place.slash = false;
  const state = spare ?? {} as Walk;
  spare = undefined;
  state.t = thread; state.flags = flags; state.links = 0; state.place = place; state.root = root; state.start = base;
  const result = steps(state, path, true);
  spare = state;
  return result;
}
export const newWalkEnd = (): WalkEnd => ({
  dirMount: undefined as unknown as Mount, dir: undefined as unknown as Directory, name: '', mount: undefined as unknown as Mount,
  inode: undefined, slash: false, makes: -1
});
/** The permanent part of a place: where its inode was found. */
export const pathOf = (p: WalkEnd): Path => ({ mount: p.mount, inode: p.inode!, dir: p.dir, name: p.name });

/** Continues from the inode found last. `last`: the path's last name is the walk's last name (not so inside a link in the middle). */
function steps(walk: Walk, path: string, last: boolean): number {
  const walkEnd = walk.place;
  for (let at = 0; ; ) {
    while (path.charCodeAt(at) === 47) at++;
    if (at >= path.length) return 0;
    let end = path.indexOf('/', at);
    if (end < 0) end = path.length;
    const name = at === 0 && end === path.length ? path : partOf(path, at, end);
    at = end;
    if (!(walkEnd.inode instanceof Directory)) return walkEnd.inode === undefined ? -E.NOENT : -E.NOTDIR;
    walkEnd.dir = walkEnd.inode;
    walkEnd.dirMount = walkEnd.mount;
    const rest = restIsEmpty(path, at), final = last && rest;
    walkEnd.slash = final && at < path.length;
    const failed = step(walk, name, final);
    if (failed) return failed;
    if (walkEnd.inode === undefined && !rest) return -E.NOENT;
  }
}
function restIsEmpty(path: string, at: number): boolean {
  while (at < path.length) if (path.charCodeAt(at++) !== 47) return false;
  return true;
}

function step(walk: Walk, name: string, final: boolean): number {
  const walkEnd = walk.place, thread = walk.t, dir = walkEnd.dir;
  thread.k.work.named();
  if (!permitted(dir, May.EXEC, thread.creds)) return -E.ACCES;
  if (name === '.') { walkEnd.name = ''; walkEnd.inode = dir; return 0; }
  if (name === '..') return up(walk);
  if (name.length > NAME_MAX) return -E.NAMETOOLONG;
  const found = final && walkEnd.makes >= 0 && mayMake(walkEnd, thread) ? dir.lookupToMake(name, walkEnd.makes, thread)
    : dir.lookup(name, thread);
  if (found === undefined) {
    thread.k.work.found();
    walkEnd.name = name; walkEnd.inode = undefined;
    return final && walk.flags & WalkFlag.parent ? 0 : -E.NOENT;
  }
  if (found.isLink && (!final || walk.flags & WalkFlag.follow || (walkEnd.slash && !(walk.flags & WalkFlag.parent))))
    return followLink(walk, found, name, final);
  walkEnd.name = name; walkEnd.inode = found; walkEnd.mount = walkEnd.dirMount;
  if (found.covered > 0) enter(walkEnd);
  if (walkEnd.mount !== walkEnd.dirMount && walk.flags & WalkFlag.noMounts) return -E.XDEV;
  return final && walkEnd.slash && !walkEnd.inode.isDir && !(walk.flags & WalkFlag.parent && walkEnd.inode.isLink) ? -E.NOTDIR : 0;
}
const mayMake = (p: WalkEnd, t: Thread): boolean =>
  !p.slash && permitted(p.dir, May.WRITE | May.EXEC, t.creds) && !isReadOnly(p.dirMount);

/** Enters mounts over the found inode. */
function enter(walkEnd: WalkEnd): void {
  const top = topmost(walkEnd.mount, walkEnd.inode!);
  walkEnd.mount = top.mount;
  walkEnd.inode = top.inode;
}

function up(walk: Walk): number {
  const walkEnd = walk.place, here = { mount: walkEnd.dirMount, inode: walkEnd.dir };
  if (here.inode === walk.start.inode && here.mount === walk.start.mount && walk.flags & WalkFlag.beneath) return -E.XDEV;
  const to = above(here, walk.root);
  if (to.mount !== here.mount && walk.flags & WalkFlag.noMounts) return -E.XDEV;
  walkEnd.name = '';
  walkEnd.mount = walkEnd.dirMount = to.mount;
  walkEnd.inode = walkEnd.dir = to.inode;
  return 0;
}

function followLink(walk: Walk, link: Inode, name: string, final: boolean): number {
  const walkEnd = walk.place, dir = walkEnd.dir, slash = walkEnd.slash;
  walk.t.k.work.filed();
  if (walk.flags & WalkFlag.noLinks || ++walk.links > MAX_LINKS || walkEnd.dirMount.flags & Ms.NOSYMFOLLOW) return -E.LOOP;
  const jump = link.jump(walk.t);
  if (jump !== undefined) {
    if (typeof jump === 'number') return jump;
    if (walk.flags & WalkFlag.noMagic) return -E.LOOP;
    walkEnd.inode = jump.inode; walkEnd.mount = jump.mount ?? walk.t.k.nowhere;
    walkEnd.dir = jump.dir ?? dir; walkEnd.name = jump.name ?? name;
    if (jump.dir) walkEnd.dirMount = walkEnd.mount;
    return 0;
  }
  const target = link.readlink(walk.t);
  if (typeof target === 'number') return target;
  if (target === '') return -E.NOENT;
  if (target.charCodeAt(0) === 47 && walk.flags & WalkFlag.beneath) return -E.XDEV;
  if (target.charCodeAt(0)
      === 47) { walkEnd.mount = walkEnd.dirMount = walk.root.mount; walkEnd.inode = walkEnd.dir = walk.root.inode; } else {
        walkEnd.inode = dir;
        walkEnd.mount = walkEnd.dirMount;
      }
  const failed = steps(walk, target, final);
  if (failed) return failed;
  if (slash) { walkEnd.slash = true; if (walkEnd.inode && !walkEnd.inode.isDir) return -E.NOTDIR; }
  return 0;
}

/** The directory that a `dirfd` argument names. */
export function baseOf(thread: Thread, fd: number, path: string, flags = 0): DirPath | number {
  if (path.charCodeAt(0) === 47 && !(flags & (WalkFlag.inRoot | WalkFlag.beneath))) return thread.proc.fs.root;
  if (fd === AT.FDCWD) return thread.proc.fs.cwd;
  const file = thread.proc.fds.any(fd);
  if (!file) return -E.BADF;
  if (file.inode instanceof Directory) return file.mount ? file as File & DirPath : { mount: thread.k.nowhere, inode: file.inode };
  return path === '' ? thread.proc.fs.cwd : -E.NOTDIR;
}
const shared = newWalkEnd();
/** Walks from a dirfd: fills the shared place, which the next walk overwrites. */
export function at(thread: Thread, fd: number, path: string, flags: number): WalkEnd | number {
  const base = baseOf(thread, fd, path);
  if (typeof base === 'number') return base;
  return walk(thread, base, path, flags, shared) || shared;
}
/** The same for the inode alone; follows a link at the end unless `follow` is false. */
export function inodeAt(thread: Thread, fd: number, path: string, follow = true): Inode | number {
  const found = at(thread, fd, path, follow ? WalkFlag.follow : 0);
  return typeof found === 'number' ? found : found.inode!;
}
