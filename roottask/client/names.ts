/**
 * Names: a server announces its service to the loader; a client finds the services that the scenario gave it in its own namespace, at any
 * time.
 */
import { capPage, type Sys } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import type { Env } from './env.ts';
import { Protocol } from './protocol.ts';
import { bad, good, type Result } from './result.ts';
import { ask } from './wire.ts';

/** Announces `portal` (it answers Protocol.service) as this component's service `name`. */
export function* register(sys: Syscalls, env: Env, name: string, portal: number): Sys<Result<void>> {
  const status = yield* ask(sys, env.cap(
    'names'), Protocol.names.register, [], { text: name, items: [{ flexpage: capPage(portal), dest: 0 }] });
  return status === 0 ? good(undefined) : bad(status, `${env.name}: register '${name}'`);
}

/** A capability by name from this component's namespace, into a fresh selector. */
export function* lookup(sys: Syscalls, env: Env, name: string): Sys<Result<number>> {
  const selector = env.selector();
  const status = yield* ask(sys, env.cap('names'), Protocol.names.lookup, [selector], { text: name, receives: true });
  if (status === 0) return good(selector);
  env.freeSelector(selector);
  return bad(status, `${env.name}: no capability '${name}'`);
}
