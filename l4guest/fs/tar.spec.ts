import { Window } from '../../microkernel/abi/index.ts';
import { describe, expect, it } from 'vitest';
import { Unix } from '../testing/unix.ts';
import { loadTar } from './tar.ts';

/** A ustar entry. */
function entry(name: string, type: string, data = '', link = ''): Uint8Array {
  const bytes = new Uint8Array(512 + Math.ceil(data.length / 512) * 512),
    put = (at: number, s: string): void => { bytes.set(new TextEncoder().encode(s), at); };
  put(0, name);
  put(100, '0000755\0');
  put(108, '0000000\0');
  put(116, '0000000\0');
  put(124, `${data.length.toString(8).padStart(11, '0')}\0`);
  put(136, '00000000144\0');
  put(156, type); put(157, link); put(257, 'ustar\x0000'); put(148, '        '); put(512, data);
  let sum = 0;
  for (let i = 0; i < 512; i++) sum += bytes[i]!;
  put(148, `${sum.toString(8).padStart(6, '0')}\0 `);
  return bytes;
}
const join = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from([...parts, new Uint8Array(1024)].flatMap((p) => [...p]));
const load = (u: Unix, bytes: Uint8Array): number | string => loadTar(u.k.root, { bytes: new Window(bytes), pfn: 0 });

describe('the root file system from a tar image', () => {
  it('holds files, directories, links; files are read in place and copied when written', () => {
    const unix = new Unix(),
      image = join(entry('opt/', '5'), entry('opt/a.txt', '0', 'content'), entry('opt/b', '2', '', 'a.txt'),
        entry('opt/c', '1', '', 'opt/a.txt')),
      before = unix.k.frames.free;
    expect(load(unix, image)).toBe(4);
    // Only inodes cost memory; contents take no pages.
    expect(before - unix.k.frames.free).toBeLessThan(2);
    expect(unix.read(unix.open('/opt/b'))).toBe('content');
    const fd = unix.open('/opt/a.txt', 1);
    unix.write(fd, 'C');
    expect(unix.read(unix.open('/opt/c'))).toBe('Content');
    expect(new TextDecoder().decode(image)).toContain('content');
  });
  it("later entries win; directories keep the archive's times", () => {
    const unix = new Unix(), at = unix.space(128);
    load(unix, join(entry('d/', '5'), entry('d/x', '0', 'old'), entry('d/x', '0', 'new')));
    expect(unix.read(unix.open('/d/x'))).toBe('new');
    unix.call('newfstatat', -100, '/d', at, 0);
    expect(unix.u32(at + 88)).toBe(100);
  });
  it('long names come in pax and GNU headers', () => {
    const unix = new Unix(), long = 'n'.repeat(120), pax = `${(` path=${long}\n`.length + 3)} path=${long}\n`;
    load(unix, join(entry('x', 'x', pax), entry('short', '0', '1'), entry('L', 'L', `${'m'.repeat(130)}\0`), entry('short', '0', '2')));
    expect([unix.read(unix.open(`/${long}`)), unix.read(unix.open(`/${'m'.repeat(130)}`))]).toEqual(['1', '2']);
  });
  it('lengths in pax headers count bytes, not letters', () => {
    const unix = new Unix(), name = 'ä'.repeat(60),
      record = (key: string, value: string): string => {
        const n = new TextEncoder().encode(` ${key}=${value}\n`).length;
        return `${n + 3} ${key}=${value}\n`;
      };
    const bytes = new TextEncoder().encode(record('path', `${name}.txt`) + record('comment', 'x'.repeat(90))),
      text = String.fromCharCode(...bytes), header = entry('x', 'x', '\0'.repeat(text.length));
    header.set(bytes, 512);
    load(unix, join(header, entry('short', '0', '1')));
    expect(unix.read(unix.open(`/${name}.txt`))).toBe('1');
  });
  it('reports what is wrong with an image', () => {
    const unix = new Unix();
    expect(load(unix, new Uint8Array(1024).fill(7))).toBe('is not a tar archive');
    expect(load(unix, entry('f', '0', 'x'.repeat(600)).subarray(0, 1024))).toBe("is truncated in 'f'");
  });
});
