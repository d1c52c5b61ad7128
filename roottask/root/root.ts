/**
 * The first task: state that its threads share. Three threads: `main` (main.ts) starts and destroys components, `service`
 * (services.ts) answers requests, `log` writes lines. Only main waits for other servers, so no server can delay memory or the log.
 */
import { Initial, Ops, capPage, type BootInfo, type Sys } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import type { Processor } from '../client/env.ts';
import type { Scenario } from '../scenario.ts';
import { Client, type ClientState, type Dataspace } from './client.ts';
import { LocalEnv } from './env.ts';
import { Frames } from './frames.ts';
import { Log } from './log.ts';

/** Labels of portals: components below 2^32 (number × 16 + service), dataspaces above. */
export const DATASPACE_BADGE = 2 ** 32, SERVICE_BITS = 16;

/** The board's processor, from the options of the boot information; empty if the board does not describe it. */
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
  /** A component's guest has failed: an observer inspects it before the component continues. */
  onTrouble: ((component: string, text: string) => void) | undefined = undefined;
  /** roottask as a client of others (it writes the log through a server's session). */
  readonly self: Client;
  private nextClient = 2;
  /** The selector for the capability of the next request. */
  landing: number;

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
  /** Creates the two semaphores, before anything else. */
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
  /** Revokes a capability from everybody and deletes it, which ends an object that roottask created. */
  *drop(sys: Syscalls, selector: number): Sys<void> {
    if (selector === 0) return;
    yield* sys.invoke(Initial.task, Ops.task.unmap, [capPage(selector), 1]);
    this.env.freeSelector(selector);
  }
  *wake(sys: Syscalls): Sys<void> { yield* sys.invoke(this.events, Ops.semaphore.up); }

  /** A component has ended in some way: main handles the consequences. */
  *ended(sys: Syscalls, client: Client, state: ClientState, status: number, why: string): Sys<void> {
    if (!client.alive) return;
    client.state = state;
    client.status = status;
    client.why = why;
    yield* this.log.flush(sys, client.name);
    yield* this.wake(sys);
  }
}
