/**
 * A component that sends garbage through all its capabilities harms only itself: servers continue, honest clients are served, the audit is
 * clean.
 */
import { describe, expect, it } from 'vitest';
import { consoleMux, uart, type Program, type Scenario } from '../index.ts';
import { bootScenario } from './audited.ts';
import { loopback } from '../machine/index.ts';
import { audit } from '../microkernel/index.ts';
import { Initial, IpcFlag, Ops, ThreadFlag, capPage, memoryPage, wholeSpace, type Sys } from '../microkernel/abi/index.ts';
import type { Syscalls, ThreadBody } from '../binding/index.ts';
import { bootFake } from '../microkernel/testing/fake-machine.ts';
import { Protocol, allocate, log, openBlock, openConsole, openNet, valueOf, type Env } from '../roottask/client/index.ts';
import { tricks, type Trick } from './hostile-door.ts';
import { blockDriver, consoleDriver, netDriver, switchComponent } from '../scenarios/devices.ts';

const program = (main: Program['main']): Program => ({ name: 'test', main });
const rows = Object.values(Protocol).flatMap(group => Object.values(group).map(row => row.label));

/** xorshift32: the same garbage in every run. */
function random(seed: number): (below: number) => number {
  let x = seed | 1;
  return below => { x ^= x << 13; x ^= x >>> 17; x ^= x << 5; return (x >>> 0) % below; };
}
const VALUES = [0, 1, 2, 7, 32, 4095, 4096, 65536, 2 ** 20, 2 ** 31, 2 ** 32, 2 ** 40, 2 ** 52, -1, -4096, -(2 ** 40)];

function* rubbish(sys: Syscalls, env: Env): Sys<void> {
  const draw = random(Number(env.args['seed'])), va = valueOf(yield* allocate(sys, env, 1 << 20, { align: 1 << 20 })),
    caps = ['memory', 'log', 'names', 'rom', 'io', 'life', 'stdio', 'disk', 'terminal', 'net'].filter(c => env.hasCap(c));
  const dataspaces: number[] = [];
  for (let i = 0; i < 3000; i++) {
    const utcb = sys.utcb, selectors = [...caps.map(c => env.cap(c)), ...dataspaces, draw(64)], label = rows[draw(rows.length)]!,
      words = draw(6), items = draw(3);
    if (label === Protocol.life.exit.label || label === Protocol.life.crash.label) continue;
    for (let word = 0; word < words; word++) utcb.setWord(word, draw(3) ? VALUES[draw(VALUES.length)]! : draw(300));
    // never grants: a component that gives away `life` cannot report its end
    for (let n = 0; n < items; n++)
      utcb.setItem(n, draw(2) ? memoryPage(va, 12 + draw(9), 1 + draw(7)) : capPage(selectors[draw(selectors.length)]!, 0, 1 + draw(7)),
        VALUES[draw(VALUES.length)]!, 2 * draw(2));
    utcb.setTag(label, words, items);
    utcb.window = draw(2) ? wholeSpace() : 0;
    utcb.capWindow = draw(2) ? capPage(2048, 11) : 0;
    const flags = IpcFlag.send | (draw(4) ? IpcFlag.call | IpcFlag.receive : 0);
    yield sys.ipc(flags, selectors[draw(selectors.length)]!, draw(2) ? 1e6 : 0, 1e6);
    if (draw(50) === 0) dataspaces.push(2048 + draw(2048));
  }
  yield* log(sys, env, '\nrubbish sent');
}

function* honest(sys: Syscalls, env: Env): Sys<void> {
  const io = valueOf(yield* openConsole(sys, env, 'stdio')), disk = valueOf(yield* openBlock(sys, env, 'disk')),
    va = valueOf(yield* allocate(sys, env, 4096)), net = valueOf(yield* openNet(sys, env, 'net'));
  for (let i = 0; i < 200; i++) {
    // Whatever others send meanwhile, the loop behind the switch returns this frame.
    const frame = Uint8Array.from([2, 0, 0, 0, 0, 0xff, ...net.mac, 0x88, 0xb5, i]);
    valueOf(yield* net.send(sys, [frame]));
    sys.memory.setU32(va, i);
    valueOf(yield* disk.write(sys, 5, 1, va));
    sys.memory.setU32(va, 0);
    valueOf(yield* disk.read(sys, 5, 1, va));
    if (sys.memory.u32(va) !== i) throw new Error(`the disk says ${sys.memory.u32(va)} instead of ${i}`);
    valueOf(yield* io.write(sys, new TextEncoder().encode(`line ${i}\n`)));
    yield* sys.receive(0, 1e5);
    const back = valueOf(yield* net.receive(sys));
    if (!back.some(f => f[14] === i && f.length === frame.length)) throw new Error(`frame ${i} did not come back`);
  }
}

describe('a hostile component', () => {
  it.each([1, 2, 3, 4])('harms nobody else (seed %i)', async seed => {
    const data = new Uint8Array(1 << 20), kernelLog: string[] = [];
    let text = '';
    const scenario: Scenario = {
      name: 'hostile', summary: '', budget: 100e9, log: 'console', components: {
        uart: { program: uart, provides: ['stream'], devices: ['uart'] },
        console: { program: consoleMux, provides: ['stream'], caps: { out: 'uart' } },
        terminal: consoleDriver('console0'), disk0: blockDriver('disk0'), card: netDriver('net0'), switch: switchComponent('card'),
        bad: {
          program: program(rubbish), args: { seed }, caps: { stdio: 'console', disk: 'disk0', terminal: 'terminal', net: 'switch' },
          roms: true, devices: ['rtc'], memory: '3M', exit: 'any'
        },
        good: { program: program(honest), caps: { stdio: 'console', disk: 'disk0', net: 'switch' } },
      },
    };
    const disk = {
      size: data.length, readOnly: false, read: (at: number, to: Uint8Array) => to.set(data.subarray(at, at + to.length)),
      write: (at: number, from: Uint8Array) => data.set(from, at), flush: () => {}
    };
    const system = bootScenario(scenario, {
      output: (c, b) => { if (c === 'uart') text += new TextDecoder().decode(b); }, disks: [disk], nets: [{ connect: loopback }],
      consoles: 1, modules: [{ name: 'm', bytes: new Uint8Array(5000) }], kernelLog: l => kernelLog.push(l)
    });
    const result = await system.run();
    expect(kernelLog).toEqual([]);
    expect(result).toMatchObject({ status: 0, why: '' });
    for (const name of ['uart', 'console', 'terminal', 'disk0', 'card', 'switch'])
      expect(system.components.get(name)).toMatchObject({ state: 'running', restarts: 0 });
    expect(text).toContain('[bad] rubbish sent');
    expect(text.match(/^\[good\] line \d+$/gm)?.length).toBe(200);
    expect(audit(system.kernel)).toEqual([]);
  });
});

// ---- the door of TypeScript components ---------------------------------------------------------------------------------------------

interface Neighbour { readonly heard: string[]; memory: number; consumed: number }
const NEAR = 0x8048_0000, PAGE = 0x8040_0000;

/**
 * A neighbour on the other hart: a client asks a server a hundred times; the server keeps a sum in its memory and logs the time of each
 * request.
 */
function* neighbours(sys: Syscalls, seen: Neighbour): Sys<void> {
  const [task, server, client, portal, c1, c2] = [300, 301, 302, 303, 304, 305];
  const make = function* (thread: number, context: number, priority: number, body: ThreadBody): Sys<void> {
    yield* sys.must(Initial.factory, Ops.factory.createThread, [thread, task, ThreadFlag.typescript, 0, 1], body);
    yield* sys.must(Initial.factory, Ops.factory.createSchedContext, [context, priority, 0, 0]);
    yield* sys.must(thread, Ops.thread.bind, [context]);
  };
  yield* sys.must(Initial.factory, Ops.factory.createTask, [task, 0]);
  yield* sys.must(task, Ops.task.map, [0, memoryPage(NEAR, 16, 3), 0x10_0000, 0]);
  yield* make(server, c1, 120, function* (own) {
    for (let request = yield* own.receive(); ; request = yield* own.replyAndWait({ words: [own.memory.u32(0x10_0000)] })) {
      own.charge(700);
      own.memory.setU32(0x10_0000, own.memory.u32(0x10_0000) + Number(request.words[0]));
      seen.heard.push(`${own.now()} ${request.words[0]} ${request.label}`);
    }
  });
  yield* sys.must(Initial.factory, Ops.factory.createPortal, [portal, server, 9, 0]);
  yield* sys.must(task, Ops.task.map, [0, capPage(portal), 5, 0]);
  yield* make(client, c2, 110, function* (own) {
    for (let i = 1; i <= 100; i++) {
      yield* own.receive(0, 30_000);
      const answer = yield* own.call(5, { label: i, words: [i] });
      seen.heard.push(`${own.now()} ${answer.words[0]}`);
    }
  });
  for (const thread of [server, client]) yield* sys.must(thread, Ops.thread.start, [0, 0, 0]);
}

/** Runs a trick in a task with its own factory, next to the neighbour; returns the neighbour's log, and whether the trick escaped. */
function play(trick: Trick | undefined): { seen: Neighbour; escapes: string[]; wrong: string[] } {
  const seen: Neighbour = { heard: [], memory: 0, consumed: 0 }, escapes: string[] = [],
    [task, thread, context, factory] = [400, 401, 402, 403];
  const { kernel } = bootFake(function* (sys) {
    yield* neighbours(sys, seen);
    yield* sys.must(Initial.factory, Ops.factory.createFactory, [factory, 200_000, 60, 1]);
    yield* sys.must(factory, Ops.factory.createTask, [task, 0]);
    yield* sys.must(task, Ops.task.map, [0, memoryPage(PAGE, 12, 3), PAGE, 0]);
    yield* sys.must(factory, Ops.factory.createThread, [thread, task, ThreadFlag.typescript, 0, 0], function* (own) {
      if (trick) yield* trick[1]({ sys: own, page: PAGE, portal: 6, escaped: what => { escapes.push(what); } });
    });
    for (const [i, cap] of [task, thread, factory].entries()) yield* sys.must(task, Ops.task.map, [0, capPage(cap), i + 1, 0]);
    yield* sys.must(Initial.factory, Ops.factory.createPortal, [410, Initial.thread, 1, 0]);
    yield* sys.must(task, Ops.task.map, [0, capPage(410), 6, 0]);
    yield* sys.must(factory, Ops.factory.createSchedContext, [context, 60, 0, 0]);
    yield* sys.must(thread, Ops.thread.bind, [context]);
    yield* sys.must(thread, Ops.thread.start, [0, 0, 0]);
    for (let i = 0; i < 400; i++) { yield* sys.receive(0, 10_000); yield* sys.reply({ words: [1] }); }
    for (const thread of [301, 302]) { yield* sys.must(thread, Ops.thread.info); seen.consumed = seen.consumed * 1e9 + sys.utcb.word(1); }
    for (let at = 0; at < 0x1_0000; at += 4) seen.memory = (seen.memory * 31 + sys.memory.u32(NEAR + at)) >>> 0;
    yield* sys.receive();
  }, { harts: 2 });
  return { seen, escapes, wrong: audit(kernel) };
}

describe('the door of a TypeScript component', () => {
  const alone = play(undefined);
  it('the neighbour is busy all the while', () => {
    expect(alone.seen.heard.length).toBe(200);
    expect(alone.wrong).toEqual([]);
  });
  it.each(tricks)('%s', (what, run) => {
    const { seen, escapes, wrong } = play([what, run]);
    expect(escapes).toEqual([]);
    expect(wrong).toEqual([]);
    expect(seen).toEqual(alone.seen);
  });
});
