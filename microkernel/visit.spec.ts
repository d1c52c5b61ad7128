/** Both halves of the address space, by every depth of tables; and threads that go on in another task's memory until their next event. */
import { describe, expect, it } from 'vitest';
import { Cause, IPC, Initial, Mtd, Ops, Resume, Right, S, Status, ThreadFlag, U, everything, memoryPage, type Sys } from './abi/index.ts';
import type { Syscalls } from '../binding/index.ts';
import { CODE, loadProgram, makeUser, type Real } from './testing/real-machine.ts';
import { runReal } from './testing/run.ts';

const run = (body: (sys: Syscalls, real: Real) => Sys<void>, options: Parameters<typeof runReal>[1] = {}): Real => runReal(body,
  { maxInstructions: 5_000_000, ...options });
const PAGE = 0x8020_0000, OTHER = 0x8030_0000, ELSEWHERE = 512;
/** The answer that lets the thread go on in this task. */
function* into(sys: Syscalls, task: number, mtd = 0, items: Parameters<Syscalls['put']>[0]['items'] = []): Sys<{ status: number;
  label: number; words: readonly bigint[] }> {
  sys.utcb.setNum(U.visit, task);
  return yield* sys.replyAndWait({ mtd: mtd | Mtd.visit, items });
}
/** Another task with its own page at the address of the program. */
function* elsewhere(sys: Syscalls, source: string, kind = 0): Sys<void> {
  yield* sys.must(Initial.factory, Ops.factory.createTask, [ELSEWHERE, kind]);
  yield* loadProgram(sys, ELSEWHERE, source, { pa: 0x8011_0000 });
}

describe('the upper half', () => {
  it.each([[0, -4096], [0, -(2 ** 38)], [2, -(2 ** 47)], [2, 2 ** 47 - 4096], [3, -(2 ** 56)], [3, 2 ** 56 - 4096],
    [3, -4096]])('a task of kind %i has the page at %i: code reads it, lookup names it, unmap takes it', (kind, at) => {
    run(function* (sys) {
      const user = yield* makeUser(sys, 256, 'ld a0, 8(a0); ebreak; ld a1, (a1); ebreak', { mtd: Mtd.args | Mtd.pc | Mtd.exit });
      yield* sys.must(Initial.factory, Ops.factory.createTask, [ELSEWHERE, kind]);
      yield* sys.must(ELSEWHERE, Ops.task.map, [0, memoryPage(0x8010_0000, 12, Right.RX), CODE, 0]);
      sys.memory.setU32(PAGE + 8, 77);
      yield* sys.must(user.thread, Ops.thread.start, [0, 0, BigInt(at)]);
      expect((yield* sys.receive()).label).toBe(Cause.pageFault); // nothing at 0
      sys.utcb.pc = CODE;
      const fault = yield* into(sys, ELSEWHERE, Mtd.pc);
      expect([fault.label, fault.words[0], fault.words[1]]).toEqual([Cause.pageFault, 13n, BigInt(at) + 8n]);
      expect((yield* into(sys, ELSEWHERE, 0, [{ flexpage: memoryPage(PAGE, 12, Right.R), dest: at }])).label).toBe(Cause.breakpoint);
      expect(sys.utcb.x(10)).toBe(77);
      const { pc } = sys.utcb;
      yield* sys.must(ELSEWHERE, Ops.task.lookup, [BigInt(at)]);
      expect(sys.utcb.bigWord(0)).toBe(BigInt(at) + BigInt(memoryPage(0, 12, Right.R)));
      yield* sys.must(ELSEWHERE, Ops.task.unmap, [BigInt(at) + BigInt(memoryPage(0, 12, 0)), 1]);
      sys.utcb.pc = pc + 4;
      sys.utcb.setXBig(11, BigInt(at));
      expect((yield* into(sys, ELSEWHERE, Mtd.pc | Mtd.args)).words.slice(0, 2)).toEqual([13n, BigInt(at)]);
    });
  });

  it('order 64 takes both halves, and the ends of a space are the end', () => {
    run(function* (sys) {
      yield* sys.must(Initial.factory, Ops.factory.createTask, [ELSEWHERE, 0]);
      for (const at of [0x1000, -0x1000, -(2 ** 38), 2 ** 38 - 4096]) yield* sys.must(ELSEWHERE, Ops.task.map,
        [0, memoryPage(PAGE, 12, 1), at, 0]);
      for (const at of [2 ** 38, -(2 ** 38) - 4096]) expect(yield* sys.invoke(ELSEWHERE, Ops.task.map,
        [0, memoryPage(PAGE, 12, 1), at, 0])).toBe(Status.badArgument);
      yield* sys.must(ELSEWHERE, Ops.task.unmap, [everything(), 1]);
      for (const at of [0x1000, -0x1000, -(2 ** 38), 2 ** 38 - 4096]) {
        yield* sys.must(ELSEWHERE, Ops.task.lookup, [at]);
        expect(sys.utcb.word(0)).toBe(0);
      }
    });
  });

  it('a TypeScript thread reads and writes there, across pages too', () => {
    run(function* (sys) {
      yield* sys.must(Initial.task, Ops.task.map, [0, memoryPage(PAGE, 13, Right.RW), -0x2000, 0]);
      sys.memory.write(-0x1004, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
      expect([sys.memory.u32(-0x1000), sys.memory.u16(-0x1001), sys.memory.u8(PAGE + 0xffc)]).toEqual([0x0807_0605, 0x0504, 1]);
      sys.memory.setU64(-8, 5n);
      expect([sys.memory.u64(-8), sys.memory.u64(PAGE + 0x1ff8), sys.memory.mapped(-0x2000, 0x2000, Right.RW),
        sys.memory.mapped(-0x3000, 0x2000, Right.R)]).toEqual([5n, 5n, true, false]);
      expect(sys.memory.window(-0x1004, 8, Right.R)!.u32(0)).toBe(0x0403_0201);
      expect(() => sys.memory.u8(-0x2001)).toThrow('no read mapping');
    });
  });
});

describe('a thread visits', () => {
  it('the task that the answer names, until its next event', () => {
    run(function* (sys) {
      const user = yield* makeUser(sys, 256, 'li a0, 1; ebreak; li a0, 3; ebreak', { mtd: Mtd.args | Mtd.pc });
      yield* elsewhere(sys, 'li a0, 2; ebreak; li a0, 4; ebreak');
      yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, 0]);
      const seen: number[] = [];
      yield* sys.receive();
      for (const task of [ELSEWHERE, 0, user.task]) {
        seen.push(sys.utcb.x(10));
        sys.utcb.pc = CODE;
        expect((yield* into(sys, task, Mtd.pc)).label).toBe(Cause.breakpoint);
      }
      seen.push(sys.utcb.x(10));
      sys.utcb.pc = CODE;
      yield* sys.replyAndWait({ mtd: Mtd.pc }); // names none
      expect([...seen, sys.utcb.x(10)]).toEqual([1, 2, 1, 1, 1]);
    });
  });

  it('a page in the answer is mapped where the thread goes on', () => {
    run(function* (sys) {
      const user = yield* makeUser(sys, 256, 'ebreak', { mtd: Mtd.args | Mtd.pc | Mtd.exit });
      yield* elsewhere(sys, 'li t0, 0x40000; lw a0, (t0); ebreak');
      yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, 0]);
      yield* sys.receive();
      sys.memory.setU32(OTHER, 9);
      sys.utcb.pc = CODE;
      expect((yield* into(sys, ELSEWHERE, Mtd.pc)).words.slice(0, 2)).toEqual([13n, 0x40000n]);
      expect((yield* into(sys, ELSEWHERE, 0, [{ flexpage: memoryPage(OTHER, 12, Right.R), dest: 0x40000 }])).label).toBe(Cause.breakpoint);
      expect(sys.utcb.x(10)).toBe(9);
      yield* sys.must(user.task, Ops.task.lookup, [0x40000]);
      expect(sys.utcb.word(0)).toBe(0);
    });
  });

  it('what cannot be named is refused, and the thread waits on', () => {
    run(function* (sys) {
      const user = yield* makeUser(sys, 256, 'ebreak; ebreak', { mtd: Mtd.pc });
      yield* sys.must(Initial.factory, Ops.factory.createTask, [ELSEWHERE, 1]);
      yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, 0]);
      yield* sys.receive();
      for (const [task, status] of [[700, Status.badCap], [user.thread, Status.badKind],
        [ELSEWHERE, Status.badArgument]] as const) expect((yield* into(sys, task)).status).toBe(status);
      sys.utcb.pc = CODE + 4;
      expect((yield* into(sys, 0, Mtd.pc)).label).toBe(Cause.breakpoint);
      expect(sys.utcb.pc).toBe(CODE + 4);
    });
  });

  it.each([1, 2])('on %i harts: a task that ends while it is visited recalls its visitor before it does anything else', (harts) => {
    run(function* (sys) {
      const user = yield* makeUser(sys, 256, 'ebreak', { mtd: Mtd.pc, hart: harts - 1 });
      yield* elsewhere(sys, 'loop: addi a0, a0, 1; j loop');
      yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, 0]);
      yield* sys.receive();
      sys.utcb.pc = CODE;
      sys.utcb.setNum(U.visit, ELSEWHERE);
      yield* sys.reply({ mtd: Mtd.pc | Mtd.visit });
      expect((yield* sys.receive(0, 100_000)).status).toBe(Status.timeout);
      yield* sys.must(Initial.task, Ops.task.delete, [ELSEWHERE]);
      expect((yield* sys.receive()).label).toBe(Cause.recall);
      expect(Math.abs(sys.utcb.pc - CODE)).toBeLessThan(8);
    }, { harts });
  });

  it('a guest visits guest memory', () => {
    run(function* (sys) {
      const user = yield* makeUser(sys, 256, 'li a7, 9; ecall; li a7, 8; ecall',
        { guest: true, flags: ThreadFlag.guest, mtd: Mtd.args | Mtd.pc });
      yield* elsewhere(sys, 'li a7, 5; ecall; li a7, 6; ecall', 1);
      yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, 0]);
      const seen: number[] = [];
      yield* sys.receive();
      for (const task of [ELSEWHERE, 0, ELSEWHERE]) {
        seen.push(sys.utcb.x(17));
        sys.utcb.pc = CODE;
        yield* into(sys, task, Mtd.pc);
      }
      expect(seen).toEqual([9, 5, 9]);
    });
  });

  it('a server in RISC-V code names it as one in TypeScript does', () => {
    run(function* (sys) {
      const user = yield* makeUser(sys, 256, 'li a0, 1; ebreak', { mtd: Mtd.args | Mtd.pc });
      yield* elsewhere(sys, 'li a0, 2; ebreak');
      const utcb = 0x7000, program = `li s0, ${utcb}; li a7, ${IPC}; li a0, 2; li a1, 0; li a2, -1; ecall
        li t0, ${CODE}; sd t0, ${S.pc}(s0); li t0, ${Mtd.pc | Mtd.visit}; sd t0, ${U.mtd}(s0); li t0, 5; sd t0, ${U.visit}(s0)
        sd zero, (s0)
        li a0, 8; ecall; end: j end`;
      const server = yield* makeUser(sys, 300, program, { pa: 0x8012_0000, utcb });
      yield* sys.must(server.task, Ops.task.map, [0, ELSEWHERE * 4096 + 8 + 7, 5, 0]);
      yield* sys.must(Initial.factory, Ops.factory.createPortal, [320, server.thread, 1, Mtd.pc]);
      yield* sys.must(user.thread, Ops.thread.setEvents, [320, 1 << Cause.pageFault]);
      yield* sys.must(server.thread, Ops.thread.start, [CODE, 0, 0]);
      yield* sys.must(user.thread, Ops.thread.start, [0, 0, 0]); // faults at 0; the RISC-V server answers
      expect((yield* sys.receive()).label).toBe(Cause.breakpoint);
      expect(sys.utcb.x(10)).toBe(2);
    });
  });
});

describe('units that a thread is denied', () => {
  const units = (sys: Syscalls, fs: number, senvcfg: number, scounteren: number): void => {
    sys.utcb.setNum(S.fs, fs);
    sys.utcb.setNum(S.senvcfg, senvcfg);
    sys.utcb.setNum(S.scounteren, scounteren);
  };
  it.each([
    ['floating point', 'fmv.d.x f1, zero', [0, 0x80, 7]], ['cbo.zero', 'li a1, 0x40000; cbo.zero (a1)', [1, 0, 7]],
      ['rdtime', 'rdtime a0', [1, 0x80, 5]], ['rdcycle', 'rdcycle a0', [1, 0x80, 6]],
  ] as const)('%s traps, and does not where it is given; another thread has its own', (_what, instruction, [fs, senvcfg, scounteren]) => {
    run(function* (sys) {
      const user = yield* makeUser(sys, 256, `again: ${instruction}; ebreak;
        j again`, { mtd: Mtd.pc | Mtd.units }), other = yield* makeUser(sys, 300, `again: ${instruction}; ebreak;
          j again`, { pa: 0x8014_0000, priority: 40 });
      for (const { task } of [user, other]) yield* sys.must(task, Ops.task.map, [0, memoryPage(PAGE, 12, Right.RW), 0x40000, 0]);
      yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, 0]);
      expect((yield* sys.receive()).label).toBe(Cause.breakpoint);
      expect([sys.utcb.num(S.fs), sys.utcb.num(S.senvcfg), sys.utcb.num(S.scounteren)]).toEqual([1, 0x80, 7]);
      sys.utcb.pc = CODE;
      units(sys, fs, senvcfg, scounteren);
      expect((yield* sys.replyAndWait({ mtd: Mtd.units | Mtd.pc })).label).toBe(Cause.illegal);
      yield* sys.must(other.thread, Ops.thread.start, [CODE, 0, 0]);
      units(sys, 1, 0x80, 7);
      expect(yield* sys.replyAndWait({ mtd: Mtd.units, label: Resume.go })).toMatchObject({ label: Cause.breakpoint, badge: 256 });
      expect(yield* sys.receive()).toMatchObject({ label: Cause.breakpoint, badge: 300 });
    });
  });
});
