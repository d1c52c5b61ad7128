/** A system call of a thread whose tracer wants to see it: it stops before and after, and uses what the tracer changed. */
import { resultOfFailure } from '../kernel/calls.ts';
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

/** All registers of `thread` are loaded. Its result stands in a0 afterwards. */
export function* tracedCall(thread: Thread, first: number): Co<number> {
  let nr = first, skipped = -E.NOSYS;
  if (thread.traced?.calls) {
    thread.traced.call = { op: 1, nr, args: args(thread) };
    // a0 shows the result of a skipped call; the argument is kept separately.
    const argument = thread.regs.big[Reg.a0]!;
    thread.regs.setX(Reg.a0, skipped);
    yield* thread.traced.pause(callStop(thread.traced));
    skipped = thread.regs.x(Reg.a0);
    thread.regs.big[Reg.a0] = argument;
    nr = Number(BigInt.asIntN(32, thread.regs.big[Reg.a7]!));
  }
  if (thread.seccomp) {
    const j = yield* judge(thread, nr);
    if (thread.state === Run.dead) return KEEP_REGISTERS;
    if (j === 'done') { yield* afterCall(thread); return restartOr(thread, false); }
    nr = j.nr;
  }
  if ((nr === EXIT || nr === EXIT_GROUP) && thread.traced?.has(TraceOption.EXIT))
    yield* thread.traced.pause(eventStop(TraceEvent.EXIT, exitedStatus(thread.regs.x(Reg.a0))));
  thread.arg0 = thread.regs.big[Reg.a0]!;
  thread.call = nr;
  const [a0, a1, a2, a3, a4, a5] = [10, 11, 12, 13, 14, 15].map((i) => thread.regs.x(i)) as
    [number, number, number, number, number, number];
  const answer = nr < 0 ? skipped : dispatch(thread, nr, a0, a1, a2, a3, a4, a5),
    result = typeof answer === 'number' ? answer : yield* resultOf(thread, answer);
  const replaced = result === 0 && (nr === EXECVE || nr === EXECVEAT || nr === SIGRETURN);
  if (replaced) thread.call = -1;
  else if (!Number.isNaN(result)) thread.regs.setX(Reg.a0, result);
  yield* afterCall(thread);
  return restartOr(thread, replaced);
}
function* afterCall(thread: Thread): Co<void> {
  if (thread.traced) yield* thread.traced.pauseForEvents();
  if (thread.traced?.calls) {
    thread.traced.call = { op: 2, nr: thread.call, args: [] };
    yield* thread.traced.pause(callStop(thread.traced));
  }
}
/** The code by which the call asks for its restart, or that the final registers are already set. */
function restartOr(thread: Thread, replaced: boolean): number {
  const now = thread.regs.x(Reg.a0);
  return !replaced && (now === -E.RESTARTSYS || now === -E.RESTARTNOHAND || now === -E.RESTARTNOINTR) ? now : KEEP_REGISTERS;
}
function* resultOf(t: Thread, co: Co<number>): Co<number> {
  try { return yield* co; } catch (e) { return resultOfFailure(t.k, t, e); }
}
