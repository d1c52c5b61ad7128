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
import { mayTrace } from './process.ts';
import { row, type Row } from './row.ts';

const ALL = Clone.NEWNS | Clone.NEWUTS | Clone.NEWIPC | Clone.NEWPID | Clone.NEWUSER | Clone.NEWNET | Clone.NEWCGROUP | Clone.NEWTIME;

/** 0 when the caller may enter the space, with these users to count rights in. */
function mayEnter(t: Thread, space: Space, users: UserSpace): number {
  const admin = (owner: UserSpace): boolean =>
    capableIn({ ...t.creds, ...(users === t.creds.users ? {} : { users, caps: allCaps() }) }, owner, Cap.SYS_ADMIN);
  if (space instanceof UserSpace) {
    if (space === t.creds.users || t.proc.threads.size > 1) return -E.INVAL;
    return capableIn(t.creds, space, Cap.SYS_ADMIN) ? 0 : -E.PERM;
  }
  if (!admin(space.owner) || (!capableHere(t.creds, Cap.SYS_ADMIN) && users === t.creds.users)) return -E.PERM;
  if (space instanceof PidNumbers) return t.proc.numbers.contains(space) && !space.ended ? 0 : -E.INVAL;
  if (space instanceof MountSpace && !capableHere(t.creds, Cap.SYS_CHROOT) && users === t.creds.users) return -E.PERM;
  return 0;
}
function enter(t: Thread, space: Space): void {
  const p = t.proc;
  if (space instanceof UserSpace) become(t, { ...copyCreds(t.creds), users: space, caps: allCaps() });
  else if (space instanceof PidNumbers) p.childNumbers = space;
  else if (space instanceof UtsSpace) p.uts = space;
  else if (space instanceof TimeSpace) {
    p.time = p.childTime = space;
    space.settled = true;
    t.k.timePages.enter(p.mm, space);
  }
  else if (space instanceof IpcSpace) p.ipc = space;
  else if (space instanceof MountSpace) {
    const top = topmost(space.root, space.root.root) as { mount: typeof space.root; inode: Directory } as DirPath;
    const old = p.mounts;
    p.mounts = space.hold();
    old.release();
    p.fs = { ...p.fs, root: top, cwd: top };
  }
}
/** Has the caller's process enter a space (a file of /proc/PID/ns), or spaces of a process named by its pidfd. */
function setns(t: Thread, fd: number, typeArg: number): number {
  const type = typeArg | 0;
  const f = t.proc.fds.get(fd | 0);
  if (!f) return -E.BADF;
  if (f instanceof SpaceFile) {
    if (type !== 0 && type !== f.space.kind) return -E.INVAL;
    const refused = mayEnter(t, f.space, t.creds.users);
    if (!refused) enter(t, f.space);
    return refused;
  }
  if (!(f instanceof PidFile) || type === 0 || type & ~ALL) return -E.INVAL;
  const { process: p } = f;
  if (!p.alive) return -E.SRCH;
  if (!mayTrace(t, p)) return -E.PERM;
  const kinds: [number, Space][] =
    [[Clone.NEWUSER, p.creds.users], [Clone.NEWNS, p.mounts], [Clone.NEWUTS, p.uts], [Clone.NEWIPC, p.ipc], [Clone.NEWPID, p.numbers],
    [Clone.NEWTIME, p.time]];
  const list = kinds.filter(([kind]) => type & kind).map(([, s]) => s), users = type & Clone.NEWUSER ? p.creds.users : t.creds.users;
  for (const s of list) { const refused = mayEnter(t, s, users); if (refused) return refused; }
  for (const s of list) enter(t, s);
  return 0;
}

export const spaceCalls: Row[] = [row('setns', setns), row('unshare', unshare)];
