/** File systems on block devices, for reading. A disk is examined once; the resulting root is stored for the following mount. */
import { E } from '../abi/errno.ts';
import { AT, S } from '../abi/linux.ts';
import { blockDevicesOf } from '../drivers/block.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { NotHere } from '../kernel/later.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Co, Sleeper } from '../kernel/wait.ts';
import type { ByteSource } from './bytesource.ts';
import { Ext4, beginAsExt4 } from './ext4.ts';
import { Fat, beginAsFat } from './fat.ts';
import type { Directory } from './inode.ts';
import type { TmpDir } from './tmpfs.ts';
import { WalkFlag, at, pathOf } from './walk.ts';

/** Creates the root of a new file system, or returns -errno. */
export type Maker = (k: Kernel, source: string, data: string, t: Thread) => Directory | number;
/** Fills a root from a disk; -EINVAL: no such file system. */
type Probe = (s: Sleeper, disk: ByteSource, root: TmpDir) => Co<number>;

const EXT = 0xef53, MSDOS = 0x4d44;
const probes = new WeakMap<ByteSource, { readonly root: TmpDir | number }>();

const onDisk = (type: string, magic: number, probe: Probe): Maker => (k, source, _data, thread) => {
  const found = at(thread, AT.FDCWD, source, WalkFlag.follow);
  if (typeof found === 'number') return found;
  const path = pathOf(found);
  if (path.inode.type !== S.IFBLK) return -E.NOTBLK;
  const disk = blockDevicesOf(k).source(path.inode.rdev), done = disk && probes.get(disk);
  if (!disk) return -E.NXIO;
  if (!done) {
    throw new NotHere(function* (sleeper): Co<number> {
      const root = k.newTmpFs(type, source, 0o755, {}, magic).root, failed = yield* probe(sleeper, disk, root);
      root.fs.readOnly = true;
      probes.set(disk, { root: failed || root });
      return 0;
    });
  }
  probes.delete(disk);
  return done.root;
};
function* probeExt4(sleeper: Sleeper, disk: ByteSource, root: TmpDir): Co<number> {
  const ext4 = yield* Ext4.open(sleeper, disk);
  if (typeof ext4 === 'number') return ext4;
  root.fs.space = ext4.space;
  return yield* beginAsExt4(sleeper, root, ext4);
}
function* probeFat(sleeper: Sleeper, disk: ByteSource, root: TmpDir): Co<number> {
  const fat = yield* Fat.open(sleeper, disk);
  if (typeof fat === 'number') return fat;
  root.fs.space = fat.space;
  beginAsFat(root, fat);
  return 0;
}
export const diskTypes: Readonly<Record<string, Maker>> = {
  ext4: onDisk('ext4', EXT, probeExt4), ext3: onDisk('ext3', EXT, probeExt4), ext2: onDisk('ext2', EXT, probeExt4),
  vfat: onDisk('vfat', MSDOS, probeFat), msdos: onDisk('msdos', MSDOS, probeFat),
};
