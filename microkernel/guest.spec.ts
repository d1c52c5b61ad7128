import { expect, it } from 'vitest';
import { Cause, Initial, MTD_GUEST, Mtd, Ops, Right, S, ThreadFlag, memoryPage, type Sys } from './abi/index.ts';
import type { Syscalls } from '../binding/index.ts';
import { makeUser, type Real, type User } from './testing/real-machine.ts';
import { runReal } from './testing/run.ts';

const GPA = 0x8000_0000;

const run = (body: (sys: Syscalls, real: Real) => Sys<void>, options: Parameters<typeof runReal>[1] = {}): Real =>
  runReal(body, { maxInstructions: 5_000_000, bytes: 32 * 2 ** 20, ...options });

/** A virtual processor with 2 MiB of RAM and this program at its start; it waits in its startup event. */
function* makeGuest(sys: Syscalls, first: number, source: string, pa = 0x8020_0000): Sys<User> {
  const user = yield* makeUser(sys, first, source, {
    flags: ThreadFlag.guest, guest: true, mtd: Mtd.args | Mtd.pc | Mtd.exit, causes: 0x1fff, pa
  });
  yield* sys.must(user.task, Ops.task.map, [0, memoryPage(pa, 21, Right.RWX), GPA, 0]);
  yield* sys.must(user.thread, Ops.thread.start, [GPA, 0, 0]);
  expect((yield* sys.receive()).label).toBe(Cause.startup);
  return user;
}

it('sbi calls, wfi, memory that is not there and forbidden registers exit with what a monitor needs', () => {
  run(function* (sys) {
    const user = yield* makeGuest(sys, 256, `li a7, 1; li a0, 65; ecall
      wfi
      li t0, 0x10000000; lbu a0, 5(t0)
      csrr t1, hgatp
      rdtime t2; csrr t3, scause; li a7, 2; ecall`);
    const sbi = yield* sys.replyAndWait();
    expect(sbi.label).toBe(Cause.sbi);
    expect([sys.utcb.x(10), sys.utcb.x(17)]).toEqual([65, 1]);
    expect((yield* sys.replyAndWait()).label).toBe(Cause.wfi);
    const mmio = yield* sys.replyAndWait();
    expect(mmio).toMatchObject({ label: Cause.guestPageFault, words: [21n, 0x1000_0005n, 0x1000_0005n / 4n, expect.anything()] });
    sys.utcb.setX(10, 0x60);
    sys.utcb.pc += 4;
    const csr = yield* sys.replyAndWait({ mtd: Mtd.args | Mtd.pc });
    expect(csr.label).toBe(Cause.virtualInstruction);
    sys.utcb.pc += 4;
    yield* sys.replyAndWait({ mtd: Mtd.pc });
    expect([sys.utcb.x(10), sys.utcb.x(17)]).toEqual([0x60, 2]);
    yield* sys.must(user.thread, Ops.thread.getState, [MTD_GUEST]);
    expect([sys.utcb.num(S.mode), sys.utcb.big(S.hideleg), sys.utcb.num(S.vsatp)]).toEqual([1, 0x444n, 0]);
  });
});

it('interrupts are injected through hvip, by reply or after a recall', () => {
  run(function* (sys) {
    const user = yield* makeGuest(sys, 256, `la t0, handler; csrw stvec, t0; li t1, 0x222; csrw sie, t1; csrsi sstatus, 2; li a0, 0
      loop: addi a1, a1, 1; beqz a0, loop
      li a7, 7; ecall
      end: j end
      .align 2
      handler: csrr a0, scause; csrr a2, sepc; csrci sstatus, 2; li t1, 0; csrw sie, t1; sret`.replace('la t0, handler',
      'auipc t0, 0; addi t0, t0, handler-0x10000'));
    void user;
    yield* sys.reply();
    yield* sys.receive(0, 10_000);
    yield* sys.must(user.thread, Ops.thread.recall);
    expect((yield* sys.receive()).label).toBe(Cause.recall);
    sys.utcb.setBig(S.hvip, 1n << 10n);
    sys.utcb.setBig(S.vsie, 0x222n);
    sys.utcb.setBig(S.vstimecmp, -1n);
    expect((yield* sys.replyAndWait({ mtd: Mtd.irq })).label).toBe(Cause.sbi);
    expect(sys.utcb.xBig(10)).toBe(-(2n ** 63n) + 9n);
  });
});

it('its timer interrupts it without an exit; two virtual processors on one hart keep their worlds apart', () => {
  run(function* (sys) {
    const source = (id: number): string =>
      `auipc t0, 0; addi t0, t0, handler-0x10000; csrw stvec, t0; li t1, ${id}; csrw sscratch, t1; fcvt.d.l f1, t1
      li t1, 0x20; csrw sie, t1; rdtime t0; addi t0, t0, 100; csrw stimecmp, t0; csrsi sstatus, 2
      loop: j loop
      .align 2
      handler: csrr a0, sscratch; fcvt.l.d a1, f1; csrr a2, scause; li t0, -1; csrw stimecmp, t0; li a7, 9; ecall
      sret`.replace('csrw sscratch, t1;',
      'csrw sscratch, t1; li t2, 0x2000; csrs sstatus, t2;');
    for (const [i, id] of [11, 22].entries()) {
      const user = yield* makeGuest(sys, 256 + 16 * i, source(id), 0x8020_0000 + i * 0x20_0000);
      yield* sys.must(user.context, Ops.schedContext.set, [50, 3000, 0]);
      yield* sys.reply();
    }
    const seen: unknown[] = [];
    for (let i = 0; i < 2; i++) {
      const exit = yield* sys.receive();
      seen.push([exit.label, exit.badge, sys.utcb.x(10), sys.utcb.x(11), sys.utcb.xBig(12)]);
      yield* sys.must(Initial.thread, Ops.thread.keepReply, [400 + i]);
    }
    expect(seen.sort()).toEqual([[Cause.sbi, 256, 11, 11, -(2n ** 63n) + 5n], [Cause.sbi, 272, 22, 22, -(2n ** 63n) + 5n]]);
  });
});

it('its memory can be taken away under it; a page that comes by reply lets it go on', () => {
  run(function* (sys) {
    const user = yield* makeGuest(sys, 256, 'li t0, 0x80100000; loop: ld a0, (t0); li a7, 3; ecall; j loop');
    yield* sys.replyAndWait();
    yield* sys.must(user.task, Ops.task.unmap, [memoryPage(0x8010_0000, 12, 0), 1]);
    expect(yield* sys.replyAndWait()).toMatchObject({
      label: Cause.guestPageFault, words: [21n, 0x8010_0000n, 0x2004_0000n, expect.anything()]
    });
    sys.memory.setU32(0x8060_0000, 99);
    const again = yield* sys.replyAndWait({ items: [{ flexpage: memoryPage(0x8060_0000, 12, Right.RW), dest: 0x8010_0000 }] });
    expect(again.label).toBe(Cause.sbi);
    expect(sys.utcb.x(10)).toBe(99);
  });
});
