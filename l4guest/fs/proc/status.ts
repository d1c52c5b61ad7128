/** /proc/PID/stat, statm and status. */
import { usageOf, usageOfChildren, usageOfProcess } from '../../kernel/cputimers.ts';
import type { Process } from '../../kernel/process.ts';
import { shownId, type PidNumbers, type UserSpace } from '../../kernel/spaces.ts';
import { bit } from '../../kernel/sigqueue.ts';
import { filtersOf, seccompMode } from '../../kernel/seccomp.ts';
import { Handler, Limit } from '../../abi/linux.ts';
import { Run, type Thread } from '../../kernel/thread.ts';

export function stateLetter(process: Process, thread: Thread | undefined): string {
  if (!process.alive) return 'Z';
  // The letter describes the first thread, which may end before the others.
  let chosen = thread;
  if (!chosen) for (const x of process.threads) if (x.tid === process.pid) chosen = x;
  if (!chosen) return process.threads.size > 0 ? 'Z' : 'S';
  if (chosen.traced?.stop) return 't';
  if (process.stopped) return 'T';
  if (chosen.passage) return 'D';
  return chosen.state === Run.current || chosen.state === Run.ready ? 'R' : 'S';
}
const ticks = (ns: number): number => Math.floor(ns / 1e7);
const foreground = (p: Process, n: PidNumbers): number => { const g = p.session.terminal?.foreground; return g ? n.of(g.id) : -1; };
/** The numbers of a process or group in a space and in all spaces below it, down to the process's own. */
function numbersOf(process: Process, id: number, from: PidNumbers): string {
  const out: number[] = [];
  for (let pidNumbers: PidNumbers | undefined = process.numbers; pidNumbers
      && pidNumbers.level >= from.level; pidNumbers = pidNumbers.parent) out.unshift(pidNumbers.of(id));
  return out.join('\t');
}
const ignored = (p: Process): bigint => p.actions.list.reduce((s, a, i) => (i > 0 && a.handler === Handler.IGN ? s | bit(i) : s), 0n);
const caught = (p: Process): bigint => p.actions.list.reduce((s, a, i) => (i > 0 && a.handler > Handler.IGN ? s | bit(i) : s), 0n);

/** The line of /proc/PID/stat: 52 fields, see proc(5). */
export function statLine(process: Process, thread: Thread | undefined, n: PidNumbers): string {
  const own = thread ? usageOf(thread) : usageOfProcess(process), children = usageOfChildren(process);
  const shown = thread ?? process.leader, mm = process.mm, low = (s: bigint): string => (s & 0x7fffffffn).toString();
  const fields: (number | string)[] = [
    n.of(thread?.tid ?? process.pid), `(${shown?.name ?? process.name})`, stateLetter(process, thread),
    n.of(process.parent?.pid ?? 0), n.of(process.group.id), n.of(process.session.id),
    process.session.terminal?.rdev ?? 0, foreground(process, n), 0x400000, mm.minorFaults, process.childFaults, 0, 0,
    ...[own.user, own.system, children.user, children.system].map(ticks), 20 + (shown?.nice ?? 0), shown?.nice ?? 0,
    Math.max(1, process.threads.size), 0, ticks(process.startedAt),
    process.alive ? mm.size : 0, process.alive ? mm.table.count : 0, '18446744073709551615', mm.codeStart, mm.codeEnd, mm.stackStart, 0, 0,
    low(process.pending.bits), low(shown?.mask ?? 0n), low(ignored(process)), low(caught(process)), 0, 0, 0, process.exitSignal,
    0, 0, 0, 0, 0, 0, 0, 0, mm.brkStart, mm.argStart, mm.argEnd, mm.envStart, mm.envEnd, process.status ?? 0,
  ];
  return `${fields.join(' ')}\n`;
}
export function statm(process: Process): string {
  if (!process.alive) return '0 0 0 0 0 0 0\n';
  const size = process.mm.size / 4096, rss = process.mm.table.count, text = Math.ceil((process.mm.codeEnd - process.mm.codeStart) / 4096);
  return `${size} ${rss} 0 ${text} 0 ${size - text} 0\n`;
}
const names: Record<string, string> = { R: 'R (running)', S: 'S (sleeping)', T: 'T (stopped)', t: 't (tracing stop)', Z: 'Z (zombie)' };
export function statusText(process: Process, thread: Thread | undefined, n: PidNumbers, { users, groups }: UserSpace): string {
  const shown = thread ?? process.leader, creds = shown?.creds ?? process.creds,
    hex = (s: bigint): string => BigInt.asUintN(64, s).toString(16).padStart(16, '0'),
    kb = (n: number): string => `${String(Math.floor(n / 1024)).padStart(8)} kB`;
  const memory = process.alive
    ? [
      ['VmPeak', kb(process.mm.size)], ['VmSize', kb(process.mm.size)], ['VmLck', kb(process.mm.locked)],
      ['VmHWM', kb(Math.max(process.mm.peak * 4096, process.mm.resident))], ['VmRSS', kb(process.mm.resident)],
      ['VmData', kb(process.mm.brk - process.mm.brkStart)], ['VmStk', kb(132 * 1024)],
      ['VmExe', kb(process.mm.codeEnd - process.mm.codeStart)], ['VmLib', kb(0)],
      ['VmPTE', kb(process.mm.table.count * 8)], ['VmSwap', kb((process.mm.swapped?.size ?? 0) * 4)]
    ]
    : [];
  const rows = [
    ['Name', shown?.name ?? process.name], ['Umask', `0${process.fs.umask.toString(8).padStart(3, '0')}`],
    ['State', names[stateLetter(process, thread)]!],
    ['Tgid', n.of(process.pid)], ['Ngid', 0], ['Pid', n.of(thread?.tid ?? process.pid)],
    ['PPid', n.of(process.parent?.pid ?? 0)], ['TracerPid', n.of(shown?.traced?.tracer.pid ?? 0)],
    ['Uid', [creds.uid, creds.euid, creds.suid, creds.fsuid].map((x) => shownId(users, x)).join('\t')],
    ['Gid', [creds.gid, creds.egid, creds.sgid, creds.fsgid].map((x) => shownId(groups, x)).join('\t')],
    ['FDSize', Math.max(64, process.fds.length)], ['Groups', `${creds.groups.map((x) => shownId(groups, x)).join(' ')} `],
    ['NStgid', numbersOf(process, process.pid, n)], ['NSpid', numbersOf(process, thread?.tid ?? process.pid, n)],
    ['NSpgid', numbersOf(process, process.group.id, n)], ['NSsid', numbersOf(process, process.session.id, n)],
    ...memory, ['Threads', Math.max(1, process.threads.size)],
    ['SigQ', `${process.k.signals.queuedFor(creds.uid)}/${process.limits.soft[Limit.SIGPENDING]}`],
    ['SigPnd', hex(shown?.pending.bits ?? 0n)], ['ShdPnd', hex(process.pending.bits)], ['SigBlk', hex(shown?.mask ?? 0n)],
    ['SigIgn', hex(ignored(process))], ['SigCgt', hex(caught(process))],
    ['CapInh', hex(creds.caps.inheritable)], ['CapPrm', hex(creds.caps.permitted)], ['CapEff', hex(creds.caps.effective)],
    ['CapBnd', hex(creds.caps.bounding)], ['CapAmb', hex(creds.caps.ambient)], ['NoNewPrivs', shown?.noNewPrivs ?? 0],
    ['Seccomp', seccompMode(shown?.seccomp)], ['Seccomp_filters', filtersOf(shown?.seccomp)],
    ['Cpus_allowed', '1'], ['Cpus_allowed_list', '0'],
    ['voluntary_ctxt_switches', 0], ['nonvoluntary_ctxt_switches', 0],
  ];
  return rows.map(([k, v]) => `${k}:\t${v}\n`).join('');
}
