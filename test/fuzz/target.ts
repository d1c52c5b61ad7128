export interface FuzzTarget {
  /** Well-formed inputs, from which others are made. */
  readonly seeds: readonly Uint8Array[];
  run(input: Uint8Array): void;
  /** Releases the target's resources. */
  close?(): void;
}
