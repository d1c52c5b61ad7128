/** Where sender and receiver meet: the receiver waits already, or the sender stands in its queue until it does. */
import { Status } from '../abi/index.ts';
import type { Core } from '../core.ts';
import type { Portal } from '../objects/portal.ts';
import type { Thread } from '../objects/thread.ts';
import { followChains, handOver } from '../sched/place.ts';
import { ThreadState } from '../sched/states.ts';
import { setTimeout } from '../sched/wait.ts';

/** `t` stands in the server's queue until it is received, or until the time is over. */
export function enqueue(k: Core, t: Thread, server: Thread, timeout: number): void {
  t.state = ThreadState.sending;
  t.partner = server;
  server.senders.add(t);
  setTimeout(k, t, timeout);
  if (server.cpu !== t.cpu) followChains(k, t.cpu);
}

export const waitsFor = (server: Thread, portal: Portal): boolean =>
  server.state === ThreadState.receiving && (server.onlyFrom === undefined || server.onlyFrom === portal);

/** The server's wait is over: it has a message. */
export function arrived(k: Core, server: Thread): void {
  if (server.heapIndex >= 0) server.cpu.timeouts.cancel(server);
  server.onlyFrom = undefined;
  server.status = Status.ok;
  handOver(k, server.cpu, server);
}
