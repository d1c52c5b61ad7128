/** Opens tar archives, gzipped or not. Separate from rootfs.ts, so that users without gzip do not load it. */
import { gunzip } from './gunzip.ts';
import { isGzip } from './gzip.ts';
import { parseTar, type TarEntry } from './tar.ts';

/**
 * A tar archive, unzipped if need be: its bytes up to its end, and its entries.
 * @throws TarError, BadGzip: the rest of a sentence that begins with the archive's name
 */
export function openTar(file: Uint8Array): { bytes: Uint8Array; files: Map<string, TarEntry> } {
  const bytes = isGzip(file) ? gunzip(file) : file, { entries, end } = parseTar(bytes);
  return { bytes: bytes.subarray(0, end), files: entries };
}
