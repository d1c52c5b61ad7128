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
function randomCode(random: Random, words: number): Uint32Array {
  const code = new Uint32Array(words);
  for (let i = 0; i < words; i++) {
    const any = (random.below(65536) * 65536 + random.below(65536)) >>> 0;
    switch (random.below(8)) {
      case 0: code[i] = any; break;
      case 1: code[i] = 0x73; break; // ecall
      case 2: code[i] = (any & 0xfff00f80 | 0x2073 | (random.below(4) << 12)) >>> 0; break; // csrr*
      case 3: code[i] = (any & 0x01fff000 | 0x3003) >>> 0; break; // ld
      case 4: code[i] = (any & 0x01fff000 | 0x3023) >>> 0; break; // sd
      case 5: code[i] = (any & 0x01ffff80 | 0x53 | (random.below(32) << 27)) >>> 0; break; // floating point
      case 6: code[i] = ((random.below(16) * 2 << 8) | 0x63 | (random.below(8) << 12)) >>> 0; break; // branch, forward
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
  const factory = 256 + 16 * n;
  return { factory: factory, task: factory + 1, thread: factory + 2, context: factory + 3, portal: factory + 4 };
};

/** A task of its own quota with one thread of random code, some memory, capabilities to itself. */
function* makeVictim(sys: Syscalls, random: Random, n: number, guest: boolean, hart: number): Sys<Victim> {
  const victim = victimAt(n), pa = PA + n * 0x20_0000, code = randomCode(random, 1024), va = guest ? GUEST_RAM : CODE;
  sys.memory.write(pa, new Uint8Array(code.buffer));
  const flags = guest ? ThreadFlag.guest : random.chance(50) ? ThreadFlag.alien : 0;
  yield* sys.must(Initial.factory, Ops.factory.createFactory, [victim.factory, 300_000, 230, 0]);
  yield* sys.must(victim.factory, Ops.factory.createTask, [victim.task, guest ? 1 : 0]);
  yield* sys.must(victim.factory, Ops.factory.createThread, [victim.thread, victim.task, flags, guest ? 0 : UTCB, hart]);
  yield* sys.must(victim.factory, Ops.factory.createSchedContext, [victim.context, 10 + random.below(40), 0, 0]);
  yield* sys.must(victim.factory, Ops.factory.createPortal,
    [victim.portal, Initial.thread, n, random.pick([5, MTD_GUEST, Mtd.args, random.below(1024)])]);
  yield* sys.must(victim.thread, Ops.thread.setEvents, [victim.portal, 0x1fff - (random.chance(70) ? 0 : 1 << random.below(13))]);
  yield* sys.must(victim.thread, Ops.thread.bind, [victim.context]);
  yield* sys.must(victim.task, Ops.task.map, [0, memoryPage(pa, 12, Right.RWX), va, 0]);
  yield* sys.must(victim.task, Ops.task.map, [0, memoryPage(pa + 0x10_0000, 20, Right.RW), va + 0x10_0000, 0]);
  for (const [i, cap] of [victim.task, victim.thread, victim.factory, victim.context, victim.portal].entries())
    yield* sys.must(victim.task, Ops.task.map, [0, capPage(cap), i + 1, 0]);
  yield* sys.must(victim.thread, Ops.thread.start, [va, UTCB + 0xff0, va + 0x10_0000]);
  return victim;
}

/** Answers an event at random: new registers, new pc, a page, or nothing. */
function answer(sys: Syscalls, random: Random, cause: number, guest: boolean, n: number): void {
  const utcb = sys.utcb, base = guest ? GUEST_RAM : CODE;
  utcb.pc = base + 4 * random.below(1000);
  for (let i = 1; i < 32; i++)
    utcb.setX(i, random.pick([0, 1, 2, 3, 5, base + 0x10_0000 + 8 * random.below(1000), UTCB + 8 * random.below(500), -1,
      random.below(2 ** 31), IPC]));
  utcb.setX(17, random.chance(60) ? IPC : random.below(300));
  utcb.setX(10, random.below(16));
  utcb.setX(11, random.below(8));
  utcb.setX(12, random.pick([0, 1000, 100_000]));
  for (let at: number = S.mode; at <= S.scounteren; at += 8) utcb.setBig(at, BigInt(random.below(65536)) << BigInt(random.below(48)));
  utcb.setBig(S.vstimecmp, BigInt(random.below(1000)));
  const items = random.chance(30) ? 1 : 0, page = Math.floor(utcb.word(1) / 4096) * 4096;
  if (items)
    utcb.setItem(0, memoryPage(PA + n * 0x20_0000 + 0x1000, 12, random.below(8)),
      cause === Cause.pageFault || cause === Cause.guestPageFault ? page : 0x3000_0000, 0);
  utcb.setTag(random.pick([0, 0, 0, 0, 1, 1, 2]), 0, items);
  utcb.mtd = (random.chance(80) ? Mtd.pc | Mtd.args | Mtd.regs : random.below(4096)) | (random.chance(25) ? Mtd.visit : 0);
  utcb.setNum(U.visit, random.chance(80) ? victimAt(random.below(4)).task : random.below(400));
}

/** Several victims; the first thread answers their events at random, and now and then puts a random operation into their UTCBs. */
function* torment(sys: Syscalls, real: Real, seed: number, harts: number, events: number): Sys<void> {
  const random = new Random(seed), guests = [false, true, false, true];
  yield* makeBystander(sys, BYSTANDER, BYSTANDER_PA, { riscv: true, hart: harts - 1 });
  const before = digest(real.kernel, BYSTANDER);
  for (let n = 0; n < guests.length; n++) yield* makeVictim(sys, random, n, guests[n], n % harts);
  let got = yield* sys.receive(0, 200_000);
  for (let i = 0; i < events; i++) {
    if (i % 16 === 0) expect(audit(real.kernel)).toEqual([]);
    if (i % 8 === 0) expect(digest(real.kernel, BYSTANDER)).toBe(before);
    const n = got.badge;
    if (got.status !== 0 || random.chance(2)) { // quiet, or bored: a fresh one
      const k = random.below(guests.length);
      yield* sys.must(Initial.task, Ops.task.unmap, [capPage(victimAt(k).factory, 4), 1]);
      yield* makeVictim(sys, random, k, guests[k], k % harts);
      got = yield* sys.receive(0, 200_000);
      continue;
    }
    if (random.chance(20))
      yield* sys.invoke(victimAt(n).thread, random.pick([Ops.thread.recall, Ops.thread.cancel, Ops.thread.getState]), [MTD_GUEST]);
    if (!guests[n]) scribble(sys, real, random, n);
    answer(sys, random, got.label, guests[n], n);
    yield sys.ipc(8, 0, 0, 0);
    got = yield* sys.receive(0, 200_000);
  }
  for (let n = 0; n < guests.length; n++) yield* sys.must(Initial.task, Ops.task.unmap, [capPage(victimAt(n).factory, 5), 1]);
  expect(digest(real.kernel, BYSTANDER)).toBe(before);
}

/** A random operation in the victim's UTCB, for its next `ecall`. */
function scribble(sys: Syscalls, real: Real, random: Random, n: number): void {
  for (const task of real.kernel.tasks) {
    for (const thread of [...task.threads].reverse()) {
      if (thread.utcbNode && thread.events[3]?.label === n)
        fillOperation({ utcb: thread.utcb } as Syscalls, random, { task: [1], thread: [2], factory: [3], schedContext: [4], portal: [5] });
    }
  }
  void sys;
}

function fuzz(seed: number, harts: number, events: number): void {
  let done = false, failure: unknown;
  const real = bootReal(function* (sys) {
    try { yield* torment(sys, real, seed, harts, events); done = true; } catch (error) { failure = error; }
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
