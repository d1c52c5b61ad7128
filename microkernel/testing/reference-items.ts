/** Message transfer in the reference model: words, and items that map memory and capabilities. */
import { Status, flexBase, flexOrder, flexRights, flexSelector, flexSize, isCapPage } from '../abi/index.ts';
import { BYTES } from '../costs.ts';
import { SELECTORS, type MCap, type MPortal, type MTask, type MThread, type World } from './reference.ts';

/** The message of `from` arrives at `to`. */
export function transfer(world: World, from: MThread, to: MThread, portal: MPortal | undefined): number {
  const places: MappingItem[] = [];
  for (const { flexpage, dest, flags } of from.message.items) {
    const caps = isCapPage(flexpage), window = caps ? to.capWindow : to.window;
    if (window === 0 || isCapPage(window) !== caps || flexOrder(flexpage) > flexOrder(window)) return Status.fault;
    const size = flexSize(window);
    places.push({ flexpage, dest: (caps ? flexSelector(window) : flexBase(window)) + (((dest % size) + size) % size), flags });
  }
  const status = places.length > 0 ? place(world, from.task, to.task, places, from) : Status.ok;
  if (status !== Status.ok) return status;
  to.utcb = { label: from.message.label, words: from.message.words, badge: portal ? portal.label : to.utcb.badge };
  return Status.ok;
}

interface MappingItem { readonly flexpage: number; readonly dest: number; readonly flags: number }
/** Every question is asked before the first is mapped. `asker`: whose status says that a quota is too small. */
export function place(world: World, from: MTask, to: MTask, places: readonly MappingItem[], asker: MThread): number {
  for (const [i, item] of places.entries()) {
    const status = isCapPage(item.flexpage) ? checkCaps(world, from, item, to) : checkMemory(from, item, to);
    if (status !== Status.ok) return status;
    if (isCapPage(item.flexpage) && places.some((q, j) =>
          j < i && isCapPage(q.flexpage) && q.dest < item.dest + flexSize(item.flexpage) && item.dest < q.dest + flexSize(q.flexpage)))
      return Status.badArgument;
  }
  if (world.oracle.saysNoQuota(asker, places.reduce((sum, p) => sum + cost(p.flexpage), 0), [from.factory!, to.factory!]))
    return Status.noQuota;
  for (const item of places) map(world, from, item, to);
  return Status.ok;
}
/** What mapping a flexpage costs at most. */
const cost = (page: number): number =>
  isCapPage(page) ? flexSize(page) * (BYTES.cap + 8) + 2 * BYTES.capChunk : (flexSize(page) / 4096) * (BYTES.node + 16) + 8 * BYTES.frame;
function map(world: World, from: MTask, item: MappingItem, to: MTask): void {
  const grant = (item.flags & 1) !== 0;
  if (!isCapPage(item.flexpage)) {
    world.map(from, flexBase(item.flexpage), flexSize(item.flexpage), flexRights(item.flexpage), to, item.dest, grant);
    return;
  }
  for (const cap of capsOf(from, item.flexpage)) {
    const at = item.dest + cap.sel - flexSelector(item.flexpage);
    if (to.slots.has(at)) continue; // taken by an item before
    world.putCap(to, at, cap.object, cap.rights & flexRights(item.flexpage), cap);
    if (grant) world.removeCap(cap);
  }
}
/** The capabilities of a flexpage, in order. */
export const capsOf = (task: MTask, page: number): MCap[] => {
  const first = flexSelector(page), n = flexSize(page);
  return [...task.slots.values()].filter(c => c.sel >= first && c.sel < first + n).sort((a, b) => a.sel - b.sel);
};
function checkCaps(world: World, from: MTask, item: MappingItem, to: MTask): number {
  const first = flexSelector(item.flexpage), n = flexSize(item.flexpage), all = capsOf(from, item.flexpage);
  if (first + n > SELECTORS || item.dest + n > SELECTORS || item.dest >>> 0 !== item.dest) return Status.badArgument;
  for (const cap of all) {
    if ((cap.rights & 4) === 0 || (cap.rights & flexRights(item.flexpage)) === 0) return Status.badRights;
    const status = world.canPut(to, item.dest + cap.sel - first);
    if (status !== Status.ok) return status;
  }
  return all.length === 0 ? Status.badCap : Status.ok;
}
/** Does the range lie in the task's address space? Both halves of Sv39, Sv48, Sv57; a guest's physical addresses are not negative. */
export const inside = ({ guest, levels }: MTask, at: number, size: number): boolean =>
  at >= (guest ? 0 : -(2 ** (9 * levels + 11))) && at + size <= (guest ? 2 ** 41 : 2 ** (9 * levels + 11));
const legal = (rights: number): number => (rights & 1) !== 0 ? rights & 7 : rights & 4;
function checkMemory(from: MTask, item: MappingItem, to: MTask): number {
  const base = flexBase(item.flexpage), order = flexOrder(item.flexpage), size = 2 ** order, rights = legal(flexRights(item.flexpage));
  if (order < 12 || base % size !== 0 || !inside(from, base, size)) return Status.badArgument;
  if (rights === 0 || item.dest % 4096 !== 0 || !inside(to, item.dest, size)) return Status.badArgument;
  for (const [at, entry] of from.pages) if (at >= base && at < base + size && legal(entry.rights & rights) !== 0) return Status.ok;
  return Status.fault;
}
