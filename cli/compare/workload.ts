/**
 * The workload of `tessera compare`: small programs in sequence, between markers on the guest's console. Each prints the guest time of one
 * operation; exits are counted between the markers.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../images/where.ts';
import { packCpio, Mode } from '../cpio.ts';

export interface Phase { readonly name: string; readonly title: string; /** Operations. */ readonly n: number; readonly command: string;
  /** The program's line with the total time, where it prints none for one operation; in units of this many ns. */
  readonly says?: { readonly all: RegExp; readonly unit: number } }

const FOLDER = 'w', SCRIPT = `${FOLDER}/run`, PROGRAMS = ['getppid', 'pagefault', 'protect', 'pipebench', 'forkwait', 'forkexec',
  'diskread', 'true', 'intmix', 'interp', 'build'] as const;
const run = (program: (typeof PROGRAMS)[number], ...args: (string | number)[]): string => [`/${FOLDER}/${program}`, ...args].join(' ');

/** All phases after READY; `boot` comes before. */
export const PHASES: readonly Phase[] = [
  { name: 'getpid', title: 'system call (getppid)', n: 20_000, command: run('getppid', 20_000) },
  { name: 'fault', title: 'page fault', n: 5_120, command: run('pagefault', 5_120) },
  { name: 'table', title: 'two changes of a table', n: 4_000, command: run('protect', 4_000) },
  { name: 'switch', title: 'round trip over two pipes', n: 2_000, command: run('pipebench', 2_000) },
  { name: 'fork', title: 'fork and wait', n: 200, command: run('forkwait', 200) },
  { name: 'exec', title: 'fork, exec and wait', n: 100, command: run('forkexec', 100, `/${FOLDER}/true`) },
  { name: 'disk', title: 'disk request of 4 KiB', n: 256, command: run('diskread', 256) },
  { name: 'compute', title: 'compiled program', n: 1, command: run('intmix', 200), says: { all: /intmix: .* (\d+) us/, unit: 1000 } },
  { name: 'interp', title: 'interpreter', n: 1, command: run('interp', 2_000), says: { all: /interp: .* (\d+) us/, unit: 1000 } },
  { name: 'build', title: 'small build', n: 1, command: run('build', 4), says: { all: /build 1 (\d+)/, unit: 1 } },
];
/**
 * Between boot and work: a kernel that has just started continues its own background work (the random generator, memory, modules) for about
 * a second.
 */
export const SETTLE = { name: 'settle', command: 'sleep 3' } as const;
export const DISK_BYTES = 4 * 2 ** 20;

/** The marker before a phase; `end` follows the last one. */
export const marker = (phase: string): string => `@phase ${phase}@`;
export const READY = 'READY';

/** Every address space alike: random addresses would be different ones everywhere. */
export const STEADY = 'norandmaps';
/** Sets markers (markers.ts), between the boot's background work and the other phases. */
export const MARK = 'mark';
export const markProgram = (): Uint8Array => readFileSync(join(projectRoot(), 'guests/bin/apart', MARK));

/** Appended to the kernel's command line: Debian's init (images/initramfs.cpio) runs this and powers off. */
export const COMMAND_LINE = `RUN="sh /${SCRIPT}"`;

/** The initial root file system with programs and script appended: Linux unpacks archives one after the other. */
export function withWorkload(initrd: Uint8Array, phases: readonly Phase[]): Uint8Array {
  const lines = [SETTLE, ...phases].map(({ name, command }) => `echo "${marker(name)}"; ${command}`);
  lines[0] += `; /${FOLDER}/${MARK}`;
  const script = `#!/bin/sh\n${[...lines, `echo "${marker('end')}"`].join('\n')}\n`;
  const programs = [...PROGRAMS.map((name): [string, Uint8Array] => [name, readFileSync(join(projectRoot(), 'guests/bin/linux', name))]),
    [MARK, markProgram()] as const].map(([name, data]) => ({ name: `${FOLDER}/${name}`, mode: Mode.file | 0o755, data }));
  const archive = packCpio([
    { name: FOLDER, mode: Mode.dir | 0o755 },
    { name: SCRIPT, mode: Mode.file | 0o755, data: Buffer.from(script) },
    ...programs,
  ]);
  const gap = -initrd.length & 511;
  return Buffer.concat([initrd, Buffer.alloc(gap), archive]);
}
