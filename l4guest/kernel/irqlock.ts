/**
 * The lock that replaces disabling interrupts. The server holds it from the arrival of a call, a fault or an interrupt until it waits
 * again; a thread with an interrupt waits for the lock until then. Other tasks are not affected by the lock.
 *
 *   event ─→ held ─→ work ─→ … `most` cycles have passed: opened, interrupts come in, held again … ─→ user mode, or idle: open
 *
 * So no call holds it longer than `most`, however much it does: the rest of its time passes in further pieces. Charges of the system below
 * for maps and messages do not count here.
 */
export const USUAL_HOLD = 100_000;

export class IrqLock {
  /** Longest hold, in cycles (ns). */
  readonly most: number;
  /** Longest hold so far. */
  longest = 0;
  /** Openings in the middle of work. */
  opened = 0;
  /** Interrupts that were handled then. */
  admitted = 0;
  /** Longest delay of a timer interrupt, ns, including everything that ran before it, in this server or elsewhere. */
  latest = 0;
  private held = 0;
  constructor(most: number = USUAL_HOLD) { this.most = most; }

  /** Cycles left before the lock must open. */
  get left(): number { return this.most - this.held; }
  /** An interrupt has entered: the lock is held from now. */
  taken(): void { this.held = 0; }
  /** Cycles pass while the lock is held. */
  passes(cycles: number): void {
    this.held += cycles;
    if (this.held > this.longest) this.longest = this.held;
  }
  /** The lock opens in the middle of work. */
  open(): void { this.held = 0; this.opened++; }
  /** A timer interrupt has entered with this delay. */
  late(ns: number): void { if (ns > this.latest) this.latest = ns; }
}
