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

function swapOn(t: Thread, path: number, flags: number): number | Co<number> {
  if (flags & ~FLAGS) return -E.INVAL;
  if (!capable(t.creds, Cap.SYS_ADMIN)) return -E.PERM;
  const p = placeOf(t, AT.FDCWD, path, 0);
  if (typeof p === 'number') return p;
  const source = p.inode.type === S.IFBLK ? blockDevicesOf(t.k).source(p.inode.rdev) : undefined;
  if (p.inode.type === S.IFBLK && !source) return -E.NXIO;
  if (!source) return -E.INVAL;
  const { mount } = p, name = mount ? textOfPath({ mount, inode: p.inode, dir: p.dir, name: p.name ?? '' }, t.proc.fs.root) : undefined;
  return swapOf(t.k).add(t, source, name ?? '/dev/?', p.inode.rdev, flags & PREFER ? flags & PRIORITY : undefined);
}
function swapOff(t: Thread, path: number): number | Co<number> {
  if (!capable(t.creds, Cap.SYS_ADMIN)) return -E.PERM;
  const p = placeOf(t, AT.FDCWD, path, 0);
  if (typeof p === 'number') return p;
  const swap = swapOf(t.k), area = p.inode.type === S.IFBLK ? swap.areas.find((a) => a?.rdev === p.inode.rdev) : undefined;
  return area ? swap.remove(t, area) : -E.INVAL;
}
export const swapCalls: Row[] = [
  row('swapon', (t, path, flags) => swapOn(t, path, flags), { note: 'block devices' }), row('swapoff', (t, path) => swapOff(t, path)),
];
