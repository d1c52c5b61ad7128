/**
 * Sleeping. A system call that must wait is a generator (its frames are the thread's kernel stack); it yields whenever it sleeps, and
 * is resumed when something woke its thread. Who sleeps stands in wait queues; who wakes calls `wakeAll`.
 */
export type Co<T> = Generator<void, T, void>;

export interface Waiter { wake(): void }

export class WaitQueue {
  private readonly waiters = new Set<Waiter>();
  get empty(): boolean { return this.waiters.size === 0; }
  add(w: Waiter): void { this.waiters.add(w); }
  remove(w: Waiter): void { this.waiters.delete(w); }
  wakeAll(): void { if (this.waiters.size !== 0) for (const w of [...this.waiters]) w.wake(); }
}
