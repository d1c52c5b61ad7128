/** The kernel on the real machine, with small assembled programs as user threads: for specs. */
import { assemble } from '../../hardware/isa/assemble.ts';
import { plicOf } from '../../machine/board/factories.ts';
import type { Supervisor } from '../../machine/api.ts';
import { Machine } from '../../machine/machine.ts';
import { Initial, Ops, Right, memoryPage, type Sys } from '../abi/index.ts';
import { entryOf, type Syscalls, type ThreadBody } from '../../binding/index.ts';
import type { KernelOptions } from '../boot.ts';
import { Kernel } from '../kernel.ts';

export interface Real {
  readonly kernel: Kernel;
  readonly machine: Machine;
  readonly plic: ReturnType<typeof plicOf>;
  readonly lines: string[]
}

/** Boots with this first thread, not run yet. */
export function bootReal(root: ThreadBody, options: Partial<KernelOptions> & { harts?: number; bytes?: number } = {}): Real {
  const lines: string[] = [], supervisor: Supervisor = { trap: hart => kernel.trap(hart), wake: hart => kernel.wake(hart) };
  const machine = new Machine({ memoryBytes: options.bytes ?? 16 * 2 ** 20, harts: options.harts ?? 1, supervisor });
  const plic = plicOf(machine);
  machine.attach(0xc00_0000, plic);
  const kernel = new Kernel({ log: line => lines.push(line), ...options, machine, root: entryOf(root) });
  return { kernel, machine, plic, lines };
}

/** Where `loadProgram` puts code: the page at 1 MiB of RAM, and in the task at CODE. */
export const CODE = 0x10000;
const CODE_PA = 0x8010_0000;

/** Assembles a program into a page of RAM and maps it into a task, executable. Answers its symbols. */
export function* loadProgram(sys: Syscalls, task: number, source: string,
    options: { va?: number; pa?: number; rights?: number } = {}): Sys<Map<string, bigint>> {
  const va = options.va ?? CODE, pa = options.pa ?? CODE_PA, { bytes, symbols } = assemble(source, va);
  sys.memory.write(pa, bytes);
  yield* sys.must(task, Ops.task.map, [0, memoryPage(pa, 12, options.rights ?? Right.RX), va, 0]);
  return symbols as Map<string, bigint>;
}

/** Selectors of what `makeUser` made. */
export interface User { readonly task: number; readonly thread: number; readonly context: number; readonly portal: number }

/** A task with one RISC-V thread whose events all come to the caller through one portal. Not started. */
export function* makeUser(sys: Syscalls, first: number, source: string,
    options: {
      flags?: number; mtd?: number; priority?: number; utcb?: number; hart?: number; guest?: boolean; causes?: number; pa?: number
    } = {}): Sys<User> {
  const user = { task: first, thread: first + 1, context: first + 2, portal: first + 3 };
  yield* sys.must(Initial.factory, Ops.factory.createTask, [user.task, options.guest ? 1 : 0]);
  yield* sys.must(Initial.factory, Ops.factory.createThread,
    [user.thread, user.task, options.flags ?? 0, options.utcb ?? 0, options.hart ?? 0]);
  yield* sys.must(Initial.factory, Ops.factory.createSchedContext, [user.context, options.priority ?? 50, 0, 0]);
  yield* sys.must(user.thread, Ops.thread.bind, [user.context]);
  yield* sys.must(Initial.factory, Ops.factory.createPortal, [user.portal, Initial.thread, first, options.mtd ?? 5]);
  yield* sys.must(user.thread, Ops.thread.setEvents, [user.portal, options.causes ?? 0x1fff - 1]);
  yield* loadProgram(sys, user.task, source, { pa: options.pa });
  return user;
}
