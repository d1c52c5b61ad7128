/**
 * A bystander task for fuzzers: no other task has a capability to it, so it must never change. `digest` covers its whole state: memory and
 * its contents, capabilities, quota, the state and the registers of its waiting thread.
 */
import { Initial, Ops, Right, ThreadFlag, capPage, memoryPage, IPC, type Sys } from '../abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import type { Kernel } from '../kernel.ts';
import type { Table } from '../mem/table.ts';
import type { Factory } from '../objects/factory.ts';
import type { Task } from '../objects/task.ts';
import { CODE, loadProgram } from './real-machine.ts';

const UTCB = 0x2000_0000, DATA = 0x1000_0000;

/**
 * Out of selectors `first` … `first + 4`; its memory is the 64 KiB from `pa` on, which the fuzzers must not have. Waits for ever when
 * this is done.
 */
export function* makeBystander(sys: Syscalls, first: number, pa: number, options: { riscv: boolean; hart?: number }): Sys<void> {
  const [factory, task, thread, context, portal] = [first, first + 1, first + 2, first + 3, first + 4];
  for (let at = pa; at < pa + 0x1_0000; at += 4) sys.memory.setU32(at, (at * 2654435761) >>> 0);
  yield* sys.must(Initial.factory, Ops.factory.createFactory, [factory, 100_000, 240, 0]);
  yield* sys.must(factory, Ops.factory.createTask, [task, 0]);
  yield* sys.must(factory, Ops.factory.createThread,
    [thread, task, options.riscv ? 0 : ThreadFlag.typescript, options.riscv ? UTCB : 0, options.hart ?? 0],
    options.riscv ? undefined : function* (s) { yield* s.receive(); });
  yield* sys.must(factory, Ops.factory.createSchedContext, [context, 240, 0, 0]);
  yield* sys.must(factory, Ops.factory.createPortal, [portal, thread, 1, 0x3ff]);
  for (const [i, cap] of [task, thread, factory, context, portal].entries())
    yield* sys.must(task, Ops.task.map, [0, capPage(cap), i + 1, 0]);
  yield* sys.must(task, Ops.task.map, [0, memoryPage(pa, 15, Right.RW), DATA, 0]);
  yield* sys.must(task, Ops.task.map, [0, memoryPage(pa + 0x8000, 12, Right.R), DATA + 0x10_0000, 0]);
  if (options.riscv) {
    const registers = Array.from({ length: 16 }, (_, i) => `li x${i + 13}, ${0x1234567 * (i + 1)}`).join('; ').replace(/li x17, \d+; /, '');
    yield* loadProgram(sys, task, `${registers}; li a0, 2; li a1, 0; li a2, -1; li a7, ${IPC}; ecall; ebreak`, { pa: pa + 0xf000 });
  }
  yield* sys.must(thread, Ops.thread.bind, [context]);
  yield* sys.must(thread, Ops.thread.start, [CODE, 0, 0]);
  yield* sys.receive(0, 100_000); // it comes to its wait
}

export function digest(k: Kernel, first: number): string {
  const { caps } = k.root.task, factory = caps.lookup(first)!.object as Factory, task = caps.lookup(first + 1)!.object as Task,
    out: unknown[] = [factory.used, factory.limit, factory.dead, task.dead];
  for (const cap of task.caps.range(0, 1 << 20)) out.push([cap.selector, cap.object.id, cap.rights]);
  leaves(k, task.space.root, out);
  for (const thread of [...task.threads].reverse())
    out.push([
      thread.id, thread.state, thread.status, thread.context?.priority, thread.deadline, thread.events.filter(e => e).length,
      thread.consumed, [...thread.cpu.owner === thread ? thread.cpu.hart.x32 : thread.x].join()
    ]);
  return JSON.stringify(out);
}
function leaves(k: Kernel, table: Table, out: unknown[]): void {
  for (let i = 0; i < table.nodes.length; i++) {
    const node = table.nodes.get(i), below = table.tables?.get(i);
    if (below) leaves(k, below, out);
    if (!node) continue;
    let sum = 0;
    for (const byte of k.memory.view(node.pa, 4096)) sum = (Math.imul(sum, 31) + byte) | 0;
    out.push([node.va, node.pa, node.rights, node.level, sum]);
  }
}
