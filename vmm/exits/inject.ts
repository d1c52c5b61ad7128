/** A trap in the guest's own eyes: what hardware would do on a trap into VS mode. @spec priv 12.1.1, 21.6.2 */
import { Mtd, S, type Utcb } from '../../microkernel/abi/index.ts';

export const Trap = { fetchAccess: 1, illegal: 2, loadAccess: 5, storeAccess: 7 } as const;
const Status = { sie: 1 << 1, spie: 1 << 5, spp: 1 << 8 } as const;

/** Works on the groups pc, vs and mode, which have to be in the UTCB; answers that they go back. */
export function inject(u: Utcb, cause: number, value: bigint): number {
  const at = S.vsstatus >> 2, status = u.u32[at];
  const cleared = status & ~(Status.sie | Status.spie | Status.spp);
  u.u32[at] = (cleared | (status & Status.sie ? Status.spie : 0) | (u.u32[S.mode >> 2] ? Status.spp : 0)) >>> 0;
  u.setBig(S.vsepc, u.big(S.pc));
  u.setNum(S.vscause, cause);
  u.setBig(S.vstval, value);
  u.setBig(S.pc, u.big(S.vstvec) & ~3n);
  u.setNum(S.mode, 1);
  return Mtd.pc | Mtd.vs | Mtd.mode;
}

/** pc behind an instruction of `length` bytes. */
export function advance(u: Utcb, length: number): number {
  const at = S.pc >> 2, low = u.u32[at] + length;
  u.u32[at] = low;
  if (low > 0xffff_ffff) u.u32[at + 1] += 1;
  return Mtd.pc;
}
