/** Gzip with Node's zlib, piece by piece: refuses data that exceeds its limit before it uses the memory. */
import { createGunzip } from 'node:zlib';
import { BadGzip, damagedGzip, Growing, mostUnpacked } from '../system/files/gzip.ts';

const PIECE = 65_536;
const EVENTS = ['drain', 'close', 'error'] as const;

/**
 * Unpacks. `enough` examines the first piece (some kilobytes) and may stop the unpacking.
 * @throws BadGzip
 */
export async function gunzipBounded(packed: Uint8Array, enough: (first: Uint8Array) => boolean = () => false,
    most = mostUnpacked(packed.length)): Promise<Uint8Array> {
  const all = new Growing(most), unpacker = createGunzip();
  try {
    const fed = feed(packed, unpacker);
    let first = true;
    for await (const part of unpacker as AsyncIterable<Buffer>) {
      all.add(part);
      if (first && enough(part)) break;
      first = false;
    }
    await fed;
    return all.take();
  } catch (error) {
    throw error instanceof BadGzip ? error : damagedGzip();
  } finally {
    unpacker.destroy();
  }
}

/** Writes as fast as the reader reads. Resolves when everything is written, or the reader has gone; the reader gets errors in the data. */
async function feed(packed: Uint8Array, unpacker: ReturnType<typeof createGunzip>): Promise<void> {
  for (let at = 0; at < packed.length && !unpacker.destroyed; at += PIECE) {
    if (unpacker.write(packed.subarray(at, at + PIECE))) continue;
    await new Promise<void>((resolve) => {
      const go = () => {
        for (const event of EVENTS) unpacker.off(event, go);
        resolve();
      };
      for (const event of EVENTS) unpacker.on(event, go);
    });
  }
  if (!unpacker.destroyed) unpacker.end();
}
