/**
 * The walk in software against the machine's own: random tables, random accesses, the same page, the same faults, the same accessed and
 * dirty bits.
 */
import { expect, it } from 'vitest';
import { Access as Kind } from '../../machine/hart/bits.ts';
import { Machine } from '../../machine/machine.ts';
import { GuestRam, type RamAccess } from '../ram.ts';
import { walk, type Access } from './walker.ts';

const RAM = 0x8000_0000, SIZE = 4 << 20, TABLES = 16, PAGE = 4096;
const KINDS: Readonly<Record<Access, Kind>> = { load: Kind.load, store: Kind.store, fetch: Kind.fetch };
const random = (seed: number) => (n: number): number => {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
  return (seed >>> 8) % n;
};

/** Mostly sensible entries: pointers to the tables, leaves to memory behind them, some bits at random. */
function entry(below: (n: number) => number): bigint {
  const pointer = below(2) === 0, frame = RAM / PAGE + (pointer ? below(TABLES) : [0, 512, TABLES + below(500), below(2 ** 20)][below(4)]!);
  const bits = pointer ? 1 : (below(12) ? 1 : 0) | below(256);
  return (BigInt(frame) << 10n) | BigInt(bits) | (below(20) ? 0n : 1n << BigInt(54 + below(10)));
}

function ramOf({ memory }: Machine): GuestRam {
  const { u8, u16, u32, setU8, setU16, setU32 } = memory;
  const bound = { u8: u8.bind(memory), u16: u16.bind(memory), u32: u32.bind(memory), setU8: setU8.bind(memory),
    setU16: setU16.bind(memory), setU32: setU32.bind(memory) };
  return new GuestRam({ ...bound, fill: memory.fill.bind(memory) } as unknown as RamAccess, RAM, SIZE);
}

it.each([1, 2, 3])('20,000 accesses through random tables (seed %i)', (seed) => {
  const below = random(seed), machine = new Machine({ memoryBytes: SIZE, engine: 'interp' }), hart = machine.harts[0]!,
    ram = ramOf(machine), outcomes = { page: 0, fault: 0 };
  machine.reset(RAM);
  hart.presetForSupervisor(); // with hardware updates of accessed and dirty bits, and physical protection open
  for (let i = 0; i < 20_000; i++) {
    if (i % 100 === 0) for (let at = RAM; at < RAM + TABLES * PAGE; at += 8) if (i === 0 || below(8) === 0) machine.memory.setU64(at,
      entry(below));
    const mode = 8 + below(3), satp = (BigInt(mode) << 60n) | BigInt(RAM / PAGE + below(TABLES));
    const va = BigInt.asIntN([39, 48, 57][mode - 8]! + (below(30) ? 0 : 1),
      (BigInt(below(2 ** 24)) << 34n) | (BigInt(below(2 ** 24)) << 12n) | BigInt(below(4096)));
    const access = (['load', 'store', 'fetch'] as const)[below(3)]!,
      view = { satp, privileged: below(2) === 1, sum: below(2) === 1, mxr: below(2) === 1 };
    const tables = machine.memory.view(RAM, TABLES * PAGE).slice(), ours = walk(ram, view, va, access),
      after = machine.memory.view(RAM, TABLES * PAGE).slice();
    machine.memory.writable(RAM, TABLES * PAGE).set(tables);
    hart.setCsr(0x180, satp);
    hart.setCsr(0x100, (view.sum ? 1n << 18n : 0n) | (view.mxr ? 1n << 19n : 0n));
    const ok = hart.mmu.translate(Number(BigInt.asIntN(32, va)), Number(BigInt.asIntN(32, va >> 32n)), KINDS[access],
      view.privileged ? 1 : 0, false);
    const told = `access ${i}: ${access} of 0x${BigInt.asUintN(64, va).toString(16)} by satp 0x${satp.toString(16)}`;
    if (!ok) {
      outcomes.fault++;
      expect(ours, told).toBe(hart.mmu.cause >= 12 ? 'page fault' : 'access fault');
    } else {
      outcomes.page++;
      expect(typeof ours === 'object' ? ours.page : ours, told).toBe(hart.mmu.ppn * PAGE);
      expect(typeof ours === 'object' && (ours.rights & { load: 1, store: 2, fetch: 4 }[access]) !== 0, told).toBe(true);
    }
    expect(Buffer.compare(after, machine.memory.view(RAM, TABLES * PAGE)), `${told}: tables`).toBe(0);
  }
  expect(Math.min(outcomes.page, outcomes.fault)).toBeGreaterThan(500);
});
