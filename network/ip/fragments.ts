/**
 * Fragments: cuts packets that are too large for a link, and reassembles them at the other end. Memory for unfinished packets is bounded in
 * packets, bytes and time. Overlapping fragments discard their packet (RFC 5722).
 *
 * Documentation: RFC 791 3.2, RFC 8200 4.5, RFC 5722.
 */
import { keyOf } from '../address.ts';
import { put16, put32 } from '../bytes.ts';
import { HEADROOM, Protocol, draft, writeHeader, type Envelope, type Packet } from './packet.ts';

const PACKETS_MOST = 16, BYTES_MOST = 65_535, LIFETIME_US = 30_000_000, PIECES_MOST = 64;

interface Unfinished { readonly first: number; pieces: { offset: number; bytes: Uint8Array }[]; total: number | undefined }

export class Reassembly {
  readonly #unfinished = new Map<string, Unfinished>();

  /** Takes a fragment; returns the whole packet once it is complete. `now` in microseconds. */
  add(packet: Packet, now: number): Packet | undefined {
    const { id, offset, more } = packet.fragment!;
    const key = `${keyOf(packet.from)}${keyOf(packet.to)}${packet.protocol}.${id}`;
    this.#forget(now);
    const entry = this.#unfinished.get(key) ?? { first: now, pieces: [], total: undefined };
    this.#unfinished.set(key, entry);
    const end = offset + packet.payload.length;
    const spoilt =
      end > BYTES_MOST || (more && packet.payload.length % 8 !== 0) || entry.pieces.length >= PIECES_MOST || overlaps(entry, offset, end);
    if (spoilt) this.#unfinished.delete(key);
    if (spoilt) return undefined;
    entry.pieces.push({ offset, bytes: packet.payload.slice() });
    if (!more) entry.total = end;
    const payload = wholeOf(entry);
    if (payload === undefined) return undefined;
    this.#unfinished.delete(key);
    const { fragment: _, ...rest } = packet;
    return { ...rest, payload };
  }

  #forget(now: number): void {
    for (const [key, entry] of this.#unfinished) if (now - entry.first > LIFETIME_US) this.#unfinished.delete(key);
    if (this.#unfinished.size >= PACKETS_MOST) this.#unfinished.delete(this.#unfinished.keys().next().value!);
  }
}

const overlaps = (entry: Unfinished, from: number, to: number): boolean =>
  (entry.total !== undefined && to > entry.total)
    || entry.pieces.some((piece) => from < piece.offset + piece.bytes.length && piece.offset < to);

function wholeOf({ pieces, total }: Unfinished): Uint8Array | undefined {
  if (total === undefined || pieces.reduce((n, piece) => n + piece.bytes.length, 0) !== total) return undefined;
  const payload = new Uint8Array(total);
  for (const piece of pieces) payload.set(piece.bytes, piece.offset);
  return payload;
}

/** Cuts the payload of `buffer` for a link of `mtu` bytes; returns buffers, each with the offset at which its packet begins. */
export function* cut(buffer: Uint8Array, envelope: Envelope, id: number, mtu: number): Generator<{ buffer: Uint8Array; start: number }> {
  const isIp4 = envelope.to.length === 4, length = buffer.length - HEADROOM;
  const step = (mtu - (isIp4 ? 20 : 48)) & ~7;
  for (let offset = 0; offset < length; offset += step) {
    const end = Math.min(length, offset + step), part = { offset, more: end < length };
    const payload = buffer.subarray(HEADROOM + offset, HEADROOM + end);
    yield isIp4 ? piece4(payload, envelope, id, part) : piece6(payload, envelope, id, part);
  }
}

type Part = { offset: number; more: boolean };

function piece4(payload: Uint8Array, envelope: Envelope, id: number, part: Part): { buffer: Uint8Array; start: number } {
  const buffer = draft(payload.length);
  buffer.set(payload, HEADROOM);
  return { buffer, start: writeHeader(buffer, envelope, id, part) };
}

function piece6(payload: Uint8Array, envelope: Envelope, id: number, part: Part): { buffer: Uint8Array; start: number } {
  const buffer = draft(8 + payload.length);
  buffer[HEADROOM] = envelope.protocol;
  put16(buffer, HEADROOM + 2, part.offset | (part.more ? 1 : 0));
  put32(buffer, HEADROOM + 4, id);
  buffer.set(payload, HEADROOM + 8);
  return { buffer, start: writeHeader(buffer, { ...envelope, protocol: Protocol.FRAGMENT }, id) };
}
