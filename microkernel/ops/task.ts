/** Operations of tasks: mapping and unmapping of memory and capabilities, looking up, emptying a slot. */
import { CapRight, Kind, Status, flexOrder, flexRights, flexSelector, flexSize, isCapPage, memoryPage } from '../abi/index.ts';
import { revoke } from '../caps/cap-space.ts';
import { COSTS } from '../costs.ts';
import { mapFlexpage } from '../ipc/transfer.ts';
import { LEVEL_BITS } from '../mem/node.ts';
import { unmapMemory, unmapped } from '../mem/unmap.ts';
import { ObjectKind } from '../object.ts';
import type { Task } from '../obj/task.ts';
import { answer, control, named, type Invocation, type Row } from './row.ts';

const taskOf = (i: Invocation): Task => i.cap.object as Task;

/** Who holds both tasks with the right to control them may map from the one into the other. */
function map(i: Invocation): Status {
  const { u } = i, source = u.word(0), cap = source === 0 ? undefined : named(i, source, ObjectKind.task, CapRight.control);
  if (typeof cap === 'number') return cap;
  const from = cap ? cap.object as Task : i.caller.task;
  return mapFlexpage(i.k, from, u.word(1), taskOf(i), u.word(2), u.word(3), 0);
}

function unmap(i: Invocation): Status {
  const { k, u } = i, page = u.word(0), self = u.word(1) === 1, task = taskOf(i), order = flexOrder(page);
  if (!(page >= 0) || u.word(1) > 1 || u.word(1) < 0) return Status.badArgument;
  if (isCapPage(page)) {
    for (const cap of [...task.caps.range(flexSelector(page), flexSize(page))]) if (cap.space.lookup(cap.selector) === cap) revoke(k, cap, flexRights(page) || CapRight.all, self);
  } else {
    if (order < 12 || order > 41 || (page - (page % 4096)) % flexSize(page) !== 0) return Status.badArgument;
    const status = unmapMemory(task.space, page, self);
    k.counters.pagesUnmapped += unmapped;
    k.charge(COSTS.item + unmapped * COSTS.unmap);
    if (status !== Status.ok) return status;
  }
  k.trace.record(k.cpu.hart.cycles, Kind.unmap, k.cpu.id, 0, i.caller.id, task.id, 0, flexRights(page) | (isCapPage(page) ? 8 : 0), order, page - (page % 4096));
  return Status.ok;
}

function lookup(i: Invocation): Status {
  const va = i.u.word(0), { space } = taskOf(i);
  if (!(va >= 0) || va >= space.limit) return Status.badArgument;
  const node = space.find(va);
  return answer(i.u, node ? memoryPage(node.va, LEVEL_BITS[node.level], node.rights) : 0);
}

function remove(i: Invocation): Status {
  const { caps } = taskOf(i), cap = caps.lookup(i.u.word(0));
  if (!cap) return Status.badCap;
  caps.remove(i.k, cap);
  return Status.ok;
}

/** A name for traces and logs: its bytes, packed in the words; at most 64. */
export function nameOf(i: Invocation): string {
  const n = Math.min(i.u.wordCount * 8, 64), bytes = new Uint8Array(i.u.i32.buffer as ArrayBuffer, i.u.i32.byteOffset + 0x40, n);
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(bytes.slice(0, end < 0 ? n : end));
}
function name(i: Invocation): Status {
  i.k.trace.name('task', taskOf(i).id, 0, nameOf(i));
  return Status.ok;
}

/** A guest's own translations are cached with its address-space number: all of them go (the range is a hint). */
function fence(i: Invocation): Status {
  const { space } = taskOf(i);
  if (!space.guest) return Status.badArgument;
  for (const cpu of i.k.cpus) if ((space.harts & (1 << cpu.id)) !== 0) cpu.hart.hfenceGvma(undefined, space.asid);
  return Status.ok;
}

/** In the order of the labels, from 0x200. */
export const taskOps: readonly Row[] = [control(map), control(unmap), control(lookup), control(remove), control(name), control(fence)];
