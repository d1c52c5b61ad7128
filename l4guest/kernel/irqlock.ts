/**
 * The lock that stands where a kernel disables interrupts. The server holds it from the moment a call, a fault or an interrupt reaches it
 * until it waits again; whoever brings an interrupt waits at the server's door until then, and nobody else does: a task beside the server
 * does not know that there is a lock.
 *
 *   event ─→ held ─→ work ─→ … `most` cycles have passed: opened, interrupts come in, held again … ─→ user mode, or idle: open
 *
 * So no call holds it longer than `most`, however much it does: what is left of its time passes in further pieces. What the system below
 * charges for maps and messages is not counted here.
 */
export const USUAL_HOLD = 100_000;

export class IrqLock {
  /** Longest hold, in cycles (ns). */
  readonly most: number;
  /** Longest that it was held. */
  longest = 0;
  /** Pieces after which it was opened in the middle of work. */
  opened = 0;
  /** Interrupts that came in then. */
  admitted = 0;
  /** Longest that a timer's interrupt came after its time, ns: with all that ran before it, here or elsewhere. */
  latest = 0;
  private held = 0;
  constructor(most: number = USUAL_HOLD) { this.most = most; }

  /** Cycles that may still pass before it has to be opened. */
  get left(): number { return this.most - this.held; }
  /** Somebody has come in. */
  taken(): void { this.held = 0; }
  /** Cycles pass while it is held. */
  passes(cycles: number): void {
    this.held += cycles;
    if (this.held > this.longest) this.longest = this.held;
  }
  /** It is opened in the middle of work. */
  open(): void { this.held = 0; this.opened++; }
  /** A timer's interrupt is in, so much after its time. */
  late(ns: number): void { if (ns > this.latest) this.latest = ns; }
}
