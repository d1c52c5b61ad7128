/** A guest's timer does not drift: thirty of its seconds are the machine's, with every kind of timer. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { tessera } from './tessera.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-drift-'));
afterAll(() => rmSync(folder, { recursive: true }));
/** Cycles (ns of virtual time) of a guest for this many ticks of its timer, each 10 ms. */
async function cycles(ticks: number, more: string[]): Promise<number> {
  const file = join(folder, `${ticks}${more.join('')}.json`);
  const run = await tessera(['vm', '--kernel', 'guests/bin/minios.elf', '--memory', '16M', '--append', `ticks=${ticks}`,
    `--stats=${file}`, ...more]);
  expect([run.status, run.stderr, run.stdout.includes(`${ticks} ticks`)]).toEqual([0, '', true]);
  return (JSON.parse(readFileSync(file, 'utf8')) as { cycles: number }).cycles;
}
/** The end of a run takes some hundred microseconds and varies by its phase, here by 60. A drift grows with the thirty seconds between. */
const TICK = 1e7, FEW = 1000, MANY = 4000, END = 150_000;

describe('the interval timer of a virtual machine', () => {
  it.each([['vstimecmp', []], ["the monitor's alarm", ['--cpu', 'base,no-sstc']], ['trap and emulate', ['--virt', 'trap']]])('by %s',
    async (_who, more) => {
    const [few, many] = await Promise.all([cycles(FEW, more), cycles(MANY, more)]);
    expect(Math.abs(many - few - (MANY - FEW) * TICK)).toBeLessThan(END);
  });
});
