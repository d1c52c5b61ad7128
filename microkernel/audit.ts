/**
 * The isolation audit: do page tables in RAM, mapping nodes and the tree say the same; is every right of a leaf its parent's too; is
 * every byte of every quota accounted for? Answers what is wrong, one line each; nothing, when all is well.
 */
import type { Kernel } from './kernel.ts';
import { LEVEL_SIZE, type MapNode } from './mem/node.ts';
import { entryAddress, entryFlags, PTE, type Table } from './mem/table.ts';
import type { Task } from './obj/task.ts';

export function audit(k: Kernel): string[] {
  const wrong: string[] = [];
  for (const task of k.tasks) {
    const count = { leaves: 0, tables: 0 };
    auditTable(k, task, task.space.root, 0, wrong, count);
    if (count.leaves !== task.space.leaves) wrong.push(`task ${task.id}: ${count.leaves} leaves, ${task.space.leaves} counted`);
    auditCaps(task, wrong);
  }
  return wrong;
}

function auditTable(k: Kernel, task: Task, table: Table, base: number, wrong: string[], count: { leaves: number; tables: number }): void {
  count.tables++;
  let used = 0;
  for (let i = 0; i < table.nodes.length; i++) {
    const node = table.nodes[i], below = table.tables?.[i], va = base + i * LEVEL_SIZE[table.level];
    const flags = entryFlags(k.frames, table.pa, i), address = entryAddress(k.frames, table.pa, i), where = `task ${task.id} at 0x${va.toString(16)}`;
    if (node || below) used++;
    if (node && below) wrong.push(`${where}: leaf and table`);
    if (!node && !below && flags !== 0) wrong.push(`${where}: entry without a node`);
    if (below) {
      if (flags !== PTE.V || address !== below.pa) wrong.push(`${where}: pointer differs`);
      auditTable(k, task, below, va, wrong, count);
    }
    if (!node) continue;
    count.leaves++;
    if (address !== node.pa || ((flags >> 1) & 7) !== node.rights || (flags & PTE.V) === 0) wrong.push(`${where}: entry differs from its node`);
    if (node.va !== va || node.level !== table.level || node.table !== table || node.index !== i || node.space !== task.space || !node.alive) wrong.push(`${where}: misplaced node`);
    auditParent(k, node, where, wrong);
  }
  if (used !== table.used) wrong.push(`task ${task.id}: table at 0x${base.toString(16)} has ${used} entries, ${table.used} counted`);
}

function auditParent(k: Kernel, node: MapNode, where: string, wrong: string[]): void {
  const p = node.parent;
  if (!p) {
    if (!node.pinned && node.space !== k.root.task.space && node.pa >= k.frames.base && node.pa < k.frames.end) wrong.push(`${where}: kernel memory is mapped`);
    return;
  }
  if (!p.alive) wrong.push(`${where}: derived from a leaf that is gone`);
  if ((node.rights & ~p.rights) !== 0) wrong.push(`${where}: more rights than what it was derived from`);
  if (node.pa < p.pa || node.pa + LEVEL_SIZE[node.level] > p.pa + LEVEL_SIZE[p.level]) wrong.push(`${where}: not a part of what it was derived from`);
  if (!node.pinned && node.pa < k.frames.end && node.pa + LEVEL_SIZE[node.level] > k.frames.base) wrong.push(`${where}: kernel memory is mapped`);
}

function auditCaps(task: Task, wrong: string[]): void {
  for (const cap of task.caps.range(0, 1 << 20)) {
    const where = `task ${task.id} selector ${cap.selector}`;
    if (cap.object.dead) wrong.push(`${where}: dead object`);
    if (cap.parent && (cap.rights & ~cap.parent.rights) !== 0) wrong.push(`${where}: more rights than what it was derived from`);
    if (cap.parent && cap.parent.object !== cap.object) wrong.push(`${where}: derived from another object`);
  }
}

/** Bytes of kernel memory in use now, from the first factory's account. */
export const kernelMemoryUsed = (k: Kernel): number => k.root.factory.used;
