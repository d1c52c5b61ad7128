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
export function step(k: Core, cpu: Cpu, t: Thread): void {
  activate(k, cpu, t.task);
  const asked = t.calls ? t.asked : body(k, t);
  if (asked) askFor(k, cpu, t, asked);
}

/** Runs the body to its next system call. undefined: there is none, the thread has finished or crashed. */
export function body(k: Core, t: Thread): Asked | undefined {
  try {
    t.running ??= t.body!.run(portOf(k, t));
    const result = next(t, t.running);
    if (result === undefined) return t.asked;
    if (!result.done) {
      copy(t.asked!, result.value);
      return t.asked;
    }
  } catch (e) {
    crashed(k, t, e);
    return undefined;
  }
  killThread(k, t);
  return undefined;
}

/** A message for a thread that serves goes to its handler; if that does not answer, to the body. undefined: its last request again. */
function next(t: Thread, running: Sys<void>): IteratorResult<IpcRequest, void> | undefined {
  const { handler } = t;
  if (handler === undefined || t.status !== Status.ok) return running.next(t.status);
  try {
    if (handler()) return undefined;
  } catch (e) {
    return running.throw(e);
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
export function askFor(k: Core, cpu: Cpu, t: Thread, asked: Asked): void {
  t.calls = t.debt > 0 && !runOffAtOnce(cpu, t);
  if (!t.calls) perform(k, cpu, t, asked);
}

function perform(k: Core, cpu: Cpu, t: Thread, asked: Asked): void {
  k.counters.kernelEntries++;
  cpu.hart.charge(COSTS.entry + COSTS.exit);
  t.handler = asked.handler;
  ipc(k, t, asked.flags, asked.cap, asked.sendTimeout, asked.receiveTimeout, asked.body);
  k.settle();
}

/** The door: numbers in and out, copies, and a page of its own. */
function portOf(k: Core, t: Thread): ThreadPort {
  const { buffer } = t.utcb!.i32;
  return Object.freeze({
    utcb: new Utcb(buffer, 0),
    memory: new TaskMemory(k.memory, k.bus, t.task.space, (cycles) => { t.debt += cycles; }),
    now: () => t.cpu.hart.cycles + t.debt,
    charge: (cycles: unknown) => {
      if (typeof cycles !== 'number' || !(cycles >= 0 && t.debt + cycles <= MOST_CHARGE))
        throw new RangeError(`charges are numbers from 0, together up to ${MOST_CHARGE}`);
      t.debt += Math.floor(cycles);
    },
  });
}

/**
 * An exception came out of the body, so the generator is over. A page fault that nobody caught is the thread's page-fault event, if
 * it has a portal for it; the thread cannot go on after it, whatever the reply says.
 */
function crashed(k: Core, t: Thread, e: unknown): void {
  const { text, access, address } = lookAt(e);
  k.crashes++;
  k.log(`thread ${t.id} died: ${text}`);
  if (access === undefined || !t.events[Cause.pageFault]) { killThread(k, t); return k.settle(); }
  t.running = over();
  raise(k, t, Cause.pageFault, access, address);
}
function* over(): Generator<never, void, number> { /* ends at once */ }

const ACCESS = new Map([['read', 13], ['write', 15], ['execute', 12]]);
/** The exception as text, and the fault if it is one. Reading it may throw too. */
function lookAt(e: unknown): { text: string; access: number | undefined; address: number } {
  try {
    const fault = e instanceof MemoryFault ? ACCESS.get(e.access) : undefined,
      address = Number(fault === undefined ? 0 : (e as MemoryFault).address);
    return { text: String(e instanceof Error ? e.stack ?? `${e.name}: ${e.message}` : e).slice(0, 4000), access: fault, address };
  } catch {
    return { text: 'something that cannot be shown', access: undefined, address: 0 };
  }
}
