/** The page tables of a virtual processor as payload: all that can be reached from its roots, up to a limit. */
import type { PhysicalMemory } from '../../machine/api.ts';
import { belowFirst, type ReadEntry, type Roots } from '../../machine/debug/walk.ts';
import type { Thread } from '../../microkernel/objects/thread.ts';
import { packTables, type Table } from '../../trace/index.ts';

const MOST_TABLES = 2048, PAGE = 4096n, ENTRIES = 512n, ROOT_ENTRIES = 2048n, PPN = (1n << 44n) - 1n, LEAF = 10n /* R, X */, VALID = 1n;

export function tableBytes(memory: PhysicalMemory, thread: Thread, roots: Roots): Uint8Array {
  const read: ReadEntry = (pa) => (memory.isRam(Number(pa), 8) ? big(memory.view(Number(pa), 8)) : undefined);
  return packTables({ thread: thread.id, task: thread.task.id, roots, tables: tablesOf(read, roots) });
}

const big = (bytes: Uint8Array): bigint => new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);

/** All tables reachable from the roots, by their machine address. */
function tablesOf(read: ReadEntry, roots: Roots): Table[] {
  const { first, second, lent, shadow } = roots, found = new Map<bigint, Table>(), own = (a: bigint): bigint | undefined => a;
  if (second !== undefined) collect(found, read, second, own, lent ? ENTRIES : ROOT_ENTRIES);
  collect(found, read, first, (gpa) => belowFirst(read, roots, gpa), ENTRIES);
  if (shadow !== undefined) collect(found, read, shadow, own, ENTRIES);
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
