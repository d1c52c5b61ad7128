/** Identity and rights: user and group ids, resource limits, prctl, priorities, capabilities. */
import { armCpuLimit } from '../kernel/cputimers.ts';
import { E } from '../abi/errno.ts';
import { fixFsId, fixIds, setCaps, setSecure } from '../kernel/caps.ts';
import { Cap, LAST_CAP, Limit, LIMITS, Secure } from '../abi/linux.ts';
import { capable, capableHere, copyCreds, type Creds } from '../kernel/creds.ts';
import { idOf, shownId } from '../kernel/spaces.ts';
import { GROUP_COST } from '../kernel/clone.ts';
import type { Process } from '../kernel/process.ts';
import { Thread } from '../kernel/thread.ts';
import { bytesOf, copyOut, getBig, getBytesZ, getU32, setBig, setI64, setU32, textOf } from '../mm/uaccess.ts';
import { seccompMode } from '../kernel/seccomp.ts';
import { addFilter, setStrict } from './seccomp.ts';
import { row, type Row } from './row.ts';

/** The kernel's id for an argument; -1 if the call names none; undefined if the caller's space has no such id. */
function kernelId(creds: Creds, n: Three, id: number): number | undefined {
  if ((id | 0) === -1) return -1;
  const k = idOf(n === USER ? creds.users.users : creds.users.groups, id >>> 0);
  return k < 0 ? undefined : k | 0;
}
/** An id as the caller's space shows it. */
const shown = (c: Creds, n: Three, id: number): number => shownId(n === USER ? c.users.users : c.users.groups, id);
/** Runs a call with the kernel's ids in place of those it names: EINVAL for an id that the caller's space does not have. */
function withIds(thread: Thread, n: Three, ids: readonly number[], call: (...ids: number[]) => number): number {
  const known = ids.map((id) => kernelId(thread.creds, n, id));
  return known.includes(undefined) ? -E.INVAL : call(...(known as number[]));
}

type Three = readonly ['uid' | 'gid', 'euid' | 'egid', 'suid' | 'sgid', 'fsuid' | 'fsgid', Cap];
const USER: Three = ['uid', 'euid', 'suid', 'fsuid', Cap.SETUID], GROUP: Three = ['gid', 'egid', 'sgid', 'fsgid', Cap.SETGID];

/** Sets the ids that are not -1; the file system id follows the effective id. */
function become(creds: Creds, n: Three, ids: readonly number[]): number {
  const old = copyCreds(creds);
  ids.forEach((x, i) => { if (x !== -1) creds[n[i as 0 | 1 | 2]] = x >>> 0; });
  creds[n[3]] = creds[n[1]];
  if (n === USER) fixIds(creds.caps, old, creds, idOf(creds.users.users, 0));
  return 0;
}
const anyOf = (x: number, ...own: number[]): boolean => x === -1 || own.includes(x >>> 0);
/** The rule of setresuid: each id may become one of the thread's three, or any if the thread is privileged. -1 keeps an id. */
function setres(creds: Creds, n: Three, real: number, effective: number, saved: number): number {
  const own = [creds[n[0]], creds[n[1]], creds[n[2]]], ask = [real | 0, effective | 0, saved | 0];
  if (!capableHere(creds, n[4]) && ask.some((x) => !anyOf(x, ...own))) return -E.PERM;
  return become(creds, n, ask);
}
/**
 * The rule of setreuid: the saved id becomes the effective one if the call sets the real id, or sets the effective id to another than the
 * real one.
 */
function setre(creds: Creds, n: Three, rArg: number, eArg: number): number {
  const newReal = rArg | 0, newEffective = eArg | 0, oldReal = creds[n[0]];
  if (!capableHere(creds, n[4]) && (!anyOf(newReal, oldReal, creds[n[1]]) || !anyOf(newEffective, oldReal, creds[n[1]], creds[n[2]])))
    return -E.PERM;
  const effective = newEffective === -1 ? creds[n[1]] : newEffective >>> 0,
    follows = newReal !== -1 || (newEffective !== -1 && effective !== oldReal);
  return become(creds, n, [newReal, newEffective, follows ? effective | 0 : -1]);
}
function setOne(creds: Creds, n: Three, id: number): number {
  if ((id | 0) === -1) return -E.INVAL;
  if (capableHere(creds, n[4])) return become(creds, n, [id | 0, id | 0, id | 0]);
  return anyOf(id | 0, creds[n[0]], creds[n[2]]) ? become(creds, n, [-1, id | 0, -1]) : -E.PERM;
}
function getres(thread: Thread, n: Three, realVa: number, effectiveVa: number, savedVa: number): number {
  [realVa, effectiveVa, savedVa].forEach((va, i) => { setU32(thread.mm, va, shown(thread.creds, n, thread.creds[n[i as 0 | 1 | 2]])); });
  return 0;
}
function setfs(creds: Creds, n: Three, named: number): number {
  const old = creds[n[3]], id = (kernelId(creds, n, named) ?? -1) >>> 0;
  if (id === 0xffff_ffff || (!capableHere(creds, n[4]) && ![creds[n[0]], creds[n[1]], creds[n[2]], old].includes(id)))
    return shown(creds, n, old);
  creds[n[3]] = id;
  if (n === USER) fixFsId(creds.caps, old, id, idOf(creds.users.users, 0));
  return shown(creds, n, old);
}
/**
 * Runs a call that may change the effective or the file system's ids. A process that has changed them holds what others may not see: it
 * cannot be traced or dumped by its new user until it runs another program.
 */
function changing(thread: Thread, call: () => number): number {
  const { creds, proc } = thread, { euid, egid, fsuid, fsgid } = creds, result = call();
  if (euid !== creds.euid || egid !== creds.egid || fsuid !== creds.fsuid || fsgid !== creds.fsgid) {
    proc.dumpable = thread.k.sysctl.number('fs/suid_dumpable');
    proc.deathSignal = 0;
  }
  return result;
}
function getgroups(thread: Thread, sizeArg: number, va: number): number {
  const groups = thread.creds.groups, size = sizeArg | 0;
  if (size < 0) return -E.INVAL;
  if (size === 0) return groups.length;
  if (size < groups.length) return -E.INVAL;
  groups.forEach((id, i) => { setU32(thread.mm, va + 4 * i, shown(thread.creds, GROUP, id)); });
  return groups.length;
}
function setgroups(thread: Thread, size: number, va: number): number {
  if (!capableHere(thread.creds, Cap.SETGID) || !thread.creds.users.groups || !thread.creds.users.mayDropGroups) return -E.PERM;
  if (size >>> 0 > 65536) return -E.INVAL;
  const known: number[] = [];
  for (let i = 0; i < size >>> 0; i++) {
    const given = getU32(thread.mm, va + 4 * i), id = idOf(thread.creds.users.groups, given);
    if (given === 0xffff_ffff || id === -1) return -E.INVAL;
    known.push(id);
  }
  const more = GROUP_COST * (known.length - thread.creds.groups.length), payer = thread === thread.proc.leader ? thread.proc : thread;
  if (more > 0 && !thread.k.frames.charge(more)) return -E.NOMEM;
  if (more < 0) thread.k.frames.uncharge(-more);
  payer.cost += more;
  thread.creds.groups = known.sort((a, b) => a - b);
  return 0;
}

// ── limits ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

const INFINITE = 0xffff_ffff_ffff_ffffn;
const put = (v: number): bigint => (v === Infinity ? INFINITE : BigInt(v));
const get = (v: bigint): number => (v >= 1n << 63n ? Infinity : Number(v));

/** The process whose limits a call names: -ESRCH, -EPERM. */
function limited(thread: Thread, pid: number): Process | number {
  const process = pid === 0 ? thread.proc : thread.k.pids.processOf(thread.proc.numbers, pid);
  if (!process) return -E.SRCH;
  const own = thread.creds, theirs = process.creds,
    same = [theirs.uid, theirs.euid, theirs.suid].every((u) => u === own.uid)
      && [theirs.gid, theirs.egid, theirs.sgid].every((g) => g === own.gid);
  return process === thread.proc || same || capable(own, Cap.SYS_RESOURCE) ? process : -E.PERM;
}
function prlimit(thread: Thread, pid: number, whichArg: number, newVa: number, oldVa: number): number {
  const next = newVa ? [get(getBig(thread.mm, newVa)), get(getBig(thread.mm, newVa + 8))] as const : undefined,
    target = limited(thread, pid | 0),
    which = whichArg >>> 0;
  if (typeof target === 'number') return target;
  if (which >= LIMITS) return -E.INVAL;
  const limits = target.limits, old = [limits.soft[which]!, limits.hard[which]!] as const;
  if (next) {
    const [soft, hard] = next;
    if (soft > hard) return -E.INVAL;
    if (which === Limit.NOFILE && hard > thread.k.sysctl.number('fs/nr_open')) return -E.PERM;
    if (hard > old[1] && !capable(thread.creds, Cap.SYS_RESOURCE)) return -E.PERM;
    limits.soft[which] = soft;
    limits.hard[which] = hard;
    limits.applyTo(target.mm);
    if (which === Limit.CPU) { armCpuLimit(target); thread.k.cpu.rearm(); }
  }
  if (oldVa) { setBig(thread.mm, oldVa, put(old[0])); setBig(thread.mm, oldVa + 8, put(old[1])); }
  return 0;
}

// ── prctl ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** PR_CAP_AMBIENT: 1 asks, 2 raises, 3 lowers, 4 clears. */
function ambient(thread: Thread, what: number, cap: number, arg4: number, arg5: number): number {
  const capSets = thread.creds.caps;
  if (what === 4) { if (cap || arg4 || arg5) return -E.INVAL; capSets.ambient = 0n; return 0; }
  if (arg4 || arg5 || cap < 0 || cap > LAST_CAP || what < 1 || what > 4) return -E.INVAL;
  const bit = 1n << BigInt(cap);
  if (what === 1) return capSets.ambient & bit ? 1 : 0;
  if (what === 3) { capSets.ambient &= ~bit; return 0; }
  if ((capSets.permitted & capSets.inheritable & bit) === 0n || capSets.secure & Secure.NO_CAP_AMBIENT_RAISE) return -E.PERM;
  capSets.ambient |= bit;
  return 0;
}
/** PR_GET_AUXV: copies as much as fits, and answers the full length. */
function putAuxv(thread: Thread, va: number, room: number, arg4: number, arg5: number): number {
  if (arg4 || arg5) return -E.INVAL;
  const out = new Uint8Array(AUXV);
  out.set(thread.mm.auxv.subarray(0, AUXV));
  copyOut(thread.mm, va, out.subarray(0, Math.max(0, Math.min(AUXV, room))));
  return AUXV;
}
/** Bytes of the auxiliary vector that the kernel keeps. */
const AUXV = 528;
/** prctl(PR_SET_MDWE): memory that is writable never becomes executable. */
const Mdwe = { REFUSE: 1, NO_INHERIT: 2 } as const;

type Prctl = (t: Thread, a: number, b: number, c: number, d: number) => number;
const zero = (...args: number[]): boolean => args.every((x) => x === 0);
/** Sets a flag to 0 or 1; -EINVAL for another value. */
const flag = (a: number, set: (on: boolean) => void): number => { if (a !== 0 && a !== 1) return -E.INVAL; set(a === 1); return 0; };
const prctls: Record<number, Prctl> = {
  1: (t, a) => { if (a < 0 || a > 64) return -E.INVAL; t.proc.deathSignal = a; return 0; },
  2: (t, a) => { setU32(t.mm, a, t.proc.deathSignal); return 0; },
  3: (t) => t.proc.dumpable, 4: (t, a) => flag(a, (on) => { t.proc.dumpable = on ? 1 : 0; }),
  7: (t) => (t.creds.caps.secure & Secure.KEEP_CAPS ? 1 : 0),
  8: (thread, keep) =>
    (thread.creds.caps.secure & (Secure.KEEP_CAPS << 1)
      ? -E.PERM
      : flag(keep, (on) => { thread.creds.caps.secure = (thread.creds.caps.secure & ~Secure.KEEP_CAPS) | (on ? Secure.KEEP_CAPS : 0); })),
  13: () => 0, 14: (_t, a) => (a === 0 ? 0 : -E.INVAL),
  15: (thread, nameVa) => {
    thread.name = textOf((getBytesZ(thread.mm, nameVa, 64) ?? new Uint8Array(0)).slice(0, 15));
    if (thread.proc.leader === thread) thread.proc.name = thread.name;
    return 0;
  },
  16: (t, a) => { const b = new Uint8Array(16); b.set(bytesOf(t.name).subarray(0, 15)); copyOut(t.mm, a, b); return 0; },
  21: (t) => seccompMode(t.seccomp), 22: (t, a, b) => (a === 1 ? setStrict(t) : a === 2 ? addFilter(t, 0, b) : -E.INVAL),
  23: (t, a) => (a < 0 || a > LAST_CAP ? -E.INVAL : t.creds.caps.bounding & (1n << BigInt(a)) ? 1 : 0),
  24: (thread, cap) => {
    if (!capableHere(thread.creds, Cap.SETPCAP)) return -E.PERM;
    if (cap < 0 || cap > LAST_CAP) return -E.INVAL;
    thread.creds.caps.bounding &= ~(1n << BigInt(cap));
    return 0;
  },
  27: (t) => t.creds.caps.secure, 28: (t, a) => (setSecure(t.creds.caps, a) ? 0 : -E.PERM),
  29: (t, a) => { t.timerSlack = a > 0 ? a : t.slackAtStart; return 0; }, 30: (t) => t.timerSlack,
  31: () => 0, 32: () => 0, // no performance events to stop or start
  33: (_t, a, b, c, d) => (zero(c, d) && (a === 0 ? b === 0 : a === 1 && b >= 0 && b <= 2) ? 0 : -E.INVAL),
  34: (_t, a, b, c, d) => (zero(a, b, c, d) ? 2 : -E.INVAL),
  36: (t, a) => { t.proc.subreaper = a !== 0; return 0; }, 37: (t, a) => { setU32(t.mm, a, t.proc.subreaper ? 1 : 0); return 0; },
  38: (t, a, b, c, d) => { if (a !== 1 || !zero(b, c, d)) return -E.INVAL; t.noNewPrivs = 1; return 0; },
  39: (t, a, b, c, d) => (zero(a, b, c, d) ? t.noNewPrivs : -E.INVAL),
  40: (t, a) => { setI64(t.mm, a, t.clearTid); return 0; },
  41: (t, a, b, c, d) => { if (!zero(b, c, d)) return -E.INVAL; t.proc.noHugePages = a !== 0; return 0; },
  42: (t, a, b, c, d) => (zero(a, b, c, d) ? (t.proc.noHugePages ? 1 : 0) : -E.INVAL),
  47: ambient,
  57: (t, a, b, c, d) =>
    (!capable(t.creds, Cap.SYS_RESOURCE) ? -E.PERM : zero(b, c, d) ? flag(a, (on) => { t.proc.ioFlusher = on; }) : -E.INVAL),
  58: (t, a, b, c, d) => (!capable(t.creds, Cap.SYS_RESOURCE) ? -E.PERM : zero(a, b, c, d) ? (t.proc.ioFlusher ? 1 : 0) : -E.INVAL),
  65: (t, a, b, c, d) => setMdwe(t, a, zero(b, c, d)), 66: (t, a, b, c, d) => (zero(a, b, c, d) ? t.mm.mdwe : -E.INVAL),
  67: (t, a, b, c, d) => (zero(b, c, d) ? flag(a, (on) => { t.mm.merges = on; }) : -E.INVAL),
  68: (t, a, b, c, d) => (zero(a, b, c, d) ? (t.mm.merges ? 1 : 0) : -E.INVAL),
  71: (_t, a) => (a === 0 || a === 1 ? 0 : -E.INVAL),
  0x59616d61: (t, a) => (a === 0 || a === -1 || t.k.pids.processes.has(t.proc.numbers.id(a)) ? 0 : -E.INVAL), 0x41555856: putAuxv,
};
function setMdwe(thread: Thread, bits_: number, rest: boolean): number {
  if (!rest || bits_ & ~3 || (bits_ & Mdwe.NO_INHERIT && !(bits_ & Mdwe.REFUSE))) return -E.INVAL;
  if (thread.mm.mdwe && thread.mm.mdwe !== bits_) return -E.PERM;
  thread.mm.mdwe = bits_;
  return 0;
}
function prctl(t: Thread, option: number, a: number, b: number, c: number, d: number): number {
  return prctls[option | 0]?.(t, a, b, c, d) ?? -E.INVAL;
}

/** All threads that a PRIO_* selection names. */
function selected(thread: Thread, which: number, who: number): Thread[] {
  const all = [...thread.k.pids.threads.values()];
  if (which === 0 && who === 0) return [thread];
  const id = thread.proc.numbers.id(who), { init } = thread.k;
  // Process 1 has no thread of its own: it gets one for this call.
  if (which === 0) return id === init.pid ? [new Thread(thread.k, id, init, init.name)] : all.filter((x) => x.tid === id);
  if (which === 1) return all.filter((x) => x.proc.group.id === (who ? thread.proc.numbers.id(who) : thread.proc.group.id));
  return all.filter((x) => x.creds.uid === (who ? idOf(thread.creds.users.users, who >>> 0) : thread.creds.uid));
}
function getpriority(thread: Thread, whichArg: number, who: number): number {
  const which = whichArg | 0;
  if (which < 0 || which > 2) return -E.INVAL;
  const list = selected(thread, which, who | 0);
  return list.length ? 20 - Math.min(...list.map((x) => x.nice)) : -E.SRCH;
}
function setpriority(thread: Thread, whichArg: number, who: number, nice: number): number {
  const which = whichArg | 0, n = Math.max(-20, Math.min(19, nice | 0)), free = capable(thread.creds, Cap.SYS_NICE);
  if (which < 0 || which > 2) return -E.INVAL;
  let result = -E.SRCH;
  for (const x of selected(thread, which, who | 0)) {
    const mine = free || thread.creds.euid === x.creds.uid || thread.creds.euid === x.creds.euid,
      may = free || n >= x.nice || 20 - n <= x.proc.limits.soft[Limit.NICE]!;
    if (!mine) result = -E.PERM; else if (!may) result = -E.ACCES; else { x.nice = n; if (result === -E.SRCH) result = 0; }
  }
  return result;
}
const IoClass = { NONE: 0, RT: 1, BE: 2, IDLE: 3 } as const;
/**
 * ioprio_set: the value is kept and reported, without effect, because disks here have one queue. `which`: 1 a thread, 2 a group, 3 a
 * user.
 */
function ioprioSet(thread: Thread, which: number, who: number, prio: number): number {
  const kind = (prio >> 13) & 7, level = prio & 7;
  if (kind > 3 || (kind === IoClass.NONE && level !== 0)) return -E.INVAL;
  if (kind === IoClass.RT && !capable(thread.creds, Cap.SYS_ADMIN) && !capable(thread.creds, Cap.SYS_NICE)) return -E.PERM;
  if (which < 1 || which > 3) return -E.INVAL;
  const list = selected(thread, which - 1, who | 0);
  if (list.some((x) => x.creds.uid !== thread.creds.euid && x.creds.uid !== thread.creds.uid) && !capable(thread.creds, Cap.SYS_NICE))
    return -E.PERM;
  for (const x of list) x.ioPriority = prio;
  return list.length ? 0 : -E.SRCH;
}
/** The priority of threads that have set none, when the best of several is reported: best effort, level 4. */
const IO_USUAL = 8196;
function ioprioGet(thread: Thread, which: number, who: number): number {
  if (which < 1 || which > 3) return -E.INVAL;
  const list = selected(thread, which - 1, who | 0), asked = list.filter((x) => x.ioPriority !== 0);
  return list.length === 0 ? -E.SRCH : asked.length === 0 ? (which === 1 ? 0 : IO_USUAL) : Math.min(...asked.map((x) => x.ioPriority));
}
/** How many u32 triples a version of the interface has; 0 for an unknown version, and the header then receives the version we support. */
function capWords(thread: Thread, header: number): number {
  const version = getU32(thread.mm, header);
  if (version === 0x19980330) return 1;
  if (version === 0x20071026 || version === 0x20080522) return 2;
  setU32(thread.mm, header, 0x20080522);
  return 0;
}
function capget(thread: Thread, header: number, data: number): number {
  const words = capWords(thread, header);
  if (words === 0) return data ? -E.INVAL : 0;
  const pid = getU32(thread.mm, header + 4) | 0, process = pid === 0 ? thread.proc : thread.k.pids.processOf(thread.proc.numbers, pid);
  if (pid < 0) return -E.INVAL;
  if (!process) return -E.SRCH;
  const { effective, permitted, inheritable } =
    (pid === 0 ? thread : thread.k.pids.threadOf(thread.proc.numbers, pid) ?? process).creds.caps;
  if (data)
    for (let i = 0; i < words; i++)
      [effective, permitted, inheritable].forEach((s, j) => {
        setU32(thread.mm, data + 12 * i + 4 * j, Number((s >> BigInt(32 * i)) & 0xffff_ffffn));
      });
  return 0;
}
function capset(thread: Thread, header: number, data: number): number {
  const words = capWords(thread, header), pid = words && (getU32(thread.mm, header + 4) | 0);
  if (words === 0) return -E.INVAL;
  if (pid !== 0 && pid !== thread.number) return -E.PERM;
  const set = (j: number): bigint => BigInt(getU32(thread.mm, data + 4 * j)) | (words > 1
    ? BigInt(getU32(thread.mm, data + 12 + 4 * j)) << 32n : 0n);
  return setCaps(thread.creds.caps, set(0), set(1), set(2)) ? 0 : -E.PERM;
}

export const idCalls: Row[] = [
  row('getuid', (t) => shown(t.creds, USER, t.creds.uid)), row('geteuid', (t) => shown(t.creds, USER, t.creds.euid)),
  row('getgid', (t) => shown(t.creds, GROUP, t.creds.gid)), row('getegid', (t) => shown(t.creds, GROUP, t.creds.egid)),
  row('setuid', (t, id) => changing(t, () => withIds(t, USER, [id], (x) => setOne(t.creds, USER, x)))),
    row('setgid', (t, id) => changing(t, () => withIds(t, GROUP, [id], (x) => setOne(t.creds, GROUP, x)))),
  row('setreuid', (t, r, e) => changing(t, () => withIds(t, USER, [r, e], (x, y) => setre(t.creds, USER, x, y)))),
    row('setregid', (t, r, e) => changing(t, () => withIds(t, GROUP, [r, e], (x, y) => setre(t.creds, GROUP, x, y)))),
  row('setresuid', (t, r, e, s) => changing(t, () => withIds(t, USER, [r, e, s], (x, y, z) => setres(t.creds, USER, x, y, z)))),
    row('setresgid', (t, r, e, s) => changing(t, () => withIds(t, GROUP, [r, e, s], (x, y, z) => setres(t.creds, GROUP, x, y, z)))),
  row('getresuid', (t, a, b, c) => getres(t, USER, a, b, c)), row('getresgid', (t, a, b, c) => getres(t, GROUP, a, b, c)),
  row('setfsuid', (t, id) => changing(t, () => setfs(t.creds, USER, id))),
  row('setfsgid', (t, id) => changing(t, () => setfs(t.creds, GROUP, id))),
  row('getgroups', getgroups), row('setgroups', setgroups),
  row('umask', (t, mask) => { const old = t.proc.fs.umask; t.proc.fs.umask = mask & 0o777; return old; }),
  row('getrlimit', (t, which, va) => (which >>> 0 < LIMITS && va === 0 ? -E.FAULT : prlimit(t, 0, which, 0, va))),
  row('setrlimit', (t, which, va) => (va === 0 ? -E.FAULT : prlimit(t, 0, which, va, 0))),
  row('prlimit64', prlimit),
  row('prctl', prctl, { note: 'the options that programs use' }),
  row('setpriority', setpriority), row('getpriority', getpriority),
  row('capget', capget), row('capset', capset),
  row('ioprio_set', (t, which, who, prio) => ioprioSet(t, which | 0, who, prio | 0)),
  row('ioprio_get', (t, which, who) => ioprioGet(t, which | 0, who)),
  row('personality', (t, v) => { const old = t.proc.personality; if (v >>> 0 !== 0xffffffff) t.proc.personality = v; return old; }),
];
