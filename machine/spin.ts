/**
 * A spinning hart skips the rest of its turn. Harts take turns, so the event that a hart waits for in a loop (a lock, a word of memory, a
 * device's flag) cannot come before its turn is over. When a few instructions lead back to the same pc with the same registers, virtual
 * time passes to the end of the turn without executing instructions. If the loop was doing useful work, the hart has only been slow for a
 * turn.
 *
 * Checking costs slices, so it happens only after two turns that ended at about the same place, and less often after a check that found
 * nothing. It depends only on cycles and registers, so it is the same in every tier.
 */
import type { Hart } from './hart/hart.ts';

/** Cycles of a turn before the first check, and the longest loop that counts as spinning, in instructions. */
const FIRST = 100;
const LONGEST = 32;
/** Bytes between the ends of two turns that may lie in one loop. */
const NEAR = 128;
/** Turns without a check after one that found nothing: doubled each time up to the maximum. */
const MOST_REST = 64;

export class Spin {
  private readonly h: Hart;
  /** Cycle of the next check; Infinity = none in this turn. */
  private look = Infinity;
  private tries = 0;
  private readonly seen = new Int32Array(64);
  private seenPc = 0;
  private endedAt = 0;
  private suspicious = false;
  private rest = 0;
  private pause = 1;

  constructor(h: Hart) { this.h = h; }

  /** The hart's turn begins. */
  beginTurn(): void {
    const near = Math.abs(this.h.pcNum - this.endedAt) < NEAR;
    this.endedAt = this.h.pcNum;
    this.look = Infinity;
    this.tries = 0;
    if (!near) this.pause = 1;
    if (this.rest > 0) this.rest--;
    else if (near && this.suspicious) this.look = this.h.sliceEnd + FIRST;
    this.suspicious = near;
  }

  /** The slice continues the previous one, so a reservation holds. */
  get looking(): boolean { return this.tries > 0 && this.look < Infinity; }

  /** The most cycles that the next slice may have. */
  get limit(): number { return this.look > this.h.sliceEnd ? this.look - this.h.sliceEnd : Infinity; }

  /** A slice is over. Does the hart spin? */
  endSlice(): boolean {
    const { h: hart } = this;
    if (hart.sliceEnd < this.look) return false;
    if (hart.sliceEnd > this.look || this.tries > LONGEST) this.giveUp();
    else if (this.tries++ === 0) this.remember();
    else if (hart.pcNum === this.seenPc && this.seen.every((w, i) => w === hart.x32[i])) {
      this.look = Infinity;
      return true;
    } else this.look = hart.sliceEnd + 1;
    return false;
  }

  private remember(): void {
    this.seenPc = this.h.pcNum;
    this.seen.set(this.h.x32);
    this.look = this.h.sliceEnd + 1;
  }

  private giveUp(): void {
    this.look = Infinity;
    this.rest = this.pause;
    this.pause = Math.min(MOST_REST, this.pause * 2);
  }
}
