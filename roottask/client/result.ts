/** The answer of a server: the value, or a status code (microkernel/abi/status.ts) with its text. */
import { Status, statusName } from '../../microkernel/abi/index.ts';

export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly status: number; readonly what: string };

export const good = <T>(value: T): Result<T> => ({ ok: true, value });
export const bad = (status: number, what: string): Result<never> => ({ ok: false, status, what: `${what}: ${statusName(status)}` });

/** The value, or an exception with the error's words: for start-up code that cannot continue without it. */
export function valueOf<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.what);
  return result.value;
}
/** The partner does not exist (killed, crashed, not yet restarted). */
export const isDead = (r: Result<unknown>): boolean => !r.ok && (r.status === Status.dead || r.status === Status.badCap);
