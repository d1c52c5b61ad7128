/** The end of a component, and its reports while it runs. */
import { IpcFlag, NEVER, type Sys } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import type { Env } from './env.ts';
import { Protocol } from './protocol.ts';
import { ask } from './wire.ts';

/** Ends the component with this status (0 = success): the loader destroys its task. Does not return. */
export function* exit(sys: Syscalls, env: Env, status: number, why = ''): Sys<never> {
  yield* ask(sys, env.cap('life'), Protocol.life.exit, [status], { text: why });
  return yield* forever(sys);
}

/** The same for a failure of the component itself: the loader reports it, and starts it again if the scenario says so. */
export function* crash(sys: Syscalls, env: Env, why: string, status = 1): Sys<never> {
  yield* ask(sys, env.cap('life'), Protocol.life.crash, [status], { text: why });
  return yield* forever(sys);
}

function* forever(sys: Syscalls): Sys<never> { for (;;) yield sys.ipc(IpcFlag.receive, 0, NEVER, NEVER); }

/** A short text about the state of the component ("READY", "3 processes"): shown in the scenario's table until the next one replaces it. */
export function* report(sys: Syscalls, env: Env, text: string): Sys<void> {
  yield* ask(sys, env.cap('life'), Protocol.life.report, [], { text });
}

/**
 * Reports that the component's guest has failed with this message. The guest stays stopped until this returns, so that an observer can
 * inspect it.
 */
export function* trouble(sys: Syscalls, env: Env, text: string): Sys<void> {
  yield* ask(sys, env.cap('life'), Protocol.life.trouble, [], { text });
}
