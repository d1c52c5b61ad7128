/** Processes: clone, execve, exit, wait, groups and sessions. */
import { PidFile, pidFd } from '../fs/pidfd.ts';
import { processOfDir } from '../fs/proc/pid.ts';
import { baseOf } from '../fs/walk.ts';
import { clone as makeClone } from '../kernel/clone.ts';
import { AT, Cap, Clone, CONTINUED_STATUS, exitedStatus, O, SiCode, Sig, Wait } from '../abi/linux.ts';
import { capable } from '../kernel/creds.ts';
import { E } from '../abi/errno.ts';
import { UserFault } from '../kernel/failure.ts';
import { exec, type Asked } from '../kernel/exec.ts';
import type { DirPath } from '../fs/path.ts';
import type { Process } from '../kernel/process.ts';
import { childInfo } from '../kernel/signals.ts';
import { putSigInfo } from '../kernel/sigqueue.ts';
import type { Thread } from '../kernel/thread.ts';
import { mayTrace } from '../kernel/tracing.ts';
import type { Co } from '../kernel/wait.ts';
import { couldBeUser, getBytesZ, getI32, getI64, setI64, setU32, copyIn } from '../mm/uaccess.ts';
import { putRusage } from './times.ts';
import { install } from './fds.ts';
import { kill, killThread, queueInfo } from './signals.ts';
import { bits, extensible, field64, pathArg, row, type Row } from './row.ts';

function clone(thread: Thread, flags: number, stack: number, parentTid: number, tls: number, childTid: number): number | Co<number> {
  const known = flags < 0 ? flags + 4294967296 : flags;
  return makeClone(thread, { flags: known & ~0xff, stack, parentTid, childTid, tls, exitSignal: known & 0xff, pidfd: parentTid,
    clearSighand: false, tids: [] });
}
/** Flags that only clone3 can carry. */
const INTO_CGROUP = 0x2_0000_0000, CLONE_FLAGS = 0x3_ffff_ffff, MOST_LEVELS = 32;
/** struct clone_args: flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup. */
function clone3(thread: Thread, va: number, size: number): number | Co<number> {
  const view = extensible(thread, va, size, 64, 88), field = (i: number): number => field64(view, i * 8);
  const flags = field(0), exitSignal = field(4), stack = field(5), stackSize = field(6), setTid = field(8), levels = field(9);
  const low = flags % 4294967296 | 0, clear = Math.floor(flags / Clone.CLEAR_SIGHAND) % 2 === 1;
  if (levels < 0 || levels > MOST_LEVELS || (setTid === 0) !== (levels === 0) || exitSignal < 0 || exitSignal > 64) return -E.INVAL;
  if (flags < 0 || flags > CLONE_FLAGS || low & 0x7f || low & Clone.DETACHED) return -E.INVAL;
  if ((low & (Clone.THREAD | Clone.PARENT) && exitSignal !== 0) || (stack === 0) !== (stackSize === 0) || !couldBeUser(stack, stackSize))
    return -E.INVAL;
  if (flags >= INTO_CGROUP) return -E.BADF; // no descriptor here is a control group
  const tids = levels > 0 ? chosenTids(thread, setTid, levels) : [];
  if (typeof tids === 'number') return tids;
  return makeClone(thread, {
    flags: low, stack: stack + stackSize, parentTid: field(3), childTid: field(2), tls: field(7), exitSignal, pidfd: field(1),
    clearSighand: clear, tids
  });
}
/** The numbers that set_tid asks for, innermost space first. */
function chosenTids(t: Thread, va: number, levels: number): number[] | number {
  return Array.from({ length: levels }, (_, i) => getI32(t.mm, va + 4 * i));
}

/** Reads a null-terminated array of strings. */
function strings(thread: Thread, va: number): Uint8Array[] | number {
  const out: Uint8Array[] = [];
  if (va === 0) return out;
  for (let total = 0; ; va += 8) {
    const pointer = getI64(thread.mm, va);
    if (pointer === 0) return out;
    const bytes = getBytesZ(thread.mm, pointer, 131072);
    if (!bytes) return -E.TOOBIG;
    out.push(bytes.slice());
    total += bytes.length + 9;
    if (total > 6 << 20) return -E.TOOBIG;
  }
}
function execveat(thread: Thread, fd: number, pathVa: number, argvVa: number, envpVa: number,
    flags: number): number | Co<number> {
  const path = pathArg(thread, pathVa);
  if (path === '' && !(flags & AT.EMPTY_PATH)) return -E.NOENT;
  if (flags & ~(AT.EMPTY_PATH | AT.SYMLINK_NOFOLLOW)) return -E.INVAL;
  const argv = strings(thread, argvVa), envp = strings(thread, envpVa);
  if (typeof argv === 'number') return argv;
  if (typeof envp === 'number') return envp;
  if (argv.length === 0) argv.push(new Uint8Array(0));
  const asked = programOf(thread, fd, path, flags & AT.SYMLINK_NOFOLLOW ? O.NOFOLLOW : 0);
  return typeof asked === 'number' ? asked : exec(thread, asked, argv, envp);
}
/** The program that execveat names; the name of a program given by descriptor is a path that leads to that descriptor. */
function programOf(thread: Thread, fd: number, path: string, how: number): Asked | number {
  if (fd === AT.FDCWD || path.startsWith('/')) return { base: thread.proc.fs.cwd, path: path || '.', flags: how };
  const base = path === '' ? thread.proc.fds.any(fd) ?? -E.BADF : baseOf(thread, fd, path),
    flags = how | (thread.proc.fds.cloexec(fd) ? O.CLOEXEC : 0);
  if (typeof base === 'number') return base;
  return path === '' ? { base, path, flags, called: `/dev/fd/${fd}` }
    : { base: { mount: base.mount!, inode: base.inode as DirPath['inode'] }, path, flags, called: `/dev/fd/${fd}/${path}` };
}

// ── wait ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The candidates of a wait: children, and threads that the caller traces. */
interface Wanted {
  readonly matches: (p: Process) => boolean;
  readonly traced: (tid: number, group: number) => boolean;
  readonly options: number
}
/** A candidate whose state has changed; `consume` once the wait has reported it. */
interface Found {
  readonly pid: number;
  readonly status: number;
  readonly child: Process | undefined;
  readonly uid: number;
  readonly consume: () => void
}

/** __WCLONE waits for children that end with a signal other than SIGCHLD, __WALL for all. */
const ofKind = (p: Process, options: number): boolean =>
  (options & Wait.ALL) !== 0 || (p.exitSignal !== Sig.CHLD) === ((options & Wait.CLONE) !== 0);
function whom(thread: Thread, pid: number): Pick<Wanted, 'matches' | 'traced'> {
  const { numbers } = thread.proc, one = pid > 0 ? numbers.id(pid) : -1,
    many = pid === 0 ? thread.proc.group.id : pid < -1 ? numbers.id(-pid) : -1;
  const traced = (tid: number, group: number): boolean => (pid === -1 ? true : pid > 0 ? tid === one : group === many);
  return { matches: (p) => traced(p.pid, p.group.id), traced };
}

/** A child whose state the caller waits for, with the wait status; undefined = none yet; -ECHILD. */
function look(thread: Thread, wanted: Wanted): Found | undefined | number {
  const consume = (child: Process): void => {
    if (child.status === undefined) child.report = undefined;
    else thread.k.reap(child);
  };
  const of = (child: Process, status: number): Found =>
    ({ pid: thread.proc.numbers.of(child.pid), status, child, uid: child.creds.uid, consume: () => consume(child) });
  const traced = lookTraced(thread, wanted);
  if (typeof traced === 'object') return traced;
  let any = traced;
  for (const process of thread.proc.children) {
    if (!wanted.matches(process) || !ofKind(process, wanted.options)) continue;
    any = true;
    if (process.status !== undefined && wanted.options & Wait.EXITED) return of(process, process.status);
    if (process.leader?.traced?.tracer === thread.proc) continue; // its stops are reported as those of a traced thread
    if (process.report !== undefined && wanted.options & (process.report === CONTINUED_STATUS ? Wait.CONTINUED : Wait.STOPPED))
      return of(process, process.report);
  }
  return any ? undefined : -E.CHILD;
}
/** The same for traced threads: true = there are some, but without a new state. */
function lookTraced(thread: Thread, wanted: Wanted): Found | boolean {
  let any = false;
  for (const x of thread.proc.tracees) {
    const tracing = x.traced!;
    if (!wanted.traced(x.tid, x.proc.group.id)) continue;
    any = true;
    if (tracing.stop && !tracing.reported)
      return { pid: thread.proc.numbers.of(x.tid), status: tracing.stop.status, child: undefined, uid: x.proc.creds.uid,
      consume: () => { tracing.reported = true; } };
  }
  const dead = thread.proc.deadTracees, i = wanted.options & Wait.EXITED ? dead.findIndex((x) => wanted.traced(x.tid, x.group)) : -1,
    x = dead[i];
  return x ? { pid: thread.proc.numbers.of(x.tid), status: x.status, child: undefined, uid: thread.creds.uid, consume: () =>
    { dead.splice(dead.indexOf(x), 1); } } : any;
}
function* sleepFor(thread: Thread, wanted: Wanted, done: (found: Found) => number): Co<number> {
  for (;;) {
    const slept = yield* thread.sleep(thread.proc.childWq);
    const found = look(thread, wanted);
    if (typeof found === 'number') return found;
    if (found) return done(found);
    if (slept < 0) return slept;
  }
}
function wait(thread: Thread, wanted: Wanted, nothing: number, done: (found: Found) => number): number | Co<number> {
  const found = look(thread, wanted);
  if (typeof found === 'number') return found;
  if (found) return done(found);
  return wanted.options & Wait.NOHANG ? nothing : sleepFor(thread, wanted, done);
}
/** A child that has ended, with its own children. */
function putUsage(thread: Thread, va: number, child: Process | undefined): void {
  const cpu = child ? child.cpuNs + child.childCpuNs : 0, system = child ? child.systemNs + child.childSystemNs : 0;
  putRusage(thread, va, { user: cpu - system, system }, child?.mm.minorFaults ?? 0,
    child ? Math.max(child.mostPages, child.childPages) : 0);
}
/** Stores what was found, and consumes it, also if the caller's address is bad: as on Linux, the child is gone then. */
function reported(found: Found, store: () => void): void {
  try { store(); } catch (error) { if (error instanceof UserFault) found.consume(); throw error; }
  found.consume();
}
function wait4(thread: Thread, pid: number, statusVa: number, options: number, usageVa: number): number | Co<number> {
  if (options & ~(Wait.NOHANG | Wait.STOPPED | Wait.CONTINUED | Wait.NOTHREAD | Wait.CLONE | Wait.ALL)) return -E.INVAL;
  if ((pid | 0) === -0x8000_0000) return -E.SRCH;
  return wait(thread, { ...whom(thread, pid | 0), options: options | Wait.EXITED }, 0, (found) => {
    reported(found, () => {
      if (statusVa) setU32(thread.mm, statusVa, found.status);
      if (usageVa) putUsage(thread, usageVa, found.child);
    });
    return found.pid;
  });
}
const IdType = { ALL: 0, PID: 1, PGID: 2, PIDFD: 3 } as const;
const WAITID = Wait.NOHANG | Wait.STOPPED | Wait.EXITED | Wait.CONTINUED | Wait.NOWAIT | Wait.NOTHREAD | Wait.CLONE | Wait.ALL;
/** The processes that waitid selects; -errno. */
function waitidWhom(thread: Thread, type: number,
    id: number): (Pick<Wanted, 'matches' | 'traced'> & { readonly impatient?: boolean }) | number {
  switch (type) {
    case IdType.ALL: return whom(thread, -1);
    case IdType.PID: return id > 0 ? whom(thread, id) : -E.INVAL;
    case IdType.PGID: return id < 0 ? -E.INVAL : whom(thread, -(id || thread.proc.group.id));
    case IdType.PIDFD: {
      const file = id < 0 ? undefined : thread.proc.fds.get(id);
      if (!(file instanceof PidFile)) return id < 0 ? -E.INVAL : -E.BADF;
      return { matches: (p) => p === file.process, traced: (tid) => tid === file.process.pid, impatient: file.nonblocking };
    }
    default: return -E.INVAL;
  }
}
/** waitid fills the caller's structure with zeros on errors too, so that it finds a bad address first. */
function waitid(thread: Thread, type: number, id: number, infoVa: number, options: number, usageVa: number): number | Co<number> {
  const result = waitidFor(thread, type, id, infoVa, options, usageVa);
  if (typeof result === 'number' && result < 0 && infoVa) for (const at of [0, 4, 8, 16, 20, 24]) setU32(thread.mm, infoVa + at, 0);
  return result;
}
function waitidFor(thread: Thread, type: number, id: number, infoVa: number, options: number, usageVa: number): number | Co<number> {
  if (options & ~WAITID || !(options & (Wait.EXITED | Wait.STOPPED | Wait.CONTINUED))) return -E.INVAL;
  const who = waitidWhom(thread, type | 0, id | 0);
  if (typeof who === 'number') return who;
  const nohang = (options & Wait.NOHANG) !== 0, wanted: Wanted = { ...who, options: who.impatient ? options | Wait.NOHANG : options };
  let told = false;
  const waited = wait(thread, wanted, 0, (found) => {
    const { status } = found,
      info = !found.child && (status & 0xff) === 0x7f ? { code: SiCode.TRAPPED, status: status >> 8 }
        : status === CONTINUED_STATUS ? { code: SiCode.CONTINUED, status: Sig.CONT }
        : (status & 0xff) === 0x7f ? { code: SiCode.STOPPED, status: status >> 8 }
        : childInfo(status);
    told = true;
    if (!(options & Wait.NOWAIT)) found.consume();
    if (usageVa) putUsage(thread, usageVa, found.child);
    if (infoVa) putSigInfo(thread.mm, infoVa, { signo: Sig.CHLD, code: info.code, pid: found.pid, uid: found.uid, status: info.status });
    return 0;
  });
  if (waited !== 0 || told) return waited;
  if (who.impatient && !nohang) return -E.AGAIN;
  if (infoVa) {
    setU32(thread.mm, infoVa, 0);
    setU32(thread.mm, infoVa + 4, 0);
    setU32(thread.mm, infoVa + 8, 0);
    setU32(thread.mm, infoVa + 16, 0);
    setU32(thread.mm, infoVa + 20, 0);
    setU32(thread.mm, infoVa + 24, 0);
  }
  return 0;
}

// ── groups and sessions ────────────────────────────────────────────────────────────────────────────────────────────────

function setpgid(thread: Thread, pidArg: number, pgidArg: number): number {
  const { numbers } = thread.proc, pid = pidArg ? numbers.id(pidArg) : thread.proc.pid, to = pgidArg ? numbers.id(pgidArg) : pid,
    process = thread.k.pids.processes.get(pid);
  if ((pgidArg || pidArg) < 0) return -E.INVAL;
  if (!process?.alive || (process !== thread.proc && process.parent !== thread.proc)) return -E.SRCH;
  if (process !== thread.proc && process.session !== thread.proc.session) return -E.PERM;
  if (process !== thread.proc && process.execed) return -E.ACCES;
  if (process.session.id === process.pid) return -E.PERM;
  let processGroup = thread.k.pids.groups.get(to);
  if (to !== process.pid && processGroup?.session !== thread.proc.session) return -E.PERM;
  if (processGroup && processGroup.session !== process.session) return -E.PERM;
  processGroup ??= thread.k.pids.newGroup(to, process.session);
  process.joinGroup(processGroup);
  return 0;
}
function setsid(thread: Thread): number {
  const process = thread.proc;
  if (thread.k.pids.groups.has(process.pid)) return -E.PERM;
  process.joinGroup(thread.k.pids.newSession(process.pid));
  return process.number;
}
const processOf = (t: Thread, pid: number): Process | undefined => (pid === 0 ? t.proc : t.k.pids.processOf(t.proc.numbers, pid));
const numberIf = (t: Thread, id: number | undefined): number => (id === undefined ? -E.SRCH : t.proc.numbers.of(id));

const Scope = { THREAD: 1, PROCESS: 2, GROUP: 4 } as const;
function pidfdSend(caller: Thread, fd: number, sigArg: number, infoVa: number, flags: number): number {
  const sig = sigArg | 0, file = caller.proc.fds.any(fd),
    process = file instanceof PidFile ? file.process : file && processOfDir(file.inode);
  if (flags & ~7 || (flags !== 0 && flags !== Scope.THREAD && flags !== Scope.PROCESS && flags !== Scope.GROUP)) return -E.INVAL;
  if (!process) return -E.BADF;
  if (infoVa) {
    const signo = getI32(caller.mm, infoVa), code = getI32(caller.mm, infoVa + 8), info = copyIn(caller.mm, infoVa, 128);
    // Linux keeps 48 bytes of a structure whose layout it does not know; the rest must be zero.
    if (code < SiCode.TKILL - 1 && code !== -60 && info.subarray(48).some((b) => b !== 0)) return -E.TOOBIG;
    if (signo !== sig) return -E.INVAL;
    if ((code >= 0 || code === SiCode.TKILL) && process !== caller.proc) return -E.PERM;
  }
  if (flags !== Scope.GROUP && caller.k.pids.processes.get(process.pid) !== process) return -E.SRCH;
  const thread = file instanceof PidFile ? file.thread : undefined;
  const pid = caller.proc.numbers.of(process.pid);
  if (flags === Scope.GROUP) return caller.k.pids.groups.has(process.pid) ? kill(caller, -pid, sig) : -E.SRCH;
  if (pid === 0) return -E.INVAL;
  if (flags === Scope.THREAD || (flags === 0 && thread))
    return killThread(caller, pid, caller.proc.numbers.of(thread?.tid ?? process.pid), sig);
  return infoVa === 0 ? kill(caller, pid, sig) : queueInfo(caller, pid, sig, infoVa);
}
function pidfdOpen(caller: Thread, pid: number, flags: number): number {
  if (pid < 1) return -E.INVAL;
  const id = caller.proc.numbers.id(pid), process = caller.k.pids.processes.get(id), thread = caller.k.pids.threads.get(id);
  if (flags & O.EXCL) return thread ? pidFd(caller, thread.proc, flags, thread) : process ? pidFd(caller, process, flags) : -E.SRCH;
  return process ? pidFd(caller, process, flags) : thread ? -E.INVAL : -E.SRCH;
}
function pidfdGetfd(thread: Thread, fd: number, other: number): number {
  const pidFile = thread.proc.fds.get(fd);
  if (!(pidFile instanceof PidFile)) return -E.BADF;
  const process = pidFile.process;
  if (!process.alive) return -E.SRCH;
  if (!mayTrace(thread, process)) return -E.PERM;
  const file = process.fds.any(other);
  return file ? install(thread, file.hold(), true) : -E.BADF;
}

function getRobust(thread: Thread, tid: number, headVa: number, lengthVa: number): number {
  const x = tid === 0 ? thread : thread.k.pids.threadOf(thread.proc.numbers, tid);
  if (!x && tid !== thread.k.init.pid) return -E.SRCH;
  if (x?.proc !== thread.proc && !capable(thread.creds, Cap.SYS_PTRACE)) return -E.PERM;
  setI64(thread.mm, lengthVa, 24);
  setI64(thread.mm, headVa, x?.robustList ?? 0);
  return 0;
}

export const processCalls: Row[] = [
  row('clone', clone, { regs: true }),
  row('clone3', clone3, { regs: true }),
  row('execve', (t, path, argv, envp) => execveat(t, AT.FDCWD, path, argv, envp, 0)),
  row('execveat', (t, fd, path, argv, envp, flags) => execveat(t, fd | 0, path, argv, envp, flags)),
  row('exit', (t, status) => { t.k.endThread(t, exitedStatus(status)); return 0; }),
  row('exit_group', (t, status) => { t.k.endProcess(t.proc, exitedStatus(status)); return 0; }),
  row('wait4', wait4),
  row('waitid', waitid),
  row('set_tid_address', (t, va) => { t.clearTid = va; return t.number; }),
  row('set_robust_list', (t, va, size) => { if (size !== 24) return -E.INVAL; t.robustList = va; return 0; }),
  row('get_robust_list', getRobust),
  row('getpid', (t) => t.proc.number), row('getppid', (t) => t.proc.numbers.of(t.proc.parent?.pid ?? 0)), row('gettid', (t) => t.number),
  row('setpgid', (t, pid, pgid) => setpgid(t, pid | 0, pgid | 0)),
  row('getpgid', (t, pid) => numberIf(t, processOf(t, pid | 0)?.group.id)),
    row('getsid', (t, pid) => numberIf(t, processOf(t, pid | 0)?.session.id)),
  row('setsid', setsid),
  row('pidfd_open', (t, pid, flags) => pidfdOpen(t, pid | 0, flags), { checks: [bits(1, O.NONBLOCK | O.EXCL)] }),
  row('pidfd_send_signal', pidfdSend), row('pidfd_getfd', pidfdGetfd, { checks: [bits(2, 0)] }),
];
