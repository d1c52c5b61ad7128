/** A disk in memory, for specs: a block source that counts its requests. */
import { E } from '../abi/errno.ts';
import type { BlockSource } from '../fs/bytesource.ts';
import type { Co, Sleeper } from '../kernel/wait.ts';

export class MemoryDisk implements BlockSource {
  readonly bytes: Uint8Array;
  readonly readOnly: boolean;
  reads = 0;
  writes = 0;
  broken = false;
  constructor(bytes: Uint8Array, readOnly = false) { this.bytes = bytes; this.readOnly = readOnly; }
  get size(): number { return this.bytes.length; }
  *read(_t: Sleeper, pos: number, length: number): Co<Uint8Array | number> {
    this.reads++;
    return this.broken || pos < 0 || pos + length > this.size ? -E.IO : this.bytes.slice(pos, pos + length);
  }
  *write(_t: Sleeper, pos: number, bytes: Uint8Array): Co<number> {
    this.writes++;
    if (this.broken || pos < 0 || pos + bytes.length > this.size) return -E.IO;
    this.bytes.set(bytes, pos);
    return 0;
  }
  *flush(): Co<number> { return 0; }
}
