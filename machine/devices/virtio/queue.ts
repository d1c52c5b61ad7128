/**
 * A split virtqueue, from the device's side.
 *
 *   descriptors  16 bytes each: address u64, length u32, flags u16, next u16
 *   available    flags u16, index u16, ring[size] u16, used_event u16        written by the driver
 *   used         flags u16, index u16, ring[size] (id u32, length u32), avail_event u16   written by the device
 *
 *   for (let chain = queue.pop(); chain; chain = queue.pop()) { …; queue.push(chain, bytesWritten); }
 *
 * Everything the driver wrote is checked; a ring that makes no sense raises `QueueBroken`, and the transport answers
 * with DEVICE_NEEDS_RESET.
 * @spec virtio 2.7 (v1.2)
 */
import type { PhysicalMemory } from '../../api.ts';

/** A piece of guest memory that a request names. */
export interface Piece {
  readonly address: number;
  readonly length: number;
}

/** One request: what the device may read, then what it may write. */
export interface Chain {
  readonly head: number;
  readonly readable: readonly Piece[];
  readonly writable: readonly Piece[];
}

/** The driver's rings are malformed. */
export class QueueBroken extends Error {}

const DESC = { NEXT: 1, WRITE: 2, INDIRECT: 4 } as const;
const DESC_BYTES = 16;
const AVAIL_NO_INTERRUPT = 1;

export class Virtqueue {
  readonly maxSize: number;
  readonly #memory: PhysicalMemory;
  size: number;
  ready = false;
  /** Physical addresses of the three parts. */
  descriptors = 0;
  available = 0;
  used = 0;
  /** Set by negotiation before the queue is used. */
  eventIndex = false;
  indirect = false;
  #nextAvailable = 0;
  #nextUsed = 0;
  /** Used index when the driver was last told. */
  #signalledUsed = 0;

  constructor(memory: PhysicalMemory, maxSize: number) {
    this.#memory = memory;
    this.maxSize = maxSize;
    this.size = maxSize;
  }

  reset(): void {
    this.size = this.maxSize;
    this.ready = false;
    this.descriptors = this.available = this.used = 0;
    this.#nextAvailable = this.#nextUsed = this.#signalledUsed = 0;
  }

  /** Asks whether the rings lie in memory; done once, when the driver enables the queue. */
  enable(): void {
    const m = this.#memory;
    const inRam = m.isRam(this.descriptors, DESC_BYTES * this.size) && m.isRam(this.available, 6 + 2 * this.size) && m.isRam(this.used, 6 + 8 * this.size);
    if (!inRam) throw new QueueBroken('the queue lies outside of memory');
    this.ready = true;
  }

  /** True when the driver has made something available. */
  get waiting(): boolean {
    return this.ready && this.#memory.u16(this.available + 2) !== this.#nextAvailable;
  }

  /** The next request, or `undefined` when there is none. */
  pop(): Chain | undefined {
    if (!this.waiting) {
      this.#askForNotification();
      if (!this.waiting) return undefined;
    }
    const outstanding = (this.#memory.u16(this.available + 2) - this.#nextAvailable) & 0xffff;
    if (outstanding > this.size) throw new QueueBroken('more buffers available than the queue holds');
    const slot = this.#nextAvailable & (this.size - 1);
    const head = this.#memory.u16(this.available + 4 + 2 * slot);
    this.#nextAvailable = (this.#nextAvailable + 1) & 0xffff;
    return this.#walk(head);
  }

  /** Takes back the last `pop`, for a device that cannot serve the request yet. */
  unpop(): void {
    this.#nextAvailable = (this.#nextAvailable - 1) & 0xffff;
  }

  /** Returns a request with the number of bytes written into it. */
  push(chain: Chain, written: number): void {
    const slot = this.used + 4 + 8 * (this.#nextUsed & (this.size - 1));
    this.#memory.setU32(slot, chain.head);
    this.#memory.setU32(slot + 4, written);
    this.#nextUsed = (this.#nextUsed + 1) & 0xffff;
    this.#memory.setU16(this.used + 2, this.#nextUsed);
  }

  /** After pushes: does the driver want an interrupt? @spec virtio 2.7.7 */
  wantsInterrupt(): boolean {
    const before = this.#signalledUsed;
    this.#signalledUsed = this.#nextUsed;
    if (before === this.#nextUsed) return false;
    if (!this.eventIndex) return (this.#memory.u16(this.available) & AVAIL_NO_INTERRUPT) === 0;
    const event = this.#memory.u16(this.available + 4 + 2 * this.size);
    return ((this.#nextUsed - event - 1) & 0xffff) < ((this.#nextUsed - before) & 0xffff);
  }

  /** With event index: notify us as soon as anything more is available. @spec virtio 2.7.10 */
  #askForNotification(): void {
    if (this.ready && this.eventIndex) this.#memory.setU16(this.used + 4 + 8 * this.size, this.#nextAvailable);
  }

  #walk(head: number): Chain {
    const readable: Piece[] = [];
    const writable: Piece[] = [];
    let table = this.descriptors;
    let count = this.size;
    let index = head;
    let inIndirect = false;
    for (let steps = 0; ; steps++) {
      if (index >= count || steps >= count) throw new QueueBroken('a descriptor chain leaves its table or loops');
      const at = table + DESC_BYTES * index;
      const flags = this.#memory.u16(at + 12);
      if ((flags & DESC.INDIRECT) !== 0) {
        if (!this.indirect || inIndirect || (flags & DESC.NEXT) !== 0) throw new QueueBroken('an indirect descriptor where none may be');
        const indirect = this.#piece(at);
        [table, count, index, inIndirect, steps] = [indirect.address, indirect.length / DESC_BYTES, 0, true, -1];
        continue;
      }
      this.#take(this.#piece(at), (flags & DESC.WRITE) !== 0, readable, writable);
      if ((flags & DESC.NEXT) === 0) return { head, readable, writable };
      index = this.#memory.u16(at + 14);
    }
  }

  #take(piece: Piece, isWritable: boolean, readable: Piece[], writable: Piece[]): void {
    if (!isWritable && writable.length > 0) throw new QueueBroken('a readable descriptor behind a writable one');
    (isWritable ? writable : readable).push(piece);
  }

  #piece(at: number): Piece {
    const address = this.#memory.u32(at + 4) * 2 ** 32 + this.#memory.u32(at);
    const length = this.#memory.u32(at + 8);
    if (!this.#memory.isRam(address, length)) throw new QueueBroken('a descriptor names memory that is not there');
    return { address, length };
  }
}

export function totalLength(pieces: readonly Piece[]): number {
  let total = 0;
  for (const piece of pieces) total += piece.length;
  return total;
}

/** The part of `pieces` that starts `skip` bytes in and is `length` bytes long. */
export function slicePieces(pieces: readonly Piece[], skip: number, length: number): Piece[] {
  const out: Piece[] = [];
  for (const piece of pieces) {
    const from = Math.min(skip, piece.length);
    const take = Math.min(length, piece.length - from);
    if (take > 0) out.push({ address: piece.address + from, length: take });
    skip -= from;
    length -= take;
  }
  return out;
}

/** Copies all readable bytes of a request out of guest memory. */
export function gather(memory: PhysicalMemory, pieces: readonly Piece[]): Uint8Array {
  const out = new Uint8Array(totalLength(pieces));
  let at = 0;
  for (const piece of pieces) {
    out.set(memory.view(piece.address, piece.length), at);
    at += piece.length;
  }
  return out;
}

/** Copies bytes into a request; answers how many fitted. */
export function scatter(memory: PhysicalMemory, pieces: readonly Piece[], bytes: Uint8Array): number {
  let at = 0;
  for (const piece of pieces) {
    const part = bytes.subarray(at, at + piece.length);
    if (part.length === 0) break;
    memory.writable(piece.address, part.length).set(part);
    at += part.length;
  }
  return at;
}
