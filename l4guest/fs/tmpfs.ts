/** tmpfs: directories as maps, files in frames. The root file system is one too, filled from a tar image or by hand. */
import { E } from '../abi/errno.ts';
import { O, S } from '../abi/linux.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Frames } from '../mm/frames.ts';
import { DirectoryFile, File, PathFile } from './file.ts';
import { Directory, Inode, type DirEntry, type FileSystem } from './inode.ts';
import type { Time } from '../kernel/clocks.ts';
import { RegularInode, type Image, type MemoryFs } from './regular.ts';

/** Opens what is neither file nor directory nor link: device nodes, fifos, sockets. Set by whoever has drivers. */
export type OpenSpecial = (t: Thread, inode: Inode, flags: number) => File | number;

export class TmpFs implements MemoryFs, FileSystem {
  readonly type: string;
  readonly dev: number;
  readonly magic: number;
  readonly source: string;
  readonly frames: Frames;
  readonly clock: () => Time;
  readonly openSpecial: OpenSpecial;
  readOnly = false;
  options = 'rw,relatime';
  readonly root: TmpDir;
  private lastIno = 0;

  constructor(init: { type: string; dev: number; magic?: number; source?: string; frames: Frames; clock: () => Time; openSpecial: OpenSpecial }, mode = 0o755) {
    this.type = init.type; this.dev = init.dev; this.magic = init.magic ?? 0x01021994; this.source = init.source ?? init.type;
    this.frames = init.frames; this.clock = init.clock; this.openSpecial = init.openSpecial;
    this.root = new TmpDir(this, mode);
  }
  now(): Time { return this.clock(); }
  newIno(): number { return ++this.lastIno; }
  usage(): { blocks: number; free: number; files: number } { return { blocks: this.frames.total, free: this.frames.free, files: this.lastIno }; }
}

export class TmpDir extends Directory {
  declare readonly fs: TmpFs;
  private readonly names = new Map<string, Inode>();
  constructor(fs: TmpFs, mode: number) { super(fs, S.IFDIR | mode); this.nlink = 2; }
  override get size(): number { return 40 + this.names.size * 20; }
  override open(_t: Thread, flags: number): File | number { return new DirectoryFile(this, flags); }
  override lookup(name: string): Inode | undefined { return this.names.get(name); }
  override list(): DirEntry[] {
    const out: DirEntry[] = [];
    for (const [name, i] of this.names) out.push({ name, ino: i.ino, type: i.type });
    return out;
  }
  override get isEmpty(): boolean { return this.names.size === 0; }

  /** A new inode of the type in `mode`, not named yet. */
  create(mode: number, rdev = 0, image?: Image): Inode {
    switch (mode & S.IFMT) {
      case S.IFDIR: return new TmpDir(this.fs, mode & 0o7777);
      case S.IFREG: return new RegularInode(this.fs, mode, image);
      default: return new SpecialInode(this.fs, mode, rdev);
    }
  }
  override make(name: string, mode: number, rdev: number): Inode | number {
    if (this.fs.readOnly) return -E.ROFS;
    const inode = this.create(mode, rdev);
    this.add(name, inode);
    return inode;
  }
  override makeLink(name: string, target: string): Inode | number {
    if (this.fs.readOnly) return -E.ROFS;
    const link = new LinkInode(this.fs, target);
    this.add(name, link);
    return link;
  }
  override makeNameless(mode: number): Inode | number {
    const inode = this.create(S.IFREG | (mode & 0o7777));
    inode.nlink = 0;
    return inode;
  }
  private add(name: string, inode: Inode): void {
    this.names.set(name, inode);
    if (inode instanceof Directory) { inode.parent = this; inode.name = name; this.nlink++; }
    this.touch();
  }
  override attach(name: string, inode: Inode): number {
    if (this.fs.readOnly) return -E.ROFS;
    this.add(name, inode);
    return 0;
  }
  override detach(name: string): number {
    if (this.fs.readOnly) return -E.ROFS;
    const inode = this.names.get(name);
    if (!inode) return -E.NOENT;
    this.names.delete(name);
    if (inode instanceof Directory) this.nlink--;
    this.touch();
    return 0;
  }
}

export class LinkInode extends Inode {
  readonly target: string;
  constructor(fs: FileSystem, target: string) { super(fs, S.IFLNK | 0o777); this.target = target; }
  override get size(): number { return this.target.length; }
  override get blocks(): number { return 0; }
  override readlink(): string { return this.target; }
  override open(_t: Thread, flags: number): File | number { return flags & O.PATH ? new PathFile(this, flags) : -E.LOOP; }
}

export class SpecialInode extends Inode {
  declare readonly fs: TmpFs;
  /** What a fifo or a bound socket is connected to; belongs to the driver. */
  endpoint: unknown = undefined;
  constructor(fs: FileSystem, mode: number, rdev: number) { super(fs, mode); this.rdev = rdev; }
  override open(t: Thread, flags: number): File | number { return this.fs.openSpecial(t, this, flags); }
}
