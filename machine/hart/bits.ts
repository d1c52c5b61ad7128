/**
 * Bits and numbers of the privileged architecture, named as the manual names them. CSR values are pairs of 32-bit
 * words here; names that end in `_HI` are for the upper word.
 * @spec priv 3.1.6
 */
export const MSTATUS = {
  SIE: 1 << 1, MIE: 1 << 3, SPIE: 1 << 5, MPIE: 1 << 7, SPP: 1 << 8, MPP: 3 << 11, MPP_SHIFT: 11,
  FS: 3 << 13, FS_SHIFT: 13, MPRV: 1 << 17, SUM: 1 << 18, MXR: 1 << 19, TVM: 1 << 20, TW: 1 << 21, TSR: 1 << 22,
  UXL_HI: 3, SXL_HI: 3 << 2, GVA_HI: 1 << 6, MPV_HI: 1 << 7, SD_HI: 1 << 31,
} as const;

/** @spec priv 21.2.1 */
export const HSTATUS = {
  GVA: 1 << 6, SPV: 1 << 7, SPVP: 1 << 8, HU: 1 << 9, VTVM: 1 << 20, VTW: 1 << 21, VTSR: 1 << 22, VSXL_HI: 2,
  VGEIN: 0x3f << 12,
} as const;

/** The environment configuration registers. @spec priv 3.1.18 */
export const ENVCFG = {
  FIOM: 1, CBIE: 3 << 4, CBCFE: 1 << 6, CBZE: 1 << 7,
  ADUE_HI: 1 << 29, PBMTE_HI: 1 << 30, STCE_HI: 1 << 31,
} as const;

/** Interrupt bits of mip and its relatives. @spec priv 3.1.9 */
export const IP = {
  SSI: 1 << 1, VSSI: 1 << 2, MSI: 1 << 3, STI: 1 << 5, VSTI: 1 << 6, MTI: 1 << 7, SEI: 1 << 9, VSEI: 1 << 10, MEI: 1 << 11, SGEI: 1 << 12,
  LCOFI: 1 << 13,
} as const;
export const IP_S = IP.SSI | IP.STI | IP.SEI;
export const IP_VS = IP.VSSI | IP.VSTI | IP.VSEI;

/** Exception codes of mcause and scause. @spec priv 3.1.15, 21.6.1 */
export const Cause = {
  fetchMisaligned: 0, fetchAccess: 1, illegal: 2, breakpoint: 3, loadMisaligned: 4, loadAccess: 5, storeMisaligned: 6, storeAccess: 7,
  ecallU: 8, ecallS: 9, ecallVS: 10, ecallM: 11, fetchPage: 12, loadPage: 13, storePage: 15, doubleTrap: 16,
  guestFetchPage: 20, guestLoadPage: 21, virtualInstruction: 22, guestStorePage: 23,
} as const;

/** Kinds of memory access, and the exceptions they end in. */
export const Access = { load: 0, store: 1, fetch: 2 } as const;
export type Access = (typeof Access)[keyof typeof Access];
export const ACCESS_FAULT = [Cause.loadAccess, Cause.storeAccess, Cause.fetchAccess] as const;
export const PAGE_FAULT = [Cause.loadPage, Cause.storePage, Cause.fetchPage] as const;
export const GUEST_FAULT = [Cause.guestLoadPage, Cause.guestStorePage, Cause.guestFetchPage] as const;

/** Page table entry, lower and upper word. @spec priv 12.3.1 */
export const PTE = {
  V: 1, R: 2, W: 4, X: 8, U: 16, G: 32, A: 64, D: 128,
  PPN_HI: 0x3f_ffff, RESERVED_HI: 0x1fc0_0000, PBMT_HI: 0x6000_0000, N_HI: 1 << 31,
} as const;
