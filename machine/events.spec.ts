import { describe, expect, it } from 'vitest';
import { Events } from './events.ts';

describe('event queue', () => {
  const make = () => new Events({ now: 0, scheduled: () => {} });

  it('runs by cycle, then by insertion, and only what is due', () => {
    const events = make();
    const log: string[] = [];
    events.at(20, () => log.push('c'));
    events.at(10, () => log.push('a'));
    events.at(10, () => log.push('b'));
    events.at(30, () => log.push('late'));
    events.runDue(20);
    expect(log).toEqual(['a', 'b', 'c']);
    expect(events.next).toBe(30);
  });

  it('cancelled events do not happen; timers move', () => {
    const events = make();
    const log: number[] = [];
    const handles = Array.from({ length: 50 }, (_, i) => events.at((i * 37) % 50, () => log.push((i * 37) % 50)));
    handles.forEach((h, i) => { if (i % 2 === 0) h.cancel(); });
    const timer = events.timer(() => log.push(1000));
    timer.set(5);
    timer.set(100);
    events.runDue(60);
    expect(log).toEqual([...log].sort((a, b) => a - b));
    expect(log.length).toBe(25);
    events.runDue(100);
    expect(log.at(-1)).toBe(1000);
    expect(events.next).toBe(Infinity);
  });

  it('tells the clock of an event earlier than all others', () => {
    const seen: number[] = [];
    const events = new Events({ now: 0, scheduled: (cycle) => seen.push(cycle) });
    events.at(10, () => {});
    events.at(20, () => {});
    events.at(5, () => {});
    expect(seen).toEqual([10, 5]);
  });
});
