/** Notifies the watchers of files: inotify and F_NOTIFY. */
import type { File } from './file.ts';
import type { Directory, Inode } from './inode.ts';

export const Watch = {
  ACCESS: 1, MODIFY: 2, ATTRIB: 4, CLOSE_WRITE: 8, CLOSE_NOWRITE: 0x10, OPEN: 0x20, MOVED_FROM: 0x40, MOVED_TO: 0x80, CREATE: 0x100,
  DELETE: 0x200, DELETE_SELF: 0x400, MOVE_SELF: 0x800, ALL: 0xfff, UNMOUNT: 0x2000, Q_OVERFLOW: 0x4000, IGNORED: 0x8000, RENAMED: 0x10000,
  ONLYDIR: 0x01000000, DONT_FOLLOW: 0x02000000, EXCL_UNLINK: 0x04000000, MASK_CREATE: 0x10000000, ADD: 0x20000000, ISDIR: 0x40000000,
  ONESHOT: 0x80000000,
} as const;

/** Notifies the watchers of an inode, if there are any. `name`: the entry of a directory. */
export function notify(inode: Inode, mask: number, name = '', cookie = 0): void {
  if (inode.watchers) for (const w of [...inode.watchers]) w.notify(mask, cookie, name);
}
/** An event of an inode that was found in `dir` under `name`: the folder's watchers are notified first. */
export function notifyAt(inode: Inode, dir: Directory | undefined, name: string, mask: number): void {
  if (inode.watchers === undefined && dir?.watchers === undefined) return;
  const bits = mask | (inode.isDir ? Watch.ISDIR : 0);
  if (dir && name !== '' && dir !== inode) notify(dir, bits, name);
  notify(inode, bits);
}
/** The same for an open file. */
export function notifyFile(f: File, mask: number): void {
  if (f.inode.watchers !== undefined || f.dir?.watchers !== undefined) notifyAt(f.inode, f.dir, f.name, mask);
}
let cookies = 0;
export const newCookie = (): number => ++cookies;
