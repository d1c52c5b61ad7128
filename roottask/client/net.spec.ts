import fc from 'fast-check';
import { expect, it } from 'vitest';
import { macFromNumber, macToNumber, packFrames, unpackFrames } from './net.ts';

const frame = fc.uint8Array({ minLength: 14, maxLength: 1518 });

it('frames come out of a message as they went in, in order, as many as fit', () => {
  fc.assert(fc.property(fc.array(frame, { maxLength: 20 }), fc.integer({ min: 1520, max: 9000 }), (frames, room) => {
    const out: Uint8Array[] = [];
    for (let at = 0; at < frames.length; ) {
      const { bytes, next } = packFrames(frames, at, room);
      expect(bytes.length).toBeLessThanOrEqual(room);
      out.push(...unpackFrames(bytes)!);
      at = next;
    }
    expect(out).toEqual(frames);
  }));
});

it('bytes that are no frames are refused', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
    const frames = unpackFrames(bytes);
    if (frames) expect(packFrames(frames, 0, 1e6).bytes).toEqual(bytes);
  }));
  expect([
    unpackFrames(Uint8Array.of(14)), unpackFrames(Uint8Array.of(13, 0, ...new Uint8Array(13))), unpackFrames(new Uint8Array(0))
  ]).toEqual([undefined, undefined, []]);
});

it('addresses travel as numbers', () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (mac) => { expect(macFromNumber(macToNumber(mac))).toEqual(mac); }));
});
