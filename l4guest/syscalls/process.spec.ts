import { describe, expect, it } from 'vitest';
import { E } from '../abi/errno.ts';
import { Unix } from '../testing/unix.ts';

const O_NOCTTY = 0o400, O_RDWR = 2;
describe('process descriptors', () => {
  it('a directory of /proc serves as a pidfd for sending signals', () => {
    const unix = new Unix(), child = unix.fork(), dir = unix.open(`/proc/${child.proc.pid}`, 0o200000);
    expect([
      unix.call('pidfd_send_signal', dir, 10, 0, 0), unix.call('pidfd_send_signal', unix.open('/proc', 0o200000), 10, 0, 0)
    ]).toEqual([0, -E.BADF]);
    expect(child.proc.pending.bits).toBe(1n << 9n);
    expect([unix.call('pidfd_open', -1, 0), unix.call('pidfd_open', child.proc.pid, 1)]).toEqual([-E.INVAL, -E.INVAL]);
  });
  it('pidfd_send_signal needs the same permission as kill', () => {
    const unix = new Unix(), child = unix.fork(), fd = unix.call('pidfd_open', unix.main.proc.pid, 0)!;
    unix.callOf(child, 'setresuid', 1000, 1000, 1000);
    child.proc.fds.put(9, unix.main.proc.fds.get(fd)!.hold(), false);
    expect(unix.callOf(child, 'pidfd_send_signal', 9, 10, 0, 0)).toBe(-E.PERM);
  });
});
describe('a session leader', () => {
  it('gets no terminal by opening one with O_NOCTTY', () => {
    const unix = new Unix(), master = unix.open('/dev/ptmx', O_RDWR | O_NOCTTY);
    unix.call('ioctl', master, 0x40045431, unix.put(new Uint8Array(4)));
    const slave = unix.open('/dev/pts/0', O_RDWR | O_NOCTTY);
    expect([unix.open('/dev/tty', O_RDWR), unix.call('fcntl', slave, 3, 0)]).toEqual([-E.NXIO, O_RDWR | 0o100000]);
    unix.open('/dev/pts/0', O_RDWR);
    expect(unix.open('/dev/tty', O_RDWR)).toBeGreaterThan(0);
  });
});
describe('execveat', () => {
  it('runs the program that a descriptor has open, without a name; a script needs a descriptor that survives the call', () => {
    const unix = new Unix(), make = (path: string, text: string): number => {
      const fd = unix.open(path, 0o100 | O_RDWR);
      unix.call('write', fd, text, text.length);
      unix.call('fchmod', fd, 0o755);
      unix.call('close', fd);
      return unix.open(path, 0o10000000);
    };
    const run = (fd: number, path: string, flags: number): number | undefined => unix.call('execveat', fd, path, 0, 0, flags);
    const script = make('/tmp/s', '#!/none'), EMPTY = 0x1000;
    unix.call('unlinkat', -100, '/tmp/s', 0);
    expect([run(-1, '', EMPTY), run(-100, '', EMPTY), run(-100, '', 0), run(script, 'x', 0), run(script, '', EMPTY | 1),
      run(script, '', EMPTY)]).toEqual([-E.BADF, -E.ACCES, -E.NOENT, -E.NOTDIR, -E.INVAL, -E.NOENT]);
    make('/tmp/t', '#!/tmp/u'); make('/tmp/u', 'no program');
    expect(run(unix.open('/tmp/t', 0o10000000), '', EMPTY)).toBe(-E.NOEXEC);
    expect(run(unix.open('/tmp/t', 0o12000000), '', EMPTY)).toBe(-E.NOENT);
  });
});
