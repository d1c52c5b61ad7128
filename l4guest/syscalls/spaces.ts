/** Calls about name spaces: unshare and setns. */
import { E } from '../abi/errno.ts';
import { Cap, Clone } from '../abi/linux.ts';
import type { Directory } from '../fs/inode.ts';
import { SpaceFile } from '../fs/nsfs.ts';
import { MountSpace, topmost, type DirPath } from '../fs/path.ts';
import { PidFile } from '../fs/pidfd.ts';
import { IpcSpace } from '../ipc/space.ts';
import { allCaps } from '../kernel/caps.ts';
import { capableHere, copyCreds } from '../kernel/creds.ts';
import { PidNumbers, UserSpace, capableIn, type Space } from '../kernel/spaces.ts';
import type { Thread } from '../kernel/thread.ts';
import { become, unshare } from '../kernel/unshare.ts';
import { TimeSpace } from '../kernel/timespace.ts';
import { UtsSpace } from '../kernel/uts.ts';
import { mayTrace } from '../kernel/tracing.ts';
import { row, type Row } from './row.ts';

const ALL = Clone.NEWNS | Clone.NEWUTS | Clone.NEWIPC | Clone.NEWPID | Clone.NEWUSER | Clone.NEWNET | Clone.NEWCGROUP | Clone.NEWTIME;

/** 0 if the caller may enter the space; its rights are counted in the user space `users`. */
function mayEnter(thread: Thread, space: Space, users: UserSpace): number {
  const admin = (owner: UserSpace): boolean =>
    capableIn({ ...thread.creds, ...(users === thread.creds.users ? {} : { users, caps: allCaps() }) }, owner, Cap.SYS_ADMIN);
  if (space instanceof UserSpace) {
    if (space === thread.creds.users || thread.proc.threads.size > 1) return -E.INVAL;
    return capableIn(thread.creds, space, Cap.SYS_ADMIN) ? 0 : -E.PERM;
  }
  if (!admin(space.owner) || (!capableHere(thread.creds, Cap.SYS_ADMIN) && users === thread.creds.users)) return -E.PERM;
  if (space instanceof PidNumbers) return thread.proc.numbers.contains(space) && !space.ended ? 0 : -E.INVAL;
  if (space instanceof MountSpace && !capableHere(thread.creds, Cap.SYS_CHROOT) && users === thread.creds.users) return -E.PERM;
  return 0;
}
function enter(thread: Thread, space: Space): void {
  const process = thread.proc;
  if (space instanceof UserSpace) become(thread, { ...copyCreds(thread.creds), users: space, caps: allCaps() });
  else if (space instanceof PidNumbers) process.childNumbers = space;
  else if (space instanceof UtsSpace) process.uts = space;
  else if (space instanceof TimeSpace) {
    process.time = process.childTime = space;
    space.settled = true;
    thread.k.timePages.enter(process.mm, space);
  }
  else if (space instanceof IpcSpace) process.ipc = space;
  else if (space instanceof MountSpace) {
    const top = topmost(space.root, space.root.root) as { mount: typeof space.root; inode: Directory } as DirPath;
    const old = process.mounts;
    process.mounts = space.hold();
    old.release();
    process.fs = { ...process.fs, root: top, cwd: top };
  }
}
/** The caller's process enters a name space (a file of /proc/PID/ns), or spaces of a process named by its pidfd. */
function setns(thread: Thread, fd: number, typeArg: number): number {
  const type = typeArg | 0;
  const file = thread.proc.fds.get(fd | 0);
  if (!file) return -E.BADF;
  if (file instanceof SpaceFile) {
    if (type !== 0 && type !== file.space.kind) return -E.INVAL;
    const refused = mayEnter(thread, file.space, thread.creds.users);
    if (!refused) enter(thread, file.space);
    return refused;
  }
  if (!(file instanceof PidFile) || type === 0 || type & ~ALL) return -E.INVAL;
  const { process: target } = file;
  if (!target.alive) return -E.SRCH;
  if (!mayTrace(thread, target)) return -E.PERM;
  const kinds: [number, Space][] =
    [[Clone.NEWUSER, target.creds.users], [Clone.NEWNS, target.mounts], [Clone.NEWUTS, target.uts], [Clone.NEWIPC, target.ipc],
      [Clone.NEWPID, target.numbers], [Clone.NEWTIME, target.time]];
  const list = kinds.filter(([kind]) => type & kind).map(([, s]) => s),
    users = type & Clone.NEWUSER ? target.creds.users : thread.creds.users;
  for (const space of list) { const refused = mayEnter(thread, space, users); if (refused) return refused; }
  for (const space of list) enter(thread, space);
  return 0;
}

export const spaceCalls: Row[] = [row('setns', setns), row('unshare', unshare)];
