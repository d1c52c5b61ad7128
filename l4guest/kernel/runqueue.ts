/**
 * Chooses the next thread: the ready thread with the least processor time, weighted by niceness (Linux's CFS in a list). A thread that
 * slept returns slightly ahead of the others, so that threads waiting for keys or pipes run before computing ones. Threads with a
 * real-time priority come before all others, by priority, then in the order in which they became ready.
 */
/** The scheduling state of a thread; see Thread. */
export interface Runnable { readonly rt: number; readonly policy: number; readonly nice: number; virtual: number }

/** Largest head start after a sleep, and the lead required to preempt another thread; ns. */
const CREDIT = 6_000_000, PREEMPT = 1_000_000;
/** One step of niceness is a factor of 1.25. */
const weight = (nice: number): number => 1.25 ** -nice;

const FIFO = 1, IDLE = 5;
/** Share of each period that real-time threads leave to the others (Linux's fair server); ns. */
const PERIOD = 1_000_000_000, SHARE = 50_000_000;

export class RunQueue<T extends Runnable> {
  private readonly list: T[] = [];
  /** Virtual time of the thread chosen last: never goes back. */
  private floor = 0;
  get length(): number { return this.list.length; }
  /** Time that real-time threads have run while others waited, and the others' remaining share in their turn. */
  private held = 0;
  private share = 0;

  private before(first: T, second: T): boolean {
    if ((first.rt === 0) !== (second.rt === 0) && this.share > 0) return first.rt === 0;
    return first.rt !== second.rt ? first.rt > second.rt : first.rt === 0 && first.virtual < second.virtual;
  }
  get realTimeWaits(): boolean { return this.list.some((x) => x.rt > 0); }
  private get othersWait(): boolean { return this.list.some((x) => x.rt === 0); }
  /** Time until the others' turn begins, or until it ends if `thread` is one of them; ns. */
  turnEnds(thread: T): number {
    return thread.rt > 0 ? (this.othersWait ? Math.max(0, PERIOD - SHARE - this.held) : Infinity)
      : this.share > 0 && this.list.some((x) => x.rt > 0) ? this.share
      : Infinity;
  }
  private noteTurn(thread: T, ns: number): void {
    if (thread.rt === 0) { if (this.share > 0) { this.share -= ns; if (this.share <= 0) this.share = this.held = 0; } return; }
    if (!this.othersWait) { this.held = this.share = 0; return; }
    this.held += ns;
    if (this.held >= PERIOD - SHARE) { this.share = SHARE; this.held = 0; }
  }

  push(t: T): void { this.list.push(t); }
  /** A thread that slept becomes ready. */
  pushWoken(thread: T): void {
    thread.virtual = Math.max(thread.virtual, this.floor - CREDIT);
    this.list.push(thread);
  }
  /** A new thread starts with its parent's virtual time. */
  pushNew(thread: T, parent: T): void {
    thread.virtual = Math.max(parent.virtual, this.floor);
    this.list.push(thread);
  }
  shift(): T | undefined {
    const list = this.list;
    let best = 0;
    for (let i = 1; i < list.length; i++) if (this.before(list[i]!, list[best]!)) best = i;
    const thread = list[best];
    if (thread === undefined) return undefined;
    list.splice(best, 1);
    if (thread.rt === 0) this.floor = Math.max(this.floor, thread.virtual);
    return thread;
  }
  remove(t: T): void { const i = this.list.indexOf(t); if (i >= 0) this.list.splice(i, 1); }
  /** Charges processor time. */
  used(thread: T, ns: number): void {
    if (thread.rt > 0 || this.share > 0) this.noteTurn(thread, ns);
    thread.virtual += thread.policy === IDLE ? ns * 256 : thread.nice === 0 ? ns : ns / weight(thread.nice);
  }
  /** Whether a ready thread takes precedence over the running `thread`. */
  beats(thread: T): boolean {
    const turn = this.share > 0;
    for (const other of this.list)
      if (turn && (other.rt === 0) !== (thread.rt === 0)
        ? other.rt === 0
        : other.rt > thread.rt || (thread.rt === 0 && other.virtual + PREEMPT < thread.virtual))
        return true;
    return false;
  }
  /**
   * Whether the end of its slice takes the processor from the thread: not from SCHED_FIFO, and not from a real-time thread for ordinary
   * ones.
   */
  sliceEnds(t: T): boolean { return t.rt === 0 || this.share > 0 || (t.policy !== FIFO && this.list.some((other) => other.rt >= t.rt)); }
  /** sched_yield: moves the thread behind all ready ones. */
  stepBack(t: T): void { for (const other of this.list) t.virtual = Math.max(t.virtual, other.virtual + 1); }
}
