/** What changes the mounts that are there: umount2, pivot_root, a mount beneath another, a space of one's own (CLONE_NEWNS). */
import { E } from '../abi/errno.ts';
import { MntFlag } from '../abi/linux.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Process } from '../kernel/process.ts';
import type { UserSpace } from '../kernel/spaces.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Directory } from './inode.ts';
import { admits, copyOf, copyTree, hearers, isWithin, mayMount, mountsIn, moveTo, share, target } from './mount.ts';
import { type DirPath, type Mount, MountSpace, weightOf, type Path } from './path.ts';

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
