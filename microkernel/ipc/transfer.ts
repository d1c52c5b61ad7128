/** Copies a message from one thread to another: the tag, words, the badge, and typed items that map memory and capabilities. */
import {
  ITEM_BYTES, MAX_ITEMS, MAX_WORDS, Status, U, flexBase, flexOrder, flexSelector, flexSize, isCapPage, type Utcb
} from '../abi/index.ts';
import { checkCaps } from '../objects/cap-space.ts';
import { BYTES, COSTS } from '../costs.ts';
import type { Core } from '../core.ts';
import { checkMemory, crudeCost, fits } from '../mem/map.ts';
import type { Portal } from '../objects/portal.ts';
import { mapFlexpage, type Task } from '../objects/task.ts';
import type { Thread } from '../objects/thread.ts';

const WORDS = U.words >> 2, BADGE = U.badge >> 2, MTD = U.mtd >> 2;

export const wordsOf = (u: Utcb): number => Math.min(u.i32[0] & 0x7f, MAX_WORDS);
export const itemsOf = (u: Utcb): number => Math.min((u.i32[0] >>> 8) & 0x1f, MAX_ITEMS);

/**
 * Copies the message of `from` to `to`. ok; fault: no UTCB, no window or too small a one, nothing mapped; or what mapping answers.
 * Unless ok, nothing has changed.
 */
export function transfer(k: Core, from: Thread, to: Thread, portal: Portal | undefined): Status {
  const source = from.utcb, target = to.utcb;
  if (!source || !target) return Status.fault;
  const items = itemsOf(source), n = wordsOf(source);
  if (items > 0) {
    const status = transferItems(k, from, to, items, portal ? from.sequence : to.sequence);
    if (status !== Status.ok) return status;
  }
  copyWords(k, source.i32, target.i32, n);
  target.i32[0] |= items << 8;
  if (portal) stamp(target.i32, portal, 0);
  k.charge(COSTS.message + n * COSTS.word);
  return Status.ok;
}

/** The tag, without items, and the words. */
export function copyWords(k: Core, from: Int32Array, to: Int32Array, n: number): void {
  to[0] = n;
  to[1] = from[1];
  for (let i = WORDS, end = WORDS + 2 * n; i < end; i++) to[i] = from[i];
  k.counters.ipc++;
  k.counters.words += n;
}

/** Records that a message has come through this portal, with these state groups. */
export function stamp(to: Int32Array, portal: Portal, mtd: number): void {
  to[BADGE] = portal.labelLo;
  to[BADGE + 1] = portal.labelHi;
  to[MTD] = mtd;
  to[MTD + 1] = 0;
}

/** Where an item goes: a flexpage of the sender, an address or selector of the receiver. */
interface MappingItem { page: number; dest: number; flags: number }

function itemsIn(utcb: Utcb, n: number): MappingItem[] {
  const places: MappingItem[] = [];
  for (let at: number = U.items; places.length < n; at += ITEM_BYTES)
    places.push({ page: utcb.num(at), dest: utcb.num(at + 8), flags: utcb.num(at + 16) });
  return places;
}

/** Destinations are taken modulo the window's size. fault: there is no window for it, or it is too small. */
function transferItems(k: Core, from: Thread, to: Thread, n: number, cause: number): Status {
  const target = to.utcb!, window = target.num(U.window), capWindow = target.num(U.capWindow), places = itemsIn(from.utcb!, n);
  for (const item of places) {
    const chosen = isCapPage(item.page) ? capWindow : window;
    if (chosen === 0 || isCapPage(chosen) !== isCapPage(item.page) || flexOrder(item.page) > flexOrder(chosen)) return Status.fault;
    const size = flexSize(chosen), base = isCapPage(chosen) ? flexSelector(chosen) : flexBase(chosen);
    item.dest = base + (((item.dest % size) + size) % size);
  }
  return mapAll(k, from.task, to.task, places, cause);
}

/** The items of a reply to a page fault (`cause` in the trace): their destinations are addresses in the faulting task. */
export function mapIntoTask(k: Core, from: Thread, to: Task, n: number, cause: number): Status {
  const places = itemsIn(from.utcb!, n);
  return places.some(({ page }) => isCapPage(page)) ? Status.badArgument : mapAll(k, from.task, to, places, cause);
}

/**
 * All of them or none: all checks precede the first mapping. An object that an earlier item replaced or moved does not exist for a later
 * one.
 */
function mapAll(k: Core, from: Task, to: Task, places: readonly MappingItem[], cause: number): Status {
  for (let i = 0, before = 0; places.length > 1 && i < places.length; i++) {
    const { page, dest } = places[i], caps = isCapPage(page);
    const status = caps ? checkCaps(from.caps, page, to.caps, dest) : checkMemory(from.space, page, to.space, dest);
    if (status !== Status.ok) return status;
    if (caps && meets(places, i)) return Status.badArgument;
    if (caps ? to.caps.factory.free < before + capsCost(page) : !fits(from.space, page, to.space, dest, before)) return Status.noQuota;
    before += caps ? capsCost(page) : crudeCost(flexSize(page));
  }
  let first: Status | undefined;
  for (const { page, dest, flags } of places) {
    const status = mapFlexpage(k, from, page, to, dest, flags, cause);
    first ??= status;
  }
  return first ?? Status.ok;
}
/** At most. */
const capsCost = (page: number): number => flexSize(page) * BYTES.cap + (flexSize(page) / 256 + 2) * BYTES.capChunk;

/** Does a capability item use the slots of an earlier one? */
function meets(places: readonly MappingItem[], i: number): boolean {
  const { page, dest } = places[i];
  return places.some((p, j) => j < i && isCapPage(p.page) && p.dest < dest + flexSize(page) && dest < p.dest + flexSize(p.page));
}
