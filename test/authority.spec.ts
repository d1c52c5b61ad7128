/** Priority is authority: no thread of a component exceeds the scenario's grant, whatever it asks for. */
import { describe, expect, it } from 'vitest';
import type { Component, Program, Scenario } from '../index.ts';
import { bootScenario } from './audited.ts';
import { NEVER, Ops, Own, Status, ThreadFlag, statusName, type Sys } from '../microkernel/abi/index.ts';
import type { Syscalls } from '../binding/index.ts';
import { log, type Env } from '../roottask/client/index.ts';

const PERIOD = 10e6, ROUNDS = 200;

/** Prints the largest lateness of its rounds in microseconds. */
function* periodic(sys: Syscalls, env: Env): Sys<void> {
  let worst = 0;
  for (let next = sys.now() + PERIOD, i = 0; i < ROUNDS; i++, next += PERIOD) {
    yield* sys.receive(0, Math.max(0, next - sys.now()));
    worst = Math.max(worst, sys.now() - next);
  }
  yield* log(sys, env, `late by ${Math.ceil(worst / 1000)} us`);
}

type Attempt = readonly [what: string, ask: (sys: Syscalls, env: Env) => Sys<number>];
const HIGH = 255;
/** Attempts to exceed the scenario's grant, each with its status. */
const attempts: readonly Attempt[] = [
  ['its own context', sys => sys.invoke(Own.schedContext, Ops.schedContext.set, [HIGH, 0, 0])],
  ['its own context, with a budget', sys => sys.invoke(Own.schedContext, Ops.schedContext.set, [HIGH, 1e6, 1e6])],
  ['a context', (sys, env) => sys.invoke(Own.factory, Ops.factory.createSchedContext, [env.selector(), HIGH, 0, 0])],
  ['a factory', (sys, env) => sys.invoke(Own.factory, Ops.factory.createFactory, [env.selector(), 4096, HIGH, 0])],
  ['a factory with every hart', (sys, env) => sys.invoke(Own.factory, Ops.factory.createFactory, [env.selector(), 4096, 1, 2 ** 32 - 1])],
  ['a factory with the other hart', (sys, env) => sys.invoke(Own.factory, Ops.factory.createFactory, [env.selector(), 4096, 1, 2])],
  [
    'a thread on another hart',
    (sys, env) =>
      sys.invoke(Own.factory, Ops.factory.createThread, [env.selector(), Own.task, ThreadFlag.typescript, 0, 1], NEVER,
        function* () { /* nothing */ })
  ],
];

/** Requests everything, then computes for two seconds without a pause. */
function* greedy(sys: Syscalls, env: Env): Sys<void> {
  for (const [what, ask] of attempts) yield* log(sys, env, `${what}: ${statusName(yield* ask(sys, env))}`);
  yield* sys.receive(0, 50e6);
  for (let i = 0; i < 20_000; i++) {
    sys.charge(100_000);
    yield* sys.invoke(Own.thread, Ops.thread.info);
  }
}

const program = (name: string, main: Program['main']): Program => ({ name, main });
function run(low: Partial<Component>): Promise<string> {
  let text = '';
  const scenario: Scenario = {
    name: 'authority', summary: '', budget: 10e9, harts: 2, components: {
      high: { program: program('high', periodic), priority: 200 },
      low: { program: program('low', greedy), priority: 1, harts: [0], ...low },
    },
  };
  const system = bootScenario(scenario, { output: (_c, bytes) => { text += new TextDecoder().decode(bytes); } });
  return system.run().then(result => { expect(result, text).toMatchObject({ status: 0 }); return text; });
}
const lateness = (text: string): number => Number(/late by (\d+) us/.exec(text)![1]);

describe('priority is authority', () => {
  it('a component of priority 1 that asks for 255 is refused, and one of 200 is on time', async () => {
    const text = await run({});
    for (const [what] of attempts) expect(text).toContain(`[low] ${what}: ${statusName(Status.badRights)}`);
    expect(lateness(text)).toBeLessThanOrEqual(20); // the other charges 100 us at a time, and gets interrupted
  });
  it('… which it would not be, had the scenario given the other that priority', async () => {
    const text = await run({ priority: 201 });
    expect(lateness(text)).toBeGreaterThan(1_900_000);
  });
});
