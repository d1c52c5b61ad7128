/** What changes the mounts of a process as a whole: umount2, pivot_root, and a space of mounts of one's own (CLONE_NEWNS). */
import { E } from '../abi/errno.ts';
import { MntFlag } from '../abi/linux.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Process } from '../kernel/process.ts';
import type { UserSpace } from '../kernel/spaces.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Directory } from './inode.ts';
import { admits, copyOf, copyTree, detachTree, hearers, mayMount, share, target } from './mount.ts';
import { type DirPath, type Mount, MountSpace, weightOf } from './path.ts';

const usesMount = (p: Process, m: Mount): boolean => p.alive && (p.fs.cwd.mount === m || p.fs.root.mount === m);

export function unmountAt(t: Thread, path: string, flags: number): number {
  if (!mayMount(t)) return -E.PERM;
  const to = target(t, path, !(flags & MntFlag.NOFOLLOW)), space = t.proc.mounts;
  if (typeof to === 'number') return to;
  const m = to.mount;
  if (to.inode !== m.root || m.space !== space || !m.point) return -E.INVAL;
  if (flags & MntFlag.EXPIRE && flags & (MntFlag.FORCE | MntFlag.DETACH)) return -E.INVAL;
  if (flags & MntFlag.DETACH) { detachTree(m); return 0; }
  if (m.isBusy) return -E.BUSY;
  for (const p of t.k.pids.processes.values()) if (usesMount(p, m)) return -E.BUSY;
  if (flags & MntFlag.EXPIRE && !m.expired) { m.expired = true; return -E.AGAIN; }
  for (const other of hearers(m.point.mount)) { const twin = other.over(m.point.inode); if (twin && !twin.isBusy) detachTree(twin); }
  detachTree(m);
  return 0;
}
export function pivotRoot(t: Thread, newPath: string, oldPath: string): number {
  if (!mayMount(t)) return -E.PERM;
  const next = target(t, newPath), put = target(t, oldPath), space = t.proc.mounts, { root } = t.proc.fs, old = root.mount;
  if (typeof next === 'number') return next;
  if (typeof put === 'number') return put;
  const m = next.mount;
  if (!next.inode.isDir || !put.inode.isDir) return -E.NOTDIR;
  if (m === old || put.mount === old) return -E.BUSY;
  if (next.inode !== m.root || root.inode !== old.root || !m.point || m.space !== space || old.space !== space ||
    put.mount.space !== space) return -E.INVAL;
  let x: Mount | undefined = put.mount;
  while (x && x !== m) x = x.point?.mount;
  if (!x) return -E.INVAL;
  // The new root replaces the old one: at the top of the space, or at the place that the old one covered.
  const { point } = old;
  m.point.mount.detach(m);
  if (point) { point.mount.detach(old); point.mount.attach(m, point); } else space.root = m;
  put.mount.attach(old, put);
  const top: DirPath = { mount: m, inode: m.root as Directory };
  for (const p of t.k.pids.processes.values()) {
    if (p.fs.root.mount === old && p.fs.root.inode === old.root) p.fs.root = top;
    if (p.fs.cwd.mount === old && p.fs.cwd.inode === old.root) p.fs.cwd = top;
  }
  return 0;
}

/** Whether a process may have a copy of its space: 0 or -errno. */
export const mayCopySpace = (k: Kernel, p: Process): number =>
  admits(k, new MountSpace(k.frames), p.mounts.list.length, p.mounts.list.reduce((sum, m) => sum + weightOf(m), 0));

/** unshare(CLONE_NEWNS), clone(CLONE_NEWNS): a space of its own, a copy of the one that the process had. */
export function copySpace(k: Kernel, p: Process, owner: UserSpace): void {
  const old = p.mounts, space = new MountSpace(k.frames, k.newSpaceIno(), owner), strange = owner !== old.owner, root = copyOf(k, old.root),
    copies = new Map([[old.root, root]]);
  space.root = root;
  space.add(root);
  if (old.root.peers) share(k, old.root, root);
  copyTree(k, space, copies, [...old.list].filter((m) => m !== old.root).sort((a, b) => depth(a) - depth(b)));
  // The new owner's changes must not propagate back to the owner of the mounts.
  if (strange) for (const m of space.list) if (m.peers) { const master = m.peers; m.makePrivate(); m.master = master; master.slaves.add(m);
    }
  p.mounts = space;
  old.release();
  const moved = (at: DirPath): DirPath => ({ mount: copies.get(at.mount) ?? at.mount, inode: at.inode });
  p.fs.root = moved(p.fs.root);
  p.fs.cwd = moved(p.fs.cwd);
}
function depth(m: Mount): number { let n = 0; for (let x: Mount | undefined = m; x?.point; x = x.point.mount) n++; return n; }
