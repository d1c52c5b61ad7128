/**
 * The toolbox on the microkernel: a thread opens sessions, and each session has a thread that takes its requests, passes them to the main
 * thread, and answers. The main thread never waits for a client; a client that vanishes ends only its session.
 *
 *   client ── request ─→ session's thread ── arrival ─→ main thread: a worker of the kernel does it ── semaphore ─→ session's thread ──
 * answer
 */
import { CapRight, IpcFlag, Ops, Own, Status, capPage, type Sys } from '../../../microkernel/abi/index.ts';
import type { Syscalls } from '../../../binding/index.ts';
import { Protocol, forgetOthers, getBytes, put, register, spawn, valueOf, type Env } from '../../../roottask/client/index.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Co, Sleeper } from '../../kernel/wait.ts';
import { MOST_BYTES, TOOLBOX_SERVICES, Toolbox, UNIX_ERROR, type ToolboxService } from '../../toolbox/protocol.ts';
import { ToolboxSession, type Asked, type Given } from '../../toolbox/session.ts';
import type { Shared } from './shared.ts';
import { raise } from './streams.ts';

const MOST_SESSIONS = 16;
const ROWS = new Map(Object.values(Toolbox).flatMap((group) => Object.values(group)).map((row) => [row.label, row.in]));
type Work<T> = (w: Sleeper) => Co<T>;

interface Surroundings { readonly env: Env; readonly shared: Shared; readonly k: Kernel; readonly irq: number }

/** Announces the services that this server provides by its scenario. */
export function* openToolbox(sys: Syscalls, env: Env, shared: Shared, k: Kernel, irq: number): Sys<void> {
  const wanted = ((env.args['lends'] ??
    []) as readonly string[]).filter((name): name is ToolboxService => (TOOLBOX_SERVICES as readonly string[]).includes(name));
  if (wanted.length === 0) return;
  const around = { env, shared, k, irq };
  const thread = valueOf(yield* spawn(sys, env, (own) => broker(own, around, wanted), { priority: env.priority, name: 'toolbox' })).thread;
  for (const [i, name] of wanted.entries()) {
    const portal = env.selector();
    yield* sys.must(Own.factory, Ops.factory.createPortal, [portal, thread, i + 1, 0]);
    valueOf(yield* register(sys, env, name, portal));
  }
}

/** Opens and closes sessions; the badge names the service. */
function* broker(sys: Syscalls, around: Surroundings, services: readonly ToolboxService[]): Sys<void> {
  const sessions = new Map<number, () => Sys<void>>();
  let flags: number = IpcFlag.receive, next = 1;
  for (;;) {
    sys.utcb.window = sys.utcb.capWindow = 0;
    const status = yield sys.ipc(flags, 0);
    flags = IpcFlag.receive | IpcFlag.reply;
    if (status !== 0) { flags = IpcFlag.receive; continue; }
    forgetOthers(sys.utcb);
    const service = services[sys.utcb.badge - 1], { label } = sys.utcb;
    if (label === Protocol.service.close.label) {
      const close = sessions.get(sys.utcb.word(0));
      sessions.delete(sys.utcb.word(0));
      if (close) yield* close();
      put(sys.utcb, close ? Status.ok : Status.badArgument, []);
    } else if (label !== Protocol.service.session.label || !service) put(sys.utcb, Status.badOp, []);
    else if (sessions.size >= MOST_SESSIONS) put(sys.utcb, Status.busy, []);
    else {
      const opened = yield* openSession(sys, around, service);
      sessions.set(next, opened.close);
      put(sys.utcb, Status.ok, [next++], { items: [{ flexpage: capPage(opened.portal, 0, CapRight.use | CapRight.map), dest: 0 }] });
    }
  }
}

function* openSession(sys: Syscalls, around: Surroundings, service: ToolboxService): Sys<{ portal: number; close: () => Sys<void> }> {
  const { env } = around, done = env.selector(), portal = env.selector();
  yield* sys.must(Own.factory, Ops.factory.createSemaphore, [done, 0]);
  const session = yield* onMain(sys, around, done, function* () { return new ToolboxSession(around.k, service); });
  const { thread, context } = valueOf(yield* spawn(sys, env, (own) => serve(own, around, session, done),
    { priority: env.priority, name: `toolbox ${service}` }));
  yield* sys.must(Own.factory, Ops.factory.createPortal, [portal, thread, 1, 0]);
  const close = function* (): Sys<void> {
    yield* sys.invoke(thread, Ops.thread.kill);
    around.shared.arrivals.push(() => session.end());
    yield* raise(sys, around.irq);
    for (const selector of [portal, thread, context ?? 0, done]) {
      if (selector === 0) continue;
      yield* sys.invoke(Own.task, Ops.task.unmap, [capPage(selector), 1]);
      env.freeSelector(selector);
    }
  };
  return { portal, close };
}

/** The session's thread: request by request. */
function* serve(sys: Syscalls, around: Surroundings, session: ToolboxSession, done: number): Sys<void> {
  let flags: number = IpcFlag.receive;
  for (;;) {
    sys.utcb.window = sys.utcb.capWindow = 0;
    const status = yield sys.ipc(flags, 0);
    flags = IpcFlag.receive;
    if (status !== 0) continue;
    const asked = read(sys), given: Given = yield* onMain(sys, around, done, (w) => session.serve(w, asked));
    put(sys.utcb, given.errno === 0 ? Status.ok : UNIX_ERROR + given.errno, given.words ?? [], { bytes: given.bytes });
    flags = IpcFlag.receive | IpcFlag.reply;
  }
}
/** Reads a request: its numbers, and the bytes that follow; the last number is their length. */
function read(sys: Syscalls): Asked {
  const utcb = sys.utcb, words: number[] = [];
  forgetOthers(utcb);
  for (let i = 0; i < Math.min(utcb.wordCount, 4); i++) words.push(utcb.word(i));
  const at = lengthAt(utcb.label),
    length = at === undefined ? 0 : Math.max(0, Math.min(MOST_BYTES, utcb.word(at), 8 * (utcb.wordCount - at - 1)));
  return { label: utcb.label, words, bytes: at === undefined ? new Uint8Array(0) : getBytes(utcb, at + 1, length) };
}
/** The index of the number that holds the length of a request's bytes. */
function lengthAt(label: number): number | undefined {
  const at = ROWS.get(label)?.indexOf('text') ?? -1;
  return at < 0 ? undefined : at;
}

/** Makes the main thread run a worker to its end; returns the worker's result. */
function* onMain<T>(sys: Syscalls, { shared, k, irq }: Surroundings, done: number, work: Work<T>): Sys<T> {
  let result: { readonly value: T } | undefined;
  shared.arrivals.push(() => k.workers.start(function* (sleeper) {
    result = { value: yield* work(sleeper) };
    shared.kicks.push(done);
    shared.chores = true;
  }));
  yield* raise(sys, irq);
  while (!result) yield* sys.down(done, Ops.semaphore.down);
  return (result as { readonly value: T }).value;
}
