/** Code that is replaced before it runs: a guest that reads and changes its code does not notice, and computes the same as natively. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { assemble } from '../hardware/isa/assemble.ts';
import { isSensitive } from '../vmm/translate/sensitive.ts';
import { tessera } from './tessera.ts';
import { temporaryFolder } from './temporary.ts';

const guest = (kernel: string, ...args: string[]) => tessera(['vm', ...args, '--kernel', `guests/bin/${kernel}`, '--memory', '16M']);
const HOLE = ['--cpu', 'base,no-h,popf'];

describe('a guest that examines and changes its code', () => {
  it('computes on the bare interpreter, by the extension and patched the same, 11,000 times written and run', async () => {
    const [native, assisted, ...patched] = await Promise.all([
      tessera(['bare', '--engine', 'interp', '--kernel', 'guests/bin/selfcheck.elf', '--memory', '16M']), guest('selfcheck.elf'),
      ...['breakpoints', 'chained', 'cache', 'stubs'].map((way) => guest('selfcheck.elf', '--virt', 'patch', '--patch', way, ...HOLE)),
    ]);
    expect(native.stdout).toContain('8 read as they were written; the text is as it was');
    expect(native.stdout).toMatch(/10000 instructions written and run, digest [0-9a-f]{12,16}\n/);
    for (const { status, stdout } of [assisted, ...patched]) expect([status, stdout]).toEqual([0, native.stdout]);
  });
  it('sees what was rewritten in place, and computes the same', async () => {
    const [assisted, rewritten] = await Promise.all([guest('selfcheck.elf'),
      guest('selfcheck.elf', '--virt', 'pre', '--sites', 'guests/bin/selfcheck.sites')]);
    expect(rewritten.stdout).toBe(assisted.stdout.replace('8 read', '0 read'));
  });
});

it('all registers and holes, by code that is written for each: the digest of the extension, where trapping gives another one', async () => {
  const digest = ({ stdout }: { stdout: string }): string | undefined => /digest (\S+)/.exec(stdout)?.[1];
  const [assisted, patched, trapped] = await Promise.all([guest('control.bin'), guest('control.bin', '--virt', 'patch', ...HOLE),
    guest('control.bin', '--virt', 'trap', '--hole', ...HOLE)]);
  expect(digest(patched)).toBe(digest(assisted));
  expect(digest(trapped)).not.toBe(digest(assisted));
});

/**
 * A kernel that says the cause of each trap, and at its program's calls what that has read; the program, in the page after it, reads the
 * register that leaks, writes it, and reads it again by an instruction that it has written itself; then what traps everywhere.
 */
const PROGRAM_AT_THE_HOLE = `
  la t0, trapped; csrw stvec, t0; la t0, user; csrw sepc, t0; csrw sstatus, zero; sret
trapped:
  csrr s0, scause; addi a0, s0, 48; jal say; csrr t0, sepc; addi t0, t0, 4; csrw sepc, t0
  li t0, 8; bne s0, t0, back; andi a0, s1, 2; addi a0, a0, 48; jal say; srli a0, s1, 5; andi a0, a0, 1; addi a0, a0, 48; jal say
  beqz s2, off
back:
  sret
say:
  li a7, 0x4442434e; li a6, 2; ecall; ret
off:
  li a7, 0x53525354; li a6, 0; li a0, 0; li a1, 0; ecall
.align 12
user:
  li s2, 1; csrr s1, sstatus; ecall; csrw sstatus, zero; csrr a0, sepc
  la t0, writes; lw t1, 0(t0); la t0, own; li s1, 0; sw t1, 0(t0); fence.i
own:
  addi zero, zero, 0; li s2, 0; ecall
.align 12
writes:
  csrr s1, sstatus
.align 12`;
it('a program that reads the register that leaks reads that of its own kernel, as natively, also by code of its own making', async () => {
  const folder = temporaryFolder('hole'), file = join(folder, 'guest'), sites = join(folder, 'sites'), LEAKS = ['--cpu', 'base,popf'];
  const { bytes } = assemble(PROGRAM_AT_THE_HOLE, 0x8020_0000), code = new DataView(bytes.buffer, bytes.byteOffset, 4096);
  writeFileSync(file, bytes);
  // The list names the kernel, in the first page, alone.
  const words = Array.from({ length: 1024 }, (_, i) => ({ at: 4 * i, word: code.getUint32(4 * i, true) }));
  writeFileSync(sites, ['# sites of a kernel, for tessera vm --virt pre', ...words.filter(({ word }) => isSensitive(word | 0)).map(
    ({ at, word }) => `0x${at.toString(16)} ${word.toString(16).padStart(8, '0')} site`), ''].join('\n'));
  const run = (...args: string[]) => tessera(['vm', '--kernel', file, '--memory', '16M', ...args]);
  const [native, assisted, trapped, ...patched] = await Promise.all([tessera(['bare', '--kernel', file, '--memory', '16M', ...LEAKS]),
    run(...LEAKS), run('--virt', 'trap', '--hole', ...LEAKS),
    ...['breakpoints', 'chained', 'cache', 'stubs'].map((way) => run('--virt', 'patch', '--patch', way, ...HOLE)),
    run('--virt', 'pre', '--sites', sites, ...HOLE)]);
  // Interrupts are off in its kernel, and were on before: not as in the host.
  for (const { status, stdout } of [native, assisted, ...patched]) expect([status, stdout]).toEqual([0, '8012801']);
  expect(trapped.stdout).not.toBe(native.stdout);
});

it('each way to patch takes fewer breakpoints than the one before', async () => {
  const counts = await Promise.all(['breakpoints', 'chained', 'cache'].map(async (way) => {
    const { stderr } = await guest('minios.bin', '--virt', 'patch', '--patch', way, '--stats');
    const { exits, components } = JSON.parse(stderr) as { exits: { breakpoint: number }; components: { vm: { says: string } } };
    const hits = /(\d+) of (\d+) instructions found decoded \((\d+\.\d) %\)/.exec(components.vm.says);
    expect(hits === null).toBe(way !== 'cache');
    if (hits) expect(Number(hits[3])).toBeCloseTo(Number(hits[1]) / Number(hits[2]) * 100, 0);
    if (hits) expect(Number(hits[3])).toBeGreaterThan(90);
    return exits.breakpoint;
  }));
  expect(counts[1]).toBeLessThan(0.5 * counts[0]!);
  expect(counts[2]).toBeLessThan(0.8 * counts[1]!);
});

it.each(['minios', 'selfcheck'])('the list of %s is what the tool makes', async (name) => {
  const { stdout } = await tessera(['afterburn', `guests/bin/${name}.elf`]);
  expect(stdout).toBe(readFileSync(`guests/bin/${name}.sites`, 'utf8'));
});

it.each([
  ['lr.w a1, (t0)', /'lr\.w a1, \(?t0\)?.*' reads code in a way that the monitor does not do for it \(pc 0x80200008, S mode, satp 0x0\)/],
  ['amoadd.w a1, a0, (t0); sc.w a2, a1, (t0)',
    /'sc\.w.*' changes its own page in a way that the monitor does not do for it \(pc 0x8020000c/],
])('what cannot be run so is stopped, with the instruction, its place and the state: %s', async (text, why) => {
  const file = join(temporaryFolder('raw'), 'guest');
  writeFileSync(file, assemble(`csrr a0, sie; auipc t0, 0; ${text}; stay: j stay`, 0x8020_0000).bytes);
  const { status, stderr } = await tessera(['vm', '--virt', 'patch', '--kernel', file, '--memory', '16M']);
  expect(status).toBe(1);
  expect(stderr).toMatch(why);
  expect(stderr).toContain('t0 0x80200004');
});
