/** Memory in the kernel's view: what each task can access, who gave it, and who owns each piece of RAM. Plain data for the page. */
import { LEVEL_SIZE, type MapNode } from '../../microkernel/mem/node.ts';
import type { Kernel } from '../../microkernel/index.ts';
import type { Table } from '../../microkernel/mem/table.ts';

/** A run of consecutive pages in both address spaces, with the same rights and the same giver. `from`: a task; 0 = the kernel. */
export interface Range {
  readonly va: number;
  readonly pa: number;
  size: number;
  readonly rights: number;
  readonly from: number;
  readonly given: number;
  readonly pinned: boolean
}
export interface TaskMemory {
  readonly id: number;
  readonly name: string;
  readonly guest: boolean;
  readonly bytes: number;
  readonly tables: number;
  readonly ranges: readonly Range[];
  readonly left: number
}
/** The RAM in tiles of `tile` bytes: each tile's owner, as an index into `tasks` + 1; 0 = free or the kernel's. */
export interface Snapshot {
  readonly cycles: number;
  readonly base: number;
  readonly size: number;
  readonly tile: number;
  readonly tiles: Uint8Array;
  readonly tasks: readonly TaskMemory[];
  readonly kernelBytes: number
}

const TILES = 2048, MOST_RANGES = 400;

/** Inspects all tasks at this cycle. `nameOf`: names by task number. */
export function snapshot(k: Kernel, ram: { base: number; size: number }, nameOf: (id: number) => string, cycles: number): Snapshot {
  const tile = Math.max(4096, 2 ** Math.ceil(Math.log2(ram.size / TILES))), tiles = new Uint8Array(Math.ceil(ram.size / tile)),
    depths = new Uint8Array(tiles.length);
  const owners = new Map([...k.tasks].map((t) => [t.space, t.id] as const)), tasks: TaskMemory[] = [];
  for (const task of [...k.tasks].sort((a, b) => a.id - b.id)) {
    const ranges: Range[] = [], counts = { tables: 0, bytes: 0 }, mine = Math.min(255, tasks.length + 1);
    walk(task.space.root, counts, (node) => {
      counts.bytes += LEVEL_SIZE[node.level]!;
      add(ranges, node, node.parent ? owners.get(node.parent.space) ?? 0 : 0);
      paint(tiles, depths, node, mine, ram.base, tile);
    });
    tasks.push({
      id: task.id, name: nameOf(task.id), guest: task.guest, ...counts, ranges: ranges.slice(0, MOST_RANGES),
      left: Math.max(0, ranges.length - MOST_RANGES)
    });
  }
  return { cycles, base: ram.base, size: ram.size, tile, tiles, tasks, kernelBytes: k.frames.used * 4096 };
}

function walk(table: Table, counts: { tables: number }, leaf: (node: MapNode) => void): void {
  counts.tables++;
  for (let i = 0; i < table.nodes.length; i++) {
    const node = table.nodes.get(i), below = table.tables?.get(i);
    if (node) leaf(node);
    else if (below) walk(below, counts, leaf);
  }
}

/** Passed on: another mapping derives from it. */
const givenOn = (node: MapNode): number => (node.children || node.parts ? 1 : 0);

function add(ranges: Range[], node: MapNode, from: number): void {
  const last = ranges.at(-1), size = LEVEL_SIZE[node.level]!, given = givenOn(node);
  const goesOn = last && last.va + last.size === node.va && last.pa + last.size === node.pa && last.rights === node.rights
    && last.from === from && last.given === given && last.pinned === node.pinned;
  if (goesOn) last.size += size;
  else ranges.push({ va: node.va, pa: node.pa, size, rights: node.rights, from, given, pinned: node.pinned });
}

/** A piece of RAM belongs to the task at the end of the longest chain of grants. */
function paint(tiles: Uint8Array, depths: Uint8Array, node: MapNode, owner: number, base: number, tile: number): void {
  let depth = 1;
  for (let ancestor = node.parent; ancestor && depth < 250; ancestor = ancestor.parent) depth++;
  const first = Math.floor((node.pa - base) / tile), last = Math.ceil((node.pa - base + LEVEL_SIZE[node.level]!) / tile);
  for (let i = Math.max(0, first); i < Math.min(last, tiles.length); i++) if (depth >= depths[i]!) { depths[i] = depth; tiles[i] = owner; }
}
