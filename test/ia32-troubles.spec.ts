/**
 * The exhibits of docs/processors.md for four troubles of IA-32: each shows what the page says, and does not occur on a processor without
 * the flaw.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { tessera } from './tessera.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-ia32-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Thing { name: string; classes: string[]; modes: { U: { traps: string; changes: string[]; depends: string[] } } }
async function classified(cpu: string, name: string): Promise<Thing> {
  const { stdout } = await tessera(['classify', '--cpu', cpu, '--json']);
  return (JSON.parse(stdout) as { things: Thing[] }).things.find((t) => t.name === name)!;
}
async function exits(words: string[]): Promise<Record<string, number | undefined>> {
  const file = join(folder, `${words.join('-')}.json`);
  const run = await tessera(['vm', '--kernel', 'guests/bin/minios.elf', '--memory', '16M', `--stats=${file}`, ...words]);
  expect(run.status).toBe(0);
  return (JSON.parse(readFileSync(file, 'utf8')) as { exits: Record<string, number | undefined> }).exits;
}

describe('four troubles of IA-32', () => {
  it('ring aliasing: what tells a deprivileged kernel where it is reads without a trap', async () => {
    expect((await classified('base,popf', 'csrr sstatus')).modes.U).toMatchObject({ traps: 'never', depends: ['registers'] });
    expect((await classified('base', 'csrr sstatus')).modes.U.traps).toBe('always');
  });
  it('non-faulting access: a sensitive write does nothing, and nobody hears of it', async () => {
    const flawed = await classified('base,popf', 'csrw sstatus'), sound = await classified('base', 'csrw sstatus');
    expect([flawed.modes.U, flawed.classes]).toEqual([{ traps: 'never', changes: [], depends: [] }, ['control-sensitive']]);
    expect([sound.modes.U.traps, sound.classes.includes('privileged')]).toEqual(['always', true]);
  });
  it('address-space compression: addresses that the processor keeps are lost, others are not', async () => {
    expect((await tessera(['boot', 'kseg0'])).stdout).toContain('relink it');
    const { stdout } = await tessera(['vm', '--virt', 'trap', '--kernel', 'guests/bin/panic.elf', '--memory', '16M']);
    expect(stdout).toContain('looking for init'); // from 0xffffffc080200000
  });
  it('doubled context switches: a system call leaves the guest and its return does, unless both are delegated', async () => {
    const [trap, assisted, chosen] = await Promise.all([exits(['--virt', 'trap']), exits([]), exits(['--exits', 'syscall,sret'])]);
    expect(trap['syscall']).toBeGreaterThan(1000);
    expect(trap['illegal']! / trap['syscall']!).toBeGreaterThan(2);
    expect([assisted['guestTrap'], assisted['virtualInstruction']]).toEqual([undefined, undefined]);
    expect(chosen['guestTrap']).toBeGreaterThan(1000);
    expect(Math.abs(chosen['guestTrap']! - chosen['virtualInstruction']!)).toBeLessThan(20);
  });
});
