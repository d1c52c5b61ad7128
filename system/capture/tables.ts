/**
 * Records the page tables of virtual processors, both stages, as payload: when one ends, and when the run does. With them a recording can
 * translate addresses (`tessera trace addr`). It stores only non-zero entries, of a bounded number of tables.
 */
import type { PhysicalMemory } from '../../machine/api.ts';
import { follow, type ReadEntry, type Roots } from '../../machine/debug/walk.ts';
import type { Thread } from '../../microkernel/objects/thread.ts';
import { packTables, Part, type Table } from '../../trace/index.ts';
import { rootsOfThread } from '../panic/roots.ts';
import type { PayloadSink } from './event.ts';

const MOST_TABLES = 2048, PAGE = 4096n, ENTRIES = 512n, ROOT_ENTRIES = 2048n, PPN = (1n << 44n) - 1n, LEAF = 10n /* R, X */, VALID = 1n;

export class TableCapture {
  private readonly memory: PhysicalMemory;
  private readonly sink: PayloadSink;
  /** By thread that runs: the roots that its last event showed. */
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
  /** The run is over, or somebody reads a recording in progress. */
  all(sequence: number): void { for (const t of this.roots.keys()) this.write(sequence, t, rootsOfThread(t)); }

  private write(sequence: number, thread: Thread, roots: Roots): void {
    const read: ReadEntry = (pa) => (this.memory.isRam(Number(pa), 8) ? big(this.memory.view(Number(pa), 8)) : undefined);
    const bytes = packTables({ thread: thread.id, task: thread.task.id, roots, tables: tablesOf(read, roots) });
    this.sink.payload(sequence, Part.tables, 0, bytes);
  }
}

const big = (bytes: Uint8Array): bigint => new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);

/** All tables reachable from the roots, by their machine address. */
function tablesOf(read: ReadEntry, { first, second }: Roots): Table[] {
  const found = new Map<bigint, Table>(), own = (a: bigint): bigint | undefined => a;
  if (second !== undefined) collect(found, read, second, own, ROOT_ENTRIES);
  collect(found, read, first, second === undefined ? own : (gpa) => follow(read, second, gpa, (a) => a, true), ENTRIES);
  return [...found.values()];
}

function collect(found: Map<bigint, Table>, read: ReadEntry, root: bigint, below: (a: bigint) => bigint | undefined,
  rootEntries: bigint): void {
  const levels = Number(root >> 60n) - 5, waiting: [table: bigint, level: number, entries: bigint][] = [];
  if (levels > 0) waiting.push([(root & PPN) * PAGE, levels - 1, rootEntries]);
  for (let next; (next = waiting.pop()) && found.size < MOST_TABLES; ) {
    const [table, level, entries] = next;
    for (let page = 0n; page * ENTRIES < entries; page++) {
      const at = below(table + page * PAGE);
      if (at === undefined || found.has(at)) continue;
      const kept: [number, bigint][] = [];
      for (let i = 0n; i < ENTRIES; i++) {
        const entry = read(at + 8n * i);
        if (!entry) continue;
        kept.push([Number(i), entry]);
        if (level > 0 && (entry & VALID) !== 0n && (entry & LEAF) === 0n) waiting.push([((entry >> 10n) & PPN) * PAGE, level - 1, ENTRIES]);
      }
      found.set(at, { at, entries: kept });
    }
  }
}
