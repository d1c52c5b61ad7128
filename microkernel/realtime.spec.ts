/**
 * Budgets hold to the cycle. Random sets of real-time threads (RISC-V code that always wants to run, rate-monotonic priorities, up to two
 * thirds of the hart) over a load of lower priority that computes, calls, maps and sleeps: each gets its budget in every period, and
 * nobody more. The trace shows which thread ran when.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Initial, IPC, Kind, Ops, Right, ThreadFlag, TRACE_RECORD, capPage, memoryPage, type Sys, type TraceSink } from './abi/index.ts';
import type { Syscalls, ThreadBody } from '../binding/index.ts';
import { CODE, makeUser } from './testing/real-machine.ts';
import { runReal } from './testing/run.ts';

const FIRST = 256, LOAD = 600, END = 6_000_000;
/** A kernel operation that is not interrupted, and a thread switch: what a period may be off by. */
const SLACK = 4000;
/** What entering the kernel at the end of a budget takes out of the next one, at most. */
const SWITCH = 400;

interface Task { readonly period: number; readonly share: number }
interface Run { readonly thread: number; readonly from: number; readonly to: number }

/** Reads who ran from the schedule records of hart 0. */
class Watch implements TraceSink {
  readonly runs: Run[] = [];
  #thread = 0;
  #since = 0;
  drain(records: Uint8Array): void {
    const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
    for (let at = 0; at < records.byteLength; at += TRACE_RECORD) {
      if (view.getUint16(at + 8, true) !== Kind.schedule) continue;
      const now = view.getFloat64(at, true);
      this.runs.push({ thread: this.#thread, from: this.#since, to: now });
      this.#thread = view.getUint32(at + 12, true);
      this.#since = now;
    }
  }
  name(): void {}
  /** Cycles of [from, to) in which the thread ran. */
  within(thread: number, from: number, to: number): number {
    let sum = 0;
    for (const run of this.runs) if (run.thread === thread) sum += Math.max(0, Math.min(run.to, to) - Math.max(run.from, from));
    return sum;
  }
}

const spin = 'again: addi a0, a0, 1; j again';
// semaphore.up, in vain or not
const storm = `again: li a7, ${IPC}; li a0, 7; li a1, 9; li a2, 0; li t0, 0x40000000000; li t1, 0x20000000; sd t0, (t1); ecall; j again`;
/** Maps, unmaps, creates and sleeps, in small steps. */
const busy: ThreadBody = function* (sys) {
  for (let i = 0; ; i++) {
    sys.charge(i % 8 === 0 ? 300_000 : 500);
    yield* sys.invoke(Initial.task, Ops.task.map, [0, memoryPage(0x8020_0000, 15, Right.RW), 0x4000_0000, 0]);
    yield* sys.invoke(Initial.task, Ops.task.unmap, [memoryPage(0x4000_0000, 15, 0), 1]);
    yield* sys.invoke(Initial.factory, Ops.factory.createSemaphore, [LOAD + 90, i]);
    yield* sys.invoke(Initial.task, Ops.task.unmap, [capPage(LOAD + 90), 1]);
    if (i % 16 === 0) yield* sys.receive(0, 20_000);
  }
};

function* load(sys: Syscalls): Sys<void> {
  const spinner = yield* makeUser(sys, LOAD, spin, { priority: 30, pa: 0x8010_4000 }),
    stormer = yield* makeUser(sys, LOAD + 10, storm, { priority: 30, pa: 0x8010_5000, utcb: 0x2000_0000 });
  for (const user of [spinner, stormer]) yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, 0]);
  yield* sys.must(Initial.factory, Ops.factory.createThread, [LOAD + 20, Initial.task, ThreadFlag.typescript, 0, 0], busy);
  yield* sys.must(Initial.factory, Ops.factory.createSchedContext, [LOAD + 21, 40, 0, 0]);
  yield* sys.must(LOAD + 20, Ops.thread.bind, [LOAD + 21]);
  yield* sys.must(LOAD + 20, Ops.thread.start, [0, 0, 0]);
}

/** The same in TypeScript: it always works, by charging. */
function* makeCharger(sys: Syscalls, first: number, priority: number): Sys<{ thread: number; context: number }> {
  const made = { thread: first + 1, context: first + 2 };
  yield* sys.must(Initial.factory, Ops.factory.createThread, [made.thread, Initial.task, ThreadFlag.typescript, 0, 0], function* (own) {
    for (let i = 0; ; i++) { own.charge(1000 + (i % 7) * 20_000); yield* own.invoke(Initial.thread, Ops.thread.info); }
  });
  yield* sys.must(Initial.factory, Ops.factory.createSchedContext, [made.context, priority, 0, 0]);
  yield* sys.must(made.thread, Ops.thread.bind, [made.context]);
  return made;
}

/** Runs the set; answers what was seen, the threads' ids, and when each began. */
function play(tasks: readonly { budget: number; period: number }[]): { watch: Watch; ids: number[]; began: number[] } {
  const watch = new Watch(), ids: number[] = [], began: number[] = [];
  const { kernel } = runReal(function* (sys, real) {
    yield* load(sys);
    for (const [i, task] of tasks.entries()) {
      const user = i % 2 === 0
        ? yield* makeUser(sys, FIRST + 16 * i, spin, { priority: 200 - i, pa: 0x8010_0000 + 4096 * i })
        : yield* makeCharger(sys, FIRST + 16 * i, 200 - i);
      yield* sys.must(user.context, Ops.schedContext.set, [200 - i, task.budget, task.period]);
      ids.push(real.kernel.root.task.caps.lookup(user.thread)!.object.id);
      began.push(sys.now());
      yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, 0]);
    }
    yield* sys.receive(0, END);
    for (const [i, task] of tasks.entries()) { // what the context says it used is what it used
      yield* sys.must(FIRST + 16 * i + 2, Ops.schedContext.consumed);
      expect(Math.abs(sys.utcb.word(0) - watchedSoFar(real.kernel, watch, ids[i]))).toBeLessThan(SLACK + 200 * (END / task.period));
    }
  }, { trace: watch, maxCycles: 1e8 });
  kernel.trace.flush();
  return { watch, ids, began };
}
function watchedSoFar(k: { readonly trace: { flush(): void } }, watch: Watch, thread: number): number {
  k.trace.flush();
  return watch.within(thread, 0, Infinity);
}

const SETS = fc.array(fc.record({ period: fc.integer({ min: 80_000, max: 900_000 }), share: fc.integer({ min: 5, max: 40 }) }),
  { minLength: 1, maxLength: 4 });
/** Shorter periods have higher priorities, and the shares are together no more than 66 hundredths. */
function budgets(set: readonly Task[]): { budget: number; period: number }[] {
  const total = set.reduce((sum, t) => sum + t.share, 0), scale = total > 66 ? 66 / total : 1;
  return [...set].sort((a, b) => a.period - b.period).map(t => ({
    period: t.period, budget: Math.floor(t.period * t.share * scale / 100)
  }));
}

it('real-time threads, in RISC-V code and in TypeScript, get their budgets in every period, and no more, whatever runs below them', () => {
  fc.assert(fc.property(SETS, set => {
    const tasks = budgets(set), { watch, ids, began } = play(tasks);
    for (const [i, { budget, period }] of tasks.entries()) {
      for (let n = 1; n * period < END - period; n++) {
        const got = watch.within(ids[i], 0, began[i] + n * period), where = `thread ${i} of ${JSON.stringify(tasks)}, ${n} periods`;
        expect(got, where).toBeGreaterThan(n * (budget - SWITCH) - SLACK);
        expect(got, where).toBeLessThan(n * budget + SLACK);
      }
    }
    const { budget, period } = tasks[0]; // the highest priority is never delayed: any window at all
    for (const run of watch.runs.filter(r => r.thread === ids[0] && r.from > began.at(-1)! + 2 * period))
      expect(watch.within(ids[0], run.from, run.from + period)).toBeLessThan(budget + SLACK);
  }), { numRuns: Number(process.env['RUNS'] ?? 12) });
}, 600_000);
