/** Superpages: few steps, and clean answers where a quota does not pay for splitting one. */
import { describe, expect, it } from 'vitest';
import { Initial, Ops, Right, Status, memoryPage, type Sys } from '../abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import { BYTES } from '../costs.ts';
import type { Kernel } from '../kernel.ts';
import { runFake } from '../testing/run.ts';

const GIB = 2 ** 30, TWO_MIB = 2 ** 21, RAM = 0x8000_0000, TO = 0x4000_0000, FACTORY = 300, TASK = 301, OTHER = 302;

/** A task with a quota of its own: `free` bytes are left of it. */
function* makeTask(sys: Syscalls, factory: number, task: number, free: number): Sys<void> {
  yield* sys.must(Initial.factory, Ops.factory.createFactory, [factory, 512 + BYTES.frame + free, 100, 0]);
  yield* sys.must(factory, Ops.factory.createTask, [task, 0]);
}
const look = function* (sys: Syscalls, task: number, va: number): Sys<number> {
  yield* sys.must(task, Ops.task.lookup, [va]);
  return sys.utcb.word(0);
};
const unmap = (sys: Syscalls, task: number, page: number, self: number): Sys<number> => sys.invoke(task, Ops.task.unmap, [page, self]);

describe('a gigabyte', () => {
  it('in one superpage is one step to map and one to unmap; in 2 MiB superpages it is 512', () => {
    const steps: number[][] = [];
    runFake(function* (sys, k: () => Kernel) {
      yield* makeTask(sys, FACTORY, TASK, 1_000_000);
      for (const dest of [TO, TO + TWO_MIB]) {
        const { counters, frames } = k(), before = [counters.pagesMapped, counters.pagesUnmapped, frames.used, sys.now()];
        yield* sys.must(TASK, Ops.task.map, [0, memoryPage(RAM, 30, Right.RWX), dest, 0]);
        expect(yield* look(sys, TASK, dest)).toBe(memoryPage(dest, dest % GIB === 0 ? 30 : 21, Right.RWX));
        const tables = frames.used - before[2];
        yield* sys.must(Initial.task, Ops.task.unmap, [memoryPage(RAM, 30, 0), 0]);
        steps.push([
          counters.pagesMapped - before[0], counters.pagesUnmapped - before[1], tables, frames.used - before[2],
          Math.round((sys.now() - before[3]) / 1000)
        ]);
      }
    }, { bytes: GIB + 64 * 2 ** 20 });
    expect(steps).toEqual([[1, 1, 0, 0, 1], [512, 512, 2, 0, 124]]); // leaves mapped, unmapped; tables made, left; thousands of cycles
  });
});

describe('a part of a superpage', () => {
  it('of the task itself that the quota does not pay for splitting: noQuota, and nothing has changed', () => {
    runFake(function* (sys) {
      yield* makeTask(sys, FACTORY, TASK, 3 * BYTES.frame + 10_000);
      yield* sys.must(TASK, Ops.task.map, [0, memoryPage(RAM, 21, Right.RW), TO, 0]);
      yield* sys.must(TASK, Ops.task.map, [TASK, memoryPage(TO, 12, Right.R), 0x1000, 0]);
      expect(yield* unmap(sys, TASK, memoryPage(TO + 0x5000, 12, Right.W), 1)).toBe(Status.noQuota);
      expect(yield* unmap(sys, TASK, memoryPage(TO, 12, 0), 1)).toBe(Status.noQuota);
      expect([yield* look(sys, TASK, TO), yield* look(sys, TASK, 0x1000)]).toEqual([
        memoryPage(TO, 21, Right.RW), memoryPage(0x1000, 12, Right.R)
      ]);
      expect(yield* unmap(sys, TASK, memoryPage(TO, 12, 0), 0)).toBe(Status.ok); // what was derived can always be taken
      expect(yield* look(sys, TASK, 0x1000)).toBe(0);
      expect(yield* unmap(sys, TASK, memoryPage(TO, 21, 0), 1)).toBe(Status.ok); // and a whole superpage
    });
  });
  it('of a gigabyte is split twice, or not at all', () => {
    runFake(function* (sys, k) {
      const split = BYTES.frame + 511 * BYTES.node;
      for (const [i, enough] of [false, true].entries()) {
        const [factory, task] = [FACTORY + 10 * i, TASK + 10 * i];
        yield* makeTask(sys, factory, task, BYTES.node + BYTES.capChunk + (enough ? 2 : 1) * split + 100);
        yield* sys.must(task, Ops.task.map, [0, memoryPage(RAM, 30, Right.RW), TO, 0]);
        const used = k().frames.used;
        expect(yield* unmap(sys, task, memoryPage(TO + 0x5000, 12, 0), 1)).toBe(enough ? Status.ok : Status.noQuota);
        expect(k().frames.used - used).toBe(enough ? 2 : 0);
        expect(yield* look(sys, task, TO + 0x5000)).toBe(enough ? 0 : memoryPage(TO, 30, Right.RW));
        expect(yield* look(sys, task, TO + 0x6000)).toBe(enough ? memoryPage(TO + 0x6000, 12, Right.RW) : memoryPage(TO, 30, Right.RW));
        expect(yield* look(sys, task, TO + TWO_MIB)).toBe(enough ? memoryPage(TO + TWO_MIB, 21, Right.RW) : memoryPage(TO, 30, Right.RW));
      }
    }, { bytes: GIB + 64 * 2 ** 20 });
  });
  it('taken back by whom it came from: who does not pay for splitting loses all of the superpage, the others nothing', () => {
    runFake(function* (sys) {
      yield* makeTask(sys, FACTORY, TASK, 20_000);
      yield* makeTask(sys, FACTORY + 10, OTHER + 10, 200_000);
      for (const task of [TASK, OTHER + 10]) yield* sys.must(task, Ops.task.map, [0, memoryPage(RAM, 21, Right.RW), TO, 0]);
      expect(yield* unmap(sys, Initial.task, memoryPage(RAM + 0x3000, 12, 0), 0)).toBe(Status.ok);
      expect([yield* look(sys, TASK, TO), yield* look(sys, TASK, TO + 0x3000)]).toEqual([0, 0]);
      expect([yield* look(sys, OTHER + 10, TO), yield* look(sys, OTHER + 10, TO + 0x3000)]).toEqual([memoryPage(TO, 12, Right.RW), 0]);
    });
  });
  it('replaced by a page: all of the superpage makes room where the quota does not pay for splitting it', () => {
    runFake(function* (sys) {
      for (const [i, enough] of [false, true].entries()) {
        const task = TASK + 10 * i;
        yield* makeTask(sys, FACTORY + 10 * i, task, enough ? 200_000 : 20_000);
        yield* sys.must(task, Ops.task.map, [0, memoryPage(RAM, 21, Right.RW), TO, 0]);
        yield* sys.must(task, Ops.task.map, [0, memoryPage(RAM + 0x20_0000, 12, Right.R), TO + 0x7000, 0]);
        expect(yield* look(sys, task, TO + 0x7000)).toBe(memoryPage(TO + 0x7000, 12, Right.R));
        expect(yield* look(sys, task, TO)).toBe(enough ? memoryPage(TO, 12, Right.RW) : 0);
      }
    });
  });
  it('granted: it moves where the giver pays for splitting, and is mapped where not', () => {
    runFake(function* (sys) {
      for (const [i, enough] of [false, true].entries()) {
        const task = TASK + 10 * i;
        yield* makeTask(sys, FACTORY + 10 * i, task, enough ? 200_000 : 20_000);
        yield* sys.must(task, Ops.task.map, [0, memoryPage(RAM, 21, Right.RW), TO, 0]);
        yield* sys.must(Initial.factory, Ops.factory.createTask, [400 + i, 0]);
        yield* sys.must(400 + i, Ops.task.map, [task, memoryPage(TO + 0x7000, 12, Right.RW), 0x1000, 1]);
        expect(yield* look(sys, 400 + i, 0x1000)).toBe(memoryPage(0x1000, 12, Right.RW));
        expect(yield* look(sys, task, TO + 0x7000)).toBe(enough ? 0 : memoryPage(TO, 21, Right.RW));
      }
    });
  });
});
