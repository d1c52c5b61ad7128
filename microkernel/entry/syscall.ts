/** The system call of RISC-V code: `ecall` with a7 = IPC, arguments as abi/ipc.ts says. */
import { IPC, NEVER } from '../abi/index.ts';
import { ipc } from '../ipc/ipc.ts';
import type { Core } from '../core.ts';
import type { Thread } from '../objects/thread.ts';
import type { Cpu } from '../sched/cpu.ts';

const A0 = 20, A1 = 22, A2 = 24, A7 = 34;

export const isIpc = (x: Int32Array): boolean => x[A7] === IPC && x[A7 + 1] === 0;

/** The registers are in the hart; the pc is behind the ecall. */
export function syscall(k: Core, cpu: Cpu, t: Thread): void {
  const x = cpu.hart.x32, cap = x[A1 + 1] === 0 ? x[A1] >>> 0 : -1;
  const timeout = x[A2 + 1] < 0 ? NEVER : x[A2 + 1] * 4294967296 + (x[A2] >>> 0);
  t.inSyscall = true;
  ipc(k, t, x[A0], cap, timeout, timeout, undefined);
}
