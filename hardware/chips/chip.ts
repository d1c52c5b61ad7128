/** What a chip is to who builds it in: a window of registers. Its lines, memory and outsides came to it when it was made. */

/** What can be kept in a file: plain data, nothing that lives. */
export type Plain = null | boolean | number | string | Uint8Array | readonly Plain[] | { readonly [name: string]: Plain };

/**
 * Registers at offsets 0 … size-1. Accesses are of 1, 2 or 4 bytes and lie inside the window; values are unsigned.
 * `load` of what `save` gave, into a chip made alike with the same memory, line and outside, goes on as the first chip would have.
 */
export interface Chip<State extends Plain = Plain> {
  readonly name: string;
  readonly size: number;
  read(offset: number, size: number): number;
  write(offset: number, value: number, size: number): void;
  /** Power-on state. */
  reset(): void;
  save(): State;
  load(state: State): void;
}
