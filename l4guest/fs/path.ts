/**
 * Places in the tree of names. A file system is a tree of directories; a Mount shows one (or a part of it) somewhere; a Path is a mount
 * and an entry in it. Inodes store only a count of mounts, so one directory may appear in many mounts.
 *
 *   mount 1 (root) ── dir ── dir ── point ┐
 *                                         └ mount 2 ── root ── dir …
 */
import { Clone, Ms, Poll } from '../abi/linux.ts';
import { WaitQueue } from '../kernel/wait.ts';
import { FirstIno, firstUsers, type Space, type UserSpace } from '../kernel/spaces.ts';
import { Directory, type FileSystem, type Inode } from './inode.ts';

/** A mount and a directory in it: where paths start. */
export interface DirPath { readonly mount: Mount; readonly inode: Directory }
/** An inode where it was found: under `name` in `dir` of `mount`. For a directory `dir` and `name` do not matter: it knows its parent. */
export interface Path { readonly mount: Mount; readonly inode: Inode; readonly dir: Directory | undefined; readonly name: string }

/** Mounts that propagate mounts to each other (MS_SHARED). */
export class PeerGroup {
  readonly id: number;
  readonly members = new Set<Mount>();
  /** Mounts that receive from this group without propagating back (MS_SLAVE). */
  readonly slaves = new Set<Mount>();
  constructor(id: number) { this.id = id; }
}

export class Mount {
  readonly id: number;
  readonly fs: FileSystem;
  /** The root of the mount: the file system's root, or for a bind mount any inode of it. */
  readonly root: Inode;
  readonly source: string;
  /** MS_… bits of this mount: RDONLY, NOSUID, NODEV, NOEXEC, NOATIME. */
  flags: number;
  /** The place that it covers; undefined for the root of a mount space, and for what is mounted nowhere. */
  point: Path | undefined;
  space: MountSpace | undefined;
  peers: PeerGroup | undefined;
  master: PeerGroup | undefined;
  unbindable = false;
  /** umount2(MNT_EXPIRE) has been here once. */
  expired = false;
  /** Bytes charged for it. */
  cost = 0;
  /** Open files, which keep it from being unmounted. */
  users = 0;
  /** Mounts in it, by the inode that they cover. */
  private readonly children = new Map<Inode, Mount>();
  /**
   * It among the mounts upon each other: each covers the root of the one before it. So the uppermost is found at once, however many there
   * are.
   */
  private pile: Mount[] = [this];
  private height = 0;

  constructor(id: number, root: Inode, source: string, flags: number) {
    this.id = id; this.root = root; this.fs = root.fs; this.source = source; this.flags = flags;
  }

  /** The mount over an inode of this mount. */
  over(i: Inode): Mount | undefined { return this.children.get(i); }
  get mounted(): Iterable<Mount> { return this.children.values(); }
  get isBusy(): boolean { return this.users > 0 || this.children.size > 0; }

  /** Covers a place with a mount; one that covers it already moves onto the uppermost of those upon the new one. */
  attach(mount: Mount, at: Path): void {
    const old = this.children.get(at.inode);
    if (old) this.detach(old);
    mount.point = at;
    this.children.set(at.inode, mount);
    at.inode.covered++;
    if (at.inode === this.root) this.carry(mount.pile);
    const { top } = mount;
    if (old) top.attach(old, { mount: top, inode: top.root, dir: undefined, name: '' });
  }
  detach(mount: Mount): void {
    const at = mount.point!;
    this.children.delete(at.inode);
    at.inode.covered--;
    mount.point = undefined;
    if (mount.height === 0) return;
    const pile = mount.pile.splice(mount.height);
    mount.pile = [];
    mount.carry(pile);
  }
  /** The uppermost of the mounts upon this one, or it itself. */
  get top(): Mount { return this.pile[this.pile.length - 1]!; }
  /** The undermost of the mounts that this one lies upon, but `last` if that is among them. */
  under(last?: Mount): Mount { return last && last.pile === this.pile && last.height <= this.height ? last : this.pile[0]!; }
  /** A pile lies upon those of this mount. */
  private carry(pile: readonly Mount[]): void {
    for (const mount of pile) { mount.pile = this.pile; mount.height = this.pile.push(mount) - 1; }
  }
  /** Removes the mount from its groups. */
  makePrivate(): void {
    this.peers?.members.delete(this);
    this.master?.slaves.delete(this);
    this.peers = this.master = undefined;
  }
}

/** The account for mounts. */
export interface Purse { charge(bytes: number): boolean; uncharge(bytes: number): void }
/** Server memory of a mount besides its file system, bytes. */
const MOUNT_COST = 1024;
export const weightOf = (m: Mount): number => MOUNT_COST + (m.fs.weight ?? 0);

/** The mounts that a process sees: a tree with one root. */
export class MountSpace implements Space {
  readonly kind = Clone.NEWNS;
  readonly ino: number;
  readonly owner: UserSpace;

  root!: Mount;
  /** Number of changes, and the waiters for changes. */
  changes = 0;
  readonly wq = new WaitQueue();
  /** The mounts in the order in which they were made. */
  readonly list: Mount[] = [];
  /** Processes that see it, and its creator. */
  users = 1;
  readonly purse: Purse;
  constructor(purse: Purse, ino: number = FirstIno.MNT, owner: UserSpace = firstUsers) {
    this.purse = purse;
    this.ino = ino;
    this.owner = owner;
  }

  /** There is room for it (`admits` in mount.ts). */
  add(mount: Mount): void {
    mount.space = this;
    mount.cost = this.purse.charge(weightOf(mount)) ? weightOf(mount) : 0;
    mount.root.hold();
    this.list.push(mount);
    this.changed();
  }
  remove(mount: Mount): void {
    const i = this.list.lastIndexOf(mount);
    if (i >= 0) this.list.splice(i, 1);
    this.gone(mount);
    this.changed();
  }
  private changed(): void { this.changes++; this.wq.wakeAll(Poll.PRI | Poll.ERR); }
  private gone(mount: Mount): void {
    if (mount.space) mount.root.letGo();
    mount.space = undefined;
    this.purse.uncharge(mount.cost);
    mount.cost = 0;
  }
  hold(): this { this.users++; return this; }
  /** No process uses it any more: removes its mounts from their groups and frees their memory. */
  release(): void {
    if (--this.users > 0) return;
    for (const mount of this.list.splice(0)) { mount.makePrivate(); this.gone(mount); }
  }
  /** Whether something in this space is mounted over the inode. */
  covers(i: Inode): boolean { return i.covered > 0 && this.list.some((m) => m.point?.inode === i); }
}

/** Whether this mount is read-only. */
export const isReadOnly = (m: Mount): boolean => (m.flags & Ms.RDONLY) !== 0 || m.fs.readOnly;

/** The topmost mount over a place, and its root; the place itself where nothing is mounted. */
export function topmost(mount: Mount, inode: Inode): { readonly mount: Mount; readonly inode: Inode } {
  const top = inode.covered > 0 ? mount.over(inode)?.top : undefined;
  return top ? { mount: top, inode: top.root } : { mount, inode };
}
/** The undermost of a pile of mounts, not past `root`. */
const undermost = (mount: Mount, root?: DirPath): Mount => mount.under(root?.inode === root?.mount.root ? root?.mount : undefined);
/** The directory above, not past `root`. A file system's own root leads out of its mount; the uppermost root leads to itself. */
export function above(at: DirPath, root: DirPath): DirPath {
  let { mount, inode } = at;
  for (;;) {
    if (inode === mount.root) { mount = undermost(mount, root); inode = mount.root as Directory; }
    if (mount === root.mount && inode === root.inode) return { mount, inode };
    if (inode !== mount.root) break;
    const { point } = mount;
    if (!point) return { mount, inode };
    mount = point.mount;
    if (!(point.inode instanceof Directory)) { inode = point.dir!; break; }
    inode = point.inode;
  }
  return topmost(mount, inode.parent) as DirPath;
}
/**
 * Text of a path seen from `root`; undefined when it is not below it, or longer than `most`. Without a root: up to the top of the tree that
 * the mount is in.
 */
export function textOfPath(at: {
  readonly mount: Mount; readonly inode: Inode; readonly dir?: Directory | undefined; readonly name?: string
},
    root?: DirPath, most = Infinity): string | undefined {
  let { mount, inode, dir, name = '' } = at, text = '';
  for (;;) {
    if (inode === mount.root) { mount = undermost(mount, root); inode = mount.root; }
    if (root && mount === root.mount && inode === root.inode) return text === '' ? '/' : text;
    if (inode === mount.root) {
      if (!mount.point) return root ? undefined : text || '/';
      ({ mount, inode, dir, name } = mount.point);
    } else if (inode instanceof Directory) {
      if (inode.parent === inode || text.length > most) return undefined;
      text = `/${inode.name}${text}`;
      inode = inode.parent;
    } else {
      if (!dir) return undefined;
      text = `/${name}${text}`;
      inode = dir;
    }
  }
}
