/**
 * Where files in memory come from when they are touched first: a folder or an archive of the host, read name by name and page by page.
 * What was fetched stays as it was then, and is the guest's own from then on; what the guest changes stays in memory.
 */
import type { Co, Sleeper } from '../kernel/wait.ts';
import type { DirEntry, Inode } from './inode.ts';

/** Makes inodes for a directory of an origin; numbers are -errno. */
export interface DirOrigin {
  /** What a name is there; undefined: nothing. */
  find(t: Sleeper, name: string): Co<Inode | undefined | number>;
  list(t: Sleeper): Co<readonly DirEntry[] | number>;
  /** What a listed name is, where the listing has told it; undefined: it must be found. */
  listed?(entry: DirEntry): Inode | undefined;
}
export interface FileOrigin {
  readonly size: number;
  /** Up to `length` bytes at `pos`; fewer only at the end. */
  read(t: Sleeper, pos: number, length: number): Co<Uint8Array | number>;
}
