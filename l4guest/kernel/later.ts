/**
 * Work that mostly ends at once and sometimes sleeps: a value, or the generator that will have it. Plain code stays plain where nothing
 * sleeps.
 */
import type { Co, Sleeper } from './wait.ts';

export type Later<T> = T | Co<T>;

const isCo = (x: unknown): boolean => typeof x === 'object' && x !== null && typeof (x as { next?: unknown }).next === 'function';

/** Goes on with the value, now or when it is there. */
export function after<T, U>(x: Later<T>, then: (value: T) => Later<U>): Later<U> {
  return isCo(x) ? goOn(x as Co<T>, then) : then(x as T);
}
function* goOn<T, U>(co: Co<T>, then: (value: T) => Later<U>): Co<U> { return yield* sooner(then(yield* co)); }

/** The value, slept for where it takes time: for code that is a generator anyway. */
export function* sooner<T>(x: Later<T>): Co<T> { return isCo(x) ? yield* x as Co<T> : x as T; }

/**
 * Thrown by work that needs what is not in memory: a directory's names, a file's page. Whatever throws it has changed nothing, so that
 * the call may fetch what is missing and be made again, as one that meets a bad address may fail (`UserFault`).
 */
export class NotHere {
  /** Gets it; answers 0, or -errno that the call ends with. */
  readonly fetch: (t: Sleeper) => Co<number>;
  constructor(fetch: (t: Sleeper) => Co<number>) { this.fetch = fetch; }
}

/** Makes an attempt again and again, fetching in between what it needs. `now`: the time, from which on what it fetches is fresh. */
export function* persist<T>(t: Sleeper, now: number, attempt: () => Later<T>, failed: (errno: number) => T, need?: NotHere): Co<T> {
  t.since = now;
  try {
    for (;;) {
      if (need) {
        const r = yield* need.fetch(t);
        if (r < 0) return failed(r);
      }
      try { return yield* sooner(attempt()); } catch (e) {
        if (!(e instanceof NotHere)) throw e;
        need = e;
      }
    }
  } finally { t.since = Infinity; }
}

/** One step of a call that has changed things already: made again until what it needs is here. Its errors end the step. */
export function* here(t: Sleeper, step: () => Later<number>): Co<number> {
  for (;;) {
    try { return yield* sooner(step()); } catch (e) {
      if (!(e instanceof NotHere)) throw e;
      const r = yield* e.fetch(t);
      if (r < 0) return r;
    }
  }
}
