/** Who one is and what one may: user and group ids, resource limits, prctl, priorities, capabilities. */
import { armCpuLimit } from '../kernel/cputimers.ts';
import { E } from '../abi/errno.ts';
import { ALL_CAPS, fixFsId, fixIds, setCaps, setSecure } from '../kernel/caps.ts';
import { Cap, LAST_CAP, Limit, LIMITS, Secure } from '../abi/linux.ts';
import { capable, copyCreds, type Creds } from '../kernel/creds.ts';
import type { Process } from '../kernel/process.ts';
import type { Thread } from '../kernel/thread.ts';
import { bytesOf, copyOut, getBig, getBytesZ, getU32, setBig, setU32, textOf } from '../mm/uaccess.ts';
import { addFilter, modeOf, setStrict } from './seccomp.ts';
import { row, type Row } from './row.ts';

type Three = readonly ['uid' | 'gid', 'euid' | 'egid', 'suid' | 'sgid', 'fsuid' | 'fsgid', Cap];
const USER: Three = ['uid', 'euid', 'suid', 'fsuid', Cap.SETUID], GROUP: Three = ['gid', 'egid', 'sgid', 'fsgid', Cap.SETGID];

/** Sets the ids that are not -1; the file system's follows the effective one. */
function become(c: Creds, n: Three, ids: readonly number[]): number {
  const old = copyCreds(c);
  ids.forEach((x, i) => { if (x !== -1) c[n[i as 0 | 1 | 2]] = x >>> 0; });
  c[n[3]] = c[n[1]];
  if (n === USER) fixIds(c.caps, old, c);
  return 0;
}
/** setresuid's rule: each id may become one that the process has, or anything for root. -1 leaves it. */
function setres(c: Creds, n: Three, r: number, e: number, s: number): number {
  const own = [c[n[0]], c[n[1]], c[n[2]]], ask = [r | 0, e | 0, s | 0];
  if (!capable(c, n[4]) && ask.some((x) => x !== -1 && !own.includes(x >>> 0))) return -E.PERM;
  return become(c, n, ask);
}
function setre(c: Creds, n: Three, r: number, e: number): number {
  const oldReal = c[n[0]], failed = setres(c, n, r, e, -1);
  if (failed) return failed;
  if ((r | 0) !== -1 || ((e | 0) !== -1 && c[n[1]] !== oldReal)) c[n[2]] = c[n[1]];
  return 0;
}
function setOne(c: Creds, n: Three, id: number): number {
  if (capable(c, n[4])) return become(c, n, [id >>> 0, id >>> 0, id >>> 0]);
  return setres(c, n, -1, id, -1);
}
function getres(t: Thread, n: Three, a: number, b: number, c: number): number {
  [a, b, c].forEach((va, i) => { setU32(t.mm, va, t.proc.creds[n[i as 0 | 1 | 2]]); });
  return 0;
}
function setfs(c: Creds, n: Three, id: number): number {
  const old = c[n[3]];
  if (id >>> 0 === 0xffff_ffff || (!capable(c, n[4]) && ![c[n[0]], c[n[1]], c[n[2]], old].includes(id))) return old;
  c[n[3]] = id;
  if (n === USER) fixFsId(c.caps, old, id);
  return old;
}
function getgroups(t: Thread, size: number, va: number): number {
  const g = t.proc.creds.groups;
  if (size === 0) return g.length;
  if (size < g.length) return -E.INVAL;
  g.forEach((id, i) => { setU32(t.mm, va + 4 * i, id); });
  return g.length;
}
function setgroups(t: Thread, size: number, va: number): number {
  if (!capable(t.proc.creds, Cap.SETGID)) return -E.PERM;
  if (size > 65536) return -E.INVAL;
  t.proc.creds.groups = Array.from({ length: size }, (_, i) => getU32(t.mm, va + 4 * i));
  return 0;
}

// ── limits ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

const INFINITE = 0xffff_ffff_ffff_ffffn;
const put = (v: number): bigint => (v === Infinity ? INFINITE : BigInt(v));
const get = (v: bigint): number => (v >= 1n << 63n ? Infinity : Number(v));

function prlimit(t: Thread, pid: number, which: number, newVa: number, oldVa: number): number {
  const p = pid === 0 ? t.proc : t.k.pids.processes.get(pid);
  if (!p) return -E.SRCH;
  if (which < 0 || which >= LIMITS) return -E.INVAL;
  const l = p.limits, old = [l.soft[which]!, l.hard[which]!] as const;
  if (newVa) {
    const soft = get(getBig(t.mm, newVa)), hard = get(getBig(t.mm, newVa + 8));
    if (soft > hard) return -E.INVAL;
    if (hard > old[1] && !capable(t.proc.creds, Cap.SYS_RESOURCE)) return -E.PERM;
    l.soft[which] = soft;
    l.hard[which] = hard;
    l.applyTo(p.mm);
    if (which === Limit.CPU) { armCpuLimit(p); t.k.cpu.rearm(); }
  }
  if (oldVa) { setBig(t.mm, oldVa, put(old[0])); setBig(t.mm, oldVa + 8, put(old[1])); }
  return 0;
}

// ── prctl ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** PR_CAP_AMBIENT: 1 asks, 2 raises, 3 lowers, 4 clears. */
function ambient(p: Process, what: number, cap: number): number {
  const s = p.creds.caps, bit = what === 4 ? 0n : 1n << BigInt(Math.max(0, Math.min(cap, 63)));
  if (what === 4) { s.ambient = 0n; return 0; }
  if (what < 1 || what > 4 || (bit & ALL_CAPS) === 0n) return -E.INVAL;
  if (what === 1) return s.ambient & bit ? 1 : 0;
  if (what === 3) { s.ambient &= ~bit; return 0; }
  if ((s.permitted & s.inheritable & bit) === 0n || s.secure & Secure.NO_CAP_AMBIENT_RAISE) return -E.PERM;
  s.ambient |= bit;
  return 0;
}

type Prctl = (t: Thread, p: Process, a: number, b: number) => number;
const prctls: Record<number, Prctl> = {
  1: (_t, p, a) => { if (a < 0 || a > 64) return -E.INVAL; p.deathSignal = a; return 0; },
  2: (t, p, a) => { setU32(t.mm, a, p.deathSignal); return 0; },
  3: (_t, p) => p.dumpable,
  4: (_t, p, a) => { if (a > 1) return -E.INVAL; p.dumpable = a; return 0; },
  7: (_t, p) => (p.creds.caps.secure & Secure.KEEP_CAPS ? 1 : 0),
  8: (_t, p, a) => { if (a > 1) return -E.INVAL; p.creds.caps.secure = (p.creds.caps.secure & ~Secure.KEEP_CAPS) | (a ? Secure.KEEP_CAPS : 0); return 0; },
  15: (t, p, a) => { t.name = textOf((getBytesZ(t.mm, a, 64) ?? new Uint8Array(0)).slice(0, 15)); if (p.leader === t) p.name = t.name; return 0; },
  16: (t, _p, a) => { const b = new Uint8Array(16); b.set(bytesOf(t.name).subarray(0, 15)); copyOut(t.mm, a, b); return 0; },
  21: (t) => modeOf(t), 22: (t, _p, a, b) => (a === 1 ? setStrict(t) : a === 2 ? addFilter(t, 0, b) : -E.INVAL),
  23: (_t, p, a) => (a > LAST_CAP ? -E.INVAL : p.creds.caps.bounding & (1n << BigInt(a)) ? 1 : 0),
  24: (_t, p, a) => { if (!capable(p.creds, Cap.SETPCAP)) return -E.PERM; if (a > LAST_CAP) return -E.INVAL; p.creds.caps.bounding &= ~(1n << BigInt(a)); return 0; },
  27: (_t, p) => p.creds.caps.secure, 28: (_t, p, a) => (setSecure(p.creds.caps, a) ? 0 : -E.PERM), 29: () => 50000, 30: () => 0,
  36: (_t, p, a) => { p.subreaper = a !== 0; return 0; },
  37: (t, p, a) => { setU32(t.mm, a, p.subreaper ? 1 : 0); return 0; },
  38: (_t, p, a) => { if (a !== 1) return -E.INVAL; p.noNewPrivs = 1; return 0; },
  39: (_t, p) => p.noNewPrivs,
  41: (_t, p, a, b) => { if (b) return -E.INVAL; p.noHugePages = a !== 0; return 0; }, 42: (_t, p, a, b) => (a || b ? -E.INVAL : p.noHugePages ? 1 : 0), 47: (_t, p, a, b) => ambient(p, a, b),
};
function prctl(t: Thread, option: number, a: number, b: number): number { return prctls[option]?.(t, t.proc, a, b) ?? -E.INVAL; }

/** Everybody of a PRIO_* selection. */
function selected(t: Thread, which: number, who: number): Thread[] {
  const all = [...t.k.pids.threads.values()];
  if (which === 0) return who === 0 ? [t] : all.filter((x) => x.tid === who);
  if (which === 1) return all.filter((x) => x.proc.group.id === (who || t.proc.group.id));
  return all.filter((x) => x.proc.creds.uid === (who || t.proc.creds.uid));
}
function getpriority(t: Thread, which: number, who: number): number {
  if (which > 2) return -E.INVAL;
  const list = selected(t, which, who);
  return list.length ? 20 - Math.min(...list.map((x) => x.nice)) : -E.SRCH;
}
function setpriority(t: Thread, which: number, who: number, nice: number): number {
  const list = selected(t, which, who), n = Math.max(-20, Math.min(19, nice | 0));
  if (which > 2) return -E.INVAL;
  if (!list.length) return -E.SRCH;
  if (list.some((x) => n < x.nice) && !capable(t.proc.creds, Cap.SYS_NICE)) return -E.ACCES;
  for (const x of list) x.nice = n;
  return 0;
}
/** How many u32 triples a version of the interface has; 0 = unknown, and the header then holds ours. */
function capWords(t: Thread, header: number): number {
  const version = getU32(t.mm, header);
  if (version === 0x19980330) return 1;
  if (version === 0x20071026 || version === 0x20080522) return 2;
  setU32(t.mm, header, 0x20080522);
  return 0;
}
function capget(t: Thread, header: number, data: number): number {
  const words = capWords(t, header);
  if (words === 0) return data ? -E.INVAL : 0;
  const pid = getU32(t.mm, header + 4) | 0, p = pid === 0 ? t.proc : t.k.pids.processes.get(pid) ?? t.k.pids.threads.get(pid)?.proc;
  if (pid < 0) return -E.INVAL;
  if (!p) return -E.SRCH;
  const { effective, permitted, inheritable } = p.creds.caps;
  if (data) for (let i = 0; i < words; i++) [effective, permitted, inheritable].forEach((s, j) => { setU32(t.mm, data + 12 * i + 4 * j, Number((s >> BigInt(32 * i)) & 0xffff_ffffn)); });
  return 0;
}
function capset(t: Thread, header: number, data: number): number {
  const words = capWords(t, header), pid = words && (getU32(t.mm, header + 4) | 0);
  if (words === 0) return -E.INVAL;
  if (pid !== 0 && pid !== t.proc.pid && pid !== t.tid) return -E.PERM;
  const set = (j: number): bigint => BigInt(getU32(t.mm, data + 4 * j)) | (words > 1 ? BigInt(getU32(t.mm, data + 12 + 4 * j)) << 32n : 0n);
  return setCaps(t.proc.creds.caps, set(0), set(1), set(2)) ? 0 : -E.PERM;
}

export const idCalls: Row[] = [
  row('getuid', (t) => t.proc.creds.uid), row('geteuid', (t) => t.proc.creds.euid), row('getgid', (t) => t.proc.creds.gid), row('getegid', (t) => t.proc.creds.egid),
  row('setuid', (t, id) => setOne(t.proc.creds, USER, id)), row('setgid', (t, id) => setOne(t.proc.creds, GROUP, id)),
  row('setreuid', (t, r, e) => setre(t.proc.creds, USER, r, e)), row('setregid', (t, r, e) => setre(t.proc.creds, GROUP, r, e)),
  row('setresuid', (t, r, e, s) => setres(t.proc.creds, USER, r, e, s)), row('setresgid', (t, r, e, s) => setres(t.proc.creds, GROUP, r, e, s)),
  row('getresuid', (t, a, b, c) => getres(t, USER, a, b, c)), row('getresgid', (t, a, b, c) => getres(t, GROUP, a, b, c)),
  row('setfsuid', (t, id) => setfs(t.proc.creds, USER, id)), row('setfsgid', (t, id) => setfs(t.proc.creds, GROUP, id)),
  row('getgroups', getgroups), row('setgroups', setgroups),
  row('umask', (t, mask) => { const old = t.proc.fs.umask; t.proc.fs.umask = mask & 0o777; return old; }),
  row('getrlimit', (t, which, va) => prlimit(t, 0, which, 0, va)), row('setrlimit', (t, which, va) => prlimit(t, 0, which, va, 0)),
  row('prlimit64', prlimit),
  row('prctl', prctl, { note: 'the options that programs use' }),
  row('setpriority', setpriority), row('getpriority', getpriority),
  row('capget', capget), row('capset', capset),
  row('ioprio_set', () => 0, { support: 'none' }), row('ioprio_get', () => 0, { support: 'none' }),
  row('personality', (t, v) => { const old = t.proc.personality; if (v >>> 0 !== 0xffffffff) t.proc.personality = v; return old; }),
];
