/** What stands in the file system before the first program: mount points, /dev, /proc, /sys, and links that programs expect. */
import { devTree, ptsTree } from '../fs/devfs.ts';
import { Directory } from '../fs/inode.ts';
import { cover } from '../fs/mount.ts';
import { procTree } from '../fs/proc/tree.ts';
import { sysTree } from '../fs/sysfs.ts';
import type { TmpDir } from '../fs/tmpfs.ts';
import type { Kernel } from './kernel.ts';
import { S } from '../abi/linux.ts';

function ensure(root: TmpDir, name: string, mode: number): Directory | undefined {
  const there = root.lookup(name);
  if (there) return there instanceof Directory ? there : undefined;
  return root.make(name, S.IFDIR | mode, 0) as Directory;
}

export function mountDefaults(k: Kernel): void {
  const root = k.root;
  k.mounts.push({ root, covers: undefined, source: 'rootfs', path: '/', type: 'rootfs' });
  for (const [name, mode] of [['bin', 0o755], ['etc', 0o755], ['tmp', 0o1777]] as const) ensure(root, name, mode);
  const mounts: [string, () => Directory, string][] = [['dev', () => devTree(k), 'devtmpfs'], ['proc', () => procTree(k), 'proc'], ['sys', () => sysTree(k), 'sysfs']];
  for (const [name, tree, type] of mounts) {
    const at = ensure(root, name, 0o755);
    if (at) cover(k, at, tree(), type, type);
  }
  const dev = devTree(k);
  cover(k, dev.lookup('pts') as Directory, ptsTree(k), 'devpts', 'devpts');
  cover(k, dev.lookup('shm') as Directory, k.newTmpFs('tmpfs', 'tmpfs', 0o1777).root, 'tmpfs', 'tmpfs');
}
