/**
 * What the parts below see of the kernel, each as little as it needs; kernel.ts is all of it. Ground (frames, TLBs) is for mem/, Stage
 * (who runs, time, records) for sched/ and state/, Core (both, and the life of objects) for objects/, ipc/, entry/.
 */
import type { Bus, PhysicalMemory } from '../machine/api.ts';
import type { Counters } from './counters.ts';
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
  /** Spaces with TLB entries to flush before user level goes on. */
  readonly fences: Space[];
  /**
   * Cycles of kernel work, on the hart that does it: at once, or, of an operation that visits much, as the caller's debt (sched/debt.ts).
   */
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
  /** Ends an object: its capabilities everywhere, what it holds, its bytes. */
  destroy(object: KernelObject): void;
}

/** The interrupt controller, as semaphores that are interrupts use it. `claimAll` takes what is due on a hart. */
export interface Lines extends Record<'listen' | 'ack' | 'mask', (line: number) => void> {
  route(line: number, hart: number): void;
  claimAll(cpu: Cpu): void;
}

export interface Core extends Ground, Stage {
  readonly memory: PhysicalMemory;
  readonly bus: Bus;
  readonly interrupts: Lines;
  readonly tasks: Set<Task>;
  readonly asids: Asids;
  readonly vmids: Asids;
  readonly log: (line: string) => void;
  crashes: number; // of TypeScript threads
  newId(): number;
  /** A new object that user level asked for: charged (unless it was made charged), adopted, traced. */
  created(object: KernelObject): void;
  /** An object has lost its last capability: it ends when the current operation is over. */
  doom(object: KernelObject): void;
  /** The end of every change: objects that nobody names any more go, TLBs forget. */
  settle(): void;
}
