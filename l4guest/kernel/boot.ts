/** The initial contents of the file system: mount points, /dev, /proc, /sys, and links that programs expect. */
import { devTree, ptsTree } from '../fs/devfs.ts';
import { Directory } from '../fs/inode.ts';
import { cover, newMount } from '../fs/mount.ts';
import { procTree } from '../fs/proc/tree.ts';
import { sysTree } from '../fs/sysfs.ts';
import type { TmpDir } from '../fs/tmpfs.ts';
import type { Kernel } from './kernel.ts';
import { Ms, S } from '../abi/linux.ts';
import type { Mount } from '../fs/path.ts';

function ensure(root: TmpDir, name: string, mode: number): Directory | undefined {
  const there = root.lookup(name);
  if (there) return there instanceof Directory ? there : undefined;
  return root.make(name, S.IFDIR | mode, 0) as Directory;
}

/** Creates required directories; it looks up the root file system, so it may be repeated (NotHere). */
export function prepareRoot(k: Kernel): void {
  for (const [name, mode] of [['bin', 0o755], ['etc', 0o755], ['tmp', 0o1777], ['dev', 0o755], ['proc', 0o755], ['sys', 0o755]] as const)
    ensure(k.root, name, mode);
}

export function mountDefaults(k: Kernel): void {
  prepareRoot(k);
  const root = k.root;
  const { mounts } = k, hidden = Ms.NOSUID | Ms.NODEV | Ms.NOEXEC;
  const mount = (parent: Mount, dir: Directory, name: string, tree: Directory, type: string, flags: number): Mount | undefined => {
    const at = name === '' ? dir : dir === root ? ensure(root, name, 0o755) : dir.lookup(name, undefined as never);
    if (!(at instanceof Directory)) return undefined;
    const mount = newMount(k, tree, type, flags);
    cover(k, mounts, mount, { mount: parent, inode: at, dir, name });
    return mount;
  };
  const dev = mount(mounts.root, root, 'dev', devTree(k), 'devtmpfs', Ms.NOSUID);
  mount(mounts.root, root, 'proc', procTree(k, k.pids.first), 'proc', hidden);
  mount(mounts.root, root, 'sys', sysTree(k), 'sysfs', hidden);
  if (!dev) return;
  mount(dev, devTree(k), 'pts', ptsTree(k), 'devpts', Ms.NOSUID | Ms.NOEXEC);
  mount(dev, devTree(k), 'shm', k.newTmpFs('tmpfs', 'tmpfs', 0o1777).root, 'tmpfs', Ms.NOSUID | Ms.NODEV);
}
