/** From the kernel back to user level: the address space, the registers, the result of a system call, and go. */
import { Kind, U } from '../abi/index.ts';
import { Cause } from '../abi/index.ts';
import { COSTS } from '../costs.ts';
import { raise } from '../ipc/event.ts';
import type { Core } from '../core.ts';
import type { Task } from '../objects/task.ts';
import type { Thread } from '../objects/thread.ts';
import { ThreadState } from '../sched/states.ts';
import type { Cpu } from '../sched/cpu.ts';
import { arm } from '../sched/scheduler.ts';
import { switchGuestSpace } from '../state/guest.ts';
import { load, registersOf } from '../state/user.ts';
import { syscall } from './syscall.ts';

/** Makes the address space of `task` the active one; counts, charges and traces the switch. */
export function activate(k: Core, cpu: Cpu, task: Task): void {
  if (cpu.active === task) return;
  cpu.active = task;
  k.counters.addressSpaceSwitches++;
  cpu.hart.charge(COSTS.spaceSwitch);
  k.trace.record(cpu.hart.cycles, Kind.spaceSwitch, cpu.id, 0, cpu.running ? cpu.running.id : 0, task.id, 0, 0, 0, 0);
}

/** The page tables of `task` become those of user level on this hart. */
export function install(cpu: Cpu, task: Task): void {
  const { space } = task;
  cpu.satp = task;
  space.harts |= 1 << cpu.id;
  cpu.hart.switchSpace(space.root.pa, space.asid, space.mode);
  if (!cpu.tagsSpaces) cpu.hart.sfenceVma();
}

/** Goes to user level with a RISC-V thread. False: something came up, choose again. */
export function resume(k: Core, cpu: Cpu, t: Thread): boolean {
  if (t.inSyscall) {
    returnValues(t, registersOf(t));
    if (t.watched) return report(k, t);
  }
  if (t.recalled || t.starting || t.visiting?.dead) {
    const cause = t.starting ? Cause.startup : Cause.recall;
    if (t.starting) t.starting = false;
    else t.recalled = false;
    t.exit.fill(0);
    raise(k, t, cause);
    return false;
  }
  const task = t.visiting ?? t.task;
  activate(k, cpu, task);
  load(k, cpu, t);
  if (t.letThrough) {
    t.letThrough = false;
    syscall(k, cpu, t);
    k.settle();
    if (t.state !== ThreadState.ready || cpu.reschedule || t.debt > 0) return false;
    if (t.inSyscall) returnValues(t, cpu.hart.x32);
    if (t.watched) return report(k, t);
  }
  if (t.guest) {
    const { space } = task;
    if (cpu.hgatp !== task) { cpu.hgatp = task; space.harts |= 1 << cpu.id; switchGuestSpace(cpu, space.root.pa, space.asid); }
  } else if (cpu.satp !== task) install(cpu, task);
  cpu.hart.charge(COSTS.exit);
  arm(cpu);
  cpu.hart.resume(t.guest ? t.mode : 0, t.guest);
  return true;
}

/** The own call of an alien is over, its results stand in its registers. */
function report(k: Core, t: Thread): boolean {
  const x = registersOf(t);
  t.watched = false;
  t.exit[0] = t.status;
  t.exit[1] = x[23] * 4294967296 + (x[22] >>> 0);
  t.exit[2] = t.utcb ? t.utcb.label : 0;
  t.exit[3] = 0;
  raise(k, t, Cause.ownCalled);
  return false;
}

/** a0 = status, a1 = badge of the message. */
function returnValues(t: Thread, x: Int32Array): void {
  const u = t.utcb;
  t.inSyscall = false;
  x[20] = t.status;
  x[21] = 0;
  x[22] = u ? u.i32[U.badge >> 2] : 0;
  x[23] = u ? u.i32[(U.badge >> 2) + 1] : 0;
}
