/**
 * A capability: an object, rights, and its place, both in the capability space of a task and in the derivation tree of its object.
 * The tree records the derivations; revoking a capability deletes everything derived from it, at once, everywhere.
 */
import { List } from '../sched/queue.ts';
import type { KernelObject } from './object.ts';
import type { CapSpace } from './cap-space.ts';

export class Cap {
  readonly object: KernelObject;
  rights: number;
  readonly space: CapSpace;
  readonly selector: number;
  /** The capability from which it was derived; without one it hangs at its object. */
  parent: Cap | undefined = undefined;
  readonly derived = new List<Cap>();
  next: Cap | undefined = undefined;
  prev: Cap | undefined = undefined;

  constructor(object: KernelObject, rights: number, space: CapSpace, selector: number) {
    this.object = object;
    this.rights = rights;
    this.space = space;
    this.selector = selector;
  }
}

/** The place of a capability that was derived from `parent`. */
const siblings = (cap: Cap, parent: Cap | undefined): List<Cap> => (parent ?? cap.object).derived;

export function link(cap: Cap, parent: Cap | undefined): void {
  const list = siblings(cap, parent);
  cap.parent = parent;
  list.insert(cap, list.first);
}

/** Removes one capability from the tree; its children become its parent's. Returns their number. */
export function unlink(cap: Cap): number {
  let children = 0;
  siblings(cap, cap.parent).remove(cap);
  for (let child = cap.derived.first; child; child = cap.derived.first) {
    children++;
    cap.derived.remove(child);
    link(child, cap.parent);
  }
  return children;
}

/** `cap` and everything derived from it, each before what is derived from it. */
export function subtree(cap: Cap): Cap[] {
  const all = [cap];
  for (let i = 0; i < all.length; i++) for (let cap = all[i].derived.first; cap; cap = cap.next) all.push(cap);
  return all;
}
