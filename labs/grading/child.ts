/**
 * Processes of a grader: RISC-V code in a separate task, created by a driver (a component of the grader). The driver chooses the receiver
 * of its events; its reports go only to the driver, through a portal that nobody else has.
 */
import { assemble } from '../../hardware/isa/assemble.ts';
import { Ops, Own, Right, capPage, memoryPage, statusName, type Sys } from '../../microkernel/abi/index.ts';
import type { Received, Syscalls } from '../../binding/index.ts';
import { allocate, nameIt, valueOf, type Env } from '../../roottask/client/index.ts';
import { constants } from '../start/constants.ts';

/** Where code and UTCB of a child are; selectors in it: its report portal. */
export const CODE = 0x10000, CHILD_UTCB = 0x7f0000, REPORT = 300;
const PAGE = 4096;

/** The code of `tell REG…`: sends a0, a1, a2 to the driver and waits for the reply. */
const PRELUDE = `
.equ UTCB, ${CHILD_UTCB}
.equ REPORT, ${REPORT}
j start
tell: # a0 … a3: what is told; a0: the driver's answer
  li t0, UTCB
  sd a0, U_WORDS(t0)
  sd a1, U_WORDS+8(t0)
  sd a2, U_WORDS+16(t0)
  sd a3, U_WORDS+24(t0)
  li t1, 4
  sd t1, U_TAG(t0)
  sd zero, U_MTD(t0)
  li a0, IPC_SEND+IPC_RECEIVE+IPC_CALL
  li a1, REPORT
  li a2, -1
  li a7, IPC
  ecall
  li t0, UTCB
  ld a0, U_WORDS(t0)
  ret
end: # tells -1, and sleeps
  li a0, -1
  call tell
asleep:
  li a0, IPC_RECEIVE
  li a1, 0
  li a2, -1
  li a7, IPC
  ecall
  j asleep
start:
`;

/** Code of a child: `call tell` reports a0 … a3; ends with `j end`. */
export const childCode = (source: string, at = CODE): Uint8Array => assemble(`${constants()}\n${PRELUDE}\n${source}\nj end`, at).bytes;

export interface Child { readonly task: number; readonly thread: number; readonly context: number; readonly report: number }
export interface ChildOptions {
  readonly name: string;
  readonly priority?: number;
  readonly badge?: number; /** Portal for each cause (Cause.*). */
  readonly events: Readonly<Record<number, number>>
}

/** Creates a child that runs `code` (of childCode) once started. Its memory is its code and its UTCB. */
export function* makeChild(sys: Syscalls, env: Env, code: Uint8Array, options: ChildOptions): Sys<Child> {
  const [task, thread, context, report] = [
    env.selector(), env.selector(), env.selector(), env.selector()
  ] as [number, number, number, number];
  yield* sys.must(Own.factory, Ops.factory.createTask, [task, 0]);
  yield* sys.must(Own.factory, Ops.factory.createThread, [thread, task, 0, CHILD_UTCB, 0]);
  yield* sys.must(Own.factory, Ops.factory.createSchedContext, [context, options.priority ?? 90, 0, 0]);
  yield* sys.must(Own.factory, Ops.factory.createPortal, [report, Own.thread, options.badge ?? 1, 0]);
  yield* nameIt(sys, task, Ops.task.name, options.name);
  yield* nameIt(sys, thread, Ops.thread.name, options.name);
  const size = Math.ceil(code.length / PAGE) * PAGE, at = valueOf(yield* allocate(sys, env, size, { rights: Right.RWX }));
  sys.memory.write(at, code);
  for (let offset = 0; offset < size; offset += PAGE)
    yield* sys.must(task, Ops.task.map, [0, memoryPage(at + offset, 12, Right.RX), CODE + offset, 0]);
  yield* sys.must(task, Ops.task.map, [0, capPage(report, 0, 1), REPORT, 0]);
  for (const [cause, portal] of Object.entries(options.events)) {
    const status = yield* sys.invoke(thread, Ops.thread.setEvents, [portal, 2 ** Number(cause)]);
    if (status !== 0)
      throw new Error(`the events of ${options.name} have nowhere to go: the server behind its portal has ended (${statusName(status)})`);
  }
  yield* sys.must(thread, Ops.thread.bind, [context]);
  return { task, thread, context, report };
}
export const startChild = (sys: Syscalls, child: Child, arg = 0): Sys<void> => sys.must(child.thread, Ops.thread.start, [CODE, 0, arg]);

/** A child's report: its four words; undefined after -1, or when none came in time. */
export interface Told { readonly words: readonly bigint[]; readonly badge: number }

/** Receives reports until `count` children have ended, or none comes for `patience` ns; the result of `told` becomes the child's a0. */
export function* hear(sys: Syscalls, count: number, patience: number, told: (t: Told) => Sys<number | bigint | void>): Sys<number> {
  const done = new Set<number>();
  let got: Received = yield* sys.receive(0, patience);
  while (got.status === 0) {
    const { words, badge } = got;
    if (words[0] === -1n) {
      done.add(badge);
      if (done.size >= count) break;
      got = yield* sys.replyAndWait({ words: [0] }, patience);
    } else {
      const a0 = yield* told({ words, badge });
      got = yield* sys.replyAndWait({ words: [a0 ?? 0] }, patience);
    }
  }
  return done.size;
}
