/**
 * The first task: state that its threads share. Three threads: `main` (loader.ts) starts components and takes them down, `service`
 * answers requests, `log` writes lines. Only main waits for other servers, so nobody can hold up memory or the log.
 */
import { IpcFlag, Initial, MAX_WORDS, Ops, capPage, type BootInfo, type Sys, type Syscalls } from '../../microkernel/abi/index.ts';
import type { Processor } from '../client/env.ts';
import { getBytes, put, textOf } from '../client/wire.ts';
import type { Scenario } from '../scenario.ts';
import { Client, type ClientState } from './client.ts';
import type { Dataspace } from './dataspaces.ts';
import { LocalEnv } from './env.ts';
import { Frames } from './frames.ts';
import { Log } from './log.ts';
import { fail, type Reply, type Request } from './request.ts';
import { SERVICES, serve, serveDataspace } from './services.ts';

/** Labels of portals: components below 2^32 (number × 16 + service), dataspaces above. */
const DATASPACE_BADGE = 2 ** 32, SERVICE_BITS = 16;

/** What the board says of its processor, in the options of the boot information. Nothing: a board that does not say. */
function processorOf(options: string): Processor {
  const said = options === '' ? {} : (JSON.parse(options) as { processor?: Processor });
  return said.processor ?? { isa: '' };
}

export class Root {
  readonly info: BootInfo;
  readonly scenario: Scenario;
  readonly processor: Processor;
  readonly env: LocalEnv;
  readonly frames: Frames;
  readonly log: Log;
  /** Selectors: the thread that answers requests, the semaphore that main waits on. */
  serviceThread = 0;
  readonly events: number;
  readonly clients = new Map<number, Client>();
  readonly byName = new Map<string, Client>();
  readonly names = new Map<string, { portal: number; client: Client }>();
  readonly dataspaces = new Map<number, Dataspace>();
  readonly deviceOwners = new Map<string, Client>();
  nextDataspace = 1;
  /** roottask as a client of others (it writes the log through a server's session). */
  readonly self: Client;
  private nextClient = 2;
  /** Where the next capability that a request brings lands. */
  private landing: number;

  constructor(info: BootInfo, scenario: Scenario) {
    this.info = info;
    this.scenario = scenario;
    this.processor = processorOf(info.options);
    this.env = new LocalEnv('roottask', {}, 250, this.processor);
    this.frames = new Frames(info.memory);
    this.events = this.env.selector();
    this.log = new Log(info.devices.find(d => d.compatible === 'ns16550a')?.base, this.env.selector());
    this.landing = this.env.selector();
    this.self = new Client(1, 'roottask', { program: { name: 'roottask', *main() {} } }, this.processor);
    this.self.task = Initial.task;
  }
  /** Makes the two semaphores; before anything else. */
  *prepare(sys: Syscalls): Sys<void> {
    for (const s of [this.events, this.log.semaphore]) yield* sys.must(Initial.factory, Ops.factory.createSemaphore, [s, 0]);
  }

  dataspaceBadge(id: number): number { return DATASPACE_BADGE + id; }
  serviceBadge(client: Client, service: number): number { return client.id * SERVICE_BITS + service; }
  addClient(name: string): Client {
    const client = new Client(this.nextClient++, name, this.scenario.components[name]!, this.processor);
    this.clients.set(client.id, client);
    this.byName.set(name, client);
    return client;
  }
  /** The selector that the last request's capability went to; the next one goes elsewhere. */
  takeReceivedCap(): number {
    const selector = this.landing;
    this.landing = this.env.selector();
    return selector;
  }
  /** Revokes a capability from everybody and forgets it: the object ends when nobody else made it. */
  *drop(sys: Syscalls, selector: number): Sys<void> {
    if (selector === 0) return;
    yield* sys.invoke(Initial.task, Ops.task.unmap, [capPage(selector), 1]);
    this.env.freeSelector(selector);
  }
  *wake(sys: Syscalls): Sys<void> { yield* sys.invoke(this.events, Ops.semaphore.up); }

  /** A component has ended, one way or another: main does what follows from it. */
  *ended(sys: Syscalls, client: Client, state: ClientState, status: number, why: string): Sys<void> {
    if (!client.alive) return;
    client.state = state;
    client.status = status;
    client.why = why;
    yield* this.log.flush(sys, client.name);
    yield* this.wake(sys);
  }

  /** Body of the service thread. */
  *service(sys: Syscalls): Sys<void> {
    let flags: number = IpcFlag.receive;
    for (;;) {
      sys.utcb.window = 0;
      sys.utcb.capWindow = capPage(this.landing);
      const status = yield sys.ipc(flags, 0), landing = this.landing;
      if (status !== 0) { flags = IpcFlag.receive; continue; }
      const unwanted = sys.utcb.itemCount > 0, reply = yield* this.answer(sys);
      // A capability that nobody asked for must not lie where the next one is to land.
      if (unwanted && this.landing === landing) yield* sys.invoke(Initial.task, Ops.task.unmap, [capPage(landing), 1]);
      put(sys.utcb, reply.status, reply.words ?? [], { text: reply.text, items: reply.items });
      flags = reply.silent ? IpcFlag.receive : IpcFlag.reply | IpcFlag.receive;
    }
  }
  private *answer(sys: Syscalls): Sys<Reply> {
    const badge = sys.utcb.badge, label = sys.utcb.label;
    if (badge >= DATASPACE_BADGE) {
      const ds = this.dataspaces.get(badge - DATASPACE_BADGE);
      return ds ? yield* serveDataspace(this.request(sys, ds.owner), ds, label) : fail(10);
    }
    const client = this.clients.get(Math.floor(badge / SERVICE_BITS)), service = SERVICES[badge % SERVICE_BITS];
    return client && service ? yield* serve(this.request(sys, client), service, label) : fail(1);
  }
  /** Copies the message out of the UTCB: what a handler invokes would overwrite it. */
  private request(sys: Syscalls, client: Client): Request {
    const u = sys.utcb, words: number[] = [], message = getBytes(u, 0, MAX_WORDS * 8);
    for (let i = 0, n = u.wordCount; i < n; i++) words.push(u.word(i));
    const bytes = (at: number): Uint8Array => message.slice((at + 1) * 8, (at + 1) * 8 + Math.max(0, words[at] ?? 0));
    return { root: this, sys, client, words, bytes, text: at => textOf(bytes(at)) };
  }
}
