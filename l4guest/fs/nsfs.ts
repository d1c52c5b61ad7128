/** Name spaces as files: the targets of /proc/PID/ns. A space exists as long as its file is open or mounted; setns enters it. */
import { E } from '../abi/errno.ts';
import { Clone, O, S } from '../abi/linux.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Process } from '../kernel/process.ts';
import { FirstIno, PidNumbers, UserSpace, firstUsers, nameOfId, type Space } from '../kernel/spaces.ts';
import type { Thread } from '../kernel/thread.ts';
import { setU32 } from '../mm/uaccess.ts';
import { File } from './file.ts';
import { GeneratedFs } from './generated.ts';
import { Inode, type FileSystem, type Located } from './inode.ts';
import { MountSpace } from './path.ts';

/** ioctls: the user space above, the parent, the CLONE_NEW… bit, the maker's id; process numbers translated between two pid spaces. */
const NsIoctl = { USERNS: 0xb701, PARENT: 0xb702, TYPE: 0xb703, OWNER_UID: 0xb704, PID_FROM: 0x8004b706, TGID_FROM: 0x8004b707,
  PID_IN: 0x8004b708, TGID_IN: 0x8004b709 } as const;

class SpaceInode extends Inode {
  readonly space: Space;
  readonly k: Kernel;
  constructor(fs: FileSystem, space: Space, k: Kernel) { super(fs, S.IFREG | 0o444, space.ino); this.space = space; this.k = k; }
  override open(_t: Thread, flags: number): File | number {
    return (flags & O.ACCMODE) === O.RDONLY ? new SpaceFile(this, flags) : -E.PERM;
  }
  override change(): number { return -E.PERM; }
  override get immutable(): boolean { return true; }
  override hold(): void { if (this.space instanceof MountSpace) this.space.hold(); }
  override letGo(): void { if (this.space instanceof MountSpace) this.space.release(); }
}
export class SpaceFile extends File {
  declare readonly inode: SpaceInode;
  constructor(inode: SpaceInode, flags: number) { super(inode, flags); inode.hold(); }
  protected override closed(): void { this.inode.letGo(); }
  get space(): Space { return this.inode.space; }
  override ioctl(thread: Thread, command: number, arg: number): number {
    const { space } = this;
    switch (command) {
      case NsIoctl.USERNS: return openSpace(thread, space instanceof UserSpace ? space.parent : space.owner);
      case NsIoctl.PARENT: return space instanceof UserSpace || space instanceof PidNumbers ? openSpace(thread, space.parent) : -E.INVAL;
      case NsIoctl.TYPE: return space.kind;
      case NsIoctl.OWNER_UID: return space instanceof UserSpace ? tellMaker(thread, space, arg) : -E.INVAL;
      case NsIoctl.PID_FROM: case NsIoctl.TGID_FROM: return space instanceof PidNumbers
        ? numberOr(thread.k, thread.proc.numbers, space.id(arg | 0), command === NsIoctl.TGID_FROM) : -E.INVAL;
      case NsIoctl.PID_IN: case NsIoctl.TGID_IN: return space instanceof PidNumbers
        ? numberOr(thread.k, space, thread.proc.numbers.id(arg | 0), command === NsIoctl.TGID_IN) : -E.INVAL;
      default: return -E.NOTTY;
    }
  }
}
function tellMaker(thread: Thread, space: UserSpace, va: number): number {
  const n = nameOfId(thread.creds.users.users, space.maker.uid);
  setU32(thread.mm, va, n < 0 ? 65534 : n);
  return 0;
}
function numberOr(k: Kernel, as: PidNumbers, id: number, group: boolean): number {
  const x = k.pids.threads.get(id);
  return x ? as.of(group ? x.proc.pid : id) || -E.SRCH : -E.SRCH;
}
/** A descriptor for a space; -EPERM if the space is outside the caller's view. */
function openSpace(thread: Thread, space: Space | undefined): number {
  const seen = space && (space instanceof PidNumbers ? thread.proc.numbers.contains(space)
    : contains(thread.creds.users, space instanceof UserSpace ? space : space.owner));
  if (!seen) return -E.PERM;
  const file = new SpaceFile(inodeOf(thread.k, space), 0), room = file.charge(thread.k.frames),
    fd = room ? thread.proc.fds.add(file, true, thread.proc.limits.files) : -E.NFILE;
  if (fd < 0) file.release();
  return fd;
}
function contains(outer: UserSpace, inner: UserSpace): boolean {
  for (let userSpace: UserSpace | undefined = inner; userSpace; userSpace = userSpace.parent) if (userSpace === outer) return true;
  return false;
}

const files = new WeakMap<Kernel, GeneratedFs>(), inodes = new WeakMap<Space, SpaceInode>();
function inodeOf(k: Kernel, space: Space): SpaceInode {
  let fs = files.get(k), i = inodes.get(space);
  if (!fs) files.set(k, fs = new GeneratedFs('nsfs', k.newDev(), 0x6e736673, () => k.clock.time()));
  if (i?.k !== k) inodes.set(space, i = new SpaceInode(fs, space, k));
  return i;
}
/** Spaces that exist only once. */
const only = (kind: number, ino: number): Space => ({ kind, ino, owner: firstUsers });
const NET = only(Clone.NEWNET, FirstIno.NET), CGROUP = only(Clone.NEWCGROUP, FirstIno.CGROUP);

/** The spaces of a process by the names in /proc/PID/ns; undefined: the space does not exist yet. */
const named: Readonly<Record<string, (p: Process) => Space | undefined>> = {
  cgroup: () => CGROUP, ipc: (p) => p.ipc, mnt: (p) => p.mounts, net: () => NET, pid: (p) => p.numbers,
  time: (p) => p.time, time_for_children: (p) => p.childTime, pid_for_children: (p) =>
    (p.childNumbers === p.numbers || p.childNumbers.reaper ? p.childNumbers : undefined), user: (p) =>
    p.creds.users, uts: (p) => p.uts,
};
export const spaceNames = Object.keys(named);
/** The target of a link in /proc/PID/ns. */
export function spaceOf(k: Kernel, process: Process, name: string): { readonly text: string; readonly at: Located } | undefined {
  const space = process.alive ? named[name]?.(process) : undefined, text = `${name.replace('_for_children', '')}:[${space?.ino}]`;
  return space && { text, at: { inode: inodeOf(k, space), mount: k.nowhere, name: text } };
}
