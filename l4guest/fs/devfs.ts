/** The trees of /dev and /dev/pts. */
import { blockDevicesOf } from '../drivers/block.ts';
import { charDevices, makeDev, terminalsOf } from '../drivers/devices.ts';
import { addGates } from '../drivers/gates.ts';
import { E } from '../abi/errno.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { S } from '../abi/linux.ts';
import type { Thread } from '../kernel/thread.ts';
import { DirectoryFile, type File } from './file.ts';
import { Directory, type DirEntry, type Inode } from './inode.ts';
import type { TmpDir } from './tmpfs.ts';

const trees = new WeakMap<Kernel, TmpDir>();

/** One /dev per kernel, however often it is mounted. */
export function devTree(k: Kernel): TmpDir {
  let root = trees.get(k);
  if (root) return root;
  root = k.newTmpFs('devtmpfs', 'devtmpfs').root;
  trees.set(k, root);
  for (const charDevice of charDevices) {
    const i = root.create(S.IFCHR | charDevice.mode, makeDev(charDevice.major, charDevice.minor));
    root.add(charDevice.name, i);
  }
  const disks = blockDevicesOf(k), there = root, add = (name: string, rdev: number): void => {
    there.add(name, there.create(S.IFBLK | 0o660, rdev));
  };
  for (const blockDevice of disks.all) add(blockDevice.name, blockDevice.rdev);
  disks.onChange = (name, rdev, comes) => {
    const old = there.lookup(name);
    if (comes && !old) add(name, rdev);
    if (!comes && old) there.unlink(name, old);
  };
  for (const [name, target] of [['fd', '/proc/self/fd'], ['stdin', '/proc/self/fd/0'], ['stdout', '/proc/self/fd/1'],
    ['stderr', '/proc/self/fd/2']] as const) root.makeLink(name, target);
  addGates(k, root, makeDev);
  root.make('pts', S.IFDIR | 0o755, 0);
  root.make('shm', S.IFDIR | 0o1777, 0);
  return root;
}

class PtsDir extends Directory {
  private readonly k: Kernel;
  private readonly ptmx: Inode;
  constructor(fs: TmpDir['fs'], k: Kernel) {
    super(fs, S.IFDIR | 0o755);
    this.k = k;
    this.ptmx = fs.root.create(S.IFCHR | 0o666, makeDev(5, 2));
  }
  override open(_t: Thread, flags: number): File | number { return new DirectoryFile(this, flags); }
  override lookup(name: string): Inode | undefined {
    return name === 'ptmx' ? this.ptmx : /^\d+$/.test(name) ? terminalsOf(this.k).ptys.list[Number(name)]?.inode : undefined;
  }
  override list(): DirEntry[] {
    const out: DirEntry[] = [{ name: 'ptmx', ino: this.ptmx.ino, type: S.IFCHR }];
    terminalsOf(this.k).ptys.list.forEach((p, n) => { if (p) out.push({ name: String(n), ino: p.inode.ino, type: S.IFCHR }); });
    return out;
  }
  override make(): number { return -E.PERM; }
}
export function ptsTree(k: Kernel): Directory { return new PtsDir(k.newTmpFs('devpts', 'devpts').root.fs, k); }
