/** Who waits to send to a server. */
import type { Portal } from '../obj/portal.ts';
import type { Thread } from '../obj/thread.ts';

/** The first sender in the queue of `server`, or the first one that comes through this portal. */
export function senderOf(server: Thread, portal: Portal | undefined): Thread | undefined {
  let t = server.senders.first;
  while (t && portal && t.portal !== portal) t = t.nextWaiting;
  return t;
}
