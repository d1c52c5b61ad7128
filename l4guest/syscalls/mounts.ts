/** The calls that make and move mounts by descriptors: fsopen, fsconfig, fsmount, fspick, open_tree, move_mount, mount_setattr. */
import { E } from '../abi/errno.ts';
import { AT, Ms, O, S } from '../abi/linux.ts';
import { File, PathFile } from '../fs/file.ts';
import type { Directory, Inode } from '../fs/inode.ts';
import {
  OF_MOUNT, detachedCopy, isFileSystem, isNowhere, makeFileSystem, mayMount, newMount, nowhereElse, propagation, submounts,
} from '../fs/mount.ts';
import { detachTree, moveBeneath, moveTo } from '../fs/mount-space.ts';
import type { Mount, Path } from '../fs/path.ts';
import { readOptions } from '../fs/tmpfs.ts';
import { CallError } from '../kernel/failure.ts';
import type { Thread } from '../kernel/thread.ts';
import { getString } from '../mm/uaccess.ts';
import { install } from './fds.ts';
import { bits, extensible, field64, pathArg, row, type Row } from './row.ts';
import { placeOf } from './stat.ts';

// ── a file system under construction ─────────────────────────────────────────────────────────────────────────────────────

const Command = { FLAG: 0, STRING: 1, BINARY: 2, PATH: 3, PATH_EMPTY: 4, FD: 5, CREATE: 6, RECONFIGURE: 7, CREATE_EXCL: 8 } as const;
/** Flags of the file system itself that fsconfig accepts, and whether each makes it read-only. */
const SB_FLAGS = new Map<string, boolean | undefined>([
  ['ro', true], ['rw', false], ['sync', undefined], ['async', undefined], ['dirsync', undefined], ['lazytime', undefined],
  ['nolazytime', undefined], ['mand', undefined],
]);
/** Options that each type accepts; tmpfs reads its own. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  proc: ['gid', 'hidepid', 'subset'], ramfs: ['mode'], devpts: ['uid', 'gid', 'mode', 'ptmxmode', 'newinstance', 'max'],
  overlay: ['lowerdir', 'upperdir', 'workdir', 'redirect_dir', 'index', 'xino', 'metacopy', 'volatile', 'userxattr', 'nfs_export', 'uuid'],
};

class ContextFile extends File {
  readonly type: string;
  /** params: options may be set; made: fsmount may follow; done: mounted. */
  phase: 'params' | 'made' | 'done' = 'params';
  readonly picked: Mount | undefined;
  source = '';
  readonly options: string[] = [];
  readOnly = false;
  root: Directory | undefined;
  constructor(inode: Inode, type: string, picked?: Mount) {
    super(inode, O.RDWR);
    this.type = type;
    this.picked = picked;
    this.name = 'anon_inode:[fscontext]';
  }
  /** The log of messages is always empty. */
  override read(): number { return -E.NODATA; }

  parameter(thread: Thread, key: string, value: string | undefined): number {
    if (this.phase !== 'params') return -E.BUSY;
    if (value === undefined && SB_FLAGS.has(key)) { this.readOnly = SB_FLAGS.get(key) ?? this.readOnly; return 0; }
    if (key === 'source') { if (value === undefined || this.source !== '') return -E.INVAL; this.source = value; return 0; }
    const option = value === undefined ? key : `${key}=${value}`;
    const known = this.type === 'tmpfs' ? typeof readOptions(option, thread.k.frames.total) !== 'number'
      : WORDS[this.type]?.includes(key) ??
      true;
    if (!known) return -E.INVAL;
    this.options.push(option);
    return 0;
  }
  create(thread: Thread): number {
    if (this.phase !== 'params' || this.picked) return -E.BUSY;
    const root = makeFileSystem(thread, this.type, this.source, this.options.join(','));
    if (typeof root === 'number') return root;
    if (this.readOnly) root.fs.readOnly = true;
    this.root = root;
    this.phase = 'made';
    return 0;
  }
  reconfigure(thread: Thread): number {
    if (this.phase !== 'params' || !this.picked) return -E.BUSY;
    if (!mayMount(thread)) return -E.PERM;
    const { fs } = this.picked, failed = fs.remount?.(this.options.join(',')) ?? 0;
    if (failed) return failed;
    fs.readOnly = this.readOnly;
    this.options.length = 0;
    return 0;
  }
}
const contextOf = (t: Thread, file: ContextFile, cloexec: boolean): number => install(t, file, cloexec);
function fsopen(thread: Thread, nameVa: number, flags: number): number {
  if (!mayMount(thread)) return -E.PERM;
  if (flags & ~1) return -E.INVAL;
  const type = pathArg(thread, nameVa);
  return isFileSystem(type) ? contextOf(thread, new ContextFile(thread.k.anon.make(S.IFREG | 0o600), type), (flags & 1) !== 0) : -E.NODEV;
}
function fspick(thread: Thread, fd: number, path: number, flags: number): number {
  if (!mayMount(thread)) return -E.PERM;
  if (flags & ~15) return -E.INVAL;
  const found = placeOf(thread, fd | 0, path, (flags & 2 ? AT.SYMLINK_NOFOLLOW : 0) | (flags & 8 ? AT.EMPTY_PATH : 0));
  if (typeof found === 'number') return found;
  if (!found.mount || found.inode !== found.mount.root) return -E.INVAL;
  return contextOf(thread, new ContextFile(thread.k.anon.make(S.IFREG | 0o600), found.mount.fs.type, found.mount), (flags & 1) !== 0);
}
/** Whether a command has an argument (key, value, aux) that it must not have, or lacks one that it needs: checked before the descriptor. */
function misused(command: number, key: number, value: number, aux: number): boolean {
  switch (command) {
    case Command.FLAG: return key === 0 || value !== 0 || aux !== 0;
    case Command.STRING: return key === 0 || value === 0 || aux !== 0;
    case Command.BINARY: return key === 0 || value === 0 || aux <= 0 || aux > 1 << 20;
    case Command.PATH: case Command.PATH_EMPTY: return key === 0 || value === 0 || (aux !== AT.FDCWD && aux < 0);
    case Command.FD: return key === 0 || value !== 0 || aux < 0;
    default: return key !== 0 || value !== 0 || aux !== 0;
  }
}
function text(thread: Thread, va: number): string {
  const found = getString(thread.mm, va, 256);
  if (found === undefined) throw new CallError(E.INVAL);
  return found;
}
function fsconfig(thread: Thread, fd: number, command: number, keyVa: number, valueVa: number, aux: number): number {
  if (fd < 0) return -E.INVAL;
  if (command < 0 || command > Command.CREATE_EXCL) return -E.OPNOTSUPP;
  if (misused(command, keyVa, valueVa, aux)) return -E.INVAL;
  const file = thread.proc.fds.get(fd);
  if (!file) return -E.BADF;
  if (!(file instanceof ContextFile)) return -E.INVAL;
  const key = keyVa ? text(thread, keyVa) : '';
  switch (command) {
    case Command.FLAG: return file.parameter(thread, key, undefined);
    case Command.STRING: return file.parameter(thread, key, text(thread, valueVa));
    case Command.PATH: case Command.PATH_EMPTY: {
      const found = placeOf(thread, aux, valueVa, 0);
      return typeof found === 'number' ? found : -E.INVAL;
    }
    case Command.FD: return thread.proc.fds.get(aux) ? -E.INVAL : -E.BADF;
    case Command.BINARY: return -E.INVAL;
    case Command.RECONFIGURE: return file.reconfigure(thread);
    default: return file.create(thread);
  }
}

// ── attributes of mounts ─────────────────────────────────────────────────────────────────────────────────────────────────

const Attr = { RDONLY: 1, NOSUID: 2, NODEV: 4, NOEXEC: 8, ATIME: 0x70, NOATIME: 0x10, STRICTATIME: 0x20, NODIRATIME: 0x80, IDMAP: 0x100000,
  NOSYMFOLLOW: 0x200000 } as const;
const VALID = Attr.RDONLY | Attr.NOSUID | Attr.NODEV | Attr.NOEXEC | Attr.ATIME | Attr.NODIRATIME | Attr.NOSYMFOLLOW;
/** MOUNT_ATTR_… as flags of mount(2); the attributes for access times are a number, not bits. */
function mountFlags(attr: number): number {
  const atime = attr & Attr.ATIME;
  return (attr & 15) | (atime === Attr.NOATIME ? Ms.NOATIME : 0) | (attr & Attr.NODIRATIME ? Ms.NODIRATIME : 0) | (attr & Attr.NOSYMFOLLOW
    ? Ms.NOSYMFOLLOW : 0);
}
const isAtime = (attr: number): boolean => [0, Attr.NOATIME, Attr.STRICTATIME].includes(attr & Attr.ATIME);

/** A descriptor for a detached mount; when its last copy is closed, the mount ends unless it was attached. */
function installMount(thread: Thread, mount: Mount, cloexec: boolean): number {
  const file = new PathFile(mount.root, O.PATH);
  file.enter({ mount: mount, inode: mount.root, dir: undefined, name: '' });
  file.atEnd = [() => { if (isNowhere(mount)) detachTree(mount); }];
  return install(thread, file, cloexec);
}
function fsmount(thread: Thread, fd: number, flags: number, attr: number): number {
  if (!mayMount(thread)) return -E.PERM;
  if (flags & ~1 || attr & ~VALID || !isAtime(attr)) return -E.INVAL;
  const file = thread.proc.fds.get(fd | 0);
  if (!file) return -E.BADF;
  if (!(file instanceof ContextFile)) return -E.INVAL;
  if (!file.root) return file.picked ? -E.BUSY : -E.INVAL;
  if (file.phase !== 'made') return -E.BUSY;
  file.phase = 'done';
  const mount = newMount(thread.k, file.root, file.source || 'none', mountFlags(attr));
  nowhereElse(thread.k, mount);
  return installMount(thread, mount, (flags & 1) !== 0);
}
const CLONE = 1;
function openTree(thread: Thread, fd: number, pathVa: number, flags: number): number {
  if ((flags & (AT.RECURSIVE | CLONE)) === AT.RECURSIVE) return -E.INVAL;
  if (flags & CLONE && !mayMount(thread)) return -E.PERM;
  if (thread.proc.fds.lowestFree(thread.proc.limits.files) < 0) return -E.MFILE;
  const found = placeOf(thread, fd | 0, pathVa, flags), cloexec = (flags & O.CLOEXEC) !== 0;
  if (typeof found === 'number') return found;
  const path: Path = { mount: found.mount ?? thread.k.nowhere, inode: found.inode, dir: found.dir, name: found.name ?? '' };
  if (flags & CLONE) {
    const copy = detachedCopy(thread, path, (flags & AT.RECURSIVE) !== 0);
    return typeof copy === 'number' ? copy : installMount(thread, copy, cloexec);
  }
  const file = new PathFile(found.inode, O.PATH);
  file.enter(path);
  return install(thread, file, cloexec);
}
const Move = { F_SYMLINKS: 1, F_EMPTY: 4, T_SYMLINKS: 0x10, T_EMPTY: 0x40, SET_GROUP: 0x100, BENEATH: 0x200, ALL: 0x377 } as const;
function moveMount(thread: Thread, fromFd: number, from: number, toFd: number, to: number, flags: number): number {
  if (!mayMount(thread)) return -E.PERM;
  if (flags & ~Move.ALL || (flags & (Move.SET_GROUP | Move.BENEATH)) === (Move.SET_GROUP | Move.BENEATH)) return -E.INVAL;
  const how = (follow: number, empty: number): number => (flags & follow ? 0 : AT.SYMLINK_NOFOLLOW) | (flags & empty ? AT.EMPTY_PATH : 0);
  const source = placeOf(thread, fromFd | 0, from, how(Move.F_SYMLINKS, Move.F_EMPTY)), kept = typeof source === 'number' ? source
    : pathFrom(thread, source);
  if (typeof kept === 'number') return kept;
  const target = placeOf(thread, toFd | 0, to, how(Move.T_SYMLINKS, Move.T_EMPTY));
  if (typeof target === 'number') return target;
  if (flags & Move.SET_GROUP) return -E.INVAL;
  return (flags & Move.BENEATH ? moveBeneath : moveTo)(thread, kept, pathFrom(thread, target));
}
const pathFrom = (t: Thread, p: { mount: Mount | undefined; inode: Inode; dir?: Directory | undefined; name?: string }): Path =>
  ({ mount: p.mount ?? t.k.nowhere, inode: p.inode, dir: p.dir, name: p.name ?? '' });

/** struct mount_attr: bits to set, bits to clear, propagation, user name space. */
function mountSetattr(thread: Thread, fd: number, pathVa: number, flags: number, va: number, size: number): number {
  if (size > 4096) return -E.TOOBIG;
  if (size < 32) return -E.INVAL;
  if (!mayMount(thread)) return -E.PERM;
  const view = extensible(thread, va, size, 32, 32),
    [set, clear, kind] = [field64(view, 0), field64(view, 8), field64(view, 16)] as [number, number, number];
  if (set === 0 && clear === 0 && kind === 0) return 0;
  if (kind < 0 || kind & ~Ms.PROPAGATION || kind & (kind - 1) || kind > Ms.PROPAGATION) return -E.INVAL;
  if (set < 0 || clear < 0 || set > 0xffff_ffff || clear > 0xffff_ffff || (set | clear) & ~(VALID | Attr.IDMAP) ||
    clear & Attr.IDMAP) return -E.INVAL;
  if (clear & Attr.ATIME ? (clear & Attr.ATIME) !== Attr.ATIME || !isAtime(set) : (set & Attr.ATIME) !== 0) return -E.INVAL;
  if (set & Attr.IDMAP) return -E.INVAL; // no file system here supports idmapped mounts
  const found = placeOf(thread, fd | 0, pathVa, flags);
  if (typeof found === 'number') return found;
  const mount = found.mount;
  if (!mount || found.inode !== mount.root || (mount.space !== thread.proc.mounts && !isNowhere(mount))) return -E.INVAL;
  const list = [mount, ...(flags & AT.RECURSIVE ? submounts(pathFrom(thread, found)) : [])],
    gone = mountFlags(clear & ~Attr.ATIME) | (clear & Attr.ATIME ? Ms.NOATIME : 0);
  for (const x of list) x.flags = ((x.flags & ~gone) | mountFlags(set)) & OF_MOUNT;
  return kind ? propagation(thread.k, { ...pathFrom(thread, found), inode: mount.root }, kind | (flags & AT.RECURSIVE ? Ms.REC : 0)) : 0;
}

const LOOK = AT.EMPTY_PATH | AT.NO_AUTOMOUNT | AT.SYMLINK_NOFOLLOW | AT.RECURSIVE;
export const mountCalls: Row[] = [
  row('fsopen', fsopen), row('fspick', fspick),
    row('fsconfig', (t, fd, c, key, value, aux) => fsconfig(t, fd | 0, c >>> 0, key, value, aux | 0)), row('fsmount', fsmount),
  row('open_tree', openTree, { checks: [bits(2, LOOK | CLONE | O.CLOEXEC)] }),
    row('move_mount', moveMount, { note: 'no groups' }),
  row('mount_setattr', mountSetattr, { checks: [bits(2, LOOK)], note: 'no mapped ids' }),
];
