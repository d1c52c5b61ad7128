/**
 * The origin of files in memory: a host folder or archive, read on demand, name by name and page by page. Fetched data is a copy from then
 * on and belongs to the guest, whose changes stay in memory.
 */
import type { Co, Sleeper } from '../kernel/wait.ts';
import type { DirEntry, Inode } from './inode.ts';

/** Makes inodes for a directory of an origin; numbers are -errno. */
export interface DirOrigin {
  /** Looks up a name; undefined: it does not exist. */
  find(t: Sleeper, name: string): Co<Inode | undefined | number>;
  list(t: Sleeper): Co<readonly DirEntry[] | number>;
  /** The type of a listed name, if the listing gave it; undefined: it must be looked up. */
  listed?(entry: DirEntry): Inode | undefined;
}
export interface FileOrigin {
  readonly size: number;
  /** Up to `length` bytes at `pos`; fewer only at the end. */
  read(t: Sleeper, pos: number, length: number): Co<Uint8Array | number>;
}
