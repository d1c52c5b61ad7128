/**
 * Sleeping. A system call that must wait is a generator (its frames are the thread's kernel stack); it yields whenever it sleeps, and
 * is resumed when something woke its thread. Who sleeps stands in wait queues; who wakes calls `wakeAll`.
 */
export type Co<T> = Generator<void, T, void>;

export interface Waiter { wake(): void }
/** A thread as those see it who put it to sleep: `sleep` answers 0 when it was woken, -ETIMEDOUT, or -ERESTARTSYS when a signal came. */
export interface Sleeper extends Waiter {
  sleep(on: WaitQueue | readonly WaitQueue[] | undefined, until?: number): Co<number>;
  /** Sleeps without regard to signals: for short waits that must not be left. */
  nap(on: WaitQueue): Co<void>;
}

export class WaitQueue {
  private readonly waiters = new Set<Waiter>();
  get empty(): boolean { return this.waiters.size === 0; }
  add(w: Waiter): void { this.waiters.add(w); }
  remove(w: Waiter): void { this.waiters.delete(w); }
  wakeAll(): void { if (this.waiters.size !== 0) for (const w of [...this.waiters]) w.wake(); }
}
