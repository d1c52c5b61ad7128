/** The Arch of the rehosted kernel: it mostly queues work for the main thread, which alone calls the microkernel. */
import type { Syscalls } from '../../../binding/index.ts';
import type { Thread } from '../../kernel/thread.ts';
import type { Pool } from '../../mm/frames.ts';
import type { Mm } from '../../mm/mm.ts';
import type { Arch } from '../arch.ts';
import type { Shared } from './shared.ts';

export class L4Arch implements Arch {
  readonly pool: Pool;
  readonly maxThreads: number;
  private readonly sys: Syscalls;
  private readonly shared: Shared;
  constructor(sys: Syscalls, shared: Shared, pool: Pool, maxThreads: number) { this.sys = sys; this.shared = shared; this.pool = pool;
    this.maxThreads = maxThreads; }

  /** The event and its answer, without the server's own charge for a call: docs/costs.md, `getppid`. */
  readonly passage = 748;

  now(): number { return this.sys.now(); }
  charge(cycles: number): void { this.sys.charge(cycles); }
  changedCode(pfn: number): void { this.sys.memory.changedCode(pfn * 4096, 4096); }
  log(line: string): void { this.shared.lines.push(line); this.shared.chores = true; }
  threadGone(t: Thread): void { if (t.hardware) { this.shared.deadThreads.push(t); this.shared.chores = true; } }
  spaceGone(mm: Mm): void { if (mm.space) { this.shared.deadSpaces.push(mm); this.shared.chores = true; } }
  adoptSpace(old: Mm, next: Mm): void {
    if (old.gates.size > 0) { // a task with capabilities and message buffers ends with its program
      if (old.space) this.shared.deserted.push(old.space);
      return;
    }
    next.space = old.space;
    old.space = undefined;
    next.flushes.length = 0;
    next.owe(0, 2 ** 26, 7);
  }
  recall(t: Thread): void { this.shared.recall = t; this.shared.chores = true; }
  setAlarm(at: number): void {
    this.shared.alarm = at;
    if (at < this.shared.armed) this.shared.chores = true;
  }
}
