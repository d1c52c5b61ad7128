/** Long answers on standard output, in bounded memory. */
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';

const PIECE = 2 ** 16;

/** Combines small pieces into larger ones. */
export function* gathered(pieces: Iterable<string | Uint8Array>): Generator<Buffer> {
  let list: Uint8Array[] = [], length = 0;
  for (const piece of pieces) {
    const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece;
    list.push(bytes);
    length += bytes.length;
    if (length < PIECE) continue;
    yield Buffer.concat(list);
    list = [];
    length = 0;
  }
  yield Buffer.concat(list);
}

/**
 * Writes all pieces, and waits for a slow reader. A pipe takes what is written at once, but Node keeps a note of each write until the event
 * loop turns, so it turns after each.
 */
export async function toStandardOutput(pieces: Iterable<string | Uint8Array>): Promise<void> {
  for (const piece of gathered(pieces)) {
    if (!process.stdout.write(piece)) await once(process.stdout, 'drain');
    await turn();
  }
}
