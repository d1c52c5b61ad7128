/** Translation in one and two stages. @spec priv 12.3.1, 12.3.2, 12.4.1, 13, 14, 16, 21.5.1, 21.5.2; priv 3.7.2 */
import { describe, expect, it } from 'vitest';
import { Machine } from '../machine.ts';
import { Access } from './bits.ts';
import type { Hart } from './hart.ts';

const RAM = 0x8000_0000;
const ROOT = RAM + 0x1_0000;
const GUEST_ROOT = RAM + 0x2_0000;
const V = 1, R = 2, W = 4, X = 8, U = 16, A = 64, D = 128;
const SV39 = 8n << 60n;

function make(isa?: string): { machine: Machine; h: Hart } {
  const machine = new Machine({ memoryBytes: 1 << 20, isa });
  const hart = machine.harts[0];
  hart.setCsr(0x3b0, 0x3f_ffff_ffff_ffffn);
  hart.setCsr(0x3a0, 0x1fn);
  return { machine, h: hart };
}

const pte = (pa: number, flags: number, high = 0n): bigint => (BigInt(Math.floor(pa / 4096)) << 10n) | BigInt(flags) | high;

/** Maps va through three levels of tables at root, root + 4 pages, root + 5 pages. */
function map(machine: Machine, root: number, va: number, pa: number, flags: number, high = 0n): void {
  const index = (level: number): number => Math.floor(va / 2 ** (12 + 9 * level)) % (level === 2 ? 2048 : 512);
  machine.memory.setU64(root + 8 * index(2), pte(root + 0x4000, V));
  machine.memory.setU64(root + 0x4000 + 8 * index(1), pte(root + 0x5000, V));
  machine.memory.setU64(root + 0x5000 + 8 * index(0), pte(pa, flags, high));
}

const ok = (h: Hart, va: number, access: 0 | 1 | 2, priv = 1, virt = false): number | string =>
  h.mmu.translate(va | 0, Math.floor(va / 2 ** 32), access, priv, virt) ? h.mmu.ppn * 4096 + (va % 4096) : `fault ${h.mmu.cause}`;

describe('one stage', () => {
  const va = 0x1234_5678;
  const setUp = (flags: number, high = 0n) => {
    const made = make();
    map(made.machine, ROOT, va, RAM + 0x8_0000, flags, high);
    made.h.setCsr(0x180, SV39 | BigInt(ROOT >>> 12));
    return made;
  };

  it('translates and checks permission', () => {
    const { h: hart } = setUp(V | R | A | D);
    expect(ok(hart, va, Access.load)).toBe(RAM + 0x8_0678);
    expect(ok(hart, va, Access.store)).toBe('fault 15');
    expect(ok(hart, va, Access.fetch)).toBe('fault 12');
    expect(ok(hart, va, Access.load, 0)).toBe('fault 13');
    expect(ok(hart, va + 4096, Access.load)).toBe('fault 13');
  });

  it('supervisor reaches user pages only with SUM, never to execute; MXR reads executable pages', () => {
    const { h: hart } = setUp(V | X | U | A);
    expect(ok(hart, va, Access.load)).toBe('fault 13');
    hart.setCsr(0x100, 0xc_0000n);
    expect(ok(hart, va, Access.load)).toBe(RAM + 0x8_0678);
    expect(ok(hart, va, Access.fetch)).toBe('fault 12');
    expect(ok(hart, va, Access.fetch, 0)).toBe(RAM + 0x8_0678);
  });

  it('without ADUE clear A and D bits fault; with it hardware sets them', () => {
    const { machine, h: hart } = setUp(V | R | W);
    expect(ok(hart, va, Access.load)).toBe('fault 13');
    hart.setCsr(0x30a, 1n << 61n);
    expect(ok(hart, va, Access.load)).toBe(RAM + 0x8_0678);
    expect(hart.mmu.writable).toBe(false);
    expect(ok(hart, va, Access.store)).toBe(RAM + 0x8_0678);
    expect(machine.memory.u64(ROOT + 0x5000 + 8 * 0x145) & 0xffn).toBe(BigInt(V | R | W | A | D));
  });

  it('a 64 KiB page counts as its sixteen pages; reserved bits fault; memory types need PBMTE', () => {
    const napot = setUp(V | R | A, 1n << 63n);
    map(napot.machine, ROOT, va, RAM + 0x8_8000, V | R | A, 1n << 63n);
    expect(ok(napot.h, va, Access.load)).toBe(RAM + 0x8_5678);
    const reserved = setUp(V | R | A, 1n << 54n);
    expect(ok(reserved.h, va, Access.load)).toBe('fault 13');
    const typed = setUp(V | R | A, 1n << 61n);
    expect(ok(typed.h, va, Access.load)).toBe('fault 13');
    typed.h.setCsr(0x30a, 1n << 62n);
    expect(ok(typed.h, va, Access.load)).toBe(RAM + 0x8_0678);
  });

  it('addresses that are not sign extended fault; a mode that does not exist is not taken', () => {
    const { h: hart } = setUp(V | R | A);
    expect(ok(hart, 2 ** 38, Access.load)).toBe('fault 13');
    const before = hart.csr(0x180);
    hart.setCsr(0x180, 5n << 60n);
    expect(hart.csr(0x180)).toBe(before);
  });

  it('PMP denies after translation', () => {
    const { h: hart } = setUp(V | R | W | A | D);
    hart.setCsr(0x3b0, BigInt((RAM + 0x8_0000) / 4) | 0x1ffn);
    hart.setCsr(0x3b1, 0x3f_ffff_ffff_ffffn);
    hart.setCsr(0x3a0, 0x1f19n);
    expect(ok(hart, va, Access.load)).toBe(RAM + 0x8_0678);
    expect(hart.mmu.writable).toBe(false);
    expect(ok(hart, va, Access.store)).toBe('fault 7');
  });
});

describe('two stages', () => {
  const va = 0x1234_5678;
  const gpa = 0x4_0000_0000;
  const setUp = () => {
    const made = make();
    // Guest tables are identity mapped; the page itself lies at gpa.
    map(made.machine, ROOT, va, gpa, V | R | W | U | A | D);
    for (const page of [0, 0x4000, 0x5000])
      made.machine.memory.setU64(GUEST_ROOT + 0x5000 + 8 * (0x10 + page / 4096), pte(ROOT + page, V | R | W | U | A | D));
    made.machine.memory.setU64(GUEST_ROOT + 8 * 2, pte(GUEST_ROOT + 0x4000, V));
    made.machine.memory.setU64(GUEST_ROOT + 0x4000, pte(GUEST_ROOT + 0x5000, V));
    made.machine.memory.setU64(GUEST_ROOT + 8 * 16, pte(GUEST_ROOT + 0x6000, V));
    made.machine.memory.setU64(GUEST_ROOT + 0x6000, pte(GUEST_ROOT + 0x7000, V));
    made.machine.memory.setU64(GUEST_ROOT + 0x7000, pte(RAM + 0x9_0000, V | R | W | U | A | D));
    made.h.setCsr(0x280, SV39 | BigInt(ROOT >>> 12));
    made.h.setCsr(0x680, SV39 | BigInt(GUEST_ROOT >>> 12));
    return made;
  };

  it('composes both', () => {
    const { h: hart } = setUp();
    expect(ok(hart, va, Access.load, 0, true)).toBe(RAM + 0x9_0678);
    expect(hart.mmu.writable).toBe(true);
  });

  it('a missing second-stage page is a guest page fault with the guest address / 4', () => {
    const { machine, h: hart } = setUp();
    machine.memory.setU64(GUEST_ROOT + 0x7000, 0n);
    expect(ok(hart, va, Access.store, 0, true)).toBe('fault 23');
    expect([hart.mmu.gpaHi * 2 ** 32 + (hart.mmu.gpaLo >>> 0), hart.mmu.implicit]).toEqual([Math.floor((gpa + 0x678) / 4), 0]);
  });

  it('a table that the second stage does not map is an implicit access', () => {
    const { machine, h: hart } = setUp();
    machine.memory.setU64(GUEST_ROOT + 0x5000 + 8 * 0x15, 0n);
    expect(ok(hart, va, Access.fetch, 0, true)).toBe('fault 20');
    expect([hart.mmu.gpaLo >>> 0, hart.mmu.implicit]).toEqual([(ROOT + 0x5000 + 8 * 0x145) / 4, 1]);
  });

  it('remembers second-stage pages until a fence', () => {
    const { machine, h: hart } = setUp();
    expect(ok(hart, va, Access.load, 0, true)).toBe(RAM + 0x9_0678);
    machine.memory.setU64(GUEST_ROOT + 0x7000, 0n);
    hart.hfenceGvma();
    expect(ok(hart, va, Access.load, 0, true)).toBe('fault 21');
  });
});

describe('features follow the ISA string', () => {
  it('without H there are no MPV, no hypervisor delegation, no H in misa', () => {
    const { h: hart } = make('rv64gc');
    hart.setCsr(0x300, 1n << 39n);
    hart.setCsr(0x302, 0xff_ffffn);
    hart.setCsr(0x30a, 7n << 61n);
    expect(hart.csr(0x300) >> 39n & 1n).toBe(0n);
    expect([hart.csr(0x302), hart.csr(0x303), hart.csr(0x30a) >> 61n, hart.csr(0x301) >> 7n & 1n]).toEqual([0xc_b3ffn, 0n, 0n, 0n]);
  });
});
