/** A system call of a thread whose tracer wants to see it: a stop before, a stop after, and what the tracer changes counts. */
import { failedCall } from '../kernel/calls.ts';
import { E } from '../abi/errno.ts';
import { exitedStatus, Sig } from '../abi/linux.ts';
import { Reg } from '../kernel/registers.ts';
import { judge } from '../kernel/seccomp.ts';
import { KEEP_REGISTERS, Run, type Thread } from '../kernel/thread.ts';
import { TraceEvent, TraceOption, eventStop, type Stop, type Tracing } from '../kernel/tracing.ts';
import type { Co } from '../kernel/wait.ts';
import { dispatch } from './table.ts';

const EXIT = 93, EXIT_GROUP = 94, SIGRETURN = 139, EXECVE = 221, EXECVEAT = 281;

const callStop = (x: Tracing): Stop => {
  const sig = Sig.TRAP | (x.has(TraceOption.SYSGOOD) ? 0x80 : 0);
  return { kind: 'call', status: (sig << 8) | 0x7f, info: { signo: Sig.TRAP, code: sig } };
};
const args = (t: Thread): bigint[] => [10, 11, 12, 13, 14, 15].map((i) => t.regs.big[i]!);

/** All registers of `t` are loaded. Its result stands in a0 afterwards. */
export function* tracedCall(t: Thread, first: number): Co<number> {
  let nr = first, skipped = -E.NOSYS;
  if (t.traced?.calls) {
    t.traced.call = { op: 1, nr, args: args(t) };
    // a0 shows the result of a call that is skipped; the argument stands beside.
    const argument = t.regs.big[Reg.a0]!;
    t.regs.setX(Reg.a0, skipped);
    yield* t.traced.pause(callStop(t.traced));
    skipped = t.regs.x(Reg.a0);
    t.regs.big[Reg.a0] = argument;
    nr = Number(BigInt.asIntN(32, t.regs.big[Reg.a7]!));
  }
  if (t.seccomp) {
    const j = yield* judge(t, nr);
    if (t.state === Run.dead) return KEEP_REGISTERS;
    if (j === 'done') { yield* afterCall(t); return restartOr(t, false); }
    nr = j.nr;
  }
  if ((nr === EXIT || nr === EXIT_GROUP) && t.traced?.has(TraceOption.EXIT))
    yield* t.traced.pause(eventStop(TraceEvent.EXIT, exitedStatus(t.regs.x(Reg.a0))));
  t.arg0 = t.regs.big[Reg.a0]!;
  t.call = nr;
  const [a, b, c, d, e, f] = [10, 11, 12, 13, 14, 15].map((i) => t.regs.x(i)) as [number, number, number, number, number, number];
  const r = nr < 0 ? skipped : dispatch(t, nr, a, b, c, d, e, f), result = typeof r === 'number' ? r : yield* caught(t, r);
  const replaced = result === 0 && (nr === EXECVE || nr === EXECVEAT || nr === SIGRETURN);
  if (replaced) t.call = -1;
  else if (!Number.isNaN(result)) t.regs.setX(Reg.a0, result);
  yield* afterCall(t);
  return restartOr(t, replaced);
}
function* afterCall(t: Thread): Co<void> {
  if (t.traced) yield* t.traced.pauseForEvents();
  if (t.traced?.calls) {
    t.traced.call = { op: 2, nr: t.call, args: [] };
    yield* t.traced.pause(callStop(t.traced));
  }
}
/** The call's wish to be started again, or that the registers stand as they are to be. */
function restartOr(t: Thread, replaced: boolean): number {
  const now = t.regs.x(Reg.a0);
  return !replaced && (now === -E.RESTARTSYS || now === -E.RESTARTNOHAND || now === -E.RESTARTNOINTR) ? now : KEEP_REGISTERS;
}
function* caught(t: Thread, co: Co<number>): Co<number> {
  try { return yield* co; } catch (e) { return failedCall(t.k, t, e); }
}
