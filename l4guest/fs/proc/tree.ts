/** /proc: the system's files, and a directory per process (pid.ts). */
import { E } from '../../abi/errno.ts';
import type { PidNumbers } from '../../kernel/spaces.ts';
import { usageOfProcess } from '../../kernel/cputimers.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { S, minorOf } from '../../abi/linux.ts';
import { blockDevicesOf } from '../../drivers/block.ts';
import { Run } from '../../kernel/thread.ts';
import { charDevices } from '../../drivers/devices.ts';
import { rtcText } from '../../drivers/rtc.ts';
import { RELEASE, VERSION } from '../../kernel/version.ts';
import { Directory, type DirEntry, type FileSystem } from '../inode.ts';
import { GeneratedDir, GeneratedFs, GeneratedInode, GeneratedLink } from '../generated.ts';
import { swapOf } from '../../kernel/swap.ts';
import { keyLines } from '../../kernel/keys.ts';
import { lockLines } from '../locks.ts';
import { ProcessDirs } from './pid.ts';
import { sysctlTree } from './sysctl.ts';
import { sysvipcDir } from './sysvipc.ts';

/** The file systems that `mount` accepts, in the order of /proc/filesystems. */
const fileSystemTypes = ['proc', 'sysfs', 'tmpfs', 'ramfs', 'devtmpfs', 'devpts'] as const;

export function procTree(k: Kernel, numbers: PidNumbers): Directory {
  const fs = new GeneratedFs('proc', k.newDev(), 0x9fa0, () => k.clock.time()), dirs = new ProcessDirs(k, fs, numbers);
  const root = new GeneratedDir(fs,
    (name) => (/^[1-9]\d*$/.test(name) ? dirs.get(Number(name)) : undefined),
    () => dirs.list().map((pid): DirEntry => ({ name: String(pid), ino: 1_000_000 + pid, type: S.IFDIR })));
  root.add('self', new GeneratedLink(fs, (t) => (numbers.of(t.proc.pid) ? String(numbers.of(t.proc.pid)) : -E.NOENT)));
  root.add('thread-self', new GeneratedLink(fs, (t) => (numbers.of(t.tid) ? `${numbers.of(t.proc.pid)}/task/${numbers.of(t.tid)}`
    : -E.NOENT)));
  root.add('mounts', new GeneratedLink(fs, () => 'self/mounts'));
  root.add('net', new GeneratedLink(fs, () => 'self/net'));
  addSystemFiles(root, k, numbers);
  root.add('sys', sysctlTree(k, fs));
  root.add('sysvipc', sysvipcDir(fs, k));
  root.add('tty',
    new GeneratedDir(fs).file('drivers', () =>
      '/dev/tty /dev/tty 5 0 system:/dev/tty\n/dev/console /dev/console 5 1 system:console\n/dev/ptmx /dev/ptmx 5 2 system\n'
        + 'pty_slave /dev/pts 136 0-1048575 pty:slave\n'));
  return root;
}

/** Linux's statistics of how long its locks are waited for and held, in µs; only the columns for which this server has figures. */
function lockStat({ lock }: Kernel): string {
  const us = (ns: number): string => (ns / 1000).toFixed(2), columns = ['contentions', 'waittime-max', 'holdtime-max'];
  const row = (name: string, all: readonly string[]): string => `${name.padStart(22)} ${all.map((c) => c.padStart(14)).join(' ')}\n`;
  return `lock_stat version 0.4\n${row('class name', columns)}`
    + row('interrupts', [String(lock.admitted), us(lock.latest), us(lock.longest)]);
}

/** Files of pressure stall information that answer as a kernel which does not collect it. */
function pressure(fs: FileSystem): GeneratedDir {
  const dir = new GeneratedDir(fs);
  for (const name of ['cpu', 'io', 'memory']) dir.add(name, new Uncollected(fs, () => ''));
  return dir;
}
class Uncollected extends GeneratedInode {
  override open(): number { return -E.OPNOTSUPP; }
}

/** As Linux says it of one hart. */
const cpuinfo = ({ isa }: Kernel): string => Object.entries({
  processor: '0', hart: '0', isa, mmu: 'sv39', mvendorid: '0x0', marchid: '0x0', mimpid: '0x0', 'hart isa': isa,
}).map(([name, value]) => `${name}\t${name.length < 8 ? '\t' : ''}: ${value}\n`).join('') + '\n';

function addSystemFiles(root: GeneratedDir, k: Kernel, numbers: PidNumbers): void {
  root.file('uptime', (t) => { const s = ((k.clock.now() + t.proc.time.boot) / 1e9).toFixed(2); return `${s} ${s}\n`; })
    .file('version', () => `Linux version ${RELEASE} (tessera) ${VERSION}\n`)
    .file('loadavg', () => { const n = running(k); return `0.00 0.00 0.00 ${n}/${k.pids.threads.size} ${numbers.last}\n`; })
    .file('lock_stat', () => lockStat(k))
    .file('meminfo', () => meminfo(k))
    .file('stat', () => stat(k))
    .file('execdomains', () => '0-0\tLinux           \t[kernel]\n').add('pressure', pressure(root.fs))
    .add('driver', new GeneratedDir(root.fs).file('rtc', () => rtcText(k)))
    .file('cpuinfo', () => cpuinfo(k))
    .file('filesystems', () => fileSystemTypes.map((n) => `nodev\t${n}\n`).join(''))
    .file('devices', () => {
      const majors = [...new Set(charDevices.map((d) => d.major))];
      const nameOf = (major: number): string => charDevices.find((d) => d.major === major)!.name.replace(/\d+$/, '');
      const lines = majors.map((major) => `${String(major).padStart(3)} ${nameOf(major)}\n`);
      return `Character devices:\n${lines.join('')}136 pts\n\nBlock devices:\n  7 loop\n254 virtblk\n`;
    })
    .file('cmdline', () => 'l4guest\n').file('partitions', () => partitionLines(k)).file('diskstats', () => '')
    .file('swaps', () => swapLines(k))
    .file('locks', () => lockLines(k)).file('keys', (t) => keyLines(t)).file('cgroups', () =>
      '#subsys_name\thierarchy\tnum_cgroups\tenabled\n')
    .file('modules', () => '').file('interrupts', () => '           CPU0\n')
    .file('vmstat', () => `nr_free_pages ${k.frames.free}\npgpgin 0\npgpgout 0\npswpin ${swapOf(k).in}\npswpout ${swapOf(k).out}\n`
      + 'pgfault 0\n');
}
/** Disks, partitions and loop devices with a file: numbers, KiB, name. */
const partitionLines = (k: Kernel): string => `major minor  #blocks  name\n\n${blockDevicesOf(k).all.filter((b) => b.source.size > 0)
  .map((b) => `${String((b.rdev >>> 8) & 0xfff).padStart(4)} ${String(minorOf(b.rdev)).padStart(8)} `
    + `${String(Math.floor(b.source.size / 1024)).padStart(10)} ${b.name}\n`).join('')}`;
const swapLines = (k: Kernel): string => `Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n${swapOf(k).areas.map((a) => (a
  ? `${a.path.padEnd(40)}partition\t${a.pages * 4}\t\t${a.used * 4}\t\t${a.priority}\n` : '')).join('')}`;
function running(k: Kernel): number {
  let n = 0;
  for (const thread of k.pids.threads.values()) if (thread.state === Run.current || thread.state === Run.ready) n++;
  return n;
}
function meminfo(k: Kernel): string {
  const kb = (pages: number): string => `${String(pages * 4).padStart(8)} kB`, { total, free } = k.frames;
  const rows: [string, number][] = [
    ['MemTotal', total], ['MemFree', free], ['MemAvailable', free], ['Buffers', 0], ['Cached', 0], ['SwapCached', 0],
    ['Active', total - free], ['Inactive', 0], ['SwapTotal', swapOf(k).pages], ['SwapFree', swapOf(k).free], ['Dirty', 0], ['Writeback', 0],
    ['AnonPages', total - free], ['Mapped', 0], ['Shmem', 0], ['Slab', 0], ['SReclaimable', 0], ['CommitLimit', total],
    ['Committed_AS', total - free]
  ];
  return rows.map(([name, pages]) => `${`${name}:`.padEnd(16)}${kb(pages)}\n`).join('');
}
function stat(k: Kernel): string {
  const all = [...k.pids.processes.values()].map(usageOfProcess), ticks = (ns: number): number => Math.floor(ns / 1e7),
    user = ticks(all.reduce((sum, usage) => sum + usage.user, 0)),
    system = ticks(all.reduce((sum, usage) => sum + usage.system, 0)),
    idle = Math.max(0, ticks(k.clock.now()) - user - system), line = `${user} 0 ${system} ${idle} 0 0 0 0 0 0`;
  return `cpu  ${line}\ncpu0 ${line}\nintr 0\nctxt ${k.cpu.switches}\nbtime ${k.clock.wall(0).s}\nprocesses ${k.forks}\n`
    + `procs_running ${Math.max(1, running(k))}\nprocs_blocked 0\n`;
}
