/**
 * Operations of kernel objects: a message to an object's capability, with the operation as label and its operands as words
 * (abi/operations.ts). Each row says which right it needs; the handler decodes everything before it changes anything.
 */
import { CapRight, Kind, Ops, Status, type Operation } from '../abi/index.ts';
import type { Cap } from './cap.ts';
import { COSTS } from '../costs.ts';
import type { Core } from '../core.ts';
import type { Body, Thread } from './thread.ts';
import { endWait, setTimeout } from '../sched/wait.ts';
import { factory } from './factory.ts';
import type { KernelObject } from './object.ts';
import { schedContext } from './sched-context.ts';
import { BLOCKED, type Handler } from './operation.ts';
import { semaphore } from './semaphore.ts';
import { task } from './task.ts';
import { thread } from './thread.ts';

interface Row { readonly right: number; readonly run: Handler<KernelObject> }
/** By object kind (label >> 8), then operation (label & 255): what the ABI says, and who does it. */
const rows: Row[][] = [];
const handlers: Record<keyof typeof Ops, object> = { factory, task, thread, semaphore, schedContext };
for (const [kind, operations] of Object.entries(Ops)) for (const [name, { label, right }] of Object.entries<Operation>(operations)) {
  const run = (handlers[kind as keyof typeof Ops] as Record<string, Handler<KernelObject>>)[name];
  (rows[label >> 8] ??= [])[label & 255] = { right: CapRight[right!], run };
}

export function invoke(k: Core, thread: Thread, cap: Cap, timeout: number, body: Body | undefined): void {
  const utcb = thread.utcb!, label = utcb.u32[1], { object } = cap, row = rows[label >>> 8]?.[label & 255], first = utcb.word(0);
  k.charge(COSTS.invoke);
  let status: Status | typeof BLOCKED;
  if (!row) status = Status.badOp;
  else if (label >>> 8 !== object.kind) status = Status.badKind;
  else if ((cap.rights & row.right) === 0) status = Status.badRights;
  else {
    status = row.run({ k, caller: thread, u: utcb, body }, object);
    if (utcb.u32[1] !== 0 && status !== BLOCKED) utcb.setTag(0, 0); // the label is still the operation's: no answer was written
  }
  const traced = status === BLOCKED ? Status.ok : status;
  k.trace.note(thread.cpu, Kind.invoke, thread.id, object.id, 0, label, 0, first, traced);
  if (status !== BLOCKED) thread.status = status;
  else if (timeout > 0) setTimeout(k, thread, timeout);
  else endWait(k, thread, Status.timeout);
}
