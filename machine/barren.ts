/**
 * Harts that take exceptions and nothing else: a trap handler that faults at once would never come to a limit of instructions, as none
 * retires. Many exceptions in a row without an instruction count as the limit. Counted at the ends of rounds, so it is the same in every
 * tier.
 */
import type { Hart } from './hart/hart.ts';
import { TRAP_INTERRUPT } from './hart/trap.ts';

/** Exceptions in a row without an instruction, over all harts, that are too many. */
const MOST = 100_000;

export class Barren {
  private readonly harts: readonly Hart[];
  /** What had retired at the last look, and the exceptions since nothing more did; -1 = something had. */
  private instructions = -1;
  private exceptions = -1;

  constructor(harts: readonly Hart[]) { this.harts = harts; }

  /** A round is over, and so many instructions have retired since reset. Do the harts, for long already, only take exceptions? */
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
