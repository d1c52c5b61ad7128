/** The names of a trace: tasks, threads, portals, semaphores, as the kernel announced them, and their parents. */
import type { TraceSink } from '../microkernel/abi/index.ts';
import { visible } from './visible.ts';

export type ObjectKind = Parameters<TraceSink['name']>[0];
export interface TraceName { kind: ObjectKind; id: number; parent: number; text: string }

const KINDS: ReadonlySet<string> = new Set(['task', 'thread', 'portal', 'semaphore']);

/** Takes the lines of a names chunk. Returns false when one of them is no name. */
export function addNames(names: Map<number, TraceName>, data: Uint8Array): boolean {
  let good = true;
  for (const line of new TextDecoder().decode(data).split('\n')) if (line) good = addName(names, line) && good;
  return good;
}

function addName(names: Map<number, TraceName>, line: string): boolean {
  let value: unknown;
  try { value = JSON.parse(line); } catch { return false; }
  if (!Array.isArray(value)) return false;
  const [kind, id, parent, text] = value as unknown[];
  if (!KINDS.has(String(kind)) || typeof id !== 'number' || typeof parent !== 'number' || typeof text !== 'string') return false;
  names.set(id, { kind: kind as ObjectKind, id, parent, text: visible(text) });
  return true;
}

/** The entry of the task that owns an object; undefined when unknown. A circle of names has no task. */
export function taskEntry(names: ReadonlyMap<number, TraceName>, id: number): TraceName | undefined {
  let entry = names.get(id);
  for (let steps = 0; entry && entry.kind !== 'task' && entry.parent !== 0 && steps < 8; steps++) entry = names.get(entry.parent);
  return entry;
}
