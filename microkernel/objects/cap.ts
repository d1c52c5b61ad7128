/**
 * A capability: an object, rights, and its place, both in the capability space of a task and in the derivation tree of its object.
 * The tree says who got it from whom; revoking a capability takes away what was derived from it, at once, everywhere.
 */
import type { KernelObject } from './object.ts';
import type { CapSpace } from './cap-space.ts';

export class Cap {
  readonly object: KernelObject;
  rights: number;
  readonly space: CapSpace;
  readonly selector: number;
  parent: Cap | undefined = undefined;
  firstChild: Cap | undefined = undefined;
  next: Cap | undefined = undefined;
  prev: Cap | undefined = undefined;

  constructor(object: KernelObject, rights: number, space: CapSpace, selector: number) {
    this.object = object;
    this.rights = rights;
    this.space = space;
    this.selector = selector;
  }
}

/** Hangs a capability below `parent`, or, without one, at its object. */
export function link(cap: Cap, parent: Cap | undefined): void {
  const head = parent ? parent.firstChild : cap.object.firstCap;
  cap.parent = parent;
  cap.prev = undefined;
  cap.next = head;
  if (head) head.prev = cap;
  if (parent) parent.firstChild = cap;
  else cap.object.firstCap = cap;
}

/** Takes one capability out of the tree; what was derived from it becomes its parent's. Answers how many those are. */
export function unlink(cap: Cap): number {
  let children = 0;
  if (cap.prev) cap.prev.next = cap.next;
  else if (cap.parent) cap.parent.firstChild = cap.next;
  else cap.object.firstCap = cap.next;
  if (cap.next) cap.next.prev = cap.prev;
  for (let child = cap.firstChild; child; ) {
    const next: Cap | undefined = child.next;
    children++;
    link(child, cap.parent);
    child = next;
  }
  cap.parent = cap.firstChild = cap.next = cap.prev = undefined;
  return children;
}

/** `cap` and everything derived from it, each before what is derived from it. */
export function subtree(cap: Cap): Cap[] {
  const all = [cap];
  for (let i = 0; i < all.length; i++) for (let c = all[i].firstChild; c; c = c.next) all.push(c);
  return all;
}
