/**
 * Task: a protection domain. A memory space (of a program, or of a guest's physical memory) and a capability space; threads run in it.
 * A task that ends kills its threads and takes back all memory and all capabilities that others got from it.
 */
import { CapSpace } from '../caps/cap-space.ts';
import { BYTES } from '../costs.ts';
import type { Factory } from '../factory.ts';
import type { Kernel } from '../kernel.ts';
import { Space } from '../mem/space.ts';
import type { Table } from '../mem/table.ts';
import { removeSubtree } from '../mem/unmap.ts';
import { KernelObject, ObjectKind } from '../object.ts';
import type { Thread } from './thread.ts';

/** Bytes of a task with the root of its page tables. */
export const taskBytes = (guest: boolean): number => BYTES.task + BYTES.frame * (guest ? 4 : 1);

export class Task extends KernelObject {
  readonly kind = ObjectKind.task;
  readonly space: Space;
  readonly caps: CapSpace;
  readonly guest: boolean;
  firstThread: Thread | undefined = undefined;

  /** Root frames and quota are there (Kernel.newTask). */
  constructor(k: Kernel, id: number, factory: Factory, guest: boolean, root: number, asid: number) {
    super(id, factory, taskBytes(guest));
    this.guest = guest;
    this.space = new Space(k, factory, guest, root, asid);
    this.caps = new CapSpace(factory);
  }

  override teardown(k: Kernel): void {
    while (this.firstThread) k.destroy(this.firstThread);
    this.caps.clear(k);
    const { space } = this;
    space.dying = true;
    clearTable(space.root);
    if (space.harts !== 0) space.flushAll();
    k.freeSpace(this);
  }
}

/** Unmaps every leaf below a table; the table itself goes with its last one. */
function clearTable(table: Table): void {
  for (let i = 0; i < table.nodes.length && table.used > 0; i++) {
    const node = table.nodes[i], below = table.tables?.[i];
    if (node) removeSubtree(node);
    else if (below) clearTable(below);
  }
}
