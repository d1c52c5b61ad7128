/** /proc/PID: one directory per process, created on access; the most recent ones are cached while their process lives. */
import { E } from '../../abi/errno.ts';
import { Cap, Limit, Ms, S } from '../../abi/linux.ts';
import { capable } from '../../kernel/creds.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { NOBODY, type Process } from '../../kernel/process.ts';
import type { Thread } from '../../kernel/thread.ts';
import { copyIn } from '../../mm/uaccess.ts';
import { Directory, type FileSystem, type Inode } from '../inode.ts';
import { GeneratedDir, GeneratedInode, GeneratedLink } from '../generated.ts';
import { textOfPath, type Mount } from '../path.ts';
import type { PidNumbers } from '../../kernel/spaces.ts';
import { MemInode } from './mem.ts';
import { netDir } from './net.ts';
import { MapsInode, smaps } from './maps.ts';
import { MountsInode } from './mounts.ts';
import { PageMapInode } from './pagemap.ts';
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

/** A process's files belong to its effective user; root owns those of a process that is not dumpable. */
function ownedBy(p: Process, dir: GeneratedDir): void {
  const uid = p.dumpable === 1 ? p.creds.euid : 0, gid = p.dumpable === 1 ? p.creds.egid : 0;
  if (dir.uid !== uid || dir.gid !== gid) dir.own(uid, gid);
}

const bytesAt = (p: Process, start: number, end: number): Uint8Array =>
  (p.alive && end > start ? copyIn(p.mm, start, Math.min(end - start, 1 << 20)) : new Uint8Array(0));

const owners = new WeakMap<Inode, Process>();
/** The process whose directory in /proc this is. */
export const processOfDir = (inode: Inode): Process | undefined => owners.get(inode);

function makeDir(fs: FileSystem, p: Process, numbers: PidNumbers): GeneratedDir {
  const dir = new GeneratedDir(fs);
  owners.set(dir, p);
  common(dir, fs, p, undefined, numbers);
  dir.add('task', new GeneratedDir(fs, (name) => taskDir(fs, p, numbers.id(Number(name)), numbers),
    () => [...p.threads].map((t) => ({ name: String(numbers.of(t.tid)), ino: 2_000_000 + t.tid, type: S.IFDIR }))));
  dir.add('root', new GeneratedLink(fs, (t) => textOfPath(p.fs.root, t.proc.fs.root) ?? '/', () => p.fs.root));
  dir.add('net', netDir(fs, p.k, () => 'Num       RefCount Protocol Flags    Type St Inode Path\n'));
  return dir;
}
function taskDir(fs: FileSystem, p: Process, tid: number, numbers: PidNumbers): Inode | undefined {
  const thread = [...p.threads].find((t) => t.tid === tid);
  if (!thread) return undefined;
  const dir = new GeneratedDir(fs);
  common(dir, fs, p, thread, numbers);
  return dir;
}
function common(dir: GeneratedDir, fs: FileSystem, p: Process, thread: Thread | undefined, numbers: PidNumbers): void {
  dir.file('stat', () => statLine(p, thread, numbers)).file('status', (t) => statusText(p, thread, numbers, t.creds.users)).file('statm',
    () => statm(p))
    .file('cmdline', () => bytesAt(p, p.mm.argStart, p.mm.argEnd)).file('environ', () => bytesAt(p, p.mm.envStart, p.mm.envEnd))
    .file('auxv', () => p.mm.auxv)
    .file('comm', () => `${thread?.name ?? p.name}\n`,
    (_t, text) => {
      const name = text.replace(/\n.*$/s, '').slice(0, 15);
      if (thread ?? p.leader) (thread ?? p.leader)!.name = name;
      if (!thread) p.name = name;
      return 0;
    })
    .add('maps', new MapsInode(fs, p)).file('smaps', (t) => smaps(p, t)).add('mounts', new MountsInode(fs, p, mountLines)).add('mountinfo',
      new MountsInode(fs, p, mountInfo)).file('limits', () => limits(p))
    .file('wchan', () => '0').file('cgroup', () => '0::/\n').file('oom_score', () => '0\n')
    .file('oom_score_adj', () => `${p.oomScore}\n`, (_t, s) => { p.oomScore = parseInt(s, 10) || 0; return 0; })
    .file('loginuid', () => `${p.loginUid}`, (t, text) => logIn(t, p, text)).file('sessionid', () => `${p.loginSession}`)
    .file('personality', () => '00000000\n').file('syscall', () => 'running\n').file('stack', () => '')
    .file('io', () => 'rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n')
    .file('schedstat', () => `${p.cpuNs} 0 0\n`)
    .file('timerslack_ns', () => `${(thread ?? p.leader)?.timerSlack ?? 0}\n`, (_t, s) => {
      const x = thread ?? p.leader, n = Number(s);
      if (!x || !Number.isSafeInteger(n) || n < 0) return -E.INVAL;
      x.timerSlack = n || x.slackAtStart;
      return 0;
    })
    .file('coredump_filter', () => `${p.coreFilter.toString(16).padStart(8, '0')}\n`, (_t, s) => {
      const n = Number(s);
      if (!Number.isSafeInteger(n) || n < 0) return -E.INVAL;
      p.coreFilter = n & 0x1ff;
      return 0;
    });
  addSpaceFiles(dir, fs, p);
  dir.add('mem', new MemInode(fs, p));
  dir.add('pagemap', new PageMapInode(fs, p));
  dir.add('exe', new GeneratedLink(fs, (t) => p.exe?.path(t.proc.fs.root) ?? -E.NOENT, () => p.exe ?? -E.NOENT));
  dir.add('cwd', new GeneratedLink(fs, (t) => textOfPath(p.fs.cwd, t.proc.fs.root) ?? '/', () => p.fs.cwd));
  dir.add('fd', fdDir(fs, p));
  dir.add('fdinfo',
    new GeneratedDir(fs,
      (name) => {
        const f = p.fds.any(Number(name));
        return f
          && new GeneratedInode(fs, () =>
            `pos:\t${f.pos}\nflags:\t0${(f.flags | (p.fds.cloexec(Number(name)) ? 0o2000000 : 0)).toString(8)}\n`
              + `mnt_id:\t${f.mount?.id ?? 0}\nino:\t${f.inode.ino}\n${f.details}`);
      },
      () => fdEntries(p, S.IFREG)));
}
/** A process says for whom it logs in: once by itself, again only with CAP_AUDIT_CONTROL. Linux: audit_set_loginuid. */
function logIn(t: Thread, p: Process, text: string): number {
  const said = text.trim(), uid = said === '-1' ? NOBODY : Number(said);
  if (t.proc !== p) return -E.PERM;
  if (!/^(-1|\d+)$/.test(said) || uid > NOBODY) return -E.INVAL;
  if (p.loginUid !== NOBODY && !capable(t.creds, Cap.AUDIT_CONTROL)) return -E.PERM;
  p.loginUid = uid;
  p.loginSession = uid === NOBODY ? NOBODY : ++p.k.logins;
  return 0;
}

const fdEntries = (p: Process, type: number): { name: string; ino: number; type: number }[] =>
  (p.alive ? [...p.fds.entries()].map(([fd]) => ({ name: String(fd), ino: 3_000_000 + fd, type })) : []);
function fdDir(fs: FileSystem, p: Process): GeneratedDir {
  return new GeneratedDir(fs, (name) => {
    const f = p.alive && /^\d+$/.test(name) ? p.fds.any(Number(name)) : undefined;
    return f && new GeneratedLink(fs, (t) => f.path(t.proc.fs.root), () => f);
  }, () => fdEntries(p, S.IFLNK));
}

const optionWords: readonly (readonly [number, string])[] = [
  [Ms.NOSUID, 'nosuid'], [Ms.NODEV, 'nodev'], [Ms.NOEXEC, 'noexec'], [Ms.NOATIME, 'noatime'], [Ms.NODIRATIME, 'nodiratime']
];
function mountWords(m: Mount): string {
  const words = optionWords.filter(([bit]) => m.flags & bit).map(([, word]) => word);
  return [m.flags & Ms.RDONLY ? 'ro' : 'rw', ...words, ...(m.flags & Ms.NOATIME ? [] : ['relatime'])].join(',');
}
/** A name as the mount tables write it: blanks and what would end the line in octal. */
const escaped = (name: string): string => name.replace(/[ \t\n\\#]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`);
/** The mounts of a process that can be reached from its root, with their paths. */
const seen = (p: Process): (readonly [Mount, string])[] => p.mounts.list.flatMap((m) => {
  const at = textOfPath({ mount: m, inode: m.root }, p.fs.root);
  return at === undefined ? [] : [[m, at] as const];
});
/** /proc/PID/mounts. */
function mountLines(p: Process): string {
  return seen(p).map(([m, at]) =>
    `${escaped(m.source)} ${escaped(at)} ${m.fs.type} `
      + `${m.fs.readOnly ? mountWords(m).replace(/^rw/, 'ro') : mountWords(m)}${m.fs.options} 0 0\n`).join(
    '');
}
/** Where a mount's root lies in its file system. */
function rootWithin(m: Mount): string {
  let text = '';
  for (let d: Inode = m.root; d instanceof Directory && d.parent !== d; d = d.parent) text = `/${d.name}${text}`;
  return text || '/';
}
function mountInfo(p: Process): string {
  return seen(p).map(([m, at]) => {
    const tags = `${m.peers ? `shared:${m.peers.id} ` : ''}${m.master ? `master:${m.master.id} ` : ''}${m.unbindable ? 'unbindable ' : ''}`;
    return `${m.id} ${m.point?.mount.id ?? 1} 0:${m.fs.dev} ${escaped(rootWithin(m))} ${escaped(at)} ${mountWords(m)} ${tags}- `
      + `${m.fs.type} ${escaped(m.source)} ${m.fs.readOnly ? 'ro' : 'rw'}${m.fs.options}\n`;
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
function limits(p: Process): string {
  const n = (v: number): string => (v === Infinity ? 'unlimited' : String(v)).padEnd(21);
  return `${'Limit'.padEnd(26)}${'Soft Limit'.padEnd(21)}${'Hard Limit'.padEnd(21)}Units     \n`
    + limitRows.map(([name, i, unit]) =>
      `${name.padEnd(26)}${n(p.limits.soft[i]!)}${n(p.limits.hard[i]!)}${unit.padEnd(10)}\n`).join('');
}
