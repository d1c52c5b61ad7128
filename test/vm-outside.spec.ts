/**
 * What a virtual machine with Debian has of the outside: folders of the host over 9P, a virtio console, an end instead of a reboot.
 * Skipped where the images are not here.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { imagesFolder } from '../cli/images/where.ts';
import { tessera, type Run } from './tessera.ts';

const images = imagesFolder(), kernel = join(images, 'vmlinuz'), initramfs = join(images, 'initramfs.cpio');
const missing = !existsSync(join(images, 'manifest.json'));
if (missing) console.warn('skipped: no images (tessera images fetch)');
const folder = mkdtempSync(join(tmpdir(), 'tessera-vm-outside-'));
afterAll(() => rmSync(folder, { recursive: true }));

const minutes = 60_000;
const boot = (command: string, more: string[] = [], console = 'ttyS0'): Promise<Run> =>
  tessera([
    'vm', '--kernel', kernel, '--initrd', initramfs, '--memory', '256M', '--append', `console=${console} quiet RUN="${command}"`, ...more
  ],
    { timeout: 4 * minutes });
const mount = (tag: string, at: string, more = ''): string =>
  `modprobe 9pnet_virtio; modprobe 9p; mkdir -p ${at}; mount -t 9p -o trans=virtio,version=9p2000.L${more} ${tag} ${at}`;

describe.skipIf(missing)('a folder of the host in a virtual machine', () => {
  it('is read and written live under its tag; one for reading only stays as it is; a replay needs neither', async () => {
    const shared = join(folder, 'shared'), still = join(folder, 'still'), record = join(folder, 'record');
    for (const path of [shared, still]) mkdirSync(path);
    writeFileSync(join(shared, 'in'), 'from the host\n');
    writeFileSync(join(still, 'in'), 'as it was\n');
    const command = `${mount('host', '/a')}; ${mount('still', '/b', ',msize=512000')}; grep -o msize=[0-9]* /proc/mounts; cat /a/in /b/in; `
      + `echo from the guest > /a/out; mkdir /a/d; mv /a/in /a/d/moved; seq 20000 > /a/d/many; md5sum /a/d/many; echo no > /b/in; rm `
      + `/b/in; ls /b; sync`;
    const options = ['--mount', `${shared}:host`, '--mount', `${still}:still:ro`];
    const run = await boot(command, [...options, '--record', record]);
    expect(run.status).toBe(0);
    expect(run.stdout).toMatch(/READY\r\nmsize=131072\r\nmsize=131072\r\nfrom the host\r\nas it was\r\n[0-9a-f]{32} {2}\/a\/d\/many\r\n/);
    expect(run.stdout).toMatch(/Read-only file system[^]*\r\nin\r\n/);
    expect([
      readFileSync(join(shared, 'out'), 'utf8'), readdirSync(shared).sort(), readFileSync(join(shared, 'd/moved'), 'utf8'),
      readFileSync(join(still, 'in'), 'utf8')
    ])
      .toEqual(['from the guest\n', ['d', 'out'], 'from the host\n', 'as it was\n']);
    expect(readFileSync(join(shared, 'd/many'), 'utf8').split('\n').length).toBe(20_001);
    for (const path of [shared, still]) rmSync(path, { recursive: true });
    expect((await boot(command, [...options, '--replay', record])).stdout).toBe(run.stdout);
  }, 8 * minutes);

  it('is refused with a sentence when it is no folder, or its tag is none', async () => {
    writeFileSync(join(folder, 'file'), '');
    expect((await boot('true',
      ['--mount', `${join(folder, 'file')}:tag`])).stderr).toMatch(/E_OPTION: option --mount: '.*file' is no folder/);
    expect((await boot('true', ['--mount', `${folder}:a`, '--mount', `${folder}:a`])).stderr).toMatch(/'a' is no mount tag/);
    expect((await boot('true', ['--mount', folder])).stderr).toMatch(/no HOST:TAG/);
  });
});

describe.skipIf(missing)('the console of a virtual machine', () => {
  it('can be a virtio console, and a reboot can be the end', async () => {
    const run = await boot('exec > /dev/hvc0 2>&1; echo hello; cat /sys/class/tty/console/active; reboot -f; sleep 100',
      ['--console', 'virtio', '--no-reboot'], 'hvc0');
    expect(run).toMatchObject({ status: 0 });
    expect(run.stdout).toContain('hello\r\nhvc0\r\n');
    expect(run.stdout.match(/hello/g)?.length).toBe(1);
  }, 4 * minutes);
});

describe.skipIf(missing)('a disk of a virtual machine', () => {
  it('can be a snapshot, of which the file learns nothing', async () => {
    const disk = join(folder, 'disk.img');
    writeFileSync(disk, Buffer.alloc(1 << 20));
    const run = await boot('modprobe virtio_blk; echo kept in memory | dd of=/dev/vda conv=fsync 2>/dev/null; dd if=/dev/vda bs=14 count=1 '
      + '2>/dev/null',
      ['--disk', `${disk},snapshot`]);
    expect([run.status, run.stdout.includes('kept in memory')]).toEqual([0, true]);
    expect(readFileSync(disk).every((b) => b === 0)).toBe(true);
  }, 4 * minutes);
});
