/** Injects a trap into the guest, as hardware does on a trap into VS mode. @spec priv 12.1.1, 21.6.2 */
import { causeText } from '../../hardware/isa/causes.ts';
import { Mtd, S, type Utcb } from '../../microkernel/abi/index.ts';
import type { Vcpu } from '../vcpu.ts';

export const Trap = { fetchAccess: 1, illegal: 2, loadAccess: 5, storeAccess: 7 } as const;
const Status = { sie: 1 << 1, spie: 1 << 5, spp: 1 << 8 } as const;

/** Works on the groups pc, vs and mode, which have to be in the UTCB; returns them to send back. */
export function inject(utcb: Utcb, cause: number, value: bigint): number {
  const at = S.vsstatus >> 2, status = utcb.u32[at];
  const cleared = status & ~(Status.sie | Status.spie | Status.spp);
  utcb.u32[at] = (cleared | (status & Status.sie ? Status.spie : 0) | (utcb.u32[S.mode >> 2] ? Status.spp : 0)) >>> 0;
  utcb.setBig(S.vsepc, utcb.big(S.pc));
  utcb.setNum(S.vscause, cause);
  utcb.setBig(S.vstval, value);
  utcb.setBig(S.pc, utcb.big(S.vstvec) & ~3n);
  utcb.setNum(S.mode, 1);
  return Mtd.pc | Mtd.vs | Mtd.mode;
}

/** As `inject`, with every group that is needed in the UTCB; a guest whose kernel faults like this again and again is ended. */
export function injectFault(vcpu: Vcpu, cause: number, value: bigint): number {
  const utcb = vcpu.utcb, kernel = utcb.u32[S.mode >> 2] === 1;
  if (!kernel) vcpu.faults.forget();
  if (!kernel || !vcpu.faults.again(utcb.big(S.pc), cause, value, { pc: utcb.big(S.vsepc), cause: utcb.num(S.vscause) }))
    return inject(utcb, cause, value);
  utcb.setBig(S.vsepc, vcpu.faults.first.pc);
  utcb.setNum(S.vscause, vcpu.faults.first.cause);
  return onlyFaults(vcpu, cause, value);
}

/** The guest only faults: reports its place and ends it. */
export function onlyFaults(vcpu: Vcpu, cause: number, value: bigint): number {
  const utcb = vcpu.utcb, hex = (n: bigint) => `0x${BigInt.asUintN(64, n).toString(16)}`;
  const registers = Array.from({ length: 31 }, (_, i) => `x${i + 1} ${hex(utcb.big(S.x + 8 * (i + 1)))}`).join(' ');
  vcpu.vm.end({
    kind: 'stopped',
    why: `vCPU ${vcpu.id} does nothing but fault: ${causeText(utcb.num(S.vscause))} at pc ${hex(utcb.big(S.vsepc))}; its trap handler at `
      + `${hex(utcb.big(S.vstvec))} faults as well (${causeText(cause)}, pc ${hex(utcb.big(S.pc))}, value ${hex(value)}); ${registers}`
  });
  return 0;
}
