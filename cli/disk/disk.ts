/**
 * A host file as a disk of the machine. A failure during a run (a truncated file, a full file system, an I/O error) appears to the guest as
 * an error of the disk.
 */
import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { CliError, fileError } from '../errors.ts';
import { size as sizeOf } from '../options.ts';
import { DiskLock, refuseIfTaken } from './lock.ts';
import { SnapshotDisk, type HostDisk } from './snapshot.ts';

export type { HostDisk };

export interface DiskOption {
  readonly path: string;
  readonly readOnly: boolean;
  /** Limit in bytes for writes kept in memory; the file stays unchanged. */
  readonly snapshot?: number;
}

const SECTOR = 512;
/** Default limit of a snapshot. */
const SNAPSHOT_BYTES = 256 * 2 ** 20;

/** `FILE`, `FILE,ro`, `FILE,snapshot` or `FILE,snapshot=SIZE`. A file's name may have commas. */
export function parseDisk(text: string): DiskOption {
  const [, path, kind, size] = /^(.*?)(?:,(ro|snapshot)(?:=([^,]*))?)?$/s.exec(text) ?? [];
  if (kind === 'ro' && size === undefined) return { path, readOnly: true };
  const bytes = size === undefined ? SNAPSHOT_BYTES : sizeOf('--disk …,snapshot');
  if (kind === 'snapshot') return { path, readOnly: false, snapshot: typeof bytes === 'number' ? bytes : bytes(size!) };
  return { path: text, readOnly: false };
}

/** Opens the disk. @throws CliError when the file cannot be opened, is no disk, or another program writes to it */
export function openDisk(option: DiskOption): HostDisk {
  const { snapshot } = option, file = new FileDisk(snapshot === undefined ? option : { path: option.path, readOnly: true });
  return snapshot === undefined ? file : new SnapshotDisk(file, snapshot);
}

/** All of them, or none. */
export function openDisks(options: readonly DiskOption[]): HostDisk[] {
  const disks: HostDisk[] = [];
  try {
    for (const option of options) disks.push(openDisk(option));
    return disks;
  } catch (error) {
    for (const disk of disks) disk.close();
    throw error;
  }
}

export class FileDisk implements HostDisk {
  readonly size: number;
  readonly readOnly: boolean;
  readonly #fd: number;
  readonly #lock: DiskLock | undefined;
  /** A failed flush has lost data, so every later one fails too. */
  #lost = false;

  /** @throws CliError, as `openDisk` */
  constructor(option: DiskOption) {
    this.readOnly = option.readOnly;
    try {
      this.#fd = openSync(option.path, option.readOnly ? 'r' : 'r+');
    } catch (error) {
      throw fileError('disk', option.path, error, option.readOnly ? '' : 'for reading only say FILE,ro');
    }
    try {
      this.size = this.#checkedSize(option.path);
      if (!this.readOnly) {
        refuseIfTaken(option.path, this.#fd);
        this.#lock = DiskLock.take(option.path);
      }
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
  }

  #checkedSize(path: string): number {
    const stat = fstatSync(this.#fd);
    if (!stat.isFile()) throw new CliError('E_DISK', `disk '${path}' is no regular file`);
    if (stat.size > 0 && stat.size % SECTOR === 0) return stat.size;
    throw new CliError('E_DISK', `disk '${path}' has ${stat.size} bytes, which is not a number of ${SECTOR}-byte sectors`,
      'pad it with truncate -s');
  }

  read(offset: number, into: Uint8Array): void {
    for (let at = 0; at < into.length; ) {
      const count = readSync(this.#fd, into, at, into.length - at, offset + at);
      if (count === 0) throw new Error('the disk file has become shorter');
      at += count;
    }
  }

  /** A write does not extend a truncated file again, because the data beyond its end is lost. */
  write(offset: number, from: Uint8Array): void {
    if (offset + from.length > fstatSync(this.#fd).size) throw new Error('the disk file has become shorter');
    for (let at = 0; at < from.length; ) at += writeSync(this.#fd, from, at, from.length - at, offset + at);
  }

  flush(): void {
    if (this.readOnly) return;
    if (this.#lost) throw new Error('an earlier flush has failed');
    this.#lost = true;
    fsyncSync(this.#fd);
    this.#lost = false;
  }

  close(): void {
    closeSync(this.#fd);
    this.#lock?.release();
  }
}
