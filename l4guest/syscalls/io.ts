/** Reading and writing: the calls that move bytes between a file and user memory, and the one place where they sleep. */
import { PidFile } from '../fs/pidfd.ts';
import { GeneratedFile } from '../fs/generated.ts';
import { File } from '../fs/file.ts';
import { notifyFile, Watch } from '../fs/inotify.ts';
import { E } from '../abi/errno.ts';
import { UserFault } from '../kernel/failure.ts';
import { O, S, SiCode, Sig } from '../abi/linux.ts';
import { after, here, type Later } from '../kernel/later.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Co } from '../kernel/wait.ts';
import { UserIo, couldBeUser, getI64, type Io } from '../mm/uaccess.ts';
import { row, type Row } from './row.ts';

export const MAX = 0x7fff_f000;

/** A wait that has a limit of its own is not begun again after a signal. */
export const interruptedWait = (r: number, until: number): number => (r === -E.RESTARTSYS && until !== Infinity ? -E.INTR : r);

/** Sleeps on the file until `attempt` returns something other than -EAGAIN. */
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
export const advance = (f: File, n: number): number => { if (n > 0 && f.seekable) f.pos += n; return n; };

/** A copy to or from user memory has met a bad address: what went before it counts; with nothing before it the call fails. */
function halfway(f: File, e: unknown, done: number): number {
  // Files with a queue move whole pieces and report their number.
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
export function writePart(f: File, io: Io, pos: number, t: Thread): Later<number> {
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
export function ioVector(t: Thread, va: number, countArg: number): UserIo | number {
  const count = countArg >>> 0;
  if (countArg < 0 || count > 1024) return -E.INVAL;
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
/** Files whose reading refuses a buffer that is too small: a vector of nothing does not get as far. */
const seesNothing = (f: File): boolean => f.inode.isDir || (!f.seekable && f.read !== File.prototype.read);
function readv(t: Thread, fd: number, va: number, count: number): number | Co<number> {
  const f = t.proc.fds.get(fd);
  if (!f?.readable) return -E.BADF;
  const io = ioVector(t, va, count);
  return typeof io === 'number' ? io : io.left === 0 && seesNothing(f) ? 0 : readFile(t, f, io, -1);
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
  if (f instanceof PidFile) return -E.INVAL;
  if (!f.seekable || (writing && f instanceof GeneratedFile && !f.writable)) return -E.SPIPE;
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
  return typeof io === 'number' ? io : io.left === 0 && seesNothing(f!) ? 0 : readFile(t, f!, io, at);
}
function pwritev(t: Thread, fd: number, va: number, count: number, at: number): number | Co<number> {
  const f = t.proc.fds.get(fd), bad = positioned(f, at, true), io = bad || ioVector(t, va, count);
  return typeof io === 'number' ? io : writeFile(t, f!, io, at);
}

/** RWF_… of preadv2 and pwritev2. HIPRI, DSYNC and SYNC are no difference for files in memory. */
export const Rwf = { NOWAIT: 8, APPEND: 0x10, NOAPPEND: 0x20, ATOMIC: 0x40, ALL: 0x7f } as const;
/** Checks the flags for this transfer: 0, or -errno. Only files with a queue support RWF_NOWAIT. */
export function howToMove(f: File, flags: number): number {
  if (flags & ~Rwf.ALL) return -E.OPNOTSUPP;
  if (flags & Rwf.APPEND && flags & Rwf.NOAPPEND) return -E.INVAL;
  return flags & Rwf.ATOMIC || (flags & Rwf.NOWAIT && !f.wq) ? -E.OPNOTSUPP : 0;
}
/** Begins a transfer as if the file had these flags of its own. */
export function withFlags(f: File, flags: number, go: () => number | Co<number>): number | Co<number> {
  const was = f.flags;
  f.flags = flags;
  try { return go(); } finally { f.flags = was; }
}
/** Runs a transfer that may not wait. */
export const withoutWaiting = (f: File, go: () => number | Co<number>): number | Co<number> => withFlags(f, f.flags | O.NONBLOCK, go);
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

export const ioCalls: Row[] = [
  row('read', read), row('write', write),
  row('readv', readv), row('writev', writev),
  row('pread64', pread), row('pwrite64', pwrite),
  row('preadv', preadv), row('pwritev', pwritev),
  row('preadv2', preadv2), row('pwritev2', pwritev2),
];
