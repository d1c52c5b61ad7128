/** What a factory makes. Order of questions: operands, the slot for the new capability, the quota; then nothing can fail any more. */
import { CapRight, Status, ThreadFlag } from '../abi/index.ts';
import { BYTES, COSTS } from '../costs.ts';
import { Factory } from '../factory.ts';
import { ObjectKind, type KernelObject } from '../object.ts';
import { Portal } from '../obj/portal.ts';
import { SchedContext } from '../obj/sched-context.ts';
import { Semaphore } from '../obj/semaphore.ts';
import { taskBytes, type Task } from '../obj/task.ts';
import { ThreadState, threadBytes, type Thread } from '../obj/thread.ts';
import { answer, control, named, type Invocation, type Row } from './row.ts';

/** Most that budgets and periods may be: about three years of cycles. */
const LONGEST = 2 ** 46;

const factoryOf = (i: Invocation): Factory => i.cap.object as Factory;
const isCount = (v: number, limit: number): boolean => Number.isInteger(v) && v >= 0 && v < limit;

/** May an object of this size be made, and its capability be put where word 0 says? */
function room(i: Invocation, bytes: number): Status {
  const status = i.caller.task.caps.canPut(i.u.word(0));
  if (status !== Status.ok) return status;
  // The slot may come out of the same quota: 'canPut' has counted it alone.
  const slot = i.caller.task.factory === factoryOf(i) ? BYTES.cap + BYTES.capChunk : 0;
  return factoryOf(i).free >= bytes + slot ? Status.ok : Status.noQuota;
}

/** The new object's first capability, with all rights. */
function hand(i: Invocation, object: KernelObject): Status {
  i.k.created(object);
  const status = i.caller.task.caps.canPut(i.u.word(0));
  if (status !== Status.ok) { // what the object itself took has left no room for its capability
    i.k.destroy(object);
    return status;
  }
  i.caller.task.caps.put(i.u.word(0), object, CapRight.all, undefined);
  i.k.charge(COSTS.object);
  return Status.ok;
}

function createTask(i: Invocation): Status {
  const kind = i.u.word(1);
  if (kind !== 0 && kind !== 1) return Status.badArgument;
  const status = room(i, taskBytes(kind === 1));
  if (status !== Status.ok) return status;
  const task = i.k.newTask(factoryOf(i), kind === 1);
  return task ? hand(i, task) : Status.noQuota;
}

function createThread(i: Invocation): Status {
  const { k, u } = i, flags = u.word(2), utcb = u.word(3), hart = u.word(4), cap = named(i, u.word(1), ObjectKind.task, CapRight.control);
  if (typeof cap === 'number') return cap;
  const task = cap.object as Task, guest = (flags & ThreadFlag.guest) !== 0, script = (flags & ThreadFlag.typescript) !== 0;
  const cpu = isCount(hart, k.cpus.length) ? k.cpus[hart] : undefined;
  if (!cpu || !isCount(flags, 8) || guest !== task.guest || (guest && script) || script !== (i.body !== undefined)) return Status.badArgument;
  const mapsUtcb = utcb !== 0 && !script && !guest, withUtcb = script || mapsUtcb;
  if (mapsUtcb) {
    if (!isCount(utcb, task.space.limit) || utcb % 4096 !== 0) return Status.badArgument;
    if (task.space.find(utcb)) return Status.busy;
  } else if (utcb !== 0) return Status.badArgument;
  const bytes = threadBytes(guest, withUtcb), status = room(i, bytes + (mapsUtcb ? BYTES.node + 2 * BYTES.frame : 0));
  if (status !== Status.ok) return status;
  const thread = k.newThread(factoryOf(i), bytes, task, cpu, { guest, alien: (flags & ThreadFlag.alien) !== 0, body: i.body }, withUtcb, mapsUtcb ? utcb : undefined);
  return thread ? hand(i, thread) : Status.noQuota;
}

function createPortal(i: Invocation): Status {
  const cap = named(i, i.u.word(1), ObjectKind.thread, CapRight.control);
  if (typeof cap === 'number') return cap;
  const thread = cap.object as Thread;
  if (thread.state === ThreadState.dead) return Status.dead;
  if (thread.guest || !thread.utcb) return Status.badArgument;
  const status = room(i, BYTES.portal);
  if (status !== Status.ok) return status;
  const at = 0x40 / 4 + 4, portal = new Portal(i.k.newId(), factoryOf(i), thread, i.u.i32[at], i.u.i32[at + 1], i.u.word(3) & 0xffff);
  i.k.trace.name('portal', portal.id, thread.id, `portal ${portal.label}`);
  return hand(i, portal);
}

function createSemaphore(i: Invocation): Status {
  if (!isCount(i.u.word(1), 2 ** 32)) return Status.badArgument;
  const status = room(i, BYTES.semaphore);
  if (status !== Status.ok) return status;
  const semaphore = new Semaphore(i.k.newId(), factoryOf(i), i.u.word(1));
  i.k.trace.name('semaphore', semaphore.id, i.caller.task.id, `semaphore ${semaphore.id}`);
  return hand(i, semaphore);
}

/** Priority below 256; a period is not shorter than its budget. */
export const parametersOk = (priority: number, budget: number, period: number): boolean =>
  isCount(priority, 256) && isCount(budget, LONGEST) && isCount(period, LONGEST) && (period === 0 || (budget > 0 && budget <= period));

function createSchedContext(i: Invocation): Status {
  const priority = i.u.word(1), budget = i.u.word(2), period = i.u.word(3);
  if (!parametersOk(priority, budget, period)) return Status.badArgument;
  const status = room(i, BYTES.schedContext);
  return status === Status.ok ? hand(i, new SchedContext(i.k.newId(), factoryOf(i), priority, budget, period, i.k.cpu.hart.cycles)) : status;
}

function createFactory(i: Invocation): Status {
  const quota = i.u.word(1);
  if (!isCount(quota, 2 ** 40)) return Status.badArgument;
  const status = room(i, BYTES.factory + quota);
  return status === Status.ok ? hand(i, new Factory(i.k.newId(), factoryOf(i), quota)) : status;
}

const account = (i: Invocation): Status => answer(i.u, factoryOf(i).limit, factoryOf(i).used);

/** In the order of the labels, from 0x100. */
export const factoryOps: readonly Row[] = [
  control(createTask), control(createThread), control(createPortal), control(createSemaphore), control(createSchedContext), control(createFactory), control(account),
];
