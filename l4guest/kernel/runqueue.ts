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

  private before(a: T, b: T): boolean {
    if ((a.rt === 0) !== (b.rt === 0) && this.share > 0) return a.rt === 0;
    return a.rt !== b.rt ? a.rt > b.rt : a.rt === 0 && a.virtual < b.virtual;
  }
  get realTimeWaits(): boolean { return this.list.some((x) => x.rt > 0); }
  private get othersWait(): boolean { return this.list.some((x) => x.rt === 0); }
  /** Time until the others' turn begins, or for one of them, ends; ns. */
  turnEnds(t: T): number {
    return t.rt > 0 ? (this.othersWait ? Math.max(0, PERIOD - SHARE - this.held) : Infinity)
      : this.share > 0 && this.list.some((x) => x.rt > 0) ? this.share
      : Infinity;
  }
  private noteTurn(t: T, ns: number): void {
    if (t.rt === 0) { if (this.share > 0) { this.share -= ns; if (this.share <= 0) this.share = this.held = 0; } return; }
    if (!this.othersWait) { this.held = this.share = 0; return; }
    this.held += ns;
    if (this.held >= PERIOD - SHARE) { this.share = SHARE; this.held = 0; }
  }

  push(t: T): void { this.list.push(t); }
  /** A thread that slept becomes ready. */
  pushWoken(t: T): void {
    t.virtual = Math.max(t.virtual, this.floor - CREDIT);
    this.list.push(t);
  }
  /** A new thread starts with its parent's virtual time. */
  pushNew(t: T, parent: T): void {
    t.virtual = Math.max(parent.virtual, this.floor);
    this.list.push(t);
  }
  shift(): T | undefined {
    const list = this.list;
    let best = 0;
    for (let i = 1; i < list.length; i++) if (this.before(list[i]!, list[best]!)) best = i;
    const t = list[best];
    if (t === undefined) return undefined;
    list.splice(best, 1);
    if (t.rt === 0) this.floor = Math.max(this.floor, t.virtual);
    return t;
  }
  remove(t: T): void { const i = this.list.indexOf(t); if (i >= 0) this.list.splice(i, 1); }
  /** Charges processor time. */
  used(t: T, ns: number): void {
    if (t.rt > 0 || this.share > 0) this.noteTurn(t, ns);
    t.virtual += t.policy === IDLE ? ns * 256 : t.nice === 0 ? ns : ns / weight(t.nice);
  }
  /** Whether a ready thread takes precedence over the running `t`. */
  beats(t: T): boolean {
    const turn = this.share > 0;
    for (const other of this.list)
      if (turn && (other.rt === 0) !== (t.rt === 0)
        ? other.rt === 0
        : other.rt > t.rt || (t.rt === 0 && other.virtual + PREEMPT < t.virtual))
        return true;
    return false;
  }
  /** Whether the end of its slice takes the processor from `t`: not from SCHED_FIFO, nor from real time by others. */
  sliceEnds(t: T): boolean { return t.rt === 0 || this.share > 0 || (t.policy !== FIFO && this.list.some((other) => other.rt >= t.rt)); }
  /** sched_yield: after all ready threads. */
  stepBack(t: T): void { for (const other of this.list) t.virtual = Math.max(t.virtual, other.virtual + 1); }
}
