/** Standard output and error written at once, so that what a guest has put out is out before the machine goes on. */
import { writeSync } from 'node:fs';

const closed = new Set<number>();
const nap = new Int32Array(new SharedArrayBuffer(4));

/** Writes all bytes; waits for a full pipe. Answers false when nobody reads the other end any more. */
export function writeNow(fd: number, bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length && !closed.has(fd); ) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') Atomics.wait(nap, 0, 0, 2);
      else if (code === 'EPIPE') closed.add(fd);
      else throw error;
    }
  }
  return !closed.has(fd);
}
