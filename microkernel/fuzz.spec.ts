import { expect, it } from 'vitest';
import { Initial, Ops, ThreadFlag, capPage, memoryPage, type Sys } from './abi/index.ts';
import { entryOf, type Syscalls } from '../binding/index.ts';
import { audit } from './testing/audit.ts';
import { Kernel } from './kernel.ts';
import { digest, makeBystander } from './testing/bystander.ts';
import { FakeMachine } from './testing/fake-machine.ts';
import { randomBody } from './testing/random-calls.ts';

const BYSTANDER = 1024, BYSTANDER_PA = 0x80c0_0000, FUZZERS = 4, first = (i: number): number => 256 + 16 * i;
const FIND = { factory: 0, task: 1, thread: 2, context: 3, portal: 5, semaphore: 6 } as const;

/**
 * A task with its own quota, capabilities for itself (1 task, 2 thread, 3 factory, 4 context), portals to all fuzzers (5 …), a semaphore
 * (9) and some memory; runs random calls.
 */
function* makeFuzzer(sys: Syscalls, n: number, seed: number, calls: number, hart: number): Sys<void> {
  const at = (what: keyof typeof FIND): number => first(n) + FIND[what];
  yield* sys.must(Initial.factory, Ops.factory.createFactory, [at('factory'), 400_000, 230, 0]);
  yield* sys.must(at('factory'), Ops.factory.createTask, [at('task'), 0]);
  yield* sys.must(at('factory'), Ops.factory.createThread, [at('thread'), at('task'), ThreadFlag.typescript, 0, hart],
    randomBody(seed, calls));
  yield* sys.must(at('factory'), Ops.factory.createSchedContext, [at('context'), 20 + (seed % 50), 0, 0]);
  yield* sys.must(at('factory'), Ops.factory.createPortal, [at('portal'), at('thread'), seed, 0x3ff]);
  yield* sys.must(at('factory'), Ops.factory.createSemaphore, [at('semaphore'), 1]);
  yield* sys.must(at('thread'), Ops.thread.bind, [at('context')]);
  for (const [i, cap] of (['task', 'thread', 'factory', 'context'] as const).entries())
    yield* sys.must(at('task'), Ops.task.map, [0, capPage(at(cap)), i + 1, 0]);
  yield* sys.must(at('task'), Ops.task.map, [0, capPage(first(0) + FIND.semaphore), 9, 0]);
  yield* sys.must(at('task'), Ops.task.map, [0, memoryPage(0x8000_0000 + (seed % 4) * 0x20_0000, 21, 7), 0x8000_0000, 0]);
  yield* sys.must(at('task'), Ops.task.map, [0, memoryPage(0x8010_0000, 13, 3), 0x4000_0000, 0]);
}

/** Random calls by several tasks; after every few slices everything must add up; at the end nothing may be left. */
function* world(sys: Syscalls, kernel: () => Kernel, seed: number, calls: number, harts: number): Sys<void> {
  yield* makeBystander(sys, BYSTANDER, BYSTANDER_PA, { riscv: false, hart: harts - 1 });
  const innocent = digest(kernel(), BYSTANDER);
  yield* sys.must(Initial.factory, Ops.factory.account);
  const before = sys.utcb.word(1);
  for (let i = 0; i < FUZZERS; i++) yield* makeFuzzer(sys, i, seed * 4 + i, calls, i % harts);
  for (let i = 0; i < FUZZERS; i++) {
    for (let j = 0; j < FUZZERS; j++) yield* sys.must(first(i) + FIND.task, Ops.task.map, [0, capPage(first(j) + FIND.portal), 5 + j, 0]);
    yield* sys.must(first(i) + FIND.thread, Ops.thread.start, [0, 0, 0]);
  }
  yield* sys.must(first(0) + FIND.task, Ops.task.map, [0, capPage(first(1) + FIND.task), 10, 0]); // one of them rules another
  yield* sys.receive(0, 2e9);
  for (let i = 0; i < FUZZERS; i++) yield* sys.must(Initial.task, Ops.task.unmap, [capPage(first(i), 4), 1]);
  yield* sys.must(Initial.factory, Ops.factory.account);
  expect(sys.utcb.word(1) - before, 'bytes that are left').toBe(2048);
  expect(digest(kernel(), BYSTANDER)).toBe(innocent);
}

export function fuzz(seed: number, calls: number, harts: number, rootToo = false): Kernel {
  const machine = new FakeMachine(16 * 2 ** 20, harts), lines: string[] = [];
  let failure: unknown;
  const kernel: Kernel = machine.kernel = new Kernel({
    machine, log: l => lines.push(l),
    root: entryOf(function* (sys) {
      try { yield* world(sys, () => kernel, seed, calls, harts); } catch (error) { failure = error; }
      if (rootToo) yield* randomBody(seed, calls)(sys);
      else yield* sys.receive();
    }),
  });
  for (let i = 0; i < 1_000_000; i++) {
    let busy = true;
    try { machine.run(8); busy = false; } catch (error) { if (!(error instanceof Error) || !error.message.includes('busy')) throw error; }
    const wrong = audit(kernel);
    if (wrong.length > 0) throw new Error(`seed ${seed}, ${harts} harts, after ${i * 8} slices: ${wrong.slice(0, 5).join('; ')}`);
    if (!busy) break;
  }
  if (failure) throw failure;
  const bad = lines.filter(l => l.includes('died') && !/no (read|write) mapping/.test(l));
  if (bad.length > 0) throw new Error(`seed ${seed}: ${bad[0]}`);
  return kernel;
}

it('random system calls of four tasks on one hart break nothing, leave nothing, and do not touch a bystander',
  () => { for (let s = 1; s <= 12; s++) fuzz(s, 150, 1); });
it('… and on four harts', () => { for (let s = 101; s <= 108; s++) fuzz(s, 150, 4); });
it('… and of the first task, which may take everything apart', () => { for (let s = 201; s <= 206; s++) fuzz(s, 150, 2, true); });
