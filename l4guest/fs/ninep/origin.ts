/**
 * A 9P server as the origin of a root file system: each name and each piece of a file is fetched once. Listing a folder also returns the
 * types of its names, and small files are fetched together with those that are likely to be read next.
 */
import { ATTRIBUTES, QidType, type Look, type Reply } from '../../../roottask/client/ninep/index.ts';
import { E } from '../../abi/errno.ts';
import { O, S, makeDevice } from '../../abi/linux.ts';
import type { Co, Sleeper } from '../../kernel/wait.ts';
import type { DirEntry, Inode } from '../inode.ts';
import type { DirOrigin, FileOrigin } from '../origin.ts';
import { LinkInode, TmpDir, type TmpFs } from '../tmpfs.ts';
import { AheadOf } from './ahead.ts';
import { contentsOf, looksOf, NineSession, fromWire, part, toWire, type FilesLink, type Part } from './session.ts';

/** Files that are open at the server at a time. */
const MOST_OPEN = 256;
/** Most files read ahead, and the bytes of each. */
const MOST_READY = 64, SMALL = 8192;
const INO_MASK = 0x1f_ffff_ffff_ffffn;

class Source {
  readonly session: NineSession;
  readonly fs: TmpFs;
  /** Files with several names. */
  readonly linked = new Map<bigint, Inode>();
  private readonly open = new Set<NineOrigin>();
  /** Contents read ahead, oldest first. They are few, because they are not charged yet. */
  private readonly ready = new Map<string, Uint8Array>();
  private lastFolder = 0;
  constructor(session: NineSession, fs: TmpFs) { this.session = session; this.fs = fs; }

  newFolder(): number { return ++this.lastFolder; }
  holds(key: string, contents: Uint8Array): void {
    this.ready.set(key, contents);
    if (this.ready.size <= MOST_READY) return;
    for (const oldest of this.ready.keys()) { this.ready.delete(oldest); break; }
  }
  takes(key: string): Uint8Array | undefined {
    const contents = this.ready.get(key);
    if (contents) this.ready.delete(key);
    return contents;
  }
  /** A file is open and used; the one that waits longest is closed. */
  used(nineOrigin: NineOrigin): void {
    this.open.delete(nineOrigin);
    this.open.add(nineOrigin);
    if (this.open.size <= MOST_OPEN) return;
    for (const oldest of this.open) { oldest.close(); this.open.delete(oldest); break; }
  }
}

/** A listed entry, with its attributes until first use. */
interface Listed extends DirEntry { look: Look | undefined }

class NineFolderOrigin implements DirOrigin {
  private readonly source: Source;
  /** The way to it: a fid, or a name in the folder above until something is asked. */
  private readonly above: NineFolderOrigin | undefined;
  private readonly name: string;
  private fid: number | undefined;
  /** Which files are likely to be read next, once it was listed. */
  private ahead: AheadOf | undefined;
  private readonly number: number;

  constructor(source: Source, above?: NineFolderOrigin, name = '') {
    this.source = source;
    this.above = above;
    this.name = name;
    this.number = source.newFolder();
    if (!above) this.fid = 0;
  }

  /** Asks something of this folder: with the first question the way to it is found. */
  private *asking<T>(sleeper: Sleeper, ask: (fid: number, first: readonly Part[]) => Co<T | number>): Co<T | number> {
    const { source: { session }, above } = this;
    if (this.fid !== undefined || !above) return yield* ask(this.fid ?? 0, []);
    const up = yield* above.fidOf(sleeper);
    if (up < 0) return up;
    const fid = session.newFid(), answer = yield* ask(fid, [part('walk', { fid: up, newfid: fid, names: [this.name] })]);
    if (typeof answer === 'number' || this.fid !== undefined) session.forget(fid); else this.fid = fid;
    return answer;
  }
  private *askOne(t: Sleeper, request: (fid: number) => Part): Co<Reply<Part['name']> | number> {
    return yield* this.asking(t, (fid, first) => this.source.session.askLast(t, [...first, request(fid)]));
  }
  *fidOf(sleeper: Sleeper): Co<number> {
    if (this.fid !== undefined) return this.fid;
    const reply = yield* this.asking(sleeper, (_, first) => this.source.session.askLast(sleeper, first));
    return typeof reply === 'number' ? reply : this.fid ?? -E.IO;
  }

  *find(sleeper: Sleeper, name: string): Co<Inode | undefined | number> {
    const reply = yield* this.askOne(sleeper, (fid) => part('look', { fid, names: [toWire(name)] }));
    if (typeof reply === 'number') return reply;
    const look = looksOf((reply as Reply<'look'>).looks)[0];
    if (!look) return -E.IO;
    return look.errno === 0 ? this.made(look) : look.errno === E.NOENT ? undefined : -look.errno;
  }
  *list(sleeper: Sleeper): Co<readonly DirEntry[] | number> {
    const looks = yield* this.asking(sleeper, (fid, first) => this.source.session.looksIn(sleeper, fid, first));
    if (typeof looks === 'number') return looks;
    this.ahead = new AheadOf(looks.filter((l) => (l.mode & S.IFMT) === S.IFREG && l.size <= SMALL).map((l) => l.name));
    return looks.map((look): Listed =>
      ({
        name: fromWire(look.name), ino: Number(look.path & INO_MASK), type: look.mode & S.IFMT, look: look.errno === 0 ? look : undefined
      }));
  }
  listed(entry: DirEntry): Inode | undefined {
    const { look } = entry as Listed;
    (entry as Listed).look = undefined;
    return look && this.made(look);
  }

  private made(look: Look): Inode {
    const { linked } = this.source, isShared = look.nlink > 1 && (look.mode & S.IFMT) !== S.IFDIR,
      known = isShared ? linked.get(look.path) : undefined;
    if (known) return known;
    const inode = this.inodeOf(look);
    dress(inode, look);
    if (isShared) linked.set(look.path, inode);
    return inode;
  }
  private inodeOf(look: Look): Inode {
    const { source, source: { fs } } = this, type = look.mode & S.IFMT;
    if (type === S.IFLNK) return new LinkInode(fs, fromWire(look.target));
    const inode = fs.root.create(look.mode, makeDevice((look.rdev >>> 8) & 0xfff, look.rdev & 0xff), undefined,
      type === S.IFREG ? new NineOrigin(source, this, look) : undefined);
    if (inode instanceof TmpDir) inode.origin = new NineFolderOrigin(source, this, look.name);
    return inode;
  }

  /** All bytes of a file; undefined where it does not have so many. Small ones that are likely to be next are read with it. */
  *contents(sleeper: Sleeper, name: string, size: number): Co<Uint8Array | undefined> {
    const { source, number } = this, key = `${number}/${name}`, ready = source.takes(key), next = this.ahead?.read(name) ?? [];
    if (ready) return ready.length === size ? ready : undefined;
    const names = [name, ...next], most = next.length > 0 ? Math.max(size, SMALL) : size,
      reply = yield* this.askOne(sleeper, (fid) => part('fetch', { fid, most, names })), all = typeof reply === 'number' ? []
      : contentsOf((reply as Reply<'fetch'>).contents);
    for (let i = 1; i < all.length; i++) if (all[i]!.errno === 0) source.holds(`${number}/${names[i]!}`, all[i]!.data.slice());
    return all[0]?.errno === 0 && all[0].data.length === size ? all[0].data : undefined;
  }
}

type Dress = Pick<Look, 'mode' | 'uid' | 'gid' | 'nlink' | 'atimeSec' | 'atimeNsec' | 'mtimeSec' | 'mtimeNsec' | 'ctimeSec' | 'ctimeNsec'>;
function dress(i: Inode, attributes: Dress): void {
  if (!i.isLink) i.mode = attributes.mode;
  i.uid = attributes.uid;
  i.gid = attributes.gid;
  if (!i.isDir) i.nlink = attributes.nlink;
  i.atime = { s: attributes.atimeSec, n: attributes.atimeNsec };
  i.mtime = { s: attributes.mtimeSec, n: attributes.mtimeNsec };
  i.ctime = { s: attributes.ctimeSec, n: attributes.ctimeNsec };
}

class NineOrigin implements FileOrigin {
  readonly size: number;
  private readonly source: Source;
  private readonly folder: NineFolderOrigin;
  private readonly name: string;
  private openFid: number | undefined;
  constructor(source: Source, folder: NineFolderOrigin, { name, size }: Look) {
    this.source = source;
    this.folder = folder;
    this.name = name;
    this.size = size;
  }

  *read(sleeper: Sleeper, pos: number, length: number): Co<Uint8Array | number> {
    const { session } = this.source;
    if (pos === 0 && length >= this.size && this.size <= session.chunk / 2) {
      const all = yield* this.folder.contents(sleeper, this.name, this.size);
      if (all) return all;
    }
    const fid = this.openFid ?? (yield* this.open(sleeper)), out = new Uint8Array(Math.max(0, Math.min(length, this.size - pos)));
    if (fid < 0) return fid;
    this.source.used(this);
    for (let done = 0; done < out.length; ) {
      const reply = yield* session.ask(sleeper, 'read',
        { fid, offset: BigInt(pos + done), count: Math.min(out.length - done, session.chunk) });
      if (typeof reply === 'number') return reply;
      if (reply.data.length === 0) break; // it has become shorter meanwhile: the rest is zero
      out.set(reply.data, done);
      done += reply.data.length;
    }
    return out;
  }
  private *open(sleeper: Sleeper): Co<number> {
    const { session } = this.source, fid = session.newFid(), up = yield* this.folder.fidOf(sleeper);
    if (up < 0) return up;
    const reply = yield* session.askLast(sleeper, [part('walk', { fid: up, newfid: fid, names: [this.name] }),
      part('lopen', { fid, flags: O.RDONLY })]);
    const failed = typeof reply === 'number' ? reply : (reply as Reply<'lopen'>).qid.type & QidType.dir ? -E.ISDIR : 0; // it was a file
    if (failed) { session.forget(fid); return failed; }
    if (this.openFid !== undefined) session.forget(fid); else this.openFid = fid;
    return this.openFid;
  }
  close(): void {
    if (this.openFid !== undefined) this.source.session.forget(this.openFid);
    this.openFid = undefined;
  }
}

/** Fills a directory from a server: the root file system. 0 or -errno. */
export function* beginAs(sleeper: Sleeper, root: TmpDir, link: FilesLink): Co<number> {
  const source = new Source(new NineSession(link), root.fs), failed = yield* source.session.begin(sleeper);
  if (failed) return failed;
  const attributes = yield* source.session.ask(sleeper, 'getattr', { fid: 0, mask: ATTRIBUTES });
  if (typeof attributes === 'number') return attributes;
  if ((attributes.mode & S.IFMT) !== S.IFDIR) return -E.NOTDIR;
  root.origin = new NineFolderOrigin(source);
  dress(root, { ...attributes, nlink: 2 });
  return 0;
}
