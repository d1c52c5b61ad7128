/** /proc/PID: one directory per process, created on access; the most recent ones are cached while their process lives. */
import { E } from '../../abi/errno.ts';
import { Cap, Limit, Ms, S } from '../../abi/linux.ts';
import { capable } from '../../kernel/creds.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { NOBODY, type Process } from '../../kernel/process.ts';
import type { Thread } from '../../kernel/thread.ts';
import { copyIn } from '../../mm/uaccess.ts';
import { Directory, type FileSystem, type Inode } from '../inode.ts';
import { GeneratedDir } from '../generated.ts';
import { textOfPath, type Mount } from '../path.ts';
import type { PidNumbers } from '../../kernel/spaces.ts';
import { MemFile, TracerInode } from './mem.ts';
import { netDir } from './net.ts';
import { GuardedDir, GuardedInode, guarded, guardedLink } from './guarded.ts';
import { MapsInode } from './maps.ts';
import { MountsInode } from './mounts.ts';
import { PageMapFile } from './pagemap.ts';
import { addMemoryFiles } from './smaps.ts';
import { addSpaceFiles } from './spaces.ts';
import { statLine, statm, statusText } from './status.ts';

/** Directories of processes that are kept, in all mounts of procfs together: each holds some forty files. */
const MOST_KEPT = 256;
const kept = new WeakMap<Kernel, { readonly dirs: Map<number, unknown>; readonly pid: number }[]>();

export class ProcessDirs {
  private readonly k: Kernel;
  private readonly fs: FileSystem;
  private readonly dirs = new Map<number, { process: Process; dir: GeneratedDir }>();
  /** The space of numbers that this /proc shows. */
  readonly numbers: PidNumbers;
  constructor(k: Kernel, fs: FileSystem, numbers: PidNumbers) { this.k = k; this.fs = fs; this.numbers = numbers; }

  /** The visible processes, by their numbers. */
  list(): number[] {
    const out: number[] = [];
    for (const id of this.k.pids.processes.keys()) { const n = this.numbers.of(id); if (n > 0) out.push(n); }
    return out.sort((a, b) => a - b);
  }
  get(n: number): GeneratedDir | undefined {
    const pid = this.numbers.id(n), process = this.k.pids.processes.get(pid) ?? this.k.pids.threads.get(pid)?.proc;
    if (!process) { this.dirs.delete(pid); return undefined; }
    const old = this.dirs.get(pid);
    if (old?.process === process) { ownedBy(process, old.dir); return old.dir; }
    const dir = makeDir(this.fs, process, this.numbers);
    this.dirs.set(pid, { process, dir });
    ownedBy(process, dir);
    this.inTurn(pid);
    return dir;
  }
  /** The oldest goes, whichever mount of procfs has it. */
  private inTurn(pid: number): void {
    let turns = kept.get(this.k);
    if (!turns) kept.set(this.k, turns = []);
    turns.push({ dirs: this.dirs, pid });
    if (turns.length <= MOST_KEPT) return;
    const oldest = turns.shift()!;
    oldest.dirs.delete(oldest.pid);
  }
}

/** A process's folder belongs to its effective user, and so do its files, except that root owns those of one that is not dumpable. */
function ownedBy(process: Process, dir: GeneratedDir): void {
  const { euid, egid } = process.creds, own = process.dumpable === 1, uid = own ? euid : 0, gid = own ? egid : 0, some = dir.fixed('stat')!;
  if (some.uid !== uid || some.gid !== gid) dir.own(uid, gid);
  dir.uid = euid;
  dir.gid = egid;
}

const bytesAt = (p: Process, start: number, end: number): Uint8Array =>
  (p.alive && end > start ? copyIn(p.mm, start, Math.min(end - start, 1 << 20)) : new Uint8Array(0));

const owners = new WeakMap<Inode, Process>();
/** The process whose directory in /proc this is. */
export const processOfDir = (inode: Inode): Process | undefined => owners.get(inode);

function makeDir(fs: FileSystem, process: Process, numbers: PidNumbers): GeneratedDir {
  const dir = new GeneratedDir(fs);
  owners.set(dir, process);
  common(dir, fs, process, undefined, numbers);
  dir.add('task', new GeneratedDir(fs, (name) => taskDir(fs, process, numbers.id(Number(name)), numbers),
    () => [...process.threads].map((t) => ({ name: String(numbers.of(t.tid)), ino: 2_000_000 + t.tid, type: S.IFDIR }))));
  dir.add('root', guardedLink(fs, process, (t) => textOfPath(process.fs.root, t.proc.fs.root) ?? '/', () => process.fs.root));
  dir.add('net', netDir(fs, process.k, () => 'Num       RefCount Protocol Flags    Type St Inode Path\n'));
  return dir;
}
function taskDir(fs: FileSystem, process: Process, tid: number, numbers: PidNumbers): Inode | undefined {
  const thread = [...process.threads].find((t) => t.tid === tid);
  if (!thread) return undefined;
  const dir = new GeneratedDir(fs);
  common(dir, fs, process, thread, numbers);
  return dir;
}
function common(dir: GeneratedDir, fs: FileSystem, process: Process, thread: Thread | undefined, numbers: PidNumbers): void {
  dir.file('stat', () => statLine(process, thread, numbers)).file('status',
    (t) => statusText(process, thread, numbers, t.creds.users)).file('statm',
    () => statm(process))
    .file('cmdline', () => bytesAt(process, process.mm.argStart, process.mm.argEnd))
    .add('environ', new GuardedInode(fs, process, 0o400, () => bytesAt(process, process.mm.envStart, process.mm.envEnd)))
    .add('auxv', new GuardedInode(fs, process, 0o400, () => process.mm.auxv))
    .file('comm', () => `${thread?.name ?? process.name}\n`,
    (_t, text) => {
      const name = text.replace(/\n.*$/s, '').slice(0, 15);
      if (thread ?? process.leader) (thread ?? process.leader)!.name = name;
      if (!thread) process.name = name;
      return 0;
    })
    .add('maps', new MapsInode(fs, process)).add('mounts',
      new MountsInode(fs, process, mountLines)).add('mountinfo',
      new MountsInode(fs, process, mountInfo)).file('limits', () => limits(process))
    .file('wchan', () => '0').file('cgroup', () => '0::/\n').file('oom_score', () => '0\n')
    .file('oom_score_adj', () => `${process.oomScore}\n`, (_t, s) => { process.oomScore = parseInt(s, 10) || 0; return 0; })
    .file('loginuid', () => `${process.loginUid}`, (t, text) => logIn(t, process, text)).file('sessionid', () => `${process.loginSession}`)
    .file('personality', guarded(process, E.PERM, () => '00000000\n'), undefined, 0o400)
    .file('syscall', guarded(process, E.PERM, () => 'running\n'), undefined, 0o400)
    .file('stack', (t) => (capable(t.creds, Cap.SYS_ADMIN) ? '' : -E.ACCES), undefined, 0o400)
    .file('io', guarded(process, E.ACCES,
      () => 'rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n'), undefined, 0o400)
    .file('schedstat', () => `${process.cpuNs} 0 0\n`)
    .file('timerslack_ns', () => `${(thread ?? process.leader)?.timerSlack ?? 0}\n`, (_t, text) => {
      const x = thread ?? process.leader, n = Number(text);
      if (!x || !Number.isSafeInteger(n) || n < 0) return -E.INVAL;
      x.timerSlack = n || x.slackAtStart;
      return 0;
    })
    .file('coredump_filter', () => `${process.coreFilter.toString(16).padStart(8, '0')}\n`, (_t, text) => {
      const n = Number(text);
      if (!Number.isSafeInteger(n) || n < 0) return -E.INVAL;
      process.coreFilter = n & 0x1ff;
      return 0;
    });
  addSpaceFiles(dir, fs, process);
  addMemoryFiles(dir, fs, process, () => mountStats(process));
  dir.add('mem', new TracerInode(fs, process, 0o600, MemFile));
  dir.add('pagemap', new TracerInode(fs, process, 0o400, PageMapFile));
  dir.add('exe', guardedLink(fs, process, (t) => process.exe?.path(t.proc.fs.root) ?? -E.NOENT, () => process.exe ?? -E.NOENT));
  dir.add('cwd', guardedLink(fs, process, (t) => textOfPath(process.fs.cwd, t.proc.fs.root) ?? '/', () => process.fs.cwd));
  dir.add('fd', fdDir(fs, process));
  dir.add('fdinfo',
    new GuardedDir(fs, process, false,
      (name) => {
        const file = process.fds.any(Number(name));
        return file
          && new GuardedInode(fs, process, 0o444, () =>
            `pos:\t${file.pos}\nflags:\t0${(file.flags | (process.fds.cloexec(Number(name)) ? 0o2000000 : 0)).toString(8)}\n`
              + `mnt_id:\t${file.mount?.id ?? 0}\nino:\t${file.inode.ino}\n${file.details}`);
      },
      () => fdEntries(process, S.IFREG)));
}
/** A process says for whom it logs in: once by itself, again only with CAP_AUDIT_CONTROL. Linux: audit_set_loginuid. */
function logIn(thread: Thread, process: Process, text: string): number {
  const said = text.trim(), uid = said === '-1' ? NOBODY : Number(said);
  if (thread.proc !== process) return -E.PERM;
  if (!/^(-1|\d+)$/.test(said) || uid > NOBODY) return -E.INVAL;
  if (process.loginUid !== NOBODY && !capable(thread.creds, Cap.AUDIT_CONTROL)) return -E.PERM;
  process.loginUid = uid;
  process.loginSession = uid === NOBODY ? NOBODY : ++process.k.logins;
  return 0;
}

const fdEntries = (p: Process, type: number): { name: string; ino: number; type: number }[] =>
  (p.alive ? [...p.fds.entries()].map(([fd]) => ({ name: String(fd), ino: 3_000_000 + fd, type })) : []);
function fdDir(fs: FileSystem, process: Process): GeneratedDir {
  return new GuardedDir(fs, process, true, (name) => {
    const file = process.alive && /^\d+$/.test(name) ? process.fds.any(Number(name)) : undefined;
    return file && guardedLink(fs, process, (t) => file.path(t.proc.fs.root), () => file);
  }, () => fdEntries(process, S.IFLNK));
}

const optionWords: readonly (readonly [number, string])[] = [
  [Ms.NOSUID, 'nosuid'], [Ms.NODEV, 'nodev'], [Ms.NOEXEC, 'noexec'], [Ms.NOATIME, 'noatime'], [Ms.NODIRATIME, 'nodiratime']
];
function mountWords(mount: Mount): string {
  const words = optionWords.filter(([bit]) => mount.flags & bit).map(([, word]) => word);
  return [mount.flags & Ms.RDONLY ? 'ro' : 'rw', ...words, ...(mount.flags & Ms.NOATIME ? [] : ['relatime'])].join(',');
}
/** A name as the mount tables write it: blanks and what would end the line in octal. */
const escaped = (name: string): string => name.replace(/[ \t\n\\#]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`);
/** Longer paths than this can be named by nobody (PATH_MAX); mounts within each other may have any. */
const MOST_PATH = 4096;
/** The mounts of a process that can be reached from its root, with their paths. */
const seen = (process: Process): (readonly [Mount, string])[] => process.mounts.list.flatMap((mount) => {
  const at = textOfPath({ mount: mount, inode: mount.root }, process.fs.root, MOST_PATH);
  return at === undefined ? [] : [[mount, at] as const];
});
/** /proc/PID/mounts. */
function mountLines(process: Process): string {
  return seen(process).map(([m, at]) =>
    `${escaped(m.source)} ${escaped(at)} ${m.fs.type} `
      + `${m.fs.readOnly ? mountWords(m).replace(/^rw/, 'ro') : mountWords(m)}${m.fs.options} 0 0\n`).join(
    '');
}
/** /proc/PID/mountstats: only network file systems have more to say. */
const mountStats = (process: Process): string => seen(process).map(([mount, at]) =>
  `device ${escaped(mount.source)} mounted on ${escaped(at)} with fstype ${mount.fs.type}\n`).join('');
/** Where a mount's root lies in its file system. */
function rootWithin(mount: Mount): string {
  let text = '';
  for (let inode: Inode = mount.root; inode instanceof Directory && inode.parent !== inode; inode = inode.parent)
    text = `/${inode.name}${text}`;
  return text || '/';
}
function mountInfo(process: Process): string {
  return seen(process).map(([mount, at]) => {
    const tags = `${mount.peers ? `shared:${mount.peers.id} ` : ''}${mount.master ? `master:${mount.master.id} ` : ''}${mount.unbindable
      ? 'unbindable ' : ''}`;
    return `${mount.id} ${mount.point?.mount.id
      ?? 1} 0:${mount.fs.dev} ${escaped(rootWithin(mount))} ${escaped(at)} ${mountWords(mount)} ${tags}- `
      + `${mount.fs.type} ${escaped(mount.source)} ${mount.fs.readOnly ? 'ro' : 'rw'}${mount.fs.options}\n`;
  }).join('');
}
const limitRows: readonly (readonly [string, number, string])[] = [
  ['Max cpu time', Limit.CPU, 'seconds'], ['Max file size', Limit.FSIZE, 'bytes'], ['Max data size', Limit.DATA, 'bytes'],
  ['Max stack size', Limit.STACK, 'bytes'], ['Max core file size', Limit.CORE, 'bytes'], ['Max resident set', Limit.RSS, 'bytes'],
  ['Max processes', Limit.NPROC, 'processes'], ['Max open files', Limit.NOFILE, 'files'],
  ['Max locked memory', Limit.MEMLOCK, 'bytes'], ['Max address space', Limit.AS, 'bytes'], ['Max file locks', Limit.LOCKS, 'locks'],
  ['Max pending signals', Limit.SIGPENDING, 'signals'], ['Max msgqueue size', Limit.MSGQUEUE, 'bytes'],
  ['Max nice priority', Limit.NICE, ''], ['Max realtime priority', Limit.RTPRIO, ''], ['Max realtime timeout', Limit.RTTIME, 'us'],
];
function limits(process: Process): string {
  const n = (v: number): string => (v === Infinity ? 'unlimited' : String(v)).padEnd(21);
  return `${'Limit'.padEnd(26)}${'Soft Limit'.padEnd(21)}${'Hard Limit'.padEnd(21)}Units     \n`
    + limitRows.map(([name, i, unit]) =>
      `${name.padEnd(26)}${n(process.limits.soft[i]!)}${n(process.limits.hard[i]!)}${unit.padEnd(10)}\n`).join('');
}
