/** What sel4test asks of a kernel and no other spec here does (README.md has the whole table). */
import { describe, expect, it } from 'vitest';
import { Cause, Initial, IPC, Mtd, Ops, Right, Status, ThreadFlag, capPage, memoryPage, type Sys } from './abi/index.ts';
import type { Syscalls, ThreadBody } from '../binding/index.ts';
import { CODE, makeUser, type User } from './testing/real-machine.ts';
import { runFake, runReal } from './testing/run.ts';

const DATA = 0x5000_0000, DATA_PA = 0x8020_0000, UTCB = 0x2000_0000;

describe('memory', () => {
  it('a page, and a superpage, without the right to execute does not execute', () => {
    runReal(function* (sys) {
      for (const [i, order] of [12, 21].entries()) {
        const user = yield* makeUser(sys, 256 + 16 * i, `li t0, ${DATA}; jr t0`, { pa: 0x8010_0000 + 4096 * i });
        sys.memory.setU32(DATA_PA, 0x0010_0073); // ebreak
        yield* sys.must(user.task, Ops.task.map, [0, memoryPage(DATA_PA, order, Right.RW), DATA, 0]);
        yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, 0]);
        expect((yield* sys.receive()).words.slice(0, 2)).toEqual([12n, BigInt(DATA)]);
        const again = yield* sys.replyAndWait({ items: [{ flexpage: memoryPage(DATA_PA, order, Right.RX), dest: DATA }] });
        expect(again.label).toBe(Cause.breakpoint);
        yield* sys.must(user.thread, Ops.thread.kill);
      }
    });
  });
  it('the page of a UTCB is the kernel\'s: it cannot be mapped on, unmapped, or mapped over', () => {
    runReal(function* (sys) {
      const user = yield* makeUser(sys, 256, 'again: j again', { utcb: UTCB });
      expect(yield* sys.invoke(Initial.task, Ops.task.map, [user.task, memoryPage(UTCB, 12, Right.RW), DATA, 0])).toBe(Status.fault);
      yield* sys.must(user.task, Ops.task.unmap, [memoryPage(UTCB, 12, 0), 1]);
      yield* sys.must(user.task, Ops.task.map, [0, memoryPage(DATA_PA, 21, Right.RW), UTCB, 0]);
      yield* sys.must(user.task, Ops.task.lookup, [UTCB]);
      expect(sys.utcb.word(0)).toBe(memoryPage(UTCB, 12, Right.RW));
    });
  });
  it('a task with the address-space number of one that is gone sees nothing of that one\'s translations', () => {
    runReal(function* (sys, { kernel }) {
      const numbers = new Set<number>();
      for (let i = 0; i < 5; i++) {
        sys.memory.setU32(DATA_PA, i);
        const user = yield* makeUser(sys, 256, `li t0, ${DATA}; lw a0, (t0); ebreak`);
        yield* sys.must(user.task, Ops.task.map, [0, memoryPage(DATA_PA, 12, Right.R), DATA, 0]);
        if (i % 2 === 1) yield* sys.must(user.task, Ops.task.unmap, [memoryPage(DATA, 12, 0), 1]);
        numbers.add([...kernel.tasks].at(-1)!.space.asid);
        yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, 0]);
        expect((yield* sys.receive()).label).toBe(i % 2 === 1 ? Cause.pageFault : Cause.breakpoint);
        if (i % 2 === 0) expect(sys.utcb.x(10)).toBe(i);
        for (const cap of [user.thread, user.context, user.portal, user.task])
          yield* sys.must(Initial.task, Ops.task.unmap, [capPage(cap), 1]);
      }
      expect(numbers.size).toBe(1);
    });
  });
  it('address-space numbers do not run out', () => {
    runFake(function* (sys) {
      for (let i = 0; i < 70_000; i++) {
        sys.utcb.setWord(0, 400);
        sys.utcb.setWord(1, i % 2);
        sys.utcb.setTag(Ops.factory.createTask.label, 2);
        expect(yield sys.ipc(7, Initial.factory)).toBe(0);
        yield* sys.invoke(Initial.task, Ops.task.unmap, [capPage(400), 1]);
      }
    });
  });
});

describe('registers', () => {
  it('floating-point registers belong to each thread, also where several take turns on one hart', () => {
    runReal(function* (sys) {
      const users = [];
      for (let i = 0; i < 3; i++) {
        const user = yield* makeUser(sys, 256 + 16 * i, `li t0, ${i + 2}; fcvt.d.l f5, t0; li t2, 30000
          again: fmv.d f6, f5; fadd.d f6, f6, f5; fcvt.l.d t1, f6; li t3, ${2 * (i + 2)}; bne t1, t3, bad; addi t2, t2, -1
          bnez t2, again; ebreak
          bad: .word 0`, { pa: 0x8010_0000 + 4096 * i });
        yield* sys.must(user.context, Ops.schedContext.set, [50, 3000 + 100 * i, 0]);
        yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, 0]);
        users.push(user);
      }
      for (let i = 0; i < 3; i++) expect((yield* sys.receive()).label).toBe(Cause.breakpoint);
    });
  });
  it('a reservation of lr does not outlive a visit to the kernel', () => {
    runReal(function* (sys) {
      const user = yield* makeUser(sys, 256, `li t0, ${DATA}; lr.w a0, (t0); li a7, 1; ecall; sc.w a1, zero, (t0); ecall`,
        { flags: ThreadFlag.alien });
      yield* sys.must(user.task, Ops.task.map, [0, memoryPage(DATA_PA, 12, Right.RW), DATA, 0]);
      yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, 0]);
      yield* sys.receive();
      yield* sys.replyAndWait();
      expect(sys.utcb.x(11)).not.toBe(0);
    });
  });
  it('state that is set is user state: the pc is even, x0 stays zero', () => {
    runReal(function* (sys) {
      const user = yield* makeUser(sys, 256, 'mv a0, zero; ebreak', { mtd: Mtd.args | Mtd.regs | Mtd.pc });
      for (let i = 0; i < 32; i++) sys.utcb.setXBig(i, -1n);
      sys.utcb.pc = CODE + 1;
      yield* sys.must(user.thread, Ops.thread.setState, [0xffff]);
      yield* sys.must(user.thread, Ops.thread.getState, [Mtd.pc]);
      expect(sys.utcb.pc).toBe(CODE);
      yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, 0]);
      expect((yield* sys.receive()).label).toBe(Cause.breakpoint);
      expect(sys.utcb.x(10)).toBe(0);
    });
  });
});

it('a server that works for long without a break takes no more time than its work: turns of the machine are free', () => {
  runReal(function* (sys) {
    yield* sys.must(Initial.factory, Ops.factory.createSemaphore, [400, 0]);
    const before = sys.now();
    for (let i = 0; i < 1000; i++) yield* sys.invoke(400, Ops.semaphore.up);
    expect(sys.now() - before).toBe(230_000);
  });
});

describe('scheduling', () => {
  const server = function* (sys: Syscalls, thread: number, body: ThreadBody, priority?: number): Sys<void> {
    yield* sys.must(Initial.factory, Ops.factory.createThread, [thread, Initial.task, ThreadFlag.typescript, 0, 0], body);
    yield* sys.must(Initial.factory, Ops.factory.createPortal, [thread + 1, thread, thread, 0]);
    if (priority === undefined) return;
    yield* sys.must(Initial.factory, Ops.factory.createSchedContext, [thread + 2, priority, 0, 0]);
    yield* sys.must(thread, Ops.thread.bind, [thread + 2]);
    yield* sys.must(thread, Ops.thread.start, [0, 0, 0]);
  };
  it('there are 256 priorities, and each runs before the next lower one', () => {
    runFake(function* (sys) {
      const order: number[] = [], all = Array.from({ length: 250 }, (_, p) => (p * 97) % 250);
      for (const priority of all) yield* server(sys, 1000 + 4 * priority, function* () { order.push(priority); }, priority);
      yield* sys.receive(0, 1e9);
      expect(order).toEqual(Array.from({ length: 250 }, (_, i) => 249 - i));
      for (const priority of [250, 255]) expect(yield* sys.invoke(1002, Ops.schedContext.set, [priority, 0, 0])).toBe(0);
      expect(yield* sys.invoke(1002, Ops.schedContext.set, [256, 0, 0])).toBe(Status.badArgument);
    });
  });
  it('time lent along a chain of calls comes back link by link: by the answer, or when a reply is dropped', () => {
    runFake(function* (sys) {
      const seen: string[] = [];
      yield* server(sys, 600, function* (own) { // the end of the chain: keeps the first reply, and has no time then
        yield* own.receive();
        yield* own.must(600, Ops.thread.keepReply, [700]);
        for (yield* own.receive(); ; yield* own.replyAndWait({ label: 9 })) seen.push('end');
      });
      yield* server(sys, 500, function* (own) { // the middle: calls on its caller's time
        for (let request = yield* own.receive(); ; ) {
          seen.push(`middle ${(yield* own.call(601)).status}`);
          request = yield* own.replyAndWait({ label: request.label + 1 });
        }
      });
      yield* server(sys, 400,
        function* (s) { for (let i = 0; i < 2; i++) seen.push(`client ${(yield* s.call(501, { label: 5 })).label}`); }, 30);
      yield* sys.receive(0, 1e6);
      expect(seen).toEqual([]);
      yield* sys.must(Initial.task, Ops.task.delete, [700]);
      yield* sys.receive(0, 1e7);
      expect(seen).toEqual([`middle ${Status.dead}`, 'client 6', 'end', 'middle 0', 'client 6']);
      yield* sys.must(402, Ops.schedContext.consumed);
      expect(sys.utcb.word(0)).toBeGreaterThan(2000); // all of it was the client's time
    });
  });
  it('a thread whose context ends stops at once, on another hart as well', () => {
    runReal(function* (sys) {
      const user = yield* makeUser(sys, 256, `li t0, ${DATA}; again: ld t1, (t0); addi t1, t1, 1; sd t1, (t0); j again`, { hart: 1 });
      yield* sys.must(user.task, Ops.task.map, [0, memoryPage(DATA_PA, 12, Right.RW), DATA, 0]);
      yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, 0]);
      yield* sys.receive(0, 50_000);
      expect(sys.memory.u64(DATA_PA)).toBeGreaterThan(100n);
      yield* sys.must(Initial.task, Ops.task.unmap, [capPage(user.context), 1]);
      yield* sys.receive(0, 20_000); // the other hart gets the request, and releases the thread
      const then = sys.memory.u64(DATA_PA);
      yield* sys.receive(0, 50_000);
      expect(sys.memory.u64(DATA_PA)).toBe(then);
    }, { harts: 2 });
  });
  it('resuming or binding again does not give a budget that was used up', () => {
    runReal(function* (sys) {
      const user = yield* makeUser(sys, 256, 'again: addi a0, a0, 1; j again', { mtd: Mtd.args });
      yield* sys.must(user.context, Ops.schedContext.set, [100, 20_000, 1_000_000]);
      yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, 0]);
      for (let i = 0; i < 20; i++) {
        yield* sys.receive(0, 30_000);
        yield* sys.must(user.thread, Ops.thread.bind, [0]);
        yield* sys.must(user.thread, Ops.thread.bind, [user.context]);
      }
      yield* sys.must(user.context, Ops.schedContext.consumed);
      expect(sys.utcb.word(0)).toBeGreaterThan(19_000);
      expect(sys.utcb.word(0)).toBeLessThan(22_000);
    });
  });
});

describe('events', () => {
  /** Counts events in memory, and lets who raised them go on. */
  const handler = `li s0, ${UTCB}; li s1, ${DATA}; li a0, 2
    again: li a7, ${IPC}; li a1, 0; li a2, -1; ecall; ld t1, (s1); addi t1, t1, 1; sd t1, (s1); sd zero, 0(s0); sd zero, 0x20(s0)
    li a0, 10; j again`;
  const caller = 'again: li a7, 1; ecall; j again';
  function* cast(sys: Syscalls): Sys<{ a: User; h: User }> {
    const handling = yield* makeUser(sys, 256, handler, { utcb: UTCB, priority: 60 }),
      calling = yield* makeUser(sys, 300, caller, { flags: ThreadFlag.alien, pa: 0x8010_1000 });
    yield* sys.must(Initial.factory, Ops.factory.createPortal, [400, handling.thread, 5, Mtd.pc]);
    yield* sys.must(calling.thread, Ops.thread.setEvents, [400, 0x1fff]);
    for (const user of [handling, calling]) yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, 0]);
    return { a: calling, h: handling };
  }
  it('RISC-V code handles them, and what faults while it handles one is handled in its turn', () => {
    runReal(function* (sys) {
      yield* cast(sys);
      // the handler's own
      expect(yield* sys.receive()).toMatchObject({ label: Cause.pageFault, badge: 256, words: [13n, BigInt(DATA), 0n, 0n] });
      yield* sys.reply({ items: [{ flexpage: memoryPage(DATA_PA, 12, Right.RW), dest: DATA }] });
      yield* sys.receive(0, 100_000);
      expect(sys.memory.u64(DATA_PA)).toBeGreaterThan(20n);
    });
  });
  it('who has nobody to handle its event stops; so does, for good, who waits for a handler that is gone', () => {
    const { lines } = runReal(function* (sys) {
      const { a: calling, h: handling } = yield* cast(sys);
      yield* sys.receive(); // the handler faults, with the event of `a` in its hands
      yield* sys.must(handling.thread, Ops.thread.kill);
      const state = function* (u: User): Sys<number> { yield* sys.must(u.thread, Ops.thread.info); return sys.utcb.word(0); };
      expect([yield* state(handling), yield* state(calling)]).toEqual([7, 6]);
      yield* sys.must(calling.thread, Ops.thread.resume);
      yield* sys.receive(0, 10_000);
      expect(yield* state(calling)).toBe(6);
    });
    expect(lines.join()).toContain('no portal for it');
  });
});

it('a thread of RISC-V code without a UTCB has no system call to make', () => {
  runReal(function* (sys) {
    const user = yield* makeUser(sys, 256, `li a7, ${IPC}; li a0, 2; li a1, 0; li a2, -1; ecall; ebreak`, { mtd: Mtd.args });
    yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, 0]);
    expect((yield* sys.receive()).label).toBe(Cause.breakpoint);
    expect(sys.utcb.x(10)).toBe(Status.fault);
  });
});
