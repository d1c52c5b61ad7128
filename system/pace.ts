/** Compares virtual time with the wall clock. A machine that is behind is not hurried later. */
export class Pace {
  private cycle: number;
  private wall = performance.now();
  constructor(cycle: number) { this.cycle = cycle; }

  /** Milliseconds that virtual time is ahead. */
  lead(cycle: number): number {
    const wall = performance.now(), ahead = (cycle - this.cycle) / 1e6 - (wall - this.wall);
    if (ahead >= 0) return ahead;
    this.cycle = cycle;
    this.wall = wall;
    return 0;
  }
}
