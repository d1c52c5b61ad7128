/** Notifies the watchers of files: inotify and F_NOTIFY. */
import { S } from '../abi/linux.ts';
import type { File } from './file.ts';
import type { Directory, Inode } from './inode.ts';

export const Watch = {
  ACCESS: 1, MODIFY: 2, ATTRIB: 4, CLOSE_WRITE: 8, CLOSE_NOWRITE: 0x10, OPEN: 0x20, MOVED_FROM: 0x40, MOVED_TO: 0x80, CREATE: 0x100,
  DELETE: 0x200, DELETE_SELF: 0x400, MOVE_SELF: 0x800, ALL: 0xfff, UNMOUNT: 0x2000, Q_OVERFLOW: 0x4000, IGNORED: 0x8000, RENAMED: 0x10000,
  ONLYDIR: 0x01000000, DONT_FOLLOW: 0x02000000, EXCL_UNLINK: 0x04000000, MASK_CREATE: 0x10000000, ADD: 0x20000000, ISDIR: 0x40000000,
  ONESHOT: 0x80000000,
} as const;

/** Notifies the watchers of an inode, if there are any. `name`: the entry of a directory. */
export function notify(inode: Inode, mask: number, name = '', cookie = 0, opened?: Opened): void {
  if (inode.watchers) for (const w of [...inode.watchers]) w.notify(mask, cookie, name, opened);
}
/** An open file to which something happens: a watch may ignore it when its name is gone. */
export interface Opened { readonly inode: Inode; readonly dir: Directory; readonly name: string }
/**
 * Notifies watchers of an inode that was found in `dir` under `name`: the folder's watchers first. `throughFile`: an open file was used,
 * and no attributes changed.
 */
export function notifyAt(inode: Inode, dir: Directory | undefined, name: string, mask: number, throughFile = mask !== Watch.ATTRIB): void {
  if (inode.watchers === undefined && dir?.watchers === undefined) return;
  const bits = mask | (inode.isDir ? Watch.ISDIR : 0), folder = name !== '' && dir !== inode ? dir : undefined;
  const opened = folder && throughFile ? { inode, dir: folder, name } : undefined;
  if (folder) notify(folder, bits, name, 0, opened);
  notify(inode, bits, '', 0, opened);
}
/** The same for an open file. Of pipes and devices only those are notified who watch the file itself. */
export function notifyFile(file: File, mask: number): void {
  const { inode, dir } = file;
  if (inode.watchers === undefined && dir?.watchers === undefined) return;
  const isData = (mask & (Watch.ACCESS | Watch.MODIFY)) !== 0, isPlain = inode.type === S.IFREG || inode.isDir;
  notifyAt(inode, isData && !isPlain ? undefined : dir, file.name, mask);
}
let cookies = 0;
export const newCookie = (): number => ++cookies;
