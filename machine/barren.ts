/**
 * Detects harts that only take exceptions: a trap handler that faults at once never reaches an instruction limit, because no instruction
 * retires. Many exceptions in a row without an instruction count as reaching it. The count is taken at the end of a round, so it is the
 * same in every tier.
 */
import type { Hart } from './hart/hart.ts';
import { TRAP_INTERRUPT } from './hart/trap.ts';

/** Bound for exceptions in a row without an instruction, over all harts. */
const MOST = 100_000;

export class Barren {
  private readonly harts: readonly Hart[];
  /** Instructions retired at the last check, and exceptions at the first check without progress; -1 = there was progress. */
  private instructions = -1;
  private exceptions = -1;

  constructor(harts: readonly Hart[]) { this.harts = harts; }

  /** Called after each round with the instructions retired since reset: true when the harts have only taken exceptions for too long. */
  atRoundsEnd(instructions: number): boolean {
    if (instructions !== this.instructions) {
      this.instructions = instructions;
      this.exceptions = -1;
      return false;
    }
    const exceptions = this.harts.reduce((sum, h) => sum + h.traps.subarray(0, TRAP_INTERRUPT).reduce((a, b) => a + b, 0), 0);
    if (this.exceptions < 0) this.exceptions = exceptions;
    return exceptions - this.exceptions >= MOST;
  }
}
