/**
 * Threads and guests that execute random bytes and make random system calls with random UTCBs, and get random answers to their events: the
 * kernel neither throws nor hangs, its books are right, and nothing of an innocent bystander changes. SEEDS in the environment: how many.
 */
import { expect, it } from 'vitest';
import { Cause, IPC, Initial, Mtd, MTD_GUEST, Ops, Right, S, ThreadFlag, U, capPage, memoryPage, type Sys } from './abi/index.ts';
import type { Syscalls } from '../binding/index.ts';
import { audit } from './testing/audit.ts';
import { digest, makeBystander } from './testing/bystander.ts';
import { CODE, bootReal, type Real } from './testing/real-machine.ts';
import { Random, fillOperation } from './testing/random-calls.ts';

const UTCB = 0x2000_0000, PA = 0x8040_0000, GUEST_RAM = 0x8000_0000, BYSTANDER = 1024, BYSTANDER_PA = 0x8100_0000;

/** Instructions: some random words, some that are real more often than not, system calls, floating point, CSRs. */
function randomCode(r: Random, words: number): Uint32Array {
  const code = new Uint32Array(words);
  for (let i = 0; i < words; i++) {
    const any = (r.below(65536) * 65536 + r.below(65536)) >>> 0;
    switch (r.below(8)) {
      case 0: code[i] = any; break;
      case 1: code[i] = 0x73; break; // ecall
      case 2: code[i] = (any & 0xfff00f80 | 0x2073 | (r.below(4) << 12)) >>> 0; break; // csrr*
      case 3: code[i] = (any & 0x01fff000 | 0x3003) >>> 0; break; // ld
      case 4: code[i] = (any & 0x01fff000 | 0x3023) >>> 0; break; // sd
      case 5: code[i] = (any & 0x01ffff80 | 0x53 | (r.below(32) << 27)) >>> 0; break; // floating point
      case 6: code[i] = ((r.below(16) * 2 << 8) | 0x63 | (r.below(8) << 12)) >>> 0; break; // branch, forward
      default: code[i] = (any & 0xfffffff0 | 0x13) >>> 0; // addi and its relatives
    }
  }
  return code;
}

interface Victim {
  readonly task: number;
  readonly thread: number;
  readonly context: number;
  readonly portal: number;
  readonly factory: number
}
const victimAt = (n: number): Victim => {
  const f = 256 + 16 * n;
  return { factory: f, task: f + 1, thread: f + 2, context: f + 3, portal: f + 4 };
};

/** A task of its own quota with one thread of random code, some memory, capabilities to itself. */
function* makeVictim(sys: Syscalls, r: Random, n: number, guest: boolean, hart: number): Sys<Victim> {
  const v = victimAt(n), pa = PA + n * 0x20_0000, code = randomCode(r, 1024), va = guest ? GUEST_RAM : CODE;
  sys.memory.write(pa, new Uint8Array(code.buffer));
  const flags = guest ? ThreadFlag.guest : r.chance(50) ? ThreadFlag.alien : 0;
  yield* sys.must(Initial.factory, Ops.factory.createFactory, [v.factory, 300_000, 230, 0]);
  yield* sys.must(v.factory, Ops.factory.createTask, [v.task, guest ? 1 : 0]);
  yield* sys.must(v.factory, Ops.factory.createThread, [v.thread, v.task, flags, guest ? 0 : UTCB, hart]);
  yield* sys.must(v.factory, Ops.factory.createSchedContext, [v.context, 10 + r.below(40), 0, 0]);
  yield* sys.must(v.factory, Ops.factory.createPortal, [v.portal, Initial.thread, n, r.pick([5, MTD_GUEST, Mtd.args, r.below(1024)])]);
  yield* sys.must(v.thread, Ops.thread.setEvents, [v.portal, 0x1fff - (r.chance(70) ? 0 : 1 << r.below(13))]);
  yield* sys.must(v.thread, Ops.thread.bind, [v.context]);
  yield* sys.must(v.task, Ops.task.map, [0, memoryPage(pa, 12, Right.RWX), va, 0]);
  yield* sys.must(v.task, Ops.task.map, [0, memoryPage(pa + 0x10_0000, 20, Right.RW), va + 0x10_0000, 0]);
  for (const [i, cap] of [v.task, v.thread, v.factory, v.context, v.portal].entries())
    yield* sys.must(v.task, Ops.task.map, [0, capPage(cap), i + 1, 0]);
  yield* sys.must(v.thread, Ops.thread.start, [va, UTCB + 0xff0, va + 0x10_0000]);
  return v;
}

/** Answers an event at random: new registers, new pc, a page, or nothing. */
function answer(sys: Syscalls, r: Random, cause: number, guest: boolean, n: number): void {
  const u = sys.utcb, base = guest ? GUEST_RAM : CODE;
  u.pc = base + 4 * r.below(1000);
  for (let i = 1; i < 32; i++)
    u.setX(i, r.pick([0, 1, 2, 3, 5, base + 0x10_0000 + 8 * r.below(1000), UTCB + 8 * r.below(500), -1, r.below(2 ** 31), IPC]));
  u.setX(17, r.chance(60) ? IPC : r.below(300));
  u.setX(10, r.below(16));
  u.setX(11, r.below(8));
  u.setX(12, r.pick([0, 1000, 100_000]));
  for (let at: number = S.mode; at <= S.scounteren; at += 8) u.setBig(at, BigInt(r.below(65536)) << BigInt(r.below(48)));
  u.setBig(S.vstimecmp, BigInt(r.below(1000)));
  const items = r.chance(30) ? 1 : 0, page = Math.floor(u.word(1) / 4096) * 4096;
  if (items)
    u.setItem(0, memoryPage(PA + n * 0x20_0000 + 0x1000, 12, r.below(8)),
      cause === Cause.pageFault || cause === Cause.guestPageFault ? page : 0x3000_0000, 0);
  u.setTag(r.pick([0, 0, 0, 0, 1, 1, 2]), 0, items);
  u.mtd = (r.chance(80) ? Mtd.pc | Mtd.args | Mtd.regs : r.below(4096)) | (r.chance(25) ? Mtd.visit : 0);
  u.setNum(U.visit, r.chance(80) ? victimAt(r.below(4)).task : r.below(400));
}

/** Several victims; the first thread answers their events at random, and now and then puts a random operation into their UTCBs. */
function* torment(sys: Syscalls, real: Real, seed: number, harts: number, events: number): Sys<void> {
  const r = new Random(seed), guests = [false, true, false, true];
  yield* makeBystander(sys, BYSTANDER, BYSTANDER_PA, { riscv: true, hart: harts - 1 });
  const before = digest(real.kernel, BYSTANDER);
  for (let n = 0; n < guests.length; n++) yield* makeVictim(sys, r, n, guests[n], n % harts);
  let got = yield* sys.receive(0, 200_000);
  for (let i = 0; i < events; i++) {
    if (i % 16 === 0) expect(audit(real.kernel)).toEqual([]);
    if (i % 8 === 0) expect(digest(real.kernel, BYSTANDER)).toBe(before);
    const n = got.badge;
    if (got.status !== 0 || r.chance(2)) { // quiet, or bored: a fresh one
      const k = r.below(guests.length);
      yield* sys.must(Initial.task, Ops.task.unmap, [capPage(victimAt(k).factory, 4), 1]);
      yield* makeVictim(sys, r, k, guests[k], k % harts);
      got = yield* sys.receive(0, 200_000);
      continue;
    }
    if (r.chance(20))
      yield* sys.invoke(victimAt(n).thread, r.pick([Ops.thread.recall, Ops.thread.cancel, Ops.thread.getState]), [MTD_GUEST]);
    if (!guests[n]) scribble(sys, real, r, n);
    answer(sys, r, got.label, guests[n], n);
    yield sys.ipc(8, 0, 0, 0);
    got = yield* sys.receive(0, 200_000);
  }
  for (let n = 0; n < guests.length; n++) yield* sys.must(Initial.task, Ops.task.unmap, [capPage(victimAt(n).factory, 5), 1]);
  expect(digest(real.kernel, BYSTANDER)).toBe(before);
}

/** A random operation in the victim's UTCB, for its next `ecall`. */
function scribble(sys: Syscalls, real: Real, r: Random, n: number): void {
  for (const t of real.kernel.tasks) {
    for (const thread of [...t.threads].reverse()) {
      if (thread.utcbNode && thread.events[3]?.label === n)
        fillOperation({ utcb: thread.utcb } as Syscalls, r, { task: [1], thread: [2], factory: [3], schedContext: [4], portal: [5] });
    }
  }
  void sys;
}

function fuzz(seed: number, harts: number, events: number): void {
  let done = false, failure: unknown;
  const real = bootReal(function* (sys) {
    try { yield* torment(sys, real, seed, harts, events); done = true; } catch (e) { failure = e; }
    real.machine.stop();
    yield* sys.receive();
  }, { bytes: 32 * 2 ** 20, harts });
  const reason = real.machine.run({ maxCycles: 2e9 });
  if (failure) throw failure;
  expect(done, `seed ${seed}: ${reason.kind}`).toBe(true);
  expect(audit(real.kernel)).toEqual([]);
  expect(real.kernel.counters.kernelEntries).toBeGreaterThan(3 * events);
}

const SEEDS = Number(process.env['SEEDS'] ?? 3);
it('user threads and guests of random bytes, with random answers, break nothing on one hart',
  () => { for (let s = 1; s <= SEEDS; s++) fuzz(s, 1, 120); }, 3_600_000);
it('… and on four', () => { for (let s = 100_001; s <= 100_000 + SEEDS; s++) fuzz(s, 4, 400); }, 3_600_000);
