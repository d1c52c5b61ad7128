/** A 9P server as the origin of a root file system: asked for each name and each piece of a file once. */
import { ATTRIBUTES, type MessageName, type Reply } from '../../../roottask/client/ninep/index.ts';
import { E } from '../../abi/errno.ts';
import { O, S, makeDevice } from '../../abi/linux.ts';
import type { Co, Sleeper } from '../../kernel/wait.ts';
import type { DirEntry, Inode } from '../inode.ts';
import type { DirOrigin, FileOrigin, Neighbours } from '../origin.ts';
import { LinkInode, TmpDir, type TmpFs } from '../tmpfs.ts';
import type { Attributes } from './fs.ts';
import { NineSession, fromWire, part, toWire, type FilesLink, type Part } from './session.ts';

/** Files that are open at the server at a time. */
const MOST_OPEN = 256;
/** Files whose contents were read before anybody asked. */
const MOST_READY = 64;

class Source {
  readonly session: NineSession;
  readonly fs: TmpFs;
  /** Files with several names. */
  readonly linked = new Map<bigint, Inode>();
  private readonly open = new Set<NineOrigin>();
  constructor(session: NineSession, fs: TmpFs) { this.session = session; this.fs = fs; }
  /** A file's contents came with its name. They are few, because nobody has paid for them yet. */
  holds(o: NineOrigin): void {
    this.ready.add(o);
    if (this.ready.size <= MOST_READY) return;
    for (const oldest of this.ready) { oldest.whole = undefined; this.ready.delete(oldest); break; }
  }
  private readonly ready = new Set<NineOrigin>();
  /** A file is open and used; the one that waits longest is closed. */
  used(o: NineOrigin): void {
    this.open.delete(o);
    this.open.add(o);
    if (this.open.size <= MOST_OPEN) return;
    for (const oldest of this.open) { oldest.close(); this.open.delete(oldest); break; }
  }
}

/** Names that are found with the one that was asked for, at first and at most; files of them whose contents come along, and their bytes. */
const FIRST_AHEAD = 4, MOST_AHEAD = 48, FILES_AHEAD = 12, SMALL = 8192;
/** Requests for each; names in the listed order, and files that were read, after which more is expected. */
const LOOK_PARTS = 2, READ_PARTS = 6, ENOUGH_FOUND = 2, ENOUGH_READ = 2, MOST_READ = 12;

class NineFolderOrigin implements DirOrigin {
  private readonly source: Source;
  readonly fid: number;
  /** Names as they were listed, and where in them the last one stood that was asked for. */
  private order: readonly DirEntry[] = [];
  private last = -1;
  /** How many were asked for one after the other; how many come with the next one. */
  private run = 0;
  private ahead = FIRST_AHEAD;
  /** Rises with each file of it that is read, falls with each name that is found. */
  reads = 0;
  constructor(source: Source, fid: number) { this.source = source; this.fid = fid; }

  *find(t: Sleeper, name: string, neighbours: Neighbours): Co<Inode | undefined | number> {
    const { session } = this.source, { names, read } = this.next(name, neighbours),
      asked = names.map((n) => ({ name: n, fid: session.newFid(), open: read ? session.newFid() : 0 }));
    const answers = yield* session.askAll(t, asked.flatMap((a) => this.parts(a.name, a.fid, a.open)));
    let result: Inode | undefined | number, at = 0;
    for (const a of asked) {
      const inode = yield* this.took(t, a, answers.slice(at, at += a.open ? READ_PARTS : LOOK_PARTS));
      if (a.name === name) result = inode;
      else if (typeof inode === 'object' && !neighbours.takes(a.name, inode)) this.letGo(inode, a.fid);
    }
    return result;
  }
  /** The names to ask for: this one, and those that follow it in the listing where that was the order so far. */
  private next(name: string, neighbours: Neighbours): { readonly names: string[]; readonly read: boolean } {
    const { order } = this, at = placeIn(order, name, this.last + 1) ?? placeIn(order, name, 0), names = [name],
      read = at !== undefined && order[at]!.type === S.IFREG && this.reads >= ENOUGH_READ;
    this.reads = Math.max(0, this.reads - 1);
    this.run = at === undefined ? 0 : this.run + 1;
    if (at === undefined) return { names, read };
    this.last = at;
    if (this.run < ENOUGH_FOUND) return { names, read };
    for (let i = at + 1; i < order.length && names.length < (read ? FILES_AHEAD : this.ahead); i++) {
      if (read && order[i]!.type !== S.IFREG) break;
      if (neighbours.wants(order[i]!.name)) names.push(order[i]!.name);
      this.last = i;
    }
    this.ahead = Math.min(this.ahead * 2, MOST_AHEAD);
    return { names, read };
  }
  /** Nobody took what was found ahead: its way is free, unless the file has other names. */
  private letGo(inode: Inode, fid: number): void {
    if (inode.isDir || (inode.type === S.IFREG && inode.nlink < 2)) this.source.session.forget(fid);
  }
  /** Finds a name with its attributes; `open` ≠ 0: opens it there as well, reads its beginning and closes it. */
  private parts(name: string, fid: number, open: number): Part[] {
    const look = [part('walk', { fid: this.fid, newfid: fid, names: [toWire(name)] }), part('getattr', { fid, mask: ATTRIBUTES })];
    return open === 0 ? look : [...look, part('walk', { fid, newfid: open, names: [] }), part('lopen', { fid: open, flags: O.RDONLY }),
      part('read', { fid: open, offset: 0n, count: SMALL + 1 }), part('clunk', { fid: open })];
  }
  /** What became of looking for one name. Fids that were not made are free again. */
  private *took(t: Sleeper, { name, fid, open }: { readonly name: string; readonly fid: number; readonly open: number },
      answers: readonly (Reply<MessageName> | number)[]): Co<Inode | undefined | number> {
    const [walked, a, cloned, , data, closed] = answers as [Reply<'walk'> | number, Attributes | number, Reply<'walk'> | number,
      Reply<'lopen'> | number, Reply<'read'> | number, Reply<'clunk'> | number], { session, linked } = this.source;
    if (open && typeof cloned === 'object' && typeof closed !== 'object') session.forget(open); else if (open) session.unused(open);
    if (typeof walked === 'number' || walked.qids.length === 0) {
      session.unused(fid);
      return typeof walked !== 'number' || walked === -E.NOENT ? undefined : walked;
    }
    if (typeof a === 'number') { session.forget(fid); return a; }
    const known = linked.get(a.qid.path);
    if (known) { session.forget(fid); return known; }
    const whole = typeof data === 'object' && BigInt(data.data.length) === a.size ? data.data.slice() : undefined,
      inode = yield* this.make(t, fid, toWire(name), a, whole);
    if (typeof inode !== 'number' && a.nlink > 1n && !inode.isDir) linked.set(a.qid.path, inode);
    return inode;
  }
  private *make(t: Sleeper, fid: number, name: string, a: Attributes, whole?: Uint8Array): Co<Inode | number> {
    const { source, source: { session, fs } } = this, type = a.mode & S.IFMT,
      special = makeDevice(Number(a.rdev >> 8n) & 0xfff, Number(a.rdev & 0xffn));
    let inode: Inode;
    if (type === S.IFLNK) {
      const r = yield* session.ask(t, 'readlink', { fid });
      if (typeof r === 'number') return r;
      inode = new LinkInode(fs, fromWire(r.target));
    } else
      inode = fs.root.create(a.mode, special, undefined,
        type === S.IFREG ? new NineOrigin(source, this, name, fid, Number(a.size), whole) : undefined);
    if (inode instanceof TmpDir) inode.origin = new NineFolderOrigin(source, fid); else if (type !== S.IFREG) session.forget(fid);
    dress(inode, a);
    return inode;
  }
  *list(t: Sleeper): Co<readonly DirEntry[] | number> {
    const list = yield* this.source.session.list(t, this.fid);
    if (typeof list !== 'number') this.order = list;
    return list;
  }
}

/** Where a name stands among the next ones of a listing. */
function placeIn(order: readonly DirEntry[], name: string, from: number): number | undefined {
  for (let i = from; i < order.length && i < from + MOST_AHEAD; i++) if (order[i]!.name === name) return i;
  return undefined;
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
  private readonly folder: NineFolderOrigin;
  /** All its bytes, where they came with its name. */
  whole: Uint8Array | undefined;
  private readonly name: string;
  /** The way to it, until it is opened. */
  private way: number | undefined;
  private openFid: number | undefined;
  constructor(source: Source, folder: NineFolderOrigin, name: string, fid: number, size: number, whole: Uint8Array | undefined) {
    this.source = source;
    this.folder = folder;
    this.name = name;
    this.way = fid;
    this.size = size;
    this.whole = whole;
    if (whole) source.holds(this);
  }

  *read(t: Sleeper, pos: number, length: number): Co<Uint8Array | number> {
    const { whole, folder } = this;
    folder.reads = Math.min(folder.reads + 2, MOST_READ);
    if (whole) { this.whole = undefined; return whole.subarray(pos, pos + length); }
    if (this.way !== undefined && pos === 0 && length >= this.size) {
      const all = yield* this.readAtOnce(t, this.way);
      if (all) return all;
    }
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
  /** A file that fits into a message is opened, read and closed by one; undefined where that did not give all of it. */
  private *readAtOnce(t: Sleeper, fid: number): Co<Uint8Array | undefined> {
    const { source: { session }, size } = this;
    if (size > session.chunk / 2) return undefined;
    this.way = undefined;
    const answers = yield* session.askAll(t, [part('lopen', { fid, flags: O.RDONLY }), part('read', { fid, offset: 0n, count: size }),
      part('clunk', { fid })]);
    const [, data, closed] = answers as [unknown, Reply<'read'> | number, Reply<'clunk'> | number];
    if (typeof closed === 'object') session.unused(fid); else session.forget(fid);
    return typeof data === 'object' && data.data.length === size ? data.data.slice() : undefined;
  }
  private *open(t: Sleeper): Co<number> {
    const { session } = this.source;
    let fid = this.way;
    this.way = undefined;
    if (fid === undefined) {
      fid = session.newFid();
      const walked = yield* session.ask(t, 'walk', { fid: this.folder.fid, newfid: fid, names: [this.name] });
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
