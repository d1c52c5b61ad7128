/** Work that mostly ends at once and sometimes sleeps: a value, or a generator that returns it. Code without sleeps stays ordinary code. */
import type { Co, Sleeper } from './wait.ts';

export type Later<T> = T | Co<T>;

const isCo = (x: unknown): boolean => typeof x === 'object' && x !== null && typeof (x as { next?: unknown }).next === 'function';

/** Continues with the value, now or when it is available. */
export function after<T, U>(x: Later<T>, then: (value: T) => Later<U>): Later<U> {
  return isCo(x) ? goOn(x as Co<T>, then) : then(x as T);
}
function* goOn<T, U>(co: Co<T>, then: (value: T) => Later<U>): Co<U> { return yield* sooner(then(yield* co)); }

/** Returns the value, sleeping if necessary: for code that is a generator anyway. */
export function* sooner<T>(x: Later<T>): Co<T> { return isCo(x) ? yield* x as Co<T> : x as T; }

/**
 * Thrown by work that needs data outside memory: a directory's names, a file's page. The code that throws it has changed nothing, so the
 * call can fetch the data and restart, just as a bad address can fail the call (`UserFault`).
 */
export class NotHere {
  /** Fetches it; returns 0, or the call's -errno. */
  readonly fetch: (t: Sleeper) => Co<number>;
  constructor(fetch: (t: Sleeper) => Co<number>) { this.fetch = fetch; }
}

/** Repeats an attempt, fetching the data it needs in between. `now`: the time from which fetched data counts as fresh. */
export function* persist<T>(sleeper: Sleeper, now: number, attempt: () => Later<T>, failed: (errno: number) => T, need?: NotHere): Co<T> {
  sleeper.since = now;
  try {
    for (;;) {
      if (need) {
        const fetched = yield* need.fetch(sleeper);
        if (fetched < 0) return failed(fetched);
      }
      try { return yield* sooner(attempt()); } catch (error) {
        if (!(error instanceof NotHere)) throw error;
        need = error;
      }
    }
  } finally { sleeper.since = Infinity; }
}

/** One step of a call that has already made changes: repeated until its data is available. Its errors end the step. */
export function* here(sleeper: Sleeper, step: () => Later<number>): Co<number> {
  for (;;) {
    try { return yield* sooner(step()); } catch (error) {
      if (!(error instanceof NotHere)) throw error;
      const fetched = yield* error.fetch(sleeper);
      if (fetched < 0) return fetched;
    }
  }
}
