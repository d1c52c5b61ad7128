/** Waiting for many files at once: poll, select, epoll; and files made to wait for (timerfd, inotify). */
import { UserFault } from '../kernel/failure.ts';
import { EpollFile } from '../fs/epoll.ts';
import { EventFile, TimerFile } from '../fs/eventfds.ts';
import { InotifyFile, WATCH_BITS, Watch, openInotify } from '../fs/inotify.ts';
import { May, inodeAt, permitted } from '../fs/walk.ts';
import type { File } from '../fs/file.ts';
import { E } from '../abi/errno.ts';
import { AT, Cap, Clock, O, Poll } from '../abi/linux.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Co, WaitQueue } from '../kernel/wait.ts';
import { copyIn, copyOut, couldBeUser, getBig, getI32, getI64, getU16, getU32, setBig, setU16, setU32 } from '../mm/uaccess.ts';
import { install } from './fds.ts';
import { capable } from '../kernel/creds.ts';
import { endMask, withMask } from './signals.ts';
import { putTimespec, timespec } from './times.ts';
import { bits, pathArg, row, type Row } from './row.ts';

/** The cost of a file that a thread waits for, in bytes: its element of the list and the thread's place in its queue. */
const WAIT_COST = 96;

/** Asks `check` until it answers > 0 or the deadline passes (then 0), sleeping on the files' queues in between. */
function* pollLoop(thread: Thread, check: () => number, files: readonly (File | undefined)[], until: number): Co<number> {
  const { frames } = thread.k, cost = WAIT_COST * files.length, queues = new Set<WaitQueue>();
  if (!frames.charge(cost)) return endMask(thread, -E.NOMEM);
  for (const file of files) if (file?.wq) queues.add(file.wq);
  const list = [...queues];
  try {
    for (;;) {
      const slept = yield* thread.sleep(list, until);
      const n = check();
      if (n !== 0) return endMask(thread, n);
      if (slept === -E.TIMEDOUT) return endMask(thread, 0);
      if (slept < 0) return endMask(thread, -E.RESTARTNOHAND);
    }
  } finally { frames.uncharge(cost); }
}
function pollOn(thread: Thread, check: () => number, files: readonly (File | undefined)[], until: number): number | Co<number> {
  const n = check();
  if (n !== 0 || until <= thread.k.clock.now()) return endMask(thread, n);
  return pollLoop(thread, check, files, until);
}

/** struct pollfd: i32 fd, i16 events, i16 revents. */
function ppoll(thread: Thread, va: number, countArg: number, timeVa: number, maskVa: number, size: number): number | Co<number> {
  const count = countArg >>> 0;
  if (count > thread.proc.limits.files) return -E.INVAL;
  if (!couldBeUser(va, count * 8)) return -E.FAULT;
  const ns = timeVa ? timespec(thread, timeVa) : Infinity;
  if (Number.isNaN(ns)) return -E.INVAL;
  const fds: number[] = [], files: (File | undefined)[] = [];
  for (let i = 0; i
    < count; i++) { const fd = getI32(thread.mm, va + 8 * i); fds.push(fd); files.push(fd < 0 ? undefined : thread.proc.fds.get(fd)); }
  const failed = withMask(thread, maskVa, size);
  if (failed) return failed;
  return pollOn(thread, () => {
    let n = 0;
    thread.k.work.filed();
    thread.k.work.named(count);
    for (let i = 0; i < count; i++) {
      const file = files[i], want = getU16(thread.mm, va + 8 * i + 4);
      const got = fds[i]! < 0 ? 0 : file === undefined ? Poll.NVAL : file.poll() & (want | Poll.ERR | Poll.HUP);
      setU16(thread.mm, va + 8 * i + 6, got);
      if (got) n++;
    }
    return n;
  }, files, thread.k.clock.now() + ns);
}

const READ = Poll.IN | Poll.RDNORM | Poll.HUP | Poll.ERR, WRITE = Poll.OUT | Poll.WRNORM | Poll.ERR, EXCEPT = Poll.PRI;

/** Stores how much time is left; ignores a bad address. */
function tellLeft(t: Thread, va: number, ns: number): void {
  try { putTimespec(t, va, ns); } catch (e) { if (!(e instanceof UserFault)) throw e; }
}
function pselect(thread: Thread, countArg: number, readVa: number, writeVa: number, exceptVa: number, timeVa: number,
    maskArg: number): number | Co<number> {
  if ((countArg | 0) < 0) return -E.INVAL;
  const count = Math.min(countArg | 0, Math.max(64, Math.ceil(thread.proc.fds.length / 64) * 64));
  const bytes = Math.ceil(count / 64) * 8, vas = [readVa, writeVa, exceptVa], bits = [READ, WRITE, EXCEPT];
  const ns = timeVa ? timespec(thread, timeVa) : Infinity;
  if (Number.isNaN(ns)) return -E.INVAL;
  const want = vas.map((va) => (va ? copyIn(thread.mm, va, bytes) : undefined)), files: (File | undefined)[] = [];
  for (let fd = 0; fd < count; fd++) {
    if (!want.some((w) => w && w[fd >> 3]! & (1 << (fd & 7)))) { files.push(undefined); continue; }
    const file = thread.proc.fds.get(fd);
    if (!file) return -E.BADF;
    files.push(file);
  }
  const failed = maskArg ? withMask(thread, getI64(thread.mm, maskArg), getI64(thread.mm, maskArg + 8)) : 0;
  if (failed) return failed;
  const until = thread.k.clock.now() + ns, write = (n: number): number => n, got = want.map((w) => w && new Uint8Array(w.length));
  const polled = pollOn(thread, () => {
    let n = 0;
    got.forEach((g) => g?.fill(0));
    thread.k.work.filed();
    thread.k.work.named(count);
    files.forEach((file, fd) => {
      if (!file) return;
      const ready = file.poll();
      want.forEach((w, i) => { if (w && w[fd >> 3]! & (1 << (fd & 7)) && ready & bits[i]!) { got[i]![fd >> 3]! |= 1 << (fd & 7); n++; } });
    });
    return write(n);
  }, files, until);
  const finish = (n: number): number => {
    if (n >= 0) vas.forEach((va, i) => { if (va) copyOut(thread.mm, va, got[i]!); });
    if (timeVa && ns !== Infinity) tellLeft(thread, timeVa, Math.max(0, until - thread.k.clock.now()));
    return n;
  };
  return typeof polled === 'number' ? finish(polled) : then(polled, finish);
}
function* then(co: Co<number>, f: (n: number) => number): Co<number> { return f(yield* co); }

// ── epoll ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

function epollCtl(thread: Thread, epfd: number, op: number, fd: number, va: number): number {
  const told = op !== 2, events = told ? getU32(thread.mm, va) : 0, data = told ? getBig(thread.mm, va + 8) : 0n,
    epoll = thread.proc.fds.get(epfd),
    file = thread.proc.fds.get(fd);
  if (!epoll || !file) return -E.BADF;
  if (!file.wq) return -E.PERM;
  return epoll instanceof EpollFile ? epoll.control(op | 0, fd, file, events, data) : -E.INVAL;
}
/** struct epoll_event of riscv64: u32 events, 4 bytes of padding, u64 data. Events that cannot be stored stay in the queue. */
function epollWait(thread: Thread, epfd: number, va: number, maxArg: number, until: number, maskVa: number,
    size: number): number | Co<number> {
  if (Number.isNaN(until)) return -E.INVAL;
  const max = maxArg | 0, failed = withMask(thread, maskVa, size), refuse = (r: number): number => endMask(thread, r);
  if (failed) return failed;
  if (max <= 0 || max > 0x7ff_ffff) return refuse(-E.INVAL);
  if (!couldBeUser(va, max * 16)) return refuse(-E.FAULT);
  const file = thread.proc.fds.get(epfd);
  if (!file) return refuse(-E.BADF);
  if (!(file instanceof EpollFile)) return refuse(-E.INVAL);
  return pollOn(thread, () => file.collect(max,
    (i, events, data) => { setU32(thread.mm, va + 16 * i, events); setBig(thread.mm, va + 16 * i + 8, data); }),
    [file], until);
}
function epollPwait2(t: Thread, fd: number, va: number, max: number, time: number, mask: number, size: number): number | Co<number> {
  return epollWait(t, fd, va, max, time ? t.k.clock.now() + timespec(t, time) : Infinity, mask, size);
}
const inMs = (t: Thread, ms: number): number => ((ms | 0) < 0 ? Infinity : t.k.clock.now() + ms * 1e6);

// ── timerfd, inotify ───────────────────────────────────────────────────────────────────────────────────────────────────

/** The latest time of a timer, ns. */
const LATEST = 2 ** 63 - 1024;
const TFD_CLOCKS = new Set<number>([Clock.REALTIME, Clock.MONOTONIC, Clock.BOOTTIME, Clock.REALTIME_ALARM, Clock.BOOTTIME_ALARM]);
function timerfdCreate(thread: Thread, clockArg: number, flags: number): number {
  const clock = clockArg | 0;
  if (!TFD_CLOCKS.has(clock)) return -E.INVAL;
  if ((clock === Clock.REALTIME_ALARM || clock === Clock.BOOTTIME_ALARM) && !capable(thread.creds, Cap.WAKE_ALARM)) return -E.PERM;
  return install(thread, new TimerFile(anon(thread), flags, thread.k, clock), cloexec(flags));
}
function timerSettime(thread: Thread, fd: number, flags: number, newVa: number, oldVa: number): number {
  const interval = timespec(thread, newVa), value = timespec(thread, newVa + 16), file = thread.proc.fds.get(fd);
  if (flags & ~3 || Number.isNaN(interval) || Number.isNaN(value)) return -E.INVAL;
  if (!file) return -E.BADF;
  if (!(file instanceof TimerFile)) return -E.INVAL;
  const wall = file.clock === Clock.REALTIME || file.clock === Clock.REALTIME_ALARM, old = [file.interval, file.left] as const;
  const asked = Math.min(value, LATEST);
  file.set(value === 0 ? 0 : Math.max(1, flags & 1 ? (wall ? thread.k.clock.fromWall(asked) : asked - thread.proc.time.ahead(file.clock))
    : thread.k.clock.now() + asked), interval, flags);
  if (oldVa) { putTimespec(thread, oldVa, old[0]); putTimespec(thread, oldVa + 16, old[1]); }
  return 0;
}
function timerGettime(thread: Thread, fd: number, va: number): number {
  const file = thread.proc.fds.get(fd);
  if (!(file instanceof TimerFile)) return file ? -E.INVAL : -E.BADF;
  file.catchUp();
  putTimespec(thread, va, file.interval);
  putTimespec(thread, va + 16, file.left);
  return 0;
}
const anon = (t: Thread): ReturnType<Thread['k']['anon']['make']> => t.k.anon.make(0o600);
const cloexec = (flags: number): boolean => (flags & O.CLOEXEC) !== 0;

function inotifyAdd(thread: Thread, fd: number, path: number, mask: number): number {
  if (mask & ~WATCH_BITS || (mask & WATCH_BITS) === 0) return -E.INVAL;
  const file = thread.proc.fds.get(fd);
  if (!file) return -E.BADF;
  if ((mask & Watch.ADD && mask & Watch.MASK_CREATE) || !(file instanceof InotifyFile)) return -E.INVAL;
  const i = inodeAt(thread, AT.FDCWD, pathArg(thread, path), (mask & Watch.DONT_FOLLOW) === 0);
  if (typeof i === 'number') return i;
  if (mask & Watch.ONLYDIR && !i.isDir) return -E.NOTDIR;
  return permitted(i, May.READ, thread.creds) ? file.add(i, mask) : -E.ACCES;
}
function inotifyInit(thread: Thread, flags: number): number {
  const file = openInotify(thread, anon(thread), flags);
  return typeof file === 'number' ? file : install(thread, file, cloexec(flags));
}
function inotifyRemove(thread: Thread, fd: number, wd: number): number {
  const file = thread.proc.fds.get(fd);
  return file instanceof InotifyFile ? file.remove(wd | 0) : file ? -E.INVAL : -E.BADF;
}

export const pollCalls: Row[] = [
  row('ppoll', ppoll), row('pselect6', pselect),
  row('epoll_create1', (t, flags) => install(t, new EpollFile(t.k, anon(t), 0), cloexec(flags)), { checks: [bits(0, O.CLOEXEC)] }),
  row('epoll_ctl', epollCtl),
  row('epoll_pwait', (t, fd, va, max, ms, mask, size) => epollWait(t, fd, va, max, inMs(t, ms), mask, size)),
  row('epoll_pwait2', epollPwait2),
  row('eventfd2', (t, count, flags) => install(t, new EventFile(anon(t), flags, count >>> 0), cloexec(flags)),
    { checks: [bits(1, O.CLOEXEC | O.NONBLOCK | 1)] }),
  row('timerfd_create', timerfdCreate, { checks: [bits(1, O.CLOEXEC | O.NONBLOCK)] }), row('timerfd_settime', timerSettime),
  row('timerfd_gettime', timerGettime),
  row('inotify_init1', inotifyInit, { checks: [bits(0, O.CLOEXEC | O.NONBLOCK)] }),
  row('inotify_add_watch', inotifyAdd), row('inotify_rm_watch', inotifyRemove),
];
