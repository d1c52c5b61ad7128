/** More threads in a TypeScript component: gives each a body and a scheduling context, and starts it. */
import { Ops, Own, ThreadFlag, type Sys } from '../../microkernel/abi/index.ts';
import type { Syscalls, ThreadBody } from '../../binding/index.ts';
import type { Env } from './env.ts';
import { crash } from './lifecycle.ts';
import { nameIt } from './wire.ts';
import { bad, good, type Result } from './result.ts';

export interface SpawnOptions {
  /**
   * 0 up to the component's priority; default 100, or the component's if lower. `donated`: the thread has no scheduling context and runs on
   * its callers' time.
   */
  readonly priority?: number | 'donated';
  readonly hart?: number;
  /** Name in traces; default: the component's name. */
  readonly name?: string;
  /** Effect of an exception that leaves the body: the whole component crashes (default), or only this thread ends. */
  readonly crash?: 'component' | 'thread';
}
export interface Spawned { readonly thread: number; readonly context: number | undefined }
export const DEFAULT_PRIORITY = 100;

/** Creates and starts a thread in this task. `makeBody` may close over anything: threads of a component share their heap. */
export function* spawn(sys: Syscalls, env: Env, body: ThreadBody, options: SpawnOptions = {}): Sys<Result<Spawned>> {
  const thread = env.selector(), priority = options.priority ?? Math.min(DEFAULT_PRIORITY, env.priority);
  const guarded: ThreadBody = options.crash === 'thread' ? body : function* (own) {
    try { yield* body(own); } catch (e) { yield* crash(own, env, crashText(e)); }
  };
  let status = yield* sys.invoke(Own.factory, Ops.factory.createThread, [thread, Own.task, ThreadFlag.typescript, 0, options.hart ?? 0],
    undefined, guarded);
  if (status !== 0) return bad(status, `${env.name}: thread`);
  yield* nameIt(sys, thread, Ops.thread.name, options.name ?? env.name);
  if (priority === 'donated') return good({ thread, context: undefined });
  const context = env.selector();
  status = yield* sys.invoke(Own.factory, Ops.factory.createSchedContext, [context, priority, 0, 0]);
  if (status === 0) status = yield* sys.invoke(thread, Ops.thread.bind, [context]);
  if (status === 0) status = yield* sys.invoke(thread, Ops.thread.start, [0, 0, 0]);
  return status === 0 ? good({ thread, context }) : bad(status, `${env.name}: thread`);
}

/** One line about an exception, with the place where it was thrown. */
export function crashText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const place = /at (.*)/.exec(error.stack ?? '')?.[1] ?? '';
  return `${error.message} (${place.replace(/\(?[^( ]*\/([^/ )]+)\)?$/, '$1')})`;
}
