/**
 * The isolation audit: do page tables in RAM, mapping nodes and the tree agree; is every right of a leaf its parent's too; is every byte of
 * every quota accounted for; was the kernel always ready for an interrupt in time? Returns one line for each error.
 */
import { auditThreads } from './audit-threads.ts';
import { BYTES } from '../costs.ts';
import { Factory } from '../objects/factory.ts';
import type { Kernel } from '../kernel.ts';
import { LEVEL_SIZE, type MapNode } from '../mem/node.ts';
import { PTE, type Table } from '../mem/table.ts';
import { entryAddress, entryFlags } from './walk.ts';
import type { Task } from '../objects/task.ts';
import { Thread } from '../objects/thread.ts';

/** No interrupt waits longer for the kernel, cycles. */
export const MOST_STRETCH = 20_000;

export function audit(k: Kernel): string[] {
  const wrong: string[] = [], charges = new Charges();
  for (const task of k.tasks) {
    const count: Count = { leaves: 0, tables: 0, parts: 0 };
    auditTable(k, task, task.space.root, 0, wrong, count);
    if (count.leaves !== task.space.leaves) wrong.push(`task ${task.id}: ${count.leaves} leaves, ${task.space.leaves} counted`);
    auditCaps(task, wrong);
    charges.add(task.factory!, task.caps.bytes + count.leaves * BYTES.node + (count.tables - 1) * BYTES.frame);
    charges.add(task.factory!, count.parts * BYTES.parts);
  }
  const stretch = k.counters.longestStretch, factories = auditQuotas(k, charges, wrong);
  if (stretch > MOST_STRETCH) wrong.push(`${stretch} cycles without a point where interrupts are taken`);
  wrong.push(...auditThreads(k, factories));
  return wrong;
}

interface Count { leaves: number; tables: number; parts: number }
class Charges {
  readonly byFactory = new Map<Factory, number>();
  add(f: Factory, bytes: number): void { this.byFactory.set(f, (this.byFactory.get(f) ?? 0) + bytes); }
}

/** Every factory's account is the sum of its objects, and of what its tasks have in tables, nodes and capabilities. */
function auditQuotas(k: Kernel, charges: Charges, wrong: string[]): Factory[] {
  const all = [k.root.factory];
  let frames = 0;
  for (const factory of all) {
    for (const object of factory.objects) {
      charges.add(factory, object.bytes);
      if (object instanceof Factory) all.push(object);
      if (object instanceof Thread && object.utcbFrame !== 0) frames++;
    }
    const sum = charges.byFactory.get(factory) ?? 0;
    if (sum !== factory.used) wrong.push(`factory ${factory.id}: ${factory.used} bytes in its account, ${sum} in use`);
    if (factory.used > factory.limit) wrong.push(`factory ${factory.id}: over its limit`);
  }
  for (const task of k.tasks) frames += (task.guest ? 4 : 1) + tablesBelow(task.space.root);
  if (frames !== k.frames.used) wrong.push(`${k.frames.used} kernel frames taken, ${frames} in use`);
  return all;
}
function tablesBelow(table: Table): number {
  let n = 0;
  for (let i = 0; i < (table.tables?.length ?? 0); i++) {
    const below = table.tables!.get(i);
    if (below) n += 1 + tablesBelow(below);
  }
  return n;
}

function auditTable(k: Kernel, task: Task, table: Table, base: number, wrong: string[], count: Count): void {
  count.tables++;
  const { length } = table.tables ?? table.nodes;
  let used = 0;
  for (let i = 0; i < length; i++) {
    const node = table.nodes.get(i), below = table.tables?.get(i), va = addressOf(task, base + i * LEVEL_SIZE[table.level]);
    const flags = entryFlags(k.frames, table.pa, i), address = entryAddress(k.frames, table.pa, i),
      where = `task ${task.id} at 0x${va.toString(16)}`;
    if (node || below) used++;
    if (node && below) wrong.push(`${where}: leaf and table`);
    if (!node && !below && flags !== 0) wrong.push(`${where}: entry without a node`);
    if (below) {
      if (flags !== PTE.V || address !== below.pa) wrong.push(`${where}: pointer differs`);
      auditTable(k, task, below, va, wrong, count);
    }
    if (!node) continue;
    count.leaves++;
    if (node.parts) count.parts += 1 + (node.parts.parts?.filter(p => p).length ?? 0);
    if (address !== node.pa || ((flags >> 1) & 7) !== node.rights || (flags & PTE.V) === 0)
      wrong.push(`${where}: entry differs from its node`);
    if (node.va !== va || node.level !== table.level || node.table !== table || node.index !== i || node.space !== task.space
        || !node.alive)
      wrong.push(`${where}: misplaced node`);
    auditParent(k, node, where, wrong);
  }
  if (used !== table.used) wrong.push(`task ${task.id}: table at 0x${base.toString(16)} has ${used} entries, ${table.used} counted`);
}

/** The upper half of a task's address space is negative. */
const addressOf = ({ space: { limit, guest } }: Task, va: number): number => (!guest && va >= limit ? va - 2 * limit : va);

function auditParent(k: Kernel, node: MapNode, where: string, wrong: string[]): void {
  const parent = node.parent;
  if (!parent) {
    if (!node.pinned && node.space !== k.root.task.space && node.pa >= k.frames.base && node.pa < k.frames.end)
      wrong.push(`${where}: kernel memory is mapped`);
    return;
  }
  if (!parent.alive) wrong.push(`${where}: derived from a leaf that is gone`);
  if ((node.rights & ~parent.rights) !== 0) wrong.push(`${where}: more rights than what it was derived from`);
  if (node.pa < parent.pa || node.pa + LEVEL_SIZE[node.level] > parent.pa + LEVEL_SIZE[parent.level])
    wrong.push(`${where}: not a part of what it was derived from`);
  if (!node.pinned && node.pa < k.frames.end && node.pa + LEVEL_SIZE[node.level] > k.frames.base)
    wrong.push(`${where}: kernel memory is mapped`);
}

function auditCaps(task: Task, wrong: string[]): void {
  for (const cap of task.caps.range(0, 1 << 20)) {
    const where = `task ${task.id} selector ${cap.selector}`;
    if (cap.object.dead) wrong.push(`${where}: dead object`);
    if (cap.parent && (cap.rights & ~cap.parent.rights) !== 0) wrong.push(`${where}: more rights than what it was derived from`);
    if (cap.parent && cap.parent.object !== cap.object) wrong.push(`${where}: derived from another object`);
  }
}
