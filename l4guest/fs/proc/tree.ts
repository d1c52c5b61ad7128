/** /proc: the system's files, and a directory per process (pid.ts). */
import { fileSystemTypes } from '../types.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { S } from '../../abi/linux.ts';
import { Run } from '../../kernel/thread.ts';
import { charDevices } from '../../drivers/devices.ts';
import { RELEASE, VERSION } from '../../kernel/version.ts';
import { E } from '../../abi/errno.ts';
import { Directory, type DirEntry } from '../inode.ts';
import { GeneratedDir, GeneratedFs, GeneratedLink } from '../generated.ts';
import { ProcessDirs } from './pid.ts';

export function procTree(k: Kernel): Directory {
  const fs = new GeneratedFs('proc', k.newDev(), 0x9fa0, () => k.clock.time()), dirs = new ProcessDirs(k, fs);
  const root = new GeneratedDir(fs,
    (name) => (/^[1-9]\d*$/.test(name) ? dirs.get(Number(name)) : undefined),
    () => [...k.pids.processes.keys()].sort((a, b) => a - b).map((pid): DirEntry => ({ name: String(pid), ino: 1_000_000 + pid, type: S.IFDIR })));
  root.add('self', new GeneratedLink(fs, (t) => String(t.proc.pid)));
  root.add('thread-self', new GeneratedLink(fs, (t) => `${t.proc.pid}/task/${t.tid}`));
  root.add('mounts', new GeneratedLink(fs, () => 'self/mounts'));
  root.add('net', new GeneratedLink(fs, () => 'self/net'));
  addSystemFiles(root, k);
  root.add('sys', sysctl(k, fs));
  root.add('tty', new GeneratedDir(fs).file('drivers', () => '/dev/tty /dev/tty 5 0 system:/dev/tty\n/dev/console /dev/console 5 1 system:console\n/dev/ptmx /dev/ptmx 5 2 system\npty_slave /dev/pts 136 0-1048575 pty:slave\n'));
  return root;
}

function addSystemFiles(root: GeneratedDir, k: Kernel): void {
  root.file('uptime', () => { const s = (k.clock.now() / 1e9).toFixed(2); return `${s} ${s}\n`; })
    .file('version', () => `Linux version ${RELEASE} (tessera) ${VERSION}\n`)
    .file('loadavg', () => { const n = running(k); return `0.00 0.00 0.00 ${n}/${k.pids.threads.size} ${Math.max(...k.pids.processes.keys())}\n`; })
    .file('meminfo', () => meminfo(k))
    .file('stat', () => stat(k))
    .file('cpuinfo', () => 'processor\t: 0\nhart\t\t: 0\nisa\t\t: rv64imafdc_zicntr_zicsr_zifencei\nmmu\t\t: sv39\n\n')
    .file('filesystems', () => fileSystemTypes.map((n) => `nodev\t${n}\n`).join(''))
    .file('devices', () => `Character devices:\n${[...new Set(charDevices.map((d) => d.major))].map((m) => `${String(m).padStart(3)} ${charDevices.find((d) => d.major === m)!.name}\n`).join('')}136 pts\n\nBlock devices:\n`)
    .file('cmdline', () => 'l4guest\n').file('partitions', () => 'major minor  #blocks  name\n\n').file('diskstats', () => '').file('swaps', () => 'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n')
    .file('modules', () => '').file('interrupts', () => '           CPU0\n').file('vmstat', () => `nr_free_pages ${k.frames.free}\npgpgin 0\npgpgout 0\npswpin 0\npswpout 0\npgfault 0\n`);
}
function running(k: Kernel): number { let n = 0; for (const t of k.pids.threads.values()) if (t.state === Run.current || t.state === Run.ready) n++; return n; }
function meminfo(k: Kernel): string {
  const kb = (pages: number): string => `${String(pages * 4).padStart(8)} kB`, { total, free } = k.frames;
  const rows: [string, number][] = [['MemTotal', total], ['MemFree', free], ['MemAvailable', free], ['Buffers', 0], ['Cached', 0], ['SwapCached', 0], ['Active', total - free], ['Inactive', 0], ['SwapTotal', 0], ['SwapFree', 0], ['Dirty', 0], ['Writeback', 0], ['AnonPages', total - free], ['Mapped', 0], ['Shmem', 0], ['Slab', 0], ['SReclaimable', 0], ['CommitLimit', total], ['Committed_AS', total - free]];
  return rows.map(([name, pages]) => `${`${name}:`.padEnd(16)}${kb(pages)}\n`).join('');
}
function stat(k: Kernel): string {
  let ns = 0;
  for (const p of k.pids.processes.values()) { ns += p.cpuNs; for (const t of p.threads) ns += t.cpuNs; }
  const user = Math.floor(ns / 1e7), idle = Math.max(0, Math.floor(k.clock.now() / 1e7) - user), line = `${user} 0 0 ${idle} 0 0 0 0 0 0`;
  return `cpu  ${line}\ncpu0 ${line}\nintr 0\nctxt ${k.cpu.switches}\nbtime ${k.clock.wall(0).s}\nprocesses ${k.forks}\nprocs_running ${Math.max(1, running(k))}\nprocs_blocked 0\n`;
}
function sysctl(k: Kernel, fs: GeneratedFs): GeneratedDir {
  const dir = (): GeneratedDir => new GeneratedDir(fs);
  const setHost = (text: string): number => { k.uts.host = text.trim().slice(0, 64); return 0; };
  const ignore = (): number => 0, readOnly = (): number => -E.ACCES;
  const kernel = dir().file('hostname', () => `${k.uts.host}\n`, (_t, s) => setHost(s)).file('domainname', () => `${k.uts.domain}\n`).file('osrelease', () => `${RELEASE}\n`).file('ostype', () => 'Linux\n').file('version', () => `${VERSION}\n`)
    .file('pid_max', () => '4194304\n').file('threads-max', () => '32000\n').file('ngroups_max', () => '65536\n').file('cap_last_cap', () => '40\n').file('randomize_va_space', () => '0\n', ignore).file('printk', () => '4\t4\t1\t7\n', ignore).file('core_pattern', () => 'core\n', ignore).file('shmmax', () => '18446744073692774399\n')
    .add('random', dir().file('boot_id', () => '7e55e7a0-0000-4000-8000-000000000001\n').file('uuid', (t) => uuid(t.k)).file('entropy_avail', () => '256\n', readOnly).file('poolsize', () => '256\n'));
  const vm = dir().file('overcommit_memory', () => '0\n', ignore).file('max_map_count', () => '65530\n', ignore).file('swappiness', () => '60\n', ignore).file('drop_caches', () => '0\n', ignore).file('mmap_min_addr', () => '65536\n', ignore);
  const files = dir().file('file-max', () => '1048576\n', ignore).file('nr_open', () => '1048576\n').file('pipe-max-size', () => '1048576\n', ignore).file('file-nr', () => '0\t0\t1048576\n').add('inotify', dir().file('max_user_watches', () => '65536\n', ignore)).file('suid_dumpable', () => '0\n', ignore);
  const net = dir().add('core', dir().file('somaxconn', () => '4096\n', ignore)).add('ipv4', dir().file('ip_forward', () => '0\n', ignore).file('ip_local_port_range', () => '32768\t60999\n', ignore)).add('unix', dir().file('max_dgram_qlen', () => '512\n', ignore));
  return dir().add('kernel', kernel).add('vm', vm).add('fs', files).add('net', net);
}
function uuid(k: Kernel): string {
  const h = [...k.random.bytes(16)].map((b, i) => (i === 6 ? (b & 15) | 64 : i === 8 ? (b & 63) | 128 : b).toString(16).padStart(2, '0')).join('');
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-${h.slice(12, 16)}-${h.slice(16, 20)}-${h.slice(20)}\n`;
}
