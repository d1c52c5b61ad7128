/** The calls that change mounts: mount, umount2, pivot_root, a mount beneath another; and a space of mounts of one's own (CLONE_NEWNS). */
import { E } from '../abi/errno.ts';
import { MntFlag, Ms } from '../abi/linux.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Process } from '../kernel/process.ts';
import type { UserSpace } from '../kernel/spaces.ts';
import type { Thread } from '../kernel/thread.ts';
import { Directory } from './inode.ts';
import {
  admits, copyOf, copyTree, cover, echoes, FOR_ALL, hearers, isFileSystem, isNowhere, makeFileSystem, mayCopy, mayMount, mountsIn, newMount,
  OF_MOUNT, propagation, share, submounts, target
} from './mount.ts';
import { type DirPath, type Mount, MountSpace, weightOf, type Path } from './path.ts';

export function mountAt(thread: Thread, source: string, path: string, type: string, flags: number, data: string): number {
  if (!mayMount(thread)) return -E.PERM;
  const to = target(thread, path), space = thread.proc.mounts;
  if (typeof to === 'number') return to;
  if (to.inode.isLink) return -E.NOENT;
  if (to.mount.space !== space) return -E.INVAL;
  if (flags & Ms.REMOUNT) return remount(to, flags, data);
  if (flags & Ms.BIND) return bind(thread, source, to, (flags & Ms.REC) !== 0);
  if (flags & Ms.PROPAGATION) return propagation(thread.k, to, flags);
  if (flags & Ms.MOVE) return move(thread, source, to);
  if (!isFileSystem(type)) return -E.NODEV;
  if (space.owner.parent && !FOR_ALL.has(type)) return -E.PERM;
  if (!(to.inode instanceof Directory)) return -E.NOTDIR;
  const root = makeFileSystem(thread, type, source, data);
  if (typeof root === 'number') return root;
  const mount = newMount(thread.k, root, source || 'none', flags), n = echoes(to), failed = admits(thread.k, space, n, n * weightOf(mount));
  if (failed) return failed;
  cover(thread.k, space, mount, to);
  return 0;
}
function remount(to: Path, flags: number, data: string): number {
  if (to.inode !== to.mount.root) return -E.INVAL;
  const { fs } = to.mount;
  if (!(flags & Ms.BIND)) {
    const failed = fs.remount?.(data) ?? 0;
    if (failed) return failed;
    fs.readOnly = (flags & Ms.RDONLY) !== 0;
  }
  to.mount.flags = flags & OF_MOUNT;
  return 0;
}
/** A bind mount shows another place here: a directory over a directory, a file over a file. */
function bind(thread: Thread, source: string, to: Path, all: boolean): number {
  const from = target(thread, source);
  if (typeof from === 'number') return from;
  if (from.inode.isDir !== to.inode.isDir) return -E.NOTDIR;
  if (!mayCopy(thread, from)) return -E.INVAL;
  const mount = copyOf(thread.k, from.mount, from.inode);
  // The source's mounts are listed before the copy exists, so that a copy below its source is not copied into itself.
  const inside = all ? submounts(from) : [], n = echoes(to);
  const failed = admits(thread.k, thread.proc.mounts, inside.length + n,
    n * weightOf(mount) + inside.reduce((sum, i) => sum + weightOf(i), 0));
  if (failed) return failed;
  if (from.mount.peers) share(thread.k, from.mount, mount);
  cover(thread.k, thread.proc.mounts, mount, to);
  copyTree(thread.k, thread.proc.mounts, new Map([[from.mount, mount]]), inside);
  return 0;
}
function move(thread: Thread, source: string, to: Path): number {
  const from = target(thread, source);
  if (typeof from === 'number') return from;
  return from.inode.isDir === to.inode.isDir ? moveTo(thread, from, to) : -E.NOTDIR;
}
/** Is it this mount, or mounted below it? */
export function isWithin(mount: Mount, top: Mount): boolean {
  for (let at: Mount | undefined = mount; at; at = at.point?.mount) if ((at = at.under(top)) === top) return true;
  return false;
}
/** Moves a mount, attached or not, to another place. */
export function moveTo(thread: Thread, from: Path, to: Path): number {
  const mount = from.mount, detached = isNowhere(mount) && !mount.point;
  if (to.mount.space !== thread.proc.mounts) return -E.INVAL;
  if (from.inode !== mount.root || (!mount.point && !detached) || (mount.space !== thread.proc.mounts && !detached)
      || mount.point?.mount.peers)
    return -E.INVAL;
  if (mount.root.isDir !== to.inode.isDir) return -E.INVAL;
  if (detached) return attachTree(thread.k, thread.proc.mounts, mount, to);
  if (isWithin(to.mount, mount)) return -E.LOOP;
  mount.point!.mount.detach(mount);
  to.mount.attach(mount, to);
  return 0;
}
/** Attaches a detached tree to a space. */
function attachTree(k: Kernel, space: MountSpace, mount: Mount, to: Path): number {
  const list = [...mount.space!.list], n = echoes(to),
    failed = admits(k, space, list.length + n, list.reduce((sum, x) => sum + weightOf(x), n * weightOf(mount)));
  if (failed) return failed;
  for (const inner of list) { mount.space!.remove(inner); if (inner !== mount) space.add(inner); }
  cover(k, space, mount, to);
  return 0;
}
/** Removes a mount, and all mounts in it, from its space. Open files in it stay. */
export function detachTree(mount: Mount): void {
  for (const each of [mount, ...mountsIn(mount)].reverse()) {
    each.point?.mount.detach(each);
    each.space?.remove(each);
    each.makePrivate();
  }
}
/**
 * Moves a mount below the one that `to` is the root of: that one stays on top and shows what it did (MOVE_MOUNT_BENEATH).
 *
 * @spec linux fs/namespace.c can_move_mount_beneath
 */
export function moveBeneath(thread: Thread, from: Path, to: Path): number {
  const top = to.mount, below = top.point;
  if (top.space !== thread.proc.mounts || to.inode !== top.root || !below || top === thread.proc.fs.root.mount) return -E.INVAL;
  if (isWithin(from.mount, top)) return -E.INVAL;
  return below.mount.peers ? -E.INVAL : moveTo(thread, from, below);
}

const usesMount = (p: Process, m: Mount): boolean => p.alive && (p.fs.cwd.mount === m || p.fs.root.mount === m);

export function unmountAt(thread: Thread, path: string, flags: number): number {
  if (!mayMount(thread)) return -E.PERM;
  const to = target(thread, path, !(flags & MntFlag.NOFOLLOW)), space = thread.proc.mounts;
  if (typeof to === 'number') return to;
  const mount = to.mount;
  if (to.inode !== mount.root || mount.space !== space || !mount.point) return -E.INVAL;
  if (flags & MntFlag.EXPIRE && flags & (MntFlag.FORCE | MntFlag.DETACH)) return -E.INVAL;
  if (flags & MntFlag.DETACH) { detachTree(mount); return 0; }
  if (mount.isBusy) return -E.BUSY;
  for (const process of thread.k.pids.processes.values()) if (usesMount(process, mount)) return -E.BUSY;
  if (flags & MntFlag.EXPIRE && !mount.expired) { mount.expired = true; return -E.AGAIN; }
  for (const other of hearers(mount.point.mount)) {
    const twin = other.over(mount.point.inode);
    if (twin && !twin.isBusy) detachTree(twin);
  }
  detachTree(mount);
  return 0;
}
export function pivotRoot(thread: Thread, newPath: string, oldPath: string): number {
  if (!mayMount(thread)) return -E.PERM;
  const next = target(thread, newPath), put = target(thread, oldPath), space = thread.proc.mounts, { root } = thread.proc.fs,
    old = root.mount;
  if (typeof next === 'number') return next;
  if (typeof put === 'number') return put;
  const mount = next.mount;
  if (!next.inode.isDir || !put.inode.isDir) return -E.NOTDIR;
  if (mount === old || put.mount === old) return -E.BUSY;
  if (next.inode !== mount.root || root.inode !== old.root || !mount.point || mount.space !== space || old.space !== space ||
    put.mount.space !== space) return -E.INVAL;
  if (!isWithin(put.mount, mount)) return -E.INVAL;
  // The new root replaces the old one: at the top of the space, or at the place that the old one covered.
  const { point } = old;
  mount.point.mount.detach(mount);
  if (point) { point.mount.detach(old); point.mount.attach(mount, point); } else space.root = mount;
  put.mount.attach(old, put);
  const top: DirPath = { mount: mount, inode: mount.root as Directory };
  for (const process of thread.k.pids.processes.values()) {
    if (process.fs.root.mount === old && process.fs.root.inode === old.root) process.fs.root = top;
    if (process.fs.cwd.mount === old && process.fs.cwd.inode === old.root) process.fs.cwd = top;
  }
  return 0;
}

/** Whether a process may have a copy of its space: 0 or -errno. */
export const mayCopySpace = (k: Kernel, p: Process): number =>
  admits(k, new MountSpace(k.frames), p.mounts.list.length, p.mounts.list.reduce((sum, m) => sum + weightOf(m), 0));

/** unshare(CLONE_NEWNS), clone(CLONE_NEWNS): a space of its own, a copy of the one that the process had. */
export function copySpace(k: Kernel, process: Process, owner: UserSpace): void {
  const old = process.mounts, space = new MountSpace(k.frames, k.newSpaceIno(), owner), strange = owner !== old.owner,
    root = copyOf(k, old.root),
    copies = new Map([[old.root, root]]);
  space.root = root;
  space.add(root);
  if (old.root.peers) share(k, old.root, root);
  copyTree(k, space, copies, mountsIn(old.root));
  // The new owner's changes must not propagate back to the owner of the mounts.
  if (strange) for (const mount of space.list)
    if (mount.peers) {
      const master = mount.peers;
      mount.makePrivate();
      mount.master = master;
      master.slaves.add(mount);
    }
  process.mounts = space;
  old.release();
  const moved = (at: DirPath): DirPath => ({ mount: copies.get(at.mount) ?? at.mount, inode: at.inode });
  process.fs.root = moved(process.fs.root);
  process.fs.cwd = moved(process.fs.cwd);
}
