/**
 * Reply: the right to answer one call, once. Each thread that can call has one of these objects, made anew for each call that is kept:
 * as long as the server has not kept it, it is the server's `currentCaller` and no object at all.
 */
import { Status } from '../abi/index.ts';
import type { Core } from '../core.ts';
import { BYTES } from '../costs.ts';
import { endWait } from '../sched/wait.ts';
import type { Factory } from './factory.ts';
import { KernelObject, ObjectKind } from './object.ts';
import type { Thread } from './thread.ts';

export class Reply extends KernelObject {
  readonly kind = ObjectKind.reply;
  /** The thread that waits for it; undefined once it has been answered or has ended. */
  caller: Thread | undefined;

  constructor(id: number, factory: Factory, caller: Thread) {
    super(id, factory, BYTES.cap);
    this.caller = caller;
  }

  /** Dropped without an answer: the caller gets `dead`. */
  override teardown(k: Core): void {
    const caller = this.caller;
    this.caller = undefined;
    if (!caller) return;
    caller.keptReply = undefined;
    endWait(k, caller, Status.dead);
  }
}
