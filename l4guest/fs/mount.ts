/**
 * Mounting: a table of file system types, and the calls that put them into a process's mount space or move them.
 * A mount in a shared mount appears in its peers and slaves too.
 */
import { E } from '../abi/errno.ts';
import { AT, Cap, Ms } from '../abi/linux.ts';
import { diskTypes, type Maker } from './diskfs.ts';
import { capableIn } from '../kernel/spaces.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Thread } from '../kernel/thread.ts';
import { devTree, ptsTree } from './devfs.ts';
import { Directory, type Inode } from './inode.ts';
import { OverlayFs, overlayOptions } from './overlay.ts';
import { Mount, MountSpace, PeerGroup, weightOf, type Path } from './path.ts';
import { procTree } from './proc/tree.ts';
import { sysTree } from './sysfs.ts';
import { readOptions } from './tmpfs.ts';
import { WalkFlag, at, pathOf } from './walk.ts';

/** Flags that belong to a mount, not to its file system. */
export const OF_MOUNT = Ms.RDONLY | Ms.NOSUID | Ms.NODEV | Ms.NOEXEC | Ms.NOSYMFOLLOW | Ms.NOATIME | Ms.NODIRATIME | Ms.RELATIME;

const types: Record<string, Maker> = {
  __proto__: null as never,
  proc: (k, _source, _data, t) => procTree(k, t.proc.numbers),
  sysfs: (k) => sysTree(k),
  tmpfs: (k, source, data) => {
    const options = readOptions(data, k.frames.total);
    return typeof options === 'number' ? options : k.newTmpFs('tmpfs', source || 'tmpfs', 0o1777, options).root;
  },
  ramfs: (k, source) => k.newTmpFs('ramfs', source || 'ramfs').root,
  ...diskTypes,
  overlay: (k, _source, data, t) => overlay(k, data, t),
  devtmpfs: (k) => devTree(k),
  devpts: (k) => ptsTree(k),
};
export const fileSystemTypes = Object.keys(types);
/** The root of a new file system of a type: -ENODEV, -EPERM where the mounts are of another space of users, or the type's error. */
export function makeFileSystem(thread: Thread, type: string, source: string, data: string): Directory | number {
  const make = types[type];
  if (!make) return -E.NODEV;
  return thread.proc.mounts.owner.parent && !FOR_ALL.has(type) ? -E.PERM : make(thread.k, source, data, thread);
}
export const isFileSystem = (type: string): boolean => types[type] !== undefined;

/** Layers of an overlay, and overlays upon overlays (OVL_MAX_STACK, FILESYSTEM_MAX_STACK_DEPTH). */
const MOST_LAYERS = 500, MOST_DEPTH = 2;
function overlay(k: Kernel, data: string, thread: Thread): Directory | number {
  const options = overlayOptions(data), dirs: Directory[] = [];
  if (!options) return -E.INVAL;
  for (const path of [...options.lowers, ...(options.upper === undefined ? [] : [options.upper])]) {
    const found = target(thread, path);
    if (typeof found === 'number') return found;
    if (!(found.inode instanceof Directory)) return -E.NOTDIR;
    dirs.push(found.inode);
  }
  if (dirs.length > MOST_LAYERS || dirs.some((d) => d.fs instanceof OverlayFs && d.fs.depth >= MOST_DEPTH)) return -E.INVAL;
  const upper = options.upper === undefined ? undefined : dirs.pop();
  return new OverlayFs(k, k.newDev(), dirs, upper, data).root;
}

/** Whether a space may have `n` more mounts of this weight: 0 or -errno. */
export function admits(k: Kernel, space: MountSpace, n: number, weight: number): number {
  if (space.list.length + n > k.sysctl.number('fs/mount-max')) return -E.NOSPC;
  if (!k.frames.charge(weight)) return -E.NOMEM;
  k.frames.uncharge(weight); // there is room: each mount takes its own when it is there
  return 0;
}
/** The number of mounts that one more at a place creates: one there, and one wherever that place is visible. */
export const echoes = (point: Path): number => 1 + hearers(point.mount).size;

/** A mount of a root, not yet anywhere. */
export const newMount = (k: Kernel, root: Inode, source: string, flags = 0): Mount =>
  new Mount(k.newMountId(), root, source, flags & OF_MOUNT);

/** Mounts over a place, and copies the mount to that place in peers and slaves. */
export function cover(k: Kernel, space: MountSpace, mount: Mount, point: Path): void {
  // The receivers are determined first, because a mount of a shared tree within itself is one of its own peers and would propagate to
  // itself without end.
  const others = hearers(point.mount);
  place(space, mount, point);
  for (const other of others) {
    if (other === mount || !other.space || !reaches(other, point.inode)) continue;
    const copy = copyOf(k, mount);
    place(other.space, copy, { ...point, mount: other });
    if (point.mount.peers && other.peers === point.mount.peers) share(k, mount, copy); else slaveTo(k, mount, copy);
  }
}
function place(space: MountSpace, mount: Mount, point: Path): void {
  point.mount.attach(mount, point);
  space.add(mount);
}
/** The mounts to which changes in one propagate: its peers, their slaves, the peers of these, and so on; each of them once. */
export function hearers(mount: Mount): Set<Mount> {
  const heard = new Set<Mount>(), groups = new Set(mount.peers ? [mount.peers] : []);
  for (const { members, slaves } of groups) {
    for (const peer of members) heard.add(peer);
    for (const slave of slaves) { heard.add(slave); if (slave.peers) groups.add(slave.peers); }
  }
  heard.delete(mount);
  return heard;
}
/** Whether a mount shows this inode: its root is the inode or above it. */
function reaches(mount: Mount, inode: Inode): boolean {
  if (inode === mount.root) return true;
  if (!(inode instanceof Directory)) return mount.root === mount.fs.root;
  for (let directory = inode; ; directory = directory.parent) {
    if (directory === mount.root) return true;
    if (directory.parent === directory) return false;
  }
}
export function copyOf(k: Kernel, m: Mount, root: Inode = m.root): Mount { return newMount(k, root, m.source, m.flags); }
export function share(k: Kernel, ...mounts: Mount[]): void {
  const group = mounts.find((m) => m.peers)?.peers ?? new PeerGroup(k.newMountId());
  for (const mount of mounts) { mount.peers = group; group.members.add(mount); }
}
function slaveTo(k: Kernel, master: Mount, slave: Mount): void {
  if (!master.peers) share(k, master);
  slave.master = master.peers;
  master.peers!.slaves.add(slave);
}

// ── mount(2) ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The place that a target names, with what is mounted there already. */
export function target(thread: Thread, path: string, follow = true): Path | number {
  const found = at(thread, AT.FDCWD, path, follow ? WalkFlag.follow : 0);
  return typeof found === 'number' ? found : pathOf(found);
}
/** Whether the caller may change the space of mounts. */
export const mayMount = (t: Thread): boolean => capableIn(t.creds, t.proc.mounts.owner, Cap.SYS_ADMIN);
/** File systems that the administrator of any space of users may mount. */
export const FOR_ALL = new Set(['proc', 'sysfs', 'tmpfs', 'ramfs', 'devpts', 'mqueue', 'overlay', 'cgroup2']);
/** Valid sources of a bind mount: a place in the own mounts, or a name space's file. */
export const mayCopy = (t: Thread, from: Path): boolean => (from.mount.space === t.proc.mounts && !from.mount.unbindable) ||
  from.inode.fs.type === 'nsfs';
/** A tree of mounts that is nowhere yet: a copy of what a place shows (open_tree), or the mount of a new file system (fsmount). */
export function detachedCopy(thread: Thread, from: Path, all: boolean): Mount | number {
  if (!mayCopy(thread, from)) return -E.INVAL;
  const mount = copyOf(thread.k, from.mount, from.inode), inside = all ? submounts(from) : [];
  const failed = admits(thread.k, thread.proc.mounts, 1 + inside.length, weightOf(mount) + inside.reduce((sum, i) => sum + weightOf(i), 0));
  if (failed) return failed;
  copyTree(thread.k, nowhereElse(thread.k, mount), new Map([[from.mount, mount]]), inside);
  return mount;
}
/** A private space for a mount that only its descriptor can reach. */
export function nowhereElse(k: Kernel, mount: Mount): MountSpace {
  const space = new MountSpace(k.frames, 0);
  space.root = mount;
  space.add(mount);
  return space;
}
export const isNowhere = (m: Mount): boolean => m.space?.ino === 0;
/** Mounts beneath a place that may be copied, each after the one that it is in. */
export const submounts = (from: Path): Mount[] =>
  mountsIn(from.mount, (m) => !m.unbindable && (m.point!.mount !== from.mount || isBeneath(m.point!, from.inode)));
/** Mounts in a mount, each after the one that it is in; nothing of what is in one that is not wanted. Piles of them may be high. */
export function mountsIn(mount: Mount, wanted: (m: Mount) => boolean = () => true): Mount[] {
  const found: Mount[] = [], rest: Mount[] = [],
    enter = (m: Mount): void => { for (const inner of [...m.mounted].reverse()) rest.push(inner); };
  enter(mount);
  for (let next = rest.pop(); next; next = rest.pop()) if (wanted(next)) { found.push(next); enter(next); }
  return found;
}
function isBeneath(path: Path, top: Inode): boolean {
  for (let inode: Inode | undefined = path.inode instanceof Directory
    ? path.inode
    : path.dir; inode instanceof Directory; inode = inode.parent) { if (inode === top) return true; if (inode.parent === inode) break; }
  return path.inode === top;
}
/** Copies mounts onto the copies of the mounts that they are in. */
export function copyTree(k: Kernel, space: MountSpace, copies: Map<Mount, Mount>, list: readonly Mount[]): void {
  for (const mount of list) {
    const point = mount.point!, copy = copyOf(k, mount);
    copies.set(mount, copy);
    if (mount.peers) share(k, mount, copy);
    if (mount.master) { copy.master = mount.master; mount.master.slaves.add(copy); }
    copy.unbindable = mount.unbindable;
    place(space, copy, { ...point, mount: copies.get(point.mount)! });
  }
}
export function propagation(k: Kernel, to: Path, flags: number): number {
  const kind = flags & Ms.PROPAGATION;
  if (to.inode !== to.mount.root || (kind & (kind - 1)) !== 0 || flags & ~(Ms.PROPAGATION | Ms.REC | Ms.SILENT)) return -E.INVAL;
  for (const mount of [to.mount, ...(flags & Ms.REC ? submounts({ ...to, inode: to.mount.root }) : [])]) {
    const master = mount.peers && mount.peers.members.size > 1 ? mount.peers : mount.master;
    if (kind === Ms.SHARED) { if (!mount.peers) share(k, mount); continue; }
    mount.makePrivate();
    mount.unbindable = kind === Ms.UNBINDABLE;
    if (kind === Ms.SLAVE && master) { mount.master = master; master.slaves.add(mount); }
  }
  return 0;
}
