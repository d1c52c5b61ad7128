/**
 * Firmware: Debian's OpenSBI and U-Boot packages, and our own SBI, each up to a running system. Skipped where the packages (apt install
 * opensbi u-boot-qemu) or the images (tessera images fetch) are not here.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { imagesFolder } from '../cli/images/where.ts';
import { tessera, type Run } from './tessera.ts';

const images = imagesFolder(), kernel = join(images, 'vmlinuz'), initramfs = join(images, 'initramfs.cpio');
const missing = !existsSync(join(images, 'manifest.json'));
const opensbi = '/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_jump.elf', uboot = '/usr/lib/u-boot/qemu-riscv64_smode/uboot.elf';
const noOpensbi = !existsSync(opensbi), noUboot = !existsSync(uboot);
if (missing) console.warn('skipped: no images (tessera images fetch)');
if (noOpensbi || noUboot) console.warn('skipped: no firmware (apt install opensbi u-boot-qemu)');

const folder = mkdtempSync(join(tmpdir(), 'tessera-firmware-'));
afterAll(() => rmSync(folder, { recursive: true }));
const minutes = 60_000;
const boot = (more: string[], command: string, kind = 'bare'): Promise<Run> =>
  tessera([kind, ...more, '--kernel', kernel, '--initrd', initramfs, '--append', `console=ttyS0 quiet RUN="${command}"`],
    { timeout: 4 * minutes });

describe.skipIf(noOpensbi)('OpenSBI', () => {
  it.skipIf(noUboot)('starts U-Boot, which gets a lease, pings, and loads a file', async () => {
    writeFileSync(join(folder, 'file'), 'hello over the wire');
    const input =
      ' setenv autoload no; dhcp; ping 10.0.2.2; setenv serverip 10.0.2.2; tftpboot 0x84000000 file; md.b 0x84000000 13; poweroff\n';
    const run = await tessera(['bare', opensbi, '--kernel', uboot, '--memory', '256M', '--net', `gateway,tftp=${folder}`],
      { input, timeout: 2 * minutes });
    for (const text of [
      'U-Boot 20', 'DHCP client bound to address 10.0.2.15', 'host 10.0.2.2 is alive', 'Bytes transferred = 19', 'hello over the w'
    ])
      expect(run.stdout).toContain(text);
    expect(run.status).toBe(0);
  }, 2 * minutes);

  it.skipIf(missing)("starts Debian's kernel on four harts", async () => {
    const run = await boot([opensbi, '--smp', '4'], 'nproc');
    expect(run.stdout).toMatch(/OpenSBI v1[^]*READY\r\n4\r\n/);
    expect(run.status).toBe(0);
  }, 4 * minutes);
});

// net.spec.ts tests that the built-in SBI starts Debian's kernel on four harts, and its extensions.
describe.skipIf(missing).each(['bare', 'vm'])('the SBI of %s', (kind) => {
  it('lets the system sleep until a key that may wake it is pressed, and then brings the other hart back', async () => {
    // The key arrives when the system is idle: the recording delivers it long after the system has gone to sleep.
    writeFileSync(join(folder, 'bare'), `{"tessera":"input","version":1,"seed":0}\n{"boot":0,"cycle":20000000000,"data":"Cg=="}\n`);
    writeFileSync(join(folder, 'vm'),
      `{"tessera":"outside","version":1,"seed":1}\n{"cycle":20000000000,"channel":"console0","kind":"bytes","data":"Cg=="}\n`);
    const run = await boot(['--smp', '2', '--replay', join(folder, kind)],
      'echo enabled > /sys/class/tty/ttyS0/power/wakeup; echo mem > /sys/power/state; nproc; dmesg | grep -o -e SBI.SUSP.*d -e '
        + 'suspend.e.*[^,].$ -e CPU1.*$',
      kind);
    expect(run.stdout)
      .toMatch(/SBI SUSP extension detected\r\n(.*\r\n)*suspend entry \(deep\)\r\nCPU1: off\r\nCPU1 is up\r\nsuspend exit\r\n/);
    expect(run.status).toBe(0);
  }, 4 * minutes);
});
