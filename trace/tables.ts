/**
 * Page tables in a recording: of each virtual processor the registers that name its tables, and the tables.
 *
 *   u64 thread | u64 task | u64 root of the first stage | u64 of the second (all ones: there is none) | u64 tables
 *   one less than all ones: the guest's memory is its monitor's, and five more words follow: the monitor's root, guest-physical base and
 *   size, where it begins in the monitor, root of the shadow (all ones: there is none)
 *   each table: u64 place in the machine | u64 entries | entries: u64 index, u64 entry
 */
import { Part, type PayloadPart, wordsOfPart } from './payload.ts';
import type { TraceFile } from './reader.ts';

/** A table: where it is in the machine, and its entries that are not zero. */
export interface Table { readonly at: bigint; readonly entries: readonly (readonly [index: number, entry: bigint])[] }
export interface Tables {
  readonly thread: number;
  readonly task: number;
  readonly roots: TableRoots;
  readonly tables: readonly Table[];
}
/** The words of machine/debug/walk.ts. */
export interface TableRoots { readonly first: bigint; readonly second?: bigint; readonly shadow?: bigint;
  readonly lent?: { readonly base: bigint; readonly size: bigint; readonly at: bigint } }
/** The same from a file: `at` is the record at which they had these contents. */
export interface Snapshot { readonly sequence: number; readonly thread: number; readonly task: number; readonly roots: TableRoots;
  read(machine: bigint): bigint | undefined }

const NONE = 2n ** 64n - 1n, LENT = NONE - 1n;
const HEAD = 5, MORE = 5;

export function packTables({ thread, task, roots, tables }: Tables): Uint8Array {
  const { first, second = NONE, lent, shadow = NONE } = roots;
  const words = [BigInt(thread), BigInt(task), first, lent ? LENT : second, BigInt(tables.length),
    ...(lent ? [second, lent.base, lent.size, lent.at, shadow] : [])];
  for (const { at, entries } of tables) {
    words.push(at, BigInt(entries.length));
    for (const [index, entry] of entries) words.push(BigInt(index), entry);
  }
  const bytes = new Uint8Array(8 * words.length), view = new DataView(bytes.buffer);
  words.forEach((w, i) => view.setBigUint64(8 * i, w, true));
  return bytes;
}

/** Malformed input yields the tables before the mistake. */
export function unpackTables(part: PayloadPart): Snapshot {
  const words = wordsOfPart(part), [thread = 0n, task = 0n, first = 0n, second = NONE] = words, entries = new Map<bigint, bigint>(),
    known = new Set<bigint>();
  const lends = second === LENT;
  for (let at = lends ? HEAD + MORE : HEAD; at + 2 <= words.length; ) {
    const table = words[at]!, count = Number(words[at + 1]!);
    at += 2;
    if (!(count <= 512) || at + 2 * count > words.length) break;
    known.add(table);
    for (const end = at + 2 * count; at < end; at += 2) entries.set(table + 8n * words[at]!, words[at + 1]!);
  }
  return {
    sequence: part.sequence, thread: Number(thread), task: Number(task),
    roots: lends ? lentRoots(first, words.slice(HEAD)) : second === NONE ? { first } : { first, second },
    read: (machine) => entries.get(machine) ?? (known.has(machine - (machine % 4096n)) ? 0n : undefined),
  };
}

function lentRoots(first: bigint, [second = 0n, base = 0n, size = 0n, at = 0n, shadow = NONE]: readonly bigint[]): TableRoots {
  return { first, second, lent: { base, size, at }, ...(shadow !== NONE && { shadow }) };
}

/** The last tables of each virtual processor, in the order of their threads. */
export function snapshots(trace: TraceFile): Snapshot[] {
  const byThread = new Map<number, Snapshot>();
  for (const part of trace.allParts(Part.tables)) {
    const snapshot = unpackTables(part);
    byThread.set(snapshot.thread, snapshot);
  }
  return [...byThread.values()].sort((a, b) => a.thread - b.thread);
}
