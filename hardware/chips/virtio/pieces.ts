/**
 * Requests as devices see them, whatever ring they came through: pieces of guest memory, first those to read, then those
 * to write. The functions copy to and from them.
 */
import type { GuestMemory, Piece } from '../ports.ts';
import { Desc, DescFlag } from './layout.ts';

/** One request: the buffers that the device may read, then those that it may write. */
export interface Chain {
  /** The number by which the driver recognizes it: the head descriptor (split) or the buffer id (packed). */
  readonly id: number;
  /** Descriptors that it occupies in the ring. */
  readonly slots: number;
  readonly readable: readonly Piece[];
  readonly writable: readonly Piece[];
}

/** The driver's rings are malformed. */
export class QueueBroken extends Error {}

/** Collects the pieces of a chain, in the order that the specification wants. */
export class ChainBuilder {
  readonly readable: Piece[] = [];
  readonly writable: Piece[] = [];
  readonly #memory: GuestMemory;

  constructor(memory: GuestMemory) {
    this.#memory = memory;
  }

  /** Adds the piece that the descriptor at `at` names. @spec virtio 2.7.4.2: device-readable before device-writable */
  take(at: number, flags: number): void {
    const piece = pieceAt(this.#memory, at);
    const isWritable = (flags & DescFlag.WRITE) !== 0;
    if (!isWritable && this.writable.length > 0) throw new QueueBroken('a readable descriptor behind a writable one');
    (isWritable ? this.writable : this.readable).push(piece);
  }

  finish(id: number, slots: number): Chain {
    return { id, slots, readable: this.readable, writable: this.writable };
  }
}

/** Address u64 and length u32, as every descriptor begins. */
export function pieceAt(memory: GuestMemory, at: number): Piece {
  const address = memory.u32(at + Desc.ADDRESS + 4) * 2 ** 32 + memory.u32(at + Desc.ADDRESS);
  const length = memory.u32(at + Desc.LENGTH);
  if (!memory.isRam(address, length)) throw new QueueBroken('a descriptor names memory that is not there');
  return { address, length };
}

/** A table may not be longer than the queue, but some drivers make longer ones. @spec virtio 2.7.5.3.1 */
const TABLE_MOST = 1024;

/** The table that an indirect descriptor names: at least one whole descriptor. */
export function indirectTable(memory: GuestMemory, at: number): { readonly table: number; readonly count: number } {
  const { address, length } = pieceAt(memory, at);
  const count = length / Desc.BYTES;
  if (!Number.isInteger(count) || count === 0 || count > TABLE_MOST) throw new QueueBroken('an indirect table of a size that may not be');
  return { table: address, count };
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

/** Copies all readable bytes of a request out of guest memory; the caller bounds how many that may be. */
export function gather(memory: GuestMemory, pieces: readonly Piece[]): Uint8Array {
  const out = new Uint8Array(totalLength(pieces));
  let at = 0;
  for (const piece of pieces) {
    out.set(memory.view(piece.address, piece.length), at);
    at += piece.length;
  }
  return out;
}

/** Copies bytes into a request; answers how many fitted. */
export function scatter(memory: GuestMemory, pieces: readonly Piece[], bytes: Uint8Array): number {
  let at = 0;
  for (const piece of pieces) {
    const part = bytes.subarray(at, at + piece.length);
    if (part.length === 0) continue;
    memory.write(piece.address, part);
    at += part.length;
  }
  return at;
}
