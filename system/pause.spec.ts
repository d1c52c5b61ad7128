import { describe, expect, it } from 'vitest';
import { pause } from './pause.ts';

describe('a pause between two pieces of a run', () => {
  it('lets timers happen that are due, however often it is taken', async () => {
    let rang = false, turns = 0;
    setTimeout(() => { rang = true; }, 5);
    const until = performance.now() + 2000;
    for (; !rang && performance.now() < until; turns++) await pause();
    expect(rang).toBe(true);
    expect(turns).toBeGreaterThan(0);
  });
});
