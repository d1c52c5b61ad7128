/** Standard output and error written at once, so that what a guest has put out is out before the machine goes on. */
import { writeSync } from 'node:fs';
import { Exit, fileError, type CliError } from './errors.ts';

/** Descriptors that cannot be written any more: nobody reads the other end, or there was an error. */
const closed = new Set<number>();
let failure: CliError | undefined;
const nap = new Int32Array(new SharedArrayBuffer(4));

/**
 * Why standard output could not be written, other than that its reader has gone. To be told at the end: who writes is inside the machine.
 */
export const outputFailure = (): CliError | undefined => failure;

/** Nobody reads standard output any more, or it could not be written: not all that was to be said has arrived. */
export const outputLost = (): boolean => closed.has(1);

/** Writes all bytes; waits for a full pipe. Answers false when nobody reads the other end any more, or it cannot be written. */
export function writeNow(fd: number, bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length && !closed.has(fd); ) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') Atomics.wait(nap, 0, 0, 2);
      else {
        closed.add(fd);
        if (code !== 'EPIPE' && fd === 1) failure = fileError('output', 'standard output', error, '', Exit.failure);
      }
    }
  }
  return !closed.has(fd);
}
