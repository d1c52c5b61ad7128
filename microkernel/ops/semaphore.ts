/** Operations of semaphores and interrupts. Signalling needs the right to use, waiting the right to control. */
import { Status } from '../abi/index.ts';
import type { Semaphore } from '../obj/semaphore.ts';
import { BLOCKED, control, use, type Invocation, type Row } from './row.ts';

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
function ack(i: Invocation): Status {
  const s = semaphoreOf(i);
  if (s.line === 0) return Status.badKind;
  i.k.interrupts.ack(s.line);
  return Status.ok;
}

function mask(i: Invocation): Status {
  const { line } = semaphoreOf(i);
  if (line === 0) return Status.badKind;
  i.k.interrupts.mask(line);
  return Status.ok;
}
function route(i: Invocation): Status {
  const { line } = semaphoreOf(i), to = i.k.cpus[i.u.word(0)];
  if (line === 0) return Status.badKind;
  if (!to) return Status.badArgument;
  i.k.interrupts.route(line, to.id);
  return Status.ok;
}

/** In the order of the labels, from 0x400. */
export const semaphoreOps: readonly Row[] = [use(up), control(down), control(ack), control(mask), control(route)];
