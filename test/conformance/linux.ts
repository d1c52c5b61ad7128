/**
 * The peer: Debian's kernel in QEMU with one processor, on a root folder packed as its initramfs. A suite's result there is the expectation
 * for the Unix server.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const KERNEL = fileURLToPath(new URL('../../images/vmlinuz', import.meta.url));
const MEMORY = '4G', LONGEST = 1700;

const INIT = `#!/bin/sh
export PATH=/t:/bin:/sbin:/usr/bin:/usr/sbin
mkdir -p /proc /sys /dev /tmp
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm; mount -t devpts devpts /dev/pts; mount -t tmpfs tmpfs /dev/shm; mount -t tmpfs tmpfs /tmp
ip link set lo up
sh /t/run.sh
poweroff -f
`;

export const hasLinux = (): boolean => existsSync(KERNEL) && spawnSync('qemu-system-riscv64', ['--version']).status === 0;

/** Runs a shell script on Linux as root, over the given folder; returns the console's output. */
export function runOnLinux(root: string, script: string): string {
  const work = mkdtempSync(join(tmpdir(), 'linux-peer-')), initrd = join(work, 'root.cpio');
  try {
    writeFileSync(join(root, 't/run.sh'), script);
    writeFileSync(join(root, 'init'), INIT, { mode: 0o755 });
    execFileSync('sh', ['-c', `find . | cpio -o -H newc -R 0:0 > ${initrd}`], { cwd: root, stdio: ['ignore', 'ignore', 'ignore'] });
    const args = ['-M', 'virt', '-m', MEMORY, '-nographic', '-no-reboot', '-kernel', KERNEL, '-initrd', initrd, '-append',
      'console=ttyS0 quiet panic=1 loglevel=1'];
    return spawnSync('qemu-system-riscv64', args, { input: '', maxBuffer: 1 << 28, timeout: LONGEST * 1000, encoding: 'latin1' }).stdout;
  } finally { rmSync(work, { recursive: true, force: true }); }
}
