/** Mounting: a table of file system types, and the list that /proc/mounts shows. */
import { AT, Cap } from '../abi/linux.ts';
import { capable } from '../kernel/creds.ts';
import { E } from '../abi/errno.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Thread } from '../kernel/thread.ts';
import { devTree, ptsTree } from './devfs.ts';
import { Directory, pathOf } from './inode.ts';
import { procTree } from './proc/tree.ts';
import type { FileSystemType } from './types.ts';
import { sysTree } from './sysfs.ts';
import { inodeAt } from './walk.ts';

const Ms = { RDONLY: 1, REMOUNT: 32, BIND: 4096, MOVE: 8192, REC: 16384, PROPAGATION: 0x1e0000 } as const;

const types: Record<FileSystemType, (k: Kernel, source: string, data: string) => Directory> = {
  proc: (k) => procTree(k),
  sysfs: (k) => sysTree(k),
  tmpfs: (k, source, data) => k.newTmpFs('tmpfs', source || 'tmpfs', parseMode(data, 0o1777)).root,
  ramfs: (k, source) => k.newTmpFs('ramfs', source || 'ramfs').root,
  devtmpfs: (k) => devTree(k),
  devpts: (k) => ptsTree(k),
};

function parseMode(data: string, otherwise: number): number {
  const m = /(?:^|,)mode=([0-7]+)/.exec(data);
  return m ? parseInt(m[1]!, 8) : otherwise;
}

/** Puts a tree over a directory. */
export function cover(k: Kernel, at: Directory, root: Directory, type: string, source: string): void {
  at.mounted = root;
  root.covers = at;
  k.mounts.push({ root, covers: at, source, path: pathOf(at, k.root) ?? '/', type });
}
export function mountAt(t: Thread, source: string, target: string, type: string, flags: number, data: string): number {
  if (!capable(t.proc.creds, Cap.SYS_ADMIN)) return -E.PERM;
  const at = inodeAt(t, AT.FDCWD, target);
  if (typeof at === 'number') return at;
  if (!(at instanceof Directory)) return -E.NOTDIR;
  if (flags & Ms.PROPAGATION) return 0;
  if (flags & Ms.REMOUNT) { if (!(flags & Ms.BIND)) at.fs.readOnly = (flags & Ms.RDONLY) !== 0; return 0; }
  if (flags & Ms.BIND) return bind(t, source, at);
  const make = Object.hasOwn(types, type) ? types[type as FileSystemType] : undefined;
  if (!make) return -E.NODEV;
  const root = make(t.k, source, data);
  if (flags & Ms.RDONLY) root.fs.readOnly = true;
  cover(t.k, at, root, type, source || type);
  return 0;
}
/** A bind mount of a directory shows that very directory. */
function bind(t: Thread, source: string, at: Directory): number {
  const from = inodeAt(t, AT.FDCWD, source);
  if (typeof from === 'number') return from;
  if (!(from instanceof Directory)) return -E.NOTDIR;
  if (from === at) return 0;
  at.mounted = from;
  t.k.mounts.push({ root: from, covers: at, source, path: pathOf(at, t.k.root) ?? '/', type: from.fs.type });
  return 0;
}
export function unmountAt(t: Thread, target: string): number {
  if (!capable(t.proc.creds, Cap.SYS_ADMIN)) return -E.PERM;
  const d = inodeAt(t, AT.FDCWD, target);
  if (typeof d === 'number') return d;
  const i = t.k.mounts.findLastIndex((m) => m.root === d && m.covers !== undefined);
  if (i < 0) return -E.INVAL;
  const m = t.k.mounts[i]!;
  for (const p of t.k.pids.processes.values()) if (p.fs.cwd === d && p.alive) return -E.BUSY;
  m.covers!.mounted = undefined;
  if (m.root.covers === m.covers) m.root.covers = undefined;
  t.k.mounts.splice(i, 1);
  return 0;
}
