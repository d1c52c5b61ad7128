/**
 * The budget of a context with a period, as a sporadic server keeps it: used time returns one period after the moment from which it was
 * usable, so that no context gets two budgets in a row across the end of a period. The pieces form a list, first due first; together they
 * always equal the budget. A list that is full joins pieces, the earlier one waiting for the later.
 *
 *   time    0           100                  pieces of a budget of 30 in a period of 100
 *           ████░░░░░░░░                     runs 0 … 20, then waits for something until 60
 *                 ██                         runs 60 … 70: the budget is used up
 *                       ████  ██             20 are back at 100, 10 at 160
 */
const PIECES = 8;
/** Pieces smaller than this (cycles) wait for the next: a switch costs more than they are worth. */
const LEAST = 256;

export class Refills {
  readonly budget: number;
  readonly period: number;
  readonly #times: number[];
  readonly #amounts: number[];
  /** The part of the first piece given out at the last `settle`. */
  #given: number;

  constructor(budget: number, period: number, now: number) {
    this.budget = budget;
    this.period = period;
    this.#times = [now];
    this.#amounts = [budget];
    this.#given = budget;
  }

  /** When the next piece may be used. */
  get time(): number { return this.#times[0]; }

  /**
   * Brings the account up to date at `now`, with `left` of what was handed out last; returns the usable cycles (0: none before `time`).
   * `awake`: the context starts to run after a wait, so its budget counts from now on.
   */
  settle(left: number, now: number, awake: boolean): number {
    this.#use(this.#given - left);
    if (awake && this.#times[0] < now) this.#times[0] = now;
    while (this.#times.length > 1 && (this.#times[1] <= this.#times[0] + this.#amounts[0] || this.#amounts[0] < LEAST)) this.#join();
    return (this.#given = this.#times[0] <= now ? this.#amounts[0] : 0);
  }

  /** The first two pieces become one: contiguous ones as they are, a small one when the second is due. */
  #join(): void {
    const time = this.#times.shift()!, amount = this.#amounts.shift()!;
    this.#amounts[0] += amount;
    if (this.#times[0] <= time + amount) this.#times[0] = time;
  }

  #use(used: number): void {
    const rounds = Math.floor(used / this.budget); // more than there is: that much later
    let rest = used - rounds * this.budget;
    if (rounds > 0) for (let i = 0; i < this.#times.length; i++) this.#times[i] += rounds * this.period;
    while (rest > 0) {
      const time = this.#times[0], amount = Math.min(rest, this.#amounts[0]);
      rest -= amount;
      if (amount === this.#amounts[0]) { this.#times.shift(); this.#amounts.shift(); } else {
        this.#amounts[0] -= amount;
        this.#times[0] = time + amount;
      }
      this.#comesBack(time + this.period, amount);
    }
  }

  #comesBack(time: number, amount: number): void {
    const last = this.#times.length - 1;
    if (last >= 0 && (last + 1 >= PIECES || time <= this.#times[last] + this.#amounts[last])) {
      this.#times[last] = Math.max(this.#times[last], time - this.#amounts[last]);
      this.#amounts[last] += amount;
    } else {
      this.#times.push(time);
      this.#amounts.push(amount);
    }
  }

  /** The pieces, for audits: when and how much. */
  *pieces(): Generator<{ readonly time: number; readonly amount: number }> {
    for (let i = 0; i < this.#times.length; i++) yield { time: this.#times[i], amount: this.#amounts[i] };
  }
}
