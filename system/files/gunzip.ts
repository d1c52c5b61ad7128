/**
 * Unpacks gzip into bounded memory, so that a small file cannot exhaust the host. Portable; the command unpacks with Node's zlib, within
 * the same bounds.
 */
import { Gunzip } from 'fflate';
import { BadGzip, damagedGzip, Growing, mostUnpacked, PIECE } from './gzip.ts';

/** @throws BadGzip */
export function gunzip(packed: Uint8Array, most = mostUnpacked(packed.length)): Uint8Array {
  const all = new Growing(most);
  let final = false;
  const stream = new Gunzip((part, last) => {
    all.add(part);
    final ||= last;
  });
  try {
    for (let at = 0; at < packed.length; at += PIECE) stream.push(packed.subarray(at, at + PIECE), at + PIECE >= packed.length);
  } catch (error) {
    throw error instanceof BadGzip ? error : damagedGzip();
  }
  if (!final) throw damagedGzip();
  return all.take();
}
