/** The end of a component, and its reports on the way. */
import { IpcFlag, NEVER, type Sys } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import type { Env } from './env.ts';
import { Protocol } from './protocol.ts';
import { ask } from './wire.ts';

/** Ends the component with this status (0 = well): the loader takes its task down. Does not return. */
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

/** A short text about the state of the component ("READY", "3 processes"): shown in the scenario's table, the last one wins. */
export function* report(sys: Syscalls, env: Env, text: string): Sys<void> {
  yield* ask(sys, env.cap('life'), Protocol.life.report, [], { text });
}

/**
 * What the component looks after (the guest of a monitor) has failed with these words. It stands still until this returns: whoever watches
 * the system can look at it.
 */
export function* trouble(sys: Syscalls, env: Env, text: string): Sys<void> {
  yield* ask(sys, env.cap('life'), Protocol.life.trouble, [], { text });
}
