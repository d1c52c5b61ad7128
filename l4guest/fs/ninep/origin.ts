/** A 9P server as the origin of a root file system: asked for each name and each piece of a file once. */
import { ATTRIBUTES } from '../../../roottask/client/ninep/index.ts';
import { E } from '../../abi/errno.ts';
import { O, S, makeDevice } from '../../abi/linux.ts';
import type { Co, Sleeper } from '../../kernel/wait.ts';
import type { DirEntry, Inode } from '../inode.ts';
import type { DirOrigin, FileOrigin } from '../origin.ts';
import { LinkInode, TmpDir, type TmpFs } from '../tmpfs.ts';
import type { Attributes } from './fs.ts';
import { NineSession, fromWire, toWire, type FilesLink } from './session.ts';

/** Files that are open at the server at a time. */
const MOST_OPEN = 256;

class Source {
  readonly session: NineSession;
  readonly fs: TmpFs;
  /** Files with several names. */
  readonly linked = new Map<bigint, Inode>();
  private readonly open = new Set<NineOrigin>();
  constructor(session: NineSession, fs: TmpFs) { this.session = session; this.fs = fs; }
  /** A file is open and used; the one that waits longest is closed. */
  used(o: NineOrigin): void {
    this.open.delete(o);
    this.open.add(o);
    if (this.open.size <= MOST_OPEN) return;
    for (const oldest of this.open) { oldest.close(); this.open.delete(oldest); break; }
  }
}

class NineFolderOrigin implements DirOrigin {
  private readonly source: Source;
  readonly fid: number;
  constructor(source: Source, fid: number) { this.source = source; this.fid = fid; }

  *find(t: Sleeper, name: string): Co<Inode | undefined | number> {
    const { source, source: { session } } = this, fid = session.newFid(), text = toWire(name);
    const walked = yield* session.ask(t, 'walk', { fid: this.fid, newfid: fid, names: [text] });
    if (walked === -E.NOENT || (typeof walked !== 'number' && walked.qids.length === 0)) return undefined;
    if (typeof walked === 'number') return walked;
    const a = yield* session.ask(t, 'getattr', { fid, mask: ATTRIBUTES });
    if (typeof a === 'number') { session.forget(fid); return a; }
    const known = source.linked.get(a.qid.path);
    if (known) { session.forget(fid); return known; }
    const inode = yield* this.make(t, fid, text, a);
    if (typeof inode !== 'number' && a.nlink > 1n && !inode.isDir) source.linked.set(a.qid.path, inode);
    return inode;
  }
  private *make(t: Sleeper, fid: number, name: string, a: Attributes): Co<Inode | number> {
    const { source, source: { session, fs } } = this, type = a.mode & S.IFMT,
      special = makeDevice(Number(a.rdev >> 8n) & 0xfff, Number(a.rdev & 0xffn));
    let inode: Inode;
    if (type === S.IFLNK) {
      const r = yield* session.ask(t, 'readlink', { fid });
      if (typeof r === 'number') return r;
      inode = new LinkInode(fs, fromWire(r.target));
    } else
      inode = fs.root.create(a.mode, special, undefined,
        type === S.IFREG ? new NineOrigin(source, this.fid, name, fid, Number(a.size)) : undefined);
    if (inode instanceof TmpDir) inode.origin = new NineFolderOrigin(source, fid); else if (type !== S.IFREG) session.forget(fid);
    dress(inode, a);
    return inode;
  }
  list(t: Sleeper): Co<readonly DirEntry[] | number> { return this.source.session.list(t, this.fid); }
}
function dress(i: Inode, a: Attributes): void {
  if (!i.isLink) i.mode = a.mode;
  i.uid = a.uid;
  i.gid = a.gid;
  if (!i.isDir) i.nlink = Number(a.nlink);
  i.atime = { s: Number(a.atimeSec), n: Number(a.atimeNsec) };
  i.mtime = { s: Number(a.mtimeSec), n: Number(a.mtimeNsec) };
  i.ctime = { s: Number(a.ctimeSec), n: Number(a.ctimeNsec) };
}

class NineOrigin implements FileOrigin {
  readonly size: number;
  private readonly source: Source;
  private readonly folder: number;
  private readonly name: string;
  /** The way to it, until it is opened. */
  private way: number | undefined;
  private openFid: number | undefined;
  constructor(source: Source, folder: number, name: string, fid: number, size: number) {
    this.source = source;
    this.folder = folder;
    this.name = name;
    this.way = fid;
    this.size = size;
  }

  *read(t: Sleeper, pos: number, length: number): Co<Uint8Array | number> {
    const { session } = this.source, fid = this.openFid ?? (yield* this.open(t)),
      out = new Uint8Array(Math.max(0, Math.min(length, this.size - pos)));
    if (fid < 0) return fid;
    this.source.used(this);
    for (let done = 0; done < out.length; ) {
      const r = yield* session.ask(t, 'read', { fid, offset: BigInt(pos + done), count: Math.min(out.length - done, session.chunk) });
      if (typeof r === 'number') return r;
      if (r.data.length === 0) break; // it has become shorter meanwhile: the rest is zero
      out.set(r.data, done);
      done += r.data.length;
    }
    return out;
  }
  private *open(t: Sleeper): Co<number> {
    const { session } = this.source;
    let fid = this.way;
    this.way = undefined;
    if (fid === undefined) {
      fid = session.newFid();
      const walked = yield* session.ask(t, 'walk', { fid: this.folder, newfid: fid, names: [this.name] });
      if (typeof walked === 'number') return walked;
    }
    const r = yield* session.ask(t, 'lopen', { fid, flags: O.RDONLY });
    if (typeof r === 'number') { session.forget(fid); return r; }
    if (this.openFid !== undefined) session.forget(fid); else this.openFid = fid;
    return this.openFid;
  }
  close(): void {
    if (this.openFid !== undefined) this.source.session.forget(this.openFid);
    this.openFid = undefined;
  }
}

/** Makes a directory begin as what a server has: the root file system. 0 or -errno. */
export function* beginAs(t: Sleeper, root: TmpDir, link: FilesLink): Co<number> {
  const source = new Source(new NineSession(link), root.fs), failed = yield* source.session.begin(t);
  if (failed) return failed;
  const a = yield* source.session.ask(t, 'getattr', { fid: 0, mask: ATTRIBUTES });
  if (typeof a === 'number') return a;
  if ((a.mode & S.IFMT) !== S.IFDIR) return -E.NOTDIR;
  root.origin = new NineFolderOrigin(source, 0);
  dress(root, a);
  return 0;
}
