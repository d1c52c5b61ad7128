import { describe, expect, it } from 'vitest';
import { E } from '../abi/errno.ts';
import { Unix } from '../testing/unix.ts';
import { keysOf } from './keys.ts';

const THREAD = -1, PROCESS = -2, SESSION = -3;
const Op = { GET: 0, JOIN: 1, REVOKE: 3, SETPERM: 5, DESCRIBE: 6, LINK: 8, UNLINK: 9, SEARCH: 10, CLEAR: 7, READ: 11, TIMEOUT: 15,
  INVALIDATE: 21 } as const;
const add = (u: Unix, type: string, name: string, text: string, ring: number): number =>
  u.call('add_key', type, name, text === '' ? 0 : new TextEncoder().encode(text), text.length, ring)!;
const read = (unix: Unix, id: number): string | number => {
  const at = unix.space(64), n = unix.call('keyctl', Op.READ, id, at, 64)!;
  return n < 0 ? n : unix.text(at, n);
};

describe('keys', () => {
  it('are kept in keyrings, read, updated, and found by type and description', () => {
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
  it('become unusable: revoked, expired, invalidated, unlinked', () => {
    const unix = new Unix(), key = (name: string): number => add(unix, 'user', name, 'x', THREAD),
      [revoked, expired, invalidated] = [key('a'), key('b'), key('c')] as [number, number, number];
    expect([unix.call('keyctl', Op.REVOKE, revoked), read(unix, revoked), unix.call('request_key', 'user', 'a', 0, 0)]).toEqual(
      [0, -E.KEYREVOKED, -E.KEYREVOKED]);
    unix.call('keyctl', Op.TIMEOUT, expired, 1);
    unix.pass(2e9);
    expect([read(unix, expired), unix.call('request_key', 'user', 'b', 0, 0)]).toEqual([-E.KEYEXPIRED, -E.KEYEXPIRED]);
    expect([unix.call('keyctl', Op.INVALIDATE, invalidated), read(unix, invalidated)]).toEqual([0, -E.NOKEY]);
    const keys = keysOf(unix.k), unlinked = key('d'), held = keys.all.size;
    expect([unix.call('keyctl', Op.UNLINK, unlinked, THREAD), unix.call('keyctl', Op.UNLINK, unlinked, THREAD)]).toEqual([0, -E.NOENT]);
    keys.sweep();
    expect(keys.all.size).toBeLessThan(held);
  });
  it('that nobody could make are remembered once, for a minute; adding one makes it a key', () => {
    const unix = new Unix(), ask = (): number => unix.call('request_key', 'user', 'wine', 'white or red', SESSION)!, keys = keysOf(unix.k);
    expect(ask()).toBe(-E.NOKEY);
    const held = keys.all.size;
    for (let i = 0; i < 10; i++) expect(ask()).toBe(-E.NOKEY);
    expect(keys.all.size).toBe(held);
    const key = add(unix, 'user', 'wine', 'red', SESSION);
    expect([key > 0, ask(), read(unix, key)]).toEqual([true, key, 'red']);
  });
  it('that no ring holds any more go, and no longer count in the quota of their user', () => {
    const unix = new Unix();
    unix.call('setresuid', 1000, 1000, 1000);
    for (let i = 0; i < 1000; i++) {
      expect(add(unix, 'user', `k${i}`, 'payload', SESSION)).toBeGreaterThan(0);
      expect(unix.call('keyctl', Op.CLEAR, SESSION)).toBe(0);
    }
    expect(keysOf(unix.k).all.size).toBeLessThan(200);
  });
  it('grant rights separately to possessor, user, group and others', () => {
    const unix = new Unix(), key = add(unix, 'user', 'k', 'x', PROCESS), child = unix.fork();
    unix.callOf(child, 'setresuid', 1000, 1000, 1000);
    expect([unix.callOf(child, 'keyctl', Op.READ, key, 0, 0), unix.callOf(child, 'keyctl', Op.DESCRIBE, key, 0, 0)]).toEqual(
      [-E.ACCES, -E.ACCES]);
    expect([unix.call('keyctl', Op.SETPERM, key, 0x40000000), unix.call('keyctl', Op.SETPERM, key, 0x3f000303),
      unix.callOf(child, 'keyctl', Op.READ, key, 0, 0)]).toEqual([-E.INVAL, 0, 1]);
  });
  it('a keyring cannot contain itself; a user has a limited number of keys', () => {
    const unix = new Unix(), outer = add(unix, 'keyring', 'a', '', SESSION), inner = add(unix, 'keyring', 'b', '', outer);
    expect([unix.call('keyctl', Op.LINK, outer, inner), unix.call('keyctl', Op.LINK, outer, outer)]).toEqual([-E.DEADLK, -E.DEADLK]);
    const child = unix.fork();
    unix.callOf(child, 'setresuid', 1000, 1000, 1000);
    let n = 0, result = 0;
    for (; n < 300 && result >= 0; n++) result = unix.callOf(child, 'add_key', 'user', `k${n}`, new Uint8Array(1), 1, THREAD)!;
    expect([result, n > 190 && n <= 201]).toEqual([-E.DQUOT, true]);
  });
});
