/**
 * Debts: work that has taken effect while its time still has to pass. A TypeScript thread runs up a debt by charging; any thread by an
 * operation that visits much (mapping, revoking, destroying). The time passes before the thread resumes: in pieces, between which
 * interrupts, timers and threads of higher priority get the hart, and the thread's context pays for them. So effects come before their
 * time, and the kernel never holds the hart for longer than TURN plus one short operation.
 */
import type { Cpu } from './cpu.ts';
import type { Thread } from '../objects/thread.ts';

/** Cycles of a turn of the kernel, including TypeScript threads; then the machine has its turn (events, interrupts, other harts). */
export const TURN = 10_000;
/** Cycles of an operation's work since the kernel's entry that pass at once. */
const AT_ONCE = 4000;

/** Lets as much of the debt pass as can without anything else coming in between: a timer, the end of the turn. */
export function runOff(cpu: Cpu, thread: Thread): void {
  const { hart } = cpu, now = hart.cycles, passed = Math.min(thread.debt, cpu.armed - now, TURN - (now - cpu.entered));
  hart.charge(passed);
  thread.debt -= passed;
}

/** Lets all of it pass at once, if nothing can intervene. False: nothing has passed. */
export function runOffAtOnce(cpu: Cpu, thread: Thread): boolean {
  const now = cpu.hart.cycles + thread.debt;
  if (cpu.reschedule || now >= cpu.armed || now - cpu.entered >= TURN || now - cpu.since >= cpu.current!.left) return false;
  cpu.hart.charge(thread.debt);
  thread.debt = 0;
  return true;
}

/**
 * Work of an operation that visits much: a little of it passes now, the rest is a debt of the thread that asked for it. (What a thread
 * leaves unpaid when it ends, no other thread pays: else its end could delay all others.)
 */
export function pay(cpu: Cpu, thread: Thread | undefined, cycles: number): void {
  const now = Math.min(cycles, Math.max(0, AT_ONCE - (cpu.hart.cycles - cpu.entered)));
  cpu.hart.charge(now);
  if (thread) thread.debt += cycles - now;
}
