/**
 * TypeScript server threads: generators that make the same system calls as RISC-V code. They run in virtual time, atomically between
 * two `yield`s. What they throw ends them, never the kernel.
 */
import { Cause, MemoryFault, Syscalls, type IpcRequest } from '../abi/index.ts';
import { COSTS } from '../costs.ts';
import { ipc } from '../ipc/ipc.ts';
import type { Kernel } from '../kernel.ts';
import { raise } from '../events/event.ts';
import { ThreadState, type Thread } from '../obj/thread.ts';
import type { Cpu } from '../sched/cpu.ts';
import { activate } from '../traps/resume.ts';
import { killThread } from './kill.ts';

/** Runs the thread to its next system call, and does that. */
export function step(k: Kernel, cpu: Cpu, t: Thread): void {
  activate(k, cpu, t.task);
  let request: IpcRequest | void;
  try {
    t.running ??= t.body!(t.sys ??= newSys(k, t));
    const result = t.running.next(t.status);
    if (result.done) return killThread(k, t);
    request = result.value;
  } catch (e) {
    return crashed(k, t, e);
  }
  if (t.state !== ThreadState.ready) return; // killed itself through the kernel's own doors
  k.counters.kernelEntries++;
  cpu.hart.charge(COSTS.entry + COSTS.exit);
  if (!isRequest(request)) return crashed(k, t, new TypeError('yielded something that is not a system call'));
  ipc(k, t, request.flags, request.cap, request.sendTimeout, request.receiveTimeout, request.body);
  k.settle();
}

const isRequest = (r: IpcRequest | void): r is IpcRequest => typeof r === 'object' && r !== null && typeof r.flags === 'number';

function newSys(k: Kernel, t: Thread): Syscalls {
  return new Syscalls({
    utcb: t.utcb!,
    memory: k.memoryOf(t.task),
    now: () => t.cpu.hart.cycles,
    charge: cycles => t.cpu.hart.charge(Math.max(0, Math.floor(cycles)) || 0),
  });
}

/**
 * An exception came out of the body, so the generator is over. A page fault that nobody caught is the thread's page-fault event, if
 * it has a portal for it; the thread cannot go on after it, whatever the reply says.
 */
function crashed(k: Kernel, t: Thread, e: unknown): void {
  k.crashes++;
  k.log(`thread ${t.id} died: ${e instanceof Error ? e.stack ?? `${e.name}: ${e.message}` : String(e)}`);
  if (!(e instanceof MemoryFault) || !t.events[Cause.pageFault]) { killThread(k, t); return k.settle(); }
  t.running = undefined;
  t.exit[0] = { read: 13, write: 15, execute: 12 }[e.access];
  t.exit[1] = e.address;
  t.exit[2] = t.exit[3] = 0;
  t.running = over();
  raise(k, t, Cause.pageFault);
}
function* over(): Generator<never, void, number> { /* ends at once */ }
