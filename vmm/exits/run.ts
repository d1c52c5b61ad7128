/** The events of a vCPU's start, wait, and recall for interrupts. */
import { MTD_GUEST, Mtd, S, type Sys } from '../../microkernel/abi/index.ts';
import type { Vcpu } from '../vcpu.ts';

const GROUPS = MTD_GUEST & ~Mtd.control; // all but the hypervisor's own controls, which are the kernel's default
const A0 = 10, A1 = 11, VS = 1;
/** vsstatus of a fresh hart: 64-bit user mode. @spec priv 12.1.1 (UXL) */
const UXL_64 = 2n << 32n;

/** The first event of a guest thread, which starts once it gets an address. */
export function onStartup(v: Vcpu): Sys<number> { return start(v); }

/** Waits until the vCPU is started, then sets all of its state. @spec sbi 9.1: S mode, bare, interrupts off, a0 = hart, a1 = opaque */
export function* start(vcpu: Vcpu): Sys<number> {
  const { pc, opaque } = yield* vcpu.waitForStart(), utcb = vcpu.utcb;
  for (let at = S.x >> 3; at <= S.hstatus >> 3; at++) utcb.i64[at] = 0n;
  utcb.setXBig(A0, BigInt(vcpu.id));
  utcb.setXBig(A1, opaque);
  utcb.setBig(S.pc, pc);
  utcb.setNum(S.mode, VS);
  utcb.setBig(S.vsstatus, UXL_64);
  utcb.setBig(S.vstimecmp, -1n);
  if (vcpu.vm.exits.isUsual) return GROUPS;
  yield* vcpu.fetch(Mtd.control);
  vcpu.vm.exits.apply(utcb);
  return GROUPS | Mtd.control;
}

/**
 * Sleeps until an interrupt that it has enabled is pending, then starts at `pc` with the registers of a started hart and unchanged
 * interrupts.
 * @spec sbi 9.1, 13.1
 */
export function* resume(vcpu: Vcpu, pc: bigint, opaque: bigint): Sys<number> {
  yield* vcpu.sleep();
  const utcb = vcpu.utcb;
  for (let at = S.x >> 3; at < (S.x >> 3) + 32; at++) utcb.i64[at] = 0n;
  for (let at = S.vsstatus >> 3; at <= S.vsatp >> 3; at++) utcb.i64[at] = 0n;
  utcb.setXBig(A0, BigInt(vcpu.id));
  utcb.setXBig(A1, opaque);
  utcb.setBig(S.pc, pc);
  utcb.setNum(S.mode, VS);
  utcb.setBig(S.vsstatus, UXL_64);
  return Mtd.args | Mtd.regs | Mtd.pc | Mtd.mode | Mtd.vs;
}

/** The guest waits for an interrupt, and so do we. */
export function* onWfi(vcpu: Vcpu): Sys<number> {
  yield* vcpu.waitForInterrupt();
  return 0;
}

/** Its interrupts changed while it ran: the answer carries them. */
export function onRecall(): number { return 0; }
