/** Reading and writing: the calls that move bytes between a file and user memory, and the one place where they sleep. */
import type { File } from '../fs/file.ts';
import { notify, Watch } from '../fs/inotify.ts';
import { PipeFile } from '../fs/pipe.ts';
import { E } from '../abi/errno.ts';
import { O, S } from '../abi/linux.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Co } from '../kernel/wait.ts';
import { KernelIo, UserIo, getI64, setI64, type Io } from '../mm/uaccess.ts';
import { row, type Row } from './row.ts';

const MAX = 0x7fff_f000;

/** Sleeps on the file until `attempt` answers something else than -EAGAIN. */
export function* untilDone(t: Thread, file: File, attempt: () => number): Co<number> {
  file.hold();
  try {
    for (const until = t.k.clock.now() + file.readPatience; ; ) {
      const r = yield* t.sleep(file.wq, until);
      if (r < 0) return r === -E.TIMEDOUT ? -E.AGAIN : r;
      const n = attempt();
      if (n !== -E.AGAIN) return n;
    }
  } finally { file.release(); }
}
const advance = (f: File, n: number): number => { if (n > 0 && f.seekable) f.pos += n; return n; };

export function readFile(t: Thread, f: File, io: Io, at: number): number | Co<number> {
  const own = at < 0, n = f.read(io, own ? f.pos : at, t);
  if (n !== -E.AGAIN || f.nonblocking || !f.wq) return own ? advance(f, n) : n;
  return untilDone(t, f, () => f.read(io, f.pos, t));
}
export function writeFile(t: Thread, f: File, io: Io, at: number): number | Co<number> {
  const own = at < 0;
  if (own && f.flags & O.APPEND && f.seekable) f.pos = f.end;
  const n = f.write(io, own ? f.pos : at, t);
  if (f.inode.watchers && n > 0) notify(f.inode, Watch.MODIFY);
  if (own) advance(f, n);
  if ((n !== -E.AGAIN && (n < 0 || io.left === 0)) || f.nonblocking || !f.wq) return n;
  return writeRest(t, f, io, Math.max(0, n));
}
/** A blocking write to something that takes only a part at a time. */
function* writeRest(t: Thread, f: File, io: Io, done: number): Co<number> {
  f.hold();
  try {
    for (const until = t.k.clock.now() + f.writePatience; io.left > 0; ) {
      const r = yield* t.sleep(f.wq, until);
      if (r < 0) return done > 0 ? done : r === -E.TIMEDOUT ? -E.AGAIN : r;
      const n = f.write(io, f.pos, t);
      if (n === -E.AGAIN) continue;
      if (n < 0) return done > 0 ? done : n;
      done += n;
    }
    return done;
  } finally { f.release(); }
}

/** The reusable cursor for calls that end at once; a fresh one must be made for those that sleep. */
function quick(t: Thread, va: number, length: number): UserIo { return t.k.io.reset(t.mm, va, Math.min(length, MAX)); }

function read(t: Thread, fd: number, va: number, length: number): number | Co<number> {
  const f = t.proc.fds.get(fd);
  if (f === undefined || !f.readable) return -E.BADF;
  if (length < 0) return -E.INVAL;
  if (f.wq === undefined) return advance(f, f.read(quick(t, va, length), f.pos, t));
  const n = f.read(quick(t, va, length), f.pos, t);
  if (n !== -E.AGAIN || f.nonblocking) return n;
  const io = new UserIo(t.mm, va, Math.min(length, MAX));
  return untilDone(t, f, () => f.read(io, f.pos, t));
}
function write(t: Thread, fd: number, va: number, length: number): number | Co<number> {
  const f = t.proc.fds.get(fd);
  if (f === undefined || !f.writable) return -E.BADF;
  if (length < 0) return -E.INVAL;
  return writeFile(t, f, f.wq ? new UserIo(t.mm, va, Math.min(length, MAX)) : quick(t, va, length), -1);
}

/** A cursor over a user iovec array, or -errno. */
export function ioVector(t: Thread, va: number, count: number): UserIo | number {
  if (count < 0 || count > 1024) return -E.INVAL;
  const list: { base: number; length: number }[] = [];
  let total = 0;
  for (let i = 0; i < count; i++) {
    const length = getI64(t.mm, va + i * 16 + 8);
    if (length < 0) return -E.INVAL;
    const n = Math.min(length, MAX - total);
    if (n > 0) list.push({ base: getI64(t.mm, va + i * 16), length: n });
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
/** Checks of pread and relatives: 0 or -errno. */
function positioned(f: File | undefined, ok: boolean | undefined, at: number): number { return !f || !ok ? -E.BADF : at < 0 ? -E.INVAL : !f.seekable ? -E.SPIPE : 0; }

function pread(t: Thread, fd: number, va: number, length: number, at: number): number | Co<number> {
  const f = t.proc.fds.get(fd), bad = positioned(f, f?.readable, at);
  return bad || (length < 0 ? -E.INVAL : readFile(t, f!, quick(t, va, length), at));
}
function pwrite(t: Thread, fd: number, va: number, length: number, at: number): number | Co<number> {
  const f = t.proc.fds.get(fd), bad = positioned(f, f?.writable, at);
  return bad || (length < 0 ? -E.INVAL : writeFile(t, f!, quick(t, va, length), at));
}
function preadv(t: Thread, fd: number, va: number, count: number, at: number): number | Co<number> {
  if (at === -1) return readv(t, fd, va, count);
  const f = t.proc.fds.get(fd), bad = positioned(f, f?.readable, at), io = bad || ioVector(t, va, count);
  return typeof io === 'number' ? io : readFile(t, f!, io, at);
}
function pwritev(t: Thread, fd: number, va: number, count: number, at: number): number | Co<number> {
  if (at === -1) return writev(t, fd, va, count);
  const f = t.proc.fds.get(fd), bad = positioned(f, f?.writable, at), io = bad || ioVector(t, va, count);
  return typeof io === 'number' ? io : writeFile(t, f!, io, at);
}

// ── from file to file ──────────────────────────────────────────────────────────────────────────────────────────────────

const CHUNK = 65536;

/** Moves up to `count` bytes from one file to another; positions at `from` and `to` where they are ≥ 0, else the files' own. */
export function* transfer(t: Thread, source: File, from: number, target: File, to: number, count: number, blocking = true): Co<number> {
  const buffer = new Uint8Array(Math.min(CHUNK, Math.max(1, count)));
  let done = 0;
  while (done < count) {
    const read = new KernelIo(buffer.subarray(0, Math.min(CHUNK, count - done)));
    if (done > 0 && source.wq && source instanceof PipeFile && source.pipe.length === 0) break;
    let n = source.read(read, from < 0 ? source.pos : from + done, t);
    if (n === -E.AGAIN && blocking && !source.nonblocking && source.wq) n = yield* untilDone(t, source, () => source.read(read, source.pos, t));
    if (n <= 0) return done > 0 ? done : n;
    if (from < 0) advance(source, n);
    const out = writeFile(t, target, new KernelIo(buffer.subarray(0, n)), to < 0 ? -1 : to + done), w = typeof out === 'number' ? out : yield* out;
    if (w < 0) return done > 0 ? done : w;
    done += w;
    if (w < n || source instanceof PipeFile) break;
  }
  return done;
}
function sendfile(t: Thread, outFd: number, inFd: number, offsetVa: number, count: number): number | Co<number> {
  const source = t.proc.fds.get(inFd), target = t.proc.fds.get(outFd);
  if (!source?.readable || !target?.writable) return -E.BADF;
  if (!source.seekable) return -E.INVAL;
  const at = offsetVa ? getI64(t.mm, offsetVa) : -1;
  if (offsetVa && at < 0) return -E.INVAL;
  return withOffset(t, offsetVa, at, transfer(t, source, at, target, -1, Math.min(count, MAX)));
}
/** Runs a transfer and writes back how far it came. */
function* withOffset(t: Thread, va: number, at: number, co: Co<number>, va2 = 0, at2 = 0): Co<number> {
  const n = yield* co;
  if (n > 0 && va) setI64(t.mm, va, at + n);
  if (n > 0 && va2) setI64(t.mm, va2, at2 + n);
  return n;
}
function copyFileRange(t: Thread, inFd: number, inVa: number, outFd: number, outVa: number, count: number, flags: number): number | Co<number> {
  const source = t.proc.fds.get(inFd), target = t.proc.fds.get(outFd);
  if (!source?.readable || !target?.writable || target.flags & O.APPEND) return -E.BADF;
  if (flags !== 0) return -E.INVAL;
  if (source.inode.isDir || target.inode.isDir) return -E.ISDIR;
  if (source.inode.type !== S.IFREG || target.inode.type !== S.IFREG) return -E.INVAL;
  const from = inVa ? getI64(t.mm, inVa) : -1, to = outVa ? getI64(t.mm, outVa) : -1;
  return withOffset(t, inVa, from, transfer(t, source, from, target, to, Math.min(count, MAX)), outVa, to);
}
function splice(t: Thread, inFd: number, inVa: number, outFd: number, outVa: number, count: number, flags: number): number | Co<number> {
  const source = t.proc.fds.get(inFd), target = t.proc.fds.get(outFd);
  if (!source?.readable || !target?.writable) return -E.BADF;
  if (!(source instanceof PipeFile) && !(target instanceof PipeFile)) return -E.INVAL;
  if ((inVa && source instanceof PipeFile) || (outVa && target instanceof PipeFile)) return -E.SPIPE;
  const from = inVa ? getI64(t.mm, inVa) : -1, to = outVa ? getI64(t.mm, outVa) : -1;
  return withOffset(t, inVa, from, transfer(t, source, from, target, to, Math.min(count, CHUNK), (flags & 2) === 0), outVa, to);
}
function tee(t: Thread, inFd: number, outFd: number, count: number, flags: number): number | Co<number> {
  const source = t.proc.fds.get(inFd), target = t.proc.fds.get(outFd);
  if (!(source instanceof PipeFile) || !(target instanceof PipeFile)) return source && target ? -E.INVAL : -E.BADF;
  return teeData(t, source, target, count, (flags & 2) !== 0);
}
function* teeData(t: Thread, source: PipeFile, target: PipeFile, count: number, nonblock: boolean): Co<number> {
  while (source.pipe.length === 0 && source.pipe.writers > 0) {
    if (nonblock) return -E.AGAIN;
    const r = yield* t.sleep(source.wq);
    if (r < 0) return r;
  }
  const bytes = source.pipe.peek().subarray(0, count);
  if (bytes.length === 0) return 0;
  const w = writeFile(t, target, new KernelIo(bytes.subarray(0, target.pipe.room || bytes.length)), -1);
  return typeof w === 'number' ? w : yield* w;
}

export const ioCalls: Row[] = [
  row('read', read), row('write', write),
  row('readv', readv), row('writev', writev),
  row('pread64', pread), row('pwrite64', pwrite),
  row('preadv', preadv), row('pwritev', pwritev),
  row('preadv2', preadv, { note: 'flags are ignored' }), row('pwritev2', pwritev, { note: 'flags are ignored' }),
  row('sendfile', sendfile), row('copy_file_range', copyFileRange),
  row('splice', splice), row('tee', tee),
  row('vmsplice', (t, fd, va, n) => (t.proc.fds.get(fd)?.writable ? writev(t, fd, va, n, ) : readv(t, fd, va, n)), { note: 'copies' }),
];
