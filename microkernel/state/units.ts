/**
 * Units of the processor that a user thread may be denied or given: floating point (sstatus.FS), cache-block instructions (senvcfg),
 * counters (scounteren). The server of its events decides: a monitor whose guest has switched one of them off needs the trap.
 * @spec priv 12.1.1.5, 12.1.5, 12.1.10
 */
import { S, type Utcb } from '../abi/index.ts';
import type { Thread } from '../objects/thread.ts';
import type { Cpu } from '../sched/cpu.ts';

const CSR = { sstatus: 0x100, scounteren: 0x106, senvcfg: 0x10a } as const;
/** One number: CY, TM, IR of scounteren in bits 0 … 2; floating point in bit 3; senvcfg (FIOM, CBIE, CBCFE, CBZE) in bits 8 … 15. */
const COUNTERS = 7, FLOAT = 8, ENVCFG = 0xf1, CBIE = 0x30, CBIE_RESERVED = 0x20, SHIFT = 8;
/** Counters, floating point, cbo.zero: initial units of a thread, and the guests' units of the machine. */
export const ALL_UNITS = COUNTERS | FLOAT | (0x80 << SHIFT);
const FS = 0x6000n;
const GROUP_BYTES = 24;

export function unitsOut(thread: Thread, utcb: Utcb): number {
  utcb.setNum(S.fs, thread.units & FLOAT ? 1 : 0);
  utcb.setNum(S.senvcfg, thread.units >>> SHIFT);
  utcb.setNum(S.scounteren, thread.units & COUNTERS);
  return GROUP_BYTES;
}

/** Keeps the supported units; the reserved code of CBIE disables that field. */
export function unitsIn(thread: Thread, utcb: Utcb): number {
  const envcfg = utcb.u32[S.senvcfg >> 2] & ENVCFG, legal = (envcfg & CBIE) === CBIE_RESERVED ? envcfg & ~CBIE : envcfg;
  thread.units = (utcb.num(S.fs) !== 0 ? FLOAT : 0) | (utcb.u32[S.scounteren >> 2] & COUNTERS) | (legal << SHIFT);
  return GROUP_BYTES;
}

/** scounteren and senvcfg of these units. */
export const countersAndEnvironment = (units: number): readonly [bigint, bigint] => [BigInt(units & COUNTERS), BigInt(units >>> SHIFT)];

/** Enables these units on the hart. A virtual processor has its own scounteren and senvcfg (guest.ts). */
export function useUnits(cpu: Cpu, units: number): void {
  const { hart } = cpu, changed = cpu.units ^ units;
  cpu.units = units;
  if ((changed & FLOAT) !== 0) hart.setCsr(CSR.sstatus, (hart.csr(CSR.sstatus) & ~FS) | (units & FLOAT ? FS : 0n));
  if (cpu.sharedByGuest) return;
  if ((changed & COUNTERS) !== 0) hart.setCsr(CSR.scounteren, BigInt(units & COUNTERS));
  if (changed >>> SHIFT !== 0) hart.setCsr(CSR.senvcfg, BigInt(units >>> SHIFT));
}
