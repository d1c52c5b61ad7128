import { describe, expect, it } from 'vitest';
import { E } from '../abi/errno.ts';
import { Clone, Sig } from '../abi/linux.ts';
import { Unix } from '../testing/unix.ts';

const read = (unix: Unix, thread: Parameters<Unix['callOf']>[0], path: string): string => {
  const fd = unix.callOf(thread, 'openat', -100, path, 0, 0)!,
    n = fd < 0 ? fd : unix.callOf(thread, 'read', fd, Unix.MEMORY + 0x8000, 4096)!;
  if (fd >= 0) unix.callOf(thread, 'close', fd);
  return n < 0 ? `error ${n}` : unix.text(Unix.MEMORY + 0x8000, n, thread);
};
const write = (unix: Unix, thread: Parameters<Unix['callOf']>[0], path: string, text: string): number => {
  const fd = unix.callOf(thread, 'openat', -100, path, 1, 0)!,
    n = unix.callOf(thread, 'write', fd, new TextEncoder().encode(text), text.length)!;
  unix.callOf(thread, 'close', fd);
  return n;
};

describe('pid spaces', () => {
  it('the first child of a new space is process 1 there, and has another number outside', () => {
    const unix = new Unix();
    expect(unix.call('unshare', Clone.NEWPID)).toBe(0);
    expect(unix.call('unshare', Clone.NEWPID)).toBe(-E.INVAL);
    const child = unix.fork(), inner = unix.fork(child);
    expect([unix.callOf(child, 'getpid'), unix.callOf(child, 'getppid'), unix.callOf(inner, 'getpid'),
      unix.callOf(inner, 'getppid')]).toEqual(
      [1, 0, 2, 1]);
    expect(child.tid).toBeGreaterThan(2);
    expect(unix.callOf(child, 'kill', 2, 0)).toBe(0);
    expect(unix.callOf(child, 'kill', child.tid + 1, 0)).toBe(-E.SRCH);
    expect(unix.call('kill', child.tid, 0)).toBe(0);
    expect(unix.callOf(inner, 'setsid')).toBe(2);
    expect([unix.callOf(child, 'getsid', 2), unix.callOf(child, 'getpgid', 2)]).toEqual([2, 2]);
    expect(unix.callOf(child, 'mount', 'proc', '/proc', 'proc', 0, 0)).toBe(0);
    expect(read(unix, child, '/proc/2/status')).toMatch(/Tgid:\t2\n[^]*PPid:\t1\n[^]*NSpid:\t2\n/);
    expect(read(unix, child, `/proc/${child.tid}/status`)).toBe(`error ${-E.NOENT}`);
  });
  it('process 1 of a space gets only signals it handles, and SIGKILL from outside; its end ends the whole space', () => {
    const unix = new Unix();
    unix.call('unshare', Clone.NEWPID);
    const one = unix.fork(), two = unix.fork(one);
    expect([unix.callOf(two, 'kill', 1, Sig.KILL), unix.callOf(two, 'kill', 1, Sig.TERM), unix.call('kill', one.tid, Sig.TERM)])
      .toEqual([0, 0, 0]);
    expect(one.proc.pending.bits).toBe(0n);
    unix.call('kill', one.tid, Sig.KILL);
    unix.k.endProcess(one.proc, Sig.KILL);
    expect([two.proc.alive, two.proc.status]).toEqual([false, Sig.KILL]);
    expect(() => unix.fork()).toThrow();
  });
  it.each([['restart', 0x0123_4567, Sig.HUP], ['power off', 0x4321_fedc, Sig.INT], ['halt', 0xcdef_0123, Sig.INT]] as const)(
    'reboot ends a space of its own, not the system, and tells what was wanted: %s', (_what, command, signal) => {
      const unix = new Unix(), magic = [0xfee1_dead, 672274793] as const;
      let ended = false;
      unix.k.onEnd = () => { ended = true; };
      unix.call('unshare', Clone.NEWPID);
      const one = unix.fork(), two = unix.fork(one);
      expect([unix.callOf(two, 'reboot', ...magic, 0x89ab_cdef, 0), unix.callOf(two, 'reboot', magic[0], 1, command, 0)])
        .toEqual([-E.INVAL, -E.INVAL]);
      unix.callOf(two, 'reboot', ...magic, command, 0);
      expect([one.proc.status, two.proc.alive, ended]).toEqual([signal, false, false]);
    });
  it('orphans go to process 1 of their space, which learns their numbers there', () => {
    const unix = new Unix();
    unix.call('unshare', Clone.NEWPID);
    const one = unix.fork(), two = unix.fork(one), three = unix.fork(two);
    unix.callOf(two, 'exit_group', 0);
    expect(three.proc.parent === one.proc).toBe(true);
    unix.callOf(three, 'exit_group', 7);
    expect([unix.callOf(one, 'wait4', -1, 0, 0, 0), unix.callOf(one, 'wait4', 3, Unix.MEMORY, 0, 0),
      unix.callOf(one, 'wait4', -1, 0, 0, 0)]).toEqual([2, 3, -E.CHILD]);
  });
  it('clone3 gives the requested numbers, one per level, and refuses a taken one', () => {
    const unix = new Unix();
    unix.call('unshare', Clone.NEWPID);
    expect(() => unix.fork(unix.main, { tids: [5] })).toThrow();
    const one = unix.fork(unix.main, { tids: [1, 4321] }), other = unix.fork(one, { tids: [77] });
    expect([one.tid, one.number, other.number]).toEqual([4321, 1, 77]);
    expect(() => unix.fork(one, { tids: [77] })).toThrow();
    expect(() => unix.fork(one, { tids: [78, 79, 80] })).toThrow();
  });
});

describe('user spaces', () => {
  it('give all rights inside and none outside; unmapped ids are shown as nobody', () => {
    const unix = new Unix(), child = unix.fork();
    unix.callOf(child, 'setresuid', 1000, 1000, 1000);
    expect(unix.callOf(child, 'unshare', Clone.NEWUTS)).toBe(-E.PERM);
    expect(unix.callOf(child, 'unshare', Clone.NEWUSER | Clone.NEWUTS)).toBe(0);
    expect([unix.callOf(child, 'getuid'), unix.callOf(child, 'setuid', 0)]).toEqual([65534, -E.INVAL]);
    expect([unix.callOf(child, 'sethostname', 'inner', 5), child.proc.uts.host, unix.k.uts.host]).toEqual([0, 'inner', 'tessera']);
    expect(unix.callOf(child, 'chroot', '/tmp')).toBe(0);
    expect(unix.callOf(child, 'acct', 0)).toBe(-E.PERM);
  });
  it('maps are written once; an unprivileged maker maps only its own id, and its group only after setgroups is denied', () => {
    const unix = new Unix(), child = unix.fork();
    unix.callOf(child, 'setresgid', 1000, 1000, 1000);
    unix.callOf(child, 'setresuid', 1000, 1000, 1000);
    unix.callOf(child, 'prctl', 4, 1); // its files in /proc belong to root since it changed its user
    unix.callOf(child, 'unshare', Clone.NEWUSER);
    const own = `/proc/${child.tid}/`;
    expect([write(unix, child, `${own}uid_map`, '0 0 1'), write(unix, child, `${own}uid_map`, '0 1000 2'),
      write(unix, child, `${own}gid_map`, '0 1000 1')]).toEqual([-E.PERM, -E.PERM, -E.PERM]);
    expect(write(unix, child, `${own}uid_map`, '0 1000 1\n')).toBe(9);
    expect([write(unix, child, `${own}uid_map`, '0 1000 1'), unix.callOf(child, 'getuid')]).toEqual([-E.PERM, 0]);
    expect([write(unix, child, `${own}setgroups`, 'deny'), write(unix, child, `${own}gid_map`, '0 1000 1'),
      unix.callOf(child, 'getgid')]).toEqual(
      [4, 8, 0]);
    expect(unix.callOf(child, 'setgroups', 0, 0)).toBe(-E.PERM);
    expect(read(unix, child, `${own}uid_map`)).toBe('         0       1000          1\n');
    // A file of root is nobody's here, and no right reaches it.
    unix.call('openat', -100, '/tmp/secret', 0o102, 0o600);
    expect(unix.callOf(child, 'openat', -100, '/tmp/secret', 0, 0)).toBe(-E.ACCES);
    expect(unix.callOf(child, 'fchownat', -100, '/tmp/secret', 0, 0, 0)).toBe(-E.PERM);
  });
  it('setns enters the space that a file of /proc/PID/ns or a pidfd names', () => {
    const unix = new Unix(), child = unix.fork();
    unix.callOf(child, 'unshare', Clone.NEWUTS | Clone.NEWIPC);
    unix.callOf(child, 'sethostname', 'there', 5);
    const fd = unix.call('openat', -100, `/proc/${child.tid}/ns/uts`, 0, 0)!;
    expect(unix.call('ioctl', fd, 0xb703)).toBe(Clone.NEWUTS);
    expect([unix.call('setns', fd, Clone.NEWNS), unix.call('setns', fd, 0), unix.main.proc.uts.host]).toEqual([-E.INVAL, 0, 'there']);
    const pidfd = unix.call('pidfd_open', child.tid, 0)!;
    expect([unix.call('setns', pidfd, 0), unix.call('setns', pidfd, Clone.NEWIPC), unix.main.proc.ipc === child.proc.ipc]).toEqual(
      [-E.INVAL, 0, true]);
  });
});
