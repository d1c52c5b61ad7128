/** Block devices in /sys: a directory for each below devices/virtual/block, and the links to it by name and by number. */
import { majorOf, minorOf, S } from '../abi/linux.ts';
import { blockDevicesOf, type BlockDevice } from '../drivers/block.ts';
import type { Loop } from '../drivers/loop.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { PartOf } from './bytesource.ts';
import { GeneratedDir, GeneratedLink } from './generated.ts';
import type { FileSystem, Inode } from './inode.ts';

const SECTOR = 512, DIR = S.IFDIR >>> 12, LINK = S.IFLNK >>> 12;

/** Disks, partitions and loop devices of a kernel, as they are at each look. */
export class BlockTree {
  /** devices/virtual/block, block, class/block, dev/block. */
  readonly devices: GeneratedDir;
  readonly disks: GeneratedDir;
  readonly all: GeneratedDir;
  readonly numbers: GeneratedDir;
  private readonly fs: FileSystem;
  private readonly k: Kernel;
  /** Directories that were looked up, with the device that each is of. */
  private readonly known = new Map<string, { readonly source: BlockDevice['source']; readonly dir: GeneratedDir }>();

  constructor(fs: FileSystem, k: Kernel) {
    this.fs = fs;
    this.k = k;
    const directories = (of: (device: BlockDevice) => boolean): GeneratedDir => this.dynamic(DIR, of, (d) => d.name, (d) => this.dirOf(d));
    const links = (name: (device: BlockDevice) => string, up: string, of = (_device: BlockDevice): boolean => true): GeneratedDir =>
      this.dynamic(LINK, of, name, (device) => new GeneratedLink(fs, () => `${up}devices/virtual/block/${this.pathOf(device)}`));
    this.devices = directories((device) => !isPart(device));
    this.disks = links((device) => device.name, '../', (device) => !isPart(device));
    this.all = links((device) => device.name, '../../');
    this.numbers = links(numberOf, '../../');
  }
  private get present(): BlockDevice[] { return blockDevicesOf(this.k).all; }
  private partsOf(disk: BlockDevice): BlockDevice[] { return this.present.filter((d) => isPart(d) && diskOf(d) === disk.name); }
  private pathOf(device: BlockDevice): string { return isPart(device) ? `${diskOf(device)}/${device.name}` : device.name; }

  private dynamic(type: number, of: (device: BlockDevice) => boolean, nameOf: (device: BlockDevice) => string,
      inode: (device: BlockDevice) => Inode): GeneratedDir {
    const there = (): BlockDevice[] => this.present.filter(of);
    return new GeneratedDir(this.fs, (name) => {
      const device = there().find((d) => nameOf(d) === name);
      return device && inode(device);
    }, () => there().map((device) => ({ name: nameOf(device), ino: 1, type })));
  }

  private dirOf(device: BlockDevice): GeneratedDir {
    const known = this.known.get(device.name);
    if (known?.source === device.source) return known.dir;
    const { fs } = this, { source } = device, dir = isPart(device) ? this.partition(device) : this.disk(device);
    dir.file('dev', () => `${numberOf(device)}\n`).file('size', () => `${source.size / SECTOR}\n`)
      .file('ro', () => `${source.readOnly ? 1 : 0}\n`).file('alignment_offset', () => '0\n').add('holders', new GeneratedDir(fs))
      .file('uevent', () => `MAJOR=${majorOf(device.rdev)}\nMINOR=${minorOf(device.rdev)}\nDEVNAME=${device.name}\n`
        + `DEVTYPE=${isPart(device) ? `partition\nPARTN=${numberIn(device)}` : 'disk'}\n`);
    this.known.set(device.name, { source, dir });
    return dir;
  }
  private partition(device: BlockDevice): GeneratedDir {
    const { start } = device.source as PartOf;
    return new GeneratedDir(this.fs).file('partition', () => `${numberIn(device)}\n`).file('start', () => `${start / SECTOR}\n`);
  }
  private disk(device: BlockDevice): GeneratedDir {
    const { fs } = this, queue = new GeneratedDir(fs);
    for (const name of ['logical_block_size', 'physical_block_size', 'hw_sector_size', 'minimum_io_size'])
      queue.file(name, () => `${SECTOR}\n`);
    for (const name of ['optimal_io_size', 'discard_granularity', 'discard_max_bytes', 'rotational']) queue.file(name, () => '0\n');
    const parts = (): BlockDevice[] => this.partsOf(device);
    const dir = new GeneratedDir(fs, (name) => {
      const part = parts().find((d) => d.name === name);
      if (part) return this.dirOf(part);
      const { file } = device.source as Loop;
      if (name !== 'loop' || !file) return undefined;
      return new GeneratedDir(fs).file('backing_file', (thread) => `${file.path(thread.proc.fs.root)}\n`);
    }, () => [...parts().map((d) => ({ name: d.name, ino: 1, type: DIR })),
      ...((device.source as Loop).file ? [{ name: 'loop', ino: 1, type: DIR }] : [])]);
    return dir.file('removable', () => '0\n').file('range', () => '16\n').file('hidden', () => '0\n').add('queue', queue)
      .add('slaves', new GeneratedDir(fs));
  }
}

const trees = new WeakMap<FileSystem, BlockTree>();
export function blockTreeOf(fs: FileSystem, k: Kernel): BlockTree {
  const tree = trees.get(fs) ?? new BlockTree(fs, k);
  trees.set(fs, tree);
  return tree;
}

const isPart = ({ source }: BlockDevice): boolean => source instanceof PartOf;
const diskOf = ({ name }: BlockDevice): string => name.replace(/\d+$/, '');
const numberIn = ({ name }: BlockDevice): string => /\d+$/.exec(name)![0];
const numberOf = ({ rdev }: BlockDevice): string => `${majorOf(rdev)}:${minorOf(rdev)}`;
