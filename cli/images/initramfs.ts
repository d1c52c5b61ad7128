/**
 * The initramfs that Debian's kernel starts from: the busybox root file system, kernel modules for our devices, and an init script
 * that says READY when it has set up the system and then runs a shell on the console.
 *
 * The kernel hands words of its command line that it does not know to init: `RUN="ls /"` runs that instead of a shell,
 * and the machine powers off afterwards either way.
 */
import { createHash } from 'node:crypto';
import { Mode, packInitramfs, type CpioEntry } from '../cpio.ts';

const INIT = `#!/bin/sh
# First program of the virtual machine: sets up the system, says READY, runs a shell.
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/root TERM=\${TERM:-linux}
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev 2>/dev/null
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts 2>/dev/null
mount -t tmpfs tmpfs /tmp
hostname -F /etc/hostname
tree=/proc/device-tree
for node in $tree/soc/virtio_mmio@* $tree/virtio_mmio@* $tree/soc/virtio@* $tree/virtio@*; do
  [ -e "$node" ] && { modprobe virtio_mmio; modprobe virtio_blk; break; }
done
# The console that the kernel was told of appears with its driver, which is a module: later than init.
case " $(cat /proc/cmdline) " in *" console=hvc0 "*) [ -c /dev/hvc0 ] && exec </dev/hvc0 >/dev/hvc0 2>&1 ;; esac
cd /root
echo READY
if [ -n "$RUN" ]; then
  sh -c "$RUN"
else
  setsid cttyhack sh -l
fi
poweroff -f
`;

/** Tells an initramfs with this script from one with another. */
export const INIT_HASH = createHash('sha256').update(INIT).digest('hex');

/** Packs a root file system folder with our init script. */
export function makeInitramfs(rootfs: string, extra: CpioEntry[] = []): Buffer {
  return packInitramfs(rootfs, [{ name: 'init', mode: Mode.file | 0o755, data: Buffer.from(INIT) }, ...extra]);
}
