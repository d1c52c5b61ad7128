/** /proc/PID/stat, statm and status. */
import type { Process } from '../../kernel/process.ts';
import { shownId, type PidNumbers, type UserSpace } from '../../kernel/spaces.ts';
import { bit } from '../../kernel/sigqueue.ts';
import { filtersOf, seccompMode } from '../../kernel/seccomp.ts';
import { Handler, Limit } from '../../abi/linux.ts';
import { Run, type Thread } from '../../kernel/thread.ts';

export function stateLetter(p: Process, thread: Thread | undefined): string {
  if (!p.alive) return 'Z';
  // The process's letter is that of its first thread, which may be gone before the others.
  let t = thread;
  if (!t) for (const x of p.threads) if (x.tid === p.pid) t = x;
  if (!t) return p.threads.size > 0 ? 'Z' : 'S';
  if (t.traced?.stop) return 't';
  if (p.stopped) return 'T';
  if (t.passage) return 'D';
  return t.state === Run.current || t.state === Run.ready ? 'R' : 'S';
}
const ticks = (ns: number): number => Math.floor(ns / 1e7);
function cpu(p: Process, thread: Thread | undefined): number {
  if (thread) return thread.cpuNs;
  let n = p.cpuNs;
  for (const t of p.threads) n += t.cpuNs;
  return n;
}
const foreground = (p: Process, n: PidNumbers): number => { const g = p.session.terminal?.foreground; return g ? n.of(g.id) : -1; };
/** A number in a space and in all beneath it, down to the process's own. */
function numbersOf(p: Process, id: number, from: PidNumbers): string {
  const out: number[] = [];
  for (let s: PidNumbers | undefined = p.numbers; s && s.level >= from.level; s = s.parent) out.unshift(s.of(id));
  return out.join('\t');
}
const ignored = (p: Process): bigint => p.actions.list.reduce((s, a, i) => (i > 0 && a.handler === Handler.IGN ? s | bit(i) : s), 0n);
const caught = (p: Process): bigint => p.actions.list.reduce((s, a, i) => (i > 0 && a.handler > Handler.IGN ? s | bit(i) : s), 0n);

/** 52 fields, see proc(5). */
export function statLine(p: Process, thread: Thread | undefined, n: PidNumbers): string {
  const t = thread ?? p.leader, mm = p.mm, low = (s: bigint): string => (s & 0x7fffffffn).toString();
  const fields: (number | string)[] = [
    n.of(thread?.tid ?? p.pid), `(${t?.name ?? p.name})`, stateLetter(p, thread), n.of(p.parent?.pid ?? 0), n.of(p.group.id),
      n.of(p.session.id), p.session.terminal?.rdev ?? 0, foreground(p, n), 0x400000, mm.minorFaults, p.childFaults, 0, 0,
    ticks(cpu(p, thread)), 0, ticks(p.childCpuNs), 0, 20 + (t?.nice ?? 0), t?.nice ?? 0, Math.max(1, p.threads.size), 0, ticks(p.startedAt),
    p.alive ? mm.size : 0, p.alive ? mm.table.count : 0, '18446744073709551615', mm.codeStart, mm.codeEnd, mm.stackStart, 0, 0,
    low(p.pending.bits), low(t?.mask ?? 0n), low(ignored(p)), low(caught(p)), 0, 0, 0, p.exitSignal, 0, 0, 0, 0, 0, 0, 0, 0, mm.brkStart,
    mm.argStart, mm.argEnd, mm.envStart, mm.envEnd, p.status ?? 0,
  ];
  return `${fields.join(' ')}\n`;
}
export function statm(p: Process): string {
  if (!p.alive) return '0 0 0 0 0 0 0\n';
  const size = p.mm.size / 4096, rss = p.mm.table.count, text = Math.ceil((p.mm.codeEnd - p.mm.codeStart) / 4096);
  return `${size} ${rss} 0 ${text} 0 ${size - text} 0\n`;
}
const names: Record<string, string> = { R: 'R (running)', S: 'S (sleeping)', T: 'T (stopped)', t: 't (tracing stop)', Z: 'Z (zombie)' };
export function statusText(p: Process, thread: Thread | undefined, n: PidNumbers, { users, groups }: UserSpace): string {
  const t = thread ?? p.leader, c = t?.creds ?? p.creds, hex = (s: bigint): string => BigInt.asUintN(64, s).toString(16).padStart(16, '0'),
    kb = (n: number): string => `${String(Math.floor(n / 1024)).padStart(8)} kB`;
  const memory = p.alive
    ? [
      ['VmPeak', kb(p.mm.size)], ['VmSize', kb(p.mm.size)], ['VmLck', kb(p.mm.locked)],
      ['VmHWM', kb(Math.max(p.mm.peak * 4096, p.mm.resident))], ['VmRSS', kb(p.mm.resident)], ['VmData', kb(p.mm.brk - p.mm.brkStart)],
      ['VmStk', kb(132 * 1024)], ['VmExe', kb(p.mm.codeEnd - p.mm.codeStart)], ['VmLib', kb(0)], ['VmPTE', kb(p.mm.table.count * 8)],
      ['VmSwap', kb((p.mm.swapped?.size ?? 0) * 4)]
    ]
    : [];
  const rows = [
    ['Name', t?.name ?? p.name], ['Umask', `0${p.fs.umask.toString(8).padStart(3, '0')}`], ['State', names[stateLetter(p, thread)]!],
    ['Tgid', n.of(p.pid)], ['Ngid', 0], ['Pid', n.of(thread?.tid ?? p.pid)],
    ['PPid', n.of(p.parent?.pid ?? 0)], ['TracerPid', n.of(t?.traced?.tracer.pid ?? 0)],
    ['Uid', [c.uid, c.euid, c.suid, c.fsuid].map((x) => shownId(users, x)).join('\t')],
    ['Gid', [c.gid, c.egid, c.sgid, c.fsgid].map((x) => shownId(groups, x)).join('\t')],
    ['FDSize', Math.max(64, p.fds.length)], ['Groups', `${c.groups.map((x) => shownId(groups, x)).join(' ')} `],
    ['NStgid', numbersOf(p, p.pid, n)], ['NSpid', numbersOf(p, thread?.tid ?? p.pid, n)], ['NSpgid', numbersOf(p, p.group.id, n)],
    ['NSsid', numbersOf(p, p.session.id, n)],
    ...memory, ['Threads', Math.max(1, p.threads.size)], ['SigQ', `${p.k.signals.queuedFor(c.uid)}/${p.limits.soft[Limit.SIGPENDING]}`],
    ['SigPnd', hex(t?.pending.bits ?? 0n)], ['ShdPnd', hex(p.pending.bits)], ['SigBlk', hex(t?.mask ?? 0n)], ['SigIgn', hex(ignored(p))],
    ['SigCgt', hex(caught(p))],
    ['CapInh', hex(c.caps.inheritable)], ['CapPrm', hex(c.caps.permitted)], ['CapEff', hex(c.caps.effective)],
    ['CapBnd', hex(c.caps.bounding)], ['CapAmb', hex(c.caps.ambient)], ['NoNewPrivs', t?.noNewPrivs ?? 0],
    ['Seccomp', seccompMode(t?.seccomp)], ['Seccomp_filters', filtersOf(t?.seccomp)], ['Cpus_allowed', '1'], ['Cpus_allowed_list', '0'],
    ['voluntary_ctxt_switches', 0], ['nonvoluntary_ctxt_switches', 0],
  ];
  return rows.map(([k, v]) => `${k}:\t${v}\n`).join('');
}
