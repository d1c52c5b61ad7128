/** The kernel's address layouts: the mappings of a task, read from the tables that the MMU walks. */
import type { Kernel } from '../microkernel/index.ts';
import type { MapNode } from '../microkernel/mem/node.ts';
import type { Table } from '../microkernel/mem/table.ts';
import type { Task } from '../microkernel/objects/task.ts';

/** A range with the same rights; `pinned`: the kernel's own, a message buffer or the boot information. */
export interface Range { readonly from: number; readonly to: number; readonly rights: string; readonly pinned: boolean }

const PAGE = 4096, BITS = 9, RIGHTS = ['r', 'w', 'x'];
const rightsText = (rights: number): string => RIGHTS.map((letter, i) => ((rights >> i) & 1 ? letter : '-')).join('');
const sizeAt = (level: number): number => PAGE * 2 ** (BITS * level);

/** In the order of addresses. */
export function mapsOf(task: Task): Range[] {
  const ranges: { from: number; to: number; rights: string; pinned: boolean }[] = [];
  for (const { va, level, rights, pinned } of leaves(task.space.root)) {
    const last = ranges.at(-1), text = rightsText(rights);
    if (last && last.to === va && last.rights === text && last.pinned === pinned) last.to += sizeAt(level);
    else ranges.push({ from: va, to: va + sizeAt(level), rights: text, pinned });
  }
  return ranges.sort((a, b) => a.from - b.from);
}
function* leaves(table: Table): Generator<MapNode> {
  for (let i = 0; i < (table.tables ?? table.nodes).length; i++) {
    const node = table.nodes.get(i), next = table.tables?.get(i);
    if (node) yield node;
    else if (next) yield* leaves(next);
  }
}

/** A component's own task, and the tasks that it has created: its processes, its guest. */
export function tasksOf(kernel: Kernel, own: number): Task[] {
  const all = [...kernel.tasks], first = all.find((t) => t.id === own);
  return first ? [first, ...all.filter((t) => t !== first && t.factory === first.factory)] : [];
}
