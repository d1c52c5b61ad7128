/** The audit of threads and time: waiting threads are registered with their partners, and no usable scheduling context is lost. */
import type { Kernel } from '../kernel.ts';
import type { Factory } from '../objects/factory.ts';
import { SchedContext } from '../objects/sched-context.ts';
import type { Thread } from '../objects/thread.ts';
import { ThreadState, ContextState } from '../objects/object.ts';
import { endOfChain } from '../sched/place.ts';

export function auditThreads(k: Kernel, factories: readonly Factory[]): string[] {
  const wrong: string[] = [];
  for (const task of k.tasks) for (const thread of task.threads) auditWait(thread, wrong);
  for (const factory of factories) {
    const up = factory.factory;
    if (up && (factory.highest > up.highest || (factory.harts & ~up.harts) !== 0))
      wrong.push(`factory ${factory.id}: more authority than factory ${up.id}`);
    for (const object of factory.objects) if (object instanceof SchedContext) auditContext(object, wrong);
  }
  for (const cpu of k.cpus) {
    if (cpu.current && (cpu.current.place !== ContextState.current || cpu.current.cpu !== cpu))
      wrong.push(`hart ${cpu.id}: its context ${cpu.current.id} is elsewhere`);
    for (const thread of [cpu.running, cpu.owner, cpu.vsOwner])
      if (thread && (thread.dead || thread.state === ThreadState.dead)) wrong.push(`hart ${cpu.id}: thread ${thread.id} is dead`);
  }
  return wrong;
}

function auditWait(thread: Thread, wrong: string[]): void {
  const say = (what: string): void => { wrong.push(`thread ${thread.id} (state ${thread.state}): ${what}`); };
  switch (thread.state) {
    case ThreadState.sending:
      if (!thread.partner || thread.inQueue !== thread.partner.senders) say('not in its partner\'s queue');
      break;
    case ThreadState.calling:
      if (thread.partner ? thread.partner.currentCaller !== thread : thread.keptReply?.caller !== thread) say('nobody has its reply');
      break;
    case ThreadState.semaphore:
      if (!thread.waitingAt || thread.inQueue !== thread.waitingAt.waiters) say('not in the semaphore\'s queue');
      break;
    default:
      if (thread.inQueue || thread.partner || thread.waitingAt || thread.keptReply) say('does not wait, but something holds it');
  }
  if (!thread.factory!.allows(thread.cpu)) say(`hart ${thread.cpu.id} is not its factory's`);
  if (thread.context && thread.context.priority > thread.factory!.highest)
    say(`priority ${thread.context.priority}, its factory reaches ${thread.factory!.highest}`);
  if (thread.state === ThreadState.receiving && thread.senders.first && !thread.onlyFrom) say('receives, but somebody waits to send');
  if (thread.heapIndex >= 0 && (thread.state < ThreadState.receiving || thread.state > ThreadState.semaphore))
    say('has a time-out but does not wait');
  if (thread.currentCaller && thread.currentCaller.partner !== thread) say('its caller waits for somebody else');
  if (thread.visiting && (thread.event >= 0 || thread.visiting === thread.task || thread.visiting.guest !== thread.guest))
    say('visits a task where it should not');
  if (thread.context && thread.context.thread !== thread) say('its context is another\'s');
}

function auditContext(context: SchedContext, wrong: string[]): void {
  const say = (what: string): void => { wrong.push(`context ${context.id} (place ${context.place}): ${what}`); };
  if (context.priority > context.factory!.highest) say(`priority ${context.priority}, its factory reaches ${context.factory!.highest}`);
  if (!context.thread) { if (context.place !== ContextState.nowhere) say('has no thread'); return; }
  if (context.thread.context !== context) say('its thread has another');
  const end = endOfChain(context.thread), runs = context.place === ContextState.queue || context.place === ContextState.current;
  if (end.state === ThreadState.ready && !runs && context.place !== ContextState.depleted)
    say(`could run thread ${end.id}`);
  if (end.state === ThreadState.ready && runs && context.cpu !== end.cpu && !context.cpu!.reschedule)
    say(`is on hart ${context.cpu?.id}, thread ${end.id} on hart ${end.cpu.id}`);
  if (context.place === ContextState.blocked && context.behind !== end && end.state !== ThreadState.ready)
    say(`waits behind thread ${context.behind?.id}, not ${end.id}`);
}
