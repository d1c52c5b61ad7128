/**
 * GDB and several processes at once: children of a program that forks, a guest's processes by address space, a guest's kernel beside a
 * process of the Unix server. Skipped without gdb-multiarch or without a compiler.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { compiler, hasCompiler } from './compiler.ts';
import { Debuggee, Gdb, hasGdb } from './gdb.ts';
import { tessera } from './tessera.ts';

if (!hasGdb) console.warn('skipped: no gdb-multiarch (apt install gdb-multiarch)');
const folder = mkdtempSync(join(tmpdir(), 'tessera-gdb-processes-'));
const children: { end(): void }[] = [];
afterEach(() => { for (const child of children.splice(0)) child.end(); });
afterAll(() => rmSync(folder, { recursive: true }));

async function debug(args: string[], file?: string): Promise<{ run: Debuggee; gdb: Gdb }> {
  const run = await Debuggee.start(args), gdb = await Gdb.start(file);
  children.push(run, gdb);
  return { run, gdb };
}

/** Forks a child that works, says so and waits, then vforks one that begins the same program again. */
const PROGRAM = `
static long call(long number, long a, long b, long c, long d, long e) {
  register long a0 asm("a0") = a, a1 asm("a1") = b, a2 asm("a2") = c, a3 asm("a3") = d, a4 asm("a4") = e, a7 asm("a7") = number;
  asm volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a7) : "memory");
  return a0;
}
int shared = 1;
static int work(int n) { shared += n; return shared; }
static void child(void) { call(93, work(2), 0, 0, 0, 0); }
static void again(void) { call(93, work(40), 0, 0, 0, 0); }
char *args[] = { "forks", "again", 0 };
int main(int argc) {
  if (argc > 1) again();
  long pid = call(220, 17, 0, 0, 0, 0);
  if (pid == 0) child();
  int status = 0;
  call(64, 1, (long)"it waits\\n", 9, 0, 0);
  call(260, pid, (long)&status, 0, 0, 0);
  long other = call(220, 0x4111, 0, 0, 0, 0);
  if (other == 0) { call(221, (long)"/bin/forks", (long)args, 0, 0, 0); call(93, 99, 0, 0, 0, 0); }
  call(260, other, (long)&status, 0, 0, 0);
  call(93, work(status >> 8), 0, 0, 0, 0);
}
asm(".globl _start\\n_start: ld a0, 0(sp)\\n call main\\n");
`;

describe.skipIf(!hasGdb || !hasCompiler)('a program that forks', () => {
  const program = join(folder, 'forks');
  beforeAll(() => {
    writeFileSync(`${program}.c`, PROGRAM);
    execFileSync(compiler, ['-g', '-O0', '-static', '-nostdlib', '-ffreestanding', '-o', program, `${program}.c`]);
  });
  const stats = (file: string): unknown => {
    const { instructions, cycles, ipc, traps } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    return { instructions, cycles, ipc, traps };
  };

  it('both sides at once: breakpoints of each, a new program with its symbols, ends; the run is the same to the cycle', async () => {
    const free = join(folder, 'free'), held = join(folder, 'held');
    expect((await tessera(['run', `--stats=${free}`, program])).status).toBe(42);
    const { run, gdb } = await debug(['run', `--stats=${held}`, program], program);
    expect(await gdb.connect(run)).toContain('_start ()');
    for (const setting of ['detach-on-fork off', 'schedule-multiple on']) await gdb.do(`set ${setting}`);
    await gdb.do('break work');
    expect(await gdb.do('continue')).toMatch(/New inferior 2 \(process 3\)[^]*hit Breakpoint 1.*work \(n=2\)/);
    expect(await gdb.do('backtrace')).toMatch(/#1 .*child \(\)[^]*#2 .*main \(argc=1\)/);
    expect(await gdb.do('print shared')).toContain('= 1');
    expect(await gdb.do('info inferiors')).toMatch(/1 +process 2 [^]*\* 2 +process 3 /);
    expect(await gdb.do('info proc mappings')).toMatch(/r-xp +\/bin\/forks[^]*\[stack\]/);
    expect(await gdb.do('continue')).toContain('[Inferior 2 (process 3) exited with code 03]');
    expect(await gdb.do('inferior 1')).toMatch(/call \(number=260/); // it waits
    const replaced = await gdb.do('continue');
    expect(replaced).toMatch(/is executing new program: \/bin\/forks[^]*Reading symbols from target:\/bin\/forks/);
    expect(replaced).toContain('work (n=40)');
    expect(await gdb.do('backtrace')).toMatch(/#1 .*again \(\)/);
    await gdb.do('inferior 1');
    expect(await gdb.do('print shared')).toContain('= 1'); // the child has memory of its own by now
    expect(await gdb.do('continue')).toContain('[Inferior 3 (process 4) exited with code 051]');
    await gdb.do('inferior 1');
    expect(await gdb.do('continue')).toMatch(/hit Breakpoint 1.*work \(n=41\)/);
    await gdb.do('delete');
    expect(await gdb.do('continue')).toContain('[Inferior 1 (process 2) exited with code 052]');
    expect(await run.ended).toBe(42);
    expect(stats(held)).toEqual(stats(free));
  });

  it('the child only: its parent is let go, and goes on when the child has ended', async () => {
    const { run, gdb } = await debug(['run', program], program);
    await gdb.connect(run);
    await gdb.do('set follow-fork-mode child');
    await gdb.do('break work');
    expect(await gdb.do('continue')).toMatch(/Detaching after fork from parent process 2[^]*work \(n=2\)/);
    expect(await gdb.do('print shared = 7')).toContain('Cannot access memory'); // it is its parent's page as well
    await gdb.do('finish');
    expect(await gdb.do('print shared = 7')).toContain('= 7');
    await gdb.do('set var $a0 = shared');
    expect(await gdb.do('continue')).toContain('exited with code 07]');
    expect([await run.ended, run.err]).toEqual([42, expect.stringContaining('its last process; the run goes on')]);
  });

  it('a fork is caught; whom GDB leaves out stands still, so that its parent waits for it until the user stops that', async () => {
    const { run, gdb } = await debug(['run', program], program);
    await gdb.connect(run);
    await gdb.do('catch fork');
    await gdb.do('set detach-on-fork off');
    expect(await gdb.do('continue')).toMatch(/Catchpoint 1 \(forked process 3\)/);
    expect(await gdb.do('backtrace 1')).toContain('call (number=220');
    gdb.begin('continue');
    await gdb.until('New inferior 2');
    await run.until('it waits'); // GDB lets the parent run
    gdb.interrupt();
    expect(await gdb.prompt()).toContain('received signal SIGINT');
    await gdb.do('inferior 2');
    expect(await gdb.do('info registers a0')).toMatch(/a0 +0x0/); // it has not left its fork yet
    await gdb.do('set schedule-multiple on');
    expect(await gdb.do('continue')).toContain('exited with code 03]');
    await gdb.do('inferior 1');
    await gdb.do('detach');
    expect(await run.ended).toBe(42);
  });
});

const minios = 'guests/bin/minios.elf';

describe.skipIf(!hasGdb)('a guest', () => {
  it('its processes by address space: a breakpoint of one is none of the others', async () => {
    const { run, gdb } = await debug(['vm', '--kernel', minios], minios);
    await gdb.connect(run);
    expect(await gdb.do('monitor spaces')).toContain('no user code has run yet');
    await gdb.do('break *0x40000000');
    for (const _ of [1, 2]) expect(await gdb.do('continue')).toContain('user_start ()');
    expect(await gdb.do('monitor spaces')).toMatch(/^1: satp 0x8[^]*\n2: satp 0x8.*last seen at 0x40000000/m);
    expect(await gdb.do('monitor follow 9')).toContain("no address space '9'");
    await gdb.do(`add-inferior -exec ${minios}`);
    await gdb.do('monitor follow 2');
    expect(await gdb.do('info threads')).toMatch(/Thread 1.1 "processor 0"[^]*Thread 3.2 "space 2" \(on processor 0\)/);
    await gdb.do('delete');
    await gdb.do('inferior 2');
    await gdb.do('break *0x40000008 inferior 2');
    await gdb.do('delete');
    await gdb.do('inferior 1');
    await gdb.do('set schedule-multiple on');
    await gdb.do('break tick');
    expect(await gdb.do('continue')).toContain('in tick ()');
    expect(await gdb.do('info threads')).toMatch(/space 2" \((in the kernel )?on (no )?processor/);
    await gdb.do('inferior 2');
    expect(await gdb.do('x/i 0x40000000')).toContain('sp,sp,-32'); // its memory is there wherever it is
    expect(await gdb.do('set schedule-multiple off')).toBe('');
    expect(await gdb.do('continue')).toContain('guests and native components cannot stand still');
    await gdb.do('set schedule-multiple on');
    await gdb.do('delete');
    await gdb.do('inferior 1');
    expect(await gdb.do('continue')).toContain('exited normally');
    expect([await run.ended, run.out]).toEqual([0, expect.stringContaining('power off')]);
  });

  it('its kernel and a process of the Unix server at once, each with breakpoints and symbols of its own', async () => {
    const { run, gdb } = await debug(['boot', 'two-worlds', '--gdb', 'vm,linux:0'], minios);
    await gdb.connect(run);
    await gdb.do('set schedule-multiple on');
    await gdb.do('add-inferior');
    await gdb.do('break tick');
    expect(await gdb.do('continue')).toContain('received signal SIGTRAP'); // the second of the two begins
    expect(await gdb.do('info inferiors')).toMatch(/process 1 [^]*process 10000002 /);
    expect(await gdb.do('continue')).toMatch(/hit Breakpoint 1, 0x\w+ in tick \(\)/);
    const threads = await gdb.do('info threads');
    expect(threads).toMatch(/"processor 0" \(on hart 0\)[^]*|"sh"/);
    const unix = /(\d+)\.\d+ +Thread 10000002/.exec(threads)![1]!;
    await gdb.do(`inferior ${unix}`);
    await gdb.do('delete');
    await gdb.do(`break *${/0x\w+/.exec(await gdb.do('p/x $pc'))![0]}`); // behind the system call that it waits in
    const got = await gdb.do('continue');
    expect(got).toMatch(/Thread \d+\.\d+ "sh" hit Breakpoint 2/);
    await gdb.do('delete');
    await gdb.do('continue');
    expect([await run.ended, run.out]).toEqual([0, expect.stringMatching(/\[linux\] 1000[^]*power off/)]);
  });
});
