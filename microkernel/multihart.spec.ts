/**
 * Several harts: state, time-outs that one hart sets for another, interrupts and signals across harts, translations taken back
 * everywhere.
 */
import { expect, it } from 'vitest';
import { Cause, Initial, Mtd, NEVER, Ops, Right, Status, ThreadFlag, memoryPage, type Sys } from './abi/index.ts';
import type { Syscalls } from '../binding/index.ts';
import { CODE, loadProgram, makeUser, type User } from './testing/real-machine.ts';
import { runReal } from './testing/run.ts';

const COUNTER = 0x5000_0000, COUNTER_PA = 0x8030_0000, NEVER_UP = 600;
/** Counts in memory, for ever. */
const counting = `li t0, ${COUNTER}; again: ld t1, (t0); addi t1, t1, 1; sd t1, (t0); j again`,
  reading = `li t0, ${COUNTER}; again: ld t1, (t0); j again`;
const wait = (sys: Syscalls, ns: number): Sys<unknown> => sys.receive(0, ns);

it('threads on harts of their own keep their registers, floating-point ones too, and guests their CSRs', () => {
  const { kernel } = runReal(function* (sys) {
    // f1 and a0 count in step: whoever loses one of them notices.
    const code = 'li t0, 1; fcvt.d.l f2, t0; fcvt.d.l f1, zero; li a0, 0; again: addi a0, a0, 1; fadd.d f1, f1, f2; fcvt.l.d a1, f1; '
      + 'beq a0, a1, again; ebreak';
    const scratch = (value: number): string => `li a0, ${value}; csrw sscratch, a0; again: csrr a1, sscratch; beq a0, a1, again; ecall`;
    const all: User[] = [];
    for (const hart of [0, 1, 1, 2]) {
      const n = all.length;
      all.push(yield* makeUser(sys, 256 + 32 * n, code, { hart, pa: 0x8010_0000 + 4096 * n, priority: 40, mtd: Mtd.args | Mtd.pc }));
    }
    for (const hart of [1, 2]) {
      const n = all.length, options = { guest: true, flags: ThreadFlag.guest, mtd: Mtd.args | Mtd.vs, priority: 40 };
      all.push(yield* makeUser(sys, 256 + 32 * n, scratch(0x1000 * n), { ...options, hart, pa: 0x8010_0000 + 4096 * n }));
    }
    for (const x of all) yield* sys.must(x.thread, Ops.thread.start, [CODE, 0, 0]);
    yield* wait(sys, 50e6);
    for (const [n, x] of all.entries()) {
      yield* sys.must(x.thread, Ops.thread.recall);
      expect((yield* sys.receive(x.portal)).label).toBe(Cause.recall);
      if (n < 4) expect(sys.utcb.x(10), `thread ${n}`).toBeGreaterThan(10_000);
      else expect(sys.utcb.x(11)).toBe(0x1000 * n);
    }
  }, { harts: 3, maxCycles: 1e9, maxInstructions: 200_000_000 });
  expect(kernel.counters.events[Cause.breakpoint]).toBe(0);
});

it('a caller\'s context follows the server to its hart', () => {
  runReal(function* (sys) {
    const server = 300, portal = 301, client = 302, context = 303, seen: number[] = [];
    yield* sys.must(Initial.factory, Ops.factory.createThread, [server, Initial.task, ThreadFlag.typescript, 0, 0],
      function* (s) { for (yield* s.receive(); ; yield* s.replyAndWait({})) s.charge(50_000); });
    yield* sys.must(Initial.factory, Ops.factory.createPortal, [portal, server, 1, 0]);
    yield* sys.must(Initial.factory, Ops.factory.createThread, [client, Initial.task, ThreadFlag.typescript, 0, 1], function* (own) {
      for (let i = 0; i < 3; i++) seen.push((yield* own.call(portal)).status);
      const before = own.now();
      seen.push((yield* own.receive(0, 300_000)).status, Math.round((own.now() - before) / 100_000));
    });
    yield* sys.must(Initial.factory, Ops.factory.createSchedContext, [context, 100, 0, 0]);
    yield* sys.must(client, Ops.thread.bind, [context]);
    yield* sys.must(client, Ops.thread.start, [0, 0, 0]);
    yield* wait(sys, 900_000); // the server, without a context of its own, serves
    expect(seen).toEqual([0, 0, 0, Status.timeout, 3]);
  }, { harts: 2 });
});

it('a time-out that a server on another hart starts wakes its client\'s hart from idleness', () => {
  runReal(function* (sys) {
    const server = 300, portal = 301, client = 302, seen: number[] = [];
    yield* sys.must(Initial.factory, Ops.factory.createThread, [server, Initial.task, ThreadFlag.typescript, 0, 0], function* (own) {
      yield* own.down(NEVER_UP, Ops.semaphore.down, 100_000); // the client stands in the queue meanwhile
      yield* own.receive();
      yield* own.down(NEVER_UP, Ops.semaphore.down);
    });
    yield* sys.must(Initial.factory, Ops.factory.createSemaphore, [NEVER_UP, 0]);
    yield* sys.must(Initial.factory, Ops.factory.createPortal, [portal, server, 1, 0]);
    yield* sys.must(Initial.factory, Ops.factory.createThread, [client, Initial.task, ThreadFlag.typescript, 0, 1], function* (own) {
      own.put({});
      seen.push(yield own.ipc(7, portal, NEVER, 50_000)); // the send may wait for ever, the answer may not
    });
    for (const [i, thread] of [server, client].entries()) {
      yield* sys.must(Initial.factory, Ops.factory.createSchedContext, [310 + i, 100, 0, 0]);
      yield* sys.must(thread, Ops.thread.bind, [310 + i]);
      yield* sys.must(thread, Ops.thread.start, [0, 0, 0]);
    }
    yield* wait(sys, 400_000);
    expect(seen).toEqual([Status.timeout]);
  }, { harts: 2 });
});

it('a page taken back is gone for threads that execute on other harts at this moment', () => {
  runReal(function* (sys) {
    const users: User[] = [];
    for (let hart = 1; hart < 4; hart++) {
      const user = yield* makeUser(sys, 256 + 16 * hart, counting, { hart: hart, pa: 0x8010_0000 + 4096 * hart });
      yield* sys.must(user.task, Ops.task.map, [0, memoryPage(COUNTER_PA, 12, Right.RW), COUNTER, 0]);
      yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, 0]);
      users.push(user);
    }
    yield* wait(sys, 50_000);
    for (const [right, cause] of [[Right.W, 15n], [Right.R, 13n]] as const) {
      yield* sys.must(Initial.task, Ops.task.unmap, [memoryPage(COUNTER_PA, 12, right), 0]);
      const before = sys.memory.u64(COUNTER_PA);
      for (const [i, user] of users.entries()) {
        expect((yield* sys.receive(user.portal, 100_000)).words.slice(0, 2)).toEqual([cause, BigInt(COUNTER)]);
        yield* sys.must(Initial.thread, Ops.thread.keepReply, [500 + i]);
      }
      expect(sys.memory.u64(COUNTER_PA)).toBe(before); // not one store after the unmap
      for (const [i, user] of users.entries()) { // then only loads
        yield* loadProgram(sys, user.task, reading, { pa: 0x8020_0000 + i * 4096, va: 0x3_0000 });
        sys.utcb.pc = 0x3_0000;
        yield* sys.must(user.thread, Ops.thread.setState, [Mtd.pc]);
        yield* sys.send(500 + i, {});
      }
      yield* wait(sys, 50_000);
    }
  }, { harts: 4 });
});

it('a line of the interrupt controller goes to the hart it is routed to, is silent until it is handled, and signals across harts', () => {
  const LINE = 40, IRQ = Initial.irqBase + LINE;
  const { kernel } = runReal(function* (sys, real) {
    const woken: number[] = [];
    yield* sys.must(Initial.factory, Ops.factory.createThread, [300, Initial.task, ThreadFlag.typescript, 0, 1], function* (own) {
      for (;;) {
        woken.push(yield* own.down(IRQ, Ops.semaphore.down));
        real.plic.line(LINE).set(false);
        yield* own.must(IRQ, Ops.semaphore.ack);
      }
    });
    yield* sys.must(Initial.factory, Ops.factory.createSchedContext, [301, 200, 0, 0]);
    yield* sys.must(300, Ops.thread.bind, [301]);
    yield* sys.must(300, Ops.thread.start, [0, 0, 0]);
    yield* wait(sys, 10_000);
    for (const hart of [0, 1, 2]) {
      yield* sys.must(IRQ, Ops.semaphore.route, [hart]);
      real.plic.line(LINE).set(true);
      yield* wait(sys, 20_000);
      expect(woken.length).toBe(hart + 1);
    }
    expect(yield* sys.invoke(IRQ, Ops.semaphore.route, [3])).toBe(Status.badArgument);
    yield* sys.must(Initial.factory, Ops.factory.createSemaphore, [310, 0]);
    for (const operation of [Ops.semaphore.ack, Ops.semaphore.route])
      expect(yield* sys.invoke(310, operation, [0])).toBe(Status.badKind);
  }, { harts: 3 });
  expect(kernel.counters.interrupts).toBe(3);
});

it('a call that is cut in its middle gives the time back across harts at once', () => {
  runReal(function* (sys) {
    const [far, middle, near, client] = [300, 301, 302, 303], portals = [310, 311, 312], context = 320;
    let back: { status: number; at: number } | undefined;
    const server = function* (self: number, hart: number, portal: number, body: (s: Syscalls) => Sys<void>): Sys<void> {
      yield* sys.must(Initial.factory, Ops.factory.createThread, [self, Initial.task, ThreadFlag.typescript, 0, hart], body);
      yield* sys.must(Initial.factory, Ops.factory.createPortal, [portal, self, 1, 0]);
    };
    yield* server(far, 1, portals[0]!, function* (s) { for (yield* s.receive(); ; yield* s.replyAndWait({})) s.charge(3_000_000); });
    yield* server(middle, 0, portals[1]!, function* (s) {
      for (yield* s.receive(); ; yield* s.replyAndWait({})) yield* s.call(portals[0]!);
    });
    yield* server(near, 0, portals[2]!, function* (own) {
      yield* own.receive();
      const { status } = yield* own.call(portals[1]!);
      back = { status, at: own.now() };
      yield* own.receive();
    });
    yield* sys.must(Initial.factory, Ops.factory.createThread, [client, Initial.task, ThreadFlag.typescript, 0, 0],
      function* (s) { yield* s.call(portals[2]!); });
    yield* sys.must(Initial.factory, Ops.factory.createSchedContext, [context, 100, 0, 0]);
    yield* sys.must(client, Ops.thread.bind, [context]);
    // Others have harts 1 and 0: one above the client, so that its time waits in the far hart's queue; one below it.
    for (const [i, [hart, priority]] of [[1, 200], [0, 50]].entries()) {
      yield* sys.must(Initial.factory, Ops.factory.createThread, [330 + i, Initial.task, ThreadFlag.typescript, 0, hart!], function* (s) {
        for (;;) { s.charge(10_000); yield* s.must(330 + i, Ops.thread.info); }
      });
      yield* sys.must(Initial.factory, Ops.factory.createSchedContext, [340 + i, priority!, 0, 0]);
      yield* sys.must(330 + i, Ops.thread.bind, [340 + i]);
    }
    yield* sys.must(client, Ops.thread.start, [0, 0, 0]);
    yield* wait(sys, 1_000_000);
    for (const busy of [330, 331]) yield* sys.must(busy, Ops.thread.start, [0, 0, 0]);
    yield* wait(sys, 100_000);
    const cut = sys.now();
    yield* sys.must(middle, Ops.thread.kill);
    yield* wait(sys, 400_000);
    expect(back?.status).toBe(Status.dead);
    expect(back!.at - cut).toBeLessThan(100_000);
  }, { harts: 2 });
});
