/** The public API's promises: limits, texts to wait for, budgets, a door that records and replays, one line for each mistake. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Arrival, Host, Program, Scenario, SystemOptions } from '../index.ts';
import { bootScenario } from './audited.ts';
import { audit } from '../microkernel/index.ts';
import { Ops, type TraceSink } from '../microkernel/abi/index.ts';
import { Factory } from '../microkernel/objects/factory.ts';
import { allocate, exit, log, openConsole, openNet, spawn, valueOf } from '../roottask/client/index.ts';
import { consoleDriver, switchComponent } from '../scenarios/devices.ts';
import native from '../scenarios/native.ts';

const program = (main: Program['main']): Program => ({ name: 'test', main });
const scenario = (main: Program['main'], more: Partial<Scenario> = {}): Scenario => ({
  name: 'test', summary: '', components: { a: { program: program(main) } }, ...more
});
const start = (scenario: Scenario, options: SystemOptions = {},
    host: Partial<Host> = {}): { system: ReturnType<typeof bootScenario>; text: () => string } => {
  let text = '';
  const system = bootScenario(scenario, { output: (_c, b) => { text += new TextDecoder().decode(b); }, ...host }, options);
  return { system, text: () => text };
};

const ticking: Program['main'] = function* (sys, env) {
  for (let i = 0; ; i++) {
    yield* log(sys, env, `tick ${i}`);
    yield* sys.receive(0, 10e6);
  }
};

describe('a run', () => {
  it('stops with status 0 when the text has appeared, at the same cycle each time', async () => {
    const cycles: number[] = [];
    for (let i = 0; i < 2; i++) {
      const { system, text } = start(scenario(ticking), { until: 'tick 5' });
      expect(await system.run()).toMatchObject({ status: 0, ending: 'until' });
      expect(text()).toContain('tick 5');
      expect(text()).not.toContain('tick 7');
      cycles.push(system.machine.events.now);
    }
    expect(cycles[0]).toBe(cycles[1]);
  });
  it('fails when it ends without the text', async () => {
    expect(await start(scenario(function* () {}),
      { until: 'never' }).system.run()).toMatchObject({ status: 1, why: "'never' did not appear" });
  });
  it('fails when the budget is used up, and says who was still there', async () => {
    const result = await start(scenario(ticking, { budget: 1e9 })).system.run();
    expect(result).toMatchObject({ status: 1, ending: 'budget' });
    expect(result.why).toContain('still there: a');
  });
  it('fails when an expectation is not met, and names it', async () => {
    const result = await start(scenario(function* () {}, { expect: [{ from: 'a', text: 'hello' }] })).system.run();
    expect(result).toMatchObject({ status: 1, missing: ["'hello' from a"] });
  });
  it('ends with status 124 at a limit of instructions', async () => {
    const modules = [{ name: 'pingpong', bytes: new Uint8Array(readFileSync(new URL('../guests/bin/native/pingpong', import.meta.url))) }];
    const { system } = start(native, { maxInstructions: 5000 }, { modules });
    expect(await system.run()).toMatchObject({ status: 124, ending: 'limit' });
    expect(system.machine.instructions).toBe(5000);
  });
  it('lets the time pass that a person thinks, also when nothing else happens', async () => {
    const times: number[] = [], arrivals: Arrival[] = [];
    const read: Program['main'] = function* (sys, env) {
      const io = valueOf(yield* openConsole(sys, env, 'stdio'));
      while (times.length < 2) {
        yield* log(sys, env, `ready ${times.length}`);
        yield* sys.down(io.inputSemaphore, Ops.semaphore.down);
        if (valueOf(yield* io.read(sys, 100)).length > 0) times.push(sys.now());
      }
      yield* exit(sys, env, 0);
    };
    const scenario: Scenario = {
      name: 'test', summary: '',
      components: { terminal: consoleDriver('console0'), a: { program: program(read), caps: { stdio: 'terminal' } } }, status: 'a'
    };
    const { system, text } = start(scenario, { paced: true },
      { consoles: 1, inputs: ['console0'], door: { passed: a => { arrivals.push(a); } } });
    const run = system.run(), rest = (ms: number): Promise<void> => new Promise(resolve => { setTimeout(resolve, ms); });
    for (let i = 0; i < 2; i++) {
      while (!text().includes(`ready ${i}`)) await rest(10);
      await rest(300);
      system.input('console0', new TextEncoder().encode('x\n'));
    }
    await run;
    expect(times.length).toBe(2);
    expect(times[0]).toBeGreaterThan(200e6);
    expect(times[1]! - times[0]!).toBeGreaterThan(200e6);
    const recorded = [...times];
    times.length = 0;
    await start(scenario, {}, { consoles: 1, inputs: ['console0'], door: { arrivals } }).system.run();
    expect(times).toEqual(recorded);
  });
  it('takes input in the order in which it comes, also between the pieces of a run that waits for its time', async () => {
    let read = '', typed = '';
    const reader: Program['main'] = function* (sys, env) {
      const io = valueOf(yield* openConsole(sys, env, 'stdio'));
      while (read.length < 4) {
        yield* sys.down(io.inputSemaphore, Ops.semaphore.down);
        read += new TextDecoder().decode(valueOf(yield* io.read(sys, 100)));
      }
      yield* exit(sys, env, 0);
    };
    const reading: Scenario = {
      name: 'test', summary: '',
      components: { terminal: consoleDriver('console0'), a: { program: program(reader), caps: { stdio: 'terminal' } } }, status: 'a'
    };
    const type = (): void => {
      if (typed.length === 4) return;
      typed += 'echo'[typed.length];
      system.input('console0', Buffer.from(typed.at(-1)!));
    };
    const { system } = start(reading, { paced: true }, { consoles: 1, inputs: ['console0'], piece: () => (typed ? 1000 : 1e6),
      gate: async () => { if (typed) type(); } });
    const run = system.run();
    do await new Promise(resolve => { setTimeout(resolve, 5); }); while (!system.idle);
    await new Promise(resolve => { setTimeout(resolve, 5); }); // the time that a person thinks passes before what he types
    type();
    await run;
    expect(read).toBe('echo');
  });
  it('ends when everybody waits and nothing can come', async () => {
    const result = await start(scenario(function* (sys) { yield* sys.receive(); })).system.run();
    expect(result).toMatchObject({ status: 1, ending: 'deadlock' });
  });
  it('is refused in words when it cannot be made', () => {
    expect(() => start(scenario(function* () {}, { ram: '64T' }))).toThrow(/64 ?T|cannot be made/);
    expect(() => start({ ...scenario(function* () {}), components: { a: { program: program(function* () {}), memory: 'lots' } } })).toThrow(
      "'lots' is not a size");
    expect(() => start(scenario(function* () {}), { memoryBytes: 4 << 20 })).toThrow('too little');
  });
});

describe('the door', () => {
  const echo: Scenario = {
    name: 'echo', summary: '', components: {
      terminal: consoleDriver('console0'),
      echo: { caps: { stdio: 'terminal' }, program: program(function* (sys, env) {
        const io = valueOf(yield* openConsole(sys, env, 'stdio'));
        for (let n = 0; ;) {
          const got = valueOf(yield* io.read(sys, 100));
          if (got.length) { n += got.length; yield* log(sys, env, `${n} at ${sys.now()}`); }
          else if (yield* io.ended(sys)) return yield* exit(sys, env, n);
          else yield* sys.down(io.inputSemaphore, Ops.semaphore.down);
        }
      }) },
    }, status: 'echo',
  };
  const sink = (into: string[]): TraceSink => ({ drain: r => void into.push(Buffer.from(r).toString('base64')), name: () => {} });

  it('records what comes in, and a replay is the same run, to the byte of the trace', async () => {
    const arrivals: Arrival[] = [], first: string[] = [], second: string[] = [];
    const recorded = start(echo, { trace: sink(first) }, { consoles: 1, inputs: ['console0'], door: { passed: x => arrivals.push(x) } });
    setTimeout(() => recorded.system.input('console0', new Uint8Array(5)), 20);
    setTimeout(() => { recorded.system.input('console0', new Uint8Array(7)); recorded.system.endInput('console0'); }, 60);
    expect((await recorded.system.run()).status).toBe(12);
    const replayed = start(echo, { trace: sink(second) }, { consoles: 1, inputs: ['console0'], door: { arrivals } });
    replayed.system.input('console0', new Uint8Array(99));
    expect((await replayed.system.run()).status).toBe(12);
    expect(replayed.text()).toBe(recorded.text());
    expect(second).toEqual(first);
  });
});

/** Bytes of kernel memory that the objects of a factory, and of those made out of it, take up now. */
const usedIn = (factory: Factory): number => [...factory.objects].reduce(
  (sum, object) => sum + (object instanceof Factory ? usedIn(object) - object.limit : 0), factory.used);

describe('a component that ends', () => {
  const crashing = (times: number): Scenario => ({
    name: 'crashing', summary: '', components: {
      terminal: consoleDriver('console0'),
      a: { restart: times, caps: { stdio: 'terminal' }, exit: 'any', program: program(function* (sys, env) {
        valueOf(yield* openConsole(sys, env, 'stdio'));
        valueOf(yield* allocate(sys, env, 1 << 20));
        valueOf(yield* spawn(sys, env, function* (s) { yield* s.receive(); }));
        yield* sys.receive(0, 1e6);
        throw new Error('again');
      }) },
    },
  });
  const after = async (times: number): Promise<{ used: number; faults: string[]; crashes: number }> => {
    const { system, text } = start(crashing(times), {}, { consoles: 1 });
    await system.run();
    return { used: system.kernel.root.factory.used, faults: audit(system.kernel), crashes: text().split('crashed: again').length - 1 };
  };
  it('gives back all kernel memory and leaves no mapping behind, however often it is restarted', async () => {
    const few = await after(2), many = await after(12);
    expect(many.crashes).toBe(13);
    expect(few.faults).toEqual([]);
    expect(many.faults).toEqual([]);
    expect(many.used).toBe(few.used);
  });
  it('leaves nothing in the servers that it used: neither semaphores nor, when it opened twice, buffers', async () => {
    const used = async (restart: number, opens: number): Promise<number> => {
      const { system } = start({
        name: 'guests', summary: '', components: {
          terminal: consoleDriver('console0'), switch: switchComponent(),
          a: { restart, caps: { stdio: 'terminal', net: 'switch' }, exit: 'any', program: program(function* (sys, env) {
            for (let i = 0; i < opens; i++) {
              yield* openConsole(sys, env, 'stdio');
              yield* openNet(sys, env, 'net');
            }
            throw new Error('again');
          }) },
        },
      }, {}, { consoles: 1 });
      await system.run();
      expect(audit(system.kernel)).toEqual([]);
      return usedIn(system.kernel.root.factory);
    };
    const once = await used(0, 1);
    expect(await used(8, 1)).toBe(once);
    expect(await used(0, 40)).toBe(once);
  });
  it('can be killed by the scenario, and the others go on', async () => {
    const { system, text } = start({
      name: 'kill', summary: '',
      components: {
        a: { program: program(ticking), exit: 'any' },
        b: { program: program(function* (sys, env) { yield* sys.receive(0, 200e6); yield* log(sys, env, 'still here'); }) }
      },
      actions: [{ kill: 'a', afterText: '[a] tick 3' }],
      expect: [{ from: 'roottask', text: 'a killed' }, { from: 'b', text: 'still here' }],
    });
    expect(await system.run()).toMatchObject({ status: 0, missing: [] });
    expect(text()).not.toContain('tick 9');
  });
});
