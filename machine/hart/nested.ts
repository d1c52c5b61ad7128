/**
 * Software that does nothing but fault: its handler faults, for which its handler is called, which faults. Nothing could stop it but who
 * started it. Faults of a mode inside that mode's own handler are counted until it returns from one; real systems nest a few.
 */
/** So many without a return, with hardly an instruction between two of them, are for ever. */
export const MOST_NESTED = 100_000;
const HARDLY = 1000;

export class NestedFaults {
  /** The first of those that are counted. */
  pcLo = 0;
  pcHi = 0;
  cause = 0;
  tvalLo = 0;
  tvalHi = 0;
  private count = 0;
  private at = 0;

  /** A fault in a handler's own mode; `at` = instructions so far. Answers whether there are too many. */
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
