/**
 * A page that the guest's kernel maps, writes and fences over and over, as Linux does wherever it changes its own text. While no shadow has
 * it, a fence of it has nothing to do, and a stub finds that out without leaving the guest (translate/stub-code.ts); it stays like that
 * as long as the monitor performs the few stores between two fences.
 */
import { Field, type VirtualState } from '../translate/virtual-state.ts';

/** No page: there is nothing at such an address that a fence could concern. */
const NONE = 0x8000_0000_0000_0001n;
/** Fences of the same page in a row after which it is this one; stores to bytes that follow each other, after which the guest has it. */
const AGAIN = 8, MOST = 8;

export class FencedPage {
  readonly #state: VirtualState;
  /** Fenced last, and how often in a row. */
  #last: number | undefined;
  #times = 0;
  /** Its address, as a signed number. */
  #at: number | undefined;
  #isAbsent = false;
  /** Where the last store ended, and how many before it have ended where the next began. */
  #end = 0;
  #run = 0;

  constructor(state: VirtualState) {
    this.#state = state;
    state.set(Field.absent, NONE);
  }
  #publish(isAbsent: boolean): void {
    if (isAbsent === this.#isAbsent) return;
    this.#isAbsent = isAbsent;
    this.#state.set(Field.absent, isAbsent ? BigInt.asUintN(64, BigInt(this.#at!)) : NONE);
  }

  /** The guest has fenced a page, which no shadow has any more if it `isAbsent`. `may`: it can be this one. */
  fenced(at: number, isAbsent: boolean, may: boolean): void {
    this.#times = at === this.#last ? this.#times + 1 : 0;
    this.#last = at;
    if (may && this.#times >= AGAIN && at !== this.#at) {
      this.#publish(false);
      this.#at = at;
    }
    if (at === this.#at) this.#publish(isAbsent);
  }
  /** Pages come into a shadow. */
  filled(at: number, size: number): void { if (this.#isAbsent && this.#at! >= at && this.#at! < at + size) this.#publish(false); }

  /** Is it this page? */
  is(at: number): boolean { return at === this.#at; }
  /** May the monitor perform a store there, of bytes from this offset? */
  takes(at: number, offset: number): boolean {
    if (!this.#isAbsent || at !== this.#at) return false;
    this.#run = offset === this.#end ? this.#run + 1 : 0;
    return this.#run < MOST;
  }
  /** … which it has. */
  stored(end: number): void { this.#end = end; }
}
