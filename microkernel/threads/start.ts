/** How a thread begins. */
import { Status } from '../abi/index.ts';
import type { Kernel } from '../kernel.ts';
import { wantsStartup } from '../events/event.ts';
import { ThreadState, type Thread } from '../obj/thread.ts';
import { makeReady } from '../sched/scheduler.ts';
import { registersOf, setPc } from '../state/user.ts';

/** Thread.start: ready at `pc` with `sp` and a0 = `arg`, as 64-bit values. busy: it has begun already. */
export function startThread(k: Kernel, t: Thread, pc: bigint, sp: bigint, arg: bigint): Status {
  if (t.state !== ThreadState.inactive && t.state !== ThreadState.stopped) return t.state === ThreadState.dead ? Status.dead : Status.busy;
  if (!t.body) {
    const x = registersOf(t);
    setWide(x, 2, sp);
    setWide(x, 10, arg);
    setPc(t, Number(BigInt.asIntN(32, pc)), Number(BigInt.asIntN(32, pc >> 32n)));
    t.inSyscall = false;
    t.starting = wantsStartup(t);
  } else if (t.running) return Status.busy;
  t.status = Status.ok;
  makeReady(k, t);
  return Status.ok;
}

function setWide(x: Int32Array, register: number, value: bigint): void {
  x[2 * register] = Number(BigInt.asIntN(32, value));
  x[2 * register + 1] = Number(BigInt.asIntN(32, value >> 32n));
}

/** A TypeScript server that has no context of its own, and never ran, begins when somebody calls it: on the caller's time. */
export function beginDonated(k: Kernel, t: Thread): void {
  if (t.body && !t.context && t.state === ThreadState.inactive) makeReady(k, t);
}
