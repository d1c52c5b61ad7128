/** The result of a loader: the value, or one line that says what is wrong with the file. */
export type Loaded<T> = { ok: true; value: T } | { ok: false; error: string };

export function loaded<T>(value: T): Loaded<T> {
  return { ok: true, value };
}

export function refused<T>(error: string): Loaded<T> {
  return { ok: false, error };
}
