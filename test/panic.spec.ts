/** The report of a panic: in a virtual machine, on the bare machine, of Debian's kernel; and as its page shows it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { imagesFolder } from '../cli/images/where.ts';
import { toldReport } from './scenario-pages.ts';
import { tessera } from './tessera.ts';

const small = ['--kernel', 'guests/bin/panic.elf', '--memory', '16M'];
const CALLS = ['call', 'print', 'panic', 'on_trap', 'trap_entry', 'find_entry', 'open_init', 'mount_root', 'boot', '_start'];
/** Functions of the report's call chain, from the first requested one on. */
const calls = (report: string, from: string): string[] => {
  const lines = report.slice(report.indexOf('\n  calls\n')).split('\n').slice(2),
    all = lines.slice(0, lines.findIndex((l) => !l.startsWith('    '))).map((l) => /0x[0-9a-f]+ ([\w.]+)/.exec(l)?.[1] ?? l.trim());
  return all.slice(all.indexOf(from));
};

describe('a kernel that panics is reported', () => {
  it.each([['vm', 'hgatp Sv39x4'], ['bare', 'satp Sv39']])('by %s: names, calls, the fault and its walks', async (command, stage) => {
    const { status, stderr } = await tessera([command, ...small]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^tessera: panic of .*load page fault in the kernel$/m);
    expect(calls(stderr, 'print')).toEqual(CALLS.slice(1));
    expect(stderr).toMatch(/last trap: load page fault at 0xffffffc0802[0-9a-f]+ find_entry\+0x\w+, value 0x38/);
    expect(stderr).toContain('nothing is mapped at 0x38: its entry is not valid');
    expect(stderr).toContain(stage);
    expect(stderr).toMatch(command === 'vm' ? /machine 0x8\w+\n/ : /physical 0x802\w+\n/);
    if (command === 'vm') expect(stderr).toMatch(/last exits\n[^]*sbi: SBI dbcn \(\d+ times\)/);
  });
  it('once, and by the tiers to the letter', async () => {
    const [interpreted, translated] = await Promise.all(['interp', 'jit'].map((engine) => tessera(['vm', ...small, '--engine', engine])));
    expect(interpreted!.stderr).toBe(translated!.stderr);
    expect(interpreted!.stderr.match(/panic of/g)).toHaveLength(1);
  });
  it('with the names of --symbols, and without any', async () => {
    const { stderr } = await tessera(['vm', '--kernel', 'guests/bin/minios.bin', '--append', 'panic=1', '--memory', '16M', '--symbols',
      'guests/bin/minios.elf']);
    expect(stderr).toMatch(/panic of vm, vCPU 0: minios: panic: as asked\n {2}VS mode at 0x\w+ put\+/);
    expect((await tessera(['vm', '--kernel', 'guests/bin/minios.bin', '--append', 'panic=1', '--memory',
      '16M'])).stderr).toMatch(/VS mode at 0x\w+\n/);
  });
  it('not when there is none', async () => {
    expect((await tessera(['vm', '--kernel', 'guests/bin/minios.elf', '--memory', '16M'])).stderr).toBe('');
  });
  it('as the page of the scenario shows it', async () => {
    expect((await tessera(['boot', 'guest-panic-report'])).stderr).toBe(toldReport('guest-panic-report'));
  });
});

const images = imagesFolder(), missing = !existsSync(join(images, 'manifest.json'));
describe.skipIf(missing)("Debian's kernel", () => {
  it.each([['vm', ['--no-reboot', '--memory', '256M']], ['bare', ['--memory', '256M', '--until',
    'Rebooting in']]])('tells by %s what its own call trace tells', async (command, more) => {
    const { stdout, stderr } = await tessera([command, '--kernel', join(images, 'vmlinuz'), '--initrd', join(images, 'initramfs.cpio'),
      '--append', 'console=ttyS0 rdinit=/bin/false panic=1', ...more], { timeout: 180_000 });
    const own = [...stdout.matchAll(/^\[[ \d.]+\] \[<[0-9a-f]+>\] (\w+)\+0x/gm)].map((m) => m[1]!).filter((name) =>
      !/dump|show_stack/.test(name));
    const told = calls(stderr, 'panic');
    // For a call that does not return Linux names the next function.
    expect(told.slice(0, own.length).filter((name, i) => name !== own[i])).toEqual(['__riscv_sys_exit_group']);
    expect(stderr).toMatch(/— environment call at 0x[0-9a-f]+, value 0x0 —/);
  }, 400_000);
});
