/** The audit of threads and time: waiting threads are registered with their partners, and no usable scheduling context is lost. */
import type { Kernel } from '../kernel.ts';
import type { Factory } from '../objects/factory.ts';
import { SchedContext } from '../objects/sched-context.ts';
import type { Thread } from '../objects/thread.ts';
import { ThreadState, ContextState } from '../objects/object.ts';
import { endOfChain } from '../sched/place.ts';

export function auditThreads(k: Kernel, factories: readonly Factory[]): string[] {
  const wrong: string[] = [];
  for (const task of k.tasks) for (const t of task.threads) auditWait(t, wrong);
  for (const f of factories) {
    const up = f.factory;
    if (up && (f.highest > up.highest || (f.harts & ~up.harts) !== 0)) wrong.push(`factory ${f.id}: more authority than factory ${up.id}`);
    for (const o of f.objects) if (o instanceof SchedContext) auditContext(o, wrong);
  }
  for (const cpu of k.cpus) {
    if (cpu.current && (cpu.current.place !== ContextState.current || cpu.current.cpu !== cpu))
      wrong.push(`hart ${cpu.id}: its context ${cpu.current.id} is elsewhere`);
    for (const t of [cpu.running, cpu.owner, cpu.vsOwner])
      if (t && (t.dead || t.state === ThreadState.dead)) wrong.push(`hart ${cpu.id}: thread ${t.id} is dead`);
  }
  return wrong;
}

function auditWait(t: Thread, wrong: string[]): void {
  const say = (what: string): void => { wrong.push(`thread ${t.id} (state ${t.state}): ${what}`); };
  switch (t.state) {
    case ThreadState.sending: if (!t.partner || t.inQueue !== t.partner.senders) say('not in its partner\'s queue'); break;
    case ThreadState.calling: if (t.partner ? t.partner.currentCaller !== t : t.keptReply?.caller !== t) say('nobody has its reply'); break;
    case ThreadState.semaphore: if (!t.waitingAt || t.inQueue !== t.waitingAt.waiters) say('not in the semaphore\'s queue'); break;
    default: if (t.inQueue || t.partner || t.waitingAt || t.keptReply) say('does not wait, but something holds it');
  }
  if (!t.factory!.allows(t.cpu)) say(`hart ${t.cpu.id} is not its factory's`);
  if (t.context && t.context.priority > t.factory!.highest)
    say(`priority ${t.context.priority}, its factory reaches ${t.factory!.highest}`);
  if (t.state === ThreadState.receiving && t.senders.first && !t.onlyFrom) say('receives, but somebody waits to send');
  if (t.heapIndex >= 0 && (t.state < ThreadState.receiving || t.state > ThreadState.semaphore)) say('has a time-out but does not wait');
  if (t.currentCaller && t.currentCaller.partner !== t) say('its caller waits for somebody else');
  if (t.visiting && (t.event >= 0 || t.visiting === t.task || t.visiting.guest !== t.guest)) say('visits a task where it should not');
  if (t.context && t.context.thread !== t) say('its context is another\'s');
}

function auditContext(c: SchedContext, wrong: string[]): void {
  const say = (what: string): void => { wrong.push(`context ${c.id} (place ${c.place}): ${what}`); };
  if (c.priority > c.factory!.highest) say(`priority ${c.priority}, its factory reaches ${c.factory!.highest}`);
  if (!c.thread) { if (c.place !== ContextState.nowhere) say('has no thread'); return; }
  if (c.thread.context !== c) say('its thread has another');
  const end = endOfChain(c.thread), runs = c.place === ContextState.queue || c.place === ContextState.current;
  if (end.state === ThreadState.ready && !runs && c.place !== ContextState.depleted)
    say(`could run thread ${end.id}`);
  if (end.state === ThreadState.ready && runs && c.cpu !== end.cpu && !c.cpu!.reschedule)
    say(`is on hart ${c.cpu?.id}, thread ${end.id} on hart ${end.cpu.id}`);
  if (c.place === ContextState.blocked && c.behind !== end && end.state !== ThreadState.ready)
    say(`waits behind thread ${c.behind?.id}, not ${end.id}`);
}
