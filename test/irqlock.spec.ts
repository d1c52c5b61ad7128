/** The lock in place of disabled interrupts is held no longer than its bound, however long a system call is. */
import { describe, expect, it } from 'vitest';
import { defineScenario } from '../index.ts';
import { linesFor, terminal } from '../scenarios/unix.ts';
import { unixComponent } from '../scenarios/worlds.ts';
import { bootJudged } from './judged.ts';

const PROGRAMS = ['sh', 'cat', 'bigread', 'sleep'];
const SCRIPT = 'while sleep 0.001; do true; done & bigread 8; bigread 8; cat /proc/lock_stat';

/** One call that computes for 2.8 ms while timers fire; then the lock's figures from the server's own file. */
async function lockStat(longestHold: number): Promise<{ admitted: number; waited: number; held: number; read: number }> {
  const { text, result } = await bootJudged(defineScenario({
    name: 'irqlock', summary: 'a long call and a timer', log: 'console', status: 'linux', budget: 2e9,
    components: { ...terminal, linux: unixComponent({
      argv: ['/bin/sh', '-c', SCRIPT], env: ['PATH=/bin'], files: PROGRAMS, memory: 24 << 20,
      more: { longestHold } }, linesFor('linux')) },
    files: Object.fromEntries(PROGRAMS.map((p) => [p, `guests/bin/linux/${p}`])),
  }));
  expect(result.status).toBe(0);
  const [, admitted, waited, held] = /interrupts +(\d+) +([\d.]+) +([\d.]+)/.exec(text)!.map(Number);
  return { admitted: admitted!, waited: waited!, held: held!, read: Number(/one call, (\d+) us/.exec(text)?.[1]) };
}

describe('the lock for interrupts', () => {
  it('is opened in the middle of a long call, so that it is held for 100 µs at most and interrupts wait for little more', async () => {
    const { admitted, waited, held, read } = await lockStat(100_000);
    expect(read).toBeGreaterThan(2500);
    expect(held).toBe(100);
    expect(admitted).toBeGreaterThan(0);
    expect(waited).toBeLessThan(300);
  });
  it('is held for the whole call where that is stated: interrupts wait for its end', async () => {
    const { admitted, waited, held } = await lockStat(1e9);
    expect(admitted).toBe(0);
    expect(held).toBeGreaterThan(2500);
    expect(waited).toBeGreaterThan(1000);
  });
});
