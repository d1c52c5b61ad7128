/**
 * Detects software that only faults: its handler faults, which calls the handler, which faults again. Only the person who started the
 * machine could stop it. The count of faults in a mode's own handler starts anew when a handler returns; real systems nest a few.
 */
/** This many without a return, with hardly an instruction between two of them, never end. */
export const MOST_NESTED = 100_000;
const HARDLY = 1000;

export class NestedFaults {
  /** The first counted fault. */
  pcLo = 0;
  pcHi = 0;
  cause = 0;
  tvalLo = 0;
  tvalHi = 0;
  private count = 0;
  private at = 0;

  /** Counts a fault in a handler's own mode; `at` = instructions so far. Returns whether there are too many. */
  another(at: number, pcLo: number, pcHi: number, cause: number, tvalLo: number, tvalHi: number): boolean {
    if (this.count === 0 || at - this.at > HARDLY) {
      this.count = 0;
      this.pcLo = pcLo; this.pcHi = pcHi; this.cause = cause; this.tvalLo = tvalLo; this.tvalHi = tvalHi;
    }
    this.at = at;
    return ++this.count > MOST_NESTED;
  }
  /** A handler has returned. */
  over(): void { this.count = 0; }
}
