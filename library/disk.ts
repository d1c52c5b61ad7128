/** A disk whose sectors are in memory: of a given size, or an image. `bytes` holds what the guest writes. */
import type { BlockBackend } from '../machine/devices/device.ts';
import { SystemError } from '../system/system.ts';

const SECTOR = 512;

export class MemoryDisk implements BlockBackend {
  readonly bytes: Uint8Array;
  readonly readOnly: boolean;

  /** An image, which is used and not copied, or a number of bytes. @throws SystemError when that is no number of sectors */
  constructor(image: Uint8Array | number, options: { readonly readOnly?: boolean } = {}) {
    this.bytes = typeof image === 'number' ? new Uint8Array(image) : image;
    this.readOnly = options.readOnly ?? false;
    if (this.bytes.length === 0 || this.bytes.length % SECTOR !== 0)
      throw new SystemError(`a disk of ${this.bytes.length} bytes is not made of ${SECTOR}-byte sectors`);
  }
  get size(): number { return this.bytes.length; }
  read(offset: number, into: Uint8Array): void { into.set(this.bytes.subarray(offset, offset + into.length)); }
  write(offset: number, from: Uint8Array): void { this.bytes.set(from, offset); }
  flush(): void { /* it is all there */ }
}
