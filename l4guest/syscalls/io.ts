/** Reading and writing: the calls that move bytes between a file and user memory, and the one place where they sleep. */
import type { File } from '../fs/file.ts';
import { notifyFile, Watch } from '../fs/inotify.ts';
import { PipeFile } from '../fs/pipe.ts';
import { E } from '../abi/errno.ts';
import { UserFault } from '../kernel/failure.ts';
import { O, PAGE, S, SiCode, Sig } from '../abi/linux.ts';
import { after, here, type Later } from '../kernel/later.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Co } from '../kernel/wait.ts';
import { KernelIo, UserIo, couldBeUser, getI64, setI64, type Io } from '../mm/uaccess.ts';
import { row, type Row } from './row.ts';

const MAX = 0x7fff_f000;

/** A wait that has a limit of its own is not begun again after a signal. */
export const interruptedWait = (r: number, until: number): number => (r === -E.RESTARTSYS && until !== Infinity ? -E.INTR : r);

/** Sleeps on the file until `attempt` answers something else than -EAGAIN. */
export function* untilDone(t: Thread, file: File, attempt: () => Later<number>): Co<number> {
  file.hold();
  try {
    for (const until = t.k.clock.now() + file.readPatience; ; ) {
      const r = yield* t.sleep(file.wq, until);
      if (r < 0) return r === -E.TIMEDOUT ? -E.AGAIN : interruptedWait(r, until);
      const n = yield* here(t, attempt);
      if (n !== -E.AGAIN) return n;
    }
  } finally { file.release(); }
}
const advance = (f: File, n: number): number => { if (n > 0 && f.seekable) f.pos += n; return n; };

/** A copy to or from user memory has met a bad address: what went before it counts; with nothing before it the call fails. */
function halfway(f: File, e: unknown, done: number): number {
  // What has a queue moves whole pieces, and has said itself how many.
  if (!(e instanceof UserFault) || done === 0 || f.wq !== undefined) throw e;
  return done;
}
function readPart(f: File, io: Io, pos: number, t: Thread): Later<number> {
  const before = io.done;
  t.k.work.filed();
  try {
    const n = f.read(io, pos, t);
    return typeof n === 'number' ? n : partLater(f, io, before, n);
  } catch (e) { return halfway(f, e, io.done - before); }
}
/** RLIMIT_FSIZE: a file of a file system does not grow beyond it; a write that begins there says so with SIGXFSZ. 0 or -EFBIG. */
function tooLong(t: Thread, f: File, io: Io, pos: number): number {
  const most = t.proc.limits.fileSize;
  if (io.left === 0 || f.inode.type !== S.IFREG || !f.seekable) return 0;
  if (pos >= most) { t.k.signals.toThread(t, Sig.XFSZ, SiCode.KERNEL); return -E.FBIG; }
  if (io instanceof UserIo) io.cut(most - pos);
  return 0;
}
function writePart(f: File, io: Io, pos: number, t: Thread): Later<number> {
  if (t.proc.limits.fileSize !== Infinity) { const r = tooLong(t, f, io, pos); if (r < 0) return r; }
  const before = io.done;
  t.k.work.filed();
  try {
    const n = f.write(io, pos, t);
    return typeof n === 'number' ? n : partLater(f, io, before, n);
  } catch (e) { return halfway(f, e, io.done - before); }
}
/** The same for a file that sleeps meanwhile: it stays open until it has answered. */
function* partLater(f: File, io: Io, before: number, co: Co<number>): Co<number> {
  f.hold();
  try { return yield* co; } catch (e) { return halfway(f, e, io.done - before); } finally { f.release(); }
}
const wasRead = (f: File, n: number): number => { if (n > 0) notifyFile(f, Watch.ACCESS); return n; };
const wasWritten = (f: File, n: number): number => { if (n > 0) notifyFile(f, Watch.MODIFY); return n; };

export function readFile(t: Thread, f: File, io: Io, at: number): number | Co<number> {
  const own = at < 0, n = readPart(f, io, own ? f.pos : at, t);
  if (typeof n !== 'number') return after(n, (m) => wasRead(f, own ? advance(f, m) : m));
  if (n !== -E.AGAIN || f.nonblocking || !f.wq) return wasRead(f, own ? advance(f, n) : n);
  return untilDone(t, f, () => after(readPart(f, io, f.pos, t), (m) => wasRead(f, m)));
}
export function writeFile(t: Thread, f: File, io: Io, at: number, append = (f.flags & O.APPEND) !== 0): number | Co<number> {
  const own = at < 0, end = append && f.seekable;
  if (end && own) f.pos = f.end;
  const n = writePart(f, io, end ? f.end : own ? f.pos : at, t);
  if (typeof n !== 'number') return after(n, (m) => wasWritten(f, own ? advance(f, m) : m));
  wasWritten(f, n);
  if (own) advance(f, n);
  if ((n !== -E.AGAIN && (n < 0 || io.left === 0)) || f.nonblocking || !f.wq) return n;
  return writeRest(t, f, io, Math.max(0, n));
}
/** A blocking write to something that takes only a part at a time. */
function* writeRest(t: Thread, f: File, io: Io, done: number): Co<number> {
  f.hold();
  try {
    for (const until = t.k.clock.now() + f.writePatience; io.left > 0; ) {
      const n = yield* here(t, () => writeAgain(t, f, io, done));
      if (n !== -E.AGAIN && n < 0) return done > 0 ? done : n;
      if (n > 0) { done += n; notifyFile(f, Watch.MODIFY); continue; }
      const r = yield* t.sleep(f.wq, until);
      if (r < 0) return done > 0 ? done : r === -E.TIMEDOUT ? -E.AGAIN : interruptedWait(r, until);
    }
    return done;
  } finally { f.release(); }
}
/** One more attempt; a bad address ends the call with what is done. */
function writeAgain(t: Thread, f: File, io: Io, done: number): Later<number> {
  try { return f.write(io, f.pos, t); } catch (e) {
    if (e instanceof UserFault && done > 0) return -E.FAULT;
    throw e;
  }
}

/** The reusable cursor for calls that end at once; a fresh one must be made for those that sleep. */
function quick(t: Thread, va: number, length: number): UserIo { return t.k.io.reset(t.mm, va, Math.min(length, MAX)); }
function cursor(t: Thread, f: File, va: number, length: number): UserIo {
  return f.wq || f.sleeps ? new UserIo(t.mm, va, Math.min(length, MAX)) : quick(t, va, length);
}

function read(t: Thread, fd: number, va: number, length: number): number | Co<number> {
  const f = t.proc.fds.get(fd);
  if (f === undefined || !f.readable) return -E.BADF;
  if (!couldBeUser(va, length)) return -E.FAULT;
  if (f.sleeps) return readFile(t, f, new UserIo(t.mm, va, Math.min(length, MAX)), -1);
  const n = readPart(f, quick(t, va, length), f.pos, t) as number;
  if (f.wq === undefined || n !== -E.AGAIN || f.nonblocking) return wasRead(f, advance(f, n));
  const io = new UserIo(t.mm, va, Math.min(length, MAX));
  return untilDone(t, f, () => after(readPart(f, io, f.pos, t), (m) => wasRead(f, m)));
}
function write(t: Thread, fd: number, va: number, length: number): number | Co<number> {
  const f = t.proc.fds.get(fd);
  if (f === undefined || !f.writable) return -E.BADF;
  if (!couldBeUser(va, length)) return -E.FAULT;
  return writeFile(t, f, cursor(t, f, va, length), -1);
}

/** A cursor over a user iovec array, or -errno. */
export function ioVector(t: Thread, va: number, count: number): UserIo | number {
  if (count < 0 || count > 1024) return -E.INVAL;
  t.k.work.found(count);
  const list: { base: number; length: number }[] = [];
  let total = 0;
  for (let i = 0; i < count; i++) {
    const base = getI64(t.mm, va + i * 16), length = getI64(t.mm, va + i * 16 + 8);
    if (length < 0) return -E.INVAL;
    if (!couldBeUser(base, length)) return -E.FAULT;
    const n = Math.min(length, MAX - total);
    if (n > 0) list.push({ base, length: n });
    total += n;
  }
  return new UserIo(t.mm, 0, 0, list);
}
function readv(t: Thread, fd: number, va: number, count: number): number | Co<number> {
  const f = t.proc.fds.get(fd);
  if (!f?.readable) return -E.BADF;
  const io = ioVector(t, va, count);
  return typeof io === 'number' ? io : readFile(t, f, io, -1);
}
function writev(t: Thread, fd: number, va: number, count: number): number | Co<number> {
  const f = t.proc.fds.get(fd);
  if (!f?.writable) return -E.BADF;
  const io = ioVector(t, va, count);
  return typeof io === 'number' ? io : writeFile(t, f, io, -1);
}
/** Checks of pread and relatives, in Linux's order: 0 or -errno. */
function positioned(f: File | undefined, at: number, writing: boolean): number {
  if (at < 0) return -E.INVAL;
  if (!f) return -E.BADF;
  if (!f.seekable) return -E.SPIPE;
  return (writing ? f.writable : f.readable) ? 0 : -E.BADF;
}
function pread(t: Thread, fd: number, va: number, length: number, at: number): number | Co<number> {
  const f = t.proc.fds.get(fd), bad = positioned(f, at, false);
  return bad || (couldBeUser(va, length) ? readFile(t, f!, cursor(t, f!, va, length), at) : -E.FAULT);
}
function pwrite(t: Thread, fd: number, va: number, length: number, at: number): number | Co<number> {
  const f = t.proc.fds.get(fd), bad = positioned(f, at, true);
  return bad || (couldBeUser(va, length) ? writeFile(t, f!, cursor(t, f!, va, length), at) : -E.FAULT);
}
function preadv(t: Thread, fd: number, va: number, count: number, at: number): number | Co<number> {
  const f = t.proc.fds.get(fd), bad = positioned(f, at, false), io = bad || ioVector(t, va, count);
  return typeof io === 'number' ? io : readFile(t, f!, io, at);
}
function pwritev(t: Thread, fd: number, va: number, count: number, at: number): number | Co<number> {
  const f = t.proc.fds.get(fd), bad = positioned(f, at, true), io = bad || ioVector(t, va, count);
  return typeof io === 'number' ? io : writeFile(t, f!, io, at);
}

/** RWF_… of preadv2 and pwritev2. HIPRI, DSYNC and SYNC are no difference for files in memory. */
const Rwf = { NOWAIT: 8, APPEND: 0x10, NOAPPEND: 0x20, ATOMIC: 0x40, ALL: 0x7f } as const;
/** What the flags say of this transfer: 0, or -errno. Only what has a queue can be told not to wait. */
function howToMove(f: File, flags: number): number {
  if (flags & ~Rwf.ALL) return -E.OPNOTSUPP;
  if (flags & Rwf.APPEND && flags & Rwf.NOAPPEND) return -E.INVAL;
  return flags & Rwf.ATOMIC || (flags & Rwf.NOWAIT && !f.wq) ? -E.OPNOTSUPP : 0;
}
/** Runs a transfer that may not wait. */
function withoutWaiting(f: File, go: () => number | Co<number>): number | Co<number> {
  const was = f.flags;
  f.flags |= O.NONBLOCK;
  try { return go(); } finally { f.flags = was; }
}
function preadv2(t: Thread, fd: number, va: number, count: number, at: number, _high: number, flags: number): number | Co<number> {
  const f = t.proc.fds.get(fd), bad = at === -1 ? (f?.readable ? 0 : -E.BADF) : positioned(f, at, false),
    io = bad || ioVector(t, va, count);
  if (typeof io === 'number') return io;
  if (io.left === 0) return 0;
  const refused = howToMove(f!, flags), go = (): number | Co<number> => readFile(t, f!, io, at);
  return refused || (flags & Rwf.NOWAIT ? withoutWaiting(f!, go) : go());
}
function pwritev2(t: Thread, fd: number, va: number, count: number, at: number, _high: number, flags: number): number | Co<number> {
  const f = t.proc.fds.get(fd), bad = at === -1 ? (f?.writable ? 0 : -E.BADF) : positioned(f, at, true), io = bad || ioVector(t, va, count);
  if (typeof io === 'number') return io;
  if (io.left === 0) return 0;
  const append = flags & Rwf.NOAPPEND ? false : ((f!.flags | (flags & Rwf.APPEND ? O.APPEND : 0)) & O.APPEND) !== 0;
  const refused = howToMove(f!, flags), go = (): number | Co<number> => writeFile(t, f!, io, at, append);
  return refused || (flags & Rwf.NOWAIT ? withoutWaiting(f!, go) : go());
}

// ── from file to file ──────────────────────────────────────────────────────────────────────────────────────────────────

const CHUNK = 65536;
/** Pieces of one call: one that copies a file behind its own end would otherwise go on by a few bytes at a time until memory ends. */
const MOST_PIECES = 32768;

/** Moves up to `count` bytes from one file to another; positions at `from` and `to` where they are ≥ 0, else the files' own. */
export function* transfer(t: Thread, source: File, from: number, target: File, to: number, count: number, blocking = true): Co<number> {
  const buffer = new Uint8Array(Math.min(CHUNK, Math.max(1, count)));
  let done = 0;
  for (let pieces = 0; done < count && pieces < MOST_PIECES; pieces++) {
    if (done > 0 && (t.interrupted || (source instanceof PipeFile && source.pipe.length === 0))) break;
    const room = buffer.subarray(0, Math.min(CHUNK, count - done)),
      attempt = (): Later<number> => look(source, room, from < 0 ? source.pos : from + done, t);
    let n = yield* here(t, attempt);
    if (n === -E.AGAIN && blocking && !source.nonblocking && source.wq) n = yield* untilDone(t, source, attempt);
    if (n <= 0) return done > 0 ? done : n;
    notifyFile(source, Watch.ACCESS);
    const w = yield* here(t, () => writeFile(t, target, new KernelIo(buffer.subarray(0, n)), to < 0 ? -1 : to + done));
    if (w > 0) { if (source instanceof PipeFile) source.pipe.skip(w); else if (from < 0) advance(source, w); }
    if (w < 0) return done > 0 ? done : w;
    done += w;
    if (w < n || (source.wq && !(source instanceof PipeFile))) break;
  }
  return done;
}
/** Bytes of the source for the target; those of a pipe stay in it until they are written. */
function look(source: File, room: Uint8Array, pos: number, t: Thread): Later<number> {
  if (!(source instanceof PipeFile)) return source.read(new KernelIo(room), pos, t);
  const bytes = source.pipe.peek(room.length);
  if (bytes.length === 0) return source.pipe.writers === 0 ? 0 : -E.AGAIN;
  room.set(bytes);
  return bytes.length;
}
function sendfile(t: Thread, outFd: number, inFd: number, offsetVa: number, count: number): number | Co<number> {
  const at = offsetVa ? getI64(t.mm, offsetVa) : -1, source = t.proc.fds.get(inFd);
  if (!source?.readable) return -E.BADF;
  if (offsetVa && !source.seekable) return -E.SPIPE;
  if ((offsetVa && at < 0) || count < 0) return -E.INVAL;
  const target = t.proc.fds.get(outFd);
  if (!target?.writable) return -E.BADF;
  // What has no positions goes into a pipe alone.
  const moves = source.seekable || (source.splices && !(source instanceof PipeFile) && target instanceof PipeFile);
  if (!moves || !target.splices || target.flags & O.APPEND || source.inode.isDir) return -E.INVAL;
  if (at + count >= END) return -E.OVERFLOW;
  return withOffset(t, offsetVa, at, transfer(t, source, at, target, -1, Math.min(count, MAX)));
}
/** Positions end here. */
const END = 2 ** 63;
/** Runs a transfer and writes back how far it came. */
function* withOffset(t: Thread, va: number, at: number, co: Co<number>, va2 = 0, at2 = 0): Co<number> {
  const n = yield* co;
  if (n >= 0 && va) setI64(t.mm, va, at + n);
  if (n >= 0 && va2) setI64(t.mm, va2, at2 + n);
  return n;
}
function copyFileRange(t: Thread, inFd: number, inVa: number, outFd: number, outVa: number, count: number,
    flags: number): number | Co<number> {
  const source = t.proc.fds.get(inFd), target = t.proc.fds.get(outFd);
  if (!source || !target) return -E.BADF;
  const from = inVa ? getI64(t.mm, inVa) : -1, to = outVa ? getI64(t.mm, outVa) : -1;
  if (flags !== 0) return -E.INVAL;
  if (source.inode.isDir || target.inode.isDir) return -E.ISDIR;
  if (source.inode.type !== S.IFREG || target.inode.type !== S.IFREG) return -E.INVAL;
  if (!source.readable || !target.writable || target.flags & O.APPEND) return -E.BADF;
  if (source.inode.fs !== target.inode.fs) return -E.XDEV;
  const start = inVa ? from : source.pos, put = outVa ? to : target.pos;
  if (start < 0 || put < 0 || count < 0) return count < 0 || start + count >= END ? -E.OVERFLOW : -E.INVAL;
  if (start + count >= END || put + count >= END) return -E.OVERFLOW;
  const n = Math.min(count, MAX, Math.max(0, source.end - start));
  if (source.inode === target.inode && put < start + n && start < put + n) return -E.INVAL;
  return withOffset(t, inVa, from, transfer(t, source, from, target, to, n), outVa, to);
}
const SPLICE_ALL = 15, SPLICE_NONBLOCK = 2;
function splice(t: Thread, inFd: number, inVa: number, outFd: number, outVa: number, count: number, flags: number): number | Co<number> {
  if (count === 0) return 0;
  if (flags & ~SPLICE_ALL) return -E.INVAL;
  const source = t.proc.fds.get(inFd), target = t.proc.fds.get(outFd);
  if (!source || !target) return -E.BADF;
  const out = source instanceof PipeFile, into = target instanceof PipeFile;
  if ((inVa && out) || (outVa && into)) return -E.SPIPE;
  const from = inVa ? getI64(t.mm, inVa) : -1, to = outVa ? getI64(t.mm, outVa) : -1;
  if (!source.readable || !target.writable) return -E.BADF;
  const refused = spliceRefused(source, target, inVa, from, outVa, to);
  return refused
    || withOffset(t, inVa, from, spliceData(t, source, from, target, to, Math.min(count, MAX), (flags & SPLICE_NONBLOCK) === 0), outVa, to);
}
function spliceRefused(source: File, target: File, inVa: number, from: number, outVa: number, to: number): number {
  const out = source instanceof PipeFile, into = target instanceof PipeFile;
  if (out && into) return source.pipe === target.pipe ? -E.INVAL : 0;
  if ((!out && !into) || !(out ? target : source).splices) return -E.INVAL;
  if (out ? target.flags & O.APPEND : source.inode.isDir) return -E.INVAL;
  if ((inVa && !source.seekable) || (outVa && !target.seekable)) return out ? -E.INVAL : -E.SPIPE;
  return (inVa && from < 0) || (outVa && to < 0) ? -E.INVAL : 0;
}
/** Into a pipe goes as much as it has pages free, once there is one; out of it comes what is there. */
function* spliceData(t: Thread, source: File, from: number, target: File, to: number, count: number, wait: boolean): Co<number> {
  let most = count;
  if (target instanceof PipeFile) {
    const p = target.pipe,
      r = yield* roomInPipe(t, target, wait && !target.nonblocking && !(source instanceof PipeFile && source.nonblocking));
    if (r < 0) return r;
    most = Math.min(count, p.free * PAGE);
  }
  return yield* transfer(t, source, from, target, to, most, wait);
}
/** Waits until the pipe has a page free: 0, or -errno. */
function* roomInPipe(t: Thread, f: PipeFile, wait: boolean): Co<number> {
  for (;;) {
    if (f.pipe.readers === 0) { t.k.signals.toThread(t, Sig.PIPE, 0x80); return -E.PIPE; }
    if (!f.pipe.full) return 0;
    if (!wait) return -E.AGAIN;
    const r = yield* t.sleep(f.wq);
    if (r < 0) return r;
  }
}
function tee(t: Thread, inFd: number, outFd: number, count: number, flags: number): number | Co<number> {
  if (flags & ~SPLICE_ALL) return -E.INVAL;
  if (count === 0) return 0;
  const source = t.proc.fds.get(inFd), target = t.proc.fds.get(outFd);
  if (!source || !target) return -E.BADF;
  if (!source.readable || !target.writable) return -E.BADF;
  if (!(source instanceof PipeFile) || !(target instanceof PipeFile) || source.pipe === target.pipe) return -E.INVAL;
  return teeData(t, source, target, count, (flags & SPLICE_NONBLOCK) !== 0 || source.nonblocking || target.nonblocking);
}
function* teeData(t: Thread, source: PipeFile, target: PipeFile, count: number, nonblock: boolean): Co<number> {
  while (source.pipe.length === 0 && source.pipe.writers > 0) {
    if (nonblock) return -E.AGAIN;
    const r = yield* t.sleep(source.wq);
    if (r < 0) return r;
  }
  const room = yield* roomInPipe(t, target, !nonblock);
  if (room < 0) return room;
  const bytes = source.pipe.peek(Math.min(count, target.pipe.free * PAGE));
  return bytes.length === 0 ? 0 : target.write(new KernelIo(bytes), 0, t);
}
/** Memory into a pipe, as much as it has pages free; or out of it. The bytes are copied. */
function vmsplice(t: Thread, fd: number, va: number, count: number, flags: number): number | Co<number> {
  if (flags & ~SPLICE_ALL) return -E.INVAL;
  const f = t.proc.fds.get(fd);
  if (!f || (!f.writable && !f.readable)) return -E.BADF;
  const io = ioVector(t, va, count);
  if (typeof io === 'number') return io;
  if (io.left === 0) return 0;
  if (!(f instanceof PipeFile)) return -E.BADF;
  const wait = (flags & SPLICE_NONBLOCK) === 0 && !f.nonblocking;
  if (f.writable) return vmspliceInto(t, f, io, wait);
  return wait ? readFile(t, f, io, -1) : withoutWaiting(f, () => readFile(t, f, io, -1));
}
function* vmspliceInto(t: Thread, f: PipeFile, io: UserIo, wait: boolean): Co<number> {
  const r = yield* roomInPipe(t, f, wait);
  return r < 0 ? r : yield* here(t, () => writePart(f, io, 0, t));
}

export const ioCalls: Row[] = [
  row('read', read), row('write', write),
  row('readv', readv), row('writev', writev),
  row('pread64', pread), row('pwrite64', pwrite),
  row('preadv', preadv), row('pwritev', pwritev),
  row('preadv2', preadv2), row('pwritev2', pwritev2),
  row('sendfile', sendfile), row('copy_file_range', copyFileRange),
  row('splice', splice), row('tee', tee),
  row('vmsplice', vmsplice, { note: 'copies' }),
];
