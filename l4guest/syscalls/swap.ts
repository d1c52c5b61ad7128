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
  const p = placeOf(thread, AT.FDCWD, path, 0);
  if (typeof p === 'number') return p;
  const source = p.inode.type === S.IFBLK ? blockDevicesOf(thread.k).source(p.inode.rdev) : undefined;
  if (p.inode.type === S.IFBLK && !source) return -E.NXIO;
  if (!source) return -E.INVAL;
  const { mount } = p, name = mount ? textOfPath({ mount, inode: p.inode, dir: p.dir, name: p.name ?? '' }, thread.proc.fs.root)
    : undefined;
  return swapOf(thread.k).add(thread, source, name ?? '/dev/?', p.inode.rdev, flags & PREFER ? flags & PRIORITY : undefined);
}
function swapOff(thread: Thread, path: number): number | Co<number> {
  if (!capable(thread.creds, Cap.SYS_ADMIN)) return -E.PERM;
  const p = placeOf(thread, AT.FDCWD, path, 0);
  if (typeof p === 'number') return p;
  const swap = swapOf(thread.k), area = p.inode.type === S.IFBLK ? swap.areas.find((a) => a?.rdev === p.inode.rdev) : undefined;
  return area ? swap.remove(thread, area) : -E.INVAL;
}
export const swapCalls: Row[] = [
  row('swapon', (t, path, flags) => swapOn(t, path, flags), { note: 'block devices' }), row('swapoff', (t, path) => swapOff(t, path)),
];
