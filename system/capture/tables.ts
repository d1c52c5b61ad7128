/**
 * Records the page tables of virtual processors, both stages, as payload: when one ends, and when the run does. With them a recording can
 * translate addresses (`tessera trace addr`). It stores only non-zero entries, of a bounded number of tables.
 */
import type { PhysicalMemory } from '../../machine/api.ts';
import type { Roots } from '../../machine/debug/walk.ts';
import type { Thread } from '../../microkernel/objects/thread.ts';
import { Part } from '../../trace/index.ts';
import { rootsOfThread } from '../panic/roots.ts';
import type { PayloadSink } from './event.ts';
import { tableBytes } from './table-bytes.ts';

export class TableCapture {
  private readonly memory: PhysicalMemory;
  private readonly sink: PayloadSink;
  /** For each running thread: the roots that its last event showed. */
  private readonly roots = new Map<Thread, Roots>();
  constructor(memory: PhysicalMemory, sink: PayloadSink) {
    this.memory = memory;
    this.sink = sink;
  }

  /** A virtual processor has left its guest. */
  left(t: Thread): void { this.roots.set(t, rootsOfThread(t)); }

  /** The processor ends; its guest's memory still exists. */
  ended(sequence: number, thread: Thread): void {
    const roots = this.roots.get(thread);
    this.roots.delete(thread);
    if (roots) this.write(sequence, thread, roots);
  }
  /** Called when the run is over, or when a reader opens a recording in progress. */
  all(sequence: number): void { for (const t of this.roots.keys()) this.write(sequence, t, rootsOfThread(t)); }

  private write(sequence: number, thread: Thread, roots: Roots): void {
    this.sink.payload(sequence, Part.tables, 0, tableBytes(this.memory, thread, roots));
  }
}
