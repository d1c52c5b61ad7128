/** Address-space numbers: ASIDs of host spaces, VMIDs of guest-physical ones. Freed numbers are used first, last in first out. */
export class Asids {
  readonly #last: number;
  readonly #free: number[] = [];
  #next = 1;

  constructor(last: number) { this.#last = last; }

  /** 0: there is none left. */
  take(): number { return this.#free.pop() ?? (this.#next <= this.#last ? this.#next++ : 0); }
  give(number: number): void { this.#free.push(number); }
}
