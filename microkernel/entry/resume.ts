/** The system call of RISC-V code; and from the kernel back to user level: the address space, the registers, the result, and go. */
import { Cause, IPC, Kind, NEVER, U } from '../abi/index.ts';
import { COSTS } from '../costs.ts';
import { raise } from '../ipc/event.ts';
import { ipc } from '../ipc/ipc.ts';
import type { Core } from '../core.ts';
import type { Task } from '../objects/task.ts';
import type { Thread } from '../objects/thread.ts';
import { ThreadState } from '../objects/object.ts';
import { runningOn, type Cpu } from '../sched/cpu.ts';
import { arm } from '../sched/scheduler.ts';
import { switchGuestSpace } from '../state/guest.ts';
import { load, registersOf } from '../state/user.ts';

/** Exception code of an `ecall` from user level. @spec priv 12.1.8 */
export const ECALL_U = 8;
const A0 = 20, A1 = 22, A2 = 24, A7 = 34; // as halves of registers

export const isIpc = (x: Int32Array): boolean => x[A7] === IPC && x[A7 + 1] === 0;

/** The registers are in the hart by abi/ipc.ts; the pc is past the ecall. */
export function syscall(k: Core, cpu: Cpu, thread: Thread): void {
  const x = cpu.hart.x32, cap = x[A1 + 1] === 0 ? x[A1] >>> 0 : -1;
  const timeout = x[A2 + 1] < 0 ? NEVER : x[A2 + 1] * 4294967296 + (x[A2] >>> 0);
  thread.inSyscall = true;
  ipc(k, thread, x[A0], cap, timeout, timeout, undefined);
}

/** Makes the address space of `task` the active one; counts, charges and traces the switch. */
export function activate(k: Core, cpu: Cpu, task: Task): void {
  if (cpu.active === task) return;
  cpu.active = task;
  k.counters.addressSpaceSwitches++;
  cpu.hart.charge(COSTS.spaceSwitch);
  k.trace.note(cpu, Kind.spaceSwitch, runningOn(cpu), task.id);
}

/** The page tables of `task` become those of user level, or of guests, on this hart. */
function install(cpu: Cpu, task: Task): void {
  const { space } = task;
  space.harts |= 1 << cpu.id;
  if (task.guest) return switchGuestSpace(cpu, task);
  cpu.satp = task;
  cpu.hart.switchSpace(space.root.pa, space.asid, space.mode);
  if (!cpu.tagsSpaces) cpu.hart.sfenceVma();
}

/** Returns to user level with a RISC-V thread. False: something intervened, choose again. */
export function resume(k: Core, cpu: Cpu, thread: Thread): boolean {
  if (thread.inSyscall) {
    returnValues(thread, registersOf(thread));
    if (thread.watched) return report(k, thread);
  }
  if (thread.recalled || thread.starting || thread.visiting?.dead) {
    const cause = thread.starting ? Cause.startup : Cause.recall;
    if (thread.starting) thread.starting = false;
    else thread.recalled = false;
    raise(k, thread, cause);
    return false;
  }
  const task = thread.visiting ?? thread.task;
  activate(k, cpu, task);
  load(k, cpu, thread);
  if (thread.letThrough) {
    thread.letThrough = false;
    syscall(k, cpu, thread);
    k.settle();
    if (thread.state !== ThreadState.ready || cpu.reschedule || thread.debt > 0) return false;
    if (thread.inSyscall) returnValues(thread, cpu.hart.x32);
    if (thread.watched) return report(k, thread);
  }
  go(cpu, thread, task);
  return true;
}

/** User level goes on: everything but the address space is in the hart. */
export function go(cpu: Cpu, thread: Thread, task: Task): void {
  if ((thread.guest ? cpu.hgatp : cpu.satp) !== task) install(cpu, task);
  cpu.hart.charge(COSTS.exit);
  arm(cpu);
  cpu.hart.resume(thread.guest ? thread.mode : 0, thread.guest);
}

/** The alien's own call is over; its registers hold the results. */
function report(k: Core, thread: Thread): boolean {
  const x = registersOf(thread);
  thread.watched = false;
  raise(k, thread, Cause.ownCalled, thread.status, x[A1 + 1] * 4294967296 + (x[A1] >>> 0), thread.utcb ? thread.utcb.label : 0);
  return false;
}

/** a0 = status, a1 = badge of the message. */
export function returnValues(thread: Thread, x: Int32Array): void {
  const utcb = thread.utcb;
  thread.inSyscall = false;
  x[A0] = thread.status;
  x[A0 + 1] = 0;
  x[A1] = utcb ? utcb.i32[U.badge >> 2] : 0;
  x[A1 + 1] = utcb ? utcb.i32[(U.badge >> 2) + 1] : 0;
}
