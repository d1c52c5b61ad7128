/** swapon and swapoff: block devices that mkswap has prepared. */
import { E } from '../abi/errno.ts';
import { AT, Cap, S } from '../abi/linux.ts';
import { blockDevicesOf } from '../drivers/block.ts';
import { textOfPath } from '../fs/path.ts';
import { capable } from '../kernel/creds.ts';
import { swapOf } from '../kernel/swap.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Co } from '../kernel/wait.ts';
import { placeOf } from './stat.ts';
import { row, type Row } from './row.ts';

const PREFER = 0x8000, PRIORITY = 0x7fff, FLAGS = 0x7ffff;

function swapOn(thread: Thread, path: number, flags: number): number | Co<number> {
  if (flags & ~FLAGS) return -E.INVAL;
  if (!capable(thread.creds, Cap.SYS_ADMIN)) return -E.PERM;
  const found = placeOf(thread, AT.FDCWD, path, 0);
  if (typeof found === 'number') return found;
  const source = found.inode.type === S.IFBLK ? blockDevicesOf(thread.k).source(found.inode.rdev) : undefined;
  if (found.inode.type === S.IFBLK && !source) return -E.NXIO;
  if (!source) return -E.INVAL;
  const { mount, inode, dir } = found;
  const name = mount ? textOfPath({ mount, inode, dir, name: found.name ?? '' }, thread.proc.fs.root) : undefined;
  return swapOf(thread.k).add(thread, source, name ?? '/dev/?', found.inode.rdev, flags & PREFER ? flags & PRIORITY : undefined);
}
function swapOff(thread: Thread, path: number): number | Co<number> {
  if (!capable(thread.creds, Cap.SYS_ADMIN)) return -E.PERM;
  const found = placeOf(thread, AT.FDCWD, path, 0);
  if (typeof found === 'number') return found;
  const swap = swapOf(thread.k), area = found.inode.type === S.IFBLK ? swap.areas.find((a) => a?.rdev === found.inode.rdev) : undefined;
  return area ? swap.remove(thread, area) : -E.INVAL;
}
export const swapCalls: Row[] = [
  row('swapon', (t, path, flags) => swapOn(t, path, flags), { note: 'block devices' }), row('swapoff', (t, path) => swapOff(t, path)),
];
