import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Frames } from './frames.ts';

const MIB = 1 << 20, BASE = 0x8000_0000;

it('never hands a frame out twice, and gets everything back', () => {
  const step = fc.record({ size: fc.integer({ min: 1, max: 600 }), order: fc.integer({ min: 12, max: 22 }), free: fc.boolean() });
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), steps => {
    const frames = new Frames([{ base: BASE, size: 8 * MIB }, { base: BASE + 16 * MIB, size: 4 * MIB }]),
      held: { base: number; size: number }[] = [];
    for (const step of steps) {
      if (step.free && held.length) { const hole = held.pop()!; frames.give(hole.base, hole.size); continue; }
      const size = step.size * 4096, base = frames.take(size, 2 ** step.order, () => {});
      if (base === undefined) continue;
      expect(base % 2 ** step.order).toBe(0);
      for (const hole of held) expect(base + size <= hole.base || hole.base + hole.size <= base).toBe(true);
      held.push({ base, size });
    }
    for (const hole of held) frames.give(hole.base, hole.size);
    expect(frames.available).toBe(frames.total);
  }), { numRuns: 60 });
});
it('clears only what somebody had before', () => {
  const frames = new Frames([{ base: BASE, size: MIB }]), cleared: number[] = [];
  const take = (): number => frames.take(8192, 4096, (_b, n) => cleared.push(n))!;
  const first = take();
  expect(cleared).toEqual([]);
  frames.give(first, 8192);
  take();
  expect(cleared).toEqual([8192]);
});
it('refuses frames that come back twice', () => {
  const frames = new Frames([{ base: BASE, size: MIB }]), base = frames.take(4096, 4096, () => {})!;
  frames.give(base, 4096);
  expect(() => frames.give(base, 4096)).toThrow('twice');
});
