/**
 * The reference model of mapping: plain, slow, obviously right. Memory is single pages, and every mapping knows whom it came from; a
 * superpage is 512 pages that happen to be neighbours. Capabilities are the same with slots for pages.
 */
import { CapRight, Right, Status } from '../abi/index.ts';

/** One page of one task, or one slot. */
export interface Entry {
  readonly frame: number;
  rights: number;
  parent: Entry | undefined;
  readonly children: Set<Entry>;
  readonly table: Table;
  readonly at: number
}
/** A task's pages by address (or slots by selector). */
export type Table = Map<number, Entry>;

const PAGE = 4096;
const legal = (rights: number): number => (rights & Right.R) !== 0 ? rights & 7 : rights & Right.X;

export function put(table: Table, at: number, frame: number, rights: number, parent: Entry | undefined): Entry {
  const entry: Entry = { frame, rights, parent, children: new Set(), table, at };
  table.set(at, entry);
  parent?.children.add(entry);
  return entry;
}
function remove(entry: Entry): void {
  for (const child of [...entry.children]) remove(child);
  entry.parent?.children.delete(entry);
  entry.table.delete(entry.at);
}
/** Takes one away without what was derived from it: that becomes its parent's. */
export function dissolve(entry: Entry): void {
  for (const child of entry.children) { child.parent = entry.parent; entry.parent?.children.add(child); }
  entry.parent?.children.delete(entry);
  entry.table.delete(entry.at);
}
function descendsFrom(entry: Entry, from: Entry): boolean {
  for (let ancestor = entry.parent; ancestor; ancestor = ancestor.parent) if (ancestor === from) return true;
  return false;
}
function take(entry: Entry, rights: number, fix: (r: number) => number): void {
  const left = fix(entry.rights & ~rights);
  if ((entry.rights & rights) === 0) return;
  if (left === 0) return remove(entry);
  entry.rights = left;
  for (const child of [...entry.children]) take(child, rights, fix);
}

/**
 * What a kernel may leave as it is where a quota does not pay for splitting a superpage: the page at a destination, the source of a grant.
 */
export interface Poverty { stays(to: Table, va: number, frame: number): boolean; keeps(from: Table, va: number, frame: number): boolean }
const RICH: Poverty = { stays: () => false, keeps: () => false };

/** Maps pages: a mapping replaces what was there, unless the source itself came from that. */
export function mapPages(from: Table, base: number, size: number, rights: number, to: Table, dest: number, grant: boolean,
    poverty = RICH): Status {
  if (base % size !== 0 || dest % PAGE !== 0 || legal(rights) === 0) return Status.badArgument;
  let any = false;
  for (let at = 0; at < size; at += PAGE) any ||= legal((from.get(base + at)?.rights ?? 0) & legal(rights)) !== 0;
  if (!any) return Status.fault;
  for (let at = 0; at < size; at += PAGE) {
    const source = from.get(base + at), there = to.get(dest + at);
    if (!source) continue;
    const passed = legal(source.rights & legal(rights));
    if (passed === 0 || there === source || (there && (descendsFrom(source, there) || poverty.stays(to, dest + at, source.frame))))
      continue;
    if (there) remove(there);
    put(to, dest + at, source.frame, passed, source);
    if (grant && !poverty.keeps(from, base + at, source.frame)) dissolve(source);
  }
  return Status.ok;
}
export function unmapPages(table: Table, base: number, size: number, rights: number, self: boolean): void {
  for (let at = 0; at < size; at += PAGE) {
    const entry = table.get(base + at);
    for (const x of !entry ? [] : self ? [entry] : [...entry.children]) take(x, rights || 7, legal);
  }
}

export function mapSlots(from: Table, first: number, n: number, rights: number, to: Table, dest: number, grant: boolean): Status {
  const there: Entry[] = [];
  for (let i = 0; i < n; i++) { const entry = from.get(first + i); if (entry) there.push(entry); }
  for (const entry of there) {
    if ((entry.rights & CapRight.map) === 0 || (entry.rights & rights) === 0) return Status.badRights;
    if (to.has(dest + entry.at - first)) return Status.busy;
  }
  for (const entry of there) {
    put(to, dest + entry.at - first, entry.frame, entry.rights & rights, entry);
    if (grant) dissolve(entry);
  }
  return there.length > 0 ? Status.ok : Status.badCap;
}
export function unmapSlots(table: Table, first: number, n: number, rights: number, self: boolean): void {
  for (let i = 0; i < n; i++) {
    const entry = table.get(first + i);
    for (const x of !entry ? [] : self ? [entry] : [...entry.children]) take(x, rights || 7, r => r);
  }
}
