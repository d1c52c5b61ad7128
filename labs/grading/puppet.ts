/** Processes that a driver controls, one access at a time: the driver chooses the next one, and gets the result of each access. */
import { Ops, Own, type Sys } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import type { Env } from '../../roottask/client/index.ts';
import { childCode, makeChild, startChild, type Child, type ChildOptions } from './child.ts';

export const Act = { load: 1, store: 2, fetch: 3, call: 4, byte: 5 } as const;
const STOPPED = 6;

const CODE = childCode(`
  li s0, 0
loop:
  mv a1, s0
  li a0, 0
  call tell
  li t0, UTCB
  ld t1, U_WORDS+8(t0)
  ld t2, U_WORDS+16(t0)
  li t3, ${Act.load}
  beq a0, t3, load
  li t3, ${Act.store}
  beq a0, t3, store
  li t3, ${Act.fetch}
  beq a0, t3, fetch
  li t3, ${Act.byte}
  beq a0, t3, byte
  j end
load:
  ld s0, 0(t1)
  j loop
byte:
  lbu s0, 0(t1)
  j loop
store:
  sd t2, 0(t1)
  mv s0, t2
  j loop
fetch:
  jalr ra, 0(t1)
  j loop
`);

/** A puppet waits in its tell: `turn` holds the right to answer it. */
export interface Puppet extends Child { readonly badge: number; turn: number }

export function* makePuppet(sys: Syscalls, env: Env, badge: number, options: ChildOptions, patience: number): Sys<Puppet> {
  const child = yield* makeChild(sys, env, CODE, { ...options, badge }), puppet: Puppet = { ...child, badge, turn: 0 };
  yield* startChild(sys, child);
  yield* waitFor(sys, env, puppet, patience);
  return puppet;
}

/** Its result, once it reports again; undefined when it does not in time. */
function* waitFor(sys: Syscalls, env: Env, puppet: Puppet, patience: number): Sys<bigint | undefined> {
  const got = yield* sys.receive(puppet.report, patience);
  if (got.status !== 0) return undefined;
  puppet.turn = env.selector();
  yield* sys.must(Own.thread, Ops.thread.keepReply, [puppet.turn]);
  return got.words[1]!;
}

/** Lets it make one access; returns the loaded value, or undefined when it did not return. */
export function* act(sys: Syscalls, env: Env, puppet: Puppet, what: number, address: number, value = 0n,
    patience = 5e6): Sys<bigint | undefined> {
  if (puppet.turn === 0) return undefined;
  const turn = puppet.turn;
  puppet.turn = 0;
  yield* sys.send(turn, { words: [what, address, value] });
  yield* sys.invoke(Own.task, Ops.task.delete, [turn]);
  env.freeSelector(turn);
  return yield* waitFor(sys, env, puppet, patience);
}

export function* isStopped(sys: Syscalls, child: Child): Sys<boolean> {
  yield* sys.invoke(child.thread, Ops.thread.info);
  return sys.utcb.word(0) === STOPPED;
}

/** Rights (Right.*) with which the page of an address is mapped in a child; 0 = not at all. */
export function* rightsAt(sys: Syscalls, p: Child, address: number): Sys<number> {
  return (yield* sys.invoke(p.task, Ops.task.lookup, [address])) === 0 ? sys.utcb.word(0) % 8 : 0;
}
