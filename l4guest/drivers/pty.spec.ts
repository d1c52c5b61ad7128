import { describe, expect, it } from 'vitest';
import { E } from '../abi/errno.ts';
import { Unix } from '../testing/unix.ts';

const TCFLSH = 0x540b, TCXONC = 0x540a;
function pair(): { unix: Unix; master: number; slave: number } {
  const unix = new Unix(), master = unix.open('/dev/ptmx', 0o402);
  unix.call('ioctl', master, 0x40045431, unix.put(new Uint8Array(4)));
  return { unix, master, slave: unix.open('/dev/pts/0', 0o402) };
}
describe('pseudo-terminals', () => {
  it('tcflush discards written bytes, on the master and on the slave', () => {
    const { unix, master, slave } = pair();
    unix.write(slave, 'abcdef');
    expect(unix.read(master, 2)).toBe('ab');
    expect([unix.call('ioctl', master, TCFLSH, 1), unix.read(master, 2)]).toEqual([0, 'cd']);
    unix.call('ioctl', master, TCFLSH, 0);
    unix.write(slave, 'ABC');
    expect(unix.read(master)).toBe('ABC');
    unix.write(slave, 'x');
    expect([
      unix.call('ioctl', slave, TCFLSH, 1), unix.call('ioctl', slave, TCFLSH, -1), unix.call('ioctl', slave, TCXONC, 9)
    ]).toEqual([0, -E.INVAL, -E.INVAL]);
    unix.write(slave, 'y');
    expect(unix.read(master)).toBe('y');
  });
  it('tcflow stops a writer, and resumes it', () => {
    const { unix, master, slave } = pair(), child = unix.fork();
    unix.call('ioctl', slave, TCXONC, 0);
    expect(unix.callOf(child, 'write', slave, 'z', 1)).toBeUndefined();
    unix.call('ioctl', slave, TCXONC, 1);
    expect(unix.settle()).toEqual([child]);
    expect(unix.read(master)).toBe('z');
  });
});
