/** The end of a thread: whatever it was doing, and whoever waits for it. Its object stays, dead, until its capabilities are gone. */
import { Kind, Status } from '../abi/index.ts';
import type { Kernel } from '../kernel.ts';
import { ThreadState, type Thread } from '../obj/thread.ts';
import { account, detach, endOfChain, preempt, releaseHelpers } from '../sched/scheduler.ts';
import { shareWith } from '../state/guest.ts';
import { endWait, leave } from '../sched/wait.ts';

export function killThread(k: Kernel, t: Thread): void {
  if (t.state === ThreadState.dead) return;
  const { cpu } = t, end = t.partner ? endOfChain(t) : undefined;
  leave(k, t);
  t.state = ThreadState.dead;
  if (end) releaseHelpers(k, end);
  if (t.context) {
    detach(k, t.context);
    t.context.thread = undefined;
    t.context = undefined;
  }
  const caller = t.currentCaller;
  if (caller) endWait(k, caller, Status.dead);
  for (let s = t.senders.first; s; s = t.senders.first) endWait(k, s, Status.dead);
  releaseHelpers(k, t);
  if (cpu.running === t) { account(cpu); cpu.running = undefined; preempt(k, cpu); }
  if (cpu.owner === t) cpu.owner = undefined;
  if (cpu.vsOwner === t) { shareWith(cpu, false); cpu.vsOwner = undefined; }
  t.running = undefined;
  k.trace.record(k.cpu.hart.cycles, Kind.destroy, cpu.id, 0, k.cpu.running ? k.cpu.running.id : 0, t.id, 0, t.kind, 0, 0);
}
