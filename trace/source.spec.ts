import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PiecesSource } from './source.ts';

describe('bytes that arrive in pieces', () => {
  it('read as if they were one, wherever the reader begins and ends', () => {
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 12 }), fc.nat(80), fc.nat(80), (pieces, from, length) => {
      const source = new PiecesSource(), whole = Uint8Array.from(pieces.flatMap((p) => [...p]));
      for (const piece of pieces) source.write(piece);
      expect(source.size).toBe(whole.length);
      expect([...source.read(from, length)]).toEqual([...whole.subarray(from, from + length)]);
    }));
  });

  it('are refused beyond the limit, and what was there stays', () => {
    const source = new PiecesSource(4);
    source.write(Uint8Array.of(1, 2, 3));
    expect(() => source.write(Uint8Array.of(4, 5))).toThrow('limit of 4 bytes');
    expect([...source.read(0, 9)]).toEqual([1, 2, 3]);
  });
});
