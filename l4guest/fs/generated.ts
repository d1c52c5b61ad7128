/** Files and directories with content generated on access: the building blocks of procfs and sysfs. */
import { E } from '../abi/errno.ts';
import { O, S } from '../abi/linux.ts';
import type { Thread } from '../kernel/thread.ts';
import { bytesOf, textOf, type Io } from '../mm/uaccess.ts';
import { DirectoryFile, File, PathFile } from './file.ts';
import { Directory, Inode, type DirEntry, type FileSystem, type Located } from './inode.ts';
import type { Time } from '../kernel/clocks.ts';

export class GeneratedFs implements FileSystem {
  readonly type: string; readonly dev: number; readonly magic: number; readonly source: string;
  readOnly = false;
  options = '';
  private readonly clock: () => Time;
  root!: Inode;
  /** Some hundred files and directories. */
  readonly weight = 65_536;
  private last = 0;
  constructor(type: string, dev: number, magic: number, clock: () => Time) {
    this.type = type;
    this.source = type;
    this.dev = dev;
    this.magic = magic;
    this.clock = clock;
  }
  now(): Time { return this.clock(); }
  newIno(): number { return ++this.last; }
  usage(): { blocks: number; free: number; files: number; freeFiles: number } { return { blocks: 0, free: 0, files: 0, freeFiles: 0 }; }
}

/** A number is the -errno of the read. */
export type Content = (t: Thread) => string | Uint8Array | number;

export class GeneratedInode extends Inode {
  readonly content: Content;
  readonly accept: ((t: Thread, text: string) => number) | undefined;
  constructor(fs: FileSystem, content: Content, accept?: (t: Thread, text: string) => number, mode = accept ? 0o644 : 0o444) {
    super(fs, S.IFREG | mode);
    this.content = content;
    this.accept = accept;
  }
  override open(_t: Thread, flags: number): File | number { return new GeneratedFile(this, flags); }
  override truncate(): number { return 0; }
}
export class GeneratedFile extends File {
  declare readonly inode: GeneratedInode;
  private text: Uint8Array | undefined;
  override get seekable(): boolean { return true; }
  override get end(): number { return this.text?.length ?? 0; }
  /** True except for files of a process, which Linux reads only sequentially. */
  override get splicesFrom(): boolean {
    if (this.inode.fs.type !== 'proc') return true;
    for (let directory = this.dir; directory && directory !== directory.parent; directory = directory.parent)
      if (/^\d+$/.test(directory.name)) return false;
    return true;
  }
  /** Texts of procfs have no known end from which to seek. */
  override seek(offset: number, whence: number): number {
    return whence > 1 && this.inode.fs.type === 'proc' ? -E.INVAL : super.seek(offset, whence);
  }
  override read(io: Io, pos: number, thread: Thread): number {
    const failed = pos === 0 || !this.text ? this.make(thread) : 0;
    if (failed || !this.text) return failed;
    const n = Math.max(0, Math.min(io.left, this.text.length - pos));
    io.put(this.text, pos, n);
    return n;
  }
  /** Generates the text again, charged while the file holds it: 0, or -errno. */
  private make(thread: Thread): number {
    this.closed();
    const content = this.inode.content(thread);
    if (typeof content === 'number') return content;
    const text = typeof content === 'string' ? bytesOf(content) : content;
    if (!thread.k.frames.charge(text.length)) return -E.NOMEM;
    this.purseOfText = thread.k.frames;
    this.text = text;
    return 0;
  }
  private purseOfText: { uncharge(bytes: number): void } | undefined;
  protected override closed(): void {
    this.purseOfText?.uncharge(this.text!.length);
    this.purseOfText = this.text = undefined;
  }
  override write(io: Io, _pos: number, thread: Thread): number {
    if (!this.inode.accept) return -E.ACCES;
    const bytes = new Uint8Array(Math.min(io.left, 4096));
    io.take(bytes, 0, bytes.length);
    const result = this.inode.accept(thread, textOf(bytes));
    return result < 0 ? result : bytes.length;
  }
}
export class GeneratedLink extends Inode {
  private readonly target: (t: Thread) => string | number;
  private readonly to: ((t: Thread) => Located | number | undefined) | undefined;
  constructor(fs: FileSystem, target: (t: Thread) => string | number, to?: (t: Thread) => Located | number | undefined) {
    super(fs, S.IFLNK | 0o777);
    this.target = target;
    this.to = to;
  }
  override readlink(t: Thread): string | number { return this.target(t); }
  override jump(t: Thread): Located | number | undefined { return this.to?.(t); }
  override open(_t: Thread, flags: number): File | number { return flags & O.PATH ? new PathFile(this, flags) : -E.LOOP; }
}
/** A directory with fixed entries, and optionally dynamic ones. */
export class GeneratedDir extends Directory {
  private readonly rows = new Map<string, Inode>();
  private readonly find: ((name: string, t: Thread) => Inode | undefined) | undefined;
  private readonly more: ((t: Thread) => DirEntry[]) | undefined;
  constructor(fs: FileSystem, find?: (name: string, t: Thread) => Inode | undefined, more?: (t: Thread) => DirEntry[]) {
    super(fs, S.IFDIR | 0o555);
    this.find = find;
    this.more = more;
    this.nlink = 2;
  }
  add(name: string, inode: Inode): this {
    this.rows.set(name, inode);
    if (inode instanceof Directory) this.adopt(name, inode);
    return this;
  }
  /** An entry that does not change. */
  fixed(name: string): Inode | undefined { return this.rows.get(name); }
  /** Sets the owner of it and of its entries. */
  own(uid: number, gid: number): void {
    this.uid = uid; this.gid = gid;
    for (const i of this.rows.values()) if (i instanceof GeneratedDir) i.own(uid, gid); else { i.uid = uid; i.gid = gid; }
  }
  adopt(name: string, d: Directory): void { d.parent = this; d.name = name; }
  file(name: string, content: Content, accept?: (t: Thread, text: string) => number, mode?: number): this {
    return this.add(name, new GeneratedInode(this.fs, content, accept, mode));
  }
  override open(_t: Thread, flags: number): File | number { return new DirectoryFile(this, flags); }
  override lookup(name: string, thread: Thread): Inode | undefined {
    const fixed = this.rows.get(name);
    if (fixed) return fixed;
    const found = this.find?.(name, thread);
    if (found instanceof Directory) this.adopt(name, found);
    return found;
  }
  override list(thread: Thread): DirEntry[] {
    const out: DirEntry[] = [];
    for (const [name, i] of this.rows) out.push({ name, ino: i.ino, type: i.type });
    return this.more ? [...out, ...this.more(thread)] : out;
  }
  override isEmpty(): boolean { return false; }
}

/** A directory that is made when somebody first looks into it. */
export function madeLater(fs: FileSystem, make: () => GeneratedDir): GeneratedDir {
  let made: GeneratedDir | undefined;
  const dir = (): GeneratedDir => made ??= make();
  return new GeneratedDir(fs, (name, thread) => dir().lookup(name, thread), (thread) => dir().list(thread));
}
