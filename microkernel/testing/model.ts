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
  const e: Entry = { frame, rights, parent, children: new Set(), table, at };
  table.set(at, e);
  parent?.children.add(e);
  return e;
}
function remove(e: Entry): void {
  for (const c of [...e.children]) remove(c);
  e.parent?.children.delete(e);
  e.table.delete(e.at);
}
/** Takes one away without what was derived from it: that becomes its parent's. */
export function dissolve(e: Entry): void {
  for (const c of e.children) { c.parent = e.parent; e.parent?.children.add(c); }
  e.parent?.children.delete(e);
  e.table.delete(e.at);
}
function descendsFrom(e: Entry, from: Entry): boolean {
  for (let p = e.parent; p; p = p.parent) if (p === from) return true;
  return false;
}
function take(e: Entry, rights: number, fix: (r: number) => number): void {
  const left = fix(e.rights & ~rights);
  if ((e.rights & rights) === 0) return;
  if (left === 0) return remove(e);
  e.rights = left;
  for (const c of [...e.children]) take(c, rights, fix);
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
    const r = legal(source.rights & legal(rights));
    if (r === 0 || there === source || (there && (descendsFrom(source, there) || poverty.stays(to, dest + at, source.frame)))) continue;
    if (there) remove(there);
    put(to, dest + at, source.frame, r, source);
    if (grant && !poverty.keeps(from, base + at, source.frame)) dissolve(source);
  }
  return Status.ok;
}
export function unmapPages(table: Table, base: number, size: number, rights: number, self: boolean): void {
  for (let at = 0; at < size; at += PAGE) {
    const e = table.get(base + at);
    for (const x of !e ? [] : self ? [e] : [...e.children]) take(x, rights || 7, legal);
  }
}

export function mapSlots(from: Table, first: number, n: number, rights: number, to: Table, dest: number, grant: boolean): Status {
  const there: Entry[] = [];
  for (let i = 0; i < n; i++) { const e = from.get(first + i); if (e) there.push(e); }
  for (const e of there) {
    if ((e.rights & CapRight.map) === 0 || (e.rights & rights) === 0) return Status.badRights;
    if (to.has(dest + e.at - first)) return Status.busy;
  }
  for (const e of there) {
    put(to, dest + e.at - first, e.frame, e.rights & rights, e);
    if (grant) dissolve(e);
  }
  return there.length > 0 ? Status.ok : Status.badCap;
}
export function unmapSlots(table: Table, first: number, n: number, rights: number, self: boolean): void {
  for (let i = 0; i < n; i++) {
    const e = table.get(first + i);
    for (const x of !e ? [] : self ? [e] : [...e.children]) take(x, rights || 7, r => r);
  }
}
