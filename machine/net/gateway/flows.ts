/**
 * Datagrams between the guest and the world: each sending port of the guest has a flow, which is a port of the host. A flow that is idle
 * for a while is dropped. Datagrams to a forwarded port reach the guest from a gateway port that represents their sender.
 */
import { keyOf, type Ip } from '../../../network/address.ts';
import { Timer, type Timers } from '../../../network/timers.ts';
import type { Datagram } from '../../../network/udp.ts';
import type { Endpoint, World, WorldMessage } from './world.ts';

/** A port of the host that leads to one of the guest. */
export interface Forward { readonly protocol: 'tcp' | 'udp'; readonly guest: Endpoint }

const FLOWS_MOST = 512, QUIET_US = 120_000_000, FIRST_PORT = 20_000, PORTS = 10_000;

interface Flow {
  readonly id: number;
  readonly guest: Endpoint;
  /** The guest's names of its destinations, by the world's names. */
  readonly names: Map<string, Endpoint>;
  readonly timer: Timer;
}

/** A peer of a forwarded port. */
interface Visitor { readonly id: number; readonly peer: Endpoint; readonly forward: number; readonly port: number; readonly timer: Timer }

export interface FlowsHost {
  readonly timers: Timers;
  readonly world: World | undefined;
  readonly forwards: readonly Forward[];
  now(): number;
  send(from: Endpoint, to: Endpoint, bytes: Uint8Array): void;
  /** The gateway's own address of the same family. */
  own(ip: Ip): Ip;
}

const keyOfEndpoint = ({ ip, port }: Endpoint): string => `${keyOf(ip)}:${port}`;

export class Flows {
  readonly #host: FlowsHost;
  readonly #byGuest = new Map<string, Flow>();
  readonly #byId = new Map<number, Flow>();
  readonly #visitors = new Map<string, Visitor>();
  readonly #visitorPorts = new Map<number, Visitor>();
  #lastId = 0;
  constructor(host: FlowsHost) { this.#host = host; }

  /** The guest sends to `place` in the world. */
  out(datagram: Datagram, place: Endpoint): boolean {
    const guest = { ip: datagram.from, port: datagram.fromPort }, flow = this.#byGuest.get(keyOfEndpoint(guest)) ?? this.#begin(guest);
    if (flow.names.size < 64) flow.names.set(keyOfEndpoint(place), { ip: datagram.to, port: datagram.toPort });
    this.#keep(flow.timer);
    this.#host.world?.datagram(flow.id, place, datagram.payload);
    return true;
  }

  #begin(guest: Endpoint): Flow {
    if (this.#byId.size >= FLOWS_MOST) this.#end(this.#byId.values().next().value!);
    const flow: Flow = { id: ++this.#lastId, guest, names: new Map(), timer: new Timer(() => this.#end(flow)) };
    this.#byGuest.set(keyOfEndpoint(guest), flow);
    this.#byId.set(flow.id, flow);
    return flow;
  }

  #keep(timer: Timer): void { this.#host.timers.set(timer, this.#host.now() + QUIET_US); }

  #end(flow: Flow): void {
    this.#host.timers.stop(flow.timer);
    this.#byGuest.delete(keyOfEndpoint(flow.guest));
    this.#byId.delete(flow.id);
    this.#host.world?.forget(flow.id);
  }

  /** A datagram from the world. */
  back(message: WorldMessage & { kind: 'datagram' }): void {
    const forward = this.#host.forwards[message.forward];
    if (forward) { this.#visit(message, forward); return; }
    const flow = this.#byId.get(message.id);
    if (!flow) return;
    this.#keep(flow.timer);
    const from = flow.names.get(keyOfEndpoint(message.from)) ?? message.from;
    if (from.ip.length === flow.guest.ip.length) this.#host.send(from, flow.guest, message.bytes);
  }

  #visit(message: WorldMessage & { kind: 'datagram' }, forward: Forward): void {
    const key = `${message.forward}/${keyOfEndpoint(message.from)}`, visitor = this.#visitors.get(key) ?? this.#welcome(key, message);
    this.#keep(visitor.timer);
    this.#host.send({ ip: this.#host.own(forward.guest.ip), port: visitor.port }, forward.guest, message.bytes);
  }

  #welcome(key: string, message: WorldMessage & { kind: 'datagram' }): Visitor {
    if (this.#visitors.size >= FLOWS_MOST) this.#visitors.values().next().value!.timer.ring();
    let port = FIRST_PORT + (this.#lastId++ % PORTS);
    while (this.#visitorPorts.has(port)) port = FIRST_PORT + (this.#lastId++ % PORTS);
    const leave = (): void => { this.#host.timers.stop(visitor.timer); this.#visitors.delete(key); this.#visitorPorts.delete(port); };
    const visitor: Visitor = { id: message.id, peer: message.from, forward: message.forward, port, timer: new Timer(leave) };
    this.#visitors.set(key, visitor);
    this.#visitorPorts.set(port, visitor);
    return visitor;
  }

  /** The guest answers a peer of a forwarded port: true if it was one. */
  isAnswer(datagram: Datagram): boolean {
    const visitor = this.#visitorPorts.get(datagram.toPort);
    if (!visitor) return false;
    this.#keep(visitor.timer);
    this.#host.world?.datagram(visitor.id, visitor.peer, datagram.payload);
    return true;
  }
}
