/** Intrusive lists, with each member in at most one, and the queue of waiting threads. */
import type { Thread } from '../objects/thread.ts';

export interface Linked<T> { next: T | undefined; prev: T | undefined }

export class List<T extends Linked<T>> {
  first: T | undefined = undefined;
  last: T | undefined = undefined;

  /** Puts `item` before another member, or last. */
  insert(item: T, before: T | undefined): void {
    const after = before ? before.prev : this.last;
    item.prev = after;
    item.next = before;
    if (after) after.next = item;
    else this.first = item;
    if (before) before.prev = item;
    else this.last = item;
  }

  remove(item: T): void {
    const { prev, next } = item;
    if (prev) prev.next = next;
    else this.first = next;
    if (next) next.prev = prev;
    else this.last = prev;
    item.next = item.prev = undefined;
  }

  *[Symbol.iterator](): Generator<T> { for (let item = this.first; item; item = item.next) yield item; }
}

/** Higher priority first, then order of arrival: the priority when the wait began, as a thread on others' time has none while it waits. */
export class WaitQueue extends List<Thread> {
  add(thread: Thread): void {
    const rank = thread.rank = thread.priority;
    let after = this.last;
    while (after && after.rank < rank) after = after.prev;
    this.insert(thread, after ? after.next : this.first);
    thread.inQueue = this;
  }

  override remove(thread: Thread): void {
    if (thread.inQueue !== this) return;
    super.remove(thread);
    thread.inQueue = undefined;
  }
}

/** Moves a waiting thread to the place of its new priority. */
export function requeue(thread: Thread | undefined): void {
  const queue = thread?.inQueue;
  if (!queue) return;
  queue.remove(thread);
  queue.add(thread);
}
