import { describe, expect, it } from 'vitest';
import { E } from '../abi/errno.ts';
import { Unix } from '../testing/unix.ts';

const TCFLSH = 0x540b, TCXONC = 0x540a;
function pair(): { u: Unix; master: number; slave: number } {
  const u = new Unix(), master = u.open('/dev/ptmx', 0o402);
  u.call('ioctl', master, 0x40045431, u.put(new Uint8Array(4)));
  return { u, master, slave: u.open('/dev/pts/0', 0o402) };
}
describe('pseudo-terminals', () => {
  it('tcflush throws away what was written, seen from either side', () => {
    const { u, master, slave } = pair();
    u.write(slave, 'abcdef');
    expect(u.read(master, 2)).toBe('ab');
    expect([u.call('ioctl', master, TCFLSH, 1), u.read(master, 2)]).toEqual([0, 'cd']);
    u.call('ioctl', master, TCFLSH, 0);
    u.write(slave, 'ABC');
    expect(u.read(master)).toBe('ABC');
    u.write(slave, 'x');
    expect([
      u.call('ioctl', slave, TCFLSH, 1), u.call('ioctl', slave, TCFLSH, -1), u.call('ioctl', slave, TCXONC, 9)
    ]).toEqual([0, -E.INVAL, -E.INVAL]);
    u.write(slave, 'y');
    expect(u.read(master)).toBe('y');
  });
  it('tcflow stops a writer, and lets it go on', () => {
    const { u, master, slave } = pair(), child = u.fork();
    u.call('ioctl', slave, TCXONC, 0);
    expect(u.callOf(child, 'write', slave, 'z', 1)).toBeUndefined();
    u.call('ioctl', slave, TCXONC, 1);
    expect(u.settle()).toEqual([child]);
    expect(u.read(master)).toBe('z');
  });
});
