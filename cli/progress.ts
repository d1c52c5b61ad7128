/** Progress of long work, on the terminal: nothing in the first two seconds, and nothing without a terminal. */
const FIRST_MS = 2000, NEXT_MS = 250;

export class Progress {
  readonly #what: string;
  readonly #isSeen = process.stderr.isTTY === true;
  #next = performance.now() + FIRST_MS;
  #isShown = false;

  /** `what`: in a few words, such as `reading the trace`. */
  constructor(what: string) { this.#what = what; }

  /** `share`: from 0 to 1. */
  at(share: number, more = ''): void {
    if (!this.#isSeen || performance.now() < this.#next) return;
    this.#next = performance.now() + NEXT_MS;
    this.#isShown = true;
    process.stderr.write(`\r${this.#what}: ${Math.floor(100 * share)} %${more}\x1b[K`);
  }

  /** The line goes away. */
  end(): void {
    if (this.#isShown) process.stderr.write('\r\x1b[K');
    this.#isShown = false;
  }
}
