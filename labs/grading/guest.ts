/**
 * Virtual processors that a driver controls: between two accesses they wait in a `wfi`, whose exit the driver receives. The driver chooses
 * the receiver of all other exits.
 */
import { assemble } from '../../hardware/isa/assemble.ts';
import { Cause, Mtd, Ops, Own, Right, ThreadFlag, memoryPage, type Sys } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import { allocate, nameIt, valueOf, type Env } from '../../roottask/client/index.ts';

/** Where the guest's memory begins. */
export const RAM = 0x8000_0000;
const ARGUMENTS = 10, ALL = 0x1fff, PAGE = 4096;
/** Values of registers that no exit may change. */
const SENTINEL = 0x5e;

/** The actions of a guest: address in t1, value in t2, result in s0 (and s1). */
const ACTS = {
  lbu: 'lbu s0, 0(t1)', lb: 'lb s0, 0(t1)', lhu: 'lhu a5, 0(t1)\n mv s0, a5', lh: 'lh t5, 0(t1)\n mv s0, t5', lw: 'lw s0, 0(t1)',
  lwu: 'lwu a4, 0(t1)\n mv s0, a4', ld: 'ld s0, 0(t1)',
  sb: 'sb t2, 0(t1)', sh: 'mv a5, t2\n sh a5, 0(t1)', sw: 'mv s11, t2\n sw s11, 0(t1)', sd: 'sd t2, 0(t1)',
  'c.lw': 'mv a3, t1\n c.lw a4, 0(a3)\n mv s0, a4\n c.nop', 'c.sw': 'mv a3, t1\n mv a4, t2\n c.sw a4, 0(a3)\n c.nop',
  'lbu zero': 'lbu zero, 0(t1)\n mv s0, zero', 'sb zero': 'sb zero, 0(t1)',
  sbi: 'mv a0, t1\n mv a1, t2\n ecall\n mv s0, a0\n mv s1, a1',
} as const;
export type Act = keyof typeof ACTS;
const names = Object.keys(ACTS) as Act[];

const CODE = assemble(`
  li s0, 0
loop:
  li a6, ${SENTINEL}
  mv a2, s3
  mv a0, s0
  mv a1, s1
  wfi
  mv t1, a1
  mv t2, a2
  mv s2, a0
  li s1, 0
  li s0, 0
  li a2, ${SENTINEL}
  li a3, ${SENTINEL}
  li t6, ${SENTINEL}
  li s10, ${SENTINEL}
${names.map((_, i) => `  li t0, ${i}\n  beq s2, t0, act${i}`).join('\n')}
  j loop
${names.map((n, i) => `act${i}:\n  ${ACTS[n]}\n  j after`).join('\n')}
after:
  add s3, a2, t6
  add s3, s3, s10
  j loop
`, RAM).bytes;

export interface Guest { readonly task: number; readonly thread: number; readonly door: number; turn: number }
export interface Result {
  readonly value: bigint;
  readonly second: bigint; /** Checks that the protected registers are unchanged. */
  readonly intact: boolean
}

/** A guest that waits for its first turn. `events`: the portal for each cause that is not the driver's. */
export function* makeGuest(sys: Syscalls, env: Env,
    given: { readonly name: string; readonly badge: number; readonly events: Readonly<Record<number, number>> },
    patience: number): Sys<Guest> {
  const [task, thread, context, door] = [
    env.selector(), env.selector(), env.selector(), env.selector()
  ] as [number, number, number, number];
  yield* sys.must(Own.factory, Ops.factory.createTask, [task, 1]);
  yield* sys.must(Own.factory, Ops.factory.createThread, [thread, task, ThreadFlag.guest, 0, 0]);
  yield* sys.must(Own.factory, Ops.factory.createSchedContext, [context, 90, 0, 0]);
  yield* sys.must(Own.factory, Ops.factory.createPortal, [door, Own.thread, given.badge, Mtd.args | Mtd.pc]);
  yield* nameIt(sys, task, Ops.task.name, given.name);
  yield* nameIt(sys, thread, Ops.thread.name, given.name);
  const size = Math.ceil(CODE.length / PAGE) * PAGE, at = valueOf(yield* allocate(sys, env, size, { rights: Right.RWX }));
  sys.memory.write(at, CODE);
  for (let offset = 0; offset < size; offset += PAGE)
    yield* sys.must(task, Ops.task.map, [0, memoryPage(at + offset, 12, Right.RWX), RAM + offset, 0]);
  const others = Object.keys(given.events).reduce((bits, c) => bits | 2 ** Number(c), 1);
  yield* sys.must(thread, Ops.thread.setEvents, [door, ALL & ~others]);
  for (const [cause, portal] of Object.entries(given.events)) yield* sys.must(thread, Ops.thread.setEvents, [portal, 2 ** Number(cause)]);
  yield* sys.must(thread, Ops.thread.bind, [context]);
  yield* sys.must(thread, Ops.thread.start, [RAM, 0, 0]);
  const guest: Guest = { task, thread, door, turn: 0 };
  yield* waitFor(sys, env, guest, patience);
  return guest;
}

/** Waits until the guest is ready for its next turn; undefined when it never is, or exits for another reason. */
function* waitFor(sys: Syscalls, env: Env, guest: Guest, patience: number): Sys<Result | undefined> {
  const got = yield* sys.receive(guest.door, patience);
  if (got.status !== 0 || got.label !== Cause.wfi) return undefined;
  const utcb = sys.utcb, result = { value: utcb.xBig(ARGUMENTS), second: utcb.xBig(ARGUMENTS + 1),
    intact: utcb.x(ARGUMENTS + 2) === 3 * SENTINEL };
  guest.turn = env.selector();
  yield* sys.must(Own.thread, Ops.thread.keepReply, [guest.turn]);
  return result;
}

/** One access, or one call (`sbi`: EID and FID besides the two arguments). */
export function* guestAct(sys: Syscalls, env: Env, guest: Guest, act: Act, first: bigint, second: bigint, eid = 0, fid = 0,
    patience = 5e6): Sys<Result | undefined> {
  if (guest.turn === 0) return undefined;
  const utcb = sys.utcb, turn = guest.turn;
  guest.turn = 0;
  utcb.setX(ARGUMENTS, names.indexOf(act));
  utcb.setXBig(ARGUMENTS + 1, first);
  utcb.setXBig(ARGUMENTS + 2, second);
  for (let i = 3; i < 6; i++) utcb.setX(ARGUMENTS + i, 0);
  utcb.setX(ARGUMENTS + 6, fid);
  utcb.setX(ARGUMENTS + 7, eid);
  yield* sys.send(turn, { mtd: Mtd.args });
  yield* sys.invoke(Own.task, Ops.task.delete, [turn]);
  env.freeSelector(turn);
  return yield* waitFor(sys, env, guest, patience);
}
