import { crc32 as zlibCrc } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { crc32 } from './format.ts';

describe('crc32', () => {
  it('gives the check value of the standard', () => expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926));
  it.runIf(typeof zlibCrc === 'function')('agrees with zlib for every length and alignment', () => {
    const bytes = new Uint8Array(100).map((_, n) => n * 37 + 11);
    for (let from = 0; from < 9; from++)
      for (let to = from; to < 60; to++) expect(crc32(bytes.subarray(from, to))).toBe(zlibCrc(bytes.subarray(from, to)));
  });
});
