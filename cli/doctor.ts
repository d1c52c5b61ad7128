/**
 * The checks of `tessera doctor`: the tool, its use, how to install it. Only a check marked `must` is needed to run Tessera at all; each of
 * the others enables one feature.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import pc from 'picocolors';
import { Exit } from './errors.ts';
import { haveTool } from './images/apt.ts';
import { readManifest } from './images/manifest.ts';
import { configuredSources, debianMirror } from './images/sources.ts';
import { imagesFolder, projectRoot } from './images/where.ts';

interface Check { what: string; must?: boolean; here: () => boolean; needed: string; get: string }

const tool = (name: string, needed: string, get: string): Check => ({ what: name, here: () => haveTool(name), needed, get });

const checks: Check[] = [
  {
    what: `Node ${process.versions.node}`, must: true, here: () => Number(process.versions.node.split('.')[0]) >= 20, needed: 'everything',
    get: 'install Node 20 or newer'
  },
  {
    what: 'WebAssembly', must: true, here: () => 'WebAssembly' in globalThis, needed: 'the machine',
    get: 'use a Node built with WebAssembly'
  },
  {
    what: 'guests/bin', must: true, here: () => existsSync(join(projectRoot(), 'guests/bin/linux/sh')), needed: 'the default scenario',
    get: 'check out guests/bin again, or run guests/build.sh'
  },
  {
    what: 'Debian images', here: () => readManifest(imagesFolder()) !== undefined, needed: 'tessera run --rootfs, tessera vm with Debian',
    get: 'tessera images fetch'
  },
  {
    what: 'permissions of Node', here: () => PERMISSION_FLAGS.some((flag) => process.allowedNodeEnvironmentFlags.has(flag)),
    needed: 'a second wall around runs without writable folders', get: 'use Node 20 or newer'
  },
  {
    what: 'bubblewrap', here: hasBubblewrap, needed: 'a second wall around runs with writable folders',
    get: 'on Linux install bubblewrap; user namespaces must be allowed'
  },
  tool('apt-get', 'tessera images fetch', 'use a Debian or a system with apt; or copy an images folder from one'),
  tool('dpkg-deb', 'tessera images fetch', 'install the package dpkg'),
  {
    what: 'a Debian mirror', here: () => debianMirror(configuredSources()) !== undefined, needed: 'tessera images fetch',
    get: 'a Debian source in /etc/apt (it is only read)'
  },
  tool('xz', 'kernel modules in the initramfs', 'install xz-utils'),
  tool('riscv64-linux-gnu-gcc', 'rebuilding guests/', 'install gcc-riscv64-linux-gnu'),
  tool('qemu-riscv64-static', 'comparing our Unix server with QEMU', 'install qemu-user-static'),
  tool('qemu-system-riscv64', 'comparing our machine with QEMU', 'install qemu-system-misc'),
  tool('gdb-multiarch', 'debugging guests', 'install gdb-multiarch'),
  tool('tshark', 'looking at captures of --net …,pcap=FILE, and their test', 'install tshark or wireshark'),
  {
    what: 'OpenSBI and U-Boot',
    here: () => ['riscv64-linux-gnu/opensbi', 'u-boot/qemu-riscv64_smode'].every((f) => existsSync(join('/usr/lib', f))),
    needed: 'the tests with real firmware', get: 'install opensbi and u-boot-qemu'
  },
];

const PERMISSION_FLAGS = ['--permission', '--experimental-permission'];

/** Installed and working. */
function hasBubblewrap(): boolean {
  return process.platform === 'linux'
    && spawnSync('bwrap', ['--ro-bind', '/', '/', '--dev-bind', '/dev', '/dev', 'true'], { stdio: 'ignore' }).status === 0;
}

/** Prints the table; status 1 if a tool that every run needs is missing. */
export function doctor(json = false): number {
  if (json) return asJson();
  let status: number = Exit.ok;
  for (const check of checks) {
    const here = check.here();
    if (!here && check.must) status = Exit.failure;
    const mark = here ? pc.green('ok     ') : check.must ? pc.red('missing') : pc.yellow('missing');
    process.stdout.write(`${mark}  ${check.what.padEnd(22)} for ${check.needed}${here ? '' : `; ${check.get}`}\n`);
  }
  return status;
}

function asJson(): number {
  const rows = checks.map(({ what, must, here, needed, get }) => ({ what, here: here(), needed, must: must ?? false, get }));
  process.stdout.write(`${JSON.stringify(rows, undefined, 2)}\n`);
  return rows.some((r) => r.must && !r.here) ? Exit.failure : Exit.ok;
}
