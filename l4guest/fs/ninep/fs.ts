/**
 * A file system behind a 9P server: live folders of the host. Data that the other side may change is fetched again when a call first uses
 * it; an answer of the same call, or from a moment ago, still counts. A moment is ten milliseconds, and ends when any other outside input
 * arrives, so a person who changes a file and then types sees the change. Writes go through: the server has the data before a write
 * returns. Mapped files have a page cache, which is dropped when the server's version of the file changes.
 */
import { ATTRIBUTES, Set as Valid, type Look, type Reply, type Request } from '../../../roottask/client/ninep/index.ts';
import { E } from '../../abi/errno.ts';
import { O, S, makeDevice } from '../../abi/linux.ts';
import type { Time } from '../../kernel/clocks.ts';
import { followWall } from '../../kernel/itimers.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { NotHere } from '../../kernel/later.ts';
import type { Thread } from '../../kernel/thread.ts';
import type { Co, Sleeper } from '../../kernel/wait.ts';
import type { Changes, FileSystem, Inode } from '../inode.ts';
import { contentsOf, looksOf, part, type NineSession } from './session.ts';

/** Validity of an answer, ns of virtual time, unless outside input arrives. */
const FRESH = 1e7;
/** Server memory of a node with its inode and its name, bytes. */
const NODE_COST = 1024;
/** Bytes of a file that are read ahead. */
export const AHEAD_BYTES = 8192;
/** Most unused files to keep open. */
const MOST_IDLE = 64;
interface Stored { readonly hasStores: boolean; writeBack(t: Sleeper): Co<number> }
const hasStores = (i: Inode): i is NineInode & Stored => (i as Partial<Stored>).hasStores === true;
const PATH_MASK = (1n << 53n) - 1n;
type Attributes = Reply<'getattr'>;
/** What is known of a file, by an answer to getattr or a look. */
export type Facts = Omit<Look, 'name' | 'errno' | 'path' | 'size' | 'target'> & { readonly size: number | bigint };
/** An inode of this file system: its attributes and its fid are a NineNode's. */
export type NineInode = Inode & { readonly node: NineNode };
export type MakeInode = (node: NineNode) => NineInode;

export class NineFs implements FileSystem {
  readonly type = '9p'; readonly magic = 0x01021997;
  readonly dev: number; readonly source: string;
  readonly k: Kernel;
  readonly session: NineSession;
  readOnly: boolean;
  readonly options = ',trans=door,version=9p2000.L,cache=mmap';
  root!: NineInode;
  private readonly inodes = new Map<bigint, NineInode>();
  private readonly makeInode: MakeInode;
  private readonly idle = new Set<{ closeIdle(): void }>();
  private space: Reply<'statfs'> | undefined;
  private spaceAt = -Infinity;

  constructor(k: Kernel, session: NineSession, source: string, readOnly: boolean, makeInode: MakeInode) {
    this.k = k; this.session = session; this.source = source; this.readOnly = readOnly; this.makeInode = makeInode; this.dev = k.newDev();
  }
  now(): Time { return this.k.clock.time(); }
  newIno(): number { return 0; }
  isFresh(at: number, t: Sleeper): boolean { return at >= t.since || (this.k.clock.now() - at < FRESH && at > this.k.lastArrival); }

  usage(thread: Thread): { blocks: number; free: number; files: number; freeFiles: number } {
    if (!this.space || !this.isFresh(this.spaceAt, thread)) throw new NotHere((s) => this.askSpace(s));
    const fields = this.space, blocks = (n: bigint): number => Number(n * BigInt(fields.bsize) / 4096n);
    return { blocks: blocks(fields.blocks), free: blocks(fields.bavail), files: Number(fields.files), freeFiles: Number(fields.ffree) };
  }
  private *askSpace(sleeper: Sleeper): Co<number> {
    const space = yield* this.session.ask(sleeper, 'statfs', { fid: 0 });
    if (typeof space === 'number') return space;
    this.space = space;
    this.spaceAt = this.k.clock.now();
    return 0;
  }

  /** Attaches and finds the root. */
  *begin(sleeper: Sleeper): Co<number> {
    const failed = yield* this.session.begin(sleeper);
    if (failed) return failed;
    const attributes = yield* this.session.ask(sleeper, 'getattr', { fid: 0, mask: ATTRIBUTES });
    if (typeof attributes === 'number') return attributes;
    this.root = this.inodeAt(0, attributes.qid.path, attributes);
    return 0;
  }
  /** The inode of what was found at a fid: the one that is known, which needs no second fid, or a new one. */
  inodeAt(fid: number | undefined, path: bigint, fields: Facts, cost = 0): NineInode {
    const known = this.inodes.get(path);
    if (known && known.type === (fields.mode & S.IFMT)) {
      if (fid !== undefined) known.node.replaceFid(fid);
      known.node.accept(fields);
      return known;
    }
    const node = new NineNode(this, fid, path, fields.mode, cost), made = this.makeInode(node);
    node.inode = made;
    node.accept(fields);
    this.inodes.set(path, made);
    return made;
  }
  /** Files with open and unused fids; the oldest are closed. */
  isIdle(file: { closeIdle(): void }): void {
    this.idle.delete(file);
    this.idle.add(file);
    if (this.idle.size <= MOST_IDLE) return;
    for (const oldest of this.idle) { oldest.closeIdle(); this.idle.delete(oldest); break; }
  }
  /** Writes back all stores to mappings. */
  *sync(sleeper: Sleeper): Co<number> {
    for (const i of [...this.inodes.values()]) if (hasStores(i)) yield* i.writeBack(sleeper);
    return 0;
  }
  forgetInode(node: NineNode): void { if (this.inodes.get(node.path)?.node === node) this.inodes.delete(node.path); }
  /** Walks from a directory's fid by one name; the new inode, undefined where there is none, or -errno. */
  *find(sleeper: Sleeper, dirFid: number, name: string): Co<NineInode | undefined | number> {
    const { session } = this, fid = session.newFid(), answers = yield* session.askAll(sleeper, [
      part('walk', { fid: dirFid, newfid: fid, names: [name] }), part('getattr', { fid, mask: ATTRIBUTES })]);
    const [walked, attributes] = answers as [Reply<'walk'> | number, Attributes | number],
      isThere = typeof walked !== 'number' && walked.qids.length > 0;
    if (!isThere) session.unused(fid);
    if (!isThere) return typeof walked !== 'number' || walked === -E.NOENT ? undefined : walked;
    const inode = typeof attributes === 'number' ? (attributes === -E.NOENT ? undefined : attributes)
      : this.keep(fid, attributes.qid.path, attributes);
    if (typeof inode !== 'object') session.forget(fid);
    return inode;
  }
  /**
   * Finds names that are likely to be asked for one after the other; `found` gets those that are there. `read`: they are files to be read:
   * they are opened and their first bytes read, too. Folders are left out: each of them needs a fid of its own. 0 or -errno.
   */
  *findAll(sleeper: Sleeper, dirFid: number, names: readonly string[], read: boolean,
      found: (name: string, inode: NineInode) => void): Co<number> {
    const { session } = this, newfids = read ? names.map(() => session.newFid()) : [],
      answer: Pick<Reply<'look'>, 'looks'> & Partial<Reply<'take'>> | number = read
        ? yield* session.ask(sleeper, 'take', { fid: dirFid, most: AHEAD_BYTES, newfids, names })
        : yield* session.ask(sleeper, 'look', { fid: dirFid, names });
    if (typeof answer === 'number') { newfids.forEach((fid) => session.unused(fid)); return answer; }
    const looks = looksOf(answer.looks), contents = answer.contents ? contentsOf(answer.contents) : [];
    for (let i = 0; i < names.length; i++) {
      const look = looks[i], content = contents[i], isFolder = look !== undefined && (look.mode & S.IFMT) === S.IFDIR,
        inode = look?.errno === 0 && !isFolder ? this.keep(undefined, look.path, look) : undefined;
      if (typeof inode === 'object') found(names[i]!, inode);
      if (!read) continue;
      if (content?.errno !== 0) session.unused(newfids[i]!);
      else if (typeof inode === 'object' && hasAhead(inode)) inode.takeAhead(newfids[i]!, content.data);
      else session.forget(newfids[i]!);
    }
    return 0;
  }
  private keep(fid: number | undefined, path: bigint, fields: Facts): NineInode | number {
    const isNew = !this.inodes.has(path);
    if (isNew && !this.k.frames.charge(NODE_COST)) return -E.NOMEM;
    return this.inodeAt(fid, path, fields, isNew ? NODE_COST : 0);
  }
  /** Makes a file and opens it for reading and writing: its inode and the open fid, or -errno. */
  *create(sleeper: Sleeper, dirFid: number, name: string, mode: number): Co<{ readonly inode: NineInode; readonly fid: number } | number> {
    const { session } = this, fid = session.newFid(),
      made = yield* session.ask(sleeper, 'make', { fid: dirFid, newfid: fid, name, flags: O.RDWR | O.EXCL, mode });
    if (typeof made === 'number') { session.unused(fid); return made; }
    const look = looksOf(made.looks)[0], inode = look ? this.keep(undefined, look.path, look) : -E.IO;
    if (typeof inode === 'number') { session.forget(fid); return inode; }
    return { inode, fid };
  }
}
interface WithAhead { takeAhead(fid: number, data: Uint8Array): void }
const hasAhead = (i: NineInode): i is NineInode & WithAhead => 'takeAhead' in i;

const time = (s: number, n: number): Time => ({ s, n });
const sameTime = (a: Time, b: Time): boolean => a.s === b.s && a.n === b.n;
/** The host's clock for changes lags by some milliseconds, so a touched file may appear newer than its change. */
const TICK = 2e7;
const nearlyLater = (ctime: Time, mtime: Time): Time => {
  const later = (mtime.s - ctime.s) * 1e9 + mtime.n - ctime.n;
  return later > 0 && later < TICK ? mtime : ctime;
};

/** The server's data of an inode, and its fid. */
export class NineNode {
  readonly fs: NineFs;
  readonly path: bigint;
  readonly ino: number;
  readonly mode: number;
  inode!: NineInode;
  /** Leads to its name; undefined where it was opened and serves a file. */
  private pathFid: number | undefined;
  /** Where a new way to it begins. */
  home: { readonly dir: NineNode; readonly name: string } | undefined;
  /** An open file's fid: it is asked rather than the name, which may be gone. */
  openFid: number | undefined;
  length = 0;
  blocks = 0;
  /** Called when the server's contents have changed. */
  onChange: ((length: number) => void) | undefined;
  /** Of a directory: called when a file in it is opened for reading. */
  onRead: (() => void) | undefined;
  /** When the attributes were requested. */
  private at = -Infinity;
  /** Bytes charged for it. */
  private cost: number;
  constructor(fs: NineFs, fid: number | undefined, path: bigint, mode: number, cost: number) {
    this.cost = cost;
    this.fs = fs; this.pathFid = fid; this.path = path; this.mode = mode;
    this.ino = Number(path & PATH_MASK);
  }

  /** Takes fresh attributes from the server. */
  accept(fields: Facts): void {
    const i = this.inode, mtime = time(fields.mtimeSec, fields.mtimeNsec), length = Number(fields.size);
    if (length !== this.length || !sameTime(mtime, i.mtime)) this.onChange?.(length);
    i.mode = fields.mode; i.uid = fields.uid; i.gid = fields.gid; i.nlink = fields.nlink;
    i.rdev = makeDevice((fields.rdev >>> 8) & 0xfff, fields.rdev & 0xff);
    i.atime = time(fields.atimeSec, fields.atimeNsec); i.mtime = mtime;
    // Nobody chooses when a file was changed last: the host's clock says so. What was changed there is not of the future here.
    if (!sameTime(i.ctime, i.ctime = time(fields.ctimeSec, fields.ctimeNsec))) followWall(this.fs.k, nearlyLater(i.ctime, mtime));
    this.length = length;
    this.blocks = fields.blocks;
    this.at = this.fs.k.clock.now();
  }
  /** Records the newest path, because older ones may be gone. */
  replaceFid(fid: number): void {
    if (fid === this.pathFid) return;
    if (this.pathFid === 0) { this.fs.session.forget(fid); return; }
    if (this.pathFid !== undefined) this.fs.session.forget(this.pathFid);
    this.pathFid = fid;
  }
  /** The fid that leads to its name, found again where it was given away. A directory's is always there. */
  get fid(): number { return this.pathFid!; }
  *way(sleeper: Sleeper): Co<number> {
    const { home, fs } = this;
    if (this.pathFid !== undefined) return this.pathFid;
    if (!home) return -E.STALE;
    const fid = fs.session.newFid(),
      walked = yield* fs.session.ask(sleeper, 'walk', { fid: home.dir.fid, newfid: fid, names: [home.name] });
    if (typeof walked === 'number') return walked;
    if (walked.qids[0]?.path !== this.path) { if (walked.qids.length > 0) fs.session.forget(fid); return -E.STALE; }
    return this.pathFid = fid;
  }
  /** Hands over the fid, which is about to be opened. */
  *takeWay(sleeper: Sleeper): Co<number> {
    const fid = yield* this.way(sleeper);
    if (fid > 0) this.pathFid = undefined;
    return fid;
  }
  /** Any of its fids. */
  private *any(t: Sleeper): Co<number> { return this.openFid ?? this.idleFid?.() ?? (yield* this.way(t)); }
  /** An open and unused fid. */
  idleFid: (() => number | undefined) | undefined;
  stale(): void { this.at = -Infinity; }
  refresh(t: Sleeper): void { if (!this.fs.isFresh(this.at, t)) throw new NotHere((s) => this.ask(s)); }
  *ask(sleeper: Sleeper): Co<number> {
    const fid = yield* this.any(sleeper),
      attributes = fid < 0 ? fid : yield* this.fs.session.ask(sleeper, 'getattr', { fid, mask: ATTRIBUTES });
    if (typeof attributes === 'number') return attributes;
    this.accept(attributes);
    return 0;
  }
  isFresh(t: Sleeper): boolean { return this.fs.isFresh(this.at, t); }
  *set(sleeper: Sleeper, changes: Changes, size?: number): Co<number> {
    const has = (x: unknown, bit: number): number => (x === undefined ? 0 : bit), seconds = (x: Time | undefined): number => x?.s ?? 0,
      n = (x: Time | undefined): number => Math.floor(x?.n ?? 0),
      // The moment of the call is the server's: files of both sides are compared by the host's clock.
      given = (x: Time | undefined, bit: number): number => (x === changes.now ? 0 : bit);
    const request: Request<'setattr'> = {
      fid: yield* this.any(sleeper), mode: changes.mode ?? 0, uid: changes.uid ?? 0, gid: changes.gid ?? 0, size: BigInt(size ?? 0),
        atimeSec: seconds(changes.atime),
      atimeNsec: n(changes.atime), mtimeSec: seconds(changes.mtime), mtimeNsec: n(changes.mtime),
      valid: has(changes.mode, Valid.mode) | has(changes.uid, Valid.uid) | has(changes.gid, Valid.gid) | has(size, Valid.size)
        | has(changes.atime, Valid.atime | given(changes.atime, Valid.atimeGiven)) | has(changes.mtime,
          Valid.mtime | given(changes.mtime, Valid.mtimeGiven)),
    };
    const fields = request.fid < 0 ? request.fid : yield* this.fs.session.ask(sleeper, 'setattr', request);
    if (typeof fields === 'number') return fields;
    this.stale();
    return 0;
  }
  /** Releases its fids: it will not be used again. */
  release(): void {
    this.fs.forgetInode(this);
    this.fs.k.frames.uncharge(this.cost);
    this.cost = 0;
    if (this.pathFid !== undefined) this.fs.session.forget(this.pathFid);
  }
}
