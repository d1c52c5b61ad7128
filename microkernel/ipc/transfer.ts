/** What a message carries from one thread to another: the tag, words, the badge, and typed items that map memory and capabilities. */
import { Item, ITEM_BYTES, Kind, MAX_ITEMS, MAX_WORDS, Status, U, flexBase, flexOrder, flexRights, flexSelector, flexSize, isCapPage, type Utcb } from '../abi/index.ts';
import { mapCaps } from '../caps/cap-space.ts';
import { COSTS } from '../costs.ts';
import type { Kernel } from '../kernel.ts';
import { mapMemory, mapped } from '../mem/map.ts';
import type { Portal } from '../obj/portal.ts';
import type { Task } from '../obj/task.ts';
import type { Thread } from '../obj/thread.ts';

const WORDS = U.words >> 2;

export const wordsOf = (u: Utcb): number => Math.min(u.i32[0] & 0x7f, MAX_WORDS);
export const itemsOf = (u: Utcb): number => Math.min((u.i32[0] >>> 8) & 0x1f, MAX_ITEMS);

/**
 * Copies the message of `from` to `to`. ok; fault: no UTCB, no window or too small a one, nothing mapped; or what mapping answers.
 * Unless ok, nothing has changed but items before the one that failed for lack of memory.
 */
export function transfer(k: Kernel, from: Thread, to: Thread, portal: Portal | undefined): Status {
  const s = from.utcb, d = to.utcb;
  if (!s || !d) return Status.fault;
  const items = itemsOf(s), n = wordsOf(s);
  if (items > 0) {
    const status = transferItems(k, from, to, items);
    if (status !== Status.ok) return status;
  }
  const di = d.i32, si = s.i32;
  di[0] = n | (items << 8);
  di[1] = si[1];
  if (portal) {
    di[2] = portal.labelLo;
    di[3] = portal.labelHi;
    di[8] = 0;
    di[9] = 0;
  }
  for (let i = WORDS, end = WORDS + 2 * n; i < end; i++) di[i] = si[i];
  k.counters.ipc++;
  k.counters.words += n;
  k.charge(COSTS.message + n * COSTS.word);
  return Status.ok;
}

function transferItems(k: Kernel, from: Thread, to: Thread, n: number): Status {
  const d = to.utcb!, window = d.num(U.window), capWindow = d.num(U.capWindow);
  for (let i = 0; i < n; i++) {
    const page = itemPage(from.utcb!, i), w = isCapPage(page) ? capWindow : window;
    if (w === 0 || isCapPage(w) !== isCapPage(page) || flexOrder(page) > flexOrder(w)) return Status.fault;
  }
  for (let i = 0; i < n; i++) {
    const page = itemPage(from.utcb!, i), dest = from.utcb!.num(U.items + i * ITEM_BYTES + 8), flags = from.utcb!.num(U.items + i * ITEM_BYTES + 16);
    const at = isCapPage(page) ? inWindow(flexSelector(capWindow), flexSize(capWindow), dest) : inWindow(flexBase(window), flexSize(window), dest);
    const status = mapFlexpage(k, from.task, page, to.task, at, flags, to.sequence);
    if (status !== Status.ok) return status;
  }
  return Status.ok;
}

const itemPage = (u: Utcb, i: number): number => u.num(U.items + i * ITEM_BYTES);
/** A destination is meant modulo the window's size. */
const inWindow = (base: number, size: number, dest: number): number => base + (((dest % size) + size) % size);

/** The items of a reply to a page fault: their destinations are addresses in the faulting task. */
export function mapIntoTask(k: Kernel, from: Thread, to: Task, n: number): Status {
  const u = from.utcb!;
  for (let i = 0; i < n; i++) {
    const page = itemPage(u, i);
    if (isCapPage(page)) return Status.badArgument;
    const status = mapFlexpage(k, from.task, page, to, u.num(U.items + i * ITEM_BYTES + 8), u.num(U.items + i * ITEM_BYTES + 16), 0);
    if (status !== Status.ok) return status;
  }
  return Status.ok;
}

/** Maps one flexpage of memory or capabilities from task to task, and says so in the trace. */
export function mapFlexpage(k: Kernel, from: Task, page: number, to: Task, dest: number, flags: number, cause: number): Status {
  const grant = (flags & Item.grant) !== 0;
  let status: Status;
  if (isCapPage(page)) status = from.caps === undefined ? Status.badArgument : mapCaps(k, from.caps, page, to.caps, dest, grant);
  else {
    status = mapMemory(from.space, page, to.space, dest, grant);
    k.counters.pagesMapped += mapped;
    k.charge(COSTS.item + mapped * COSTS.map);
  }
  const cpu = k.cpu;
  k.trace.record(cpu.hart.cycles, Kind.map, cpu.id, status, cpu.running ? cpu.running.id : 0, to.id, cause, flexRights(page) | (isCapPage(page) ? 8 : 0), flexOrder(page), dest);
  return status;
}
