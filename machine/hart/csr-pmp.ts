/** Rules of the PMP registers: locks, and the machine-mode lockdown. @spec priv 3.7.1 @spec priv 6.2 */
import type { CsrRow } from './csr.ts';
import type { Hart } from './hart.ts';
import { executableForMachine, MSECCFG } from './pmp.ts';
import { C, PMP_ENTRIES } from './slots.ts';

const LOCK = 0x80;

/**
 * One configuration byte as it may be stored: R=0 W=1 is reserved (under MML it means a shared region). Under MML no rule that lets
 * machine mode execute can be added, unless locks can be bypassed.
 */
function legal(old: number, value: number, security: number): number {
  const bypass = (security & MSECCFG.RLB) !== 0;
  if ((old & LOCK) !== 0 && !bypass) return old;
  const next = value & 0x9f;
  if ((security & MSECCFG.MML) === 0) {
    if ((next & 3) === 2) return next & ~3;
  } else if (!bypass && executableForMachine(next)) return old;
  return next;
}

function legalWord(old: number, value: number, security: number): number {
  let result = 0;
  for (let shift = 0; shift < 32; shift += 8) result |= legal((old >>> shift) & 0xff, (value >>> shift) & 0xff, security) << shift;
  return result;
}

/** Writes the register with the configuration of entries `first` … first + 7. */
export function writeConfig(first: number): NonNullable<CsrRow['write']> {
  const slot = first === 0 ? C.pmpcfg0 : C.pmpcfg2;
  return (hart: Hart, lo: number, hi: number) => {
    hart.c[slot] = legalWord(hart.c[slot], lo, hart.c[C.mseccfg]);
    hart.c[slot + 1] = legalWord(hart.c[slot + 1], hi, hart.c[C.mseccfg]);
    changed(hart);
  };
}

export function address(i: number): Pick<CsrRow, 'write' | 'refetch'> {
  const slot = C.pmpaddr + 2 * i;
  return {
    write: (hart, lo, hi) => {
      if (hart.pmp.addressLocked(i)) return;
      hart.c[slot] = lo;
      hart.c[slot + 1] = hi & 0x3f_ffff;
      changed(hart);
    },
    refetch: true,
  };
}

/** MML and MMWP stay set; RLB cannot be set again once an entry is locked without it. */
export function writeSecurity(hart: Hart, lo: number): void {
  if (!hart.features.smepmp) return;
  const old = hart.c[C.mseccfg];
  const sticky = old & (MSECCFG.MML | MSECCFG.MMWP);
  const locked = Array.from({ length: PMP_ENTRIES }, (_, i) => hart.pmp.config(i)).some((cfg) => (cfg & LOCK) !== 0);
  const bypass = (old & MSECCFG.RLB) === 0 && locked ? 0 : lo & MSECCFG.RLB;
  hart.c[C.mseccfg] = sticky | (lo & (MSECCFG.MML | MSECCFG.MMWP)) | bypass;
  changed(hart);
}

function changed(hart: Hart): void {
  hart.pmp.update();
  hart.flushTlbs();
}
