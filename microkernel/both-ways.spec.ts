/** One suite of the ABI, played by RISC-V threads, by TypeScript threads, and by one of each: the semantics are the same. */
import { describe, expect, it } from 'vitest';
import { CapRight, Initial, Ops, Right, Status, capPage, memoryPage, type Operation, type Sys } from './abi/index.ts';
import type { Syscalls } from '../binding/index.ts';
import { audit } from './testing/audit.ts';
import { begin, end, makePuppet, play, type Puppet, type Report } from './testing/puppet.ts';
import { bootReal } from './testing/real-machine.ts';

const CALL = 7, SEND = 1, RECEIVE = 2, REPLY = 8, REPLY_WAIT = 10;
/** Selectors in the puppets: portal into the other (or itself), and free ones. */
const TO_SERVER = 20, OWN = 21, FREE = 30;

type Act = (sys: Syscalls, caller: Puppet, server: Puppet) => Sys<void>;
const op = (o: Operation, cap: number, words: readonly number[] = [], timeout = -1) => ({
  flags: CALL, cap, label: o.label, words, timeout
});

/** Runs an act with these kinds of puppets; the server has a portal (label 77) that the caller can call. */
function run(kinds: readonly [Puppet['kind'], Puppet['kind']], act: Act, harts = 1): void {
  let failure: unknown, done = false;
  const real = bootReal(function* (sys) {
    try {
      const caller = yield* makePuppet(sys, kinds[0], 300, 0x8010_0000),
        server = yield* makePuppet(sys, kinds[1], 400, 0x8010_1000, harts - 1);
      yield* sys.must(Initial.factory, Ops.factory.createPortal, [500, server.thread, 77, 0]);
      yield* sys.must(caller.task, Ops.task.map, [0, capPage(500), TO_SERVER, 0]);
      yield* sys.must(server.task, Ops.task.map, [0, capPage(500), OWN, 0]);
      yield* act(sys, caller, server);
      done = true;
    } catch (error) { failure = error; }
    real.machine.stop();
    yield* sys.receive();
  }, { harts });
  wire = (line, high) => { real.plic.line(line).set(high); };
  const reason = real.machine.run({ maxInstructions: 1e7, maxCycles: 1e10 });
  if (failure) throw failure;
  expect(done, `${reason.kind} ${real.lines.join('\n')}`).toBe(true);
  expect(audit(real.kernel)).toEqual([]);
}

/** A call; the server receives, replies and waits again. */
const callAndReply: Act = function* (sys, caller, server) {
  yield* begin(sys, server, { flags: RECEIVE });
  yield* begin(sys, caller, { flags: CALL, cap: TO_SERVER, label: 5, words: [1, -2, 2 ** 40] });
  expect(yield* end(sys, server)).toEqual({ status: 0, badge: 77, label: 5, words: [1, -2, 2 ** 40] });
  yield* begin(sys, server, { flags: REPLY_WAIT, label: 6, words: [9] });
  expect(yield* end(sys, caller)).toMatchObject({ status: 0, label: 6, words: [9] });
  yield* begin(sys, caller, { flags: SEND, cap: TO_SERVER, label: 8 });
  expect(yield* end(sys, caller)).toMatchObject({ status: 0 });
  expect(yield* end(sys, server)).toMatchObject({ status: 0, badge: 77, label: 8, words: [] });
  expect((yield* play(sys, server, { flags: REPLY })).status).toBe(Status.dead); // nobody waits for an answer to a send
};

const timeouts: Act = function* (sys, caller, server) {
  expect((yield* play(sys, caller, { flags: CALL, cap: TO_SERVER, timeout: 0 })).status).toBe(Status.timeout);
  expect((yield* play(sys, caller, { flags: SEND, cap: TO_SERVER, timeout: 50_000 })).status).toBe(Status.timeout);
  expect((yield* play(sys, caller, { flags: RECEIVE, timeout: 0 })).status).toBe(Status.timeout);
  expect((yield* play(sys, server, { flags: RECEIVE, timeout: 30_000 })).status).toBe(Status.timeout);
  yield* begin(sys, caller, { flags: CALL, cap: TO_SERVER, timeout: 100_000 });
  expect((yield* play(sys, server, { flags: RECEIVE })).status).toBe(0);
  expect((yield* end(sys, caller))?.status).toBe(Status.timeout); // received, but never answered
  expect((yield* play(sys, server, { flags: REPLY })).status).toBe(Status.dead);
};

const wrongSelectors: Act = function* (sys, caller) {
  yield* sys.must(caller.task, Ops.task.map, [0, capPage(500, 0, CapRight.map), FREE, 0]);
  expect((yield* play(sys, caller, { flags: CALL, cap: 999 })).status).toBe(Status.badCap);
  expect((yield* play(sys, caller, { flags: CALL, cap: 0xffff_ffff })).status).toBe(Status.badCap);
  expect((yield* play(sys, caller, { flags: CALL, cap: FREE })).status).toBe(Status.badRights);
  expect((yield* play(sys, caller, { flags: RECEIVE, cap: 1 })).status).toBe(Status.badKind);
  expect((yield* play(sys, caller, { flags: RECEIVE, cap: TO_SERVER })).status).toBe(Status.badArgument); // another's portal
  expect((yield* play(sys, caller, { flags: 0 })).status).toBe(Status.badArgument);
  expect((yield* play(sys, caller, op(Ops.task.map, 2))).status).toBe(Status.badKind);
  expect((yield* play(sys, caller, { ...op(Ops.task.map, 1), label: 0x2ff })).status).toBe(Status.badOp);
};

const objects: Act = function* (sys, caller) {
  const make = function* (o: Operation, words: readonly number[]): Sys<number> {
    return (yield* play(sys, caller, op(o, 3, words))).status;
  };
  expect(yield* make(Ops.factory.createSemaphore, [FREE, 2])).toBe(0);
  expect(yield* make(Ops.factory.createSemaphore, [FREE, 2])).toBe(Status.busy);
  expect(yield* make(Ops.factory.createSemaphore, [2 ** 30, 2])).toBe(Status.badArgument);
  expect(yield* make(Ops.factory.createFactory, [FREE + 1, 1_000_000, 0, 0])).toBe(Status.noQuota);
  expect(yield* make(Ops.factory.createTask, [FREE + 1, 4])).toBe(Status.badArgument);
  expect(yield* make(Ops.factory.createTask, [FREE + 1, 0])).toBe(0);
  expect(yield* make(Ops.factory.createThread, [FREE + 2, FREE + 1, 0, 0x1000, 0])).toBe(0);
  expect(yield* make(Ops.factory.createThread, [FREE + 3, FREE + 1, 0, 0x1000, 0])).toBe(Status.busy);
  expect(yield* make(Ops.factory.createThread, [FREE + 3, FREE + 1, 4, 0, 0])).toBe(Status.badArgument);
  expect(yield* make(Ops.factory.createPortal, [FREE + 3, FREE + 2, 1, 0])).toBe(0);
  expect(yield* make(Ops.factory.createSchedContext, [FREE + 4, 256, 0, 0])).toBe(Status.badArgument);
  expect(yield* make(Ops.factory.createSchedContext, [FREE + 4, 10, 100, 50])).toBe(Status.badArgument);
  expect(yield* make(Ops.factory.createSchedContext, [FREE + 4, 10, 0, 0])).toBe(0);
  expect((yield* play(sys, caller, op(Ops.thread.bind, FREE + 2, [FREE + 4]))).status).toBe(0);
  expect((yield* play(sys, caller, op(Ops.thread.bind, FREE + 2, [FREE + 4]))).status).toBe(Status.busy);
  expect((yield* play(sys, caller, op(Ops.thread.kill, FREE + 2))).status).toBe(0);
  expect((yield* play(sys, caller, op(Ops.thread.start, FREE + 2, [0, 0, 0]))).status).toBe(Status.dead);
  const account = yield* play(sys, caller, op(Ops.factory.account, 3));
  expect(account.words[0]).toBe(300_000);
  expect(account.words[1]).toBeGreaterThan(10_000);
};

/** Nobody gets a priority or a hart above what the factory carries; ceilings shrink. The puppet's factory reaches 200. */
const authority: Act = function* (sys, caller) {
  const [weak, context, other, thread, task] = [FREE, FREE + 1, FREE + 2, FREE + 3, FREE + 4] as const;
  const ask = function* (o: Operation, cap: number, words: readonly number[]): Sys<number> {
    return (yield* play(sys, caller, op(o, cap, words))).status;
  };
  expect(yield* ask(Ops.factory.createSchedContext, 3, [context, 201, 0, 0])).toBe(Status.badRights);
  expect(yield* ask(Ops.factory.createSchedContext, 3, [context, 200, 0, 0])).toBe(0);
  expect(yield* ask(Ops.schedContext.set, context, [201, 0, 0])).toBe(Status.badRights);
  expect(yield* ask(Ops.schedContext.set, context, [199, 0, 0])).toBe(0);
  for (const [priority, harts] of [[201, 0], [255, 0], [50, 2 ** 31], [50, 2 ** 32 - 1]] as const)
    expect(yield* ask(Ops.factory.createFactory, 3, [weak, 100_000, priority, harts])).toBe(Status.badRights);
  for (const [priority, harts] of [[256, 0], [-1, 0], [50, 2 ** 32], [50, -1]] as const)
    expect(yield* ask(Ops.factory.createFactory, 3, [weak, 100_000, priority, harts])).toBe(Status.badArgument);
  expect(yield* ask(Ops.factory.createFactory, 3, [weak, 100_000, 50, 1])).toBe(0);
  expect((yield* play(sys, caller, op(Ops.factory.account, weak))).words.slice(2, 4)).toEqual([50, 1]);
  expect(yield* ask(Ops.factory.createFactory, weak, [other, 1000, 51, 0])).toBe(Status.badRights);
  expect(yield* ask(Ops.factory.createFactory, weak, [other, 1000, 50, 3])).toBe(Status.badRights);
  expect(yield* ask(Ops.factory.createSchedContext, weak, [other, 51, 0, 0])).toBe(Status.badRights);
  // A weak thread cannot be bound to a strong context, nor its context be made strong afterwards.
  expect(yield* ask(Ops.factory.createTask, weak, [task, 0])).toBe(0);
  expect(yield* ask(Ops.factory.createThread, weak, [thread, task, 0, 0x1000, 0])).toBe(0);
  expect(yield* ask(Ops.thread.bind, thread, [context])).toBe(Status.badRights);
  expect(yield* ask(Ops.schedContext.set, context, [50, 0, 0])).toBe(0);
  expect(yield* ask(Ops.thread.bind, thread, [context])).toBe(0);
  expect(yield* ask(Ops.schedContext.set, context, [51, 0, 0])).toBe(Status.badRights);
};

const semaphores: Act = function* (sys, caller, server) {
  yield* play(sys, caller, op(Ops.factory.createSemaphore, 3, [FREE, 3]));
  yield* sys.must(server.task, Ops.task.map, [caller.task, capPage(FREE, 0, CapRight.use), FREE, 0]);
  expect((yield* play(sys, server, op(Ops.semaphore.down, FREE, [0]))).status).toBe(Status.badRights);
  expect(yield* play(sys, caller, op(Ops.semaphore.down, FREE, [0]))).toMatchObject({ status: 0, words: [1] });
  expect(yield* play(sys, caller, op(Ops.semaphore.down, FREE, [1]))).toMatchObject({ status: 0, words: [2] });
  expect((yield* play(sys, caller, op(Ops.semaphore.down, FREE, [0], 20_000))).status).toBe(Status.timeout);
  yield* begin(sys, caller, op(Ops.semaphore.down, FREE, [0]));
  expect((yield* play(sys, server, op(Ops.semaphore.up, FREE))).status).toBe(0);
  expect(yield* end(sys, caller)).toMatchObject({ status: 0, words: [1] });
};

const replies: Act = function* (sys, caller, server) {
  const ask = function* (): Sys<void> {
    yield* begin(sys, caller, { flags: CALL, cap: TO_SERVER });
    yield* play(sys, server, { flags: RECEIVE });
  };
  yield* ask();
  expect((yield* play(sys, server, op(Ops.thread.keepReply, 2, [FREE]))).status).toBe(0);
  expect((yield* play(sys, server, op(Ops.thread.keepReply, 2, [FREE + 1]))).status).toBe(Status.dead);
  expect((yield* play(sys, server, { flags: REPLY })).status).toBe(Status.dead);
  expect((yield* play(sys, server, { flags: SEND, cap: FREE, label: 3 })).status).toBe(0);
  expect(yield* end(sys, caller)).toMatchObject({ status: 0, label: 3 });
  expect((yield* play(sys, server, { flags: SEND, cap: FREE })).status).toBe(Status.badCap);
  yield* ask();
  yield* play(sys, server, op(Ops.thread.keepReply, 2, [FREE]));
  yield* play(sys, server, op(Ops.task.delete, 1, [FREE]));
  expect((yield* end(sys, caller))?.status).toBe(Status.dead);
  yield* ask();
  yield* play(sys, server, { flags: RECEIVE, timeout: 0 }); // forgets its caller
  expect((yield* end(sys, caller))?.status).toBe(Status.dead);
};

const items: Act = function* (sys, caller, server) {
  const page = 0x4000_0000,
    look = function* (p: Puppet, va: number): Sys<number> { return (yield* play(sys, p, op(Ops.task.lookup, 1, [va]))).words[0]; };
  yield* sys.must(caller.task, Ops.task.map, [0, memoryPage(0x8020_0000, 12, Right.RW), page, 0]);
  const give = function* (item: { flexpage: number; dest: number }, window: number, capWindow: number): Sys<(Report | undefined)[]> {
    yield* begin(sys, server, { flags: RECEIVE, window, capWindow, timeout: 60_000 });
    const sent = yield* play(sys, caller, { flags: SEND, cap: TO_SERVER, item });
    return [sent, yield* end(sys, server)];
  };
  expect((yield* give({ flexpage: memoryPage(page, 12, Right.R), dest: 0 }, 0, 0)).map(r =>
    r?.status)).toEqual([Status.fault, Status.timeout]);
  expect((yield* give({ flexpage: memoryPage(page, 12, Right.RWX), dest: 0x1000 }, memoryPage(0x7000_0000, 13, 0), 0)).map(r =>
    r?.status)).toEqual([0, 0]);
  expect(yield* look(server, 0x7000_1000)).toBe(memoryPage(0x7000_1000, 12, Right.RW));
  expect((yield* give({ flexpage: capPage(3, 0, CapRight.use), dest: 0 }, 0, capPage(FREE))).map(r => r?.status)).toEqual([0, 0]);
  expect((yield* play(sys, server, op(Ops.factory.account, FREE))).status).toBe(Status.badRights);
  expect((yield* play(sys, caller, op(Ops.task.unmap, 1, [memoryPage(page, 12, Right.W), 0]))).status).toBe(0);
  expect(yield* look(server, 0x7000_1000)).toBe(memoryPage(0x7000_1000, 12, Right.R));
  expect((yield* play(sys, caller, op(Ops.task.unmap, 1, [capPage(3), 0]))).status).toBe(0);
  expect((yield* play(sys, server, op(Ops.factory.account, FREE))).status).toBe(Status.badCap);
};

const endings: Act = function* (sys, caller, server) {
  const status = function* (p: Puppet): Sys<number | undefined> { return (yield* end(sys, p))?.status; };
  yield* begin(sys, caller, { flags: CALL, cap: TO_SERVER });
  expect(yield* end(sys, caller, 50_000)).toBe(undefined);
  yield* sys.must(caller.thread, Ops.thread.cancel);
  expect(yield* status(caller)).toBe(Status.aborted);
  yield* begin(sys, server, { flags: RECEIVE, cap: OWN });
  expect(yield* end(sys, server, 50_000)).toBe(undefined);
  yield* sys.must(Initial.task, Ops.task.unmap, [capPage(500), 1]); // the portal goes
  expect(yield* status(server)).toBe(Status.dead);
  expect((yield* play(sys, caller, { flags: CALL, cap: TO_SERVER })).status).toBe(Status.badCap);
  yield* sys.must(Initial.factory, Ops.factory.createPortal, [501, server.thread, 1, 0]);
  yield* sys.must(caller.task, Ops.task.map, [0, capPage(501), TO_SERVER, 0]);
  yield* begin(sys, caller, { flags: CALL, cap: TO_SERVER });
  yield* end(sys, caller, 50_000);
  yield* sys.must(server.thread, Ops.thread.kill);
  expect(yield* status(caller)).toBe(Status.dead);
  expect((yield* play(sys, caller, { flags: CALL, cap: TO_SERVER })).status).toBe(Status.dead);
};

/** A portal that goes ends the sends through it, and no others. */
const portalsThatGo: Act = function* (sys, caller, server) {
  yield* sys.must(Initial.factory, Ops.factory.createPortal, [501, server.thread, 78, 0]);
  yield* sys.must(Initial.task, Ops.task.map, [0, capPage(501), 502, 0]);
  yield* begin(sys, caller, { flags: CALL, cap: TO_SERVER });
  const third = yield* makePuppet(sys, caller.kind, 600, 0x8010_2000);
  yield* sys.must(third.task, Ops.task.map, [0, capPage(502), TO_SERVER, 0]);
  yield* begin(sys, third, { flags: CALL, cap: TO_SERVER, label: 4 });
  yield* end(sys, third, 50_000);
  yield* sys.must(Initial.task, Ops.task.unmap, [capPage(500), 1]);
  expect((yield* end(sys, caller))?.status).toBe(Status.dead);
  expect(yield* play(sys, server, { flags: RECEIVE })).toMatchObject({ status: 0, badge: 78, label: 4 });
  yield* begin(sys, server, { flags: REPLY });
  expect((yield* end(sys, third))?.status).toBe(0);
};

/** Who has the higher priority is received first, also if it got it while it waited. */
const priorities: Act = function* (sys, caller, server) {
  const third = yield* makePuppet(sys, caller.kind, 600, 0x8010_2000), order: number[] = [];
  yield* sys.must(third.task, Ops.task.map, [0, capPage(500), TO_SERVER, 0]);
  for (const [raised, expected] of [[caller, [1, 2]], [third, [2, 1]]] as const) {
    yield* sys.must(raised.context, Ops.schedContext.set, [150, 0, 0]);
    yield* begin(sys, third, { flags: SEND, cap: TO_SERVER, label: 2 });
    yield* end(sys, third, 50_000);
    yield* begin(sys, caller, { flags: SEND, cap: TO_SERVER, label: 1 });
    yield* end(sys, caller, 50_000);
    for (let i = 0; i < 2; i++) order.push((yield* play(sys, server, { flags: RECEIVE })).label);
    expect(order.splice(0)).toEqual(expected);
    for (const puppet of [caller, third]) yield* end(sys, puppet);
    yield* sys.must(raised.context, Ops.schedContext.set, [100, 0, 0]);
  }
  yield* begin(sys, third, { flags: SEND, cap: TO_SERVER, label: 2 });
  yield* end(sys, third, 50_000);
  yield* begin(sys, caller, { flags: SEND, cap: TO_SERVER, label: 1 });
  yield* end(sys, caller, 50_000);
  yield* sys.must(caller.context, Ops.schedContext.set, [101, 0, 0]); // while it stands in the queue
  expect((yield* play(sys, server, { flags: RECEIVE })).label).toBe(1);
  expect((yield* play(sys, server, { flags: RECEIVE })).label).toBe(2);
  for (const puppet of [caller, third]) yield* end(sys, puppet);
};

/** Contexts: without one a thread does not run; with one it goes on where it was; it can be bound once. */
const contexts: Act = function* (sys, caller, server) {
  yield* sys.must(server.thread, Ops.thread.bind, [0]);
  yield* begin(sys, server, { flags: RECEIVE, timeout: 0 });
  expect(yield* end(sys, server, 100_000)).toBe(undefined);
  expect((yield* play(sys, caller, op(Ops.factory.createSchedContext, 3, [FREE, 90, 0, 0]))).status).toBe(0);
  yield* sys.must(Initial.task, Ops.task.map, [caller.task, capPage(FREE), 620, 0]);
  yield* sys.must(server.thread, Ops.thread.bind, [620]);
  expect((yield* end(sys, server))?.status).toBe(Status.timeout);
  expect(yield* sys.invoke(caller.thread, Ops.thread.bind, [620])).toBe(Status.busy);
  expect((yield* play(sys, caller, op(Ops.schedContext.consumed, FREE))).words[0]).toBeGreaterThan(0);
  expect((yield* play(sys, caller, op(Ops.schedContext.set, FREE, [256, 0, 0]))).status).toBe(Status.badArgument);
  yield* sys.must(Initial.task, Ops.task.unmap, [capPage(620), 1]);
  // the last capability: the context ends, the server stands
  expect((yield* play(sys, caller, op(Ops.task.unmap, 1, [capPage(FREE), 1]))).status).toBe(0);
  yield* begin(sys, server, { flags: RECEIVE, timeout: 0 });
  expect(yield* end(sys, server, 100_000)).toBe(undefined);
  // A thread without a context works on its caller's time.
  yield* sys.must(server.thread, Ops.thread.bind, [server.context]);
  expect((yield* end(sys, server))?.status).toBe(Status.timeout);
};

/** What a portal does not allow: sending needs `use`, passing capabilities on needs `map`, waiting through another's portal is refused. */
const rightsOfMessages: Act = function* (sys, caller, server) {
  yield* sys.must(caller.task, Ops.task.map, [0, capPage(500, 0, CapRight.use), FREE, 0]); // may send, may not pass on
  yield* begin(sys, server, { flags: RECEIVE, capWindow: capPage(FREE, 1), timeout: 300_000 });
  const send = function* (flexpage: number, cap = TO_SERVER, dest = 0): Sys<number> {
    return (yield* play(sys, caller, { flags: SEND, cap, item: { flexpage, dest } })).status;
  };
  expect(yield* send(capPage(FREE))).toBe(Status.badRights);
  expect(yield* send(capPage(FREE + 5))).toBe(Status.badCap);
  expect(yield* send(capPage(1, 0, 0))).toBe(Status.badRights);
  expect(yield* send(capPage(2, 2))).toBe(Status.fault); // larger than the window
  expect(yield* send(capPage(2, 0, CapRight.use), FREE, 1)).toBe(0);
  expect((yield* end(sys, server))?.status).toBe(0);
  expect((yield* play(sys, server, op(Ops.thread.info, FREE + 1))).status).toBe(0);
  expect((yield* play(sys, server, op(Ops.thread.kill, FREE + 1))).status).toBe(Status.badRights);
};

/** Memory of one's own: map, look up, narrow, take back, grant; what makes no sense is refused. */
const memory: Act = function* (sys, caller, server) {
  const PAGE = 0x4000_0000, map = (words: readonly number[]): Sys<Report> => play(sys, caller, op(Ops.task.map, 1, words)),
    look = function* (p: Puppet, va: number): Sys<number> { return (yield* play(sys, p, op(Ops.task.lookup, 1, [va]))).words[0]!; };
  yield* sys.must(caller.task, Ops.task.map, [0, memoryPage(0x8020_0000, 21, Right.RWX), PAGE, 0]);
  expect((yield* map([0, memoryPage(PAGE, 21, Right.RW), PAGE + 0x40_0000, 0])).status).toBe(0);
  expect(yield* look(caller, PAGE + 0x40_1000)).toBe(memoryPage(PAGE + 0x40_0000, 21, Right.RW));
  expect((yield* map([0, memoryPage(PAGE + 0x1000, 13, Right.R), 0x1000_0000, 0])).status).toBe(Status.badArgument); // not aligned
  expect((yield* map([0, memoryPage(0x7000_0000, 12, Right.R), 0x1000_0000, 0])).status).toBe(Status.fault);
  expect((yield* map([0, memoryPage(PAGE, 12, 0), 0x1000_0000, 0])).status).toBe(Status.badArgument);
  expect((yield* map([0, memoryPage(PAGE, 12, Right.R), 2 ** 38, 0])).status).toBe(Status.badArgument);
  expect((yield* map([99, memoryPage(PAGE, 12, Right.R), 0x1000_0000, 0])).status).toBe(Status.badCap);
  expect((yield* play(sys, caller, op(Ops.task.unmap, 1, [memoryPage(PAGE, 12, Right.W), 0]))).status).toBe(0);
  expect(yield* look(caller, PAGE + 0x40_0000)).toBe(memoryPage(PAGE + 0x40_0000, 12, Right.R));
  expect(yield* look(caller, PAGE + 0x40_1000)).toBe(memoryPage(PAGE + 0x40_1000, 12, Right.RW));
  yield* sys.must(caller.task, Ops.task.map, [0, capPage(server.task), FREE, 0]);
  // granted
  expect((yield* play(sys, caller, op(Ops.task.map, FREE, [0, memoryPage(PAGE + 0x40_1000, 12, Right.RW), 0x2_0000, 1]))).status).toBe(0);
  expect([yield* look(caller, PAGE + 0x40_1000), yield* look(server, 0x2_0000)]).toEqual([0, memoryPage(0x2_0000, 12, Right.RW)]);
  expect((yield* play(sys, caller, op(Ops.task.unmap, 1, [memoryPage(PAGE, 21, 0), 1]))).status).toBe(0);
  expect([yield* look(caller, PAGE + 0x40_2000), yield* look(server, 0x2_0000)]).toEqual([0, 0]);
};

/** An interrupt: waited for, acknowledged, masked, routed. */
const interrupts: Act = function* (sys, caller, server) {
  const LINE = 7, IRQ = FREE;
  for (const puppet of [caller, server]) yield* sys.must(puppet.task, Ops.task.map, [0, capPage(Initial.irqBase + LINE), IRQ, 0]);
  for (const puppet of [caller, server]) {
    yield* begin(sys, puppet, op(Ops.semaphore.down, IRQ, [0]));
    expect(yield* end(sys, puppet, 20_000)).toBe(undefined);
    wire(LINE, true);
    expect(yield* end(sys, puppet)).toMatchObject({ status: 0, words: [1] });
    const again = yield* play(sys, puppet, op(Ops.semaphore.down, IRQ, [0], 20_000));
    expect(again.status).toBe(Status.timeout); // silent until it is acknowledged
    expect((yield* play(sys, puppet, op(Ops.semaphore.ack, IRQ))).status).toBe(0); // the wire is high still: again
    expect((yield* play(sys, puppet, op(Ops.semaphore.down, IRQ, [0], 50_000))).status).toBe(0);
    wire(LINE, false);
    expect((yield* play(sys, puppet, op(Ops.semaphore.ack, IRQ))).status).toBe(0);
    expect((yield* play(sys, puppet, op(Ops.semaphore.route, IRQ, [9]))).status).toBe(Status.badArgument);
  }
};
let wire: (line: number, high: boolean) => void = () => {};

const acts = { 'call, reply, send': callAndReply, 'time-outs': timeouts, 'wrong selectors and labels': wrongSelectors, objects, authority,
  semaphores, 'kept, dropped and forgotten replies': replies, 'typed items': items, 'waits that end': endings,
  'portals that go': portalsThatGo, 'priorities of senders': priorities, 'scheduling contexts': contexts,
  'rights of messages': rightsOfMessages, memory, interrupts };
const casts = [['riscv', 'riscv'], ['riscv', 'typescript'], ['typescript', 'riscv'], ['typescript', 'typescript']] as const;
describe.each(Object.entries(acts))('%s', (_, act) => {
  it.each(casts)('%s, %s', (a, b) => run([a, b], act));
});
describe.each(Object.entries(acts))('%s, the two on different harts', (_, act) => {
  it.each(casts)('%s, %s', (a, b) => run([a, b], act, 2));
});
