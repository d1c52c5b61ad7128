/**
 * Our guest programs give the same results on QEMU (user mode, minios on QEMU's machine) and in Tessera.
 * What needs QEMU is skipped where there is none.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { single } from './guest-programs.ts';
import { command, root, tessera } from './tessera.ts';

const programs = join(root, 'guests/bin/linux');
const have = (tool: string) => spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0;

const folder = mkdtempSync(join(tmpdir(), 'tessera-guests-'));
beforeAll(() => {
  cpSync(programs, join(folder, 'bin'), { recursive: true });
  for (const name of ['dev', 'etc', 'proc', 'tmp']) mkdirSync(join(folder, name));
  copyFileSync(join(root, 'test/guests/shell.sh'), join(folder, 'etc/shell.sh'));
  writeFileSync(join(folder, 'etc/words'), 'one two\nthree\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

const check = (run: { status: number | null; stdout: string }, stdout: string | RegExp, status: number) => {
  if (typeof stdout === 'string') expect(run.stdout).toBe(stdout);
  else expect(run.stdout).toMatch(stdout);
  expect(run.status).toBe(status);
};

describe.skipIf(!have('qemu-riscv64-static'))('our Linux programs under QEMU', () => {
  it.each(single)('%j', async (args, input, stdout, status) => {
    check(await command('qemu-riscv64-static', [join(programs, args[0]), ...args.slice(1)], { input }), stdout, status);
  });
});

describe.skipIf(!have('qemu-system-riscv64'))('minios on the machine of QEMU', () => {
  it('ticks, runs its processes, ends the one that misbehaves, powers off', async () => {
    const run = await command('qemu-system-riscv64',
      ['-M', 'virt', '-m', '64M', '-nographic', '-kernel', join(root, 'guests/bin/minios.bin')]);
    expect(run.stdout).toContain('minios: tick 5');
    expect(run.stdout).toContain('[gamma] was preempted and is back');
    expect(run.stdout).toContain('process delta: store page fault at address 80200000, ended');
    expect(run.status).toBe(0);
  });
});

const inTessera = (args: string[], input = '') => tessera(['run', '--rootfs', folder, ...args], { input });

describe('our Linux programs in Tessera', () => {
  it.each(single)('%j', async (args, input, stdout, status) => {
    check(await inTessera(args, input), stdout, status);
  });

  it('one program traces another: system calls, breakpoints, forks', async () => { // QEMU's user mode has no ptrace
    check(await inTessera(['tracetest']), 'tracetest: 2 stops, a breakpoint, a fork: ok\n', 0);
  });

  it('the shell answers a long script as it does on real Linux', async () => {
    const run = await inTessera(['sh', '/etc/shell.sh']);
    expect(run.stdout).toBe(readFileSync(join(root, 'test/guests/shell.expected'), 'utf8'));
    expect(run.status).toBe(0);
  });

  it('a program of the host is placed into a guest that has nothing else', async () => {
    check(await tessera(['run', join(programs, 'echo'), 'here', 'I', 'am']), 'here I am\n', 0);
  });

  it('standard error stays apart from standard output', async () => {
    const run = await inTessera(['sh', '-c', 'echo out; echo err >&2']);
    expect(run).toMatchObject({ stdout: 'out\n', stderr: 'err\n', status: 0 });
  });

  it('the status is 128 + N when a program dies of signal N', async () => {
    expect((await inTessera(['sh', '-c', 'kill -9 $$'])).status).toBe(137);
  });
});

describe('minios in Tessera', () => {
  const lines = /minios: tick 5\n(.*\n)*minios: 5 ticks, \d+ switches, power off\n/;
  it('on the bare machine', async () => {
    check(await tessera(['bare', '--kernel', join(root, 'guests/bin/minios.bin')]), lines, 0);
  });
  it('in a virtual machine', async () => {
    check(await tessera(['vm', '--kernel', join(root, 'guests/bin/minios.bin'), '--memory', '64M']), lines, 0);
  });
  it('with three processors in a virtual machine', async () => {
    const run = await tessera(['vm', '--kernel', join(root, 'guests/bin/minios.elf'), '--memory', '64M', '--smp', '3']);
    expect(run.stdout).toContain('hart 2 is up');
    expect(run.status).toBe(0);
  });
  it('a panic of the guest gives status 1', async () => {
    expect((await tessera([
      'vm', '--kernel', join(root, 'guests/bin/minios.bin'), '--memory', '64M', '--append', 'panic=1'
    ])).status).toBe(1);
  });
  it('--until ends a run when its text has appeared, and is 1 without it', async () => {
    const args = ['vm', '--kernel', join(root, 'guests/bin/minios.bin'), '--memory', '64M'];
    expect((await tessera([...args, '--until', 'tick 2'])).status).toBe(0);
    expect((await tessera([...args, '--until', 'tick 99'])).status).toBe(1);
  });
  it('--max-instructions ends a run with status 124', async () => {
    expect((await tessera([
      'vm', '--kernel', join(root, 'guests/bin/minios.bin'), '--memory', '64M', '--append', 'ticks=1000000', '--max-instructions', '2000000'
    ])).status).toBe(124);
  });
});
