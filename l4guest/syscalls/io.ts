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

/** A wait that has its own time limit does not restart after a signal. */
export const interruptedWait = (r: number, until: number): number => (r === -E.RESTARTSYS && until !== Infinity ? -E.INTR : r);

/** Sleeps on the file until `attempt` returns something other than -EAGAIN. */
export function* untilDone(thread: Thread, file: File, attempt: () => Later<number>): Co<number> {
  file.hold();
  try {
    for (const until = thread.k.clock.now() + file.readPatience; ; ) {
      const slept = yield* thread.sleep(file.wq, until);
      if (slept < 0) return slept === -E.TIMEDOUT ? -E.AGAIN : interruptedWait(slept, until);
      const n = yield* here(thread, attempt);
      if (n !== -E.AGAIN) return n;
    }
  } finally { file.release(); }
}
export const advance = (f: File, n: number): number => { if (n > 0 && f.seekable) f.pos += n; return n; };

/** User memory at a bad address: the call reports the bytes moved before it, and fails if there are none. */
function partialResult(file: File, error: unknown, done: number): number {
  // Files with a queue move whole pieces and report their number.
  if (!(error instanceof UserFault) || done === 0 || file.wq !== undefined) throw error;
  return done;
}
function readPart(file: File, io: Io, pos: number, thread: Thread): Later<number> {
  const before = io.done;
  thread.k.work.filed();
  try {
    const n = file.read(io, pos, thread);
    return typeof n === 'number' ? n : partLater(file, io, before, n);
  } catch (error) { return partialResult(file, error, io.done - before); }
}
/** RLIMIT_FSIZE: a regular file does not grow beyond it; a write that begins there fails with SIGXFSZ. 0 or -EFBIG. */
function tooLong(thread: Thread, file: File, io: Io, pos: number): number {
  const most = thread.proc.limits.fileSize;
  if (io.left === 0 || file.inode.type !== S.IFREG || !file.seekable) return 0;
  if (pos >= most) { thread.k.signals.toThread(thread, Sig.XFSZ, SiCode.KERNEL); return -E.FBIG; }
  if (io instanceof UserIo) io.cut(most - pos);
  return 0;
}
export function writePart(file: File, io: Io, pos: number, thread: Thread): Later<number> {
  if (thread.proc.limits.fileSize !== Infinity) { const refused = tooLong(thread, file, io, pos); if (refused < 0) return refused; }
  const before = io.done;
  thread.k.work.filed();
  try {
    const n = file.write(io, pos, thread);
    return typeof n === 'number' ? n : partLater(file, io, before, n);
  } catch (error) { return partialResult(file, error, io.done - before); }
}
/** The same for a file that sleeps: the file stays open until it has answered. */
function* partLater(file: File, io: Io, before: number, co: Co<number>): Co<number> {
  file.hold();
  try { return yield* co; } catch (error) { return partialResult(file, error, io.done - before); } finally { file.release(); }
}
const wasRead = (f: File, n: number): number => { if (n > 0) notifyFile(f, Watch.ACCESS); return n; };
const wasWritten = (f: File, n: number): number => { if (n > 0) notifyFile(f, Watch.MODIFY); return n; };

export function readFile(thread: Thread, file: File, io: Io, at: number): number | Co<number> {
  const own = at < 0, n = readPart(file, io, own ? file.pos : at, thread);
  if (typeof n !== 'number') return after(n, (m) => wasRead(file, own ? advance(file, m) : m));
  if (n !== -E.AGAIN || file.nonblocking || !file.wq) return wasRead(file, own ? advance(file, n) : n);
  return untilDone(thread, file, () => after(readPart(file, io, file.pos, thread), (m) => wasRead(file, m)));
}
export function writeFile(thread: Thread, file: File, io: Io, at: number, append = (file.flags & O.APPEND) !== 0): number | Co<number> {
  const own = at < 0, end = append && file.seekable;
  if (end && own) file.pos = file.end;
  const n = writePart(file, io, end ? file.end : own ? file.pos : at, thread);
  if (typeof n !== 'number') return after(n, (m) => wasWritten(file, own ? advance(file, m) : m));
  wasWritten(file, n);
  if (own) advance(file, n);
  if ((n !== -E.AGAIN && (n < 0 || io.left === 0)) || file.nonblocking || !file.wq) return n;
  return writeRest(thread, file, io, Math.max(0, n));
}
/** A blocking write to a file that takes only a part at a time. */
function* writeRest(thread: Thread, file: File, io: Io, done: number): Co<number> {
  file.hold();
  try {
    for (const until = thread.k.clock.now() + file.writePatience; io.left > 0; ) {
      const n = yield* here(thread, () => writeAgain(thread, file, io, done));
      if (n !== -E.AGAIN && n < 0) return done > 0 ? done : n;
      if (n > 0) { done += n; notifyFile(file, Watch.MODIFY); continue; }
      const slept = yield* thread.sleep(file.wq, until);
      if (slept < 0) return done > 0 ? done : slept === -E.TIMEDOUT ? -E.AGAIN : interruptedWait(slept, until);
    }
    return done;
  } finally { file.release(); }
}
/** One more attempt; a bad address ends the call with the bytes written so far. */
function writeAgain(thread: Thread, file: File, io: Io, done: number): Later<number> {
  try { return file.write(io, file.pos, thread); } catch (error) {
    if (error instanceof UserFault && done > 0) return -E.FAULT;
    throw error;
  }
}

/** The cursor that calls without a sleep share; a call that sleeps needs its own. */
function quick(t: Thread, va: number, length: number): UserIo { return t.k.io.reset(t.mm, va, Math.min(length, MAX)); }
function cursor(t: Thread, f: File, va: number, length: number): UserIo {
  return f.wq || f.sleeps ? new UserIo(t.mm, va, Math.min(length, MAX)) : quick(t, va, length);
}

function read(thread: Thread, fd: number, va: number, length: number): number | Co<number> {
  const file = thread.proc.fds.get(fd);
  if (file === undefined || !file.readable) return -E.BADF;
  if (!couldBeUser(va, length)) return -E.FAULT;
  if (file.sleeps) return readFile(thread, file, new UserIo(thread.mm, va, Math.min(length, MAX)), -1);
  const n = readPart(file, quick(thread, va, length), file.pos, thread) as number;
  if (file.wq === undefined || n !== -E.AGAIN || file.nonblocking) return wasRead(file, advance(file, n));
  const io = new UserIo(thread.mm, va, Math.min(length, MAX));
  return untilDone(thread, file, () => after(readPart(file, io, file.pos, thread), (m) => wasRead(file, m)));
}
function write(thread: Thread, fd: number, va: number, length: number): number | Co<number> {
  const file = thread.proc.fds.get(fd);
  if (file === undefined || !file.writable) return -E.BADF;
  if (!couldBeUser(va, length)) return -E.FAULT;
  return writeFile(thread, file, cursor(thread, file, va, length), -1);
}

/** A cursor over the caller's iovec array, or -errno. */
export function ioVector(thread: Thread, va: number, countArg: number): UserIo | number {
  const count = countArg >>> 0;
  if (countArg < 0 || count > 1024) return -E.INVAL;
  thread.k.work.found(count);
  const list: { base: number; length: number }[] = [];
  let total = 0;
  for (let i = 0; i < count; i++) {
    const base = getI64(thread.mm, va + i * 16), length = getI64(thread.mm, va + i * 16 + 8);
    if (length < 0) return -E.INVAL;
    if (!couldBeUser(base, length)) return -E.FAULT;
    const n = Math.min(length, MAX - total);
    if (n > 0) list.push({ base, length: n });
    total += n;
  }
  return new UserIo(thread.mm, 0, 0, list);
}
/** Files that refuse to read into a buffer that is too small; an empty vector returns before they are asked. */
const seesNothing = (f: File): boolean => f.inode.isDir || (!f.seekable && f.read !== File.prototype.read);
function readv(thread: Thread, fd: number, va: number, count: number): number | Co<number> {
  const file = thread.proc.fds.get(fd);
  if (!file?.readable) return -E.BADF;
  const io = ioVector(thread, va, count);
  return typeof io === 'number' ? io : io.left === 0 && seesNothing(file) ? 0 : readFile(thread, file, io, -1);
}
function writev(thread: Thread, fd: number, va: number, count: number): number | Co<number> {
  const file = thread.proc.fds.get(fd);
  if (!file?.writable) return -E.BADF;
  const io = ioVector(thread, va, count);
  return typeof io === 'number' ? io : writeFile(thread, file, io, -1);
}
/** Checks of pread and its relatives, in Linux's order: 0 or -errno. */
function positioned(file: File | undefined, at: number, writing: boolean): number {
  if (at < 0) return -E.INVAL;
  if (!file) return -E.BADF;
  if (file instanceof PidFile) return -E.INVAL;
  if (!file.seekable || (writing && file instanceof GeneratedFile && !file.writable)) return -E.SPIPE;
  return (writing ? file.writable : file.readable) ? 0 : -E.BADF;
}
function pread(thread: Thread, fd: number, va: number, length: number, at: number): number | Co<number> {
  const file = thread.proc.fds.get(fd), bad = positioned(file, at, false);
  return bad || (couldBeUser(va, length) ? readFile(thread, file!, cursor(thread, file!, va, length), at) : -E.FAULT);
}
function pwrite(thread: Thread, fd: number, va: number, length: number, at: number): number | Co<number> {
  const file = thread.proc.fds.get(fd), bad = positioned(file, at, true);
  return bad || (couldBeUser(va, length) ? writeFile(thread, file!, cursor(thread, file!, va, length), at) : -E.FAULT);
}
function preadv(thread: Thread, fd: number, va: number, count: number, at: number): number | Co<number> {
  const file = thread.proc.fds.get(fd), bad = positioned(file, at, false), io = bad || ioVector(thread, va, count);
  return typeof io === 'number' ? io : io.left === 0 && seesNothing(file!) ? 0 : readFile(thread, file!, io, at);
}
function pwritev(thread: Thread, fd: number, va: number, count: number, at: number): number | Co<number> {
  const file = thread.proc.fds.get(fd), bad = positioned(file, at, true), io = bad || ioVector(thread, va, count);
  return typeof io === 'number' ? io : writeFile(thread, file!, io, at);
}

/** RWF_… of preadv2 and pwritev2. HIPRI, DSYNC and SYNC make no difference for files in memory. */
export const Rwf = { NOWAIT: 8, APPEND: 0x10, NOAPPEND: 0x20, ATOMIC: 0x40, ALL: 0x7f } as const;
/** Checks the flags for this transfer: 0, or -errno. Only files with a queue support RWF_NOWAIT. */
export function howToMove(file: File, flags: number): number {
  if (flags & ~Rwf.ALL) return -E.OPNOTSUPP;
  if (flags & Rwf.APPEND && flags & Rwf.NOAPPEND) return -E.INVAL;
  return flags & Rwf.ATOMIC || (flags & Rwf.NOWAIT && !file.wq) ? -E.OPNOTSUPP : 0;
}
/** Begins a transfer as if the file had these flags. */
export function withFlags(file: File, flags: number, go: () => number | Co<number>): number | Co<number> {
  const was = file.flags;
  file.flags = flags;
  try { return go(); } finally { file.flags = was; }
}
/** Runs a transfer that must not wait. */
export const withoutWaiting = (f: File, go: () => number | Co<number>): number | Co<number> => withFlags(f, f.flags | O.NONBLOCK, go);
function preadv2(thread: Thread, fd: number, va: number, count: number, at: number, _high: number, flags: number): number | Co<number> {
  const file = thread.proc.fds.get(fd), bad = at === -1 ? (file?.readable ? 0 : -E.BADF) : positioned(file, at, false),
    io = bad || ioVector(thread, va, count);
  if (typeof io === 'number') return io;
  if (io.left === 0) return 0;
  const refused = howToMove(file!, flags), go = (): number | Co<number> => readFile(thread, file!, io, at);
  return refused || (flags & Rwf.NOWAIT ? withoutWaiting(file!, go) : go());
}
function pwritev2(thread: Thread, fd: number, va: number, count: number, at: number, _high: number, flags: number): number | Co<number> {
  const file = thread.proc.fds.get(fd), bad = at === -1 ? (file?.writable ? 0 : -E.BADF) : positioned(file, at, true),
    io = bad || ioVector(thread, va, count);
  if (typeof io === 'number') return io;
  if (io.left === 0) return 0;
  const append = flags & Rwf.NOAPPEND ? false : ((file!.flags | (flags & Rwf.APPEND ? O.APPEND : 0)) & O.APPEND) !== 0;
  const refused = howToMove(file!, flags), go = (): number | Co<number> => writeFile(thread, file!, io, at, append);
  return refused || (flags & Rwf.NOWAIT ? withoutWaiting(file!, go) : go());
}

export const ioCalls: Row[] = [
  row('read', read), row('write', write),
  row('readv', readv), row('writev', writev),
  row('pread64', pread), row('pwrite64', pwrite),
  row('preadv', preadv), row('pwritev', pwritev),
  row('preadv2', preadv2), row('pwritev2', pwritev2),
];
