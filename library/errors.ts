/** One class of error for every mistake that a user of the library can correct. */
import { SystemError } from '../system/system.ts';
import { TooMuchMemory } from '../system/ram.ts';

/** Converts errors of lower layers into the user's. */
export function asSystemError(error: unknown): unknown {
  return error instanceof TooMuchMemory ? new SystemError(`${error.message}: machine, kernel and guest share 4 GiB`) : error;
}

/** A size in bytes of a number or of a text like '64M'. */
export { bytesOfSize } from '../roottask/scenario.ts';
