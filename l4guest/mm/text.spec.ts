import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Unix } from '../testing/unix.ts';
import { bytesOf, textOf } from './text.ts';

describe('text of user level', () => {
  it('comes back as the bytes it was, whatever they were', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (b) => { expect([...bytesOf(textOf(b))]).toEqual([...b]); }));
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (s) => { expect(textOf(bytesOf(s))).toBe(s); }));
    expect([...bytesOf(textOf(new Uint8Array([0xef, 0xbb, 0xbf, 65])))]).toEqual([0xef, 0xbb, 0xbf, 65]);
  });
  it('file names may be anything: Latin-1 names stay apart', () => {
    const u = new Unix(), name = (last: number): Uint8Array => new Uint8Array([47, 116, 109, 112, 47, 120, last, 0]);
    for (const last of [0xe4, 0xf6]) expect(u.call('openat', -100, name(last), 0o301, 0o644)).toBeGreaterThan(0);
    expect(u.list('/tmp').length).toBe(4);
    expect(u.call('unlinkat', -100, name(0xf6), 0)).toBe(0);
  });
});
