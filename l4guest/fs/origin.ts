/**
 * Where files in memory come from when they are touched first: a folder or an archive of the host, read name by name and page by page.
 * What was fetched stays as it was then, and is the guest's own from then on; what the guest changes stays in memory.
 */
import type { Co, Sleeper } from '../kernel/wait.ts';
import type { DirEntry, Inode } from './inode.ts';

/** What a directory does with names that it has not asked for: whether it wants one, and whether it has taken what was found. */
export interface Neighbours { wants(name: string): boolean; takes(name: string, inode: Inode): boolean }

/** Makes inodes for a directory of an origin; numbers are -errno. */
export interface DirOrigin {
  /** What a name is there; undefined: nothing. Neighbours that will be asked for next may be found on the way. */
  find(t: Sleeper, name: string, neighbours: Neighbours): Co<Inode | undefined | number>;
  list(t: Sleeper): Co<readonly DirEntry[] | number>;
}
export interface FileOrigin {
  readonly size: number;
  /** Up to `length` bytes at `pos`; fewer only at the end. */
  read(t: Sleeper, pos: number, length: number): Co<Uint8Array | number>;
}
