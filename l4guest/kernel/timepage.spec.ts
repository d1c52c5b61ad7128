/** The vDSO of every process: a C library finds its functions, and [vvar] agrees with the server's clocks. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Clone } from '../abi/linux.ts';
import { copyIn } from '../mm/uaccess.ts';
import { Unix } from '../testing/unix.ts';
import { SIGRETURN, TimePages, VDSO, VVAR, vdsoImage } from './timepage.ts';
import { TimeSpace } from './timespace.ts';

const image = vdsoImage(), view = new DataView(image.buffer), big = (at: number): number => Number(view.getBigUint64(at, true));
/** Names with their values, found through the dynamic section as a C library does. */
function symbols(): Map<string, number> {
  const dynamic = new Map<number, number>(), found = new Map<string, number>();
  const headers = Array.from({ length: view.getUint16(56, true) }, (_, i) => big(32) + i * 56);
  for (let at = big(headers.find((h) => view.getUint32(h, true) === 2)! + 16); big(at) !== 0; at += 16) dynamic.set(big(at), big(at + 8));
  const text = (at: number): string => String.fromCharCode(...image.subarray(at, image.indexOf(0, at)));
  for (let i = 1; i < view.getUint32(dynamic.get(4)! + 4, true); i++) {
    const at = dynamic.get(6)! + 24 * i;
    found.set(text(dynamic.get(5)! + view.getUint32(at, true)), big(at + 8));
  }
  return found;
}
/** A process with the pages that exec maps. */
function withPages(): { unix: Unix; pages: TimePages } {
  const unix = new Unix(), pages = unix.k.timePages;
  pages.map(unix.main.proc.mm, unix.main.proc.time);
  return { unix, pages };
}
const words = (unix: Unix): number[] => {
  const view = new DataView(copyIn(unix.main.mm, VVAR, 32).buffer);
  return [0, 8, 16, 24].map((at) => Number(view.getBigUint64(at, true)));
};

describe('the vDSO', () => {
  it('is the image that guests/vdso builds, and fits a page', () => {
    expect(image).toEqual(new Uint8Array(readFileSync(new URL('../../guests/bin/vdso.so', import.meta.url))));
    expect(image.length).toBeLessThanOrEqual(4096);
  });
  it("has the functions of riscv64 Linux, and the return from handlers at the server's address", () => {
    const all = symbols();
    expect([...all.keys()].filter((n) => n.startsWith('__vdso')).sort()).toEqual(['clock_getres', 'clock_gettime', 'flush_icache', 'getcpu',
      'gettimeofday', 'riscv_hwprobe', 'rt_sigreturn'].map((n) => `__vdso_${n}`));
    expect(VDSO + all.get('__vdso_rt_sigreturn')!).toBe(SIGRETURN);
    expect([big(SIGRETURN - VDSO) % 2 ** 32]).toEqual([0x08b00893]);
  });
  it('reports how far the wall clock is ahead, counts its changes, and knows when it is being moved', () => {
    const { unix } = withPages(), [changes, known, steady, ahead] = words(unix);
    expect([changes! % 2, known, steady, ahead]).toEqual([0, 1, 1, 1_700_000_000e9]);
    unix.k.clock.setWall(1_800_000_000, 0);
    expect(words(unix).slice(1)).toEqual([1, 1, 1_800_000_000e9 - unix.k.clock.now()]);
    unix.k.clock.setPace(1.1);
    expect(words(unix).slice(0, 3)).toEqual([changes! + 4, 1, 0]);
  });
  it('tells what the processor can do, in any time space', () => {
    const { unix, pages } = withPages(), told = (): bigint[] => {
      const words = new BigUint64Array(copyIn(unix.main.mm, VVAR, 256).slice().buffer).slice(4);
      return [...words.subarray(1, 1 + Number(words[0]))];
    };
    expect(told()).toEqual([...unix.k.hardware]);
    pages.enter(unix.main.mm, new TimeSpace());
    expect(told()).toEqual([...unix.k.hardware]);
  });
  it('reports nothing if a time space has other clocks, and no process can write it', () => {
    const { unix, pages } = withPages(), space = new TimeSpace();
    pages.enter(unix.main.mm, space);
    expect(words(unix)).toEqual([0, 0, 0, 0]);
    pages.enter(unix.main.mm, unix.k.init.time);
    expect(words(unix)[1]).toBe(1);
    expect(unix.call('mprotect', VVAR, 4096, 3)).toBeLessThan(0);
    expect(unix.call('unshare', Clone.NEWTIME)).toBe(0);
    expect(words(unix)[1]).toBe(1); // only children have the new clocks
    expect(new DataView(copyIn(unix.fork().mm, VVAR, 32).buffer).getBigUint64(8, true)).toBe(0n);
  });
});
