/**
 * The control and status registers, in the manual's order: number, name, where the value is stored, which bits can be
 * written. Registers with further rules name their functions in csr-status.ts, csr-interrupt.ts, csr-counter.ts.
 * @spec priv 2.2
 */
import { ENVCFG } from './bits.ts';
import * as counter from './csr-counter.ts';
import type { CsrRow } from './csr.ts';
import type { Features } from './features.ts';
import * as irq from './csr-interrupt.ts';
import * as pmp from './csr-pmp.ts';
import { misa } from './misa.ts';
import * as status from './csr-status.ts';
import * as space from './csr-space.ts';
import { C, HPM_COUNTERS, PMP_ENTRIES } from './slots.ts';

const ALL = -1;
const ENV_LO = ENVCFG.FIOM | ENVCFG.CBIE | ENVCFG.CBCFE | ENVCFG.CBZE;

type Rules = Pick<CsrRow, 'read' | 'write' | 'modify' | 'guard' | 'refetch' | 'feature'>;

const stored = (number: number, name: string, slot: number, maskLo = ALL, maskHi = ALL, rules: Rules = {}): CsrRow =>
  ({ number, name, slot, maskLo, maskHi, ...rules });
const computed = (number: number, name: string, rules: Rules): CsrRow => ({ number, name, slot: -1, maskLo: 0, maskHi: 0, ...rules });
const constant = (number: number, name: string, lo = 0, hi = 0, rules: Rules = {}): CsrRow =>
  computed(number, name, { read: (h) => { h.lo = lo; h.hi = hi; }, write: () => {}, ...rules });
const range = (count: number, make: (i: number) => CsrRow): CsrRow[] => Array.from({ length: count }, (_, i) => make(i));

/** Rows that exist only with this extension (unless they name one themselves). */
const withFeature = (feature: keyof Features, rows: CsrRow[]): CsrRow[] => rows.map((row) => ({ feature, ...row }));

/** @spec unpriv 7, 20.2 */
const USER: CsrRow[] = [
  computed(0x001, 'fflags', { ...status.fflags, feature: 'f' }),
  computed(0x002, 'frm', { ...status.frm, feature: 'f' }),
  computed(0x003, 'fcsr', { ...status.fcsr, feature: 'f' }),
  computed(0xc00, 'cycle', counter.cycle),
  computed(0xc01, 'time', counter.time),
  computed(0xc02, 'instret', counter.instret),
  ...range(29, (i) =>
    (i < HPM_COUNTERS
      ? computed(0xc03 + i, `hpmcounter${i + 3}`, { read: counter.hpm[i]!.value.read, guard: counter.allowed(i + 3) })
      : constant(0xc03 + i, `hpmcounter${i + 3}`, 0, 0, { guard: counter.allowed(i + 3) }))),
];

/** @spec priv 4.1, 12.1.1, 12.1.2, 12.1.3, 12.1.4, 12.1.5, 12.1.6, 12.1.7, 12.1.8, 12.1.9, 12.1.10, 12.1.11, 19.1.1, 20.2 */
const SUPERVISOR: CsrRow[] = [
  computed(0x100, 'sstatus', status.sstatus),
  computed(0x104, 'sie', irq.sie),
  stored(0x105, 'stvec', C.stvec, ~2, ALL),
  stored(0x106, 'scounteren', C.scounteren, ALL, 0),
  stored(0x10a, 'senvcfg', C.senvcfg, ENV_LO, 0, space.senvcfg),
  ...range(4, (n) => constant(0x10c + n, `sstateen${n}`, 0, 0, { guard: space.stateenSe(n), feature: 'smstateen' })),
  stored(0x140, 'sscratch', C.sscratch),
  stored(0x141, 'sepc', C.sepc, ~1, ALL, status.exceptionPc(C.sepc)),
  stored(0x142, 'scause', C.scause),
  stored(0x143, 'stval', C.stval),
  computed(0x144, 'sip', irq.sip),
  stored(0x14d, 'stimecmp', C.stimecmp, ALL, ALL, { ...counter.stimecmp, feature: 'sstc' }),
  stored(0x180, 'satp', C.satp, ALL, ALL, space.satp),
  computed(0xda0, 'scountovf', { ...counter.scountovf, feature: 'sscofpmf' }),
];

/** @spec priv 4.1, 21.2.1, 21.2.2, 21.2.3, 21.2.4, 21.2.5, 21.2.6, 21.2.7, 21.2.8, 21.2.9, 21.2.10 */
const HYPERVISOR: CsrRow[] = [
  stored(0x600, 'hstatus', C.hstatus, 0x70_03c0, 0, { write: status.writeHstatus }),
  stored(0x602, 'hedeleg', C.hedeleg, 0xc_b1ff, 0),
  stored(0x603, 'hideleg', C.hideleg, 0x444, 0, { write: irq.writeHideleg }),
  computed(0x604, 'hie', irq.hie),
  stored(0x605, 'htimedelta', C.htimedelta, ALL, ALL, { write: counter.writeTimeDelta }),
  stored(0x606, 'hcounteren', C.hcounteren, ALL, 0),
  computed(0x607, 'hgeie', irq.hgeie),
  stored(0x60a, 'henvcfg', C.henvcfg, ENV_LO, 0, space.henvcfg),
  ...range(4, (n) => computed(0x60c + n, `hstateen${n}`, { ...space.hstateen(n), feature: 'hstateen' })),
  stored(0x643, 'htval', C.htval),
  computed(0x644, 'hip', irq.hip),
  stored(0x645, 'hvip', C.hvip, 0x444, 0, { write: irq.writeHvip }),
  stored(0x64a, 'htinst', C.htinst),
  stored(0x680, 'hgatp', C.hgatp, ALL, ALL, space.hgatp),
  computed(0xe12, 'hgeip', irq.hgeip),
];

/** @spec priv 19.2.1, 21.2.11, 21.2.12, 21.2.13, 21.2.14, 21.2.15, 21.2.16, 21.2.17, 21.2.18 */
const GUEST: CsrRow[] = [
  computed(0x200, 'vsstatus', status.vsstatus),
  computed(0x204, 'vsie', irq.vsie),
  stored(0x205, 'vstvec', C.vstvec, ~2, ALL),
  stored(0x240, 'vsscratch', C.vsscratch),
  stored(0x241, 'vsepc', C.vsepc, ~1, ALL, status.exceptionPc(C.vsepc)),
  stored(0x242, 'vscause', C.vscause),
  stored(0x243, 'vstval', C.vstval),
  computed(0x244, 'vsip', irq.vsip),
  stored(0x24d, 'vstimecmp', C.vstimecmp, ALL, ALL, { ...counter.vstimecmp, feature: 'vsstc' }),
  stored(0x280, 'vsatp', C.vsatp, ALL, ALL, space.vsatp),
];

/**
 * @spec priv 3.1.1, 3.1.2, 3.1.3, 3.1.4, 3.1.5, 3.1.6, 3.1.7, 3.1.8, 3.1.9, 3.1.10, 3.1.11, 3.1.12, 3.1.13, 3.1.14, 3.1.15, 3.1.16, 3.1.17
 * @spec priv 3.1.18, 3.1.19, 3.7.1, 4.1, 21.4.1, 21.4.2, 21.4.3, 21.4.4, 21.4.5
 */
const MACHINE: CsrRow[] = [
  constant(0xf11, 'mvendorid'),
  constant(0xf12, 'marchid'),
  constant(0xf13, 'mimpid'),
  computed(0xf14, 'mhartid', { read: (h) => { h.lo = h.id; h.hi = 0; } }),
  constant(0xf15, 'mconfigptr'),
  computed(0x300, 'mstatus', status.mstatus),
  computed(0x301, 'misa', misa),
  stored(0x302, 'medeleg', C.medeleg, 0xfc_b7ff, 0, { write: irq.writeMedeleg }),
  stored(0x303, 'mideleg', C.mideleg, 0x222, 0, { write: irq.writeMideleg }),
  stored(0x304, 'mie', C.mie, 0xeee, 0, { write: irq.writeMie }),
  stored(0x305, 'mtvec', C.mtvec, ~2, ALL),
  stored(0x306, 'mcounteren', C.mcounteren, ALL, 0),
  stored(0x30a, 'menvcfg', C.menvcfg, ENV_LO, ENVCFG.ADUE_HI | ENVCFG.PBMTE_HI | ENVCFG.STCE_HI, { write: space.writeMenvcfg }),
  ...range(4, (n) => stored(0x30c + n, `mstateen${n}`, space.mstateenSlot(n), 0, space.stateenBits(n), { feature: 'smstateen' })),
  stored(0x320, 'mcountinhibit', C.mcountinhibit, 0x7fd, 0, { write: counter.writeInhibit }),
  ...range(29, (i) =>
    (i < HPM_COUNTERS ? computed(0x323 + i, `mhpmevent${i + 3}`, counter.hpm[i]!.event) : constant(0x323 + i, `mhpmevent${i + 3}`))),
  stored(0x340, 'mscratch', C.mscratch),
  stored(0x341, 'mepc', C.mepc, ~1, ALL, status.exceptionPc(C.mepc)),
  stored(0x342, 'mcause', C.mcause),
  stored(0x343, 'mtval', C.mtval),
  computed(0x344, 'mip', irq.mip),
  stored(0x34a, 'mtinst', C.mtinst, ALL, ALL, { feature: 'h' }),
  stored(0x34b, 'mtval2', C.mtval2, ALL, ALL, { feature: 'h' }),
  ...range(8, (i) =>
    (i < 2
      ? stored(0x3a0 + 2 * i, `pmpcfg${2 * i}`, i === 0 ? C.pmpcfg0 : C.pmpcfg2, ALL, ALL, { write: pmp.writeConfig(i * 8), refetch: true })
      : constant(0x3a0 + 2 * i, `pmpcfg${2 * i}`))),
  ...range(64, (i) =>
    (i < PMP_ENTRIES
      ? stored(0x3b0 + i, `pmpaddr${i}`, C.pmpaddr + 2 * i, ALL, 0x3f_ffff, pmp.address(i))
      : constant(0x3b0 + i, `pmpaddr${i}`))),
  stored(0x747, 'mseccfg', C.mseccfg, 0, 0, { write: pmp.writeSecurity, refetch: true, feature: 'smepmp' }),
  constant(0x7a0, 'tselect'),
  constant(0x7a1, 'tdata1'),
  constant(0x7a2, 'tdata2'),
  constant(0x7a3, 'tdata3'),
  constant(0x7a4, 'tinfo', 1),
  computed(0xb00, 'mcycle', counter.mcycle),
  computed(0xb02, 'minstret', counter.minstret),
  ...range(29, (i) =>
    (i < HPM_COUNTERS ? computed(0xb03 + i, `mhpmcounter${i + 3}`, counter.hpm[i]!.value) : constant(0xb03 + i, `mhpmcounter${i + 3}`))),
];

export const ROWS: readonly CsrRow[] = [...USER, ...SUPERVISOR, ...withFeature('h', HYPERVISOR), ...withFeature('h', GUEST), ...MACHINE];
