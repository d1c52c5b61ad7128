/** A file of the host as a disk of the machine. */
import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import type { BlockBackend } from '../../machine/devices/device.ts';
import { CliError, fileError } from '../errors.ts';

export interface DiskOption {
  readonly path: string;
  readonly readOnly: boolean;
}

const SECTOR = 512;

/** `FILE` or `FILE,ro`. */
export function parseDisk(text: string): DiskOption {
  const readOnly = text.endsWith(',ro');
  return { path: readOnly ? text.slice(0, -3) : text, readOnly };
}

export class FileDisk implements BlockBackend {
  readonly size: number;
  readonly readOnly: boolean;
  readonly #fd: number;

  /** @throws CliError when the file cannot be opened or is no disk. */
  constructor(option: DiskOption) {
    this.readOnly = option.readOnly;
    try {
      this.#fd = openSync(option.path, option.readOnly ? 'r' : 'r+');
    } catch (error) {
      throw fileError('disk', option.path, error, option.readOnly ? '' : 'for reading only say FILE,ro');
    }
    this.size = fstatSync(this.#fd).size;
    if (this.size > 0 && this.size % SECTOR === 0) return;
    closeSync(this.#fd);
    throw new CliError('E_DISK', `disk '${option.path}' has ${this.size} bytes, which is not a number of ${SECTOR}-byte sectors`, 'pad it with truncate -s');
  }

  read(offset: number, into: Uint8Array): void {
    for (let at = 0; at < into.length; ) {
      const count = readSync(this.#fd, into, at, into.length - at, offset + at);
      if (count === 0) throw new Error('the disk file has become shorter');
      at += count;
    }
  }

  write(offset: number, from: Uint8Array): void {
    for (let at = 0; at < from.length; ) at += writeSync(this.#fd, from, at, from.length - at, offset + at);
  }

  flush(): void {
    if (!this.readOnly) fsyncSync(this.#fd);
  }

  close(): void {
    closeSync(this.#fd);
  }
}
