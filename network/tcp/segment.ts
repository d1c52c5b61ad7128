/**
 * TCP segments as bytes, and the arithmetic of sequence numbers. Documentation: RFC 9293 3.1, RFC 7323 (window scale, timestamps), RFC
 * 2018 (SACK).
 */
import type { Ip } from '../address.ts';
import { put16, put32, u16, u32 } from '../bytes.ts';
import { HEADROOM, Protocol, draft, transportChecksum } from '../ip/packet.ts';

export const Flag = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16, URG: 32 } as const;
export const HEADER_BYTES = 20;

/** Sequence numbers wrap around at 2³²; a comes before b when the distance from a to b is the shorter one. @spec RFC 9293 3.4 */
export const before = (a: number, b: number): boolean => ((a - b) | 0) < 0;
export const upTo = (a: number, b: number): boolean => ((a - b) | 0) <= 0;
export const plus = (a: number, n: number): number => (a + n) >>> 0;
/** The distance from b to a: positive when a comes later. */
export const distance = (a: number, b: number): number => (a - b) | 0;
export const later = (a: number, b: number): number => (before(a, b) ? b : a);
export const earlier = (a: number, b: number): number => (before(a, b) ? a : b);

/** From the first sequence number up to the one after the last. */
export interface Range { readonly from: number; readonly to: number }

export interface Options {
  readonly mss?: number;
  readonly windowScale?: number;
  readonly sackPermitted?: boolean;
  readonly sacks?: readonly Range[];
  readonly timestamp?: { readonly value: number; readonly echo: number };
}

export interface Segment {
  readonly fromPort: number;
  readonly toPort: number;
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  /** As in the header: not yet scaled. */
  readonly window: number;
  readonly urgent: number;
  readonly options: Options;
  readonly payload: Uint8Array;
}

/** Sequence numbers that the segment occupies: its bytes, and one each for SYN and FIN. */
export const lengthOf = (s: Segment): number => s.payload.length + (s.flags & Flag.SYN ? 1 : 0) + (s.flags & Flag.FIN ? 1 : 0);

const Kind = { END: 0, NOP: 1, MSS: 2, WINDOW_SCALE: 3, SACK_PERMITTED: 4, SACK: 5, TIMESTAMP: 8 } as const;

/** Undefined for a damaged or truncated segment. */
export function readSegment(bytes: Uint8Array, from: Ip, to: Ip): Segment | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const header = (bytes[12]! >> 4) * 4;
  if (header < HEADER_BYTES || header > bytes.length || transportChecksum(from, to, Protocol.TCP, bytes) !== 0) return undefined;
  return {
    fromPort: u16(bytes, 0), toPort: u16(bytes, 2), seq: u32(bytes, 4), ack: u32(bytes, 8), flags: bytes[13]! & 0x3f,
    window: u16(bytes, 14), urgent: u16(bytes, 18),
    options: header > HEADER_BYTES ? readOptions(bytes.subarray(HEADER_BYTES, header)) : NO_OPTIONS, payload: bytes.subarray(header),
  };
}
const NO_OPTIONS: Options = {};

/** Ignores options of a wrong length; a length beyond the header ends the list. */
function readOptions(bytes: Uint8Array): Options {
  const options: { -readonly [K in keyof Options]: Options[K] } = {};
  for (let at = 0; at < bytes.length && bytes[at] !== Kind.END; ) {
    if (bytes[at] === Kind.NOP) { at++; continue; }
    const length = bytes[at + 1] ?? 0;
    if (length < 2 || at + length > bytes.length) break;
    readOption(options, bytes, at, length);
    at += length;
  }
  return options;
}

function readOption(options: { -readonly [K in keyof Options]: Options[K] }, bytes: Uint8Array, at: number, length: number): void {
  const kind = bytes[at]!;
  if (kind === Kind.MSS && length === 4) options.mss = u16(bytes, at + 2);
  else if (kind === Kind.WINDOW_SCALE && length === 3) options.windowScale = Math.min(14, bytes[at + 2]!);
  else if (kind === Kind.SACK_PERMITTED && length === 2) options.sackPermitted = true;
  else if (kind === Kind.TIMESTAMP && length === 10) options.timestamp = { value: u32(bytes, at + 2), echo: u32(bytes, at + 6) };
  else if (kind === Kind.SACK && (length - 2) % 8 === 0) {
    options.sacks = Array.from({ length: (length - 2) / 8 },
      (_, i) => ({ from: u32(bytes, at + 2 + 8 * i), to: u32(bytes, at + 6 + 8 * i) }));
  }
}

/** Bytes that these options take, padded to words. */
export function optionBytes(options: Options): number {
  const plain = (options.mss !== undefined ? 4 : 0) + (options.windowScale !== undefined ? 4 : 0)
    + (options.sackPermitted && !options.timestamp ? 4 : 0);
  return plain + (options.timestamp ? 12 : 0) + (options.sacks?.length ? 4 + 8 * options.sacks.length : 0);
}

/** Writes options as Linux orders them; SACK-permitted takes the place of the padding before timestamps. */
function writeOptions(bytes: Uint8Array, start: number, options: Options): number {
  let at = start;
  if (options.mss !== undefined) { bytes[at] = Kind.MSS; bytes[at + 1] = 4; put16(bytes, at + 2, options.mss); at += 4; }
  if (options.timestamp) {
    bytes[at] = options.sackPermitted ? Kind.SACK_PERMITTED : Kind.NOP;
    bytes[at + 1] = options.sackPermitted ? 2 : Kind.NOP;
    bytes[at + 2] = Kind.TIMESTAMP;
    bytes[at + 3] = 10;
    put32(bytes, at + 4, options.timestamp.value);
    put32(bytes, at + 8, options.timestamp.echo);
    at += 12;
  } else if (options.sackPermitted) { bytes.set([Kind.NOP, Kind.NOP, Kind.SACK_PERMITTED, 2], at); at += 4; }
  if (options.windowScale !== undefined) { bytes.set([Kind.NOP, Kind.WINDOW_SCALE, 3, options.windowScale], at); at += 4; }
  if (options.sacks?.length) at = writeSacks(bytes, at, options.sacks);
  return at;
}

function writeSacks(bytes: Uint8Array, start: number, sacks: readonly Range[]): number {
  bytes.set([Kind.NOP, Kind.NOP, Kind.SACK, 2 + 8 * sacks.length], start);
  sacks.forEach((range, i) => { put32(bytes, start + 4 + 8 * i, range.from); put32(bytes, start + 8 + 8 * i, range.to); });
  return start + 4 + 8 * sacks.length;
}

export type Head = Omit<Segment, 'payload' | 'urgent'> & { readonly urgent?: number };

/** A buffer for a segment with `length` bytes of data, and the offset of the data; call `seal` once the data is in it. */
export function draftSegment(head: Head, length: number): { buffer: Uint8Array; dataAt: number } {
  const header = HEADER_BYTES + optionBytes(head.options), buffer = draft(header + length), at = HEADROOM;
  put16(buffer, at, head.fromPort);
  put16(buffer, at + 2, head.toPort);
  put32(buffer, at + 4, head.seq);
  put32(buffer, at + 8, head.ack);
  buffer[at + 12] = (header / 4) << 4;
  buffer[at + 13] = head.flags;
  put16(buffer, at + 14, head.window);
  put16(buffer, at + 18, head.urgent ?? 0);
  writeOptions(buffer, at + HEADER_BYTES, head.options);
  return { buffer, dataAt: at + header };
}

export function seal(buffer: Uint8Array, from: Ip, to: Ip): Uint8Array {
  put16(buffer, HEADROOM + 16, transportChecksum(from, to, Protocol.TCP, buffer, HEADROOM));
  return buffer;
}
