/**
 * Devices, FIFOs and sockets that a guest makes in a folder of the host. They live here and nowhere else: the host never has them. They are
 * found by the directory's identity and their name, so that they move with a directory; a file of the host of the same name hides one.
 */
import { FolderError, Mode, type Attributes, type Changes } from './folder.ts';

/** The most there may be in one folder of the host. */
export const MOST_SPECIALS = 10_000;

export interface Special extends Attributes { readonly special: true }

export class Specials {
  private readonly folders = new Map<string, Map<string, Special>>();
  private count = 0;
  private made = 0n;
  private readonly now: () => bigint;

  constructor(now: () => bigint) { this.now = now; }

  get size(): number { return this.count; }
  find(folder: string, name: string): Special | undefined { return this.folders.get(folder)?.get(name); }
  names(folder: string): readonly string[] { return [...(this.folders.get(folder)?.keys() ?? [])]; }
  has(folder: string): boolean { return (this.folders.get(folder)?.size ?? 0) > 0; }

  make(folder: string, name: string, mode: number, rdev: bigint): Special {
    const time = this.now();
    const special: Special = {
      special: true, mode: mode & (Mode.type | Mode.kept), uid: 0, gid: 0, device: 0n, ino: ++this.made, nlink: 1n, rdev, size: 0n,
      blksize: 4096n, blocks: 0n,
      atime: time, mtime: time, ctime: time,
    };
    this.put(folder, name, special);
    return special;
  }

  remove(folder: string, name: string): void {
    const names = this.folders.get(folder);
    if (!names?.delete(name)) return;
    this.count--;
    if (names.size === 0) this.folders.delete(folder);
  }

  move(from: string, name: string, to: string, newName: string): void {
    const special = this.find(from, name);
    if (!special) return;
    this.remove(from, name);
    this.remove(to, newName);
    this.put(to, newName, special);
  }

  change(folder: string, name: string, { mode, atime, mtime }: Changes): void {
    const special = this.find(folder, name), now = this.now();
    if (!special) return;
    const time = (given: bigint | 'now' | undefined, old: bigint) => (given === 'now' ? now : given ?? old);
    const kept = mode === undefined ? special.mode : (special.mode & Mode.type) | (mode & Mode.kept);
    this.folders.get(folder)!.set(name, {
      ...special, mode: kept, atime: time(atime, special.atime), mtime: time(mtime, special.mtime), ctime: now
    });
  }

  private put(folder: string, name: string, special: Special): void {
    if (this.count >= MOST_SPECIALS) throw new FolderError('ENOSPC');
    const names = this.folders.get(folder) ?? new Map<string, Special>();
    this.folders.set(folder, names);
    names.set(name, special);
    this.count++;
  }
}

/** Whether a mode is of a device, a FIFO or a socket. */
export function isSpecial(mode: number): boolean {
  const type = mode & Mode.type;
  return type !== Mode.file && type !== Mode.dir && type !== Mode.link;
}
