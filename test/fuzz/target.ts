export interface FuzzTarget {
  /** Well-formed inputs, from which others are made. */
  readonly seeds: readonly Uint8Array[];
  run(input: Uint8Array): void;
  /** Lets go of what it holds. */
  close?(): void;
}
