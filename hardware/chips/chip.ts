/** A chip as the board or the monitor sees it: a window of registers. Its maker passes in its lines, memory and ports. */

/** Plain data that a file can hold; no live objects. */
export type Plain = null | boolean | number | string | Uint8Array | readonly Plain[] | { readonly [name: string]: Plain };

/**
 * Registers at offsets 0 … size-1. Accesses are of 1, 2 or 4 bytes and lie inside the window; values are unsigned.
 * A second chip with the same memory, line and ports that loads what `save` returned behaves from then on as the first one would.
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
