/** Processes: clone, execve, exit, wait, groups and sessions. */
import { PidFile, pidFd } from '../fs/pidfd.ts';
import { processOfDir } from '../fs/proc/pid.ts';
import { baseOf } from '../fs/walk.ts';
import { clone as makeClone, type CloneArgs } from '../kernel/clone.ts';
import { AT, Cap, Clone, CONTINUED_STATUS, exitedStatus, O, SiCode, Sig, Wait } from '../abi/linux.ts';
import { capable } from '../kernel/creds.ts';
import { E } from '../abi/errno.ts';
import { exec } from '../kernel/exec.ts';
import type { Process } from '../kernel/process.ts';
import { childInfo } from '../kernel/signals.ts';
import { putSigInfo } from '../kernel/sigqueue.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Co } from '../kernel/wait.ts';
import { getBytesZ, getI64, setI64, setU32 } from '../mm/uaccess.ts';
import { putRusage } from './times.ts';
import { kill, queueInfo } from './signals.ts';
import { pathArg, row, type Row } from './row.ts';

function clone(t: Thread, flags: number, stack: number, parentTid: number, tls: number, childTid: number): number | Co<number> {
  const known = flags < 0 ? flags + 4294967296 : flags;
  return makeClone(t, { flags: known & ~0xff, stack, parentTid, childTid, tls, exitSignal: known & 0xff, pidfd: parentTid, clearSighand: false });
}
/** struct clone_args: flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup. */
function clone3(t: Thread, va: number, size: number): number | Co<number> {
  if (size < 64) return -E.INVAL;
  const f = (i: number): number => getI64(t.mm, va + i * 8), flags = f(0), stack = f(5);
  if ((size > 64 && f(8) !== 0) || f(4) > 64) return -E.INVAL;
  const a: CloneArgs = { flags: flags % 4294967296 | 0, stack: stack ? stack + f(6) : 0, parentTid: f(3), childTid: f(2), tls: f(7), exitSignal: f(4), pidfd: f(1), clearSighand: (flags >= Clone.CLEAR_SIGHAND) };
  return makeClone(t, a);
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
function execveat(t: Thread, fd: number, pathVa: number, argvVa: number, envpVa: number, flags: number): number {
  const path = pathArg(t, pathVa), argv = strings(t, argvVa), envp = strings(t, envpVa);
  if (typeof argv === 'number') return argv;
  if (typeof envp === 'number') return envp;
  if (argv.length === 0) argv.push(new Uint8Array(0));
  if (path === '' && flags & AT.EMPTY_PATH) return exec(t, t.proc.fs.cwd, `/proc/self/fd/${fd}`, argv, envp);
  const base = baseOf(t, fd, path);
  if (typeof base === 'number') return base;
  return exec(t, base, path, argv, envp, flags & AT.SYMLINK_NOFOLLOW ? O.NOFOLLOW : 0);
}

// ── wait ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Whose state a wait asks for: children, and threads that the caller traces. */
interface Wanted { readonly matches: (p: Process) => boolean; readonly traced: (tid: number, group: number) => boolean; readonly options: number }
/** Somebody whose state has changed; `consume` when the wait has told it. */
interface Found { readonly pid: number; readonly status: number; readonly child: Process | undefined; readonly uid: number; readonly consume: () => void }

function whom(t: Thread, pid: number): Pick<Wanted, 'matches' | 'traced'> {
  const traced = (tid: number, group: number): boolean => (pid === -1 ? true : pid > 0 ? tid === pid : group === (pid === 0 ? t.proc.group.id : -pid));
  return { matches: (p) => traced(p.pid, p.group.id), traced };
}

/** A child whose state the caller has asked for, with the wait status; undefined = none yet; -ECHILD. */
function look(t: Thread, w: Wanted): Found | undefined | number {
  const of = (child: Process, status: number): Found => ({ pid: child.pid, status, child, uid: child.creds.uid, consume: () => { if (child.status === undefined) child.report = undefined; else t.k.reap(child); } });
  const traced = lookTraced(t, w);
  if (typeof traced === 'object') return traced;
  let any = traced;
  for (const c of t.proc.children) {
    if (!w.matches(c)) continue;
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
    if (s.stop && !s.reported) return { pid: x.tid, status: s.stop.status, child: undefined, uid: x.proc.creds.uid, consume: () => { s.reported = true; } };
  }
  const dead = t.proc.deadTracees, i = w.options & Wait.EXITED ? dead.findIndex((x) => w.traced(x.tid, x.group)) : -1, x = dead[i];
  return x ? { pid: x.tid, status: x.status, child: undefined, uid: t.proc.creds.uid, consume: () => { dead.splice(dead.indexOf(x), 1); } } : any;
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
const usage = (t: Thread, va: number, c: Process | undefined): void => { putRusage(t, va, c ? c.cpuNs + c.childCpuNs : 0, c?.mm.minorFaults ?? 0); };
function wait4(t: Thread, pid: number, statusVa: number, options: number, usageVa: number): number | Co<number> {
  if (options & ~(Wait.NOHANG | Wait.STOPPED | Wait.CONTINUED | 0xe0000000)) return -E.INVAL;
  return wait(t, { ...whom(t, pid | 0), options: options | Wait.EXITED }, 0, (found) => {
    if (statusVa) setU32(t.mm, statusVa, found.status);
    if (usageVa) usage(t, usageVa, found.child);
    found.consume();
    return found.pid;
  });
}
function waitid(t: Thread, type: number, id: number, infoVa: number, options: number, usageVa: number): number | Co<number> {
  if (!(options & (Wait.EXITED | Wait.STOPPED | Wait.CONTINUED)) || type > 3) return -E.INVAL;
  const fd = type === 3 ? t.proc.fds.get(id) : undefined;
  if (type === 3 && !(fd instanceof PidFile)) return fd ? -E.INVAL : -E.BADF;
  const wanted: Wanted = { ...(type === 3 ? { matches: (p: Process) => p === (fd as PidFile).process, traced: (tid: number) => tid === (fd as PidFile).process.pid } : whom(t, type === 0 ? -1 : type === 1 ? id : -(id || t.proc.group.id))), options };
  const r = wait(t, wanted, 0, (found) => {
    const { status } = found, info = !found.child && (status & 0xff) === 0x7f ? { code: SiCode.TRAPPED, status: status >> 8 } : status === CONTINUED_STATUS ? { code: SiCode.CONTINUED, status: Sig.CONT } : (status & 0xff) === 0x7f ? { code: SiCode.STOPPED, status: status >> 8 } : childInfo(status);
    if (infoVa) putSigInfo(t.mm, infoVa, { signo: Sig.CHLD, code: info.code, pid: found.pid, uid: found.uid, status: info.status });
    if (usageVa) usage(t, usageVa, found.child);
    if (!(options & Wait.NOWAIT)) found.consume();
    return 0;
  });
  if (r === 0 && infoVa && options & Wait.NOHANG && look(t, wanted) === undefined) setU32(t.mm, infoVa + 12, 0);
  return r;
}

// ── groups and sessions ────────────────────────────────────────────────────────────────────────────────────────────────

function setpgid(t: Thread, pid: number, pgid: number): number {
  const p = pid === 0 ? t.proc : t.k.pids.processes.get(pid), to = pgid === 0 ? (pid || t.proc.pid) : pgid;
  if (pgid < 0) return -E.INVAL;
  if (!p || (p !== t.proc && p.parent !== t.proc) || !p.alive) return -E.SRCH;
  if (p.session.id === p.pid || p.session !== t.proc.session) return -E.PERM;
  let g = t.k.pids.groups.get(to);
  if (!g && to !== p.pid) return -E.PERM;
  if (g && g.session !== p.session) return -E.PERM;
  g ??= t.k.pids.newGroup(to, p.session);
  p.joinGroup(g);
  return 0;
}
function setsid(t: Thread): number {
  const p = t.proc;
  if (t.k.pids.groups.has(p.pid)) return -E.PERM;
  p.joinGroup(t.k.pids.newSession(p.pid));
  return p.pid;
}
const processOf = (t: Thread, pid: number): Process | undefined => (pid === 0 ? t.proc : t.k.pids.processes.get(pid) ?? t.k.pids.threads.get(pid)?.proc);

function pidfdSend(t: Thread, fd: number, sig: number, infoVa: number, flags: number): number {
  const f = t.proc.fds.get(fd), p = f instanceof PidFile ? f.process : f && processOfDir(f.inode);
  if (!p || flags & ~7) return p ? -E.INVAL : -E.BADF;
  if (!p.alive) return -E.SRCH;
  return infoVa === 0 ? kill(t, p.pid, sig | 0) : queueInfo(t, p.pid, sig | 0, infoVa);
}
function pidfdOpen(t: Thread, pid: number, flags: number): number {
  if (pid < 1 || flags & ~(O.NONBLOCK | O.EXCL)) return -E.INVAL;
  const p = t.k.pids.processes.get(pid) ?? (flags & O.EXCL ? t.k.pids.threads.get(pid)?.proc : undefined);
  return p ? pidFd(t, p, flags) : -E.SRCH;
}
function pidfdGetfd(t: Thread, fd: number, other: number): number {
  const f = t.proc.fds.get(fd);
  if (!(f instanceof PidFile)) return -E.BADF;
  const file = f.process.fds.any(other);
  return file ? t.proc.fds.add(file.hold(), true, t.proc.limits.files) : -E.BADF;
}

function getRobust(t: Thread, tid: number, headVa: number, lengthVa: number): number {
  const x = tid === 0 ? t : t.k.pids.threads.get(tid);
  if (!x) return -E.SRCH;
  if (x.proc !== t.proc && !capable(t.proc.creds, Cap.SYS_PTRACE)) return -E.PERM;
  setI64(t.mm, lengthVa, 24);
  setI64(t.mm, headVa, x.robustList);
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
  row('set_tid_address', (t, va) => { t.clearTid = va; return t.tid; }),
  row('set_robust_list', (t, va, size) => { if (size !== 24) return -E.INVAL; t.robustList = va; return 0; }),
  row('get_robust_list', getRobust),
  row('getpid', (t) => t.proc.pid), row('getppid', (t) => t.proc.parent?.pid ?? 0), row('gettid', (t) => t.tid),
  row('setpgid', (t, pid, pgid) => setpgid(t, pid | 0, pgid | 0)),
  row('getpgid', (t, pid) => processOf(t, pid)?.group.id ?? -E.SRCH), row('getsid', (t, pid) => processOf(t, pid)?.session.id ?? -E.SRCH),
  row('setsid', setsid),
  row('pidfd_open', (t, pid, flags) => pidfdOpen(t, pid | 0, flags)), row('pidfd_send_signal', pidfdSend), row('pidfd_getfd', pidfdGetfd),
];
