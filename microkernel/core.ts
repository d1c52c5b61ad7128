/**
 * The kernel as its lower parts see it; kernel.ts implements all of it. Ground (frames, TLBs) is for mem/, Stage (scheduling, time,
 * records) for sched/ and state/, Core (both, and the life of objects) for objects/, ipc/, entry/.
 */
import type { Bus, PhysicalMemory } from '../machine/api.ts';
import type { Counters } from './counters.ts';
import type { Interrupts } from './entry/interrupts.ts';
import type { Frames } from './frames.ts';
import type { Asids } from './mem/asids.ts';
import type { Space } from './mem/space.ts';
import type { KernelObject } from './objects/object.ts';
import type { Task } from './objects/task.ts';
import type { Cpu } from './sched/cpu.ts';
import type { TraceRing } from './trace-ring.ts';

export interface Ground {
  readonly cpus: readonly Cpu[];
  readonly frames: Frames;
  /** Spaces with TLB entries to flush before user level resumes. */
  readonly fences: Space[];
  /** Cycles of kernel work, on the hart that does it: at once, or, for a long operation, as the caller's debt (sched/debt.ts). */
  charge(cycles: number): void;
  work(cycles: number): void;
}

export interface Stage {
  readonly cpus: readonly Cpu[];
  /** The hart that the kernel runs on now. */
  readonly cpu: Cpu;
  readonly trace: TraceRing;
  readonly counters: Counters;
  charge(cycles: number): void;
  /** Ends an object: removes its capabilities everywhere, releases its resources and its bytes. */
  destroy(object: KernelObject): void;
}

export interface Core extends Ground, Stage {
  readonly memory: PhysicalMemory;
  readonly bus: Bus;
  readonly interrupts: Interrupts;
  readonly tasks: Set<Task>;
  readonly asids: Asids;
  readonly vmids: Asids;
  readonly log: (line: string) => void;
  crashes: number; // of TypeScript threads
  newId(): number;
  /** A new object that user level asked for: charged (unless it was made charged), adopted, traced. */
  created(object: KernelObject): void;
  /** The object has lost its last capability and ends after the current operation. */
  doom(object: KernelObject): void;
  /** Completes every change: ends unreferenced objects and flushes TLBs. */
  settle(): void;
}
