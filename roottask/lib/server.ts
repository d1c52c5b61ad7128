/**
 * The common part of servers: announce a service, open sessions for the loader, answer requests of sessions. A session is a portal into
 * the server's main thread; its label is the session's number. A client that vanishes ends its session and nothing else.
 *
 *   const server = new Server(env, 'block', label => new Disk(label), handlers);
 *   yield* server.run(sys);
 */
import { CapRight, IpcFlag, MemoryFault, Ops, Own, Right, Status, capPage, memoryPage, type Sys } from '../../microkernel/abi/index.ts';
import type { MapItem, Syscalls } from '../../binding/index.ts';
import { RATES } from '../client/rates.ts';
import { Protocol, detach, forgetOthers, getText, put, register, valueOf, type Env } from '../client/index.ts';

export interface Answer {
  readonly status: number;
  readonly words?: readonly number[];
  readonly text?: string;
  readonly items?: readonly MapItem[]
}
export const OK: Answer = { status: Status.ok };
export const answer = (...words: number[]): Answer => ({ status: Status.ok, words });
export const refuse = (status: number): Answer => ({ status });

/** One session: the server's state for a client. */
export interface Session<T> {
  readonly id: number;
  readonly label: string;
  readonly state: T;
  readonly portal: number; /** The client's buffer, mapped here; 0 = none yet. */
  buffer: number; /** Further windows with its memory. */
  readonly windows: number[]; /** Selectors of objects that end with it. */
  readonly objects: number[]
}
/**
 * The `open` request of a session with a buffer: takes over the buffer that the client sends, and gives the client a semaphore for
 * arrivals. `words`: further words of the answer.
 */
export function* openWithBuffer<T extends { semaphore: number }>(server: Server<T>, env: Env, sys: Syscalls, session: Session<T>,
    words: readonly number[] = []): Sys<Answer> {
  const dest = sys.utcb.word(0), buffer = session.buffer ? undefined : server.takeBuffer(sys);
  if (buffer === undefined) return refuse(Status.badArgument);
  session.buffer = buffer;
  const semaphore = env.selector();
  session.objects.push(semaphore);
  const status = yield* sys.invoke(Own.factory, Ops.factory.createSemaphore, [semaphore, 1]);
  if (status !== 0) return refuse(status);
  session.state.semaphore = semaphore;
  return { status: 0, words, items: [{ flexpage: capPage(semaphore), dest }] };
}
/** A request: message words are read from `sys.utcb` before the first `yield`. */
export type SessionHandler<T> = (sys: Syscalls, session: Session<T>) => Sys<Answer>;

export interface ServerOptions<T> {
  /** State of a new session, or undefined to refuse it. */
  open(label: string): T | undefined;
  /** Log2 of the size of the window offered for memory that clients share: their buffer, mostly; 0 = none. */
  readonly bufferOrder: number;
  closed?(session: Session<T>): void;
}

export class Server<T> {
  private readonly env: Env;
  private readonly service: string;
  private readonly options: ServerOptions<T>;
  private readonly handlers: ReadonlyMap<number, SessionHandler<T>>;
  readonly sessions = new Map<number, Session<T>>();
  private nextId = 1;
  private window = 0;
  /** Windows of clients that are gone. */
  private readonly spare: number[] = [];

  constructor(env: Env, service: string, handlers: ReadonlyMap<number, SessionHandler<T>>, options: ServerOptions<T>) {
    this.env = env; this.service = service; this.handlers = handlers; this.options = options;
  }

  /** Announces the service and answers for ever. */
  *run(sys: Syscalls): Sys<void> {
    const portal = this.env.selector();
    yield* sys.must(Own.factory, Ops.factory.createPortal, [portal, Own.thread, 0, 0]);
    valueOf(yield* register(sys, this.env, this.service, portal));
    let flags: number = IpcFlag.receive;
    for (;;) {
      this.offerWindow(sys);
      const status = yield sys.ipc(flags, 0);
      if (status !== 0) { flags = IpcFlag.receive; continue; }
      forgetOthers(sys.utcb);
      sys.charge(RATES.call);
      const unwanted = sys.utcb.itemCount > 0, answer = yield* this.dispatch(sys);
      // Unexpected memory must not stay where the next client's buffer will be mapped.
      if (unwanted && this.window !== 0) yield* detach(sys, this.window, 2 ** this.options.bufferOrder);
      put(sys.utcb, answer.status, answer.words ?? [], answer);
      flags = IpcFlag.reply | IpcFlag.receive;
    }
  }

  /** Takes over the window with the memory that the current request brought; undefined when it brought less than its first `size` bytes. */
  takeBuffer(sys: Syscalls, size = 2 ** this.options.bufferOrder): number | undefined {
    const at = this.window;
    if (at === 0 || !sys.memory.mapped(at, size, Right.RW)) return undefined;
    this.window = 0;
    return at;
  }

  private offerWindow(sys: Syscalls): void {
    const { bufferOrder } = this.options;
    if (bufferOrder > 0 && this.window === 0) this.window = this.spare.pop() ?? this.env.reserve(2 ** bufferOrder, 2 ** bufferOrder);
    sys.utcb.window = this.window ? memoryPage(this.window, bufferOrder, Right.RW) : 0;
    sys.utcb.capWindow = 0;
  }

  private *dispatch(sys: Syscalls): Sys<Answer> {
    const badge = sys.utcb.badge, label = sys.utcb.label;
    if (badge === 0) return yield* this.control(sys, label);
    const session = this.sessions.get(badge), handler = this.handlers.get(label);
    if (!session) return refuse(Status.dead);
    if (!handler) return refuse(Status.badOp);
    try {
      return yield* handler(sys, session);
    } catch (error) {
      if (error instanceof MemoryFault) return refuse(Status.fault);
      throw error;
    }
  }

  private *control(sys: Syscalls, label: number): Sys<Answer> {
    if (label === Protocol.service.close.label) return yield* this.close(sys, sys.utcb.word(0));
    if (label !== Protocol.service.session.label) return refuse(Status.badOp);
    const name = getText(sys.utcb, 0), state = this.options.open(name);
    if (state === undefined) return refuse(Status.busy);
    const id = this.nextId++, portal = this.env.selector();
    const status = yield* sys.invoke(Own.factory, Ops.factory.createPortal, [portal, Own.thread, id, 0]);
    if (status !== 0) return refuse(status);
    this.sessions.set(id, { id, label: name, state, portal, buffer: 0, windows: [], objects: [] });
    return { status: 0, words: [id], items: [{ flexpage: capPage(portal, 0, CapRight.use | CapRight.map), dest: 0 }] };
  }
  private *close(sys: Syscalls, id: number): Sys<Answer> {
    const session = this.sessions.get(id);
    if (!session) return refuse(Status.badArgument);
    this.sessions.delete(id);
    this.options.closed?.(session);
    for (const selector of [session.portal, ...session.objects]) {
      yield* sys.invoke(Own.task, Ops.task.unmap, [capPage(selector), 1]);
      this.env.freeSelector(selector);
    }
    for (const window of [...session.windows, ...(session.buffer ? [session.buffer] : [])]) {
      yield* detach(sys, window, 2 ** this.options.bufferOrder);
      this.spare.push(window);
    }
    return OK;
  }
}
