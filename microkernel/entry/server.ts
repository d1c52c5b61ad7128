/**
 * TypeScript server threads: generators that make the same system calls as RISC-V code. They run in virtual time, atomically between
 * two `yield`s. An exception ends the thread, never the kernel. A yielded request is copied and checked field by field. The kernel reads
 * objects of a thread only inside `body`, where their exceptions belong to the thread.
 */
import { Cause, MOST_CHARGE, MemoryFault, Status, Utcb, type IpcRequest, type Sys, type ThreadPort } from '../abi/index.ts';
import type { Core } from '../core.ts';
import { COSTS } from '../costs.ts';
import { raise } from '../ipc/event.ts';
import { ipc } from '../ipc/ipc.ts';
import { TaskMemory } from '../mem/task-memory.ts';
import { killThread, type Asked, type Thread } from '../objects/thread.ts';
import type { Cpu } from '../sched/cpu.ts';
import { runOffAtOnce } from '../sched/debt.ts';
import { activate } from './resume.ts';

/** Runs the thread to its next system call and performs it: at once, or when its charged time has passed. */
export function step(k: Core, cpu: Cpu, thread: Thread): void {
  activate(k, cpu, thread.task);
  const asked = thread.calls ? thread.asked : body(k, thread);
  if (asked) askFor(k, cpu, thread, asked);
}

/** Runs the body to its next system call. undefined: there is none, the thread has finished or crashed. */
export function body(k: Core, thread: Thread): Asked | undefined {
  try {
    thread.running ??= thread.body!.run(portOf(k, thread));
    const result = next(thread, thread.running);
    if (result === undefined) return thread.asked;
    if (!result.done) {
      copy(thread.asked!, result.value);
      return thread.asked;
    }
  } catch (error) {
    crashed(k, thread, error);
    return undefined;
  }
  killThread(k, thread);
  return undefined;
}

/** A message for a thread that serves goes to its handler; if that does not answer, to the body. undefined: its last request again. */
function next(thread: Thread, running: Sys<void>): IteratorResult<IpcRequest, void> | undefined {
  const { handler } = thread;
  if (handler === undefined || thread.status !== Status.ok) return running.next(thread.status);
  try {
    if (handler()) return undefined;
  } catch (error) {
    return running.throw(error);
  }
  return running.next(Status.ok);
}

/** Throws for an invalid system call, and for exceptions of its getters. */
function copy(to: Asked, from: IpcRequest): void {
  const { flags, cap, sendTimeout, receiveTimeout, body: run, handler } = from;
  const numbers =
    typeof flags === 'number' && typeof cap === 'number' && typeof sendTimeout === 'number' && typeof receiveTimeout === 'number';
  if (!numbers || (run !== undefined && typeof run !== 'function') || (handler !== undefined && typeof handler !== 'function'))
    throw new TypeError('yielded something that is not a system call');
  to.flags = flags;
  to.cap = cap;
  to.sendTimeout = Math.ceil(sendTimeout);
  to.receiveTimeout = Math.ceil(receiveTimeout);
  to.handler = handler;
  const name: unknown = run?.name;
  to.body = run && { run, name: typeof name === 'string' ? name.slice(0, 64) : '' };
}

/** The system call that a body has asked for: at once where what it has charged can pass at once. */
export function askFor(k: Core, cpu: Cpu, thread: Thread, asked: Asked): void {
  thread.calls = thread.debt > 0 && !runOffAtOnce(cpu, thread);
  if (!thread.calls) perform(k, cpu, thread, asked);
}

function perform(k: Core, cpu: Cpu, thread: Thread, asked: Asked): void {
  k.counters.kernelEntries++;
  cpu.hart.charge(COSTS.entry + COSTS.exit);
  thread.handler = asked.handler;
  ipc(k, thread, asked.flags, asked.cap, asked.sendTimeout, asked.receiveTimeout, asked.body);
  k.settle();
}

/** The door: numbers in and out, copies, and a page of its own. */
function portOf(k: Core, thread: Thread): ThreadPort {
  const { buffer } = thread.utcb!.i32;
  return Object.freeze({
    utcb: new Utcb(buffer, 0),
    memory: new TaskMemory(k.memory, k.bus, thread.task.space, (cycles) => { thread.debt += cycles; }),
    now: () => thread.cpu.hart.cycles + thread.debt,
    charge: (cycles: unknown) => {
      if (typeof cycles !== 'number' || !(cycles >= 0 && thread.debt + cycles <= MOST_CHARGE))
        throw new RangeError(`charges are numbers from 0, together up to ${MOST_CHARGE}`);
      thread.debt += Math.floor(cycles);
    },
  });
}

/**
 * An exception came out of the body, so the generator is over. A page fault that nobody caught is the thread's page-fault event, if
 * it has a portal for it; the thread cannot go on after it, whatever the reply says.
 */
function crashed(k: Core, thread: Thread, error: unknown): void {
  const { text, access, address } = lookAt(error);
  k.crashes++;
  k.log(`thread ${thread.id} died: ${text}`);
  if (access === undefined || !thread.events[Cause.pageFault]) { killThread(k, thread); return k.settle(); }
  thread.running = over();
  raise(k, thread, Cause.pageFault, access, address);
}
function* over(): Generator<never, void, number> { /* ends at once */ }

const ACCESS = new Map([['read', 13], ['write', 15], ['execute', 12]]);
/** The exception as text, and the fault if it is one. Reading it may throw too. */
function lookAt(error: unknown): { text: string; access: number | undefined; address: number } {
  try {
    const fault = error instanceof MemoryFault ? error : undefined;
    const text = String(error instanceof Error ? error.stack ?? `${error.name}: ${error.message}` : error);
    return { text: text.slice(0, 4000), access: fault && ACCESS.get(fault.access), address: Number(fault?.address ?? 0) };
  } catch {
    return { text: 'something that cannot be shown', access: undefined, address: 0 };
  }
}
