/**
 * The area that a client of a disk and its driver share: requests and completions, 256 KiB of addresses. Everything in it is the other side's word: both
 * check what they read, and read it once.
 *
 *   0x1000 s   request in slot s (32 of them): kind u32, pieces u32, offset u64, length u64, –, { address u64, length u64 } × pieces
 *   0x2_0000   completions so far u32, then a ring of 32: slot u16, status u16 (0 = done, else it failed)
 *
 * Offsets and lengths are bytes of the disk, whole sectors. Addresses are the client's own, of memory that it has shared.
 */
import type { Memory } from '../../microkernel/abi/index.ts';

export const AREA_ORDER = 18, SLOTS = 32, PIECES_MOST = 254;
const SLOT = 0x1000, COUNT = 0x2_0000, RING = COUNT + 4, ENTRY = 4;
const At = { kind: 0, pieces: 4, offset: 8, length: 16, list: 32 } as const, PIECE = 16;

export const BlockKind = { read: 0, write: 1, flush: 2, zero: 3 } as const;
export type BlockKind = (typeof BlockKind)[keyof typeof BlockKind];
export interface SharedPiece { readonly address: number; readonly length: number }
export interface AreaRequest { readonly kind: number; readonly offset: number; readonly length: number; readonly pieces: readonly SharedPiece[] }

const u64 = (m: Memory, at: number): number => m.u32(at + 4) * 2 ** 32 + m.u32(at);
function setU64(m: Memory, at: number, v: number): void {
  m.setU32(at, v % 2 ** 32);
  m.setU32(at + 4, Math.floor(v / 2 ** 32));
}

export function putRequest(m: Memory, area: number, slot: number, r: AreaRequest): void {
  const at = area + SLOT * slot;
  m.setU32(at + At.kind, r.kind);
  m.setU32(at + At.pieces, r.pieces.length);
  setU64(m, at + At.offset, r.offset);
  setU64(m, at + At.length, r.length);
  r.pieces.forEach((p, i) => {
    setU64(m, at + At.list + PIECE * i, p.address);
    setU64(m, at + At.list + PIECE * i + 8, p.length);
  });
}

/** A copy of the request in a slot; undefined when it has more pieces than a slot holds. */
export function getRequest(m: Memory, area: number, slot: number): AreaRequest | undefined {
  const at = area + SLOT * slot, count = m.u32(at + At.pieces);
  if (count > PIECES_MOST) return undefined;
  const pieces = Array.from({ length: count }, (_, i) => ({ address: u64(m, at + At.list + PIECE * i), length: u64(m, at + At.list + PIECE * i + 8) }));
  return { kind: m.u32(at + At.kind), offset: u64(m, at + At.offset), length: u64(m, at + At.length), pieces };
}

/** The driver's: completion number `count`, counted from 0. */
export function putCompletion(m: Memory, area: number, count: number, slot: number, status: number): void {
  m.setU32(area + RING + ENTRY * (count % SLOTS), slot | (status << 16));
  m.setU32(area + COUNT, (count + 1) >>> 0);
}
export const completions = (m: Memory, area: number): number => m.u32(area + COUNT);
export function getCompletion(m: Memory, area: number, count: number): { slot: number; ok: boolean } {
  const entry = m.u32(area + RING + ENTRY * (count % SLOTS));
  return { slot: entry & 0xffff, ok: entry >>> 16 === 0 };
}
