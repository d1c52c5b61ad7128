/**
 * Random two-stage worlds: page tables of both stages with few table pages and few indexes, so that walks overlap; and a program in M mode
 * that performs a list of steps (accesses by MPRV, by hlv and hsv, by jumping; changes of tables with their fences; switches between
 * address spaces and machines, without fences) and records the result of each.
 *
 * Memory, by page: 0 … 1023 data (each 8 bytes: `addi a0, x0, id; ecall`), except the tables of the VS-stage at 0x100, of the G-stage at
 * 0x120 (the root's four pages at 0x140), and at 0x300 the program and its list.
 */
import fc from 'fast-check';
import { assemble } from '../../hardware/isa/assemble.ts';
import type { Registers } from './hypervisor-reference.ts';

export const RAM = 0x8000_0000;
export const MEMORY = 4 << 20;
const BASE_PAGE = BigInt(RAM >>> 12);
const [VS_TABLES, G_TABLES, G_ROOT, G_ROOT_2, PROGRAM, LIST] = [0x100, 0x120, 0x140, 0x144, 0x300, 0x301];
const TABLES = 6;
const INDEXES = [0, 1, 2, 511] as const;

// ---- the world -----------------------------------------------------------------------------------------------------

export interface Entry { readonly stage: 0 | 1; readonly table: number; readonly index: number; readonly pte: bigint }
/**
 * `plain`: no virtual machine, one stage by satp. Mode of each stage, `enables` (henvcfg and menvcfg), rights of the region with the
 * tables, tables, and what is done.
 */
export interface World {
  readonly plain: boolean;
  readonly vs: number;
  readonly g: number;
  readonly enables: number;
  readonly identity: number;
  readonly entries: readonly Entry[];
  readonly steps: readonly Step[]
}
/** An access; an access, a change of a leaf that it goes by, the fence for that, and the access again; or another vsatp or hgatp. */
export type Step = { readonly do: 'access'; readonly request: Request }
  | {
    readonly do: 'edit'; readonly request: Request; readonly stage: 0 | 1; readonly page: bigint; readonly flags: number;
    readonly fence: number
  }
  | { readonly do: 'space' | 'machine'; readonly which: number };
export const KINDS = ['ld', 'sd', 'amo', 'fetch', 'hlv', 'hlvx', 'hsv'] as const;
export interface Request {
  readonly kind: (typeof KINDS)[number];
  readonly va: bigint;
  readonly user: boolean;
  readonly sum: boolean;
  readonly mxr: boolean;
  readonly hostMxr: boolean
}

const mode = fc.constantFrom(0, 8, 8, 9, 10);
const flags = fc.oneof({ weight: 14, arbitrary: fc.constantFrom(0xdf, 0xdf, 0xdf, 0xdf, 0xcf, 0xdb, 0xd7) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 127 }).map((x) => x << 1 | 1) },
  { weight: 2, arbitrary: fc.constantFrom(0x5f, 0x1f, 0x4f, 0x0f, 0x9f) });
const high = fc.oneof({ weight: 30, arbitrary: fc.constant(0n) },
  { weight: 1, arbitrary: fc.constantFrom(1n << 63n, 1n << 61n, 2n << 61n, 3n << 61n, 1n << 54n, 1n << 60n) });
const pteOf = (page: bigint, low: number, up = 0n): bigint => (page & ((1n << 44n) - 1n)) << 10n | BigInt(low) | up;

/** Targets of a leaf at this level: data, mostly naturally aligned; 64 KiB runs; tables; nothing. */
const physical = (level: number): fc.Arbitrary<bigint> => fc.oneof(
  {
    weight: 19,
    arbitrary: level <= 0
      ? fc.integer({ min: 0, max: 31 }).map((n) => BASE_PAGE + BigInt(n))
      : fc.constantFrom(level < 3 ? BASE_PAGE : 0n, level === 1 ? BASE_PAGE + 0x200n : 0n)
  },
  { weight: 1, arbitrary: fc.constantFrom(BASE_PAGE + 8n, BASE_PAGE + 0x18n, BASE_PAGE + 0x101n, 0x1_0000_0000n, 1n) });
/** Guest pages: the identity region at 2 GiB, or by the indexes that G-stage tables have entries for. */
const guestPage = (level: number): fc.Arbitrary<bigint> => fc.oneof({ weight: 12, arbitrary: physical(level) },
  {
    weight: 5,
    arbitrary: fc.array(fc.constantFrom(...INDEXES), { minLength: 3, maxLength: 5 }).map((path) =>
      path.reduce((page, i, n) => page << 9n | BigInt(path.length - n <= level ? 0 : i), 0n))
  },
  { weight: 1, arbitrary: fc.bigInt(0n, (1n << 44n) - 1n) });

/** Table number `table` is mostly met at level `levels - 1 - table`: pointers lead to the next table, now and then to any. */
function slot(stage: 0 | 1, table: number, index: number, levels: number): fc.Arbitrary<Entry | undefined> {
  const level = levels - 1 - table;
  const next = fc.oneof({ weight: 14, arbitrary: fc.constant(Math.min(table + 1, TABLES - 1)) },
    { weight: 1, arbitrary: fc.nat(TABLES - 1) });
  const pointer = next.map((t) => pteOf(BASE_PAGE + BigInt((stage === 0 ? VS_TABLES : G_TABLES) + t), 1));
  const plainLeaf = fc.tuple(stage === 0 ? guestPage(level) : physical(level), flags, high).map(([page, low, up]) => pteOf(page, low, up));
  const run = fc.tuple(fc.nat(1), flags).map(([n, low]) => pteOf(BASE_PAGE + BigInt(8 + 16 * n), low, 1n << 63n)); // 64 KiB
  const leaf = level > 0 ? plainLeaf : fc.oneof({ weight: 5, arbitrary: plainLeaf }, { weight: 1, arbitrary: run });
  return fc.oneof({ weight: 1, arbitrary: fc.constant(undefined) }, { weight: level > 0 ? 12 : 1, arbitrary: pointer },
    { weight: level > 0 ? 6 : 20, arbitrary: leaf })
    .map((pte) => (pte === undefined ? undefined : { stage, table, index, pte }));
}

const slots = (stage: 0 | 1, satpMode: number): fc.Arbitrary<(Entry | undefined)[]> =>
  fc.tuple(...Array.from({ length: TABLES * INDEXES.length },
    (_, n) => slot(stage, n >> 2, INDEXES[n & 3]!, satpMode === 0 ? 3 : satpMode - 5)));

const OFFSETS = [0n, 8n, 0x7f8n, 0xff8n];
const address = fc.record({ path: fc.array(fc.constantFrom(...INDEXES), { minLength: 5, maxLength: 5 }), wild: fc.nat(31) });
/** Few addresses, so that they are used again, in other ways. */
const places = fc.array(address, { minLength: 4, maxLength: 4 });
const request = fc.record({
  kind: fc.constantFrom(...KINDS, 'ld' as const, 'sd' as const, 'fetch' as const), at: fc.nat(3), offset: fc.constantFrom(...OFFSETS),
  crossing: fc.nat(9), user: fc.boolean(), sum: fc.constantFrom(true, true, true, false), mxr: fc.boolean(), hostMxr: fc.boolean()
});

/** An address fit for the mode: sign-extended (or as wide as a guest address) most of the time. */
function fit(address: { path: number[]; wild: number }, { offset: within, crossing }: { offset: bigint; crossing: number },
    vs: number, guest: number, kind: Request['kind']): bigint {
  const levels = vs !== 0 ? vs - 5 : guest !== 0 ? guest - 5 : 3;
  const page = address.path.slice(0, levels).reduce((p, i) => p << 9n | BigInt(i), 0n);
  const offset = crossing === 0 && (kind === 'ld' || kind === 'sd') ? 0xffcn : within;
  let va = page << 12n | offset;
  if (vs === 0 && guest === 0) va = BigInt(RAM) | (va & 0x3fffffn & ~0x300000n);
  else if (vs !== 0) va = BigInt.asUintN(64, BigInt.asIntN(12 + 9 * levels, va));
  else if (address.wild > 16) va |= BigInt(address.wild & 3) << BigInt(12 + 9 * levels);
  return address.wild === 0 ? va ^ (1n << BigInt(13 + 9 * levels)) : va;
}

const step = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant('access' as const), request }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('edit' as const), request, stage: fc.constantFrom<0 | 1>(0, 1), page: physical(0),
      flags: fc.oneof(flags, fc.constant(0)), fence: fc.nat(7)
    })
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('space' as const, 'machine' as const), which: fc.nat(2) }) },
);
/**
 * A global page must be the same in all address spaces, and no fence for one of them need forget it: so only worlds of a single space
 * keep the first stage's G bits. (The second stage ignores its own.)
 */
const G = 32;
export const hasGlobals = (w: World): boolean => w.steps.every((s) => s.do !== 'space');
const withoutGlobals = (world: World): World => (hasGlobals(world) ? world : {
  ...world,
  entries: world.entries.map((e) => (e.stage === 0 ? { ...e, pte: e.pte & ~BigInt(G) } : e)),
  steps: world.steps.map((s) => (s.do === 'edit' && s.stage === 0 ? { ...s, flags: s.flags & ~G } : s)),
});

const PLAIN_KINDS: Partial<Record<Request['kind'], Request['kind']>> = { hlv: 'ld', hlvx: 'amo', hsv: 'sd' };
const modes = fc.oneof({ weight: 4, arbitrary: fc.tuple(fc.constant(false), mode, mode) },
  { weight: 1, arbitrary: fc.tuple(fc.constant(true), mode, fc.constant(0)) });
export const world: fc.Arbitrary<World> = modes.chain(([plain, vs, guest]) =>
  fc.record({
    entries: fc.tuple(slots(0, vs), slots(1, guest)), enables: fc.nat(15),
    identity: fc.oneof({ weight: 3, arbitrary: fc.constant(0xdf) },
      { weight: 1, arbitrary: fc.constantFrom(0xd7, 0x53, 0x57, 0x5b, 0x59, 0x17) }),
    addresses: places, asked: fc.array(step, { minLength: 1, maxLength: 70, size: 'max' })
  })
  .map(({ entries, enables, identity, addresses, asked }): World => withoutGlobals({
    plain, vs, g: guest, enables, identity, entries: entries.flat().filter((e) => e !== undefined),
    steps: asked.map((step) => {
      if (!('request' in step)) return step;
      const { at, offset, crossing, ...asIs } = step.request;
      const request = { ...asIs, kind: plain ? PLAIN_KINDS[asIs.kind] ?? asIs.kind : asIs.kind };
      const va = fit(addresses[at]!, { offset, crossing: step.do === 'edit' ? 1 : crossing }, vs, guest, request.kind);
      return { ...step, request: { ...request, va } };
    }),
  })));

/** Guest page of a VS-stage table: with a second stage, inside the identity region. */
const vsRoot = BASE_PAGE + BigInt(VS_TABLES);

export const ASID = 5n, VMID = 9n;
/** Address spaces of the guest and machines, each with an identifier of its own: the first, one with another root, and Bare. */
export const spaceOf = (w: World, which: number): { mode: number; root: bigint; id: bigint } =>
  (which === 2 ? { mode: 0, root: 0n, id: 0n } : { mode: w.vs, root: vsRoot + BigInt(which), id: ASID + BigInt(which) });
export const machineOf = (world: World, which: number): { mode: number; root: bigint; id: bigint } =>
  (which === 2
    ? { mode: 0, root: 0n, id: 0n }
    : { mode: world.g, root: BASE_PAGE + BigInt(which === 0 ? G_ROOT : G_ROOT_2), id: VMID + BigInt(which) });
export const csrOf = ({ mode: m, root, id }: { mode: number; root: bigint; id: bigint }): bigint =>
  (m === 0 ? 0n : BigInt(m) << 60n | id << 44n | root);

export function registersOf(world: World): Registers {
  const host = { adue: (world.enables & 1) !== 0, pbmte: (world.enables & 2) !== 0 };
  return {
    vsatp: spaceOf(world, 0), hgatp: machineOf(world, 0), host,
    guest: world.plain ? host : { adue: host.adue && (world.enables & 4) !== 0, pbmte: host.pbmte && (world.enables & 8) !== 0 }
  };
}

/** Page `n` of the data: its 8-byte units identify themselves, and are executable. */
const ECALL = 0x73n << 32n;
export const unitOf = (page: number): bigint => ECALL | BigInt((page << 20 | 0x513) >>> 0);
export const isData = (pa: number): boolean => {
  const page = (pa - RAM) >>> 12;
  return page < VS_TABLES || (page >= 0x1f0 && page < PROGRAM);
};

const UNITS = new BigUint64Array(MEMORY / 8).map((_, i) => unitOf(i >>> 9));

export function fillMemory(world: World, memory: DataView): void {
  new Uint8Array(memory.buffer, memory.byteOffset, MEMORY).set(new Uint8Array(UNITS.buffer));
  const zero = (page: number, count: number): void => {
    new Uint8Array(memory.buffer, memory.byteOffset + page * 4096, count * 4096).fill(0);
  };
  zero(VS_TABLES, TABLES);
  zero(G_TABLES, TABLES);
  zero(G_ROOT, 8);
  const put = (page: number, index: number, pte: bigint): void => memory.setBigUint64(page * 4096 + index * 8, pte, true);
  for (const entry of world.entries) {
    put((entry.stage === 0 ? VS_TABLES : G_TABLES) + entry.table, entry.index, entry.pte);
    // The G-stage's root is a table of its own, with entries in each of its four pages.
    if (entry.stage === 1 && entry.table < 2)
      for (const quarter of [0, 512, 1024, 1536]) put(entry.table === 0 ? G_ROOT : G_ROOT_2, quarter + entry.index, entry.pte);
  }
  // The way to the identity region at 2 GiB: entries 0 down to the level of 1 GiB pages, there entry 2.
  if (world.g === 0) return;
  const identity = pteOf(0x80000n, world.identity);
  for (const root of [G_ROOT, G_ROOT_2]) {
    const path = [root, G_TABLES + 1, G_TABLES + 2].slice(0, world.g - 7);
    path.forEach((page, i) => (i === path.length - 1 ? put(page, 2, identity) : put(page, 0, pteOf(BASE_PAGE + BigInt(path[i + 1]!), 1))));
  }
}

/** Entries that lead to the tables themselves do not change, because the whole world depends on them. */
export const isIdentity = (world: World, pte: bigint): boolean => {
  const at = Number(pte) - RAM, page = at >>> 12, index = (at >>> 3) & 511;
  return world.g !== 0 && index === 2 && page === [G_ROOT, G_TABLES + 1, G_TABLES + 2][world.g - 8] || (page === G_ROOT_2 && index === 2);
};

// ---- the program ---------------------------------------------------------------------------------------------------

const STRIDE = 96;
const MAX = 800;
export interface Noted {
  readonly cause: number;
  readonly tval: bigint;
  readonly tval2: bigint;
  readonly tinst: number;
  readonly value: bigint
}

const PROGRAM_TEXT = `
  hfence.vvma x0, x0; hfence.gvma x0, x0; sfence.vma x0, x0; fence.i
  la t0, trap; csrw mtvec, t0
loop:
  beqz s1, done
  ld t0, 16(s0); csrw vsstatus, t0; ld t0, 24(s0); csrw hstatus, t0
  ld a1, 32(s0); ld a2, 40(s0); li a0, 0; ld t0, 8(s0); ld t1, 0(s0); jr t1
ld: csrw mstatus, t0; ld a0, 0(a1); j good
sd: csrw mstatus, t0; sd a2, 0(a1); j good
amo: csrw mstatus, t0; amoor.d a0, x0, (a1); j good
hlv: csrw mstatus, t0; hlv.d a0, (a1); j good
hlvx: csrw mstatus, t0; hlvx.wu a0, (a1); j good
hsv: csrw mstatus, t0; hsv.d a2, (a1); j good
fetch: csrw mstatus, t0; csrw mepc, a1; mret
poke: sd a2, 0(a1); j good
space: csrw vsatp, a1; j good
plain_space: csrw satp, a1; j good
machine: csrw hgatp, a1; j good
vvma: hfence.vvma x0, x0; j good
vvma_va: hfence.vvma a1, x0; j good
vvma_id: hfence.vvma x0, a2; j good
vvma_va_id: hfence.vvma a1, a2; j good
svma: sfence.vma x0, x0; j good
svma_va: sfence.vma a1, x0; j good
svma_id: sfence.vma x0, a2; j good
svma_va_id: sfence.vma a1, a2; j good
gvma: hfence.gvma x0, x0; j good
gvma_pa: hfence.gvma a1, x0; j good
gvma_id: hfence.gvma x0, a2; j good
gvma_pa_id: hfence.gvma a1, a2; j good
all: hfence.gvma x0, x0; hfence.vvma x0, x0; sfence.vma x0, x0; j good
good:
  li t0, 0x20000; csrc mstatus, t0; li t2, -1; sd t2, 48(s0); j next
.align 2
trap:
  li t0, 0x20000; csrc mstatus, t0
  csrr t2, mcause; sd t2, 48(s0); csrr t2, mtval; sd t2, 56(s0); csrr t2, mtval2; sd t2, 64(s0); csrr t2, mtinst; sd t2, 72(s0)
next:
  sd a0, 80(s0); addi s0, s0, 96; addi s1, s1, -1; j loop
done:
  wfi; j done`.replaceAll('\n', ';');

const program = assemble(PROGRAM_TEXT, RAM + PROGRAM * 4096);

const MSTATUS = { FS: 1n << 13n, MPRV: 1n << 17n, SUM: 1n << 18n, MXR: 1n << 19n, MPV: 1n << 39n };

/** One step: the action, and the words that the program loads. */
export interface ProgramStep {
  readonly label: string;
  readonly mstatus: bigint;
  readonly vsstatus: bigint;
  readonly hstatus: bigint;
  readonly a1: bigint;
  readonly a2: bigint
}

export const FENCES = {
  plain: ['svma', 'svma_va', 'svma_id', 'svma_va_id'], first: ['vvma', 'vvma_va', 'vvma_id', 'vvma_va_id'],
  second: ['gvma', 'gvma_pa', 'gvma_id', 'gvma_pa_id']
} as const;

/** A step without an access. */
export const plainRow = (label: string, a1 = 0n, a2 = 0n): ProgramStep => ({
  label, mstatus: MSTATUS.FS, vsstatus: MSTATUS.FS, hstatus: 0n, a1, a2
});

/** An access; `value` is what a store writes. */
export function accessRow(request: Request, value: bigint, plain: boolean): ProgramStep {
  if (plain) {
    const loose = MSTATUS.FS | (request.sum ? MSTATUS.SUM : 0n) | (request.mxr || request.hostMxr ? MSTATUS.MXR : 0n)
      | (request.user ? 0n : 1n << 11n);
    const mstatus = request.kind === 'fetch' ? loose : loose | MSTATUS.MPRV;
    return { label: request.kind, mstatus, vsstatus: 0n, hstatus: 0n, a1: request.va, a2: value };
  }
  const outer = (request.hostMxr ? MSTATUS.MXR : 0n) | MSTATUS.FS | (request.sum ? 0n : MSTATUS.SUM); // HS-level SUM must not matter
  const mstatus = request.kind.startsWith('h')
    ? outer
    : outer | MSTATUS.MPV | (request.user ? 0n : 1n << 11n) | (request.kind === 'fetch' ? 0n : MSTATUS.MPRV);
  return {
    label: request.kind, mstatus, vsstatus: (request.sum ? MSTATUS.SUM : 0n) | (request.mxr ? MSTATUS.MXR : 0n) | MSTATUS.FS,
    hstatus: request.user ? 0n : 1n << 8n, a1: request.va, a2: value
  };
}

/** Writes program and list. Returns their addresses. */
export function placeProgram(memory: DataView, rows: readonly ProgramStep[]): { entry: number; list: number } {
  if (rows.length > MAX) throw new RangeError(`hypervisor-random: more than ${MAX} rows`);
  new Uint8Array(memory.buffer, memory.byteOffset + PROGRAM * 4096).set(program.bytes);
  rows.forEach((row, i) => {
    const words = [BigInt(program.symbols.get(row.label)!), row.mstatus, row.vsstatus, row.hstatus, row.a1, row.a2];
    words.forEach((word, n) => memory.setBigUint64(LIST * 4096 + i * STRIDE + 8 * n, word, true));
  });
  return { entry: RAM + PROGRAM * 4096, list: RAM + LIST * 4096 };
}

export function readNotes(memory: DataView, count: number): Noted[] {
  return Array.from({ length: count }, (_, i) => {
    const word = (n: number): bigint => memory.getBigUint64(LIST * 4096 + i * STRIDE + 8 * n, true);
    return { cause: Number(BigInt.asIntN(64, word(6))), tval: word(7), tval2: word(8), tinst: Number(word(9)), value: word(10) };
  });
}

/** Memory on which both must agree afterwards: everything below the program. */
export const COMPARED = PROGRAM * 4096;
