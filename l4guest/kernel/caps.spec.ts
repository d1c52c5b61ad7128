import { describe, expect, it } from 'vitest';
import { Unix } from '../testing/unix.ts';
import { E } from '../abi/errno.ts';
import { ALL_CAPS, afterExec, allCaps } from './caps.ts';

const KEEP = 8, AMBIENT = 47, BOUND_READ = 23, BOUND_DROP = 24;
const u32s = (...list: number[]): Uint8Array => new Uint8Array(new Uint32Array(list).buffer);
const V3 = 0x2008_0522;

describe('capabilities', () => {
  it('a process that keeps its capabilities over setresuid can still raise them: setpriv', () => {
    const unix = new Unix(), caps = unix.main.proc.creds.caps;
    unix.call('prctl', KEEP, 1);
    expect(unix.call('setresuid', 1000, 1000, 1000)).toBe(0);
    expect([caps.permitted, caps.effective]).toEqual([ALL_CAPS, 0n]);
    expect(unix.call('setresgid', 1000, 1000, 1000)).toBe(-E.PERM);
    expect(unix.call('capset', u32s(V3, 0), u32s(1 << 6, 1 << 6, 0, 0, 0, 0))).toBe(0);
    expect(unix.call('setresgid', 1000, 1000, 1000)).toBe(0);
    expect(unix.call('capset', u32s(V3, 0), u32s(1 << 7, 1 << 7, 0, 0, 0, 0))).toBe(-E.PERM);
  });
  it('without that setuid drops them; changing only the effective id can bring them back', () => {
    const unix = new Unix(), caps = unix.main.proc.creds.caps;
    unix.call('setresuid', -1, 1000, -1);
    expect([caps.permitted, caps.effective]).toEqual([ALL_CAPS, 0n]);
    expect(unix.call('mknodat', -100, '/tmp/x', 0o20600, 0x103)).toBe(-E.PERM);
    unix.call('setresuid', -1, 0, -1);
    expect(caps.effective).toBe(ALL_CAPS);
    unix.call('setuid', 1000);
    expect([caps.permitted, caps.effective]).toEqual([0n, 0n]);
  });
  it('one capability grants one right', () => {
    const unix = new Unix();
    unix.call('prctl', KEEP, 1);
    unix.call('setresuid', 1000, 1000, 1000);
    expect(unix.call('openat', -100, '/file', 0o101, 0o644)).toBe(-E.ACCES);
    unix.call('capset', u32s(V3, 0), u32s(1 << 1, 1 << 1, 0, 0, 0, 0)); // CAP_DAC_OVERRIDE
    expect(unix.call('openat', -100, '/file', 0o101, 0o644)).toBeGreaterThan(0);
    expect(unix.call('chroot', '/tmp')).toBe(-E.PERM);
  });
  it('the bounding set limits root at exec; the ambient set is for other users', () => {
    const unix = new Unix(), caps = unix.main.proc.creds.caps;
    expect([unix.call('prctl', BOUND_READ, 21), unix.call('prctl', BOUND_DROP, 21), unix.call('prctl', BOUND_READ, 21)]).toEqual([1, 0, 0]);
    afterExec(caps, 0, 0, 0, false);
    expect(caps.effective).toBe(ALL_CAPS & ~(1n << 21n));
    expect(unix.call('prctl', AMBIENT, 2, 10)).toBe(-E.PERM);
    unix.call('capset', u32s(V3, 0), u32s(1 << 10, 1 << 10, 1 << 10, 0, 0, 0));
    expect([unix.call('prctl', AMBIENT, 2, 10), unix.call('prctl', AMBIENT, 1, 10)]).toEqual([0, 1]);
    afterExec(caps, 1000, 1000, 0, false);
    expect([caps.permitted, caps.effective]).toEqual([1n << 10n, 1n << 10n]);
    const plain = allCaps();
    afterExec(plain, 1000, 1000, 0, false);
    expect(plain.permitted).toBe(0n);
  });
});
