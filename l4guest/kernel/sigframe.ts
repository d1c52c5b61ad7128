/**
 * The signal frame of Linux riscv64 on the user's stack, and the return from it.
 *
 *   sp → siginfo 128 │ uc_flags 8 │ uc_link 8 │ uc_stack 24 │ uc_sigmask 8 + 120 reserved │ (to 16) │ pc, x1 … x31 256 │ f0 … f31, fcsr,
 *   reserved 528
 */
import { copyIn, copyOut, getBig, getI64, getU32, setBig, setI64, setU32 } from '../mm/uaccess.ts';
import { UserFault } from './failure.ts';
import { leaveSequence } from './rseq.ts';
import { Reg } from './registers.ts';
import { putSigInfo, type SigAction, type SigInfo } from './sigqueue.ts';
import { SaFlag } from '../abi/linux.ts';
import type { Thread } from './thread.ts';
import { SIGRETURN } from './timepage.ts';

const INFO = 0, UC = 128, UC_STACK = UC + 16, UC_MASK = UC + 40, UC_REGS = UC + 176, UC_FP = UC_REGS + 256, FRAME = UC_FP + 528;
const SS_ONSTACK = 1, SS_DISABLE = 2, SS_AUTODISARM = 0x80000000;

const onAltStack = (t: Thread, sp: number): boolean => t.altStack.size > 0 && sp > t.altStack.sp && sp <= t.altStack.sp + t.altStack.size;
/** Flags as sigaltstack reports them. */
export const altFlags = (t: Thread, sp: number): number =>
  (t.altStack.size === 0 ? SS_DISABLE : onAltStack(t, sp) ? SS_ONSTACK : 0) | (t.altStack.flags & SS_AUTODISARM);

/** Throws NotHere if memory for a frame must be fetched first; called before a signal is taken. */
export function bringFrame(thread: Thread): void {
  const sp = thread.regs.x(Reg.sp), alt = thread.altStack;
  if (sp > FRAME) thread.mm.need(sp - FRAME - 16, FRAME + 16);
  if (alt.size > FRAME) thread.mm.need(alt.sp + alt.size - FRAME - 16, FRAME + 16);
  if (thread.rseq) thread.mm.need(thread.rseq.area, 32);
}

/** Builds the frame and points the thread at the handler. False if the stack has no room. */
export function buildFrame(thread: Thread, info: SigInfo, action: SigAction, mask: bigint): boolean {
  if (thread.rseq && !leaveSequence(thread)) return false;
  thread.k.work.filed();
  thread.k.work.made();
  const registers = thread.regs, mm = thread.mm, was = registers.x(Reg.sp);
  let top = was;
  if (action.flags & SaFlag.ONSTACK && thread.altStack.size > 0 && !onAltStack(thread, was))
    top = thread.altStack.sp + thread.altStack.size;
  const at = Math.floor((top - FRAME) / 16) * 16;
  try {
    putSigInfo(mm, at + INFO, info);
    setI64(mm, at + UC, 0);
    setI64(mm, at + UC + 8, 0);
    setI64(mm, at + UC_STACK, thread.altStack.sp);
    setU32(mm, at + UC_STACK + 8, altFlags(thread, was));
    setI64(mm, at + UC_STACK + 16, thread.altStack.size);
    setBig(mm, at + UC_MASK, BigInt.asUintN(64, mask));
    copyOut(mm, at + UC_REGS + 8, new Uint8Array(registers.big.buffer, 8, 31 * 8));
    setI64(mm, at + UC_REGS, registers.pc);
    copyOut(mm, at + UC_FP, new Uint8Array(registers.big.buffer, 32 * 8, 32 * 8));
    setU32(mm, at + UC_FP + 256, registers.fcsr);
  } catch (error) {
    if (error instanceof UserFault) return false;
    throw error;
  }
  if (thread.altStack.flags & SS_AUTODISARM) thread.altStack = { sp: 0, flags: SS_DISABLE, size: 0 };
  registers.setX(Reg.ra, SIGRETURN);
  registers.setX(Reg.sp, at);
  registers.setX(Reg.a0, info.signo);
  registers.setX(Reg.a1, at + INFO);
  registers.setX(Reg.a2, at + UC);
  registers.pc = action.handler;
  return true;
}

/** rt_sigreturn: registers and mask from the frame at sp. Throws EFAULT. */
export function restoreFrame(thread: Thread): void {
  const registers = thread.regs, mm = thread.mm, at = registers.x(Reg.sp);
  const mask = getBig(mm, at + UC_MASK), pc = getI64(mm, at + UC_REGS), fcsr = getU32(mm, at + UC_FP + 256);
  const regs = copyIn(mm, at + UC_REGS + 8, 31 * 8), fp = copyIn(mm, at + UC_FP, 32 * 8);
  new Uint8Array(registers.big.buffer, 8, 31 * 8).set(regs);
  new Uint8Array(registers.big.buffer, 32 * 8, 32 * 8).set(fp);
  registers.pc = pc;
  registers.fcsr = fcsr & 0xff;
  thread.altStack = {
    sp: getI64(mm, at + UC_STACK), flags: getU32(mm, at + UC_STACK + 8) & SS_AUTODISARM,
    size: getU32(mm, at + UC_STACK + 8) & SS_DISABLE ? 0 : getI64(mm, at + UC_STACK + 16)
  };
  thread.k.signals.setMask(thread, mask);
}
