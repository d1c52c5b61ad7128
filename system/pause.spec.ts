import { describe, expect, it } from 'vitest';
import { pause } from './pause.ts';

describe('a pause between two pieces of a run', () => {
  it('lets timers happen that are due, however often it is taken', async () => {
    let rang = false, turns = 0;
    setTimeout(() => { rang = true; }, 5);
    for (; !rang; turns++) await pause(); // where timers cannot happen, the test's own limit ends it
    expect(turns).toBeGreaterThan(0);
  });
});
