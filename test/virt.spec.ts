/** One guest, several techniques: what it says is the same; what a technique cannot do is said in a line. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { imagesFolder } from '../cli/images/where.ts';
import { tessera } from './tessera.ts';
import { temporaryFolder } from './temporary.ts';

const MINIOS = ['--kernel', 'guests/bin/minios.bin', '--memory', '16M'];
const UBOOT = '/usr/lib/u-boot/qemu-riscv64_smode/uboot.elf', LINUX = join(imagesFolder(), 'vmlinuz'),
  INITRD = join(imagesFolder(), 'initramfs.cpio');
const COMMANDS =
  'echo sum-$((6*7)); echo processors-$(grep -c ^processor /proc/cpuinfo); ls / | wc -l; for i in 1 2 3; do (echo $i); done; poweroff -f\n';
const vm = (...args: string[]) => tessera(['vm', ...args]);

describe('trap and emulate', () => {
  it.each([[1, 'base'], [1, 'base,no-h'],
    [2, 'base,no-h,no-asid,no-sstc']])('minios with %i processors says on %s what it says by the hypervisor extension',
      async (smp, cpu) => {
    const [assisted, trapped] = await Promise.all([vm('--smp', String(smp), ...MINIOS),
      vm('--virt', 'trap', '--smp', String(smp), '--cpu', cpu, ...MINIOS)]);
    expect(trapped).toEqual(assisted);
    expect(trapped.status).toBe(0);
    expect(trapped.stdout).toContain('5 ticks');
  });

  it.each([[], ['--shadow', 'traced'], ['--shadow', 'traced', '--look-ahead'], ['--look-ahead']])(
    'a guest that writes its tables by stores and by sc computes with %j what it computes by the hypervisor extension', async (...how) => {
    const kernel = ['--kernel', 'guests/bin/system.bin', '--memory', '16M'], sum = /its sum is \d+/;
    const [assisted, trapped] = await Promise.all([vm(...kernel), vm('--virt', 'trap', ...how, ...kernel)]);
    expect([trapped.status, sum.exec(trapped.stdout)?.[0]]).toEqual([0, sum.exec(assisted.stdout)?.[0] ?? 'nothing']);
  });

  it('goes wrong on a processor where a sensitive instruction does not trap', async () => {
    const { status, stdout } = await vm('--virt', 'trap', '--hole', '--cpu', 'base,popf', ...MINIOS);
    expect([status, /panic: unexpected trap/.test(stdout)]).toEqual([1, true]);
    expect((await vm('--cpu', 'base,popf', ...MINIOS)).status).toBe(0);
  });

  it.skipIf(!existsSync(UBOOT))('U-Boot comes to its prompt', async () => {
    const { status } = await vm('--virt', 'trap', '--cpu', 'base,no-h', '--kernel', UBOOT, '--memory', '128M', '--until',
      'Hit any key to stop autoboot');
    expect(status).toBe(0);
  });

  // The kernel chooses Sv57 by itself; its upper half is that of the task.
  it.skipIf(!existsSync(LINUX)).each([[1, 'base'], [1, 'base,no-h'],
    [2, 'base,no-h']])("Debian's kernel with %i processors on %s boots, runs commands and powers off", async (smp, cpu) => {
    const { status, stdout } = await tessera(['vm', '--virt', 'trap', '--smp', String(smp), '--cpu', cpu, '--kernel', LINUX, '--initrd',
      INITRD, '--memory', '192M', '--append', 'console=ttyS0 quiet'], { input: COMMANDS, timeout: 200_000 });
    expect(stdout).toContain('READY');
    expect(stdout).toMatch(/sum-42\r?\n/);
    expect(stdout).toMatch(new RegExp(`processors-${smp}\r?\n`));
    expect(status).toBe(0);
  });
});

describe('scan and patch', () => {
  it.each([['breakpoints', 1, 'base,no-h,popf'], ['chained', 1, 'base,no-h'], ['chained', 2, 'base,no-h,popf'],
    ['cache', 2, 'base,no-h,popf,no-asid,no-sstc']])('minios by %s with %i processors says on %s what it says by the hypervisor extension',
      async (patch, smp, cpu) => {
    const [assisted, patched] = await Promise.all([vm('--smp', String(smp), ...MINIOS),
      vm('--virt', 'patch', '--patch', patch, '--smp', String(smp), '--cpu', cpu, ...MINIOS)]);
    expect(patched).toEqual(assisted);
  });

  // By breakpoints a boot takes 93 million of them, and five minutes of a processor: with TESSERA_LONG=1 alone.
  it.skipIf(!existsSync(LINUX)).each([['stubs', 200_000], ['cache', 200_000], ['chained', 200_000],
    ...(process.env['TESSERA_LONG'] ? [['breakpoints', 1_200_000]] as const : [])] as const)(
    "Debian's kernel boots by %s where a sensitive instruction does not trap, runs commands and powers off", async (patch, timeout) => {
    const { status, stdout } = await tessera(['vm', '--virt', 'patch', '--patch', patch, '--cpu', 'base,no-h,popf', '--kernel', LINUX,
      '--initrd', INITRD, '--memory', '192M', '--append', 'console=ttyS0 quiet'], { input: COMMANDS, timeout });
    expect(stdout).toContain('READY');
    expect(stdout).toMatch(/sum-42\r?\n/);
    expect(status).toBe(0);
  }, 1_250_000);
});

describe('pre-virtualization', () => {
  it.skipIf(!existsSync(LINUX))("Debian's kernel, rewritten, runs commands with two processors and powers off", async () => {
    const sites = join(temporaryFolder('sites'), 'list');
    expect((await tessera(['afterburn', LINUX, '-o', sites])).stderr)
      .toMatch(/: [56]\d{3} sites among \d+ instructions; 0 places in doubt/);
    const { status, stdout } = await tessera(['vm', '--virt', 'pre', '--sites', sites, '--smp', '2', '--cpu', 'base,no-h,popf',
      '--kernel', LINUX, '--initrd', INITRD, '--memory', '192M', '--append', 'console=ttyS0 quiet'], { input: COMMANDS, timeout: 200_000 });
    expect(stdout).toMatch(/sum-42\r?\nprocessors-2\r?\n/);
    expect(status).toBe(0);
  });

  it('minios, rewritten from the list of its sites, says what it says by the hypervisor extension', async () => {
    const elf = ['--kernel', 'guests/bin/minios.elf', '--memory', '16M'],
      sites = join(temporaryFolder('sites'), 'list');
    expect(await tessera(['afterburn', 'guests/bin/minios.elf', '-o', sites])).toMatchObject({ status: 0,
      stderr: expect.stringMatching(/^afterburn: \d+ sites among \d+ instructions; 0 places in doubt/) as string });
    const [assisted, rewritten] = await Promise.all([vm(...elf), vm('--virt', 'pre', '--sites', sites, '--cpu', 'base,no-h,popf', ...elf)]);
    expect(rewritten).toEqual(assisted);
    expect(await vm('--virt', 'pre', '--sites', sites, '--kernel', 'guests/bin/control.bin', '--memory', '16M')).toMatchObject({ status: 2,
      stderr: expect.stringContaining('is of another kernel') as string });
  });
});

it.skipIf(!existsSync(LINUX)).each(['base,no-htinst', 'base,no-htinst,no-hlv', 'base,no-sstc', 'base,no-vmid,no-asid', 'base,kseg0',
  'base,popf,exit=3963'])("Debian's kernel comes to its console on %s", async (cpu) => {
  const { status } = await vm('--cpu', cpu, '--kernel', LINUX, '--memory', '128M', '--append', 'console=ttyS0', '--until', 'Linux version');
  expect(status).toBe(0);
});

it('without the hypervisor extension, hardware assistance is refused with the reason', async () => {
  expect(await vm('--cpu', 'base,no-h', ...MINIOS)).toMatchObject({ status: 2,
    stderr: expect.stringContaining('no hypervisor extension (H)') as string });
});

it.each([
  [['vm', '--cpu', 'base,no-vm', ...MINIOS], "there is no switch 'no-vm'"],
  [['vm', '--cpu', 'base,no-h,exit=784', ...MINIOS], 'no-h leaves no virtual machines'],
  [['vm', '--cpu', 'base,no-mmu', ...MINIOS], 'the microkernel keeps tasks apart by address translation'],
  [['vm', '--virt', 'trap', '--cpu', 'base,popf', ...MINIOS], 'would run wrongly; use --virt patch, or add --hole'],
  [['vm', '--virt', 'magic', ...MINIOS], "'magic' is none of hardware, trap"],
  [['vm', '--mmu', 'shadow', ...MINIOS], 'technique hardware has twostage memory, not shadow'],
  [['vm', '--virt', 'trap', '--mmu', 'twostage', ...MINIOS], "a second stage is the H extension's"],
  [['vm', '--shadow', 'traced', ...MINIOS], 'traced tables are shadow tables'],
  [['vm', '--virt', 'pre', ...MINIOS], "technique pre needs a list of the kernel's sites"],
  [['vm', '--virt', 'patch', '--sites', 'package.json', ...MINIOS], 'a list of sites goes with technique pre, not patch'],
  [['vm', '--virt', 'patch', '--shadow', 'traced', ...MINIOS], 'traced tables do not go with technique patch'],
  [['vm', '--virt', 'patch', '--patch', 'quilt', ...MINIOS], "'quilt' is none of breakpoints, chained, cache"],
  [['afterburn', 'guests/bin/minios.bin'], 'has no kallsyms to say where its functions are'],
  [['vm', '--virt', 'trap', '--shadow', 'deep', ...MINIOS], "'deep' is none of sync, traced"],
  [['vm', '--cpu', 'base,kseg0', '--kernel', 'guests/bin/minios.elf'], 'wants to be at 0x80200000, but memory begins at 0xa0000000'],
  [['bare', '--isa', 'rv64gch', '--cpu', 'base,no-h', 'guests/bin/minios.elf'], "takes away 'h', which --isa asks for"],
  [['run', '--cpu', 'base,no-mmu', 'guests/bin/linux/true'], 'the microkernel keeps tasks apart by address translation'],
  [['classify', '--cpu', 'popf'], "'popf' does not begin with base"],
])('%j is one line and status 2', async (args, why) => {
  const { status, stdout, stderr } = await tessera(args);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(/^tessera: E_[A-Z]+: [^\n]*\n$/);
  expect(stderr).toContain(why);
});

it('classify prints a report, or everything as JSON', async () => {
  const [text, json] = await Promise.all([tessera(['classify', '--cpu', 'base,no-h']),
    tessera(['classify', '--cpu', 'base,no-h', '--json'])]);
  expect([text.status, json.status]).toEqual([0, 0]);
  expect(text.stdout).toContain('Theorem 1, guest supervisor in U: the theorem holds as long as');
  expect(JSON.parse(json.stdout)).toMatchObject({ model: 'base,no-h', pairs: [{ name: 'guest supervisor in U', holds: 'closed' }] });
});
