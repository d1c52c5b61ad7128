/**
 * Semaphore: a counting signal. `up` (right: use) adds one or wakes a waiting thread; `down` (right: control) takes one, or waits. An
 * interrupt is a semaphore whose `up` the hardware does: the line is silent from when it fires to `ack`.
 */
import { Kind, Status } from '../abi/index.ts';
import type { Core } from '../core.ts';
import { BYTES } from '../costs.ts';
import { WaitQueue } from '../sched/queue.ts';
import { ThreadState } from '../sched/states.ts';
import { endWait } from '../sched/wait.ts';
import type { Factory } from './factory.ts';
import { KernelObject, ObjectKind } from './object.ts';
import { BLOCKED, control, use, type Invocation, type Row } from './operation.ts';
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
    k.trace.record(k.cpu.hart.cycles, Kind.wake, k.cpu.id, 0, waiter.id, this.id, cause,
      cause === 0 && k.cpu.running ? k.cpu.running.id : 0, 0, 0);
    waiter.utcb?.setWord(0, 1);
    waiter.utcb?.setTag(0, 1);
    endWait(k, waiter, Status.ok);
  }

  /** True when the count was not zero: then one (or all, `clear`) of it is taken, and how many is word 0 of the answer. */
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
    for (let t = this.waiters.first; t; t = this.waiters.first) endWait(k, t, Status.dead);
    if (this.line > 0) k.interrupts.mask(this.line);
  }
}

const semaphoreOf = (i: Invocation): Semaphore => i.cap.object as Semaphore;

function up(i: Invocation): Status {
  semaphoreOf(i).up(i.k);
  return Status.ok;
}
function down(i: Invocation): Status | typeof BLOCKED {
  const s = semaphoreOf(i), clear = i.u.wordCount > 0 && i.u.word(0) === 1;
  if (s.line > 0) i.k.interrupts.listen(s.line);
  if (s.take(i.caller, clear)) return Status.ok;
  s.enqueue(i.caller);
  return BLOCKED;
}

/** What only an interrupt can do. */
function line(i: Invocation, act: (line: number) => void): Status {
  const s = semaphoreOf(i);
  if (s.line === 0) return Status.badKind;
  act(s.line);
  return Status.ok;
}
const ack = (i: Invocation): Status => line(i, l => i.k.interrupts.ack(l));
const mask = (i: Invocation): Status => line(i, l => i.k.interrupts.mask(l));
function route(i: Invocation): Status {
  const to = i.k.cpus[i.u.word(0)];
  if (!to && semaphoreOf(i).line !== 0) return Status.badArgument;
  return line(i, l => i.k.interrupts.route(l, to.id));
}

/** In the order of the labels, from 0x400. */
export const semaphoreOps: readonly Row[] = [use(up), control(down), control(ack), control(mask), control(route)];
