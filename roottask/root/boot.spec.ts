import { describe, expect, it } from 'vitest';
import { allocate, ask, exit, getText, log, openConsole, valueOf, type Program } from '../client/index.ts';
import { consoleMux } from '../console/console.ts';
import { uart } from '../drivers/uart.ts';
import { Server, type Answer } from '../lib/server.ts';
import type { Component, Scenario } from '../scenario.ts';
import { FakeKernel } from '../testing.ts';
import { rootTask, startOrder, type ComponentState } from './main.ts';

const UPPER = { label: 0x2000, in: [], out: [], doc: '' }, CRASH = { label: 0x2001, in: [], out: [], doc: '' };
const upper: Program = {
  name: 'upper',
  *main(sys, env) {
    const rows = new Map([[
      UPPER.label,
      function* (s: typeof sys): Generator<never, Answer, number> { return { status: 0, text: getText(s.utcb, 0).toUpperCase() }; }
    ],
      [CRASH.label, function* (): Generator<never, Answer, number> { throw new Error('asked to'); }]]);
    yield* new Server<string>(env, 'upper', rows, { open: l => l, bufferOrder: 0 }).run(sys);
  },
};
const program = (main: Program['main']): Program => ({ name: 'test', main });

function boot(components: Record<string, Component>,
    more: Partial<Scenario> = {}): { kernel: FakeKernel; states: Map<string, ComponentState>; status: number | undefined; why: string } {
  const states = new Map<string, ComponentState>();
  let status: number | undefined, why = '';
  const kernel = new FakeKernel(24 << 20,
    rootTask({ name: 't', summary: '', components, ...more },
      { changed: s => states.set(s.name, s), finished: (s, w) => { status = s; why = w; } }));
  kernel.run();
  return { kernel, states, status, why };
}

describe('boot', () => {
  it('starts a server before its client, carries messages, and ends with status 0', () => {
    const client = program(function* (sys, env) {
      yield* ask(sys, env.cap('up'), UPPER, [], { text: 'hello' });
      yield* log(sys, env, `said ${getText(sys.utcb, 0)}`);
    });
    const result = boot({ client: { program: client, caps: { up: 'upper' } }, upper: { program: upper, provides: ['upper'] } });
    expect(result.why).toBe('');
    expect(result.kernel.text).toBe('[client] said HELLO\n');
    expect(result.status).toBe(0);
  });
  it('gives memory up to the quota, and an error beyond', () => {
    const greedy = program(function* (sys, env) {
      const va = valueOf(yield* allocate(sys, env, 64 << 10));
      sys.memory.setU32(va + 65532, 7);
      const more = yield* allocate(sys, env, 1 << 20);
      yield* log(sys, env, more.ok ? 'too much' : more.what);
    });
    const result = boot({ greedy: { program: greedy, memory: '1M' } });
    expect(result.kernel.text).toContain('greedy: 1048576 bytes of memory: noQuota');
  });
  it('makes the exit status of a component that fails the status of the scenario', () => {
    const result = boot({
      a: { program: program(function* (sys, env) { yield* exit(sys, env, 7); }) }, b: { program: program(function* () {}) }
    });
    expect(result.status).toBe(7);
    expect(result.why).toBe('a exited with status 7');
  });
  it('reports an exception as a crash, with its words', () => {
    const result = boot({ a: { program: program(function* () { throw new Error('oh no'); }) } });
    expect(result.status).toBe(1);
    expect(result.kernel.text).toContain('[roottask] a crashed: oh no');
  });
  it('restarts a server that crashed: clients get an error, then the new one', () => {
    const client = program(function* (sys, env) {
      const first = yield* ask(sys, env.cap('up'), CRASH);
      let tries = 0;
      while ((yield* ask(sys, env.cap('up'), UPPER, [], { text: 'again' })) !== 0 && tries++ < 100) yield* sys.receive(0, 1e6);
      yield* log(sys, env, `first ${first}, then ${getText(sys.utcb, 0)}`);
    });
    const result = boot({ client: { program: client, caps: { up: 'upper' } }, upper: { program: upper, provides: ['upper'], restart: 1 } });
    expect(result.kernel.text).toContain('[client] first 10, then AGAIN');
    expect(result.kernel.text).toContain('upper started again (1 of 1)');
    expect(result.status).toBe(0);
  });
  it('routes streams through the multiplexer and the UART driver', () => {
    const talker = (text: string): Program => program(function* (sys, env) {
      const out = valueOf(yield* openConsole(sys, env, 'out'));
      valueOf(yield* out.write(sys, new TextEncoder().encode(`${text}\n`.repeat(60))));
    });
    const result = boot({
      uart: { program: uart, provides: ['stream'], devices: ['uart'] },
      console: { program: consoleMux, provides: ['stream'], caps: { out: 'uart' } },
      a: { program: talker('this is a speaking'), caps: { out: 'console' } },
      b: { program: talker('and this is b'), caps: { out: 'console' } },
    }, { log: 'console' });
    expect(result.why).toBe('');
    expect(result.kernel.text.split('\n').filter(l => l === '[a] this is a speaking').length).toBe(60);
    expect(result.kernel.text.split('\n').filter(l => l === '[b] and this is b').length).toBe(60);
  });
  it('refuses a scenario that asks for more memory than there is, in one line', () => {
    const result = boot({ a: { program: program(function* () {}), memory: '1G' } });
    expect(result.status).toBe(1);
    expect(result.why).toContain('asks for 1 GiB of memory');
  });
  it('names a device or a boot module that is not there', () => {
    const idle = program(function* () {});
    expect(boot({ a: { program: idle, devices: ['teapot'] } }).why).toContain("wants the device 'teapot'");
    expect(boot({ a: { program: idle, roms: ['kernel'] } }).why).toContain("wants the boot module 'kernel'");
    expect(boot({ a: { program: { elf: 'tool' } } }).why).toContain("wants the boot module 'tool'");
  });
});

describe('startOrder', () => {
  const idle = program(function* () {});
  it('names a circle', () => {
    const components = { a: { program: idle, provides: ['x'], caps: { b: 'b' } }, b: { program: idle, provides: ['y'], caps: { a: 'a' } } };
    expect(() => startOrder({ name: 't', summary: '', components })).toThrow('a → b → a');
  });
  it('names a component that is not there', () => {
    expect(() => startOrder({ name: 't', summary: '', components: { a: { program: idle, caps: { b: 'b' } } } })).toThrow(
      "'b', which is not in the scenario");
  });
});
