import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Unix } from '../testing/unix.ts';
import { bytesOf, partOf, seenIn, textOf } from './text.ts';

describe('text from user memory', () => {
  it('returns as the original bytes, whatever they were', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (b) => { expect([...bytesOf(textOf(b))]).toEqual([...b]); }));
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (s) => { expect(textOf(bytesOf(s))).toBe(s); }));
    expect([...bytesOf(textOf(new Uint8Array([0xef, 0xbb, 0xbf, 65])))]).toEqual([0xef, 0xbb, 0xbf, 65]);
  });
  it('file names may be anything: Latin-1 names stay apart', () => {
    const unix = new Unix(), name = (last: number): Uint8Array => new Uint8Array([47, 116, 109, 112, 47, 120, last, 0]);
    for (const last of [0xe4, 0xf6]) expect(unix.call('openat', -100, name(last), 0o301, 0o644)).toBeGreaterThan(0);
    expect(unix.list('/tmp').length).toBe(4);
    expect(unix.call('unlinkat', -100, name(0xf6), 0)).toBe(0);
  });
});

it('a remembered string has the same text whatever was read in between, from memory or from a part of another text', () => {
  const strings = Array.from({ length: 3000 }, (_, i) => `${'name'.repeat(i % 40)}${(i * 7919) % 9973}`);
  for (let round = 0; round < 2; round++) for (const text of strings) {
    const bytes = bytesOf(`/${text}/`), page = { u8: (at: number) => bytes[at]! }, known = seenIn(page, 1, text.length);
    expect(known ?? text).toBe(text);
    expect(known === undefined).toBe(text.length > 128);
    expect(partOf(`/${text}/`, 1, text.length + 1)).toBe(text);
  }
  expect(partOf('/é/a', 1, 2)).toBe('é');
  expect(partOf('/é/a', 2, 2)).toBe('');
});
