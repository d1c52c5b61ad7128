/** unshare and setns: what a process shared with others becomes its own, or another process's. */
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
 * Credentials in a new user space, with all rights there: -ENOSPC beyond the deepest, -EPERM if the caller has no id in its space or
 * another root directory.
 */
export function newUsers(thread: Thread): Creds | number {
  const { users, euid, egid } = thread.creds, { root } = thread.proc.fs;
  if (users.level > MOST_LEVELS) return -E.NOSPC;
  if (root.mount !== thread.proc.mounts.root || root.inode !== root.mount.root) return -E.PERM;
  if (nameOfId(users.users, euid) < 0 || nameOfId(users.groups, egid) < 0) return -E.PERM;
  return { ...copyCreds(thread.creds), caps: allCaps(), users: new UserSpace(thread.k.newSpaceIno(), users, { uid: euid, gid: egid }) };
}
/** A new pid space for the next child: -EINVAL if one is already prepared, -ENOSPC beyond the deepest. */
export function newNumbers(thread: Thread, owner: UserSpace): PidNumbers | number {
  const { numbers, childNumbers } = thread.proc;
  if (childNumbers !== numbers) return -E.INVAL;
  return numbers.level >= MOST_LEVELS ? -E.NOSPC : new PidNumbers(thread.k.newSpaceIno(), numbers, owner);
}
/** The other name spaces that the flags ask for. */
export function newSpaces(k: Kernel, process: Process, flags: number, owner: UserSpace): void {
  if (flags & Clone.NEWNS) copySpace(k, process, owner);
  if (flags & Clone.NEWUTS) process.uts = new UtsSpace(process.uts.host, process.uts.domain, k.newSpaceIno(), owner);
  if (flags & Clone.NEWIPC) process.ipc = new IpcSpace(k.newSpaceIno(), owner);
}

/** The flags, with those that they imply. */
function complete(flags: number): number {
  let all = flags;
  if (all & Clone.NEWUSER) all |= Clone.THREAD | Clone.FS;
  if (all & Clone.VM) all |= Clone.SIGHAND;
  if (all & Clone.SIGHAND) all |= Clone.THREAD;
  if (all & Clone.NEWNS) all |= Clone.FS;
  return all;
}
export function unshare(thread: Thread, given: number): number {
  if (given < 0 || given > 0xffff_ffff) return -E.INVAL;
  const process = thread.proc, flags = complete(given);
  if (flags & ~KNOWN) return -E.INVAL;
  const shared = flags & Clone.VM ? process.mm.users > 1 || process.threads.size > 1 : process.threads.size > 1;
  if (flags & (Clone.THREAD | Clone.SIGHAND | Clone.VM) && shared) return -E.INVAL;
  if (flags & SPACES && !(flags & Clone.NEWUSER) && !capableHere(thread.creds, Cap.SYS_ADMIN)) return -E.PERM;
  const noSpace = flags & Clone.NEWNS ? mayCopySpace(thread.k, process) : 0;
  if (noSpace) return noSpace;
  const creds = flags & Clone.NEWUSER ? newUsers(thread) : thread.creds;
  if (typeof creds === 'number') return creds;
  const numbers = flags & Clone.NEWPID ? newNumbers(thread, creds.users) : process.childNumbers;
  if (typeof numbers === 'number') return numbers;
  if (flags & Clone.FILES && process.fds.users > 1 && process.fds.length > thread.k.sysctl.number('fs/nr_open')) return -E.MFILE;
  process.childNumbers = numbers;
  if (flags & Clone.NEWUSER) become(thread, creds);
  if (flags & Clone.FS) process.fs = { ...process.fs };
  const copiesFds = flags & Clone.FILES && process.fds.users > 1;
  if (copiesFds && !thread.k.frames.charge(process.fds.weight)) return -E.NOMEM;
  if (copiesFds) { process.fds.users--; process.fds = process.fds.fork(); }
  newSpaces(thread.k, process, flags, creds.users);
  if (flags & Clone.NEWTIME) process.childTime =
    Object.assign(new TimeSpace(thread.k.newSpaceIno(), creds.users),
      { monotonic: process.childTime.monotonic, boot: process.childTime.boot });
  return 0;
}
/** Gives new credentials to the only thread of a process. */
export function become(thread: Thread, creds: Creds): void {
  thread.creds = creds;
  if (thread.proc.leader === thread) thread.proc.creds = creds;
}
