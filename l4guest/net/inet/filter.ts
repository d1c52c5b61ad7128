/**
 * Filters of raw ICMP sockets: the types of messages that a program does not want. `ping` sets one.
 *
 * Documentation: raw(7), icmp(7) of Linux; RFC 3542 §3.2.
 */
import { E } from '../../abi/errno.ts';
import type { Thread } from '../../kernel/thread.ts';
import { copyIn, copyOut, getI32, setU32 } from '../../mm/uaccess.ts';
import { Af } from '../address.ts';
import { IPPROTO, RawSocket } from './raw.ts';

const LEVEL_RAW = 255, LEVEL_ICMP6 = 58, FILTER = 1;
/** struct icmp_filter has a bit for each of 32 types, struct icmp6_filter for each of 256. Bytes. */
const SIZES: Readonly<Record<number, number>> = { [LEVEL_RAW]: 4, [LEVEL_ICMP6]: 32 };

export const isFilterLevel = (socket: object, level: number): socket is RawSocket =>
  socket instanceof RawSocket && !socket.isEcho && level === (socket.family === Af.INET ? LEVEL_RAW : LEVEL_ICMP6);

function refused(socket: RawSocket, level: number, name: number): number {
  if (name !== FILTER) return -E.NOPROTOOPT;
  return socket.protocol === (level === LEVEL_RAW ? IPPROTO.ICMP : IPPROTO.ICMP6) ? 0 : -E.OPNOTSUPP;
}
/** A value shorter than the structure changes its beginning. */
export function setFilter(thread: Thread, socket: RawSocket, level: number, name: number, va: number, length: number): number {
  const bad = refused(socket, level, name);
  if (bad) return bad;
  const size = SIZES[level]!, blocked = new Uint8Array(size);
  blocked.set(socket.blocked.subarray(0, size));
  blocked.set(copyIn(thread.mm, va, Math.min(length, size)));
  socket.blocked = blocked;
  return 0;
}
export function getFilter(thread: Thread, socket: RawSocket, level: number, name: number, va: number, lengthVa: number): number {
  const bad = refused(socket, level, name);
  if (bad) return bad;
  const room = getI32(thread.mm, lengthVa), shown = new Uint8Array(SIZES[level]!);
  if (room < 0) return -E.INVAL;
  shown.set(socket.blocked);
  const length = Math.min(room, shown.length);
  copyOut(thread.mm, va, shown.subarray(0, length));
  setU32(thread.mm, lengthVa, length);
  return 0;
}
