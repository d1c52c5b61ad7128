/**
 * A disk whose writes stay in memory: written blocks cover those of the underlying disk, which is only read. Beyond its limit it refuses
 * writes, like a full disk.
 */
import type { BlockBackend } from '../../machine/devices/device.ts';

const BLOCK = 4096;
/** A disk with an end. */
export interface HostDisk extends BlockBackend { close(): void }

export class SnapshotDisk implements HostDisk {
  readonly readOnly = false;
  readonly #beneath: HostDisk;
  readonly #most: number;
  readonly #written = new Map<number, Uint8Array>();

  /** `most`: bytes of memory that writes may take. */
  constructor(beneath: HostDisk, most: number) {
    this.#beneath = beneath;
    this.#most = most;
  }

  get size(): number { return this.#beneath.size; }

  read(offset: number, into: Uint8Array): void {
    this.#blocks(offset, into.length, (block, from, at, length) => {
      const over = this.#written.get(block);
      if (over) into.set(over.subarray(from, from + length), at);
      else this.#beneath.read(block * BLOCK + from, into.subarray(at, at + length));
    });
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#blocks(offset, bytes.length, (block, from, at, length) => {
      this.#own(block, length === BLOCK).set(bytes.subarray(at, at + length), from);
    });
  }

  /** Memory needs no flush. */
  flush(): void {}
  close(): void { this.#beneath.close(); }

  /** This disk's copy of the block; `whole`: the write covers all of it. */
  #own(block: number, whole: boolean): Uint8Array {
    const known = this.#written.get(block);
    if (known) return known;
    if ((this.#written.size + 1) * BLOCK > this.#most) throw new Error('the snapshot has taken what it may take');
    const own = new Uint8Array(BLOCK);
    if (!whole) this.#beneath.read(block * BLOCK, own.subarray(0, Math.min(BLOCK, this.size - block * BLOCK)));
    this.#written.set(block, own);
    return own;
  }

  /** The parts of a range, block by block: `from` in the block, `at` in the range. */
  #blocks(offset: number, length: number, visit: (block: number, from: number, at: number, length: number) => void): void {
    for (let at = 0; at < length; ) {
      const block = Math.floor((offset + at) / BLOCK), from = (offset + at) % BLOCK, n = Math.min(length - at, BLOCK - from);
      visit(block, from, at, n);
      at += n;
    }
  }
}
