/** One processor in one package, with all memory near it: /sys/devices/system/cpu/cpu0/topology and /sys/devices/system/node. */
import { GeneratedDir } from './generated.ts';
import type { FileSystem } from './inode.ts';

export function topology(fs: FileSystem): GeneratedDir {
  const dir = new GeneratedDir(fs);
  for (const name of ['cluster_id', 'core_id', 'physical_package_id']) dir.file(name, () => '0\n');
  for (const name of ['cluster_cpus', 'core_cpus', 'core_siblings', 'package_cpus', 'thread_siblings'])
    dir.file(name, () => '1\n').file(`${name}_list`, () => '0\n');
  return dir;
}

export function nodes(fs: FileSystem): GeneratedDir {
  const dir = new GeneratedDir(fs);
  for (const name of ['has_cpu', 'has_memory', 'has_normal_memory', 'online', 'possible']) dir.file(name, () => '0\n');
  return dir.add('node0', new GeneratedDir(fs).file('cpulist', () => '0\n').file('cpumap', () => '1\n').file('distance', () => '10\n'));
}
