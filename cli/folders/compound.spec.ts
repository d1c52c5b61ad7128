/**
 * Many requests in one message: done in order, ended by the first that fails, never larger than was agreed, and only where it was agreed.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  ATTRIBUTES, COMPOUND, ERROR, MOST_PARTS, NO_FID, VERSION, decodeReply, encodeRequest, joinParts, splitParts, type MessageName,
    type Request,
} from '../../roottask/client/ninep/index.ts';
import { Errno } from '../../system/folders/folder.ts';
import { NineServer } from '../../system/folders/server.ts';
import { SharedFolder } from '../../system/folders/shared.ts';
import { finderFor } from './find.ts';
import { NodeFolder } from './folder.ts';

let base: string, server: NineServer;
const MSIZE = 8192;
function send(message: Uint8Array): Uint8Array {
  let reply = new Uint8Array(0);
  server.request(message, (bytes) => { reply = bytes.slice(); });
  return reply;
}
const request = <N extends MessageName>(name: N, fields: Request<N>, tag = 1): Uint8Array => encodeRequest(name, tag, fields);
function begin(version: string): void {
  server = new NineServer(new SharedFolder(new NodeFolder(base, finderFor(base)), true, () => 0n));
  send(request('version', { msize: MSIZE, version }));
  send(request('attach', { fid: 0, afid: NO_FID, user: '', tree: '', uid: 0 }));
}
/** What each part was answered: its type, or the errno of an error. */
function ask(...parts: Uint8Array[]): (string | number)[] {
  const whole = send(request('compound', { parts: joinParts(parts) })), answer = decodeReply('compound', whole);
  expect(whole.length).toBeLessThanOrEqual(MSIZE);
  if (!answer.ok) return [answer.error];
  return splitParts(answer.value.parts).map((p) => (p[4] === ERROR ? new DataView(p.buffer, p.byteOffset).getUint32(7, true)
    : `R${p[4]! - 1}`));
}
beforeEach(() => { base = mkdtempSync(join(tmpdir(), 'tessera-compound-')); begin(COMPOUND); });
afterEach(() => { server.close(); rmSync(base, { recursive: true, force: true }); });

it('finds, looks, opens and reads in one message, and sees what an earlier part has changed', () => {
  writeFileSync(join(base, 'a'), 'text');
  expect(ask(
    request('walk', { fid: 0, newfid: 1, names: ['a'] }), request('getattr', { fid: 1, mask: ATTRIBUTES }),
      request('lopen', { fid: 1, flags: 2 }), request('read', { fid: 1, offset: 0n, count: 10 }),
    request('clunk', { fid: 1 }), request('unlinkat', { fid: 0, name: 'a', flags: 0 }),
      request('mkdir', { fid: 0, name: 'a', mode: 0o755, gid: 0 }), request('walk', { fid: 0, newfid: 2, names: ['a'] }),
    request('lopen', { fid: 2, flags: 2 }),
  )).toEqual(['R110', 'R24', 'R12', 'R116', 'R120', 'R76', 'R72', 'R110', Errno.EISDIR]);
});
it('does nothing after a part that failed, but gives up fids', () => {
  expect(ask(
    request('walk', { fid: 0, newfid: 1, names: [] }), request('walk', { fid: 0, newfid: 2, names: ['none'] }),
      request('mkdir', { fid: 0, name: 'd', mode: 0o755, gid: 0 }), request('clunk', { fid: 1 }),
    request('clunk', { fid: 1 }), request('getattr', { fid: 0, mask: ATTRIBUTES }),
  )).toEqual(['R110', Errno.ENOENT, Errno.ECANCELED, 'R120', Errno.EBADF, Errno.ECANCELED]);
  expect(existsSync(join(base, 'd'))).toBe(false);
});
it('answers within the size that was agreed, whatever is asked', () => {
  writeFileSync(join(base, 'a'), 'x'.repeat(100_000));
  mkdirSync(join(base, 'd'));
  const open = [request('walk', { fid: 0, newfid: 1, names: ['a'] }), request('lopen', { fid: 1, flags: 0 })],
    read = request('read', { fid: 1, offset: 0n, count: 100_000 });
  expect(ask(...open, read, read, read).slice(0, 3)).toEqual(['R110', 'R12', 'R116']);
  ask(...Array.from({ length: MOST_PARTS }, () => request('getattr', { fid: 0, mask: ATTRIBUTES })));
  expect(ask(...Array.from({ length: MOST_PARTS + 1 }, () => request('clunk', { fid: 9 })))).toEqual([Errno.EINVAL]);
});
it('has no compound, beginning or flush in it, nor parts that are none', () => {
  const inner = request('compound', { parts: request('getattr', { fid: 0, mask: ATTRIBUTES }) });
  for (const part of [inner, request('version', { msize: 9000, version: VERSION }),
    request('flush', { oldTag: 1 })]) expect(ask(part)).toEqual([Errno.EOPNOTSUPP]);
  const good = request('getattr', { fid: 0, mask: ATTRIBUTES });
  for (const bytes of [good.subarray(0, 5), good.subarray(0, 12), new Uint8Array(7), new Uint8Array(8).fill(255)]) {
    const answer = decodeReply('compound', send(request('compound', { parts: bytes })));
    expect(answer).toEqual({ ok: false, error: Errno.EINVAL });
  }
  expect(ask(good)).toEqual(['R24']);
});
it('is not there for a client that asked for the plain protocol', () => {
  begin(VERSION);
  expect(ask(request('mkdir', { fid: 0, name: 'd', mode: 0o755, gid: 0 }))).toEqual([Errno.EOPNOTSUPP]);
  writeFileSync(join(base, 'still'), 'here');
  expect(readFileSync(join(base, 'still'), 'utf8')).toBe('here');
});
