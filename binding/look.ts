/**
 * How tools outside see memory as a server sees it, where the kernel's tables do not have it all: pages that are not mapped yet. The server
 * says how, the tools ask; the kernel has no part in it, and knows both by the page that is the server's UTCB.
 */
import type { Utcb } from '../microkernel/abi/index.ts';

/** Memory at `va` as seen by the thread behind the portal with this label; fewer bytes where nothing is there. Must change nothing. */
export type Look = (label: number, va: number, length: number) => Uint8Array;

const looks = new WeakMap<ArrayBufferLike, Look>();

/** The thread with this UTCB shows the memory of those whose events it answers. */
export function show(utcb: Utcb, look: Look): void { looks.set(utcb.i32.buffer, look); }

/** What it shows, as copies, and nothing where it throws; undefined: it shows nothing. */
export function shownBy(utcb: Utcb | undefined): Look | undefined {
  const look = utcb && looks.get(utcb.i32.buffer);
  return look && ((label, va, length) => {
    try {
      const bytes = look(label, va, length);
      return Uint8Array.from({ length: Math.min(bytes.length, length) }, (_, i) => bytes[i]!);
    } catch { return new Uint8Array(0); }
  });
}
