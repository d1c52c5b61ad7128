/** Traps into the kernel, by cause: from U mode, from a guest, and interrupts. */
import { Cause, U, type Utcb } from '../abi/index.ts';
import { COSTS } from '../costs.ts';
import { raise } from '../ipc/event.ts';
import type { Core } from '../core.ts';
import type { Thread } from '../objects/thread.ts';
import type { Cpu } from '../sched/cpu.ts';
import { tick } from '../sched/scheduler.ts';
import { saveWorld } from '../state/guest.ts';
import { ECALL_U, isIpc, syscall } from './resume.ts';

/** Exception codes. @spec priv 12.1.8 */
const ECALL_VS = 10, GUEST_FETCH = 20, VIRTUAL_INSTRUCTION = 22;
const TIMER = 5, EXTERNAL = 9;
const CSR = { stval: 0x143, htval: 0x643 } as const;
const WFI = 0x1050_0073;

/** The event of each exception of a user thread. */
const USER_CAUSE: readonly number[] = [
  Cause.misaligned, Cause.accessFault, Cause.illegal, Cause.breakpoint, Cause.misaligned, Cause.accessFault, Cause.misaligned,
    Cause.accessFault,
  Cause.syscall, Cause.illegal, Cause.illegal, Cause.illegal, Cause.pageFault, Cause.pageFault, Cause.illegal, Cause.pageFault,
];

/** The hart has trapped while `thread` ran. */
export function handleTrap(k: Core, cpu: Cpu, thread: Thread): void {
  const { hart } = cpu, code = hart.causeCode;
  k.counters.kernelEntries++;
  hart.charge(COSTS.entry);
  if (thread.guest && !cpu.keepsWorlds) saveWorld(k, cpu);
  if (hart.causeIsInterrupt) {
    if (thread.guest) thread.mode = hart.priv === 0 ? 0 : 1;
    return handleInterrupt(k, cpu, code);
  }
  if (thread.guest) return guestExit(k, cpu, thread, code);
  if (code !== ECALL_U) return raise(k, thread, USER_CAUSE[code] ?? Cause.illegal, code, value(thread, hart.tvalNum));
  hart.advance(4);
  if (isIpc(hart.x32)) {
    if (!thread.alien) return syscall(k, cpu, thread);
    if (thread.utcb && thread.events[Cause.ownCall]) return announce(k, thread, thread.utcb);
  }
  raise(k, thread, Cause.syscall, ECALL_U);
}

/** An alien's kernel call, for the server that decides on it. */
function announce(k: Core, t: Thread, u: Utcb): void {
  raise(k, t, Cause.ownCall, u.label, u.u32[0], (u.num(U.window) === 0 ? 0 : 1) + (u.num(U.capWindow) === 0 ? 0 : 2));
}

function handleInterrupt(k: Core, cpu: Cpu, code: number): void {
  if (code === TIMER) tick(k, cpu);
  else if (code === EXTERNAL) k.interrupts.claimAll(cpu);
  else cpu.reschedule = true;
}

function guestExit(k: Core, cpu: Cpu, thread: Thread, code: number): void {
  const { hart } = cpu, at = value(thread, hart.tvalNum);
  thread.mode = hart.priv === 0 ? 0 : 1;
  k.counters.guestExits[thread.mode]++;
  if (code === VIRTUAL_INSTRUCTION && at !== WFI) return raise(k, thread, Cause.virtualInstruction, code, at);
  if (code === VIRTUAL_INSTRUCTION || code === ECALL_VS) {
    hart.advance(4);
    return raise(k, thread, code === ECALL_VS ? Cause.sbi : Cause.wfi, code, at);
  }
  if (code < GUEST_FETCH) return raise(k, thread, Cause.guestTrap, code, at);
  raise(k, thread, Cause.guestPageFault, code, at, Number(hart.csr(CSR.htval)), hart.leftBy(2 * COSTS.node));
}

/** stval. Exact below 2^53 in magnitude; an address beyond that (a guest in Sv57 has such) stands in `exactValue` as well. */
function value(thread: Thread, wide: number): number {
  if (wide < 2 ** 53 && wide > -(2 ** 53)) return wide;
  thread.exactValue = BigInt.asIntN(64, thread.cpu.hart.csr(CSR.stval));
  return Number(thread.exactValue);
}
