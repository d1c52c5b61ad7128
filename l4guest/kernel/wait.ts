/**
 * Sleeping. A system call that must wait is a generator (its frames are the thread's kernel stack); it yields whenever it sleeps, and
 * is resumed when something woke its thread. Who sleeps stands in wait queues; who wakes calls `wakeAll`.
 */
export type Co<T> = Generator<void, T, void>;

/** `events`: what may be possible now (Poll bits), for waiters who care for some of it only. */
export interface Waiter { wake(events?: number): void; readonly exclusive?: boolean; wants?(events: number): boolean }
const ALL_EVENTS = 0xffff;
/** A thread as those see it who put it to sleep: `sleep` answers 0 when it was woken, -ETIMEDOUT, or -ERESTARTSYS when a signal came. */
export interface Sleeper extends Waiter {
  /** When its call began to fetch what it needs, ns; Infinity while it does not. What was fetched since then is fresh enough for it. */
  since: number;
  sleep(on: WaitQueue | readonly WaitQueue[] | undefined, until?: number): Co<number>;
  /** Sleeps without regard to signals: for short waits that must not be left. */
  nap(on: WaitQueue): Co<void>;
}

export class WaitQueue {
  private readonly waiters = new Set<Waiter>();
  get empty(): boolean { return this.waiters.size === 0; }
  add(w: Waiter): void { this.waiters.add(w); }
  remove(w: Waiter): void { this.waiters.delete(w); }
  /** Wakes everybody; of those who asked to be woken one at a time, the first who has a use for it. */
  wakeAll(events = ALL_EVENTS): void {
    if (this.waiters.size === 0) return;
    let served = false;
    for (const w of [...this.waiters]) {
      if (w.exclusive) { if (served || (w.wants && !w.wants(events))) continue; served = true; }
      w.wake(events);
    }
  }
}
