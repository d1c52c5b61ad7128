/** The budget for bytes that a stack stores for others. The stack asks its owner before it stores any and reports when it frees them. */
export interface Budget {
  /** Reserves `bytes`; false: the budget does not allow them. */
  take(bytes: number): boolean;
  give(bytes: number): void;
}

export const UNBOUNDED: Budget = { take: () => true, give: () => {} };

/** A budget of bytes. */
export function budgetOf(bytes: number): Budget {
  let left = bytes;
  return {
    take: (n) => { if (n > left) return false; left -= n; return true; },
    give: (n) => { left += n; },
  };
}
