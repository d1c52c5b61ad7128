/** Processes: clone, execve, exit, wait, groups and sessions. */
import { PidFile, pidFd } from '../fs/pidfd.ts';
import { processOfDir } from '../fs/proc/pid.ts';
import { baseOf } from '../fs/walk.ts';
import { clone as makeClone } from '../kernel/clone.ts';
import { AT, Cap, Clone, CONTINUED_STATUS, exitedStatus, O, SiCode, Sig, Wait } from '../abi/linux.ts';
import { capable } from '../kernel/creds.ts';
import { capableIn } from '../kernel/spaces.ts';
import { E } from '../abi/errno.ts';
import { exec, type Asked } from '../kernel/exec.ts';
import type { DirPath } from '../fs/path.ts';
import type { Process } from '../kernel/process.ts';
import { childInfo } from '../kernel/signals.ts';
import { putSigInfo } from '../kernel/sigqueue.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Co } from '../kernel/wait.ts';
import { couldBeUser, getBytesZ, getI32, getI64, setI64, setU32, copyIn } from '../mm/uaccess.ts';
import { putRusage } from './times.ts';
import { install } from './fds.ts';
import { kill, killThread, queueInfo } from './signals.ts';
import { bits, extensible, field64, pathArg, row, type Row } from './row.ts';

function clone(t: Thread, flags: number, stack: number, parentTid: number, tls: number, childTid: number): number | Co<number> {
  const known = flags < 0 ? flags + 4294967296 : flags;
  return makeClone(t, { flags: known & ~0xff, stack, parentTid, childTid, tls, exitSignal: known & 0xff, pidfd: parentTid,
    clearSighand: false, tids: [] });
}
/** Flags that only clone3 has room for. */
const INTO_CGROUP = 0x2_0000_0000, CLONE_FLAGS = 0x3_ffff_ffff, MOST_LEVELS = 32;
/** struct clone_args: flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup. */
function clone3(t: Thread, va: number, size: number): number | Co<number> {
  const v = extensible(t, va, size, 64, 88), f = (i: number): number => field64(v, i * 8);
  const flags = f(0), exitSignal = f(4), stack = f(5), stackSize = f(6), setTid = f(8), levels = f(9);
  const low = flags % 4294967296 | 0, clear = Math.floor(flags / Clone.CLEAR_SIGHAND) % 2 === 1;
  if (levels < 0 || levels > MOST_LEVELS || (setTid === 0) !== (levels === 0) || exitSignal < 0 || exitSignal > 64) return -E.INVAL;
  if (flags < 0 || flags > CLONE_FLAGS || low & 0x7f || low & Clone.DETACHED || flags >= INTO_CGROUP) return -E.INVAL;
  if ((low & (Clone.THREAD | Clone.PARENT) && exitSignal !== 0) || (stack === 0) !== (stackSize === 0) || !couldBeUser(stack, stackSize))
    return -E.INVAL;
  const tids = levels > 0 ? chosenTids(t, setTid, levels) : [];
  if (typeof tids === 'number') return tids;
  return makeClone(t, { flags: low, stack: stack + stackSize, parentTid: f(3), childTid: f(2), tls: f(7), exitSignal, pidfd: f(1),
    clearSighand: clear, tids });
}
/** The numbers that set_tid asks for, innermost space first. */
function chosenTids(t: Thread, va: number, levels: number): number[] | number {
  return Array.from({ length: levels }, (_, i) => getI32(t.mm, va + 4 * i));
}

/** Reads a null-terminated array of strings. */
function strings(t: Thread, va: number): Uint8Array[] | number {
  const out: Uint8Array[] = [];
  if (va === 0) return out;
  for (let total = 0; ; va += 8) {
    const p = getI64(t.mm, va);
    if (p === 0) return out;
    const s = getBytesZ(t.mm, p, 131072);
    if (!s) return -E.TOOBIG;
    out.push(s.slice());
    total += s.length + 9;
    if (total > 6 << 20) return -E.TOOBIG;
  }
}
function execveat(t: Thread, fd: number, pathVa: number, argvVa: number, envpVa: number,
    flags: number): number | Co<number> {
  const path = pathArg(t, pathVa);
  if (path === '' && !(flags & AT.EMPTY_PATH)) return -E.NOENT;
  if (flags & ~(AT.EMPTY_PATH | AT.SYMLINK_NOFOLLOW)) return -E.INVAL;
  const argv = strings(t, argvVa), envp = strings(t, envpVa);
  if (typeof argv === 'number') return argv;
  if (typeof envp === 'number') return envp;
  if (argv.length === 0) argv.push(new Uint8Array(0));
  const asked = programOf(t, fd, path, flags & AT.SYMLINK_NOFOLLOW ? O.NOFOLLOW : 0);
  return typeof asked === 'number' ? asked : exec(t, asked, argv, envp);
}
/** What execveat names; a program that a descriptor leads to is called by the name that leads there again. */
function programOf(t: Thread, fd: number, path: string, how: number): Asked | number {
  if (fd === AT.FDCWD || path.startsWith('/')) return { base: t.proc.fs.cwd, path: path || '.', flags: how };
  const base = path === '' ? t.proc.fds.any(fd) ?? -E.BADF : baseOf(t, fd, path), flags = how | (t.proc.fds.cloexec(fd) ? O.CLOEXEC : 0);
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

/** Children that do not end with SIGCHLD are waited for with __WCLONE, all of them with __WALL. */
const ofKind = (p: Process, options: number): boolean =>
  (options & Wait.ALL) !== 0 || (p.exitSignal !== Sig.CHLD) === ((options & Wait.CLONE) !== 0);
function whom(t: Thread, pid: number): Pick<Wanted, 'matches' | 'traced'> {
  const { numbers } = t.proc, one = pid > 0 ? numbers.id(pid) : -1, many = pid === 0 ? t.proc.group.id : pid < -1 ? numbers.id(-pid) : -1;
  const traced = (tid: number, group: number): boolean => (pid === -1 ? true : pid > 0 ? tid === one : group === many);
  return { matches: (p) => traced(p.pid, p.group.id), traced };
}

/** A child whose state the caller has asked for, with the wait status; undefined = none yet; -ECHILD. */
function look(t: Thread, w: Wanted): Found | undefined | number {
  const consume = (child: Process): void => {
    if (child.status === undefined) child.report = undefined;
    else t.k.reap(child);
  };
  const of = (child: Process, status: number): Found =>
    ({ pid: t.proc.numbers.of(child.pid), status, child, uid: child.creds.uid, consume: () => consume(child) });
  const traced = lookTraced(t, w);
  if (typeof traced === 'object') return traced;
  let any = traced;
  for (const c of t.proc.children) {
    if (!w.matches(c) || !ofKind(c, w.options)) continue;
    any = true;
    if (c.status !== undefined && w.options & Wait.EXITED) return of(c, c.status);
    if (c.leader?.traced?.tracer === t.proc) continue; // its stops are told as those of a traced thread
    if (c.report !== undefined && w.options & (c.report === CONTINUED_STATUS ? Wait.CONTINUED : Wait.STOPPED)) return of(c, c.report);
  }
  return any ? undefined : -E.CHILD;
}
/** The same for traced threads: true = there are some, but nothing new. */
function lookTraced(t: Thread, w: Wanted): Found | boolean {
  let any = false;
  for (const x of t.proc.tracees) {
    const s = x.traced!;
    if (!w.traced(x.tid, x.proc.group.id)) continue;
    any = true;
    if (s.stop && !s.reported) return { pid: t.proc.numbers.of(x.tid), status: s.stop.status, child: undefined, uid: x.proc.creds.uid,
      consume: () => { s.reported = true; } };
  }
  const dead = t.proc.deadTracees, i = w.options & Wait.EXITED ? dead.findIndex((x) => w.traced(x.tid, x.group)) : -1, x = dead[i];
  return x ? { pid: t.proc.numbers.of(x.tid), status: x.status, child: undefined, uid: t.creds.uid, consume: () =>
    { dead.splice(dead.indexOf(x), 1); } } : any;
}
function* sleepFor(t: Thread, w: Wanted, done: (found: Found) => number): Co<number> {
  for (;;) {
    const r = yield* t.sleep(t.proc.childWq);
    const found = look(t, w);
    if (typeof found === 'number') return found;
    if (found) return done(found);
    if (r < 0) return r;
  }
}
function wait(t: Thread, w: Wanted, nothing: number, done: (found: Found) => number): number | Co<number> {
  const found = look(t, w);
  if (typeof found === 'number') return found;
  if (found) return done(found);
  return w.options & Wait.NOHANG ? nothing : sleepFor(t, w, done);
}
const usage = (t: Thread, va: number, c: Process | undefined): void =>
  { putRusage(t, va, c ? c.cpuNs + c.childCpuNs : 0, c?.mm.minorFaults ?? 0, c ? Math.max(c.mostPages, c.childPages) : 0); };
function wait4(t: Thread, pid: number, statusVa: number, options: number, usageVa: number): number | Co<number> {
  if (options & ~(Wait.NOHANG | Wait.STOPPED | Wait.CONTINUED | Wait.NOTHREAD | Wait.CLONE | Wait.ALL)) return -E.INVAL;
  if ((pid | 0) === -0x8000_0000) return -E.SRCH;
  return wait(t, { ...whom(t, pid | 0), options: options | Wait.EXITED }, 0, (found) => {
    if (statusVa) setU32(t.mm, statusVa, found.status);
    if (usageVa) usage(t, usageVa, found.child);
    found.consume();
    return found.pid;
  });
}
const IdType = { ALL: 0, PID: 1, PGID: 2, PIDFD: 3 } as const;
const WAITID = Wait.NOHANG | Wait.STOPPED | Wait.EXITED | Wait.CONTINUED | Wait.NOWAIT | Wait.NOTHREAD | Wait.CLONE | Wait.ALL;
/** The selection of a waitid; -errno. */
function waitidWhom(t: Thread, type: number, id: number): (Pick<Wanted, 'matches' | 'traced'> & { readonly impatient?: boolean }) | number {
  switch (type) {
    case IdType.ALL: return whom(t, -1);
    case IdType.PID: return id > 0 ? whom(t, id) : -E.INVAL;
    case IdType.PGID: return id < 0 ? -E.INVAL : whom(t, -(id || t.proc.group.id));
    case IdType.PIDFD: {
      const f = id < 0 ? undefined : t.proc.fds.get(id);
      if (!(f instanceof PidFile)) return id < 0 ? -E.INVAL : -E.BADF;
      return { matches: (p) => p === f.process, traced: (tid) => tid === f.process.pid, impatient: f.nonblocking };
    }
    default: return -E.INVAL;
  }
}
/** waitid tells at once that it has nothing to tell, errors included: a bad address is found first. */
function waitid(t: Thread, type: number, id: number, infoVa: number, options: number, usageVa: number): number | Co<number> {
  const r = waitidFor(t, type, id, infoVa, options, usageVa);
  if (typeof r === 'number' && r < 0 && infoVa) for (const at of [0, 4, 8, 16, 20, 24]) setU32(t.mm, infoVa + at, 0);
  return r;
}
function waitidFor(t: Thread, type: number, id: number, infoVa: number, options: number, usageVa: number): number | Co<number> {
  if (options & ~WAITID || !(options & (Wait.EXITED | Wait.STOPPED | Wait.CONTINUED))) return -E.INVAL;
  const who = waitidWhom(t, type | 0, id | 0);
  if (typeof who === 'number') return who;
  const nohang = (options & Wait.NOHANG) !== 0, wanted: Wanted = { ...who, options: who.impatient ? options | Wait.NOHANG : options };
  let told = false;
  const r = wait(t, wanted, 0, (found) => {
    const { status } = found,
      info = !found.child && (status & 0xff) === 0x7f ? { code: SiCode.TRAPPED, status: status >> 8 }
        : status === CONTINUED_STATUS ? { code: SiCode.CONTINUED, status: Sig.CONT }
        : (status & 0xff) === 0x7f ? { code: SiCode.STOPPED, status: status >> 8 }
        : childInfo(status);
    told = true;
    if (!(options & Wait.NOWAIT)) found.consume();
    if (usageVa) usage(t, usageVa, found.child);
    if (infoVa) putSigInfo(t.mm, infoVa, { signo: Sig.CHLD, code: info.code, pid: found.pid, uid: found.uid, status: info.status });
    return 0;
  });
  if (r !== 0 || told) return r;
  if (who.impatient && !nohang) return -E.AGAIN;
  if (infoVa) {
    setU32(t.mm, infoVa, 0);
    setU32(t.mm, infoVa + 4, 0);
    setU32(t.mm, infoVa + 8, 0);
    setU32(t.mm, infoVa + 16, 0);
    setU32(t.mm, infoVa + 20, 0);
    setU32(t.mm, infoVa + 24, 0);
  }
  return 0;
}

// ── groups and sessions ────────────────────────────────────────────────────────────────────────────────────────────────

function setpgid(t: Thread, pidArg: number, pgidArg: number): number {
  const { numbers } = t.proc, pid = pidArg ? numbers.id(pidArg) : t.proc.pid, to = pgidArg ? numbers.id(pgidArg) : pid,
    p = t.k.pids.processes.get(pid);
  if ((pgidArg || pidArg) < 0) return -E.INVAL;
  if (!p?.alive || (p !== t.proc && p.parent !== t.proc)) return -E.SRCH;
  if (p !== t.proc && p.session !== t.proc.session) return -E.PERM;
  if (p !== t.proc && p.execed) return -E.ACCES;
  if (p.session.id === p.pid) return -E.PERM;
  let g = t.k.pids.groups.get(to);
  if (to !== p.pid && g?.session !== t.proc.session) return -E.PERM;
  if (g && g.session !== p.session) return -E.PERM;
  g ??= t.k.pids.newGroup(to, p.session);
  p.joinGroup(g);
  return 0;
}
function setsid(t: Thread): number {
  const p = t.proc;
  if (t.k.pids.groups.has(p.pid)) return -E.PERM;
  p.joinGroup(t.k.pids.newSession(p.pid));
  return p.number;
}
const processOf = (t: Thread, pid: number): Process | undefined => (pid === 0 ? t.proc : t.k.pids.processOf(t.proc.numbers, pid));
const numberIf = (t: Thread, id: number | undefined): number => (id === undefined ? -E.SRCH : t.proc.numbers.of(id));

const Scope = { THREAD: 1, PROCESS: 2, GROUP: 4 } as const;
function pidfdSend(t: Thread, fd: number, sigArg: number, infoVa: number, flags: number): number {
  const sig = sigArg | 0, f = t.proc.fds.any(fd), p = f instanceof PidFile ? f.process : f && processOfDir(f.inode);
  if (flags & ~7 || (flags !== 0 && flags !== Scope.THREAD && flags !== Scope.PROCESS && flags !== Scope.GROUP)) return -E.INVAL;
  if (!p) return -E.BADF;
  if (infoVa) {
    const signo = getI32(t.mm, infoVa), code = getI32(t.mm, infoVa + 8), info = copyIn(t.mm, infoVa, 128);
    // What Linux does not know the layout of has nothing behind the bytes that it keeps.
    if (code < SiCode.TKILL - 1 && code !== -60 && info.subarray(48).some((b) => b !== 0)) return -E.TOOBIG;
    if (signo !== sig) return -E.INVAL;
    if ((code >= 0 || code === SiCode.TKILL) && p !== t.proc) return -E.PERM;
  }
  if (t.k.pids.processes.get(p.pid) !== p) return -E.SRCH;
  const thread = f instanceof PidFile ? f.thread : undefined;
  if (flags === Scope.GROUP) return t.k.pids.groups.has(p.pid) ? kill(t, -t.proc.numbers.of(p.pid), sig) : -E.SRCH;
  const pid = t.proc.numbers.of(p.pid);
  if (pid === 0) return -E.INVAL;
  if (flags === Scope.THREAD || (flags === 0 && thread)) return killThread(t, pid, t.proc.numbers.of(thread?.tid ?? p.pid), sig);
  return infoVa === 0 ? kill(t, pid, sig) : queueInfo(t, pid, sig, infoVa);
}
function pidfdOpen(t: Thread, pid: number, flags: number): number {
  if (pid < 1) return -E.INVAL;
  const id = t.proc.numbers.id(pid), p = t.k.pids.processes.get(id), thread = t.k.pids.threads.get(id);
  if (flags & O.EXCL) return thread ? pidFd(t, thread.proc, flags, thread) : p ? pidFd(t, p, flags) : -E.SRCH;
  return p ? pidFd(t, p, flags) : thread ? -E.NOENT : -E.SRCH;
}
function pidfdGetfd(t: Thread, fd: number, other: number): number {
  const f = t.proc.fds.get(fd);
  if (!(f instanceof PidFile)) return -E.BADF;
  const p = f.process;
  if (!p.alive) return -E.SRCH;
  if (!mayTrace(t, p)) return -E.PERM;
  const file = p.fds.any(other);
  return file ? install(t, file.hold(), true) : -E.BADF;
}
/** PTRACE_MODE_ATTACH: the same user in all respects, and no more rights than the caller has. */
export function mayTrace(t: Thread, p: Process): boolean {
  const c = t.creds, o = p.creds;
  if (p === t.proc || capableIn(c, o.users, Cap.SYS_PTRACE)) return true;
  return p.dumpable === 1 && [o.uid, o.euid, o.suid].every((u) => u === c.uid) && [o.gid, o.egid, o.sgid].every((g) => g === c.gid)
    && (o.caps.permitted & ~c.caps.permitted) === 0n;
}

function getRobust(t: Thread, tid: number, headVa: number, lengthVa: number): number {
  const x = tid === 0 ? t : t.k.pids.threadOf(t.proc.numbers, tid);
  if (!x && tid !== t.k.init.pid) return -E.SRCH;
  if (x?.proc !== t.proc && !capable(t.creds, Cap.SYS_PTRACE)) return -E.PERM;
  setI64(t.mm, lengthVa, 24);
  setI64(t.mm, headVa, x?.robustList ?? 0);
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
