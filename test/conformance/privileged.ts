/**
 * Random privileged sequences: registers of all levels read and written, changes of mode, page table entries and roots, accesses and
 * calls through them, physical protection, interrupts that software makes pending. They run in the image of privileged-frame.ts.
 *
 * Left out, because QEMU 7.2 behaves differently: `ebreak` (its tval may be 0 or the address), AMOs (whose access faults are those of
 * stores, priv 3.1.15), bit 0 of sepc (which is zero, priv 12.1.7), enables in mie of interrupts that are not there, SEIP together with
 * SSIP (SEI comes first, priv 12.1.3; QEMU takes the lowest number).
 */
import { assemble } from '../../hardware/isa/assemble.ts';
import {
  DATA, DUMPED, dumpNames, GUEST_ROOTS, isHypervisor, mix, PAGE_COUNT, PAGES, privilegedFrame, readCsr, ROOTS, Service, STARTED, TABLE_A,
  TABLE_B, visible, WINDOW, WINDOW_PAGES
} from './privileged-frame.ts';
import { BASE, Random, type Stream } from './stream.ts';

export const PRIVILEGED_ISA = 'rv64imafdc_zicsr_zifencei_sstc_svadu';
export const HYPERVISOR_ISA = 'rv64imafdch_zicsr_zifencei_sstc_svadu';

export interface Steps { readonly steps: readonly string[]; readonly data: BigUint64Array }

/** Bits that a sequence may change; those of ecalls are never delegated, as M mode gives the services. */
const EXCEPTIONS = 0xb0ffn;
const WRITABLE: Record<string, bigint> = {
  mstatus: 0xc_6122n, mie: 0xeeen, mip: 0x222n, medeleg: 0xf0_0000n | EXCEPTIONS, mideleg: 0x222n, mcounteren: 7n, mtval: ~0n,
  mscratch: ~0n,
  sstatus: 0xc_6122n, sie: 0x222n, sip: 2n, scounteren: 7n, scause: 0x8000_0000_0000_000fn, stval: ~0n, sscratch: ~0n, sepc: ~1n,
  senvcfg: 1n,
  hstatus: 0x30_0380n, hedeleg: EXCEPTIONS, hideleg: 0x444n, hie: 0x444n, hip: 4n, hvip: 0x444n, hcounteren: 7n, htval: ~0n, htinst: ~0n,
  vsstatus: 0xc_6122n, vsie: 0x222n, vsip: 2n, vsepc: ~1n, vscause: 0x8000_0000_0000_000fn, vstval: ~0n, vsscratch: ~0n,
};
const READABLE = [...DUMPED, 'misa', 'mhartid', 'hgeip', 'hgeie', 'vsatp', 'fcsr', 'pmpcfg2'];
const NAMES = new Map<number, string>(Object.entries(Service).map(([name, n]) => [n, name]));

/** Exceptions that only the hypervisor extension has: ecall from VS, guest page faults, virtual instruction. */
const GUEST_CAUSES = 0xf0_0000n;
/**
 * Bits that QEMU 7.2 gets wrong: it keeps enables of the hypervisor extension's interrupts without it, and of several interrupts takes
 * the lowest number first.
 */
const QEMU_OTHERWISE: Record<string, bigint> = { mie: 0x444n, mip: 0x200n };
const wide = (random: Random): bigint => (BigInt(random.next()) << 32n) | BigInt(random.next());
const service = (n: number): string => `li a7, ${n}; ecall`;

/** A page table entry of the window: mostly valid; `guest`: its page may also be in the guest's window. */
function entry(random: Random, guest: boolean): bigint {
  const target = guest && random.below(2) === 0 ? WINDOW + 4096 * random.below(WINDOW_PAGES) : PAGES + 4096 * random.below(PAGE_COUNT);
  let flags = random.pick([0xcf, 0xdf, 0xd7, 0xdb, 0xd3, 0xd9, 0xc7, 0xc3, 0x1f, 0x5f, 0x0f, 0xdf, 0xcf]);
  if (random.below(8) === 0) flags = random.below(256);
  const odd = random.below(24) === 0 ? 1n << BigInt(54 + random.below(10)) : 0n;
  return (BigInt(target / 4) | BigInt(flags)) | odd;
}

function address(random: Random, limit: number): string {
  return `li t1, ${WINDOW + 4096 * random.below(WINDOW_PAGES) + random.below(limit)}`;
}

function csrStep(random: Random, hypervisor: boolean): string {
  const here = (csr: string): boolean => hypervisor || !isHypervisor(csr);
  if (random.below(3) === 0) return `${readCsr('t0', random.pick(READABLE.filter(here)), 't2')}; ${mix('t0')}`;
  const [name, full] = random.pick(Object.entries(WRITABLE).filter(([csr]) => here(csr)));
  const mask = hypervisor ? full : full & ~(QEMU_OTHERWISE[name] ?? GUEST_CAUSES);
  const value = (random.below(3) === 0 ? wide(random) : 1n << BigInt(random.below(64))) & mask;
  // A swapped-in value keeps the fixed bits of status registers (floating point on).
  const swap = !name.endsWith('status');
  return `li t2, ${BigInt.asIntN(64, value)}; ${swap ? random.pick(['csrrw', 'csrrs', 'csrrc']) : random.pick(['csrrs', 'csrrc'])} t0, `
    + `${name}, t2; ${visible('t0', name, 't2')}; ${mix('t0')}`;
}

function memoryStep(random: Random): string {
  const name = random.pick(['lb', 'lhu', 'lw', 'ld', 'sb', 'sh', 'sw', 'sd', 'lr.d']);
  const size = { b: 1, h: 2, w: 4, d: 8 }[/[bhwd](?=u?$)/.exec(name)![0]]!;
  const at = address(random, 56).replace(/\d+$/, (n) => String(Math.floor(Number(n) / size) * size));
  if (name === 'lr.d') return `${at}; lr.d t0, (t1); ${mix('t0')}`;
  return name.startsWith('l') ? `${at}; ${name} t0, 0(t1); ${mix('t0')}` : `${at}; ${name} t2, 0(t1)`;
}

function guestAccess(random: Random): string {
  const name = random.pick(['hlv.b', 'hlv.d', 'hlv.wu', 'hlvx.wu', 'hsv.w', 'hsv.d']);
  const at = address(random, 7).replace(/\d+$/, (n) => String(Number(n) & ~7));
  return name.startsWith('hlv') ? `${at}; ${name} t0, (t1); ${mix('t0')}` : `${at}; ${name} t2, (t1)`;
}

const call = (random: Random): string =>
  `li t1, ${WINDOW + 4096 * random.below(WINDOW_PAGES) + 2048 + 4 * random.below(8)}; jalr ra, 0(t1)`;

function setEntry(random: Random, hypervisor: boolean): string {
  const guest = hypervisor && random.below(2) === 0;
  const at = (guest ? TABLE_B : TABLE_A) + 8 * random.below(WINDOW_PAGES);
  return `li a0, ${at}; li a1, ${BigInt.asIntN(64, entry(random, hypervisor && !guest))}; ${service(Service.setEntry)}`;
}

function setRoot(random: Random, hypervisor: boolean): string {
  const name = hypervisor ? random.pick(['satp', 'vsatp', 'hgatp']) : 'satp';
  const mode = random.below(4);
  const root = mode === 0 ? 0n : (BigInt(mode + 7) << 60n) | BigInt((name === 'hgatp' ? GUEST_ROOTS : ROOTS)[mode - 1]! / 4096);
  return `li t2, ${BigInt.asIntN(64, root)}; csrw ${name}, t2; sfence.vma`;
}

function protect(random: Random): string {
  const at = (): number => (PAGES + 4096 * random.below(PAGE_COUNT)) / 4 + random.pick([0, 2, 4, 8, 0x1ff, 512, 1024]);
  // The first entry does not reach down to address 0: code and handlers lie there.
  const config = (modes: readonly number[]): number => random.pick(modes) | random.pick([0, 1, 3, 4, 5, 7]);
  return `li a0, ${at()}; li a2, ${at()}; li a1, ${config([0, 0x10, 0x18]) | (config([0, 0x08, 0x10, 0x18]) << 8)}; `
    + `${service(Service.protect)}`;
}

type Kind = readonly [weight: number, make: (random: Random, h: boolean) => string];
const KINDS: readonly Kind[] = [
  [10, csrStep], [8, memoryStep], [3, call], [4, setEntry], [3, setRoot], [1, protect],
  [1, (random) => `li a0, ${WINDOW + 4096 * random.below(WINDOW_PAGES) + 8 * random.below(6)}; ${service(Service.mprv)}`],
  [
    6,
    (random, h) => service(random.pick(h ? [Service.U, Service.S, Service.VU, Service.VS, Service.M] : [Service.U, Service.S, Service.M]))
  ],
  [1, (random) => random.pick(['sfence.vma', 'sfence.vma t1, zero', 'fence.i'])],
];
const GUEST_KINDS: readonly Kind[] = [[3, guestAccess], [1, (random) => random.pick(['hfence.vvma', 'hfence.gvma'])]];

function step(random: Random, hypervisor: boolean): string {
  const kinds = hypervisor ? [...KINDS, ...GUEST_KINDS] : KINDS;
  let at = random.below(kinds.reduce((n, [weight]) => n + weight, 0));
  for (const [weight, make] of kinds) {
    if (at < weight) return make(random, hypervisor);
    at -= weight;
  }
  throw new Error('step: weights');
}

const LENGTH = 24;

function make(random: Random, hypervisor: boolean): Steps {
  const data = BigUint64Array.from({ length: DATA }, () => wide(random));
  STARTED.forEach((csr, i) => {
    data[i] = wide(random) & (csr === 'mie' || csr === 'hie' ? 0n : WRITABLE[csr]!) & (hypervisor ? ~0n : ~GUEST_CAUSES);
  });
  for (let i = 0; i < 2 * WINDOW_PAGES; i++) data[STARTED.length + i] = entry(random, hypervisor && i < WINDOW_PAGES);
  return { steps: Array.from({ length: LENGTH }, () => step(random, hypervisor)), data };
}

/** The reach of calls; pages, tables and data blocks follow. */
const MAX_CODE = 1 << 20;
const BLOCKS = BASE + 0x40_0000;

function image(list: readonly Steps[], passes: number, hypervisor: boolean): Uint8Array {
  const body = list.map((s) => `jal x31, enter\n${s.steps.join('\n')}\nli a7, ${Service.leave}; ecall`).join('\n');
  const { bytes } = assemble(`${privilegedFrame(list.length, passes, BLOCKS, hypervisor)}\n${body}\nj finish`, BASE);
  if (bytes.length > MAX_CODE) throw new RangeError(`${list.length} sequences: too many for one image`);
  const out = new Uint8Array(BLOCKS - BASE + 8 * DATA * list.length);
  out.set(bytes);
  const blocks = new BigUint64Array(out.buffer, BLOCKS - BASE);
  list.forEach((s, i) => blocks.set(s.data, i * DATA));
  return out;
}

const NOTHING = 'nop';

/** With or without the hypervisor extension. */
export const privileged = (hypervisor: boolean): Stream<Steps> => ({
  perImage: 400,
  length: LENGTH,
  make: (random) => make(random, hypervisor),
  image: (list, passes) => image(list, passes, hypervisor),
  focus: (s) => s,
  parts: (s) => s.steps.map((text) =>
    text.replace(/xor x27.*$/, '(mixed)').replace(/li a7, (\d+); ecall/, (_, n: string) => `ecall ${NAMES.get(Number(n))}`)),
  isNothing: (s, i) => s.steps[i] === NOTHING,
  without: (s, i) => ({ ...s, steps: s.steps.map((text, n) => (n === i ? NOTHING : text)) }),
  dumpNames: dumpNames(hypervisor),
});
