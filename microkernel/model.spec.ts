/**
 * Random sequences of mapping, unmapping, granting and revoking by several tasks, compared with the reference model after each step:
 * page tables as the MMU walks them, capabilities, and the audit. RUNS and STEPS in the environment make it longer; failures shrink.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CapRight, Initial, Ops, Right, Status, capPage, memoryPage, type Sys } from './abi/index.ts';
import type { Syscalls } from '../binding/index.ts';
import { audit } from './testing/audit.ts';
import type { Kernel } from './kernel.ts';
import type { Task } from './objects/task.ts';
import { bootFake } from './testing/fake-machine.ts';
import { mapPages, mapSlots, put, unmapPages, unmapSlots, dissolve, type Table } from './testing/model.ts';
import { walk } from './testing/walk.ts';

const TASKS = 4, SELECTOR = 0x1000, RAM = 0x8040_0000, WINDOW = 4 * 2 ** 20, BASE = 0x4000_0000, SLOTS = 24;
const RUNS = Number(process.env['RUNS'] ?? 25), STEPS = Number(process.env['STEPS'] ?? 40);

interface Step { kind: 'map' | 'unmap'; from: number; to: number; order: number; at: number; dest: number; rights: number; flag: boolean }
const step = (orders: number[], places: number): fc.Arbitrary<Step> => fc.record({
  kind: fc.constantFrom('map', 'map', 'map', 'unmap'), from: fc.nat(TASKS - 1), to: fc.nat(TASKS - 1), order: fc.constantFrom(...orders),
  at: fc.nat(places - 1), dest: fc.nat(places - 1), rights: fc.constantFrom(1, 3, 5, 7, 7, 2, 4, 0), flag: fc.boolean(),
});

/** Tasks 0 … 3 have their memory at BASE; task 0 gets it from the first task. */
function* makeTasks(sys: Syscalls): Sys<void> {
  for (let i = 0; i < TASKS; i++) yield* sys.must(Initial.factory, Ops.factory.createTask, [SELECTOR + i, 0]);
}
const tasksOf = (k: Kernel): Task[] => Array.from({ length: TASKS }, (_, i) => k.root.task.caps.lookup(SELECTOR + i)!.object as Task);

/** Runs the body in the first task and hands on what it throws. */
function inFirstTask(body: (sys: Syscalls, kernel: () => Kernel) => Sys<void>): void {
  let failure: unknown, done = false;
  const holder: { kernel?: Kernel } = {};
  bootFake(function* (sys) {
    try { yield* body(sys, () => holder.kernel!); done = true; } catch (error) { failure = error; }
    yield* sys.receive();
  }, { onKernel: k => { holder.kernel = k; } });
  if (failure) throw failure;
  expect(done).toBe(true);
}

function comparePages(tasks: Task[], model: Table[]): void {
  for (let i = 0; i < TASKS; i++) {
    for (let va = BASE; va < BASE + WINDOW; va += 4096) {
      const there = walk(tasks[i].space, va), expected = model[i].get(va);
      if (there?.pa !== expected?.frame || there?.rights !== expected?.rights) {
        throw new Error(`task ${i} at 0x${va.toString(16)}: `
          + `${there ? `0x${there.pa.toString(16)} rights ${there.rights}` : 'nothing'}, expected `
          + `${expected ? `0x${expected.frame.toString(16)} rights ${expected.rights}` : 'nothing'}`);
      }
    }
  }
}

function* memoryStep(sys: Syscalls, step: Step, model: Table[]): Sys<void> {
  const size = 2 ** step.order, base = BASE + Math.floor((step.at * 4096) / size) * size, dest = BASE + step.dest * 4096;
  if (step.kind === 'unmap') {
    yield* sys.must(SELECTOR + step.from, Ops.task.unmap, [memoryPage(base, step.order, step.rights), step.flag ? 1 : 0]);
    return unmapPages(model[step.from], base, size, step.rights, step.flag);
  }
  const place = step.flag ? BASE + Math.floor((step.dest * 4096) / size) * size : dest;
  if (place + size > BASE + WINDOW) return;
  const grant = step.at % 7 === 0,
    status = yield* sys.invoke(SELECTOR + step.to, Ops.task.map,
      [SELECTOR + step.from, memoryPage(base, step.order, step.rights), place, grant ? 1 : 0]);
  expect(status).toBe(mapPages(model[step.from], base, size, step.rights, model[step.to], place, grant));
}

it('memory: page tables are what the model says, whatever is mapped, granted and unmapped', () => {
  fc.assert(fc.property(fc.array(step([12, 12, 13, 15, 20, 21, 21, 22], WINDOW / 4096), { maxLength: STEPS, size: 'max' }),
    steps => inFirstTask(function* (sys, kernel) {
    yield* makeTasks(sys);
    const tasks = tasksOf(kernel()), model: Table[] = tasks.map(() => new Map()), ram: Table = new Map();
    for (let at = 0; at < WINDOW; at += 4096) put(ram, RAM + at, RAM + at, Right.RWX, undefined);
    yield* sys.must(SELECTOR, Ops.task.map, [0, memoryPage(RAM, 22, Right.RWX), BASE, 0]);
    mapPages(ram, RAM, WINDOW, Right.RWX, model[0], BASE, false);
    for (const step of steps) {
      yield* memoryStep(sys, step, model);
      comparePages(tasks, model);
    }
    expect(audit(kernel())).toEqual([]);
    yield* sys.must(Initial.task, Ops.task.unmap, [memoryPage(RAM, 22, 0), 0]);
    unmapPages(ram, RAM, WINDOW, 0, false);
    comparePages(tasks, model);
    for (const task of tasks) expect(task.space.leaves).toBe(0);
  })), { numRuns: RUNS });
}, 36_000_000);

function compareSlots(tasks: Task[], model: Table[]): void {
  for (let i = 0; i < TASKS; i++) {
    for (let n = 0; n < SLOTS; n++) {
      const cap = tasks[i].caps.lookup(n), expected = model[i].get(n);
      expect(cap ? [cap.object.id, cap.rights] : undefined, `task ${i} slot ${n}`).toEqual(expected
        ? [expected.frame, expected.rights]
        : undefined);
    }
  }
}

function* capStep(sys: Syscalls, step: Step, model: Table[]): Sys<void> {
  const n = 2 ** step.order;
  if (step.kind === 'unmap' && step.order === 0 && step.flag && step.rights === 4) {
    const entry = model[step.from].get(step.at);
    expect(yield* sys.invoke(SELECTOR + step.from, Ops.task.delete, [step.at])).toBe(entry ? Status.ok : Status.badCap);
    if (entry) dissolve(entry);
  } else if (step.kind === 'unmap') {
    yield* sys.must(SELECTOR + step.from, Ops.task.unmap, [capPage(step.at, step.order, step.rights), step.flag ? 1 : 0]);
    unmapSlots(model[step.from], step.at, n, step.rights, step.flag);
  } else if (step.dest + n <= SLOTS && step.at + n <= SLOTS) {
    const status = yield* sys.invoke(SELECTOR + step.to, Ops.task.map,
      [SELECTOR + step.from, capPage(step.at, step.order, step.rights), step.dest, step.flag ? 1 : 0]);
    expect(status).toBe(mapSlots(model[step.from], step.at, n, step.rights, model[step.to], step.dest, step.flag));
  }
}

it('capabilities: slots, rights and objects are what the model says, whatever is mapped, moved, revoked and deleted', () => {
  fc.assert(fc.property(fc.array(step([0, 0, 0, 1, 2], SLOTS), { maxLength: 2 * STEPS, size: 'max' }),
    steps => inFirstTask(function* (sys, kernel) {
    yield* makeTasks(sys);
    const tasks = tasksOf(kernel()), model: Table[] = tasks.map(() => new Map()), own: Table = new Map();
    for (let i = 0; i < 6; i++) {
      const selector = 0x2000 + i;
      yield* sys.must(Initial.factory, Ops.factory.createSemaphore, [selector, 0]);
      put(own, selector, kernel().root.task.caps.lookup(selector)!.object.id, CapRight.all, undefined);
      yield* sys.must(SELECTOR, Ops.task.map, [0, capPage(selector), i, 0]);
      mapSlots(own, selector, 1, CapRight.all, model[0], i, false);
    }
    for (const step of steps) {
      yield* capStep(sys, step, model);
      compareSlots(tasks, model);
    }
    expect(audit(kernel())).toEqual([]);
  })), { numRuns: RUNS });
}, 36_000_000);
