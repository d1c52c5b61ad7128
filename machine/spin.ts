/**
 * A hart that spins does not burn its turn. Harts take turns, so what a hart waits for in a loop (a lock, a word of memory, a device's
 * flag) cannot come before its turn is over. When a few instructions bring it back to the same pc with the same registers, the rest of
 * its turn passes without it: virtual time goes on, instructions are not executed. If the loop did something after all, the hart has only
 * been slow for a turn.
 *
 * Looking costs slices, so it is done only after two turns that ended at about the same place, and less often where it found nothing. All
 * of it depends on cycles and registers alone: it is the same in every tier.
 */
import type { Hart } from './hart/hart.ts';

/** Cycles of a turn before the first look, and the longest loop that counts as spinning, in instructions. */
const FIRST = 100;
const LONGEST = 32;
/** Bytes between the ends of two turns in what may be one loop. */
const NEAR = 128;
/** Turns without a look after one that found nothing: doubled each time up to the most. */
const MOST_REST = 64;

export class Spin {
  private readonly h: Hart;
  /** Cycle of the next look; Infinity = none in this turn. */
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

  /** The slice goes on with the one before: a reservation holds. */
  get looking(): boolean { return this.tries > 0 && this.look < Infinity; }

  /** The most cycles that the next slice may have. */
  get limit(): number { return this.look > this.h.sliceEnd ? this.look - this.h.sliceEnd : Infinity; }

  /** A slice is over. Does the hart spin? */
  endSlice(): boolean {
    const { h } = this;
    if (h.sliceEnd < this.look) return false;
    if (h.sliceEnd > this.look || this.tries > LONGEST) this.giveUp();
    else if (this.tries++ === 0) this.remember();
    else if (h.pcNum === this.seenPc && this.seen.every((w, i) => w === h.x32[i])) {
      this.look = Infinity;
      return true;
    } else this.look = h.sliceEnd + 1;
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
