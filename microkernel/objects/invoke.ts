/**
 * Operations of kernel objects: a message to an object's capability, with the operation as label and its operands as words
 * (abi/operations.ts). Each row says which right it needs; the handler decodes everything before it changes anything.
 */
import { Kind, Status, type Utcb } from '../abi/index.ts';
import type { Cap } from './cap.ts';
import { COSTS } from '../costs.ts';
import type { Core } from '../core.ts';
import type { Body, Thread } from './thread.ts';
import { endWait, setTimeout } from '../sched/wait.ts';
import { factoryOps } from './factory.ts';
import { contextOps } from './sched-context.ts';
import { BLOCKED, type Row } from './operation.ts';
import { semaphoreOps } from './semaphore.ts';
import { taskOps } from './task.ts';
import { threadOps } from './thread.ts';

/** By object kind (label >> 8), then operation (label & 255). */
export const OPERATIONS: readonly (readonly Row[])[] = [[], factoryOps, taskOps, threadOps, semaphoreOps, contextOps];

export function invoke(k: Core, t: Thread, cap: Cap, timeout: number, body: Body | undefined): void {
  const u = t.utcb!, label = u.u32[1], kind = cap.object.kind, row = OPERATIONS[label >>> 8]?.[label & 255], first = u.word(0);
  k.charge(COSTS.invoke);
  let status: Status | typeof BLOCKED;
  if (!row) status = Status.badOp;
  else if (label >>> 8 !== kind) status = Status.badKind;
  else if ((cap.rights & row.right) === 0) status = Status.badRights;
  else status = run(row, k, t, cap, u, body);
  const traced = status === BLOCKED ? Status.ok : status;
  k.trace.record(t.cpu.hart.cycles, Kind.invoke, t.cpu.id, traced, t.id, cap.object.id, 0, label, 0, first);
  if (status !== BLOCKED) t.status = status;
  else if (timeout > 0) setTimeout(k, t, timeout);
  else endWait(k, t, Status.timeout);
}

/** The answer has no words unless the handler sets some. */
function run(row: Row, k: Core, caller: Thread, cap: Cap, u: Utcb, body: Body | undefined): Status | typeof BLOCKED {
  const status = row.run({ k, caller, cap, u, body });
  if (u.u32[1] !== 0 && status !== BLOCKED) u.setTag(0, 0); // the label is still the operation's: no answer was written
  return status;
}
