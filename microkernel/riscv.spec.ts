import { describe, expect, it } from 'vitest';
import { Cause, Initial, IPC, Mtd, Ops, Resume, Right, Status, ThreadFlag, capPage, memoryPage, type Sys } from './abi/index.ts';
import type { Syscalls } from '../binding/index.ts';
import { CODE, makeUser, type Real } from './testing/real-machine.ts';
import { runReal } from './testing/run.ts';

/** Runs a first thread to its end on the real machine; an exception in the body fails the test. */
const run = (body: (sys: Syscalls, real: Real) => Sys<void>, options: Parameters<typeof runReal>[1] = {}): Real =>
  runReal(body, { maxInstructions: 5_000_000, ...options });

describe('events of user threads', () => {
  it('an alien\'s ecall is an event with its registers; the reply brings the answer', () => {
    run(function* (sys, { kernel }) {
      const user = yield* makeUser(sys, 256, 'loop: li a7, 172; addi a0, a0, 1; ecall; j loop',
        { flags: ThreadFlag.alien, mtd: Mtd.args | Mtd.pc });
      yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, 5]);
      let event = yield* sys.receive();
      expect(event).toMatchObject({ label: Cause.syscall, badge: 256, mtd: 5 });
      expect([sys.utcb.x(10), sys.utcb.x(17), sys.utcb.pc]).toEqual([6, 172, CODE + 12]);
      const before = { ...kernelCounts(kernel) };
      for (let i = 0; i < 100; i++) {
        sys.utcb.setX(10, i * 10);
        event = yield* sys.replyAndWait({ mtd: Mtd.args });
        expect(sys.utcb.x(10)).toBe(i * 10 + 1);
      }
      const after = kernelCounts(kernel);
      expect(after.entries - before.entries).toBe(200);
      expect(after.switches - before.switches).toBe(200);
    });
    function kernelCounts(k: Real['kernel']) { return { entries: k.counters.kernelEntries, switches: k.counters.addressSpaceSwitches }; }
  });
  it('a page fault names address and access; the reply maps the page and the instruction goes on', () => {
    run(function* (sys) {
      const user = yield* makeUser(sys, 256, 'li t0, 0x40000; li t1, 77; sd t1, 8(t0); ld a0, 8(t0); li a7, 1; ecall',
        { flags: ThreadFlag.alien });
      yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, 0]);
      const fault = yield* sys.receive();
      expect(fault).toMatchObject({ label: Cause.pageFault, words: [15n, 0x40008n, 0n, 0n] });
      const read = yield* sys.replyAndWait({ items: [{ flexpage: memoryPage(0x8020_0000, 12, Right.R), dest: 0x40000 }] });
      expect(read.words.slice(0, 2)).toEqual([15n, 0x40008n]);
      expect((yield* sys.replyAndWait({
        items: [{ flexpage: memoryPage(0x8020_0000, 12, Right.RW), dest: 0x40000 }]
      })).label).toBe(Cause.syscall);
      expect(sys.utcb.x(10)).toBe(77);
      expect(sys.memory.u32(0x8020_0008)).toBe(77);
    });
  });
  it('a page that is taken back faults again, also where the TLB knew it', () => {
    run(function* (sys) {
      const user = yield* makeUser(sys, 256, 'li t0, 0x40000; loop: lw a0, (t0); li a7, 1; ecall; j loop', { flags: ThreadFlag.alien });
      yield* sys.must(user.task, Ops.task.map, [0, memoryPage(0x8020_0000, 21, Right.RW), 0x20_0000, 0]);
      yield* sys.must(user.task, Ops.task.map, [user.task, memoryPage(0x20_0000, 12, Right.RW), 0x4_0000, 0]);
      yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, 0]);
      expect((yield* sys.receive()).label).toBe(Cause.syscall);
      yield* sys.must(Initial.task, Ops.task.unmap, [memoryPage(0x8020_0000, 12, Right.W), 0]);
      expect((yield* sys.replyAndWait()).label).toBe(Cause.syscall);
      yield* sys.must(Initial.task, Ops.task.unmap, [memoryPage(0x8020_0000, 12, Right.R), 0]);
      expect(yield* sys.replyAndWait()).toMatchObject({ label: Cause.pageFault, words: [13n, 0x40000n, 0n, 0n] });
    });
  });
  it('illegal instructions, breakpoints and accesses to nothing are events; without a portal the thread stops', () => {
    const { lines } = run(function* (sys) {
      const user = yield* makeUser(sys, 256,
        '.word 0; ebreak; li t0, 0x50000; lw t0, (t0); li t1, 0x100000000000; lw t0, (t1); end: j end');
      yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, 0]);
      expect((yield* sys.receive()).label).toBe(Cause.illegal);
      sys.utcb.pc = CODE + 4;
      expect((yield* sys.replyAndWait({ mtd: Mtd.pc })).label).toBe(Cause.breakpoint);
      sys.utcb.pc = CODE + 8;
      expect((yield* sys.replyAndWait({ mtd: Mtd.pc })).words[1]).toBe(0x50000n);
      yield* sys.must(user.thread, Ops.thread.setEvents, [0, 1 << Cause.pageFault]);
      yield* sys.reply({});
      yield* sys.receive(0, 1e6);
      yield* sys.must(user.thread, Ops.thread.info);
      expect(sys.utcb.word(0)).toBe(6);
    });
    expect(lines[0]).toContain('stopped: pageFault');
  });
  it('recall raises an event in a thread that runs for ever; its state can be read and changed', () => {
    run(function* (sys) {
      const user = yield* makeUser(sys, 256, 'loop: addi a0, a0, 1; j loop', { mtd: Mtd.args | Mtd.pc });
      yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, 0]);
      expect((yield* sys.receive(0, 50_000)).status).toBe(Status.timeout);
      yield* sys.must(user.thread, Ops.thread.recall);
      expect((yield* sys.receive()).label).toBe(Cause.recall);
      const count = sys.utcb.x(10);
      expect(count).toBeGreaterThan(1000);
      yield* sys.must(user.thread, Ops.thread.getState, [Mtd.args | Mtd.regs | Mtd.pc]);
      expect(sys.utcb.x(10)).toBe(count);
      sys.utcb.setX(10, -5_000_000);
      yield* sys.must(user.thread, Ops.thread.setState, [Mtd.args]);
      yield* sys.reply({});
      yield* sys.receive(0, 5000);
      yield* sys.must(user.thread, Ops.thread.recall);
      yield* sys.receive();
      expect(sys.utcb.x(10)).toBeLessThan(-4_000_000);
    });
  });
  it('a thread may be told to stop, and be resumed', () => {
    run(function* (sys) {
      const user = yield* makeUser(sys, 256, 'loop: ecall; j loop', { flags: ThreadFlag.alien });
      yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, 0]);
      yield* sys.receive();
      expect((yield* sys.replyAndWait({ label: Resume.stop }, 1e6)).status).toBe(Status.timeout);
      yield* sys.must(user.thread, Ops.thread.resume);
      expect((yield* sys.receive()).label).toBe(Cause.syscall);
    });
  });
});

describe('system calls of RISC-V code', () => {
  const call = `li t0, 0x20000000
    li t1, 0x700000002
    sd t1, 0(t0)
    li t1, 1000
    sd t1, 0x40(t0)
    li t1, 2000
    sd t1, 0x48(t0)
    li a7, ${IPC}
    li a0, 7
    li a1, 9
    li a2, -1
    ecall
    ld a2, 0x40(t0)`;
  const utcb = 0x2000_0000;

  it('call: the message leaves from the UTCB, the answer arrives there, status and badge in a0 and a1', () => {
    run(function* (sys) {
      const user = yield* makeUser(sys, 256, `${call}; li a7, 1; ecall`, { utcb });
      yield* sys.must(user.task, Ops.task.map, [0, capPage(user.portal), 9, 0]);
      yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, 0]);
      expect(yield* sys.receive()).toMatchObject({ label: 7, words: [1000n, 2000n], badge: 256 });
      expect((yield* sys.replyAndWait({ words: [5555] })).label).toBe(Cause.syscall);
      expect([sys.utcb.x(10), sys.utcb.x(12)]).toEqual([0, 5555]);
    });
  });
  it('an alien gets through when its server lets it, call by call', () => {
    run(function* (sys) {
      const user = yield* makeUser(sys, 256, `${call}; li a7, 1; ecall`, { utcb, flags: ThreadFlag.alien });
      yield* sys.must(user.task, Ops.task.map, [0, capPage(user.portal), 9, 0]);
      yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, 0]);
      expect((yield* sys.receive()).label).toBe(Cause.syscall);
      expect(sys.utcb.x(17)).toBe(IPC);
      expect(yield* sys.replyAndWait({ label: Resume.letThrough })).toMatchObject({ label: 7, words: [1000n, 2000n] });
      expect((yield* sys.replyAndWait({ words: [42] })).label).toBe(Cause.syscall);
      expect(sys.utcb.x(12)).toBe(42);
    });
  });
  it('a wrong selector and a missing UTCB are statuses, not harm', () => {
    run(function* (sys) {
      const user = yield* makeUser(sys, 256, `${call}; li a7, 1; ecall`, { utcb });
      yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, 0]);
      yield* sys.receive();
      expect(sys.utcb.x(10)).toBe(Status.badCap);
      const bystander = yield* makeUser(sys, 300, `li a7, ${IPC}; li a0, 2; ecall; li a7, 1; ecall`, { pa: 0x8010_1000 });
      yield* sys.must(bystander.thread, Ops.thread.start, [CODE, 0, 0]);
      yield* sys.receive();
      expect(sys.utcb.x(10)).toBe(Status.fault);
    });
  });
});

describe('time', () => {
  it('threads of equal priority are preempted at the end of their slices, and registers are their own', () => {
    run(function* (sys) {
      const source = 'fmv.d.x f1, a0; loop: addi a0, a0, 1; addi t0, t0, 1; li t1, 300000; bltu t0, t1, loop; fmv.x.d a1, f1; li a7, 1; '
        + 'ecall; end: j end';
      const [first, second] = [
        yield* makeUser(sys, 256, source, { flags: ThreadFlag.alien }),
        yield* makeUser(sys, 300, source, { flags: ThreadFlag.alien, pa: 0x8010_1000 })
      ];
      for (const [user, x] of [[first, 1_000_000], [second, 2_000_000]] as const) {
        yield* sys.must(user.context, Ops.schedContext.set, [50, 100_000, 0]);
        yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, x]);
      }
      const seen: number[][] = [];
      for (let i = 0; i < 2; i++) { yield* sys.receive(); seen.push([sys.utcb.x(10) - 300_000, sys.utcb.x(11)]); }
      expect(seen).toEqual([[1_000_000, 1_000_000], [2_000_000, 2_000_000]]);
    }, {});
  });
  it('a server on another hart answers; threads of several harts run side by side', () => {
    run(function* (sys) {
      const users = [];
      for (let hart = 0; hart < 3; hart++)
        users.push(yield* makeUser(sys, 256 + 16 * hart, 'loop: li t0, 2000; wait: addi t0, t0, -1; bnez t0, wait; li a7, 9; ecall; j loop',
          { flags: ThreadFlag.alien, hart: hart, pa: 0x8010_0000 + hart * 4096 }));
      for (const user of users) yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, 0]);
      const counts = new Map<number, number>();
      let event = yield* sys.receive();
      for (let i = 0; i < 300; i++) {
        counts.set(event.badge, (counts.get(event.badge) ?? 0) + 1);
        event = yield* sys.replyAndWait();
      }
      expect([...counts.values()].every(n => n > 50), JSON.stringify([...counts])).toBe(true);
      yield* sys.must(users[2].thread, Ops.thread.kill);
      yield* sys.must(Initial.task, Ops.task.unmap, [capPage(users[1].task), 1]);
    }, { harts: 3 });
  });
});

it('an interrupt is a semaphore: masked while it is handled, unmasked by ack', () => {
  run(function* (sys, real) {
    const irq = Initial.irqBase + 10;
    real.machine.events.at(5000, () => real.plic.line(10).set(true));
    expect(yield* sys.invoke(irq, Ops.semaphore.down, [0])).toBe(0);
    expect(yield* sys.down(irq, Ops.semaphore.down, 100_000)).toBe(Status.timeout);
    yield* sys.must(irq, Ops.semaphore.ack);
    expect(yield* sys.down(irq, Ops.semaphore.down, 100_000)).toBe(0);
    real.plic.line(10).set(false);
    yield* sys.must(irq, Ops.semaphore.ack);
    expect(yield* sys.down(irq, Ops.semaphore.down, 100_000)).toBe(Status.timeout);
  });
});
