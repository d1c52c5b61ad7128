/** Kernel calls of aliens under their server's eyes: reported before and after, refused or let through, once. */
import { describe, expect, it } from 'vitest';
import { CapRight, Cause, Initial, IPC, Mtd, Ops, Resume, Status, ThreadFlag, capPage, type Sys } from './abi/index.ts';
import type { Syscalls } from '../binding/index.ts';
import { CODE, makeUser, type Real, type User } from './testing/real-machine.ts';
import { runReal } from './testing/run.ts';

const run = (body: (sys: Syscalls, real: Real) => Sys<void>): Real => runReal(body, { maxInstructions: 5_000_000 });
const UTCB = 0x2000_0000, FIRST = 256, GATE = 9;
const PARTNER = { thread: 400, context: 401, portal: 402 }, OWN = { portal: 410 }, BADGE = 77;
const OWN_CAUSES = (1 << Cause.ownCall) | (1 << Cause.ownCalled);
/** Calls GATE with label 7 and word a0 = s0; then its results are a system call's arguments. `timeout` in ns. */
const program = (selector = GATE, timeout = -1): string => `loop: li t0, ${UTCB}
  li t1, 0x700000001
  sd t1, 0(t0)
  addi s0, s0, 1
  sd s0, 0x40(t0)
  li a7, ${IPC}
  li a0, 7
  li a1, ${selector}
  li a2, ${timeout}
  ecall
  ld a2, 0x40(t0)
  li a7, 1
  ecall
  j loop`;

/** The alien, its own-call portal with label 1 bound to the caller; and a partner that does `serve`. */
function* make(sys: Syscalls, source: string, serve: (own: Syscalls) => Sys<void>): Sys<User> {
  yield* sys.must(Initial.factory, Ops.factory.createSemaphore, [450, 0]);
  const user = yield* makeUser(sys, FIRST, source, { utcb: UTCB, flags: ThreadFlag.alien, mtd: Mtd.args });
  yield* sys.must(Initial.factory, Ops.factory.createPortal, [OWN.portal, Initial.thread, 1, Mtd.args | Mtd.exit]);
  yield* sys.must(user.thread, Ops.thread.setEvents, [OWN.portal, OWN_CAUSES]);
  yield* sys.must(Initial.factory, Ops.factory.createThread, [PARTNER.thread, Initial.task, ThreadFlag.typescript, 0, 0], serve);
  yield* sys.must(Initial.factory, Ops.factory.createSchedContext, [PARTNER.context, 100, 0, 0]);
  yield* sys.must(PARTNER.thread, Ops.thread.bind, [PARTNER.context]);
  yield* sys.must(Initial.factory, Ops.factory.createPortal, [PARTNER.portal, PARTNER.thread, BADGE, 0]);
  yield* sys.must(PARTNER.thread, Ops.thread.start, [0, 0, 0]);
  yield* sys.must(user.task, Ops.task.map, [0, capPage(PARTNER.portal, 0, CapRight.use), GATE, 0]);
  yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, 0]);
  return user;
}

describe('a call of an alien of its own', () => {
  it('is reported before, with label and tag, and after, with its result; between the two it happens once', () => {
    const seen: number[] = [];
    run(function* (sys) {
      yield* make(sys, program(), function* (own) {
        let request = yield* own.receive();
        for (;;) {
          seen.push(Number(request.words[0]));
          request = yield* own.replyAndWait({ label: 5, words: [Number(request.words[0]) * 10] });
        }
      });
      let event = yield* sys.receive();
      for (let i = 1; i <= 3; i++) {
        expect(event).toMatchObject({ label: Cause.ownCall, badge: 1, words: [7n, 1n, 0n, 0n] });
        expect([sys.utcb.x(10), sys.utcb.x(11), sys.utcb.x(17)]).toEqual([7, GATE, IPC]);
        expect(seen.length).toBe(i - 1);
        event = yield* sys.replyAndWait({ label: Resume.watch });
        expect(event).toMatchObject({ label: Cause.ownCalled, words: [0n, 0n, 5n, 0n] });
        expect(seen).toEqual(Array.from({ length: i }, (_, n) => n + 1));
        event = yield* sys.replyAndWait({});
        expect([event.label, sys.utcb.x(10), sys.utcb.x(12)]).toEqual([Cause.syscall, 0, 10 * i]);
        event = yield* sys.replyAndWait({});
      }
    });
  });
  it('that is refused has not happened, and has the result that the server gives it', () => {
    let asked = 0;
    run(function* (sys) {
      yield* make(sys, program(), function* (own) { yield* own.receive(); asked++; });
      expect((yield* sys.receive()).label).toBe(Cause.ownCall);
      sys.utcb.setX(10, -13);
      expect((yield* sys.replyAndWait({ mtd: Mtd.result })).label).toBe(Cause.syscall);
      expect([sys.utcb.x(10), asked]).toEqual([-13, 0]);
    });
  });
  it('that ends at once is reported as well: a wrong selector, no time', () => {
    run(function* (sys) {
      yield* make(sys, program(30), function* (own) { yield* own.receive(); });
      yield* sys.receive();
      expect(yield* sys.replyAndWait({ label: Resume.watch })).toMatchObject({ label: Cause.ownCalled,
        words: [BigInt(Status.badCap), 0n, 7n, 0n] });
    });
    run(function* (sys) {
      yield* make(sys, program(GATE, 5000), function* (own) {
        yield* own.receive();
        yield* own.down(450, Ops.semaphore.down, Infinity, 1);
      });
      yield* sys.receive();
      expect((yield* sys.replyAndWait({ label: Resume.watch })).words[0]).toBe(BigInt(Status.timeout));
    });
  });
  it('ends when it is cancelled, when its capability is taken and it is cancelled, and when its partner dies', () => {
    for (const end of ['cancel', 'revoke', 'kill'] as const) {
      run(function* (sys) {
        const user = yield* make(sys, program(), function* (own) {
          yield* own.receive();
          yield* own.down(450, Ops.semaphore.down, Infinity, 1);
        });
        yield* sys.receive();
        yield* sys.must(Initial.thread, Ops.thread.keepReply, [420]);
        sys.utcb.setTag(Resume.watch, 0);
        sys.utcb.mtd = 0;
        yield sys.ipc(1, 420);
        expect((yield* sys.receive(0, 1e6)).status).toBe(Status.timeout);
        if (end === 'revoke') yield* sys.must(user.task, Ops.task.unmap, [capPage(GATE), 1]);
        if (end === 'kill') yield* sys.must(PARTNER.thread, Ops.thread.kill);
        else yield* sys.must(user.thread, Ops.thread.cancel);
        const event = yield* sys.receive();
        expect(event).toMatchObject({ label: Cause.ownCalled });
        expect(event.words[0]).toBe(BigInt(end === 'kill' ? Status.dead : Status.aborted));
        expect((yield* sys.replyAndWait({})).label).toBe(Cause.syscall);
        yield* sys.replyAndWait({});
        if (end === 'revoke') expect((yield* sys.replyAndWait({ label: Resume.watch })).words[0]).toBe(BigInt(Status.badCap));
      });
    }
  });
  it('without a portal for it is a system call as ever, and `watch` without one is letting through', () => {
    run(function* (sys) {
      const user = yield* make(sys, program(), function* (own) {
        let request = yield* own.receive();
        for (;;) request = yield* own.replyAndWait({ words: [Number(request.words[0])] });
      });
      yield* sys.receive();
      yield* sys.must(user.thread, Ops.thread.setEvents, [0, 1 << Cause.ownCalled]);
      expect((yield* sys.replyAndWait({ label: Resume.watch })).label).toBe(Cause.syscall);
      expect(sys.utcb.x(17)).toBe(1);
      yield* sys.must(user.thread, Ops.thread.setEvents, [0, 1 << Cause.ownCall]);
      expect((yield* sys.replyAndWait({})).label).toBe(Cause.syscall);
      expect(sys.utcb.x(17)).toBe(IPC);
    });
  });
});
