/** Starts a component (its quota, task, thread, and the capabilities that the scenario lists, under their names) and destroys it. */
import { CapRight, Initial, IpcFlag, Ops, Own, Status, ThreadFlag, capPage, type Sys } from '../../microkernel/abi/index.ts';
import type { Syscalls, ThreadBody } from '../../binding/index.ts';
import type { Program } from '../client/env.ts';
import { crash, exit } from '../client/lifecycle.ts';
import { Protocol } from '../client/protocol.ts';
import { bad, good, type Result } from '../client/result.ts';
import { crashText } from '../client/threads.ts';
import { nameIt, put } from '../client/wire.ts';
import { bytesOfSize, sizeText, type CapSource, type Component } from '../scenario.ts';
import { DEFAULT_KERNEL_MEMORY, type Client } from './client.ts';
import type { LocalEnv } from './env.ts';
import { freeDataspace } from './dataspaces.ts';
import { INFO_VA, STACK_TOP, UTCB_VA, finishNative, loadNative } from './native.ts';
import type { Root } from './root.ts';
import { SERVICES, type ServiceName } from './services.ts';

/** Time (virtual ns) that roottask waits for a server to open a session. */
const PATIENCE = 5e9, MS = 1e6;
const CALL = IpcFlag.send | IpcFlag.call | IpcFlag.receive;
/** Selectors of a component: 1 … 4 its own objects, 16 … services of roottask, 32 … sessions with servers. */
const FIRST_SERVICE = 16, FIRST_SESSION = 32;

/** The key of `Root.names` that a capability source means. */
export function serviceOf(root: Root, source: CapSource): string {
  const from = typeof source === 'string' ? source : source.from;
  return from.includes('/') ? from : `${from}/${root.scenario.components[from]?.provides?.[0] ?? ''}`;
}

export function* startComponent(root: Root, sys: Syscalls, client: Client): Sys<Result<void>> {
  client.startedAt = sys.now();
  const made = yield* createObjects(root, sys, client);
  if (!made.ok) return made;
  yield* nameIt(sys, client.task, Ops.task.name, client.name);
  yield* nameIt(sys, client.thread, Ops.thread.name, client.name);
  yield* giveOwn(sys, client);
  yield* giveServices(root, sys, client);
  for (const [name, source] of Object.entries(client.spec.caps ?? {})) {
    const given = yield* giveSession(root, sys, client, name, source);
    if (!given.ok) return given;
  }
  if (client.info) yield* finishNative(root, sys, client);
  client.state = 'running';
  yield* sys.must(client.thread, Ops.thread.start, client.info ? [made.value, STACK_TOP, INFO_VA] : [0, 0, 0]);
  return good(undefined);
}

/** Creates factory, task, thread, scheduling context. Returns the entry point of a native program. */
function* createObjects(root: Root, sys: Syscalls, client: Client): Sys<Result<number>> {
  const { spec, name } = client, quota = bytesOfSize(spec.kernelMemory ?? DEFAULT_KERNEL_MEMORY), { program } = spec,
    native = !('main' in program);
  const harts = (spec.harts ?? []).reduce((set, h) => set + 2 ** h, 0);
  client.factory = root.env.selector();
  client.task = root.env.selector();
  client.thread = root.env.selector();
  client.context = root.env.selector();
  let status = yield* sys.invoke(Initial.factory, Ops.factory.createFactory, [client.factory, quota, client.env.priority, harts]);
  if (status !== 0) return bad(status, `${name}: ${sizeText(quota)} of kernel memory`);
  const steps: (() => Sys<number>)[] = [
    () => sys.invoke(client.factory, Ops.factory.createTask, [client.task, 0]),
    () =>
      sys.invoke(client.factory, Ops.factory.createThread,
        [client.thread, client.task, native ? 0 : ThreadFlag.typescript, native ? UTCB_VA : 0, spec.hart ?? 0], undefined,
        native ? undefined : bodyOf(program, client.env)),
    () => sys.invoke(client.factory, Ops.factory.createSchedContext, [client.context, client.env.priority, ...budgetOf(spec)]),
    () => sys.invoke(client.thread, Ops.thread.bind, [client.context]),
  ];
  for (const step of steps) {
    status = yield* step();
    if (status !== 0) return bad(status, `${name}: creating the component`);
  }
  return native ? yield* loadNative(root, sys, client, program.elf) : good(0);
}

/** Budget and period of the main thread, in ns; 0, 0: none. */
const budgetOf = ({ time }: Component): [number, number] => (time ? [time.ms * MS, time.everyMs * MS] : [0, 0]);

/** The main thread: runs the program and handles its end. */
function bodyOf(program: Program, env: LocalEnv): ThreadBody {
  const body: ThreadBody = function* (sys) {
    try {
      yield* program.main(sys, env);
    } catch (error) {
      yield* crash(sys, env, crashText(error));
    }
    yield* exit(sys, env, 0);
  };
  Object.defineProperty(body, 'name', { value: env.name });
  return body;
}

const give = (sys: Syscalls, client: Client, selector: number, dest: number, rights: number = CapRight.all): Sys<void> =>
  sys.must(client.task, Ops.task.map, [0, capPage(selector, 0, rights), dest, 0]);

function* giveOwn(sys: Syscalls, client: Client): Sys<void> {
  yield* give(sys, client, client.task, Own.task);
  yield* give(sys, client, client.thread, Own.thread);
  yield* give(sys, client, client.factory, Own.factory);
  yield* give(sys, client, client.context, Own.schedContext);
}

const wants: Readonly<Record<ServiceName, (c: Pick<Client, 'spec'>) => boolean>> = {
  memory: () => true, log: () => true, life: () => true, names: () => true,
  rom: c => c.spec.roms !== undefined,
  io: c => c.spec.devices !== undefined,
  fault: () => false,
};

/** The services of roottask that a component gets, each with its index. */
export const servicesFor = (spec: Component): { service: ServiceName; index: number }[] =>
  SERVICES.map((service, index) => ({ service, index })).filter(({ service }) => wants[service]({ spec }));

function* giveServices(root: Root, sys: Syscalls, client: Client): Sys<void> {
  for (const [i, service] of SERVICES.entries()) {
    if (!wants[service](client)) continue;
    const portal = root.env.selector();
    yield* sys.must(Initial.factory, Ops.factory.createPortal, [portal, root.serviceThread, root.serviceBadge(client, i), 0]);
    client.portals.push(portal);
    yield* give(sys, client, portal, FIRST_SERVICE + i, CapRight.use | CapRight.map);
    client.env.caps.set(service, FIRST_SERVICE + i);
  }
}

/** Opens a session with the server for the component, and gives it the name `name`; again after a restart of the server. */
export function* giveSession(root: Root, sys: Syscalls, client: Client, name: string, source: CapSource): Sys<Result<void>> {
  const server = serviceOf(root, source), entry = root.names.get(server), what = `${client.name}: capability '${name}' from '${server}'`;
  if (!entry) return bad(Status.badCap, what);
  const selector = root.env.selector(), utcb = sys.utcb;
  put(utcb, Protocol.service.session.label, [], { text: typeof source === 'string' ? client.name : source.label });
  utcb.capWindow = capPage(selector);
  const status = (yield sys.ipc(CALL, entry.portal, PATIENCE, PATIENCE)) || utcb.label;
  utcb.capWindow = 0;
  if (status !== 0) return bad(status, what);
  const known = client.env.caps.get(name), dest = known ?? FIRST_SESSION + client.sessions.length;
  const old = client.sessions.findIndex(s => s.name === name);
  if (old >= 0) yield* root.drop(sys, client.sessions.splice(old, 1)[0]!.selector);
  client.sessions.push({ name, server, selector, number: utcb.word(0) });
  yield* give(sys, client, selector, dest, CapRight.use | CapRight.map);
  client.env.caps.set(name, dest);
  return good(undefined);
}

/** Destroys a component: its sessions, threads, task and quota; its memory returns to moe. */
export function* destroyComponent(root: Root, sys: Syscalls, client: Client): Sys<void> {
  for (const [key, entry] of root.names) if (entry.client === client) { root.names.delete(key); yield* root.drop(sys, entry.portal); }
  if (client.thread) yield* sys.invoke(client.thread, Ops.thread.kill);
  for (const selector of [client.thread, client.task, client.context, client.factory, ...client.portals]) yield* root.drop(sys, selector);
  client.thread = client.task = client.context = client.factory = 0;
  client.portals.length = 0;
  for (const ds of [...client.dataspaces]) yield* freeDataspace(root, sys, ds);
  for (const session of client.sessions) {
    const server = root.names.get(session.server);
    if (server?.client.alive) {
      put(sys.utcb, Protocol.service.close.label, [session.number]);
      yield sys.ipc(CALL, server.portal, PATIENCE, PATIENCE);
    }
    yield* root.drop(sys, session.selector);
  }
  client.sessions.length = 0;
  root.clients.delete(client.id);
}
