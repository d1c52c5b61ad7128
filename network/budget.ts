/** The budget for bytes that a stack keeps for others. The stack asks its owner before it keeps any, and tells it when they go. */
export interface Budget {
  /** Asks for `bytes`; false: there are not so many. */
  take(bytes: number): boolean;
  give(bytes: number): void;
}

export const UNBOUNDED: Budget = { take: () => true, give: () => {} };

/** A budget of so many bytes. */
export function budgetOf(bytes: number): Budget {
  let left = bytes;
  return {
    take: (n) => { if (n > left) return false; left -= n; return true; },
    give: (n) => { left += n; },
  };
}
