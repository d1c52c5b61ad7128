/** Charged work passes as time that can be preempted, that budgets pay, and that is the same however it is cut into pieces. */
import { describe, expect, it } from 'vitest';
import { Initial, IpcFlag, Ops, Right, ThreadFlag, capPage, memoryPage, type Operation, type Sys } from './abi/index.ts';
import type { Syscalls, ThreadBody } from '../binding/index.ts';
import { COSTS } from './costs.ts';
import { runFake } from './testing/run.ts';

let next = 300;
/** A thread of the first task, started; answers its selectors. */
function* thread(sys: Syscalls, body: ThreadBody, priority: number, budget = 0, period = 0): Sys<{ thread: number; context: number }> {
  const made = { thread: next++, context: next++ };
  yield* sys.must(Initial.factory, Ops.factory.createThread, [made.thread, Initial.task, ThreadFlag.typescript, 0, 0], body);
  yield* sys.must(Initial.factory, Ops.factory.createSchedContext, [made.context, priority, budget, period]);
  yield* sys.must(made.thread, Ops.thread.bind, [made.context]);
  yield* sys.must(made.thread, Ops.thread.start, [0, 0, 0]);
  return made;
}
/** Wakes every 100 us, and says how late it was at worst. */
const periodic = (worst: { late: number; rounds: number }): ThreadBody => function* (sys) {
  for (let due = sys.now() + 100_000; worst.rounds < 95; due += 100_000) {
    yield* sys.receive(0, Math.max(0, due - sys.now()));
    worst.late = Math.max(worst.late, sys.now() - due);
    worst.rounds++;
  }
};
const nap = (sys: Syscalls, ns: number): Sys<unknown> => sys.receive(0, ns);
const trivial = (sys: Syscalls): Sys<void> => sys.must(Initial.thread, Ops.thread.info);

describe('a charge', () => {
  it('is counted in at once, and has passed when the next system call takes effect', () => {
    runFake(function* (sys) {
      const before = sys.now();
      sys.charge(123_456);
      expect(sys.now() - before).toBe(123_456);
      yield* trivial(sys);
      const passed = sys.now() - before;
      expect(passed).toBeGreaterThanOrEqual(123_456);
      expect(passed).toBeLessThan(123_456 + 2000);
    });
  });

  it('lets threads of higher priority run when they are due', () => {
    runFake(function* (sys) {
      const worst = { late: 0, rounds: 0 };
      let done = 0;
      yield* thread(sys, periodic(worst), 100);
      yield* thread(sys, function* (own) { own.charge(5e6); yield* trivial(own); done = own.now(); }, 10);
      yield* nap(sys, 10e6);
      expect(done).toBeGreaterThan(5e6);
      expect(worst.rounds).toBeGreaterThan(90);
      expect(worst.late).toBeLessThan(2000);
    });
  });

  it('is paid by the budget: a tenth of the processor takes ten times as long', () => {
    runFake(function* (sys) {
      let begun = 0, done = 0;
      const { context } = yield* thread(sys,
        function* (own) { begun = own.now(); own.charge(1e6); yield* trivial(own); done = own.now(); yield* own.receive(); }, 10, 100_000,
        1_000_000);
      yield* nap(sys, 20e6);
      expect(done - begun).toBeGreaterThan(9e6);
      expect(done - begun).toBeLessThan(11e6);
      yield* sys.must(context, Ops.schedContext.consumed);
      expect(sys.utcb.word(0)).toBeGreaterThanOrEqual(1e6);
    });
  });

  it('does not outlive its thread', () => {
    runFake(function* (sys) {
      let reached = false;
      const debtor = yield* thread(sys, function* (own) { own.charge(1e9); yield* trivial(own); reached = true; }, 10);
      yield* nap(sys, 50_000);
      yield* sys.must(debtor.thread, Ops.thread.kill);
      yield* nap(sys, 2e6);
      expect(reached).toBe(false);
    });
  });

  it('of a server delays its answer and nobody of higher priority', () => {
    runFake(function* (sys) {
      const worst = { late: 0, rounds: 0 }, portal = next++;
      yield* thread(sys, periodic(worst), 100);
      const server = yield* thread(sys,
        function* (own) {
          yield* own.receive();
          for (;;) yield own.serve(() => { own.charge(50_000); own.utcb.setTag(0, 0); own.utcb.mtd = 0; return true; });
        },
        50);
      yield* sys.must(Initial.factory, Ops.factory.createPortal, [portal, server.thread, 1, 0]);
      let each = 0;
      yield* thread(sys, function* (own) {
        const from = own.now();
        for (let i = 0; i < 40; i++) yield* own.call(portal);
        each = (own.now() - from) / 40;
      }, 10);
      yield* nap(sys, 5e6);
      expect(each).toBeGreaterThan(48_000); // (the first call came before the handler)
      expect(each).toBeLessThan(56_000);
      expect(worst.late).toBeLessThan(2000);
    });
  });
});

describe('copies through the memory of a thread', () => {
  it('cost by the word, and clearing by the page', () => {
    runFake(function* (sys) {
      const { memory } = sys, from = 0x8080_0000, to = 0x8081_0000,
        cost = (work: () => unknown): number => { const before = sys.now(); work(); return sys.now() - before; };
      for (const bytes of [8, 4096, 65_536]) {
        expect([
          cost(() => memory.read(from, bytes)), cost(() => memory.write(to, new Uint8Array(bytes))),
          cost(() => { memory.copy(to, from, bytes); })
        ],
          `${bytes} bytes`).toEqual(new Array(3).fill((bytes
          / 8)
          * COSTS.word));
      }
      expect(cost(() => { memory.fill(from, 65_536, 0); })).toBe(16 * COSTS.frame);
      yield* trivial(sys);
    });
  });
});

describe('work of the kernel', () => {
  /** Cycles of an operation. */
  function* cost(sys: Syscalls, operation: () => Sys<unknown>): Sys<number> {
    const from = sys.now();
    yield* operation();
    yield* trivial(sys);
    return sys.now() - from;
  }

  it('clears the roots of tasks and the UTCBs of threads, and reads tables that it clears away', () => {
    runFake(function* (sys) {
      const { createTask, createThread, createFactory } = Ops.factory, table = 2 * COSTS.frame, at = 0x4000_0000;
      function* make(call: Operation, words: readonly number[]): Sys<number> {
        return yield* cost(sys, () => sys.must(Initial.factory, call, [next++, ...words]));
      }
      const object = yield* make(createFactory, [0, 0, 0]), task = next;
      expect((yield* make(createTask, [0])) - object).toBe(COSTS.frame);
      expect((yield* make(createTask, [1])) - object).toBe(4 * COSTS.frame);
      expect((yield* make(createThread, [task, ThreadFlag.alien, 0, 0])) - object).toBe(0);
      expect((yield* make(createThread, [task, 0, at, 0])) - object).toBe(COSTS.frame + table);
      function* end(address: number): Sys<number> {
        const other = next++;
        yield* sys.must(Initial.factory, createTask, [other, 0]);
        yield* sys.must(other, Ops.task.map, [0, memoryPage(0x8080_0000, 12, Right.RW), address, 0]);
        return yield* cost(sys, () => sys.must(Initial.task, Ops.task.delete, [other]));
      }
      expect((yield* end(2 ** 38 - 4096)) - (yield* end(0))).toBe((256 + 512 + 512) / 512 * COSTS.frame - 3);
    });
  });

  it('grows with the leaves that are mapped, revoked and destroyed', () => {
    runFake(function* (sys) {
      const slopes: number[][] = [];
      for (const order of [12, 16, 20]) {
        const task = next++, base = 0x8080_0000;
        yield* sys.must(Initial.factory, Ops.factory.createTask, [task, 0]);
        const map = yield* cost(sys, () =>
          sys.must(task, Ops.task.map, [0, memoryPage(base, order, Right.RW), 0x4000_1000 - 0x1000 + 0x20_0000 * 0, 0]));
        const unmap = yield* cost(sys, () => sys.must(Initial.task, Ops.task.unmap, [memoryPage(base, order, 0), 0]));
        yield* sys.must(task, Ops.task.map, [0, memoryPage(base, order, Right.RW), 0x4000_0000, 0]);
        const destroy = yield* cost(sys, () => sys.must(Initial.task, Ops.task.unmap, [capPage(task), 1]));
        slopes.push([map, unmap, destroy]);
      }
      const pages = 2 ** 8 - 2 ** 4;
      for (const [i, least] of [COSTS.map, COSTS.unmap, COSTS.unmap].entries()) {
        const slope = (slopes[2]![i]! - slopes[1]![i]!) / pages;
        expect(slope, `${slopes.map(s => s[i]).join(', ')}`).toBeGreaterThanOrEqual(least);
        expect(slope, `${slopes.map(s => s[i]).join(', ')}`).toBeLessThan(least + 4 * COSTS.node);
      }
    });
  });

  it('grows with the capabilities that are mapped and revoked', () => {
    runFake(function* (sys) {
      const task = next++, first = 1024;
      yield* sys.must(Initial.factory, Ops.factory.createTask, [task, 0]);
      for (let i = 0; i < 256; i++) yield* sys.must(Initial.factory, Ops.factory.createSemaphore, [first + i, 0]);
      const map = yield* cost(sys, () => sys.must(task, Ops.task.map, [0, capPage(first, 8), 256, 0])),
        unmap = yield* cost(sys, () => sys.must(Initial.task, Ops.task.unmap, [capPage(first, 8), 0]));
      const destroy = yield* cost(sys, () => sys.must(Initial.task, Ops.task.unmap, [capPage(first, 8), 1]));
      expect(map).toBeGreaterThan(256 * COSTS.cap);
      expect(unmap).toBeGreaterThan(256 * COSTS.cap);
      expect(destroy).toBeGreaterThan(256 * (COSTS.cap + COSTS.object));
    });
  });

  it('can be preempted, however much it is', () => {
    const { kernel } = runFake(function* (sys) {
      const worst = { late: 0, rounds: 0 };
      yield* thread(sys, periodic(worst), 200);
      yield* thread(sys, function* (own) {
        for (let i = 0; i < 20; i++) {
          const task = 600 + i;
          yield* own.must(Initial.factory, Ops.factory.createTask, [task, 0]);
          yield* own.must(task, Ops.task.map, [0, memoryPage(0x8080_0000, 21, Right.RW), 0x4000_3000, 0]);
          yield* own.must(task, Ops.task.map, [0, memoryPage(0x8040_0000, 21, Right.RW), 0x4060_5000, 0]);
          yield* own.must(Initial.task, Ops.task.unmap, [capPage(task), 1]);
        }
      }, 10);
      yield* nap(sys, 10e6);
      expect(worst.rounds).toBeGreaterThan(90);
      expect(worst.late).toBeLessThan(20_000);
    }, { bytes: 64 * 2 ** 20 });
    expect(kernel.counters.longestStretch).toBeGreaterThan(1000);
    expect(kernel.counters.longestStretch).toBeLessThanOrEqual(20_000);
  });

  it('two runs are the same to the byte', () => {
    const run = (): Uint8Array => {
      next = 300;
      const { kernel } = runFake(function* (sys) {
        yield* thread(sys, periodic({ late: 0, rounds: 0 }), 100);
        for (let i = 0; i < 20; i++) { sys.charge(i * 7777); yield sys.ipc(IpcFlag.receive, 0, 0, 1000 * i); }
      });
      return kernel.trace.tail(5000).slice();
    };
    expect(run()).toEqual(run());
  });
});
