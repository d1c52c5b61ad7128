/**
 * Message transfer descriptors: which groups of machine state travel with an event and back with its reply. The groups have fixed
 * places in the UTCB's state area (utcb.ts), so the same names serve `Thread.getState` and `setState`.
 */
export const Mtd = {
  /** a0 … a7: the registers of a system call. */
  args: 1 << 0,
  /** All other integer registers: x1 … x9, x18 … x31. */
  regs: 1 << 1,
  pc: 1 << 2,
  /** f0 … f31 and fcsr. */
  fpu: 1 << 3,
  /** Words 0 … 3 of an event: scause, stval, htval, htinst. Never travels back. */
  exit: 1 << 4,
  /** Guest: privilege (0 VU, 1 VS). */
  mode: 1 << 5,
  /** Guest: vsstatus, vstvec, vsscratch, vsepc, vscause, vstval, vsatp. */
  vs: 1 << 6,
  /** Guest: hvip (interrupts injected), vsie, vstimecmp. */
  irq: 1 << 7,
  /** Guest: htimedelta. */
  time: 1 << 8,
  /** Guest: hcounteren, henvcfg, hedeleg, hideleg, and the hstatus bits VTSR, VTW, VTVM. */
  control: 1 << 9,
  /** a0 alone: the result of a system call. */
  result: 1 << 10,
  /** User: which of its processor's units it may use: floating point, senvcfg, scounteren (state area: fs, senvcfg, scounteren). */
  units: 1 << 11,
  /** In an answer to an event: the UTCB's `visit` names the task in whose memory the thread runs until its next event. */
  visit: 1 << 12,
} as const;
/** All state of a user thread. */
const REGISTERS = Mtd.args | Mtd.regs | Mtd.pc | Mtd.fpu;
export const MTD_USER = REGISTERS | Mtd.units;
/** All state of a guest thread. */
export const MTD_GUEST = REGISTERS | Mtd.mode | Mtd.vs | Mtd.irq | Mtd.time | Mtd.control;
