import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { Initial, IPC, Ops, capPage, type Sys } from '../abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import { audit } from '../testing/audit.ts';
import { Kernel } from '../kernel.ts';
import { CODE, bootReal, makeUser, type User } from '../testing/real-machine.ts';

const UTCB = 0x2000_0000;
/** One client and what it does in a round: words, time-out (-1: never), priority, budget; and the server's. */
interface Client {
  readonly words: number;
  readonly timeout: number;
  readonly priority: number;
  readonly budget: number;
  readonly spin: number
}
interface Plan {
  readonly clients: readonly Client[];
  readonly server: Client;
  readonly onlyFrom: boolean;
  readonly meddle: readonly ('recall' | 'cancel' | 'set' | 'wait')[]
}

const tag = (words: number, label: number): string => `li t0, ${label * 2 ** 32 + words}; sd t0, 0(s0)`;
const clientCode = (c: Client, n: number): string => `li s0, ${UTCB + n * 0x1_0000}; li s1, 1
  again: ${tag(c.words, 5 + n)}; sd s1, 0x40(s0); sd a0, 0x48(s0); li a7, ${IPC}; li a0, 7; li a1, ${20 + n}; li a2, ${c.timeout}; ecall
  ld t1, 0x40(s0); add s1, s1, t1; addi s1, s1, 1; li t2, ${c.spin}; beqz t2, again; spin: addi t2, t2, -1; bnez t2, spin; j again`;
const serverCode = (client: Client, only: boolean): string => `li s0, ${UTCB + 0x10_0000}; li a0, 2
  again: li a7, ${IPC}; li a1, ${only ? 20 : 0}; li a2, ${client.timeout}; ecall
  ${tag(client.words, 9)}; ld t1, 0x40(s0); slli t1, t1, 1; add t1, t1, a1; sd t1, 0x40(s0); li t2, ${client.spin}; beqz t2, done
  spin: addi t2, t2, -1; bnez t2, spin
  done: li a0, 10; j again`;

/** Plays the plan; answers every record, and what is left at the end. */
function play(plan: Plan, fastpath: boolean): { records: number[]; cycles: number; counters: string; sums: string[] } {
  const records: number[] = [], sums: string[] = [];
  const real = bootReal(function* (sys) {
    yield* world(sys, plan, sums);
    real.machine.stop();
    yield* sys.receive();
  }, { fastpath, harts: 2, trace: { drain: bytes => { records.push(...bytes); }, name: () => {} } });
  real.machine.run({ maxCycles: 1e8 });
  real.kernel.trace.flush();
  expect(audit(real.kernel)).toEqual([]);
  expect(sums.length).toBeGreaterThan(0);
  return { records, cycles: real.machine.now, counters: JSON.stringify(real.kernel.counters), sums };
}

function* world(sys: Syscalls, plan: Plan, sums: string[]): Sys<void> {
  const server = yield* makeUser(sys, 256, serverCode(plan.server,
    plan.onlyFrom), { utcb: UTCB + 0x10_0000, priority: plan.server.priority, pa: 0x8010_0000 }),
    users: User[] = [server];
  if (plan.server.budget > 0)
    yield* sys.must(server.context, Ops.schedContext.set, [plan.server.priority, plan.server.budget, plan.server.budget * 3]);
  if (plan.server.budget < 0) yield* sys.must(server.thread, Ops.thread.bind, [0]); // runs on its callers' time
  for (const [i, client] of plan.clients.entries()) {
    const user = yield* makeUser(sys, 300
      + 20 * i, clientCode(client, i), { utcb: UTCB + i * 0x1_0000, priority: client.priority, pa: 0x8010_1000 + 4096 * i });
    if (client.budget > 0) yield* sys.must(user.context, Ops.schedContext.set, [client.priority, client.budget, client.budget * 2]);
    yield* sys.must(Initial.factory, Ops.factory.createPortal, [500 + i, server.thread, 1000 + i, 0]);
    yield* sys.must(user.task, Ops.task.map, [0, capPage(500 + i), 20 + i, 0]);
    if (i === 0) yield* sys.must(server.task, Ops.task.map, [0, capPage(500), 20, 0]);
    users.push(user);
  }
  for (const user of users) yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, 0]);
  for (const [i, what] of plan.meddle.entries()) {
    const user = users[i % users.length]!;
    const request = yield* sys.receive(0, 7_000 + 1_234 * i);
    if (request.status === 0) yield* sys.reply({});
    if (what === 'recall') yield* sys.must(user.thread, Ops.thread.recall);
    if (what === 'cancel') yield* sys.must(user.thread, Ops.thread.cancel);
    if (what === 'set') yield* sys.must(user.context, Ops.schedContext.set, [30 + 10 * (i % 4), 0, 0]);
  }
  for (const user of users) {
    yield* sys.must(user.thread, Ops.thread.info);
    sums.push(`${sys.utcb.word(0)} ${sys.utcb.word(1)}`);
  }
}

const client: fc.Arbitrary<Client> = fc.record({
  words: fc.constantFrom(1, 2, 2, 7, 64), timeout: fc.constantFrom(-1, -1, -1, 20_000), priority: fc.constantFrom(40, 50, 50, 60),
  budget: fc.constantFrom(0, 0, 0, 5000, 20_000, -1), spin: fc.constantFrom(0, 0, 3, 200),
});
const plans: fc.Arbitrary<Plan> = fc.record({
  clients: fc.array(client, { minLength: 1, maxLength: 3 }), server: client, onlyFrom: fc.boolean(),
  meddle: fc.array(fc.constantFrom('recall' as const, 'cancel' as const, 'set' as const, 'wait' as const),
    { minLength: 3, maxLength: 12 }),
});

describe('the fast path of IPC', () => {
  it('does what the general path does: the same records, cycles and counts', () => {
    fc.assert(fc.property(plans, p => { expect(play(p, true)).toEqual(play(p, false)); }), { numRuns: Number(process.env['RUNS'] ?? 40) });
  });
  it('is taken, with a server of higher priority, of lower, and without a context', () => {
    const settled = vi.spyOn(Kernel.prototype, 'settle');
    for (const [priority, budget] of [[60, 0], [40, 0], [40, -1]] as const) {
      const plain: Client = { words: 2, timeout: -1, priority: 50, budget: 0, spin: 0 },
        plan: Plan = { clients: [plain], server: { ...plain, priority, budget }, onlyFrom: false, meddle: ['wait', 'wait', 'wait'] };
      settled.mockClear();
      const { counters } = play(plan, true);
      expect((JSON.parse(counters) as { ipc: number }).ipc).toBeGreaterThan(30);
      expect(settled.mock.calls.length).toBeLessThan(60);
    }
    settled.mockRestore();
  });
});
