/** Writes standard output and error synchronously, so that a guest's output is complete before the machine continues. */
import { writeSync } from 'node:fs';
import { Exit, fileError, type CliError } from './errors.ts';

/** Descriptors that are no longer writable: the reader has gone, or an error occurred. */
const closed = new Set<number>();
let failure: CliError | undefined;
const nap = new Int32Array(new SharedArrayBuffer(4));

/**
 * Why standard output could not be written, apart from a reader that has gone. Reported at the end, because the writer is inside the
 * machine.
 */
export const outputFailure = (): CliError | undefined => failure;

/** The reader of standard output has gone, or a write failed, so part of the output is lost. */
export const outputLost = (): boolean => closed.has(1);

/** Writes all bytes; waits for a full pipe. Returns false when the reader has gone or the write fails. */
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
