/**
 * Sleeping. A system call that must wait is a generator (its frames are the thread's kernel stack); it yields whenever it sleeps, and
 * resumes when its thread is woken. Sleepers are in wait queues; `wakeAll` wakes them.
 */
export type Co<T> = Generator<void, T, void>;

/** `events`: events that may have occurred (Poll bits), for waiters interested only in some. */
export interface Waiter { wake(events?: number): void; readonly exclusive?: boolean; wants?(events: number): boolean }
const ALL_EVENTS = 0xffff;
/** A thread as code that makes it sleep sees it: `sleep` returns 0 when it was woken, -ETIMEDOUT, or -ERESTARTSYS when a signal came. */
export interface Sleeper extends Waiter {
  /** When its call started to fetch data, ns; otherwise Infinity. Data fetched since then counts as fresh. */
  since: number;
  sleep(on: WaitQueue | readonly WaitQueue[] | undefined, until?: number): Co<number>;
  /** Sleeps without regard to signals: for short waits that must not be interrupted. */
  nap(on: WaitQueue): Co<void>;
}

export class WaitQueue {
  /** Made for the first waiter: most queues never have one. */
  private waiters: Set<Waiter> | undefined;
  get empty(): boolean { return this.waiters === undefined || this.waiters.size === 0; }
  add(w: Waiter): void { (this.waiters ??= new Set()).add(w); }
  remove(w: Waiter): void { this.waiters?.delete(w); }
  /** Wakes all waiters; of exclusive waiters only the first that accepts. */
  wakeAll(events = ALL_EVENTS): void {
    if (this.waiters === undefined || this.waiters.size === 0) return;
    let served = false;
    for (const waiter of [...this.waiters]) {
      if (waiter.exclusive) { if (served || (waiter.wants && !waiter.wants(events))) continue; served = true; }
      waiter.wake(events);
    }
  }
}
