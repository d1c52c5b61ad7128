export const ThreadState = { inactive: 0, ready: 1, receiving: 2, sending: 3, calling: 4, semaphore: 5, stopped: 6, dead: 7 } as const;

/** Where a context is: without a thread, in a run queue, running, behind a blocked thread, or out of budget. */
export const Place = { nowhere: 0, queue: 1, current: 2, blocked: 3, depleted: 4 } as const;
