/**
 * Random visits against a model: a thread goes from task to task, loads and stores there, while pages come and go in each of them, tasks
 * end and are created anew, and answers name tasks that may not be visited. The model is a table of pages for each task
 * (testing/model.ts) and the task that the thread visits. RUNS and STEPS in the environment lengthen the test.
 */
import { expect, it } from 'vitest';
import { CapRight, Cause, Initial, Mtd, Ops, Right, Status, U, capPage, memoryPage, type Sys } from './abi/index.ts';
import type { Syscalls } from '../binding/index.ts';
import { mapPages, put, unmapPages, type Table } from './testing/model.ts';
import { Random } from './testing/random-calls.ts';
import { CODE, makeUser } from './testing/real-machine.ts';
import { runReal } from './testing/run.ts';

const RUNS = Number(process.env['RUNS'] ?? 12), STEPS = Number(process.env['STEPS'] ?? 150);
const FIRST = 256, GUEST = 900, WEAK = 800, TASKS = 4, PAGE = 4096, DATA = 0x8020_0000, FRAMES = 5, CODE_PA = 0x8010_0000;
/** Where tasks have pages: in both halves. */
const PLACES = [0x40000, 0x41000, 0x20_0000, -0x1000, -0x20_0000] as const;
const LOAD = 0, STORE = 8;

class Model {
  readonly root: Table = new Map();
  readonly tasks: Table[] = Array.from({ length: TASKS }, (): Table => new Map());
  readonly content = new Map<number, number>();
  constructor() {
    for (const frame of [CODE_PA, ...Array.from({ length: FRAMES }, (_, i) => DATA + i * PAGE)]) put(this.root, frame, frame, 7, undefined);
  }
  map(frame: number, rights: number, task: number, at: number): number {
    return mapPages(this.root, frame, PAGE, rights, this.tasks[task]!, at, false);
  }
  /** What an instruction at CODE + offset does in this task: the fault, or nothing. */
  fault(task: number, offset: number, at: number): readonly [scause: number, address: number] | undefined {
    const table = this.tasks[task]!, page = (va: number): number => table.get(Math.floor(va / PAGE) * PAGE)?.rights ?? 0;
    if ((page(CODE) & Right.X) === 0) return [12, CODE + offset];
    return (page(at) & (offset === LOAD ? Right.R : Right.W)) === 0 ? [offset === LOAD ? 13 : 15, at] : undefined;
  }
}

const selectorOf = (task: number): number => (task === 0 ? FIRST : FIRST + 100 + task);

function* makeTask(sys: Syscalls, model: Model, task: number, code: boolean): Sys<void> {
  const selector = selectorOf(task);
  yield* sys.must(Initial.factory, Ops.factory.createTask, [selector, 0]);
  yield* sys.must(Initial.task, Ops.task.map, [0, capPage(selector, 0, CapRight.use | CapRight.map), WEAK + task, 0]);
  model.tasks[task] = new Map();
  if (!code) return;
  model.map(CODE_PA, Right.RX, task, CODE);
  yield* sys.must(selector, Ops.task.map, [0, memoryPage(CODE_PA, 12, Right.RX), CODE, 0]);
}

it.each(Array.from({ length: RUNS }, (_, i) => i + 1))('%i: the thread finds what the model says', (seed) => {
  const random = new Random(seed), seen = { visits: 0, faults: 0, recalls: 0, refused: 0 };
  runReal(function* (sys) {
    const model = new Model();
    const user = yield* makeUser(sys, FIRST, 'ld a0, (a1); ebreak; sd a2, (a1); ebreak', { mtd: Mtd.args | Mtd.pc | Mtd.exit });
    model.map(CODE_PA, Right.RX, 0, CODE);
    yield* sys.must(Initial.factory, Ops.factory.createTask, [GUEST, 1]);
    for (let task = 1; task < TASKS; task++) yield* makeTask(sys, model, task, true);
    yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, 0]);
    yield* sys.receive();
    for (let step = 0; step < STEPS; step++) {
      const task = random.below(TASKS), at = random.pick(PLACES), frame = DATA + random.below(FRAMES) * PAGE, rights = 1 + random.below(7);
      switch (random.below(6)) {
        case 0: case 1:
          expect(yield* sys.invoke(selectorOf(task), Ops.task.map, [0, memoryPage(frame, 12, rights), at, 0]))
            .toBe(model.map(frame, rights, task, at));
          break;
        case 2:
          if (random.chance(50)) {
            unmapPages(model.tasks[task]!, at, PAGE, 7, true);
            yield* sys.must(selectorOf(task), Ops.task.unmap, [BigInt(at) + BigInt(memoryPage(0, 12, 7)), 1]);
          } else {
            unmapPages(model.root, frame, PAGE, 7, false);
            yield* sys.must(Initial.task, Ops.task.unmap, [memoryPage(frame, 12, 7), 0]);
          }
          break;
        case 3:
          if (task === 0) break;
          yield* remove(sys, model, task);
          yield* makeTask(sys, model, task, random.chance(80));
          break;
        default: yield* visit(sys, model, user.thread, random, seen);
      }
    }
  }, { maxInstructions: 50_000_000 });
  expect(seen.visits).toBeGreaterThan(STEPS / 10);
});

function* remove(sys: Syscalls, model: Model, task: number): Sys<void> {
  for (const at of [...model.tasks[task]!.keys()]) unmapPages(model.tasks[task]!, at, PAGE, 7, true);
  yield* sys.must(Initial.task, Ops.task.unmap, [capPage(selectorOf(task), 0, CapRight.all), 1]); // with the weak one
}

/** One answer, and its effect. */
function* visit(sys: Syscalls, model: Model, thread: number, random: Random, seen: { visits: number; faults: number; recalls: number;
  refused: number }): Sys<void> {
  const utcb = sys.utcb, task = random.below(TASKS), at = random.pick(PLACES), offset = random.pick([LOAD, STORE]),
    value = random.below(1e6);
  const [named, refusal] = random.chance(15)
    ? random.pick([[700, Status.badCap], [thread, Status.badKind], [GUEST, Status.badArgument], [WEAK + 1, Status.badRights]] as const)
    : [task === 0 && random.chance(50) ? 0 : selectorOf(task), Status.ok];
  const item = random.chance(30) ? { frame: DATA + random.below(FRAMES) * PAGE, rights: 1 + random.below(7), at: random.pick(PLACES) }
    : undefined;
  utcb.pc = CODE + offset;
  utcb.setXBig(11, BigInt(at));
  utcb.setXBig(12, BigInt(value));
  utcb.setNum(U.visit, named);
  const answer = { mtd: Mtd.args | Mtd.pc | Mtd.visit,
    items: item ? [{ flexpage: memoryPage(item.frame, 12, item.rights), dest: item.at }] : [] };
  const status = refusal !== Status.ok ? refusal : item ? model.map(item.frame, item.rights, task, item.at) : Status.ok;
  expect(yield* sys.reply(answer)).toBe(status);
  if (status !== Status.ok) {
    seen.refused++;
    return;
  }
  // It has not run yet: its priority is lower. What it finds is what is there when it does.
  const ends = task !== 0 && random.chance(15);
  if (ends) yield* remove(sys, model, task);
  else if (random.chance(20)) {
    unmapPages(model.tasks[task]!, at, PAGE, 7, true);
    yield* sys.must(selectorOf(task), Ops.task.unmap, [BigInt(at) + BigInt(memoryPage(0, 12, 7)), 1]);
  }
  const event = yield* sys.receive();
  seen.visits++;
  if (ends) {
    seen.recalls++;
    expect([event.label, utcb.pc]).toEqual([Cause.recall, CODE + offset]);
    return yield* makeTask(sys, model, task, true);
  }
  const fault = model.fault(task, offset, at);
  if (fault) {
    seen.faults++;
    expect([event.label, Number(event.words[0]), Number(event.words[1])]).toEqual([Cause.pageFault, ...fault]);
    return;
  }
  const { frame } = model.tasks[task]!.get(at)!;
  expect([event.label, utcb.pc]).toEqual([Cause.breakpoint, CODE + offset + 4]);
  if (offset === LOAD) expect(utcb.x(10)).toBe(model.content.get(frame) ?? 0);
  else model.content.set(frame, value);
}
