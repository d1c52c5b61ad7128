/**
 * The complete loop of a server: requests and events come through portals, one for each session; the answer may be deferred.
 * Labs 3, 5, 6, 7, 9 and 11 begin with it. (The library's `Server` is the same for servers that always answer at once.)
 */
import { CapRight, IpcFlag, Ops, Own, Status, capPage, type Sys } from '../../microkernel/abi/index.ts';
import type { MapItem, Syscalls, Word } from '../../binding/index.ts';
import { Protocol, getText, register, valueOf, type Env } from '../../roottask/client/index.ts';

/** The answer. `mtd`: for events, the state groups in the UTCB that the thread takes over. */
export interface Reply {
  readonly label?: number;
  readonly words?: readonly Word[];
  readonly items?: readonly MapItem[];
  readonly mtd?: number
}

export interface Client<T> { readonly id: number; readonly name: string; readonly state: T }

export interface Service<T> {
  /** State groups that arrive with events. */
  readonly mtd?: number;
  /** The window (a flexpage) for a capability in the next request; without it none is received. */
  window?(): number;
  /** State of a new client's session. */
  open(name: string): T;
  /**
   * A request, or an event of a thread whose events go to this client's portal: its label is `sys.utcb.label`, its words are in `sys.utcb`.
   * undefined: no answer now; the handler has kept the right to answer (`keepReply`).
   */
  request(sys: Syscalls, client: Client<T>): Sys<Reply | undefined>;
  /** The client has ended. */
  closed?(sys: Syscalls, client: Client<T>): Sys<void>;
}

/** Announces the service and serves for ever. */
export function* serve<T>(sys: Syscalls, env: Env, service: string, options: Service<T>): Sys<void> {
  const clients = new Map<number, Client<T>>(), portals = new Map<number, number>(), door = env.selector();
  yield* sys.must(Own.factory, Ops.factory.createPortal, [door, Own.thread, 0, 0]);
  valueOf(yield* register(sys, env, service, door));
  let next = 1, flags: number = IpcFlag.receive;
  for (;;) {
    sys.utcb.capWindow = options.window?.() ?? 0;
    const status = yield sys.ipc(flags, 0);
    flags = IpcFlag.receive;
    if (status !== 0) continue;
    sys.utcb.capWindow = 0;
    const badge = sys.utcb.badge, client = clients.get(badge);
    let reply: Reply | undefined = { label: Status.dead };
    if (badge === 0 && sys.utcb.label === Protocol.service.session.label) {
      const id = next++, portal = env.selector(), name = getText(sys.utcb, 0);
      clients.set(id, { id, name, state: options.open(name) });
      portals.set(id, portal);
      yield* sys.must(Own.factory, Ops.factory.createPortal, [portal, Own.thread, id, options.mtd ?? 0]);
      reply = { words: [id], items: [{ flexpage: capPage(portal, 0, CapRight.use | CapRight.map), dest: 0 }] };
    } else if (badge === 0 && sys.utcb.label === Protocol.service.close.label) {
      const gone = clients.get(sys.utcb.word(0));
      if (gone) {
        clients.delete(gone.id);
        yield* sys.invoke(Own.task, Ops.task.unmap, [capPage(portals.get(gone.id)!), 1]);
        if (options.closed) yield* options.closed(sys, gone);
      }
      reply = {};
    } else if (client) reply = yield* options.request(sys, client);
    if (!reply) continue;
    sys.put(reply);
    flags = IpcFlag.reply | IpcFlag.receive;
  }
}

/** Moves the right to answer the current request into a fresh selector: it can be used once, with `answerKept`. */
export function* keepReply(sys: Syscalls, env: Env): Sys<number> {
  const selector = env.selector();
  yield* sys.must(Own.thread, Ops.thread.keepReply, [selector]);
  return selector;
}

/** Answers a kept request. The status says whether the client still waited. */
export function* answerKept(sys: Syscalls, env: Env, selector: number, reply: Reply = {}): Sys<number> {
  const status = yield* sys.send(selector, reply, 0);
  yield* sys.invoke(Own.task, Ops.task.delete, [selector]);
  env.freeSelector(selector);
  return status;
}
