import { describe, expect, it } from 'vitest';
import { E } from '../abi/errno.ts';
import { Unix } from '../testing/unix.ts';
import { keysOf } from './keys.ts';

const THREAD = -1, PROCESS = -2, SESSION = -3;
const Op = { GET: 0, JOIN: 1, REVOKE: 3, SETPERM: 5, DESCRIBE: 6, LINK: 8, UNLINK: 9, SEARCH: 10, READ: 11, TIMEOUT: 15,
  INVALIDATE: 21 } as const;
const add = (u: Unix, type: string, name: string, text: string, ring: number): number =>
  u.call('add_key', type, name, text === '' ? 0 : new TextEncoder().encode(text), text.length, ring)!;
const read = (unix: Unix, id: number): string | number => {
  const at = unix.space(64), n = unix.call('keyctl', Op.READ, id, at, 64)!;
  return n < 0 ? n : unix.text(at, n);
};

describe('keys', () => {
  it('are kept in keyrings, read, given anew, and found by type and description', () => {
    const unix = new Unix(), key = add(unix, 'user', 'wine', 'red', PROCESS);
    expect([read(unix, key), add(unix, 'user', 'wine', 'white', PROCESS), read(unix, key)]).toEqual(['red', key, 'white']);
    expect([unix.call('request_key', 'user', 'wine', 0, 0), unix.call('request_key', 'user', 'beer', 0, 0),
      unix.call('request_key', 'nothing', 'wine', 0, 0)]).toEqual([key, -E.NOKEY, -E.NOKEY]);
    expect([add(unix, 'user', 'empty', '', PROCESS), add(unix, 'keyring', 'full', 'x', PROCESS), add(unix, 'logon', 'plain', 'x', PROCESS),
      add(unix, '.system', 'x', 'x', PROCESS), add(unix, 'strange', 'x', 'x', PROCESS)]).toEqual(
      [-E.INVAL, -E.INVAL, -E.INVAL, -E.PERM, -E.NODEV]);
    const secret = add(unix, 'logon', 'a:b', 'x', PROCESS);
    expect(read(unix, secret)).toBe(-E.OPNOTSUPP);
  });
  it('end: revoked, expired, invalid, unlinked', () => {
    const u = new Unix(), key = (name: string): number => add(u, 'user', name, 'x', THREAD),
      [a, b, c] = [key('a'), key('b'), key('c')] as [number, number, number];
    expect([u.call('keyctl', Op.REVOKE, a), read(u, a), u.call('request_key', 'user', 'a', 0, 0)]).toEqual(
      [0, -E.KEYREVOKED, -E.KEYREVOKED]);
    u.call('keyctl', Op.TIMEOUT, b, 1);
    u.pass(2e9);
    expect([read(u, b), u.call('request_key', 'user', 'b', 0, 0)]).toEqual([-E.KEYEXPIRED, -E.KEYEXPIRED]);
    expect([u.call('keyctl', Op.INVALIDATE, c), read(u, c)]).toEqual([0, -E.NOKEY]);
    const keys = keysOf(u.k), d = key('d'), held = keys.all.size;
    expect([u.call('keyctl', Op.UNLINK, d, THREAD), u.call('keyctl', Op.UNLINK, d, THREAD)]).toEqual([0, -E.NOENT]);
    keys.sweep();
    expect(keys.all.size).toBeLessThan(held);
  });
  it('rights are those of possessor, user, group and others', () => {
    const u = new Unix(), key = add(u, 'user', 'k', 'x', PROCESS), child = u.fork();
    u.callOf(child, 'setresuid', 1000, 1000, 1000);
    expect([u.callOf(child, 'keyctl', Op.READ, key, 0, 0), u.callOf(child, 'keyctl', Op.DESCRIBE, key, 0, 0)]).toEqual(
      [-E.ACCES, -E.ACCES]);
    expect([u.call('keyctl', Op.SETPERM, key, 0x40000000), u.call('keyctl', Op.SETPERM, key, 0x3f000303),
      u.callOf(child, 'keyctl', Op.READ, key, 0, 0)]).toEqual([-E.INVAL, 0, 1]);
  });
  it('no keyring holds itself; a user has so many keys', () => {
    const u = new Unix(), a = add(u, 'keyring', 'a', '', SESSION), b = add(u, 'keyring', 'b', '', a);
    expect([u.call('keyctl', Op.LINK, a, b), u.call('keyctl', Op.LINK, a, a)]).toEqual([-E.DEADLK, -E.DEADLK]);
    const child = u.fork();
    u.callOf(child, 'setresuid', 1000, 1000, 1000);
    let n = 0, r = 0;
    for (; n < 300 && r >= 0; n++) r = u.callOf(child, 'add_key', 'user', `k${n}`, new Uint8Array(1), 1, THREAD)!;
    expect([r, n > 190 && n <= 201]).toEqual([-E.DQUOT, true]);
  });
});
