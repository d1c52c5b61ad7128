import { describe, expect, it } from 'vitest';
import {
  BOOTINFO_VA, CapRight, FIRST_FREE_SELECTOR, Initial, IpcFlag, MemoryFault, NOW, Ops, Right, Status, ThreadFlag, capPage, memoryPage,
  wholeSpace, type Sys
} from './abi/index.ts';
import { KernelError, placeBootInfo, readBootInfo, type Syscalls, type ThreadBody } from '../binding/index.ts';
import type { Kernel } from './kernel.ts';
import { audit } from './testing/audit.ts';
import { bootFake } from './testing/fake-machine.ts';

let nextSelector = FIRST_FREE_SELECTOR;
const selector = (): number => nextSelector++;

interface Made { thread: number; context: number; portal: number }
/** A server thread (in `task`) with a portal into it, started. */
function* makeServer(sys: Syscalls, body: ThreadBody,
    options: { task?: number; priority?: number; label?: number; hart?: number; start?: boolean } = {}): Sys<Made> {
  const thread = selector(), context = selector(), portal = selector();
  yield* sys.must(Initial.factory, Ops.factory.createThread,
    [thread, options.task ?? Initial.task, ThreadFlag.typescript, 0, options.hart ?? 0], body);
  yield* sys.must(Initial.factory, Ops.factory.createPortal, [portal, thread, options.label ?? 7, 0]);
  if (options.priority !== undefined || options.start !== false) {
    yield* sys.must(Initial.factory, Ops.factory.createSchedContext, [context, options.priority ?? 100, 0, 0]);
    yield* sys.must(thread, Ops.thread.bind, [context]);
  }
  if (options.start !== false) yield* sys.must(thread, Ops.thread.start, [0, 0, 0]);
  return { thread, context, portal };
}
const echo: ThreadBody = function* (sys) {
  let request = yield* sys.receive();
  for (;;) request = yield* sys.replyAndWait({ label: request.label + 1, words: [...request.words, request.badge] });
};
/** Runs a first thread to its end and answers the kernel; an exception in the body fails the test. */
function run(body: ThreadBody, options: Parameters<typeof bootFake>[1] = {}): ReturnType<typeof bootFake> {
  let done = false, failure: unknown;
  const booted = bootFake(function* (sys) {
    try { yield* body(sys); done = true; } catch (error) { failure = error; }
    yield* sys.receive(); // stays, so that its task does
  }, options);
  if (failure) throw failure;
  expect(done, booted.lines.join('\n')).toBe(true);
  expect(audit(booted.kernel)).toEqual([]);
  return booted;
}

describe('messages', () => {
  it('a call reaches the server with the portal\'s label as badge, and its answer comes back', () => {
    run(function* (sys) {
      const { portal } = yield* makeServer(sys, echo, { label: 2 ** 40 + 3 });
      const answer = yield* sys.call(portal, { label: 41, words: [1, 2n ** 63n - 1n, -5] });
      expect(answer).toMatchObject({ status: 0, label: 42, words: [1n, 2n ** 63n - 1n, -5n, 2n ** 40n + 3n] });
    });
  });
  it('a server without a scheduling context runs on its callers\' time', () => {
    run(function* (sys) {
      const { portal } = yield* makeServer(sys, echo, { start: false });
      expect((yield* sys.call(portal, { label: 1 })).label).toBe(2);
      expect((yield* sys.call(portal, { label: 5 })).label).toBe(6);
    });
  });
  it('time-outs: none to be lost for a partner who is not ready, a finite one in virtual time', () => {
    run(function* (sys) {
      const { portal } = yield* makeServer(sys, function* (own) {
        const sem = selector();
        yield* own.must(Initial.factory, Ops.factory.createSemaphore, [sem, 0]);
        yield* own.down(sem, Ops.semaphore.down);
      });
      expect((yield* sys.receive(0, 1000)).status).toBe(Status.timeout); // lets the server run
      expect((yield* sys.call(portal, {}, NOW)).status).toBe(Status.timeout);
      const before = sys.now();
      expect((yield* sys.call(portal, {}, 5000)).status).toBe(Status.timeout);
      expect(sys.now() - before).toBeGreaterThanOrEqual(5000);
      expect((yield* sys.receive(0, NOW)).status).toBe(Status.timeout);
    });
  });
  it('a closed receive takes messages of one portal only', () => {
    run(function* (sys) {
      const first = selector(), second = selector(), got: number[] = [];
      yield* sys.must(Initial.factory, Ops.factory.createPortal, [first, Initial.thread, 1, 0]);
      yield* sys.must(Initial.factory, Ops.factory.createPortal, [second, Initial.thread, 2, 0]);
      for (const portal of [first, second]) yield* makeServer(sys, function* (s) { yield* s.call(portal); });
      for (const portal of [second, first]) got.push((yield* sys.receive(portal)).badge);
      expect(got).toEqual([2, 1]);
    });
  });
  it('a kept reply answers later, once; dropping one gives the caller `dead`', () => {
    run(function* (sys) {
      const results: number[] = [], kept = selector(), kept2 = selector(), portal = selector();
      yield* sys.must(Initial.factory, Ops.factory.createPortal, [portal, Initial.thread, 1, 0]);
      for (let i = 0; i < 3; i++)
        yield* makeServer(sys, function* (s) { const r = yield* s.call(portal); results.push(r.status || r.label); });
      yield* sys.receive();
      yield* sys.must(Initial.thread, Ops.thread.keepReply, [kept]);
      expect(yield* sys.invoke(Initial.thread, Ops.thread.keepReply, [kept2])).toBe(Status.dead);
      yield* sys.receive();
      yield* sys.must(Initial.thread, Ops.thread.keepReply, [kept2]);
      yield* sys.receive(); // the third is forgotten by the next receive
      expect(yield* sys.send(kept, { label: 77 })).toBe(0);
      expect(yield* sys.send(kept, { label: 78 })).toBe(Status.badCap);
      yield* sys.must(Initial.task, Ops.task.delete, [kept2]);
      expect((yield* sys.receive(0, 1e6)).status).toBe(Status.timeout);
      expect(results.sort()).toEqual([Status.dead, Status.dead, 77].sort());
    });
  });
  it('a server that dies gives its callers `dead`, those in the queue too', () => {
    run(function* (sys) {
      const results: number[] = [],
        { portal, thread } = yield* makeServer(sys, function* (own) {
          yield* own.receive();
          yield* own.down(Initial.irqBase + 5, Ops.semaphore.down);
        });
      for (let i = 0; i < 2; i++) yield* makeServer(sys, function* (s) { results.push((yield* s.call(portal)).status); });
      yield* sys.receive(0, 1e6);
      yield* sys.must(thread, Ops.thread.kill);
      yield* sys.receive(0, 1e6);
      expect(results).toEqual([Status.dead, Status.dead]);
      expect((yield* sys.call(portal)).status).toBe(Status.dead);
    });
  });
  it('what is not there, or not allowed, is a status', () => {
    run(function* (sys) {
      const weak = selector(), { portal } = yield* makeServer(sys, echo);
      expect((yield* sys.call(99999)).status).toBe(Status.badCap);
      expect(yield* sys.invoke(portal, Ops.task.map, [])).toBe(Status.timeout * 0 + 0); // a portal takes any label
      yield* sys.must(Initial.task, Ops.task.map, [0, capPage(Initial.factory, 0, CapRight.use), weak, 0]);
      expect(yield* sys.invoke(weak, Ops.factory.createSemaphore, [selector(), 0])).toBe(Status.badRights);
      expect(yield* sys.invoke(Initial.factory, Ops.task.map, [])).toBe(Status.badKind);
      expect(yield* sys.invoke(Initial.factory, { label: 0x1ff, in: [], out: [], doc: '' })).toBe(Status.badOp);
      expect(yield* sys.invoke(Initial.factory, Ops.factory.createSemaphore, [weak, 0])).toBe(Status.busy);
      expect(yield* sys.invoke(Initial.task, Ops.task.map, [0, capPage(weak), selector(), 0])).toBe(Status.badRights);
      expect(yield sys.ipc(IpcFlag.reply, 0)).toBe(Status.dead);
    });
  });
});

describe('memory', () => {
  function* makeTask(sys: Syscalls): Sys<number> {
    const task = selector();
    yield* sys.must(Initial.factory, Ops.factory.createTask, [task, 0]);
    return task;
  }
  it('the first task has all RAM at its own addresses, and the boot information', () => {
    const ram = 0x8000_0000, top = ram + 14 * 2 ** 20, base = top - 4096; // a module, the boot information, kernel memory
    const place = (k: Kernel): void => {
      k.memory.write(base, new Uint8Array([1, 2, 3]));
      placeBootInfo(k.memory, top, {
        memory: [{ base: ram, size: base - ram }], modules: [{ name: 'm', base, size: 3 }], devices: [], harts: 1, seed: 0, options: '',
      });
    };
    run(function* (sys) {
      const info = readBootInfo(sys.memory), last = info.memory[0].base + info.memory[0].size;
      sys.memory.setU32(last - 4, 0x12345678);
      expect(sys.memory.u32(last - 4)).toBe(0x12345678);
      expect(() => sys.memory.u8(info.modules[0].base + 5000)).toThrow(MemoryFault);
      expect(sys.memory.read(info.modules[0].base, 3)).toEqual(new Uint8Array([1, 2, 3]));
      expect(() => sys.memory.setU8(info.modules[0].base, 1)).toThrow(MemoryFault);
      expect(info.modules[0].name).toBe('m');
      expect(() => sys.memory.setU8(BOOTINFO_VA, 1)).toThrow(MemoryFault);
    }, { modules: [{ base, size: 3 }], info: { base: top, size: 4096 }, kernelMemory: 2 * 2 ** 20 - 4096, onKernel: place });
  });
  it('maps superpages whole, splits them where a part is unmapped, and takes back what was passed on', () => {
    const { kernel } = run(function* (sys) {
      const first = yield* makeTask(sys), second = yield* makeTask(sys), from = 0x8020_0000, to = 0x4000_0000;
      const look = function* (task: number, va: number): Sys<number> {
        yield* sys.must(task, Ops.task.lookup, [va]);
        return sys.utcb.word(0);
      };
      yield* sys.must(first, Ops.task.map, [0, memoryPage(from, 21, Right.RW), to, 0]);
      expect(yield* look(first, to + 5)).toBe(memoryPage(to, 21, Right.RW));
      yield* sys.must(second, Ops.task.map, [first, memoryPage(to, 21, Right.RWX), to, 0]);
      expect(yield* look(second, to)).toBe(memoryPage(to, 21, Right.RW));
      yield* sys.must(Initial.task, Ops.task.unmap, [memoryPage(from + 0x3000, 12, Right.W), 0]);
      expect(yield* look(second, to + 0x3000)).toBe(memoryPage(to + 0x3000, 12, Right.R));
      expect(yield* look(second, to + 0x4000)).toBe(memoryPage(to + 0x4000, 12, Right.RW));
      yield* sys.must(first, Ops.task.unmap, [memoryPage(to, 21, 0), 1]);
      expect([yield* look(first, to), yield* look(second, to)]).toEqual([0, 0]);
      expect(yield* sys.invoke(second, Ops.task.map, [first, memoryPage(to, 21, Right.RW), to, 0])).toBe(Status.fault);
    });
    expect(kernel.root.task.space.find(0x8020_3000)!.level).toBe(1);
  });
  it('a message maps memory and capabilities into the receiver\'s windows, and nowhere else', () => {
    run(function* (sys) {
      const task = yield* makeTask(sys), seen: unknown[] = [], mine = selector();
      yield* sys.must(Initial.factory, Ops.factory.createSemaphore, [mine, 3]);
      const { portal } = yield* makeServer(sys, function* (own) {
        yield* own.receive();
        own.utcb.window = memoryPage(0x10000, 13, Right.RWX);
        own.utcb.capWindow = capPage(20);
        yield* own.replyAndWait({});
        seen.push(own.memory.u32(0x11000), yield* own.invoke(20, Ops.semaphore.up));
        expect(() => own.memory.setU8(0x11000, 0)).toThrow(MemoryFault);
        yield* own.reply({});
      }, { task });
      expect((yield* sys.call(portal, { items: [{ flexpage: memoryPage(0x8010_0000, 12, 1), dest: 0 }] })).status).toBe(Status.fault);
      yield* sys.call(portal);
      sys.memory.setU32(0x8010_0000, 99);
      const answer = yield* sys.call(portal,
        {
          items: [{ flexpage: memoryPage(0x8010_0000, 12, Right.R), dest: 0x1000 }, { flexpage: capPage(mine, 0, CapRight.use), dest: 0 }]
        });
      expect(answer.status).toBe(0);
      expect(seen).toEqual([99, 0]);
    });
  });
  it('granting moves: the giver has it no more, and the first owner still can take it back', () => {
    run(function* (sys) {
      const first = yield* makeTask(sys), second = yield* makeTask(sys);
      yield* sys.must(first, Ops.task.map, [0, memoryPage(0x8010_0000, 12, Right.RW), 0x5000, 0]);
      yield* sys.must(second, Ops.task.map, [first, memoryPage(0x5000, 12, Right.RW), 0x9000, 1]);
      yield* sys.must(first, Ops.task.lookup, [0x5000]);
      expect(sys.utcb.word(0)).toBe(0);
      yield* sys.must(Initial.task, Ops.task.unmap, [memoryPage(0x8010_0000, 12, 0), 0]);
      yield* sys.must(second, Ops.task.lookup, [0x9000]);
      expect(sys.utcb.word(0)).toBe(0);
    });
  });
  it('an uncaught fault of a server kills that thread alone; the kernel says which', () => {
    const { lines, kernel } = run(function* (sys) {
      const { portal } = yield* makeServer(sys, function* (s) { yield* s.receive(); s.memory.u8(0x1234_5678); });
      expect((yield* sys.call(portal)).status).toBe(Status.dead);
    });
    expect(lines.join()).toContain('no read mapping at 0x12345678');
    expect(kernel.crashes).toBe(1);
  });
});

describe('objects and quotas', () => {
  it('a factory pays, says no when it is empty, and gives everything back', () => {
    const { kernel } = run(function* (sys) {
      const account = function* (f: number): Sys<number> { yield* sys.must(f, Ops.factory.account); return sys.utcb.word(1); };
      const small = selector();
      for (let i = 0; i < 300; i++) selector(); // the directories of slots exist now
      yield* sys.must(Initial.factory, Ops.factory.createSemaphore, [small, 0]);
      yield* sys.must(Initial.task, Ops.task.unmap, [capPage(small), 1]);
      const before = yield* account(Initial.factory);
      yield* sys.must(Initial.factory, Ops.factory.createFactory, [small, 16384, 100, 0]);
      const task = small + 1, thread = small + 2;
      yield* sys.must(small, Ops.factory.createTask, [task, 0]);
      yield* sys.must(small, Ops.factory.createThread, [thread, task, ThreadFlag.typescript, 0, 0], echo);
      expect(yield* sys.invoke(small, Ops.factory.createTask, [small + 3, 0])).toBe(Status.ok);
      expect(yield* sys.invoke(small, Ops.factory.createTask, [small + 4, 0])).toBe(Status.noQuota);
      expect(yield* sys.invoke(task, Ops.task.map, [0, memoryPage(0x8010_0000, 12, 3), 0x1000, 0])).toBe(Status.noQuota);
      yield* sys.must(Initial.task, Ops.task.unmap, [capPage(small), 1]);
      expect(yield* sys.invoke(task, Ops.task.lookup, [0])).toBe(Status.badCap);
      expect(yield* account(Initial.factory)).toBe(before);
    });
    expect(kernel.tasks.size).toBe(1);
  });
  it('revoking takes a capability from everybody it was passed to', () => {
    run(function* (sys) {
      const task = selector(), sem = selector(), again = selector();
      yield* sys.must(Initial.factory, Ops.factory.createTask, [task, 0]);
      yield* sys.must(Initial.factory, Ops.factory.createSemaphore, [sem, 0]);
      yield* sys.must(task, Ops.task.map, [0, capPage(sem), 5, 0]);
      yield* sys.must(Initial.task, Ops.task.map, [task, capPage(5), again, 0]);
      expect(yield* sys.invoke(again, Ops.semaphore.up)).toBe(0);
      yield* sys.must(Initial.task, Ops.task.unmap, [capPage(sem), 0]);
      expect(yield* sys.invoke(again, Ops.semaphore.up)).toBe(Status.badCap);
      expect(yield* sys.invoke(sem, Ops.semaphore.up)).toBe(0);
    });
  });
});

describe('scheduling', () => {
  it('the highest priority runs first; a wake-up of higher priority preempts at the next yield', () => {
    run(function* (sys) {
      const order: string[] = [], sem = selector();
      yield* sys.must(Initial.factory, Ops.factory.createSemaphore, [sem, 0]);
      yield* makeServer(sys, function* (s) { order.push('low'); yield* s.must(sem, Ops.semaphore.up); order.push('low again'); },
        { priority: 10 });
      yield* makeServer(sys, function* (s) { order.push('high'); yield* s.down(sem, Ops.semaphore.down); order.push('high again'); },
        { priority: 20 });
      yield* sys.receive(0, 1e6);
      expect(order).toEqual(['high', 'low', 'high again', 'low again']);
    });
  });
  it('equal priorities share the hart in slices', () => {
    run(function* (sys) {
      const turns: number[] = [];
      for (let n = 0; n < 2; n++)
        yield* makeServer(sys,
          function* (s) { for (let i = 0; i < 4; i++) { turns.push(n); s.charge(6_000_000); yield s.ipc(IpcFlag.receive, 0, 0, 0); } },
          { priority: 10 });
      yield* sys.receive(0, 1e9);
      expect(turns).toEqual([0, 0, 1, 1, 0, 0, 1, 1]);
    });
  });
  it('a budget per period is a limit that lower priorities profit from', () => {
    run(function* (sys) {
      const used = [0, 0],
        burn = (n: number): ThreadBody =>
          function* (s) { for (;;) { used[n] += 1000; s.charge(1000); yield s.ipc(IpcFlag.receive, 0, 0, 0); } };
      const greedy = yield* makeServer(sys, burn(0), { priority: 20 });
      yield* sys.must(greedy.context, Ops.schedContext.set, [20, 100_000, 1_000_000]);
      yield* makeServer(sys, burn(1), { priority: 10 });
      yield* sys.receive(0, 10_000_000);
      expect(used[0]).toBeGreaterThan(700_000);
      expect(used[0]).toBeLessThan(1_200_000);
      expect(used[1]).toBeGreaterThan(6_000_000);
      yield* sys.must(greedy.thread, Ops.thread.kill);
      yield* sys.must(Initial.task, Ops.task.unmap, [capPage(FIRST_FREE_SELECTOR, 12), 1]);
    });
  });
  it('a caller helps a server of lower priority over those in between', () => {
    run(function* (sys) {
      const order: string[] = [];
      const { portal } = yield* makeServer(sys,
        function* (s) { let r = yield* s.receive(); for (;;) { order.push('served'); r = yield* s.replyAndWait({ label: r.label }); } },
        { priority: 5 });
      yield* sys.receive(0, 1e6);
      yield* makeServer(sys, function* (s) { yield* s.receive(0, 10_000); yield* s.call(portal); order.push('high'); }, { priority: 50 });
      yield* makeServer(sys,
        function* (s) { while (s.now() < 10_000_000) { s.charge(50_000); yield s.ipc(IpcFlag.receive, 0, 0, 0); } order.push('middle'); },
        { priority: 20 });
      yield* sys.receive(0, 1e8);
      expect(order).toEqual(['served', 'high', 'middle']);
    });
  });
  it('threads on several harts call each other', () => {
    run(function* (sys) {
      const servers: Made[] = [];
      for (let hart = 0; hart < 3; hart++) servers.push(yield* makeServer(sys, echo, { hart: hart, label: hart }));
      for (let i = 0; i < 30; i++) expect((yield* sys.call(servers[i % 3].portal, { label: i })).words).toEqual([BigInt(i % 3)]);
      yield* sys.must(servers[2].thread, Ops.thread.kill);
      expect((yield* sys.call(servers[2].portal)).status).toBe(Status.dead);
    }, { harts: 3 });
  });
});

it('a semaphore counts, wakes by priority, and ends waits when it goes', () => {
  run(function* (sys) {
    const sem = selector(), got: number[] = [];
    yield* sys.must(Initial.factory, Ops.factory.createSemaphore, [sem, 2]);
    yield* sys.must(sem, Ops.semaphore.down, [1]);
    expect(sys.utcb.word(0)).toBe(2);
    expect(yield* sys.down(sem, Ops.semaphore.down, 1000)).toBe(Status.timeout);
    for (const priority of [10, 30, 20])
      yield* makeServer(sys,
        function* (s) { if ((yield* s.down(sem, Ops.semaphore.down)) === 0) got.push(priority); else got.push(-priority); }, { priority });
    yield* sys.receive(0, 1e6);
    for (let i = 0; i < 2; i++) yield* sys.must(sem, Ops.semaphore.up);
    yield* sys.receive(0, 1e6);
    yield* sys.must(Initial.task, Ops.task.unmap, [capPage(sem), 1]);
    yield* sys.receive(0, 1e6);
    expect(got).toEqual([30, 20, -10]);
  });
});

it('`must` throws the status', () => {
  run(function* (sys) {
    let thrown: unknown;
    try { yield* sys.must(12345, Ops.semaphore.up); } catch (error) { thrown = error; }
    expect(thrown).toBeInstanceOf(KernelError);
    void wholeSpace;
  });
});
