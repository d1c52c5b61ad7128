/**
 * Debian's own binaries, unmodified: busybox in the Unix server, the 6.12 kernel in a virtual machine and on the bare machine.
 * Skipped where the images are not here: tessera images fetch.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { imagesFolder } from '../cli/images/where.ts';
import { tessera, type Run } from './tessera.ts';

const images = imagesFolder();
const kernel = join(images, 'vmlinuz'), initramfs = join(images, 'initramfs.cpio'), rootfs = join(images, 'rootfs');
const missing = !existsSync(join(images, 'manifest.json'));
if (missing) console.warn('skipped: no images (tessera images fetch)');

const folder = mkdtempSync(join(tmpdir(), 'tessera-debian-'));
afterAll(() => rmSync(folder, { recursive: true }));

const minutes = 60_000;
const shell = (script: string, input = '', more: string[] = []): Promise<Run> =>
  tessera(['run', '--rootfs', rootfs, ...more, '/bin/sh', '-c', script], { input, timeout: 3 * minutes });

describe.skipIf(missing)("Debian's busybox in the Unix server", () => {
  it('runs a loop into a pipeline and exits with the status it is told', async () => {
    const run = await shell('for i in 1 2 3; do echo $i; done | sort -r | tr 1-3 a-c; exit 7');
    expect(run).toMatchObject({ status: 7, stdout: 'c\nb\na\n', stderr: '' });
  });

  it('reads standard input, and has both outputs', async () => {
    const run = await shell('wc -c; echo oops >&2', 'x'.repeat(100_000));
    expect(run).toMatchObject({ status: 0, stdout: '100000\n', stderr: 'oops\n' });
  });

  it('gets the environment and the working directory', async () => {
    const run = await shell('echo $COLOUR; pwd', '', ['--env', 'COLOUR=blue', '--cwd=/etc']);
    expect(run.stdout).toBe('blue\n/etc\n');
  });

  it('dies of its signal with 128 + N', async () => {
    expect((await shell('kill -TERM $$')).status).toBe(143);
  });

  it('packs, unpacks and hashes 8 MiB as one does anywhere', async () => {
    const run = await shell('dd if=/dev/zero bs=1M count=8 2>/dev/null | gzip | gunzip | sha256sum');
    expect(run.stdout).toBe('2daeb1f36095b44b318410b3f4e8b5d989dcc7bb023d1426c492dab0a3053e74  -\n');
  }, 3 * minutes);

  it("calls a script's process by the script, not by its interpreter", async () => {
    const script = "printf '#!/bin/sh\\ncat /proc/$$/comm; pidof daemon >/dev/null && echo found' > /tmp/daemon";
    expect((await shell(`${script}; chmod 755 /tmp/daemon; cd /tmp; ./daemon`)).stdout).toBe('daemon\nfound\n');
  });

  it('tells the time of a program from the time that the server spends for it', async () => {
    const times = async (script: string): Promise<[user: number, system: number]> => {
      const { stderr } = await shell(`time sh -c '${script}'`), of = (name: string): number =>
        Number(stderr.match(new RegExp(`${name}\\s+0m\\s*([0-9.]+)s`))![1]);
      return [of('user'), of('sys')];
    };
    const [counting, served] = await times('i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done'),
      [copying, server] = await times('dd if=/dev/zero of=/dev/null bs=1M count=300 2>/dev/null');
    expect([counting > 5 * served, server > 5 * copying, server > 0.05], String([counting, served, copying, server]))
      .toEqual([true, true, true]);
  });

  it('has directories of one size, before and after somebody has read them', async () => {
    expect((await shell('stat -c %s.%b /bin; ls /bin >/dev/null; stat -c %s.%b /bin')).stdout).toBe('4096.8\n4096.8\n');
  });

  it('runs a pipeline of a hundred stages', async () => {
    const run = await shell('cmd="seq 200"; i=0; while [ $i -lt 99 ]; do cmd="$cmd | cat"; i=$((i+1)); done; eval "$cmd" | tail -n 1');
    expect(run.stdout).toBe('200\n');
  }, 3 * minutes);

  it('sees a host folder, and what it writes there comes back', async () => {
    const host = join(folder, 'shared');
    mkdirSync(host);
    writeFileSync(join(host, 'in'), 'from the host\n');
    const run = await shell('cat /data/in; echo from the guest > /data/out; rm /data/in', '', ['--mount', `${host}:/data`]);
    expect(run).toMatchObject({ status: 0, stdout: 'from the host\n' });
    expect(readFileSync(join(host, 'out'), 'utf8')).toBe('from the guest\n');
    expect(existsSync(join(host, 'in'))).toBe(false);
  });

  it('sees a host folder that it may only read; what it writes stays in the guest', async () => {
    const host = join(folder, 'readable');
    mkdirSync(host);
    writeFileSync(join(host, 'in'), 'from the host\n');
    await shell('cat /data/in; rm -f /data/in; true', '', ['--mount', `${host}:/data:ro`]);
    expect(readFileSync(join(host, 'in'), 'utf8')).toBe('from the host\n');
  });

  it('leaves the same trace when it is run again, whatever the engine', async () => {
    const traces = ['a', 'b', 'c'].map((name) => join(folder, name));
    const engines = ['interp', 'interp', 'auto'];
    for (const [i, trace] of traces.entries())
      expect((await shell('seq 20 | sort -r | head -n 1', '', ['--trace', trace, '--engine', engines[i]])).stdout).toBe('9\n');
    expect(readFileSync(traces[1]).equals(readFileSync(traces[0]))).toBe(true);
    expect(readFileSync(traces[2]).equals(readFileSync(traces[0]))).toBe(true);
  });
});

const append = (command: string) => `console=ttyS0 quiet RUN="${command}"`;
const boot = (kind: 'vm' | 'bare', command: string, more: string[] = []): Promise<Run> =>
  tessera([kind, '--kernel', kernel, '--initrd', initramfs, '--append', append(command), ...more], { timeout: 4 * minutes });

/** MiB; later versions of Node use more memory. */
const most = process.versions.node.startsWith('20.') ? 150 : 170;

describe.skipIf(missing).each(['vm', 'bare'] as const)("Debian's kernel with tessera %s", (kind) => {
  it('boots, runs a command, powers off with status 0; beside the guest, that has taken less than 150 MiB where the host tells',
    async () => {
    const stats = join(folder, `${kind}.json`);
    const run = await boot(kind, 'uname -srm; nproc', [`--stats=${stats}`]);
    expect(run.stdout).toMatch(/READY\r\nLinux 6\.12\S+ riscv64\r\n1\r\n/);
    expect(run.status).toBe(0);
    const { memory } = (JSON.parse(readFileSync(stats, 'utf8')) as { engine: { memory?: { overhead: number } } }).engine;
    expect(memory !== undefined).toBe(existsSync('/proc/self/pagemap'));
    expect(memory?.overhead ?? 0).toBeLessThan(most * 2 ** 20);
  }, 4 * minutes);

  it('has two processors when it is told so', async () => {
    const run = await boot(kind, 'nproc; grep -c ^processor /proc/cpuinfo', ['--smp', '2']);
    expect(run.stdout).toMatch(/READY\r\n2\r\n2\r\n/);
    expect(run.status).toBe(0);
  }, 4 * minutes);
});

describe.skipIf(missing)('a virtual machine with Debian', () => {
  const record = join(folder, 'outside');
  let first: Run;
  beforeAll(async () => {
    first = await boot('vm', 'date; od -An -tx1 -N8 /dev/urandom', ['--record', record, '--trace', join(folder, 't1')]);
  }, 4 * minutes);

  it('replays to the same trace', async () => {
    const again = await boot('vm', 'date; od -An -tx1 -N8 /dev/urandom', ['--replay', record, '--trace', join(folder, 't2')]);
    expect(again.stdout).toBe(first.stdout);
    expect(readFileSync(join(folder, 't2')).equals(readFileSync(join(folder, 't1')))).toBe(true);
  }, 4 * minutes);

  it('keeps what it writes on its disk', async () => {
    const disk = join(folder, 'disk.img');
    writeFileSync(disk, Buffer.alloc(1 << 20));
    const run = await boot('vm', 'echo on the disk | dd of=/dev/vda conv=fsync 2>/dev/null; dd if=/dev/vda bs=12 count=1 2>/dev/null',
      ['--disk', disk]);
    expect(run.stdout).toContain('on the disk');
    expect(readFileSync(disk).subarray(0, 12).toString()).toBe('on the disk\n');
  }, 4 * minutes);

  it('boots again when its kernel reboots', async () => {
    const run = await tessera([
      'vm', '--kernel', kernel, '--initrd', initramfs, '--append', append('reboot -f'), '--max-instructions', '3e9'
    ],
      { timeout: 4 * minutes });
    expect(run.stdout.match(/READY/g)?.length).toBeGreaterThan(1);
    expect(run.status).toBe(124);
  }, 4 * minutes);

  it('can be watched for a text, such as that of a kernel panic', async () => {
    const run = await tessera(['vm', '--kernel', kernel, '--append', 'console=ttyS0', '--until', 'end Kernel panic'],
      { timeout: 4 * minutes });
    expect(run.stdout).toContain('Unable to mount root fs');
    expect(run.status).toBe(0);
  }, 4 * minutes);
});
