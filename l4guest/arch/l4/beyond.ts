/** Kernel calls by processes: gates are capabilities of the server that it maps into the tasks of processes. */
import { CapRight, Ops, capPage, type Sys } from '../../../microkernel/abi/index.ts';
import type { Syscalls } from '../../../binding/index.ts';
import { Loaded, type Thread } from '../../kernel/thread.ts';
import type { Mm } from '../../mm/mm.ts';
import type { Beyond } from '../arch.ts';
import type { Shared } from './shared.ts';
import type { Slot, Space } from './slots.ts';

/** First selector of gates in a process, in the order of the server's list; and log2 of their maximum number. */
const FIRST_GATE = 256, GATES_ORDER = 6;
export const MOST_GATES = 1 << GATES_ORDER;

export class L4Beyond implements Beyond {
  private readonly sys: Syscalls;
  private readonly shared: Shared;
  /** Capabilities of the server, one for each gate. */
  private readonly caps: readonly number[];
  constructor(sys: Syscalls, shared: Shared, caps: readonly number[]) { this.sys = sys; this.shared = shared; this.caps = caps; }

  selector(gate: number): number { return FIRST_GATE + gate; }
  gateOf(selector: number): number {
    return selector >= FIRST_GATE && selector < FIRST_GATE + this.caps.length ? selector - FIRST_GATE : -1;
  }

  give(mm: Mm, gate: number): void {
    this.later(mm, (space) => this.sys.invoke(space.task, Ops.task.map, [0, capPage(this.caps[gate]!, 0, CapRight.use),
      FIRST_GATE + gate, 0]));
  }
  take(mm: Mm, gate: number): void {
    this.later(mm, (space) => this.sys.invoke(space.task, Ops.task.unmap, [capPage(FIRST_GATE + gate), 1]));
  }
  through(thread: Thread, over: (status: number) => void): void {
    (thread.hardware as Slot).over = over;
    this.shared.passing.push(thread);
    this.shared.chores = true;
  }
  cancel(thread: Thread): void {
    this.job(function* (this: L4Beyond): Sys<void> {
      const slot = thread.hardware as Slot | undefined;
      if (slot?.over) yield* this.sys.invoke(slot.thread, Ops.thread.cancel);
    });
  }
  revoke(thread: Thread): void {
    this.later(thread.mm, (space) => this.sys.invoke(space.task, Ops.task.unmap, [capPage(FIRST_GATE, GATES_ORDER), 1]));
    this.cancel(thread);
  }
  restart(t: Thread): void { t.loaded = Loaded.args; }

  private later(mm: Mm, act: (space: Space) => Sys<number>): void {
    this.job(function* (): Sys<void> { if (mm.space) yield* act(mm.space as Space); });
  }
  private job(act: (this: L4Beyond) => Sys<void>): void {
    this.shared.jobs.push(() => act.call(this));
    this.shared.chores = true;
  }
}
