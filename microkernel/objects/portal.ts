/**
 * Portal: an entry point into a server thread. Its label arrives with each message as the badge, so a server knows which of its portals
 * (whose client) a message came through; its MTD says which state groups travel with events. Use: send, call, name it in an event table.
 */
import { Status } from '../abi/index.ts';
import type { Core } from '../core.ts';
import { BYTES } from '../costs.ts';
import { endWait } from '../sched/wait.ts';
import type { Factory } from './factory.ts';
import { KernelObject, ObjectKind } from './object.ts';
import type { Thread } from './thread.ts';

/** Bytes of the state groups, by their bits in an MTD (abi/mtd.ts): those of user threads, and of guests what is large. */
const GROUP_BYTES = [64, 184, 8, 264, 0, 0, 56, 24];

export class Portal extends KernelObject {
  readonly kind = ObjectKind.portal;
  readonly thread: Thread;
  readonly mtd: number;
  /** What its events carry, as the trace says it. */
  readonly eventBytes: number;
  /** The 64-bit label in two halves, as it is copied into UTCBs; and as a number for the trace. */
  readonly labelLo: number;
  readonly labelHi: number;
  readonly label: number;

  constructor(id: number, factory: Factory, thread: Thread, labelLo: number, labelHi: number, mtd: number) {
    super(id, factory, BYTES.portal);
    this.thread = thread;
    this.labelLo = labelLo;
    this.labelHi = labelHi;
    this.label = labelHi * 2 ** 32 + (labelLo >>> 0);
    this.mtd = mtd;
    this.eventBytes = GROUP_BYTES.reduce((n, bytes, group) => n + ((mtd >> group) & 1) * bytes, 0);
  }

  /** Waiting senders get `dead`; a server that waits only for this portal does too. */
  override teardown(k: Core): void {
    for (let thread = senderOf(this.thread, this); thread; thread = senderOf(this.thread, this)) endWait(k, thread, Status.dead);
    if (this.thread.onlyFrom === this) endWait(k, this.thread, Status.dead);
  }
}

/** The first sender in the queue of `server`, or the first one that comes through this portal. */
export function senderOf(server: Thread, portal: Portal | undefined): Thread | undefined {
  let thread = server.senders.first;
  while (thread && portal && thread.portal !== portal) thread = thread.next;
  return thread;
}
