/** Calls that move bytes from file to file: sendfile, copy_file_range, splice, tee, vmsplice. */
import { E } from '../abi/errno.ts';
import { O, PAGE, S, Sig } from '../abi/linux.ts';
import type { File } from '../fs/file.ts';
import { notifyFile, Watch } from '../fs/inotify.ts';
import { PidFile } from '../fs/pidfd.ts';
import { PipeFile } from '../fs/pipe.ts';
import { here, type Later } from '../kernel/later.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Co } from '../kernel/wait.ts';
import { SocketFile } from '../net/socket.ts';
import { StreamSocket } from '../net/stream.ts';
import { KernelIo, getI64, setI64, type UserIo } from '../mm/uaccess.ts';
import { MAX, advance, ioVector, readFile, untilDone, withoutWaiting, writeFile, writePart } from './io.ts';
import { row, type Row } from './row.ts';

const CHUNK = 65536;
/** The most pieces of one call: a call that copies a file behind its own end would otherwise continue until memory is full. */
const MOST_PIECES = 32768;

/** Moves up to `count` bytes from one file to another; positions at `from` and `to` if they are ≥ 0, else the files' own. */
export function* transfer(thread: Thread, source: File, from: number, target: File, to: number, count: number,
    blocking = true): Co<number> {
  const buffer = new Uint8Array(Math.min(CHUNK, Math.max(1, count)));
  let done = 0;
  for (let pieces = 0; done < count && pieces < MOST_PIECES; pieces++) {
    if (done > 0 && (thread.interrupted || (source instanceof PipeFile && source.pipe.length === 0))) break;
    const room = buffer.subarray(0, Math.min(CHUNK, count - done)),
      attempt = (): Later<number> => look(source, room, from < 0 ? source.pos : from + done, thread);
    let n = yield* here(thread, attempt);
    if (n === -E.AGAIN && blocking && !source.nonblocking && source.wq) n = yield* untilDone(thread, source, attempt);
    if (n <= 0) return done > 0 ? done : n;
    notifyFile(source, Watch.ACCESS);
    const written = yield* here(thread, () => writeFile(thread, target, new KernelIo(buffer.subarray(0, n)), to < 0 ? -1 : to + done));
    if (written > 0) { if (source instanceof PipeFile) source.pipe.skip(written); else if (from < 0) advance(source, written); }
    if (written < 0) return done > 0 ? done : written;
    done += written;
    if (written < n || (source.wq && !(source instanceof PipeFile))) break;
  }
  return done;
}
/** Reads bytes of the source; bytes of a pipe stay in the pipe until they are written to the target. */
function look(source: File, room: Uint8Array, pos: number, thread: Thread): Later<number> {
  if (!(source instanceof PipeFile)) return source.read(new KernelIo(room), pos, thread);
  const bytes = source.pipe.peek(room.length);
  if (bytes.length === 0) return source.pipe.writers === 0 ? 0 : -E.AGAIN;
  room.set(bytes);
  return bytes.length;
}
function sendfile(thread: Thread, outFd: number, inFd: number, offsetVa: number, count: number): number | Co<number> {
  const at = offsetVa ? getI64(thread.mm, offsetVa) : -1, source = thread.proc.fds.get(inFd);
  if (!source?.readable) return -E.BADF;
  if (source instanceof PidFile) return -E.INVAL;
  if (offsetVa && !source.seekable) return -E.SPIPE;
  if ((offsetVa && at < 0) || count < 0 || at + count >= END) return -E.INVAL;
  const target = thread.proc.fds.get(outFd);
  if (!target?.writable) return -E.BADF;
  // A file without positions can only be spliced into a pipe.
  if (!source.splicesFrom) return -E.INVAL;
  const moves = source.seekable || (source.splices && !(source instanceof PipeFile) && target instanceof PipeFile);
  if (!moves || !target.splices || target.flags & O.APPEND || source.inode.isDir) return -E.INVAL;
  // Source and target are one open file: both begin at its position.
  if (source === target && !offsetVa) return within(thread, source, Math.min(count, MAX));
  return withOffset(thread, offsetVa, at, transfer(thread, source, at, target, -1, Math.min(count, MAX)));
}
function* within(thread: Thread, file: File, count: number): Co<number> {
  const at = file.pos, n = yield* transfer(thread, file, at, file, at, count);
  if (n > 0) file.pos = at + n;
  return n;
}
/** The first position that is out of range. */
const END = 2 ** 63;
/** Runs a transfer and stores the new position. */
function* withOffset(thread: Thread, va: number, at: number, co: Co<number>, va2 = 0, at2 = 0): Co<number> {
  const n = yield* co;
  if (n >= 0 && va) setI64(thread.mm, va, at + n);
  if (n >= 0 && va2) setI64(thread.mm, va2, at2 + n);
  return n;
}
function copyFileRange(thread: Thread, inFd: number, inVa: number, outFd: number, outVa: number, count: number,
    flags: number): number | Co<number> {
  const source = thread.proc.fds.get(inFd), target = thread.proc.fds.get(outFd);
  if (!source || !target) return -E.BADF;
  const from = inVa ? getI64(thread.mm, inVa) : -1, to = outVa ? getI64(thread.mm, outVa) : -1;
  if (flags !== 0) return -E.INVAL;
  if (source.inode.isDir || target.inode.isDir) return -E.ISDIR;
  const isFile = (f: File): boolean => f.inode.type === S.IFREG && (f.splices || f instanceof PidFile);
  if (!isFile(source) || !isFile(target)) return -E.INVAL;
  if (!source.readable || !target.writable || target.flags & O.APPEND) return -E.BADF;
  if (source.inode.fs !== target.inode.fs || source instanceof PidFile) return -E.XDEV;
  const start = inVa ? from : source.pos, put = outVa ? to : target.pos;
  const wraps = (at: number): boolean => at < 0 && at + count >= 0;
  if (start < 0 || put < 0 || count < 0)
    return count < 0 || start + count >= END || (count > 0 && (wraps(start) || wraps(put))) ? -E.OVERFLOW : -E.INVAL;
  if (start + count >= END || put + count >= END) return -E.OVERFLOW;
  const n = Math.min(count, MAX, Math.max(0, source.end - start));
  if (source.inode === target.inode && put < start + n && start < put + n) return -E.INVAL;
  return withOffset(thread, inVa, from, transfer(thread, source, from, target, to, n), outVa, to);
}
const SPLICE_ALL = 15, SPLICE_NONBLOCK = 2;
function splice(thread: Thread, inFd: number, inVa: number, outFd: number, outVa: number, count: number,
    flags: number): number | Co<number> {
  if (count === 0) return 0;
  if (flags & ~SPLICE_ALL) return -E.INVAL;
  const source = thread.proc.fds.get(inFd), target = thread.proc.fds.get(outFd);
  if (!source || !target) return -E.BADF;
  const out = source instanceof PipeFile, into = target instanceof PipeFile;
  if ((inVa && out) || (outVa && into)) return -E.SPIPE;
  const from = inVa ? getI64(thread.mm, inVa) : -1, to = outVa ? getI64(thread.mm, outVa) : -1;
  if (!source.readable || !target.writable) return -E.BADF;
  const refused = spliceRefused(source, target, inVa, from, outVa, to);
  return refused
    || withOffset(thread, inVa, from, spliceData(thread, source, from, target, to, Math.min(count, MAX), (flags & SPLICE_NONBLOCK) === 0),
      outVa, to);
}
function spliceRefused(source: File, target: File, inVa: number, from: number, outVa: number, to: number): number {
  const out = source instanceof PipeFile, into = target instanceof PipeFile;
  if (out && into) return source.pipe === target.pipe ? -E.INVAL : 0;
  if ((!out && !into) || !(out ? target.splices : source.splicesFrom)) return -E.INVAL;
  if (out ? target.flags & O.APPEND : source.inode.isDir) return -E.INVAL;
  if ((inVa && !source.seekable) || (outVa && !target.seekable)) return out ? -E.INVAL : -E.SPIPE;
  return (inVa && from < 0) || (outVa && to < 0) ? -E.INVAL : 0;
}
/** Into a pipe: as much as it has pages free, once there is one. Out of a pipe: what it holds. */
function* spliceData(thread: Thread, source: File, from: number, target: File, to: number, count: number, wait: boolean): Co<number> {
  let most = count;
  if (target instanceof PipeFile) {
    const pipe = target.pipe,
      room = yield* roomInPipe(thread, target, wait && !target.nonblocking && !(source instanceof PipeFile && source.nonblocking));
    if (room < 0) return room;
    most = Math.min(count, pipe.free * PAGE);
  }
  // Only pipes and Unix streams heed SPLICE_F_NONBLOCK.
  const heeds = source instanceof PipeFile || (source instanceof SocketFile && source.socket instanceof StreamSocket);
  return yield* transfer(thread, source, from, target, to, most, wait || !heeds);
}
/** Waits until the pipe has a page free: 0, or -errno. */
function* roomInPipe(thread: Thread, pipeFile: PipeFile, wait: boolean): Co<number> {
  for (;;) {
    if (pipeFile.pipe.readers === 0) { thread.k.signals.toThread(thread, Sig.PIPE, 0x80); return -E.PIPE; }
    if (!pipeFile.pipe.full) return 0;
    if (!wait) return -E.AGAIN;
    const slept = yield* thread.sleep(pipeFile.wq);
    if (slept < 0) return slept;
  }
}
function tee(thread: Thread, inFd: number, outFd: number, count: number, flags: number): number | Co<number> {
  if (flags & ~SPLICE_ALL) return -E.INVAL;
  if (count === 0) return 0;
  const source = thread.proc.fds.get(inFd), target = thread.proc.fds.get(outFd);
  if (!source || !target) return -E.BADF;
  if (!source.readable || !target.writable) return -E.BADF;
  if (!(source instanceof PipeFile) || !(target instanceof PipeFile) || source.pipe === target.pipe) return -E.INVAL;
  return teeData(thread, source, target, count, (flags & SPLICE_NONBLOCK) !== 0 || source.nonblocking || target.nonblocking);
}
function* teeData(thread: Thread, source: PipeFile, target: PipeFile, count: number, nonblock: boolean): Co<number> {
  while (source.pipe.length === 0 && source.pipe.writers > 0) {
    if (nonblock) return -E.AGAIN;
    const slept = yield* thread.sleep(source.wq);
    if (slept < 0) return slept;
  }
  const room = yield* roomInPipe(thread, target, !nonblock);
  if (room < 0) return room;
  const bytes = source.pipe.peek(Math.min(count, target.pipe.free * PAGE));
  return bytes.length === 0 ? 0 : target.write(new KernelIo(bytes), 0, thread);
}
/** Copies memory into a pipe, as much as it has pages free, or out of it. */
function vmsplice(thread: Thread, fd: number, va: number, count: number, flags: number): number | Co<number> {
  if (flags & ~SPLICE_ALL) return -E.INVAL;
  const file = thread.proc.fds.get(fd);
  if (!file || (!file.writable && !file.readable)) return -E.BADF;
  const io = ioVector(thread, va, count >>> 0);
  if (typeof io === 'number') return io;
  if (io.left === 0) return 0;
  if (!(file instanceof PipeFile)) return -E.BADF;
  const wait = (flags & SPLICE_NONBLOCK) === 0 && !file.nonblocking;
  if (file.writable) return vmspliceInto(thread, file, io, wait);
  return wait ? readFile(thread, file, io, -1) : withoutWaiting(file, () => readFile(thread, file, io, -1));
}
function* vmspliceInto(thread: Thread, pipeFile: PipeFile, io: UserIo, wait: boolean): Co<number> {
  const room = yield* roomInPipe(thread, pipeFile, wait);
  return room < 0 ? room : yield* here(thread, () => writePart(pipeFile, io, 0, thread));
}

export const spliceCalls: Row[] = [
  row('sendfile', sendfile), row('copy_file_range', copyFileRange), row('splice', splice), row('tee', tee),
  row('vmsplice', vmsplice, { note: 'copies' }),
];
