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
const CSR = { stval: 0x143, htval: 0x643, htinst: 0x64a } as const;
const WFI = 0x1050_0073;

/** The event of each exception of a user thread. */
const USER_CAUSE: readonly number[] = [
  Cause.misaligned, Cause.accessFault, Cause.illegal, Cause.breakpoint, Cause.misaligned, Cause.accessFault, Cause.misaligned,
    Cause.accessFault,
  Cause.syscall, Cause.illegal, Cause.illegal, Cause.illegal, Cause.pageFault, Cause.pageFault, Cause.illegal, Cause.pageFault,
];

/** The hart has trapped while `t` ran. */
export function handleTrap(k: Core, cpu: Cpu, t: Thread): void {
  const { hart } = cpu, code = hart.causeCode;
  k.counters.kernelEntries++;
  hart.charge(COSTS.entry);
  if (t.guest && !cpu.keepsWorlds) saveWorld(k, cpu);
  if (hart.causeIsInterrupt) {
    if (t.guest) t.mode = hart.priv === 0 ? 0 : 1;
    return handleInterrupt(k, cpu, code);
  }
  if (t.guest) return guestExit(k, cpu, t, code);
  if (code !== ECALL_U) return raise(k, t, USER_CAUSE[code] ?? Cause.illegal, code, value(t, hart.tvalNum));
  hart.advance(4);
  if (isIpc(hart.x32)) {
    if (!t.alien) return syscall(k, cpu, t);
    if (t.utcb && t.events[Cause.ownCall]) return announce(k, t, t.utcb);
  }
  raise(k, t, Cause.syscall, ECALL_U);
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

function guestExit(k: Core, cpu: Cpu, t: Thread, code: number): void {
  const { hart } = cpu, at = value(t, hart.tvalNum);
  t.mode = hart.priv === 0 ? 0 : 1;
  k.counters.guestExits[t.mode]++;
  if (code === VIRTUAL_INSTRUCTION && at !== WFI) return raise(k, t, Cause.virtualInstruction, code, at);
  if (code === VIRTUAL_INSTRUCTION || code === ECALL_VS) {
    hart.advance(4);
    return raise(k, t, code === ECALL_VS ? Cause.sbi : Cause.wfi, code, at);
  }
  if (code < GUEST_FETCH) return raise(k, t, Cause.guestTrap, code, at);
  raise(k, t, Cause.guestPageFault, code, at, Number(hart.csr(CSR.htval)), Number(hart.csr(CSR.htinst)));
}

/** stval. Exact below 2^53 in magnitude; an address beyond that (a guest in Sv57 has such) stands in `exactValue` as well. */
function value(t: Thread, v: number): number {
  if (v < 2 ** 53 && v > -(2 ** 53)) return v;
  t.exactValue = BigInt.asIntN(64, t.cpu.hart.csr(CSR.stval));
  return Number(t.exactValue);
}
