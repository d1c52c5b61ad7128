/** A small /sys: the files that programs use to count processors, find terminals and list disks. */
import type { Kernel } from '../kernel/kernel.ts';
import type { Directory } from './inode.ts';
import { classNet } from './proc/net.ts';
import { GeneratedDir, GeneratedFs, madeLater } from './generated.ts';
import { rtcDir } from '../drivers/rtc.ts';
import { blockTreeOf, type BlockTree } from './sysblock.ts';
import { nodes, topology } from './syscpu.ts';

export function sysTree(k: Kernel): Directory {
  const fs = new GeneratedFs('sysfs', k.newDev(), 0x62656572, () => k.clock.time()), dir = (): GeneratedDir => new GeneratedDir(fs);
  const later = (make: () => GeneratedDir): GeneratedDir => madeLater(fs, make);
  const cpu = dir().file('online', () => '0\n').file('possible', () => '0\n').file('present', () => '0\n')
    .file('kernel_max', () => '127\n').file('offline', () => '\n').file('isolated', () => '\n').file('nohz_full', () => '\n')
    .add('cpu0', dir().file('online', () => '1\n').add('topology', later(() => topology(fs))));
  // ksm exists but does not run: the server never merges equal pages.
  const ksm = dir();
  for (const [name, value] of [['run', 0], ['pages_to_scan', 100], ['sleep_millisecs', 20], ['pages_shared', 0], ['pages_sharing', 0],
    ['pages_unshared', 0],
    ['pages_volatile', 0], ['full_scans', 0], ['merge_across_nodes', 1], ['max_page_sharing', 256]] as const) ksm.file(name, () =>
      `${value}\n`);
  const thp = dir().file('enabled', () => 'always madvise [never]\n');
  const block = (): BlockTree => blockTreeOf(fs, k);
  const system = dir().add('cpu', cpu).add('node', later(() => nodes(fs))),
    virtual = dir().add('block', later(() => block().devices));
  return dir().add('devices', dir().add('system', system).add('virtual', virtual))
    .add('class', dir().add('tty', dir()).add('net', later(() => classNet(fs, k))).add('block', later(() => block().all))
      .add('rtc', dir().add('rtc0', later(() => rtcDir(fs, k)))))
    .add('block', later(() => block().disks)).add('dev', dir().add('block', later(() => block().numbers))).add('bus', dir())
    .add('fs', dir().add('cgroup', dir())).add('kernel', dir().add('mm', dir().add('ksm', ksm).add('transparent_hugepage', thp))).add(
      'module', dir());
}
