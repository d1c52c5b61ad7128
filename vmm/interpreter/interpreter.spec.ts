import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { S } from '../../microkernel/abi/index.ts';
import { inject } from '../exits/inject.ts';
import { advance } from '../exits/memory.ts';
import { RAM_BASE } from '../ram.ts';
import { fakeRam, fakeUtcb } from '../testing.ts';
import { decodeAccess, decodeTransformed } from './access.ts';
import { fetchInstruction, translate } from './walk.ts';

describe('decoding', () => {
  // Encodings by `riscv64-linux-gnu-as` of the text on the right.
  it.each([
    [0x0055c503, { store: false, size: 1, signed: false, register: 10, length: 4 }, 'lbu a0, 5(a1)'],
    [0x00058503, { store: false, size: 1, signed: true, register: 10, length: 4 }, 'lb a0, 0(a1)'],
    [0x0045a783, { store: false, size: 4, signed: true, register: 15, length: 4 }, 'lw a5, 4(a1)'],
    [0x0045e783, { store: false, size: 4, signed: false, register: 15, length: 4 }, 'lwu a5, 4(a1)'],
    [0x00f582a3, { store: true, size: 1, signed: false, register: 15, length: 4 }, 'sb a5, 5(a1)'],
    [0x01f5b023, { store: true, size: 8, signed: false, register: 31, length: 4 }, 'sd t6, 0(a1)'],
    [0x41dc, { store: false, size: 4, signed: true, register: 15, length: 2 }, 'c.lw a5, 4(a1)'],
    [0xc1dc, { store: true, size: 4, signed: false, register: 15, length: 2 }, 'c.sw a5, 4(a1)'],
    [0x6588, { store: false, size: 8, signed: true, register: 10, length: 2 }, 'c.ld a0, 8(a1)'],
    [0x4782, { store: false, size: 4, signed: true, register: 15, length: 2 }, 'c.lwsp a5, 0(sp)'],
    [0xc03e, { store: true, size: 4, signed: false, register: 15, length: 2 }, 'c.swsp a5, 0(sp)'],
  ])('%#x', (bits, access) => { expect(decodeAccess(bits)).toEqual(access); });
  it('knows transformed instructions, compressed ones too', () => {
    expect(decodeTransformed(0x0000_2783)).toEqual({ store: false, size: 4, signed: true, register: 15, length: 4 });
    expect(decodeTransformed(0x0000_2781)).toEqual({ store: false, size: 4, signed: true, register: 15, length: 2 });
    expect([decodeTransformed(0), decodeTransformed(0x3000), decodeTransformed(0x100_2_02f)]).toEqual([undefined, undefined, undefined]);
  });
  it('answers for any bits', () => {
    fc.assert(fc.property(fc.nat(0xffff_ffff), (i) => { decodeAccess(i | 0); decodeTransformed(i | 0); }), { numRuns: 1000 });
  });
});

describe('walking the guest\'s page tables', () => {
  const pte = (gpa: number, flags: number): bigint => (BigInt(gpa) >> 12n << 10n) | BigInt(flags);
  const set = (ram: ReturnType<typeof fakeRam>, at: number,
    v: bigint): void => { ram.setU32(at, Number(v & 0xffff_ffffn)); ram.setU32(at + 4, Number(v >> 32n)); };
  const root = RAM_BASE + 0x1000, middle = RAM_BASE + 0x2000, last = RAM_BASE + 0x3000, vsatp = (8n << 60n) | BigInt(root / 4096);
  const make = () => {
    const ram = fakeRam();
    set(ram, root + 8 * 511, pte(middle, 1)); set(ram, middle + 8 * 2, pte(last, 1));
      set(ram, last + 8 * 5, pte(RAM_BASE + 0x8000, 0xcb)); set(ram, middle + 8 * 3, pte(RAM_BASE, 0xcf));
    return ram;
  };
  const va = 0xffff_ffff_c000_0000n;
  it('finds pages and superpages', () => {
    const ram = make();
    expect(translate(ram, vsatp, va + 0x40_5123n)).toBe(RAM_BASE + 0x8123);
    expect(translate(ram, vsatp, va + 0x61_2345n)).toBe(RAM_BASE + 0x1_2345);
    expect(translate(ram, 0n, 0x8000_0040n)).toBe(RAM_BASE + 0x40);
    // Registers of a UTCB are signed: a guest with paging and a processor that does not describe accesses was refused all of its devices.
    expect(translate(ram, BigInt.asIntN(64, vsatp), va + 0x40_5123n)).toBe(RAM_BASE + 0x8123);
  });
  it('fetches across a page border only if both sides are there', () => {
    const ram = make();
    ram.setU16(RAM_BASE + 0x8ffe, 0x2783); ram.setU16(RAM_BASE + 0x8000, 0x4501);
    expect(fetchInstruction(ram, vsatp, va + 0x40_5000n)).toBe(0x4501);
    expect(fetchInstruction(ram, vsatp, va + 0x40_5ffen)).toBeUndefined();
  });
  it('answers whatever stands in tables and registers', () => {
    const word = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    fc.assert(fc.property(word, word, fc.array(word, { maxLength: 8 }), (satp, at, entries) => {
      const ram = make();
      entries.forEach((e, i) => set(ram, root + 8 * (511 - i), e));
      for (const root of [satp, vsatp]) fetchInstruction(ram, root, BigInt.asIntN(64, at));
    }), { numRuns: 300 });
  });
});

describe('injected traps', () => {
  it('do what hardware would', () => {
    const utcb = fakeUtcb();
    utcb.setBig(S.pc, -0x1000n); utcb.setBig(S.vstvec, 0x8020_0001n); utcb.setNum(S.vsstatus, 2); utcb.setNum(S.mode, 1);
    inject(utcb, 5, 0x1234n);
    expect([utcb.big(S.vsepc), utcb.num(S.vscause), utcb.num(S.vstval), utcb.num(S.vsstatus), utcb.pc, utcb.num(S.mode)])
      .toEqual([-0x1000n, 5, 0x1234, 0x120, 0x8020_0000, 1]);
    utcb.setBig(S.pc, 0xffff_fffen);
    advance(utcb, 4);
    expect(utcb.pc).toBe(0x1_0000_0002);
  });
});
