import { describe, expect, it } from 'vitest';
import { encodeError, encodeReply, encodeRequest, header } from '../../roottask/client/ninep/index.ts';
import type { Arrival } from '../host.ts';
import { FilesDoor } from './door.ts';
import { Errno } from './folder.ts';

const clock = { now: () => 1000, at: () => undefined, soon: () => undefined };
const answer = (tag: number, count: number): Arrival =>
  ({ cycle: 5, channel: 'files0', kind: 'bytes', data: encodeReply('write', tag, { count }) });

describe('a replayed folder', () => {
  it('answers by tags, each its answers in order, then with EIO', () => {
    const door = new FilesDoor('files0', undefined, clock, undefined,
      [answer(1, 10), answer(2, 20), answer(1, 11), { ...answer(1, 99), channel: 'files1' }]);
    const ask = (tag: number): Uint8Array => {
      let got!: Uint8Array;
      door.request(encodeRequest('write', tag, { fid: 1, offset: 0n, data: new Uint8Array(1) }), (bytes) => { got = bytes; });
      return got;
    };
    expect([ask(1), ask(1), ask(2), ask(1)]).toEqual(
      [encodeReply('write', 1, { count: 10 }), encodeReply('write', 1, { count: 11 }), encodeReply('write', 2, { count: 20 }),
        encodeError(1, Errno.EIO)]);
  });
  it('does not look through what nobody asks for at each request', () => {
    const strange = Array.from({ length: 100_000 }, () => answer(7, 0)), wanted = Array.from({ length: 100_000 }, (_, i) => answer(1, i));
    const door = new FilesDoor('files0', undefined, clock, undefined, [...strange, ...wanted]),
      message = encodeRequest('clunk', 1, { fid: 1 });
    let tags = 0;
    for (let i = 0; i < wanted.length; i++) door.request(message, (bytes) => { tags += header(bytes)!.tag; });
    expect(tags).toBe(wanted.length);
  });
});
