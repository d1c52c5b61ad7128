/** Compares virtual time with the wall clock. A machine that has fallen behind does not catch up. */
export class Pace {
  private cycle: number;
  private wall = performance.now();
  constructor(cycle: number) { this.cycle = cycle; }

  /** Milliseconds by which virtual time is ahead. */
  lead(cycle: number): number {
    const wall = performance.now(), ahead = (cycle - this.cycle) / 1e6 - (wall - this.wall);
    if (ahead >= 0) return ahead;
    this.cycle = cycle;
    this.wall = wall;
    return 0;
  }
}
