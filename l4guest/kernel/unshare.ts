/** unshare: what a process had in common with others becomes its own. */
import { E } from '../abi/errno.ts';
import { Cap, Clone } from '../abi/linux.ts';
import { copySpace } from '../fs/mount.ts';
import { capable } from './creds.ts';
import type { Thread } from './thread.ts';

const KNOWN = Clone.FS | Clone.FILES | Clone.SYSVSEM | Clone.THREAD | Clone.SIGHAND | Clone.VM | Clone.NEWNS | Clone.NEWUTS;

export function unshare(t: Thread, flags: number): number {
  const p = t.proc;
  if (flags & ~KNOWN) return -E.INVAL;
  const shared = flags & Clone.VM ? p.mm.users > 1 || p.threads.size > 1 : p.threads.size > 1;
  if (flags & (Clone.THREAD | Clone.SIGHAND | Clone.VM) && shared) return -E.INVAL;
  if (flags & (Clone.NEWNS | Clone.NEWUTS) && !capable(p.creds, Cap.SYS_ADMIN)) return -E.PERM;
  if (flags & (Clone.FS | Clone.NEWNS)) p.fs = { ...p.fs };
  if (flags & Clone.FILES && p.fds.users > 1) { p.fds.users--; p.fds = p.fds.fork(); }
  if (flags & Clone.NEWNS) copySpace(t.k, p);
  if (flags & Clone.NEWUTS) p.uts = { ...p.uts };
  return 0;
}
