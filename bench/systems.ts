/**
 * The systems that run the benchmarks. Each runs one shell script with all programs and prints a marker line before and after each;
 * the harness takes the host's time when a marker arrives, so a guest's own clock does not matter.
 */
import { existsSync, mkdtempSync, writeFileSync, cpSync, mkdirSync, chmodSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packInitramfs } from '../cli/cpio.ts';
import { debianRoot, programFile, programOf, workFiles } from './debian.ts';
import type { Benchmark } from './programs.ts';

export const root = fileURLToPath(new URL('..', import.meta.url));
const programs = join(root, 'guests/bin/linux');
export interface System {
  readonly name: string;
  /** Why it cannot run here, or undefined. */
  readonly missing: string | undefined;
  command(list: readonly Benchmark[]): { file: string; args: string[]; env?: Record<string, string> };
  runs(b: Benchmark): boolean;
}

const repeated = ({ command, often }: Benchmark): string => (often ? `for i in 1 2 3 4 5 6 7 8 9 10; do ${command}; done` : command);
export const script = (list: readonly Benchmark[]): string =>
  list.map((b) => `${b.prepare ? `${b.prepare}\n` : ''}echo @begin ${b.name}\n${repeated(b)}\necho @end ${b.name}`).join('\n') + '\n';
const has = (name: string): boolean => spawnSync('sh', ['-c', `command -v ${name}`]).status === 0;
const unless = (ok: boolean, why: string): string | undefined => (ok ? undefined : why);
const scratch = mkdtempSync(join(tmpdir(), 'tessera-bench-'));

let debian: string | undefined;
/** From now on, guests run in a copy of this Debian root. */
export function useRoot(folder: string): void { debian = folder; }

/** A root file system folder with our programs and the script as /bench.sh. */
function rootfs(list: readonly Benchmark[], init: boolean): string {
  if (debian) return debianFolder(debian, list);
  const dir = mkdtempSync(join(scratch, 'root-'));
  for (const text of ['bin', 'dev', 'proc', 'tmp']) mkdirSync(join(dir, text));
  cpSync(programs, join(dir, 'bin'), { recursive: true });
  if (existsSync(busybox)) cpSync(busybox, join(dir, 'bin/busybox'));
  writeFileSync(join(dir, 'bench.sh'), script(list.filter((b) => !b.command.startsWith('busybox') || existsSync(busybox))));
  if (init) writeFileSync(join(dir, 'init'), `#!/bin/sh\nexport PATH=/bin\n/bin/sh /bench.sh\necho @done\n`);
  if (init) chmodSync(join(dir, 'init'), 0o755);
  return dir;
}

/** The same for a Debian root. */
function debianFolder(from: string, list: readonly Benchmark[]): string {
  const dir = join(mkdtempSync(join(scratch, 'debian-')), 'root');
  debianRoot(from, dir, script(list));
  for (const benchmark of list) // not in place of Debian's own: ours is a small one
    if (benchmark.group !== 'debian' && existsSync(join(programs, programOf(benchmark))))
      cpSync(join(programs, programOf(benchmark)), join(dir, 'usr/bin', programOf(benchmark)));
  if (existsSync(busybox)) cpSync(busybox, join(dir, 'usr/bin/busybox'));
  return dir;
}

/** The same as an initramfs, for the systems that boot Debian's kernel. */
function initramfs(list: readonly Benchmark[]): string {
  const out = join(scratch, `initramfs-${list.length}.cpio`);
  writeFileSync(out, packInitramfs(rootfs(list, true)));
  return out;
}

const busybox = join(root, 'images/rootfs/bin/busybox');
const kernel = join(root, 'images/vmlinuz');
const tessera = join(root, 'bin/tessera');
const append = 'console=ttyS0 quiet';
/** A Debian root is unpacked into memory. */
const memory = (): string => (debian ? '3000M' : '512M');
const noKernel = (): string | undefined => unless(existsSync(kernel), 'no images: run `npm run images`');

export const systems: readonly System[] = [
  {
    name: 'tessera', missing: undefined, runs: () => true,
    command: (l) => ({ file: tessera, args: ['run', '--memory', memory(), '--rootfs', rootfs(l, false), '/bin/sh', '/bench.sh'] })
  },
  {
    name: 'tessera-vm', missing: noKernel(), runs: () => true,
    command: (list) => ({
      file: tessera,
      args: ['vm', '--memory', memory(), '--kernel', kernel, '--initrd', initramfs(list), '--append', append, '--until', '@done']
    })
  },
  {
    name: 'tessera-bare', missing: noKernel(), runs: () => true,
    command: (list) => ({
      file: tessera,
      args: ['bare', '--memory', memory(), '--kernel', kernel, '--initrd', initramfs(list), '--append', append, '--until', '@done']
    })
  },
  { name: 'qemu-system', missing: unless(has('qemu-system-riscv64'), 'qemu-system-riscv64 is not installed') ?? noKernel(),
    runs: () => true,
    command: (list) => ({
      file: 'qemu-system-riscv64',
      args: [
        '-M', 'virt', '-m', memory(), '-nographic', '-no-reboot', '-kernel', kernel, '-initrd', initramfs(list), '-append',
        append + ' panic=-1'
      ]
    }) },
  { name: 'qemu-user', missing: unless(has('qemu-riscv64-static'), 'qemu-riscv64-static is not installed'), runs: (b) => !b.starts,
    command: (l) => ({ file: 'sh', args: [userScript(l)], env: { PATH: binfmtPath(l), WORK: userWork(), HOME: scratch } }) },
  {
    name: 'native', missing: unless(has('cc'), 'no C compiler'), runs: (b) => b.native,
    command: (l) => ({ file: 'sh', args: [join(rootfs(l, false), 'bench.sh')], env: { PATH: `${nativePrograms()}:/bin:/usr/bin` } })
  },
];

/** Wrappers so that programs named in the script run under user-mode emulation without binfmt. */
function binfmtPath(list: readonly Benchmark[]): string {
  const dir = mkdtempSync(join(scratch, 'user-'));
  for (const name of new Set(list.map(programOf))) {
    const ours = join(programs, name), theirs = debian && programFile(debian, name);
    const command = theirs ? `-L ${debian} ${join(debian!, theirs)}` : name === 'busybox' ? busybox : ours;
    writeFileSync(join(dir, name), `#!/bin/sh\nexec qemu-riscv64-static ${command} "$@"\n`);
    chmodSync(join(dir, name), 0o755);
  }
  return `${dir}:/bin:/usr/bin`;
}

function userScript(list: readonly Benchmark[]): string {
  const file = join(mkdtempSync(join(scratch, 'script-')), 'bench.sh');
  writeFileSync(file, script(list));
  return file;
}
/** The work files, new for each run: some are written. */
function userWork(): string {
  const dir = mkdtempSync(join(scratch, 'work-'));
  workFiles(dir);
  return dir;
}

let built: string | undefined;
/** The CPU programs compiled for this computer, with its C library in place of the small one in guests/. */
function nativePrograms(): string {
  if (built) return built;
  built = mkdtempSync(join(scratch, 'native-'));
  for (const name of ['intmix', 'sieve', 'matmul', 'nbody', 'stream', 'interp', 'fib']) {
    const spawnSyncReturns = spawnSync('cc',
      [
        '-O2', '-fno-tree-vectorize', '-I', join(root, 'bench/native'), '-o', join(built, name),
        join(root, 'guests/linux/bench', `${name}.c`), '-lm'
      ],
      { encoding: 'utf8' });
    if (spawnSyncReturns.status !== 0) throw new Error(`native ${name}: ${spawnSyncReturns.stderr}`);
  }
  return built;
}
