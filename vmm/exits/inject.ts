/** Injects a trap into the guest, as hardware does on a trap into VS mode. @spec priv 12.1.1, 21.6.2 */
import { causeText } from '../../hardware/isa/causes.ts';
import { Mtd, S, type Utcb } from '../../microkernel/abi/index.ts';
import type { Vcpu } from '../vcpu.ts';

export const Trap = { fetchAccess: 1, illegal: 2, loadAccess: 5, storeAccess: 7 } as const;
const Status = { sie: 1 << 1, spie: 1 << 5, spp: 1 << 8 } as const;

/** Works on the groups pc, vs and mode, which have to be in the UTCB; returns them to send back. */
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

/** As `inject`, with every group that is needed in the UTCB; a guest whose kernel faults like this again and again is ended. */
export function injectFault(v: Vcpu, cause: number, value: bigint): number {
  const u = v.utcb, kernel = u.u32[S.mode >> 2] === 1;
  if (!kernel) v.faults.forget();
  if (!kernel || !v.faults.again(u.big(S.pc), cause, value, { pc: u.big(S.vsepc), cause: u.num(S.vscause) }))
    return inject(u, cause, value);
  u.setBig(S.vsepc, v.faults.first.pc);
  u.setNum(S.vscause, v.faults.first.cause);
  return onlyFaults(v, cause, value);
}

/** The guest only faults: reports its place and ends it. */
export function onlyFaults(v: Vcpu, cause: number, value: bigint): number {
  const u = v.utcb, hex = (n: bigint) => `0x${BigInt.asUintN(64, n).toString(16)}`;
  const registers = Array.from({ length: 31 }, (_, i) => `x${i + 1} ${hex(u.big(S.x + 8 * (i + 1)))}`).join(' ');
  v.vm.end({
    kind: 'stopped',
    why: `vCPU ${v.id} does nothing but fault: ${causeText(u.num(S.vscause))} at pc ${hex(u.big(S.vsepc))}; its trap handler at `
      + `${hex(u.big(S.vstvec))} faults as well (${causeText(cause)}, pc ${hex(u.big(S.pc))}, value ${hex(value)}); ${registers}`
  });
  return 0;
}
