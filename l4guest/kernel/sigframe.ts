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

/** Throws NotHere where memory for a frame must be fetched first; called before a signal is taken. */
export function bringFrame(t: Thread): void {
  const sp = t.regs.x(Reg.sp), alt = t.altStack;
  if (sp > FRAME) t.mm.need(sp - FRAME - 16, FRAME + 16);
  if (alt.size > FRAME) t.mm.need(alt.sp + alt.size - FRAME - 16, FRAME + 16);
  if (t.rseq) t.mm.need(t.rseq.area, 32);
}

/** Builds the frame and points the thread at the handler. False when the stack cannot take it. */
export function buildFrame(t: Thread, info: SigInfo, action: SigAction, mask: bigint): boolean {
  if (t.rseq && !leaveSequence(t)) return false;
  t.k.work.filed();
  t.k.work.made();
  const r = t.regs, mm = t.mm, was = r.x(Reg.sp);
  let top = was;
  if (action.flags & SaFlag.ONSTACK && t.altStack.size > 0 && !onAltStack(t, was)) top = t.altStack.sp + t.altStack.size;
  const at = Math.floor((top - FRAME) / 16) * 16;
  try {
    putSigInfo(mm, at + INFO, info);
    setI64(mm, at + UC, 0);
    setI64(mm, at + UC + 8, 0);
    setI64(mm, at + UC_STACK, t.altStack.sp);
    setU32(mm, at + UC_STACK + 8, altFlags(t, was));
    setI64(mm, at + UC_STACK + 16, t.altStack.size);
    setBig(mm, at + UC_MASK, BigInt.asUintN(64, mask));
    copyOut(mm, at + UC_REGS + 8, new Uint8Array(r.big.buffer, 8, 31 * 8));
    setI64(mm, at + UC_REGS, r.pc);
    copyOut(mm, at + UC_FP, new Uint8Array(r.big.buffer, 32 * 8, 32 * 8));
    setU32(mm, at + UC_FP + 256, r.fcsr);
  } catch (e) {
    if (e instanceof UserFault) return false;
    throw e;
  }
  if (t.altStack.flags & SS_AUTODISARM) t.altStack = { sp: 0, flags: SS_DISABLE, size: 0 };
  r.setX(Reg.ra, SIGRETURN);
  r.setX(Reg.sp, at);
  r.setX(Reg.a0, info.signo);
  r.setX(Reg.a1, at + INFO);
  r.setX(Reg.a2, at + UC);
  r.pc = action.handler;
  return true;
}

/** rt_sigreturn: registers and mask from the frame at sp. Throws EFAULT. */
export function restoreFrame(t: Thread): void {
  const r = t.regs, mm = t.mm, at = r.x(Reg.sp);
  const mask = getBig(mm, at + UC_MASK), pc = getI64(mm, at + UC_REGS), fcsr = getU32(mm, at + UC_FP + 256);
  const regs = copyIn(mm, at + UC_REGS + 8, 31 * 8), fp = copyIn(mm, at + UC_FP, 32 * 8);
  new Uint8Array(r.big.buffer, 8, 31 * 8).set(regs);
  new Uint8Array(r.big.buffer, 32 * 8, 32 * 8).set(fp);
  r.pc = pc;
  r.fcsr = fcsr & 0xff;
  t.altStack = {
    sp: getI64(mm, at + UC_STACK), flags: getU32(mm, at + UC_STACK + 8) & SS_AUTODISARM,
    size: getU32(mm, at + UC_STACK + 8) & SS_DISABLE ? 0 : getI64(mm, at + UC_STACK + 16)
  };
  t.k.signals.setMask(t, mask);
}
