/** Names of registers and of the CSRs that assembly text mentions. @spec asm "Registers" */
const X_NAMES = ['zero', 'ra', 'sp', 'gp', 'tp', 't0', 't1', 't2', 's0', 's1', 'a0', 'a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7',
  's2', 's3', 's4', 's5', 's6', 's7', 's8', 's9', 's10', 's11', 't3', 't4', 't5', 't6'] as const;
const F_NAMES = ['ft0', 'ft1', 'ft2', 'ft3', 'ft4', 'ft5', 'ft6', 'ft7', 'fs0', 'fs1', 'fa0', 'fa1', 'fa2', 'fa3', 'fa4', 'fa5', 'fa6',
  'fa7',
  'fs2', 'fs3', 'fs4', 'fs5', 'fs6', 'fs7', 'fs8', 'fs9', 'fs10', 'fs11', 'ft8', 'ft9', 'ft10', 'ft11'] as const;
export const xName = (n: number): string => X_NAMES[n]!;
export const fName = (n: number): string => F_NAMES[n]!;

const index = (names: readonly string[], letter: string): Map<string, number> =>
  new Map([...names.map((n, i) => [n, i] as const), ...names.map((_n, i) => [`${letter}${i}`, i] as const)]);
const xs = index(X_NAMES, 'x').set('fp', 8);
const fs = index(F_NAMES, 'f');
export const xNumber = (name: string): number | undefined => xs.get(name);
export const fNumber = (name: string): number | undefined => fs.get(name);

export const ROUNDING = ['rne', 'rtz', 'rdn', 'rup', 'rmm', undefined, undefined, 'dyn'] as const;

/** CSR numbers by name; `pmpcfg` and `pmpaddr`, counters and events by pattern. @spec priv 2.2 */
const CSRS: Record<string, number> = {
  fflags: 0x001, frm: 0x002, fcsr: 0x003, cycle: 0xc00, time: 0xc01, instret: 0xc02,
  sstatus: 0x100, sie: 0x104, stvec: 0x105, scounteren: 0x106, senvcfg: 0x10a, scountinhibit: 0x120, sscratch: 0x140, sepc: 0x141,
  scause: 0x142,
  stval: 0x143, sip: 0x144, stimecmp: 0x14d, scountovf: 0xda0, satp: 0x180, scontext: 0x5a8, sstateen0: 0x10c,
  vsstatus: 0x200, vsie: 0x204, vstvec: 0x205, vsscratch: 0x240, vsepc: 0x241, vscause: 0x242, vstval: 0x243, vsip: 0x244, vstimecmp: 0x24d,
  vsatp: 0x280,
  hstatus: 0x600, hedeleg: 0x602, hideleg: 0x603, hie: 0x604, htimedelta: 0x605, hcounteren: 0x606, hgeie: 0x607, henvcfg: 0x60a,
  htval: 0x643,
  hip: 0x644, hvip: 0x645, htinst: 0x64a, hgatp: 0x680, hcontext: 0x6a8, hgeip: 0xe12, hstateen0: 0x60c,
  mstatus: 0x300, misa: 0x301, medeleg: 0x302, mideleg: 0x303, mie: 0x304, mtvec: 0x305, mcounteren: 0x306, menvcfg: 0x30a,
  mstateen0: 0x30c,
  mcountinhibit: 0x320, mscratch: 0x340, mepc: 0x341, mcause: 0x342, mtval: 0x343, mip: 0x344, mtinst: 0x34a, mtval2: 0x34b, mseccfg: 0x747,
  mcycle: 0xb00, minstret: 0xb02, mvendorid: 0xf11, marchid: 0xf12, mimpid: 0xf13, mhartid: 0xf14, mconfigptr: 0xf15,
  sstateen1: 0x10d, sstateen2: 0x10e, sstateen3: 0x10f, hstateen1: 0x60d, hstateen2: 0x60e, hstateen3: 0x60f, mstateen1: 0x30d,
  mstateen2: 0x30e, mstateen3: 0x30f,
  tselect: 0x7a0, tdata1: 0x7a1, tdata2: 0x7a2, tdata3: 0x7a3, tinfo: 0x7a4, tcontrol: 0x7a5, mcontext: 0x7a8, dcsr: 0x7b0, dpc: 0x7b1,
};
const NUMBERED = new Map([['pmpcfg', 0x3a0], ['pmpaddr', 0x3b0], ['hpmcounter', 0xc00], ['mhpmcounter', 0xb00], ['mhpmevent', 0x320]]);
const numbers = new Map(Object.entries(CSRS)), names = new Map([...numbers].map(([name, n]) => [n, name]));

export function csrNumber(name: string): number | undefined {
  const known = numbers.get(name);
  if (known !== undefined) return known;
  const numbered = /^([a-z]+?)(\d+)$/.exec(name);
  const base = numbered ? NUMBERED.get(numbered[1]!) : undefined;
  return base === undefined ? undefined : base + Number(numbered![2]);
}
export function csrName(n: number): string {
  const known = names.get(n);
  if (known) return known;
  const family = [...NUMBERED].find(([name, base]) => n >= base && n < base + (name === 'pmpcfg' ? 16 : name === 'pmpaddr' ? 64 : 32));
  return family ? `${family[0]}${n - family[1]}` : `0x${n.toString(16)}`;
}
