/**
 * roottask's main thread: boots the scenario in the order of its dependencies, waits for ends and failures, restarts components as the
 * scenario says, and ends the machine with the scenario's status.
 */
import { Initial, NEVER, Ops, type Sys } from '../../microkernel/abi/index.ts';
import { readBootInfo, type Syscalls, type ThreadBody } from '../../binding/index.ts';
import { spawn } from '../client/threads.ts';
import { nameIt } from '../client/wire.ts';
import { bytesOfSize, sizeText, type Scenario } from '../scenario.ts';
import { DEFAULT_MEMORY, type Client } from './client.ts';
import { Root } from './root.ts';
import { answerRequests } from './services.ts';
import { destroyComponent, giveSession, serviceOf, startComponent } from './start.ts';

/** The outside observer: callbacks and queries. */
export interface Observer {
  /** A component has started or ended. */
  changed?(state: ComponentState): void;
  /** A component's guest has failed, and stays stopped during this call. */
  trouble?(component: string, text: string): void;
  /** The scenario is over; the machine stops now. */
  finished?(status: number, why: string): void;
  /** Has this text appeared on the board's console (for scenarios with actions)? */
  appeared?(text: string): boolean;
}
export interface ComponentState {
  readonly name: string;
  readonly state: string;
  readonly status: number;
  readonly why: string;
  readonly report: string;
  readonly restarts: number;
  readonly server: boolean
}

const FINISH_PASS = 0x5555, FINISH_FAIL = 0x3333, POLL = 5e6, LOG_PATIENCE = 200;
const PRIORITY = { service: 210, log: 205 } as const;

/** The body of the first thread. */
export function rootTask(scenario: Scenario, observer: Observer = {}): ThreadBody {
  return function* (sys) {
    const main = new Main(new Root(readBootInfo(sys.memory), scenario), observer);
    yield* main.run(sys);
  };
}

/** Components in an order in which each comes after those it needs. Throws with the names of a circle, or of a missing component. */
export function startOrder(scenario: Scenario): string[] {
  const order: string[] = [], path: string[] = [];
  const visit = (name: string): void => {
    if (order.includes(name)) return;
    if (path.includes(name)) throw new Error(`components need each other in a circle: ${[...path, name].join(' → ')}`);
    path.push(name);
    for (const source of Object.values(scenario.components[name]!.caps ?? {})) {
      const from = (typeof source === 'string' ? source : source.from).split('/')[0]!;
      if (!Object.hasOwn(scenario.components, from))
        throw new Error(`component '${name}' gets a capability from '${from}', which is not in the scenario`);
      if (!scenario.components[from]!.provides?.length)
        throw new Error(`component '${name}' gets a capability from '${from}', which provides nothing`);
      visit(from);
    }
    path.pop();
    order.push(name);
  };
  Object.keys(scenario.components).forEach(visit);
  return order;
}

class Main {
  private readonly root: Root;
  private readonly observer: Observer;
  private readonly actions: { kill: string; at: number; text: string | undefined }[];
  private readonly states = new Map<string, string>();
  private readonly waiting = new Set<string>();

  constructor(root: Root, observer: Observer) {
    this.root = root;
    this.observer = observer;
    root.onTrouble = observer.trouble;
    this.actions = (root.scenario.actions ?? []).map(a => ({
      kill: a.kill, at: a.afterText === undefined ? (a.afterMs ?? 0) * 1e6 : Infinity, text: a.afterText
    }));
  }

  *run(sys: Syscalls): Sys<void> {
    yield* this.prepare(sys);
    const why = yield* this.boot(sys);
    if (why !== undefined) return yield* this.finish(sys, 1, why);
    while (!this.over()) yield* this.step(sys);
    yield* this.finish(sys, ...this.verdict());
  }

  private *prepare(sys: Syscalls): Sys<void> {
    const { root } = this;
    yield* root.prepare(sys);
    yield* nameIt(sys, Initial.task, Ops.task.name, 'roottask');
    yield* nameIt(sys, Initial.thread, Ops.thread.name, 'roottask');
    const service = yield* spawn(sys, root.env, s => answerRequests(root, s),
      { name: 'roottask/service', priority: PRIORITY.service, crash: 'thread' });
    const log = yield* spawn(sys, root.env, s => root.log.run(s), { name: 'roottask/log', priority: PRIORITY.log, crash: 'thread' });
    if (!service.ok || !log.ok) throw new Error('roottask: no memory for its own threads');
    root.serviceThread = service.value.thread;
  }

  /** Starts everything; returns a sentence when that is impossible. */
  private *boot(sys: Syscalls): Sys<string | undefined> {
    const { root } = this, { components } = root.scenario;
    const asked = Object.values(components).reduce((sum, c) => sum + bytesOfSize(c.memory ?? DEFAULT_MEMORY), 0);
    if (asked > root.frames.total)
      return `the scenario asks for ${sizeText(asked)} of memory, the board has ${sizeText(root.frames.total)} free: give it more RAM or `
        + `the components less`;
    const nothing = this.lacking();
    if (nothing !== undefined) return nothing;
    for (const name of startOrder(root.scenario)) {
      const client = root.addClient(name), why = yield* this.start(sys, client);
      if (why !== undefined) return why;
    }
    return undefined;
  }

  /** A sentence about a missing device or boot module that a component needs. */
  private lacking(): string | undefined {
    const { devices, modules } = this.root.info;
    for (const [name, component] of Object.entries(this.root.scenario.components)) {
      const device = (component.devices ?? []).find(d => !devices.some(x => x.name === d || x.compatible === d));
      if (device !== undefined)
        return `component '${name}' wants the device '${device}', which this board does not have (it has `
          + `${devices.map(d => d.name).join(', ')})`;
      const wanted = [...(component.roms === true ? [] : component.roms ?? []),
        ...('elf' in component.program ? [component.program.elf] : [])],
        rom = wanted.find(r => !modules.some(m => m.name === r));
      if (rom !== undefined)
        return `component '${name}' wants the boot module '${rom}', which the scenario does not bring (it brings `
          + `${modules.map(m => m.name).join(', ') || 'none'})`;
    }
    return undefined;
  }

  private *start(sys: Syscalls, client: Client): Sys<string | undefined> {
    const started = yield* startComponent(this.root, sys, client);
    if (!started.ok) return started.what;
    this.tell(client);
    for (const service of client.spec.provides ?? []) {
      while (!this.root.names.has(`${client.name}/${service}`)) {
        if (!client.alive) return `${client.name} ended before it offered '${service}': ${client.why || `status ${client.status}`}`;
        yield* sys.down(this.root.events, Ops.semaphore.down);
      }
    }
    if (this.root.scenario.log === client.name) yield* this.connectLog(sys, client);
    return undefined;
  }
  private *connectLog(sys: Syscalls, client: Client): Sys<void> {
    const self = this.root.self, given = yield* giveSession(this.root, sys, self, 'log-output', { from: client.name, label: '' });
    if (given.ok) this.root.log.useSession(self.sessions.find(s => s.name === 'log-output')!.selector);
  }

  private over(): boolean {
    const all = [...this.root.byName.values()];
    return all.some(c => !c.isServer) && all.every(c => c.isServer || (!c.alive && !this.waiting.has(c.name)));
  }

  private *step(sys: Syscalls): Sys<void> {
    yield* sys.down(this.root.events, Ops.semaphore.down, this.actions.length ? POLL : NEVER, 1);
    yield* this.act(sys);
    for (const client of [...this.root.byName.values()])
      if (!client.alive && this.states.get(client.name) !== client.state) yield* this.bury(sys, client);
  }
  private *act(sys: Syscalls): Sys<void> {
    for (const action of [...this.actions]) {
      if (action.text !== undefined ? !this.observer.appeared?.(action.text) : sys.now() < action.at) continue;
      this.actions.splice(this.actions.indexOf(action), 1);
      const client = this.root.byName.get(action.kill);
      if (client) yield* this.root.ended(sys, client, 'killed', 137, 'killed by the scenario');
    }
  }

  /** A component has ended: reports it, destroys it, and restarts it if its entry says so. */
  private *bury(sys: Syscalls, client: Client): Sys<void> {
    this.tell(client);
    if (client.state !== 'exited') yield* this.root.log.line(sys, 'roottask', `${client.name} ${client.state}: ${client.why}`);
    yield* destroyComponent(this.root, sys, client);
    if (client.state === 'exited' || client.restarts >= (client.spec.restart ?? 0)) return;
    const next = this.root.addClient(client.name);
    next.restarts = client.restarts + 1;
    const why = yield* this.start(sys, next);
    yield* this.root.log.line(sys, 'roottask', why ?? `${client.name} started again (${next.restarts} of ${client.spec.restart})`);
    if (why === undefined) yield* this.reconnect(sys, next);
    else yield* this.root.ended(sys, next, 'crashed', 1, why);
  }
  /** Clients of a restarted server get new sessions under the same names. */
  private *reconnect(sys: Syscalls, server: Client): Sys<void> {
    for (const client of this.root.byName.values()) {
      for (const [name, source] of Object.entries(client.spec.caps ?? {})) {
        if (client.alive && serviceOf(this.root, source).startsWith(`${server.name}/`))
          yield* giveSession(this.root, sys, client, name, source);
      }
    }
  }

  /** The status of the scenario: that of the first component that did not end as its entry says. */
  private verdict(): [number, string] {
    const decider = this.root.byName.get(this.root.scenario.status ?? '');
    if (decider) return [decider.status, decider.state === 'exited' ? '' : `${decider.name} ${decider.state}: ${decider.why}`];
    for (const client of this.root.byName.values()) {
      if (client.isServer || client.spec.exit === 'any' || (client.state !== 'crashed' && client.status === (client.spec.exit ?? 0)))
        continue;
      return [client.status || 1, `${client.name} ${client.state} with status ${client.status}${client.why ? `: ${client.why}` : ''}`];
    }
    return [0, ''];
  }

  private tell(client: Client): void {
    this.states.set(client.name, client.state);
    this.observer.changed?.({
      name: client.name, state: client.state, status: client.status, why: client.why, report: client.report, restarts: client.restarts,
        server: client.isServer
    });
  }

  /** Lets the log run dry, then writes to the test finisher: the machine is off. */
  private *finish(sys: Syscalls, status: number, why: string): Sys<void> {
    const { root } = this;
    if (why) yield* root.log.line(sys, 'roottask', why);
    for (const client of root.byName.values()) if (client.alive) this.tell(client);
    for (let i = 0; i < LOG_PATIENCE && !root.log.idle; i++) yield* sys.down(root.events, Ops.semaphore.down, POLL);
    this.observer.finished?.(status, why);
    const finisher = root.info.devices.find(d => d.compatible.includes('test'));
    if (finisher) sys.memory.setU32(finisher.base, status === 0 ? FINISH_PASS : FINISH_FAIL + (status & 0xffff) * 65536);
    yield* sys.down(root.events, Ops.semaphore.down);
  }
}
