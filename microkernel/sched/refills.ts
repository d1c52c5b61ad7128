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

/** So much may be used from then on. */
interface Piece { time: number; amount: number }

export class Refills {
  readonly budget: number;
  readonly period: number;
  readonly #pieces: Piece[];
  /** What of the first piece was handed out at the last `settle`. */
  #given: number;

  constructor(budget: number, period: number, now: number) {
    this.budget = budget;
    this.period = period;
    this.#pieces = [{ time: now, amount: budget }];
    this.#given = budget;
  }

  get pieces(): readonly Readonly<Piece>[] { return this.#pieces; }
  /** When the next piece may be used. */
  get time(): number { return this.#pieces[0].time; }

  /**
   * Brings the account up to date at `now`, with `left` of what was handed out last; returns the usable cycles (0: none before `time`).
   * `awake`: the context starts to run after a wait, so its budget counts from now on.
   */
  settle(left: number, now: number, awake: boolean): number {
    this.#use(this.#given - left);
    let first = this.#pieces[0];
    if (awake && first.time < now) first.time = now;
    for (let next = this.#pieces[1]; next && (next.time <= first.time + first.amount || first.amount < LEAST); next = this.#pieces[1])
      first = this.#join(first, next);
    return (this.#given = first.time <= now ? first.amount : 0);
  }

  /** The first two pieces become one: contiguous ones as they are, a small one when the second is due. */
  #join(first: Piece, next: Piece): Piece {
    this.#pieces.shift();
    if (next.time <= first.time + first.amount) next.time = first.time;
    next.amount += first.amount;
    return next;
  }

  #use(used: number): void {
    const rounds = Math.floor(used / this.budget); // more than there is: that much later
    let rest = used - rounds * this.budget;
    if (rounds > 0) for (const piece of this.#pieces) piece.time += rounds * this.period;
    while (rest > 0) {
      const first = this.#pieces[0], { time } = first, amount = Math.min(rest, first.amount);
      rest -= amount;
      first.amount -= amount;
      first.time += amount;
      if (first.amount === 0) this.#pieces.shift();
      this.#comesBack(time + this.period, amount);
    }
  }

  #comesBack(time: number, amount: number): void {
    const last = this.#pieces.at(-1);
    if (last && (this.#pieces.length >= PIECES || time <= last.time + last.amount)) {
      last.time = Math.max(last.time, time - last.amount);
      last.amount += amount;
    } else this.#pieces.push({ time, amount });
  }
}
