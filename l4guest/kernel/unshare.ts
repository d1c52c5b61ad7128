/** unshare and setns: what a process had in common with others becomes its own, or that of another one. */
import { E } from '../abi/errno.ts';
import { Cap, Clone } from '../abi/linux.ts';
import { copySpace, mayCopySpace } from '../fs/mount-space.ts';
import { IpcSpace } from '../ipc/space.ts';
import { allCaps } from './caps.ts';
import { capableHere, copyCreds, type Creds } from './creds.ts';
import type { Kernel } from './kernel.ts';
import type { Process } from './process.ts';
import { MOST_LEVELS, PidNumbers, UserSpace, nameOfId } from './spaces.ts';
import type { Thread } from './thread.ts';
import { TimeSpace } from './timespace.ts';
import { UtsSpace } from './uts.ts';

const SPACES = Clone.NEWNS | Clone.NEWUTS | Clone.NEWIPC | Clone.NEWPID | Clone.NEWTIME;
const KNOWN = Clone.FS | Clone.FILES | Clone.SYSVSEM | Clone.THREAD | Clone.SIGHAND | Clone.VM | Clone.NEWUSER | SPACES;

/**
 * Credentials in a new space of users, in which they have all rights: -ENOSPC past the deepest, -EPERM for who has no id or a root of its
 * own.
 */
export function newUsers(t: Thread): Creds | number {
  const { users, euid, egid } = t.creds, { root } = t.proc.fs;
  if (users.level > MOST_LEVELS) return -E.NOSPC;
  if (root.mount !== t.proc.mounts.root || root.inode !== root.mount.root) return -E.PERM;
  if (nameOfId(users.users, euid) < 0 || nameOfId(users.groups, egid) < 0) return -E.PERM;
  return { ...copyCreds(t.creds), caps: allCaps(), users: new UserSpace(t.k.newSpaceIno(), users, { uid: euid, gid: egid }) };
}
/** A new space of numbers for the next child: -EINVAL where one waits already, -ENOSPC past the deepest. */
export function newNumbers(t: Thread, owner: UserSpace): PidNumbers | number {
  const { numbers, childNumbers } = t.proc;
  if (childNumbers !== numbers) return -E.INVAL;
  return numbers.level >= MOST_LEVELS ? -E.NOSPC : new PidNumbers(t.k.newSpaceIno(), numbers, owner);
}
/** The other spaces that the flags ask for. */
export function newSpaces(k: Kernel, p: Process, flags: number, owner: UserSpace): void {
  if (flags & Clone.NEWNS) copySpace(k, p, owner);
  if (flags & Clone.NEWUTS) p.uts = new UtsSpace(p.uts.host, p.uts.domain, k.newSpaceIno(), owner);
  if (flags & Clone.NEWIPC) p.ipc = new IpcSpace(k.newSpaceIno(), owner);
}

/** What the flags imply. */
function complete(flags: number): number {
  let f = flags;
  if (f & Clone.NEWUSER) f |= Clone.THREAD | Clone.FS;
  if (f & Clone.VM) f |= Clone.SIGHAND;
  if (f & Clone.SIGHAND) f |= Clone.THREAD;
  if (f & Clone.NEWNS) f |= Clone.FS;
  return f;
}
export function unshare(t: Thread, given: number): number {
  if (given < 0 || given > 0xffff_ffff) return -E.INVAL;
  const p = t.proc, flags = complete(given);
  if (flags & ~KNOWN) return -E.INVAL;
  const shared = flags & Clone.VM ? p.mm.users > 1 || p.threads.size > 1 : p.threads.size > 1;
  if (flags & (Clone.THREAD | Clone.SIGHAND | Clone.VM) && shared) return -E.INVAL;
  if (flags & SPACES && !(flags & Clone.NEWUSER) && !capableHere(t.creds, Cap.SYS_ADMIN)) return -E.PERM;
  const noSpace = flags & Clone.NEWNS ? mayCopySpace(t.k, p) : 0;
  if (noSpace) return noSpace;
  const creds = flags & Clone.NEWUSER ? newUsers(t) : t.creds;
  if (typeof creds === 'number') return creds;
  const numbers = flags & Clone.NEWPID ? newNumbers(t, creds.users) : p.childNumbers;
  if (typeof numbers === 'number') return numbers;
  if (flags & Clone.FILES && p.fds.users > 1 && p.fds.length > t.k.sysctl.number('fs/nr_open')) return -E.MFILE;
  p.childNumbers = numbers;
  if (flags & Clone.NEWUSER) become(t, creds);
  if (flags & Clone.FS) p.fs = { ...p.fs };
  const copiesFds = flags & Clone.FILES && p.fds.users > 1;
  if (copiesFds && !t.k.frames.charge(p.fds.weight)) return -E.NOMEM;
  if (copiesFds) { p.fds.users--; p.fds = p.fds.fork(); }
  newSpaces(t.k, p, flags, creds.users);
  if (flags & Clone.NEWTIME) p.childTime =
    Object.assign(new TimeSpace(t.k.newSpaceIno(), creds.users), { monotonic: p.childTime.monotonic, boot: p.childTime.boot });
  return 0;
}
/** The one thread of a process acts with other credentials. */
export function become(t: Thread, creds: Creds): void {
  t.creds = creds;
  if (t.proc.leader === t) t.proc.creds = creds;
}
