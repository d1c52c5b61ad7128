/**
 * TypeScript server threads: generators that make the same system calls as RISC-V code. They run in virtual time, atomically between
 * two `yield`s. What they throw ends them, never the kernel.
 */
import { Cause, MemoryFault, Status, Syscalls, type IpcRequest, type Sys } from '../abi/index.ts';
import { COSTS } from '../costs.ts';
import { ipc } from '../ipc/ipc.ts';
import type { Core } from '../core.ts';
import { raise } from '../ipc/event.ts';
import type { Thread } from '../objects/thread.ts';
import { ThreadState } from '../sched/states.ts';
import type { Cpu } from '../sched/cpu.ts';
import { activate } from './resume.ts';
import { killThread } from '../objects/thread.ts';

/** Runs the thread to its next system call, and does that. */
export function step(k: Core, cpu: Cpu, t: Thread): void {
  activate(k, cpu, t.task);
  const request = body(k, t);
  if (request) perform(k, cpu, t, request);
}

/** Runs the body to its next system call. undefined: there is none, the thread has ended or come to grief. */
export function body(k: Core, t: Thread): IpcRequest | undefined {
  let request: IpcRequest | void;
  try {
    t.running ??= t.body!(t.sys ??= newSys(k, t));
    const result = t.handler && t.status === Status.ok ? handle(t, t.running, t.handler) : t.running.next(t.status);
    if (result.done) { killThread(k, t); return undefined; }
    request = result.value;
  } catch (e) {
    crashed(k, t, e);
    return undefined;
  }
  if (t.state !== ThreadState.ready) return undefined; // killed itself through the kernel's own doors
  if (isRequest(request)) return request;
  crashed(k, t, new TypeError('yielded something that is not a system call'));
  return undefined;
}

/** A message for a thread that serves: its handler, and only if that does not answer, the body. */
function handle(t: Thread, running: Sys<void>, handler: () => boolean): IteratorResult<IpcRequest, void> {
  try {
    if (handler()) return t.again ??= { done: false, value: t.sys!.request };
  } catch (e) {
    return running.throw(e);
  }
  return running.next(Status.ok);
}

/** The system call that a body has asked for. */
export function perform(k: Core, cpu: Cpu, t: Thread, request: IpcRequest): void {
  k.counters.kernelEntries++;
  cpu.hart.charge(COSTS.entry + COSTS.exit);
  t.handler = request.handler;
  ipc(k, t, request.flags, request.cap, request.sendTimeout, request.receiveTimeout, request.body);
  k.settle();
}

const isRequest = (r: IpcRequest | void): r is IpcRequest => typeof r === 'object' && r !== null && typeof r.flags === 'number';

function newSys(k: Core, t: Thread): Syscalls {
  return new Syscalls({
    utcb: t.utcb!,
    memory: t.task.memory(k),
    now: () => t.cpu.hart.cycles,
    show: look => { t.look = look; },
    charge: cycles => t.cpu.hart.charge(Math.max(0, Math.floor(cycles)) || 0),
  });
}

/**
 * An exception came out of the body, so the generator is over. A page fault that nobody caught is the thread's page-fault event, if
 * it has a portal for it; the thread cannot go on after it, whatever the reply says.
 */
function crashed(k: Core, t: Thread, e: unknown): void {
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
