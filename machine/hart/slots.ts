/**
 * Where each stored CSR lives: index of its lower 32-bit word in the hart's CSR area (HS.CSRS); the upper word is next.
 * CSRs that are views of others (sstatus, sie, sip …) or of counters have no slot of their own.
 */
export const C = {
  mstatus: 0, misa: 2, medeleg: 4, mideleg: 6, mie: 8, mtvec: 10, mcounteren: 12, menvcfg: 14, mscratch: 16, mepc: 18, mcause: 20,
  mtval: 22,
  mtinst: 24, mtval2: 26, mcountinhibit: 28,
  stvec: 30, scounteren: 32, senvcfg: 34, sscratch: 36, sepc: 38, scause: 40, stval: 42, satp: 44, stimecmp: 46,
  hstatus: 48, hedeleg: 50, hideleg: 52, hcounteren: 54, htimedelta: 56, henvcfg: 58, htval: 60, htinst: 62, hgatp: 64, hvip: 66,
  vsstatus: 68, vstvec: 70, vsscratch: 72, vsepc: 74, vscause: 76, vstval: 78, vsatp: 80, vstimecmp: 82,
  mstateen0: 84, hstateen0: 86,
  /** mcycle and minstret as offsets from the hart's own counters (or frozen values, while inhibited). */
  cycleOffset: 90, instretOffset: 92,
  /** The bits of mip that software set (SSIP, STIP, SEIP). */
  softPending: 94,
  pmpcfg0: 96, pmpcfg2: 98, pmpaddr: 100, // 16 of them
  mseccfg: 132,
  mstateen1: 134, hstateen1: 140, // three of each
} as const;
export const SLOTS = 146;
/** Programmable counters (hpm.ts), from mhpmcounter3 on; the others are zero. */
export const HPM_COUNTERS = 8;
export const PMP_ENTRIES = 16;
