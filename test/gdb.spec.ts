/**
 * Typical GDB sessions: the small operating system by its symbols, and Debian's kernel. Skipped without
 * gdb-multiarch; the second also without Debian's images.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { imagesFolder } from '../cli/images/where.ts';
import { compiler, hasCompiler } from './compiler.ts';
import { Debuggee, Gdb, hasGdb, symbolFile, type SymbolEntry } from './gdb.ts';
import { tessera } from './tessera.ts';

if (!hasGdb) console.warn('skipped: no gdb-multiarch (apt install gdb-multiarch)');
const images = imagesFolder();
const noImages = !existsSync(join(images, 'manifest.json'));
const folder = mkdtempSync(join(tmpdir(), 'tessera-gdb-'));
const children: { end(): void }[] = [];
afterEach(() => { for (const child of children.splice(0)) child.end(); });
afterAll(() => rmSync(folder, { recursive: true }));

async function debug(args: string[], file?: string): Promise<{ run: Debuggee; gdb: Gdb }> {
  const run = await Debuggee.start(args);
  children.push(run);
  const gdb = await Gdb.start(file);
  children.push(gdb);
  return { run, gdb };
}

async function another(file?: string): Promise<Gdb> {
  const gdb = await Gdb.start(file);
  children.push(gdb);
  return gdb;
}

const minios = 'guests/bin/minios.elf';

describe.skipIf(!hasGdb)('a small operating system on the bare machine', () => {
  it('stands before its first instruction, stops at breakpoints, steps, shows registers, memory, calls', async () => {
    const { run, gdb } = await debug(['bare', '--kernel', minios, '--smp', '2'], minios);
    expect(await gdb.connect(run)).toContain('0x0000000080200000 in _start ()');
    expect(await gdb.do('info threads')).toMatch(/Thread 1 "hart 0" \(HS mode\)[^]*Thread 2 "hart 1" \(not started\)/);
    await gdb.do('break print');
    expect(await gdb.do('continue')).toContain('hit Breakpoint 1, 0x000000008020106e in print ()');
    expect(await gdb.do('backtrace 2')).toMatch(/#0 .* in print \(\)\n#1 .* in kernel_main \(\)/);
    expect(await gdb.do('p/x $priv')).toContain('= 0x1');
    expect(await gdb.do('p/x $stvec')).toContain('= 0x802000a0'); // trap_entry
    expect(await gdb.do('x/i $pc')).toContain('<print+22>:\tlbu\ta5,0(a0)');
    expect(await gdb.do('x/s $a0')).toContain('minios');
    await gdb.do('stepi');
    expect(await gdb.do('p $pc')).toContain('0x80201072 <print+26>');
    expect(await gdb.do('set var $t0 = 0x1122334455667788')).toBe('');
    expect(await gdb.do('p/x $t0')).toContain('0x1122334455667788');
    expect(await gdb.do('monitor translate 0x80200000')).toContain('virtual 0x80200000, satp bare: the same number\nphysical 0x80200000');
    await gdb.do('delete');
    expect(await gdb.do('continue')).toContain('exited normally');
    expect([await run.ended, run.out]).toEqual([0, expect.stringContaining('power off')]);
  });

  it('the same instructions are executed with breakpoints, a watchpoint and steps as without, on two harts', async () => {
    const counts: unknown[] = [];
    for (const breakpoint of ['tick', undefined]) {
      const stats = join(folder, `stats-${breakpoint}`);
      const { run, gdb } = await debug(['bare', '--kernel', minios, '--smp', '2', `--stats=${stats}`], minios);
      await gdb.connect(run);
      if (breakpoint !== undefined) {
        await gdb.do(`break ${breakpoint}`);
        await gdb.do('ignore 1 2');
        expect(await gdb.do('continue')).toContain(`in ${breakpoint} ()`);
        await gdb.do('delete 1');
        await gdb.do('watch *(long *)&ticks');
        expect(await gdb.do('continue')).toContain('New value');
        await gdb.do('stepi 3');
        await gdb.do('delete');
      }
      expect(await gdb.do('continue')).toContain('exited normally');
      await run.ended;
      const { instructions, cycles } = JSON.parse(readFileSync(stats, 'utf8')) as Record<string, number>;
      counts.push({ instructions, cycles });
    }
    expect(counts[1]).toEqual(counts[0]);
  });

  it('physical and virtual addresses, a restart, a kill', async () => {
    const { run, gdb } = await debug(['bare', '--kernel', minios], minios);
    await gdb.connect(run);
    await gdb.do('break *0x40000000'); // the first instruction of a process
    expect(await gdb.do('continue')).toContain('0x0000000040000000 in user_start ()');
    expect(await gdb.do('p/x $priv')).toContain('= 0x0');
    expect(await gdb.do('p $satp != 0')).toContain('= 1');
    const virtual = await gdb.do('x/2xw 0x40000000');
    expect(await gdb.do('maintenance packet Qqemu.PhyMemMode:1')).toContain('OK');
    expect(await gdb.do('x/2xw 0x40000000')).toContain('Cannot access memory');
    expect((await gdb.do('x/2xw 0x80203000')).split(':')[1]).toBe(virtual.split(':')[1]); // where the file has the program
    expect(await gdb.do('monitor physical off')).toContain('virtual');
    expect(await gdb.do('monitor reset')).toContain('before its first instruction');
    await gdb.do('flushregs');
    expect(await gdb.do('p $pc')).toContain('0x80200000 <_start>');
    expect(await gdb.do('continue')).toContain('0x0000000040000000 in user_start ()');
    await gdb.do('kill');
    expect(await run.ended).toBe(137);
  });
});

describe.skipIf(!hasGdb)('a virtual machine', () => {
  it('its processors are threads: breakpoints, a watchpoint, guest-physical memory, and nothing of the host in sight', async () => {
    const { run, gdb } = await debug(['vm', '--kernel', minios, '--smp', '2'], minios);
    expect(await gdb.connect(run)).toContain('0x0000000080200000 in _start ()');
    await gdb.do('break *0x40000000');
    expect(await gdb.do('continue')).toContain('0x0000000040000000 in user_start ()');
    expect(await gdb.do('info threads')).toMatch(/"processor 0" \(on hart \d\)/);
    expect(await gdb.do('p/x $priv')).toContain('= 0x0');
    expect(await gdb.do('p $satp != 0')).toContain('= 1');
    expect(await gdb.do('monitor translate 0x40000004')).toMatch(/level 0[^]*guest-physical 0x8\w+004, hgatp[^]*level 1[^]*machine 0x8/);
    const virtual = await gdb.do('x/2xw 0x40000000');
    await gdb.do('monitor physical on');
    expect((await gdb.do('x/2xw 0x80203000')).split(':')[1]).toBe(virtual.split(':')[1]);
    await gdb.do('monitor physical off');
    await gdb.do('delete');
    await gdb.do('watch *(long *)&ticks');
    for (const tick of [1, 2]) expect(await gdb.do('continue')).toMatch(new RegExp(`Old value = ${tick - 1}\\s+New value = ${tick}`));
    expect(await gdb.do('backtrace 1')).toContain('in tick ()');
    await gdb.do('delete');
    expect(await gdb.do('continue')).toContain('exited normally');
    expect([await run.ended, run.out]).toEqual([0, expect.stringContaining('power off')]);
  });
});

const sites = join(folder, 'minios.sites');
const WITHOUT_EXTENSION = [['trap', '--shadow', 'traced'], ['patch'], ['pre', '--sites', sites]];
describe.skipIf(!hasGdb)('a guest whose kernel runs in U mode', () => {
  it.each(WITHOUT_EXTENSION)('by %s %s %s: its own modes, registers and memory; the session changes nothing', async (...virt) => {
    if (virt[0] === 'pre') await tessera(['afterburn', minios, '-o', sites]);
    const counts: unknown[] = [];
    for (const looks of [true, false]) {
      const stats = join(folder, 'stats'), { run, gdb } = await debug(['vm', '--kernel', minios, '--smp', '2', `--stats=${stats}`, '--virt',
        ...virt], minios);
      expect(await gdb.connect(run)).toContain('0x0000000080200000 in _start ()');
      if (looks) {
        expect(await gdb.do('info threads')).toMatch(/\* 1 .*"processor 0" \(on hart \d\)[^]*2 .*"processor 1"/);
        await gdb.do('break trap_entry');
        await gdb.do('ignore 1 40'); // that its first instruction has become a jump to a stub, where there are stubs
        expect(await gdb.do('continue')).toContain('0x00000000802000a0 in trap_entry ()');
        expect(await gdb.do('p/x $priv')).toContain('= 0x1');
        expect(await gdb.do('p/x $scause')).toContain('= 0x8');
        expect(await gdb.do('x/i $pc')).toContain('csrrw\tt6,sscratch,t6');
        for (const at of ['a4', 'a8']) expect(await gdb.do('stepi')).toContain(`0x00000000802000${at} in trap_entry ()`);
        await gdb.do('delete');
        await gdb.do('break *0x40000000');
        await gdb.do('p $last = $sepc');
        await gdb.do('tbreak *$last + 4');
        expect(await gdb.do('continue')).toMatch(/hit (Temporary b|B)reakpoint \d/);
        expect(await gdb.do('p/x $priv')).toContain('= 0x0');
        expect(await gdb.do('p $satp != 0')).toContain('= 1');
        expect(await gdb.do('monitor translate 0x40000004')).toMatch(
          /guest's satp Sv39[^]*level 0[^]*guest-physical 0x8\w+004, 0x\w+ to the monitor[^]*machine 0x8\w+004\nshadow of 0x40000004/);
        const virtual = await gdb.do('x/2xw 0x40000000');
        await gdb.do('monitor physical on');
        expect((await gdb.do('x/2xw 0x80203000')).split(':')[1]).toBe(virtual.split(':')[1]);
        await gdb.do('monitor physical off');
        expect(await gdb.do('monitor spaces')).toMatch(/^1: satp 0x8\w+, user code last seen at 0x4\w+/);
        await gdb.do('delete');
        await gdb.do('watch *(long *)&ticks');
        expect(await gdb.do('continue')).toMatch(/Old value = (\d)\s+New value = \d[^]* in tick \(\)/);
        await gdb.do('delete');
      }
      expect(await gdb.do('continue')).toContain('exited normally');
      expect([await run.ended, run.out]).toEqual([0, expect.stringContaining('power off')]);
      const { instructions, cycles } = JSON.parse(readFileSync(stats, 'utf8')) as Record<string, number>;
      counts.push({ instructions, cycles });
      for (const child of children.splice(0)) child.end();
    }
    expect(counts[0]).toEqual(counts[1]);
  });

  it('registers that the monitor would have to hear of cannot be set, others can; memory is written, code too', async () => {
    const { run, gdb } = await debug(['vm', '--kernel', minios, '--virt', 'patch'], minios);
    await gdb.connect(run);
    await gdb.do('break trap_entry');
    await gdb.do('continue');
    expect(await gdb.do('p $satp = 0')).toContain('Could not write register');
    await gdb.do('p $before = $sscratch');
    await gdb.do('p $sscratch = 0x1234');
    expect(await gdb.do('p/x $sscratch')).toContain('= 0x1234');
    await gdb.do('p $sscratch = $before');
    await gdb.do('delete');
    await gdb.do('break *tick');
    await gdb.do('continue');
    await gdb.do('continue'); // by now it has been scanned
    expect(await gdb.do('p *(long *)&ticks')).toContain('= 1');
    await gdb.do('p *(short *)$pc = 0x8082');
    expect(await gdb.do('x/i $pc')).toContain('ret');
    await gdb.do('stepi');
    expect(await gdb.do('p $pc == $ra')).toContain('= 1');
    expect(await gdb.do('p *(long *)&ticks')).toContain('= 1');
    await gdb.do('kill');
    expect(await run.ended).toBe(137);
  });
});

const PROGRAM = `
int depth;
static long call(long number, long a, long b) {
  register long a0 asm("a0") = a, a1 asm("a1") = b, a7 asm("a7") = number;
  asm volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a7) : "memory");
  return a0;
}
int factorial(int n) {
  depth++;
  return n <= 1 ? 1 : n * factorial(n - 1);
}
int main(void) {
  int child = call(220, 17, 0);
  int result = factorial(5);
  if (child == 0) call(93, 0, 0);
  if (depth >= 76) *(volatile int *)8 = 1;
  call(93, result == 120 ? depth : 1, 0);
  return 0;
}
void _start(void) { main(); }
`;

if (hasGdb && !hasCompiler) console.warn(`skipped: no ${compiler} for the program that GDB is to debug`);

describe.skipIf(!hasGdb || !hasCompiler)('a Linux program', () => {
  it('by its source: conditions, arguments, calls, a watched variable, a changed one, the signal that kills it; a child is left alone',
    async () => {
    const source = join(folder, 'factorial.c'), program = join(folder, 'factorial');
    writeFileSync(source, PROGRAM);
    execFileSync(compiler, ['-g', '-O0', '-static', '-nostdlib', '-ffreestanding', '-o', program, source]);
    const { run, gdb } = await debug(['run', program], program);
    expect(await gdb.connect(run)).toContain('_start ()');
    await gdb.do('break factorial if n == 2');
    expect(await gdb.do('continue')).toMatch(/Breakpoint 1, factorial \(n=2\)/);
    expect(await gdb.do('backtrace')).toMatch(/#1 .*factorial \(n=3\)[^]*#4 .*main \(\)/);
    expect(await gdb.do('p depth')).toContain('= 3');
    await gdb.do('delete');
    await gdb.do('watch depth');
    expect(await gdb.do('continue')).toMatch(/Old value = 3\s+New value = 4/);
    await gdb.do('delete');
    expect(await gdb.do('finish')).toContain('Value returned is $2 = 2');
    // it returns to a stack that is not executable, and the signal for that is dropped
    expect(await gdb.do('p factorial(4)')).toContain('= 24');
    await gdb.do('set var depth = 76'); // it does not survive that
    expect(await gdb.do('continue')).toMatch(/received signal SIGSEGV[^]*main \(\) at .*\n.*depth >= 76/);
    expect(await gdb.do('p depth')).toContain('= 76');
    expect(await gdb.do('continue')).toContain('terminated with signal SIGSEGV');
    expect(await run.ended).toBe(139);
  });
});

const WANTED = [
  'do_sys_openat2', 'do_sys_open', '__riscv_sys_openat', 'syscall_handler', 'do_trap_ecall_u', 'schedule', 'jiffies_64',
  'default_idle_call', 'arch_cpu_idle', 'panic'
];

/** Lines of /proc/kallsyms. */
function symbols(text: string): SymbolEntry[] {
  return [...text.matchAll(/^([0-9a-f]{16}) ([A-Za-z]) (\w+)\r?$/gm)].map(([, address, kind, name]) => ({
    name: name!, address: BigInt(`0x${address}`), data: /[dDbB]/.test(kind!)
  }));
}

describe.skipIf(!hasGdb || noImages)("Debian's kernel on the bare machine", () => {
  it('connect, break in a function by symbol, backtrace, watch a variable, continue, interrupt, detach, connect again', async () => {
    const { run, gdb: first } = await debug([
      'bare', '--kernel', join(images, 'vmlinuz'), '--initrd', join(images, 'initramfs.cpio'), '--append', 'console=ttyS0'
    ]);
    expect(await first.connect(run)).toContain('0x0000000080200000');
    await first.do('stepi 3');
    expect(await first.do('detach')).toContain('detached');
    await run.until('READY');
    await run.until('# ');
    run.type(`grep -A1 -w -E '${WANTED.join('|')}' /proc/kallsyms; echo END OF SYMBOLS\n`);
    await run.until('END OF SYMBOLS\r\n'); // as typed
    const list = symbols(await run.until('END OF SYMBOLS'));
    expect(list.map((s) => s.name)).toEqual(expect.arrayContaining(['do_sys_openat2', 'jiffies_64']));
    const file = join(folder, 'symbols.elf');
    writeFileSync(file, symbolFile(list));

    const gdb = await another(file);
    await gdb.connect(run);
    await gdb.do('hbreak do_sys_openat2');
    gdb.begin('continue');
    run.type('cat /proc/version\n');
    expect(await gdb.prompt()).toMatch(/Breakpoint 1, 0x\w+ in do_sys_openat2/);
    expect(await gdb.do('backtrace')).toMatch(/#0 .*do_sys_openat2[^]*#\d+ .*(do_trap_ecall_u|syscall_handler)/);
    expect(await gdb.do('p/x $priv')).toContain('= 0x1');
    expect(await gdb.do('x/s $a1')).toMatch(/"\/|"[a-z]/); // the path, in the process's memory
    await gdb.do('delete');
    await gdb.do('watch *(unsigned long *)&jiffies_64');
    const [, before, after] = /Old value = (\d+)\s+New value = (\d+)/.exec(await gdb.do('continue')) ?? [];
    expect(Number(after)).toBe(Number(before) + 1);
    await gdb.do('delete');
    gdb.begin('continue');
    run.type('echo it runs $((6 * 7))\n');
    await run.until('it runs 42');
    gdb.interrupt();
    expect(await gdb.prompt()).toContain('received signal SIGINT');
    expect(await gdb.do('info registers pc')).toContain('0xffffffff');
    await gdb.do('detach');
    run.type('echo still $((40 + 2)); poweroff -f\n');
    await run.until('still 42');
    expect(await run.ended).toBe(0);
  }, 400_000);
});
