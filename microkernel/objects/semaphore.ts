/**
 * Semaphore: a counting signal. `up` (right: use) adds one or wakes a waiting thread; `down` (right: control) takes one, or waits. An
 * interrupt is a semaphore whose `up` the hardware does: the line is silent from when it fires to `ack`.
 */
import { Kind, Status } from '../abi/index.ts';
import type { Core } from '../core.ts';
import { BYTES } from '../costs.ts';
import { WaitQueue } from '../sched/queue.ts';
import { runningOn } from '../sched/cpu.ts';
import { endWait } from '../sched/wait.ts';
import type { Factory } from './factory.ts';
import { KernelObject, ObjectKind, ThreadState } from './object.ts';
import { BLOCKED, type Handlers, type Invocation } from './operation.ts';
import type { Thread } from './thread.ts';

export class Semaphore extends KernelObject {
  readonly kind = ObjectKind.semaphore;
  count: number;
  /** Line of the interrupt controller; 0 = an ordinary semaphore. */
  readonly line: number;
  readonly waiters = new WaitQueue();

  constructor(id: number, factory: Factory, count: number, line = 0) {
    super(id, factory, BYTES.semaphore);
    this.count = count;
    this.line = line;
  }

  /** `cause`: the interrupt's trace record; 0 = a thread signals. */
  up(k: Core, cause = 0): void {
    const waiter = this.waiters.first;
    if (!waiter) { this.count++; return; }
    k.trace.note(k.cpu, Kind.wake, waiter.id, this.id, cause, cause === 0 ? runningOn(k.cpu) : 0);
    waiter.utcb?.setWord(0, 1);
    waiter.utcb?.setTag(0, 1);
    endWait(k, waiter, Status.ok);
  }

  /** True if the count was not zero: takes one (all, with `clear`), and puts the number taken into word 0 of the answer. */
  take(thread: Thread, clear: boolean): boolean {
    if (this.count === 0) return false;
    const n = clear ? this.count : 1;
    this.count -= n;
    thread.utcb?.setWord(0, n);
    thread.utcb?.setTag(0, 1);
    return true;
  }

  /** The thread waits here from now on. */
  enqueue(thread: Thread): void {
    thread.state = ThreadState.semaphore;
    thread.waitingAt = this;
    this.waiters.add(thread);
  }

  override teardown(k: Core): void {
    for (let thread = this.waiters.first; thread; thread = this.waiters.first) endWait(k, thread, Status.dead);
    if (this.line > 0) k.interrupts.mask(this.line);
  }
}

function up(i: Invocation, semaphore: Semaphore): Status {
  semaphore.up(i.k);
  return Status.ok;
}
function down(i: Invocation, semaphore: Semaphore): Status | typeof BLOCKED {
  const clear = i.u.wordCount > 0 && i.u.word(0) === 1;
  if (semaphore.line > 0) i.k.interrupts.listen(semaphore.line);
  if (semaphore.take(i.caller, clear)) return Status.ok;
  semaphore.enqueue(i.caller);
  return BLOCKED;
}

function ack(i: Invocation, { line }: Semaphore): Status {
  if (line === 0) return Status.badKind;
  i.k.interrupts.ack(line);
  return Status.ok;
}
function route(i: Invocation, { line }: Semaphore): Status {
  const to = i.k.cpus[i.u.word(0)];
  if (line === 0) return Status.badKind;
  if (!to) return Status.badArgument;
  i.k.interrupts.route(line, to.id);
  return Status.ok;
}

export const semaphore: Handlers<'semaphore', Semaphore> = { up, down, ack, route };
