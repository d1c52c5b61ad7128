/**
 * `npx tsx bench/kernel.ts`: the cost of the kernel's mechanisms in the model's cycles, next to published figures of real kernels, and in
 * host time. The model's cycles measure the work; the host's nanoseconds (processor time, best of ROUNDS) measure the simulator's speed.
 * `heap` is the growth of the JavaScript heap per operation.
 *
 * Published figures, in cycles of the processor named:
 *   [L4Re]  l4re.org/perf, Cortex-A53 (NXP S32G2, EL1): IPC 562 within a task, 691 between tasks, one way; a system call 230
 *   [seL4]  sel4bench on a Freedom U500 RISC-V core (H. Almatary, 2018): 518 from client to server, 551 back, between tasks
 * No comparable figures for mapping or creation are published; NOVA's papers give x86 figures only in diagrams.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Initial, IPC, IpcFlag, Mtd, Ops, Right, ThreadFlag, capPage, memoryPage, type Sys } from '../microkernel/abi/index.ts';
import type { Syscalls } from '../binding/index.ts';
import { CODE, bootReal, makeUser, type Real, type User } from '../microkernel/testing/real-machine.ts';
import { answerHelp } from '../test/tool.ts';

answerHelp(import.meta.filename);

interface Measurement {
  readonly what: string;
  readonly cycles: number;
  readonly ns: number;
  readonly heap: number;
  readonly published: string;
}
const rows: Measurement[] = [];
const UTCB = 0x2000_0000, CALLS = 200_000, ROUNDS = 3;
const IPC_FIGURES = '[seL4] 518 + 551; [L4Re] 2 × 691';
setFlagsFromString('--expose_gc');
const collect = runInNewContext('gc') as () => void;
/** Bytes of the JavaScript heap that are in use. */
const inUse = (): number => { collect(); return process.memoryUsage().heapUsed; };
const cpuTime = (): number => { const { user, system } = process.cpuUsage(); return (user + system) * 1000; };

/** Runs `n` times `body` in the first thread; cycles and host time of each. */
function* timed(sys: Syscalls, what: string, n: number, published: string, body: () => Sys<void>): Sys<void> {
  yield* body(); // warm
  const used = inUse();
  let best = Infinity, cycles = 0;
  for (let i = 0; i < ROUNDS; i++) {
    const from = sys.now(), host = cpuTime();
    yield* body();
    best = Math.min(best, cpuTime() - host);
    cycles = sys.now() - from;
  }
  rows.push({ what, cycles: cycles / n, ns: best / n, heap: Math.max(0, inUse() - used) / (ROUNDS * n), published });
}

const call = (flags: number): string => `li a7, ${IPC}; li a0, ${flags}; li a2, -1; ecall`;
const client = `li s0, ${UTCB}; li s1, ${CALLS}
  again: li t0, 0x100000002; sd t0, 0(s0); li a1, 9; ${call(7)}; addi s1, s1, -1; bnez s1, again
  li a1, 10; ${call(7)}; li s1, ${CALLS}; j again`;
const server = `li a1, 0; ${call(2)}; again: li a1, 0; ${call(10)}; j again`;

/** Client and server in tasks of their own; the client calls the first thread after each round. */
function* pingPong(sys: Syscalls, priority: number): Sys<void> {
  const first = 256 + priority, user = yield* makeUser(sys, first, server, { utcb: UTCB, priority, pa: 0x8010_1000 });
  const asker = yield* makeUser(sys, first + 100, client, { utcb: UTCB, priority: 50, pa: 0x8010_0000 }), portal = first + 50;
  yield* sys.must(Initial.factory, Ops.factory.createPortal, [portal, user.thread, 1, 0]);
  yield* sys.must(asker.task, Ops.task.map, [0, capPage(portal), 9, 0]);
  yield* sys.must(asker.task, Ops.task.map, [0, capPage(asker.portal), 10, 0]);
  yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, 0]);
  yield* sys.must(asker.thread, Ops.thread.start, [CODE, 0, 0]);
  yield* sys.receive();
  yield* timed(sys, `call and reply, RISC-V tasks, server of ${priority > 50 ? 'higher' : 'lower'} priority`, CALLS, IPC_FIGURES,
    function* () { yield sys.ipc(IpcFlag.reply | IpcFlag.receive, 0); });
  for (const each of [asker, user]) yield* drop(sys, each);
}
function* drop(sys: Syscalls, u: User): Sys<void> {
  for (const cap of [u.thread, u.context, u.portal, u.task]) yield* sys.must(Initial.task, Ops.task.unmap, [capPage(cap), 1]);
}

function* events(sys: Syscalls): Sys<void> {
  const user = yield* makeUser(sys, 512, 'again: li a7, 172; ecall; j again', { flags: ThreadFlag.alien, mtd: Mtd.args });
  yield* sys.must(user.thread, Ops.thread.start, [CODE, 0, 0]);
  yield* sys.receive();
  yield* timed(sys, 'system call of a hosted process: event and reply, 8 registers each way', CALLS, '', function* () {
    for (let i = 0; i < CALLS; i++) { sys.utcb.setTag(0, 0); sys.utcb.mtd = Mtd.args; yield sys.ipc(IpcFlag.reply | IpcFlag.receive, 0); }
  });
  yield* drop(sys, user);
}

function* memory(sys: Syscalls): Sys<void> {
  const task = 600,
    unmap = (order: number, base = 0x8080_0000): Sys<number> => sys.invoke(Initial.task, Ops.task.unmap, [memoryPage(base, order, 0), 0]);
  yield* sys.must(Initial.factory, Ops.factory.createTask, [task, 0]);
  yield* sys.must(task, Ops.task.map, [0, memoryPage(0x80c0_0000, 12, Right.R), 0x4000_1000, 0]); // the tables stay
  yield* timed(sys, 'map and unmap a page', 20_000, '', function* () {
    for (let i = 0; i < 20_000; i++) {
      yield* sys.invoke(task, Ops.task.map, [0, memoryPage(0x8080_0000, 12, Right.RW), 0x4000_0000, 0]);
      yield* unmap(12);
    }
  });
  yield* timed(sys, 'map and unmap 512 pages in one operation, a page', 512 * 50, '', function* () {
    for (let i = 0; i
      < 50; i++) { yield* sys.invoke(task, Ops.task.map, [0, memoryPage(0x8080_0000, 21, Right.RW), 0x4000_3000, 0]); yield* unmap(21); }
  });
  yield* timed(sys, 'map and unmap 2 MiB', 20_000, '', function* () {
    for (let i = 0; i < 20_000; i++) {
      yield* sys.invoke(task, Ops.task.map, [0, memoryPage(0x8080_0000, 21, Right.RW), 0x4020_0000, 0]);
      yield* unmap(21);
    }
  });
}

function* objects(sys: Syscalls): Sys<void> {
  const make = function* (what: string, n: number, create: () => Sys<void>): Sys<void> {
    yield* timed(sys, `create and destroy a ${what}`, n, '', function* () {
      for (let i = 0; i < n; i++) { yield* create(); yield* sys.must(Initial.task, Ops.task.unmap, [capPage(700), 1]); }
    });
  };
  yield* make('semaphore', 20_000, () => sys.must(Initial.factory, Ops.factory.createSemaphore, [700, 0]));
  yield* make('task', 5000, () => sys.must(Initial.factory, Ops.factory.createTask, [700, 0]));
  yield* make('thread', 5000, () => sys.must(Initial.factory, Ops.factory.createThread, [700, Initial.task, ThreadFlag.alien, 0, 0]));
  yield* sys.invoke(Initial.factory, Ops.factory.createSemaphore, [701, 0]);
  yield* timed(sys, 'operation of an object (semaphore up)', CALLS, '[L4Re] 230', function* () {
    for (let i = 0; i < CALLS; i++) { sys.utcb.setTag(Ops.semaphore.up.label, 0); yield sys.ipc(7, 701); }
  });
}

/** Two threads of one task wake each other: a context switch each, through semaphores. */
function* switches(sys: Syscalls): Sys<void> {
  const up = (cap: number): string => `li t0, ${Ops.semaphore.up.label * 2 ** 32}; sd t0, 0(s0); li a1, ${cap}; ${call(7)}`,
    down = (cap: number): string => `li t0, ${Ops.semaphore.down.label * 2 ** 32}; sd t0, 0(s0); li a1, ${cap}; ${call(7)}`;
  const user = yield* makeUser(sys, 800,
    `li s0, ${UTCB}; li s1, ${CALLS}; again: ${up(20)}; ${down(21)}; addi s1, s1, -1; bnez s1, again; li a1, 10; li t0, 0; sd t0, 0(s0); `
      + `${call(7)}; li s1, ${CALLS}; j again`,
    { utcb: UTCB, priority: 50, pa: 0x8010_2000 });
  const other = yield* makeUser(sys, 850, `li s0, ${UTCB}; again: ${down(20)}; ${up(21)}; j again`,
    { utcb: UTCB, priority: 50, pa: 0x8010_3000 });
  for (const [i, cap] of [900, 901].entries()) {
    yield* sys.must(Initial.factory, Ops.factory.createSemaphore, [cap, 0]);
    for (const { task } of [user, other]) yield* sys.must(task, Ops.task.map, [0, capPage(cap), 20 + i, 0]);
  }
  yield* sys.must(user.task, Ops.task.map, [0, capPage(user.portal), 10, 0]);
  for (const { thread } of [other, user]) yield* sys.must(thread, Ops.thread.start, [CODE, 0, 0]);
  yield* sys.receive();
  yield* timed(sys, 'signal, and switch to who waits for it, between tasks', 2 * CALLS, '',
    function* () { yield sys.ipc(IpcFlag.reply | IpcFlag.receive, 0); });
  for (const each of [user, other]) yield* drop(sys, each);
}

function* all(sys: Syscalls, real: Real): Sys<void> {
  yield* pingPong(sys, 60);
  yield* pingPong(sys, 40);
  yield* switches(sys);
  yield* events(sys);
  yield* memory(sys);
  yield* objects(sys);
  real.machine.stop();
  yield* sys.receive();
}

const real: Real = bootReal(function* (sys) { yield* all(sys, real); }, { bytes: 64 * 2 ** 20 });
const reason = real.machine.run();
if (reason.kind !== 'stopped' || real.lines.length > 0) console.error(reason, real.lines);
console.log('| | cycles (model) | published, cycles | host ns | per second | heap bytes |\n|---|--:|---|--:|--:|--:|');
for (const r of rows)
  console.log(`| ${r.what} | ${Math.round(r.cycles).toLocaleString('en')} | ${r.published} | ${Math.round(r.ns).toLocaleString('en')} | `
    + `${Math.round(1e9 / r.ns).toLocaleString('en')} | ${r.heap.toFixed(1)} |`);
