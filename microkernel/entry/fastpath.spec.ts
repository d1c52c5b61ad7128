import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { Initial, Mtd, Ops, ThreadFlag, type Sys } from '../abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import { audit } from '../testing/audit.ts';
import { Kernel } from '../kernel.ts';
import { CODE, bootReal, makeUser } from '../testing/real-machine.ts';

/** What the server does with one system call. */
type Deed = { kind: 'result' | 'args' | 'stop' | 'throughBody' } | { kind: 'charge' | 'timeout'; cycles: number }
  | { kind: 'recall'; user: number };
interface Plan { readonly deeds: Deed[]; readonly budgets: number[]; readonly priorities: number[]; readonly serverBudget: number }

/** Two users call the server again and again, which does what the plan says. Answers every record, and what is left at the end. */
function play(plan: Plan, fastpath: boolean): { records: number[][]; cycles: number; counters: unknown; sums: string[] } {
  const records: number[][] = [], sums: string[] = [];
  const real = bootReal(function* (sys) {
    yield* server(sys, plan, sums);
    real.machine.stop();
    yield* sys.receive();
  }, { fastpath, trace: { drain: bytes => { records.push([...bytes]); }, name: () => {} } });
  real.machine.run({ maxInstructions: 100_000, maxCycles: 1e8 });
  real.kernel.trace.flush();
  expect(audit(real.kernel)).toEqual([]);
  return { records: [records.flat()], cycles: real.machine.now, counters: JSON.stringify(real.kernel.counters), sums };
}

function* server(sys: Syscalls, plan: Plan, sums: string[]): Sys<void> {
  const program = 'loop: addi s0, s0, 1; mv a0, s0; li a7, 172; ecall; add s1, s1, a0; j loop', users = [];
  if (plan.serverBudget > 0) yield* sys.must(Initial.schedContext, Ops.schedContext.set, [200, plan.serverBudget, plan.serverBudget * 3]);
  for (const [i, priority] of plan.priorities.entries()) {
    const user = yield* makeUser(sys, 256 + 16 * i, program,
      { flags: ThreadFlag.alien, mtd: Mtd.args, priority, pa: 0x8010_0000 + 4096 * i });
    if (plan.budgets[i]! > 0) yield* sys.must(user.context, Ops.schedContext.set, [priority, plan.budgets[i]!, plan.budgets[i]! * 2]);
    users.push(user);
  }
  for (const user of users) yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, 0]);
  const { utcb } = sys;
  let next = 0, pending: Deed | undefined;
  /** One deed inside the handler: true where a plain answer is all. */
  const handle = (): boolean => {
    const deed = plan.deeds[next++];
    sums.push(`${utcb.badge} ${utcb.label} ${utcb.x(10)} ${sys.now()}`);
    if (deed?.kind === 'charge') sys.charge(deed.cycles);
    if (deed?.kind === 'result' || deed?.kind === 'charge') { answer(sys, Mtd.result); return true; }
    if (deed?.kind === 'args') { answer(sys, Mtd.args); return true; }
    pending = deed;
    return false;
  };
  yield* sys.receive(0, 1e6);
  for (;;) {
    if (handle()) {
      const status = yield sys.serve(handle);
      if (status !== 0) return;
    }
    if (pending === undefined) return;
    if (pending.kind === 'recall') yield* sys.must(users[pending.user]!.thread, Ops.thread.recall);
    if (pending.kind === 'stop') utcb.setTag(2, 0);
    else answer(sys, Mtd.result);
    if (pending.kind === 'recall') answer(sys, Mtd.result);
    const status = (yield* sys.replyAndWait({ label: pending.kind === 'stop' ? 2 : 0, mtd: Mtd.result },
      pending.kind === 'timeout' ? pending.cycles : 1e6)).status;
    if (status !== 0) { sums.push(`status ${status}`); if ((yield* sys.receive(0, 1e6)).status !== 0) return; }
  }
}

function answer(sys: Syscalls, mtd: number): void {
  sys.utcb.setX(10, sys.utcb.x(10) * 3);
  sys.utcb.setTag(0, 0);
  sys.utcb.mtd = mtd;
}

const deed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom<Deed>({ kind: 'result' }) },
  { weight: 2, arbitrary: fc.constantFrom<Deed>({ kind: 'args' }, { kind: 'throughBody' }) },
  { weight: 1, arbitrary: fc.constant<Deed>({ kind: 'stop' }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('charge' as const, 'timeout' as const),
      cycles: fc.oneof(fc.integer({ min: 0, max: 6000 }), fc.integer({ min: 0, max: 60_000 }))
    })
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('recall' as const), user: fc.integer({ min: 0, max: 1 }) }) },
);

describe('the fast path of system calls', () => {
  it('does what the general path does: the same records, cycles and counts', () => {
    const plan: fc.Arbitrary<Plan> = fc.record({
      deeds: fc.array(deed, { maxLength: 60, size: 'max' }),
      priorities: fc.array(fc.constantFrom(50, 60, 210, 255), { minLength: 2, maxLength: 2 }),
      budgets: fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 300, max: 20_000 })), { minLength: 2, maxLength: 2 }),
      serverBudget: fc.oneof(fc.constant(0), fc.integer({ min: 1000, max: 30_000 })),
    });
    fc.assert(fc.property(plan, p => { expect(play(p, true)).toEqual(play(p, false)); }), { numRuns: 60 });
  });
  it('is taken: a call that is answered at once never meets the general path', () => {
    const deeds = Array.from({ length: 50 }, (): Deed => ({ kind: 'result' })),
      plan = { deeds, budgets: [0], priorities: [50], serverBudget: 0 };
    const settled = vi.spyOn(Kernel.prototype, 'settle'), slow = counted(() => play(plan, false)), fast = counted(() => play(plan, true));
    function counted(run: () => { sums: string[] }): number {
      settled.mockClear();
      expect(run().sums.length).toBe(51);
      return settled.mock.calls.length;
    }
    settled.mockRestore();
    expect(slow - fast).toBeGreaterThanOrEqual(2 * 48);
  });
});
