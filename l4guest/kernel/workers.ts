/** Kernel work that sleeps: write-back, checks for changes. Each piece is a generator that resumes when it is woken. */
import type { Co, Sleeper, WaitQueue } from './wait.ts';

class Worker implements Sleeper {
  since = Infinity;
  private readonly co: Co<unknown>;
  private readonly ended: () => void;
  private running = false;
  private woken = false;
  constructor(work: (self: Sleeper) => Co<unknown>, ended: () => void) { this.co = work(this); this.ended = ended; }
  wake(): void {
    this.woken = true;
    if (this.running) return;
    this.running = true;
    while (this.woken) {
      this.woken = false;
      if (this.co.next().done) { this.ended(); break; }
    }
    this.running = false;
  }
  *nap(on: WaitQueue): Co<void> {
    on.add(this);
    try { yield; } finally { on.remove(this); }
  }
  *sleep(on: WaitQueue | readonly WaitQueue[] | undefined): Co<number> {
    for (const waitQueue of on === undefined ? [] : 'length' in on ? on : [on]) yield* this.nap(waitQueue);
    return 0;
  }
}

export class Workers {
  /** Pieces of work that have not ended. */
  pending = 0;
  /** Starts a piece of work; it runs until it sleeps. */
  start(work: (self: Sleeper) => Co<unknown>): void {
    this.pending++;
    new Worker(work, () => { this.pending--; }).wake();
  }
}
