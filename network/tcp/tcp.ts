/**
 * All TCP of a stack: listeners, connections, and the delivery of segments to them.
 *
 * Documentation: RFC 9293 3.10.7.1 (segments for nobody), RFC 6191 (a new connection during TIME-WAIT), RFC 6056 (ephemeral ports).
 */
import { isAny, keyOf, type Ip } from '../address.ts';
import { Protocol, type Envelope, type Packet } from '../ip/packet.ts';
import type { IcmpError } from '../ip/icmp.ts';
import type { Budget } from '../budget.ts';
import type { Timers } from '../timers.ts';
import { same, u16, u32 } from '../bytes.ts';
import { State, TcpConnection, type Ends, type TcpError, type TcpHost } from './connection.ts';
import { agree, input } from './input.ts';
import { Flag, before, distance, draftSegment, lengthOf, plus, readSegment, seal, upTo, type Segment } from './segment.ts';

/** The layer below, as TCP uses it. */
export interface TcpNetwork {
  readonly timers: Timers;
  readonly budget: Budget;
  now(): number;
  random(): number;
  /** Sends `buffer` from HEADROOM on. */
  send(buffer: Uint8Array, envelope: Envelope): TcpError | undefined;
  /** The path MTU to an address. */
  mtuTo(remote: Ip): number;
}

/** A port where connections are accepted. */
export class Listener {
  readonly local: Ip;
  readonly port: number;
  /** Connections that may wait to be accepted. */
  backlog: number;
  onChange: () => void = () => {};
  /** Settings that connections inherit. */
  prepare: (connection: TcpConnection) => void = () => {};
  readonly opening = new Set<TcpConnection>();
  readonly ready: TcpConnection[] = [];
  constructor(local: Ip, port: number, backlog: number) {
    this.local = local;
    this.port = port;
    this.backlog = backlog;
  }
  accept(): TcpConnection | undefined { return this.ready.shift(); }
  get isFull(): boolean { return this.ready.length > this.backlog; }
}

const OPENING_MOST = 256, EPHEMERAL_FIRST = 32768, EPHEMERAL_COUNT = 28232, CONNECTIONS_MOST = 16384, CLOCK_US = 4;
/** Approximate host memory of a connection without data, in bytes. */
const CONNECTION_BYTES = 4096;

export class Tcp implements TcpHost {
  readonly timers: Timers;
  readonly budget: Budget;
  readonly #network: TcpNetwork;
  #secret: number | undefined;
  readonly #connections = new Map<string, TcpConnection>();
  readonly #listeners = new Map<number, Listener[]>();
  /** Number of connections on each local port. */
  readonly #ports = new Map<number, number>();
  /**
   * Accepts connections to addresses and ports without a listener: returns true when it takes the connection, which waits for `proceed`.
   */
  onUnclaimed: ((connection: TcpConnection, packet: Packet) => boolean) | undefined;

  constructor(network: TcpNetwork) {
    this.#network = network;
    this.timers = network.timers;
    this.budget = network.budget;
  }

  now(): number { return this.#network.now(); }
  random(): number { return this.#network.random(); }
  /**
   * A 4 µs clock plus a hash of a secret and the endpoints: a connection's numbers begin after all that an earlier connection between the
   * same endpoints has sent, even before a restart of the stack. RFC 6528
   */
  sequenceFor({ local, localPort, remote, remotePort }: Ends): number {
    let mixed = this.#secret ??= this.random();
    for (const byte of [...local, ...remote, localPort >> 8, localPort & 255, remotePort >> 8, remotePort & 255]) {
      mixed = Math.imul(mixed ^ byte, 0x0100_0193);
      mixed ^= mixed >>> 15;
    }
    return (Math.floor(this.now() / CLOCK_US) + mixed) >>> 0;
  }
  get connections(): Iterable<TcpConnection> { return this.#connections.values(); }
  get listeners(): Iterable<Listener> { return [...this.#listeners.values()].flat(); }

  transmit(tcpConnection: TcpConnection, buffer: Uint8Array): TcpError | undefined {
    const { local, remote } = tcpConnection.ends;
    return this.#network.send(buffer, {
      from: local, to: remote, protocol: Protocol.TCP, ttl: tcpConnection.choices.ttl, tos: tcpConnection.choices.tos, dontFragment: true
    });
  }

  forget(tcpConnection: TcpConnection): void {
    const key = keyOfEnds(tcpConnection.ends);
    if (this.#connections.get(key) !== tcpConnection) return;
    this.budget.give(CONNECTION_BYTES);
    this.#connections.delete(key);
    const uses = (this.#ports.get(tcpConnection.ends.localPort) ?? 1) - 1;
    if (uses > 0) this.#ports.set(tcpConnection.ends.localPort, uses);
    else this.#ports.delete(tcpConnection.ends.localPort);
  }

  // ── opening ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Listens at `local` (any address when it is unspecified). The caller keeps ports apart. */
  listen(local: Ip, port: number, backlog: number): Listener {
    const listener = new Listener(local, port, backlog);
    this.#listeners.set(port, [...(this.#listeners.get(port) ?? []), listener]);
    return listener;
  }

  /** Resets connections that were not accepted. */
  unlisten(listener: Listener): void {
    const left = (this.#listeners.get(listener.port) ?? []).filter((other) => other !== listener);
    if (left.length > 0) this.#listeners.set(listener.port, left);
    else this.#listeners.delete(listener.port);
    for (const tcpConnection of [...listener.opening, ...listener.ready]) tcpConnection.abort();
  }

  /** A connection that is not open yet; undefined when these endpoints are in use or there are too many. `connect()` opens it. */
  create(ends: Ends): TcpConnection | undefined {
    const key = keyOfEnds(ends), old = this.#connections.get(key);
    if (this.#connections.size >= CONNECTIONS_MOST || (old !== undefined && old.state !== State.TIME_WAIT)) return undefined;
    old?.finish(undefined);
    if (!this.budget.take(CONNECTION_BYTES)) return undefined;
    const tcpConnection = new TcpConnection(this, ends, this.#mssTo(ends.remote));
    this.#connections.set(key, tcpConnection);
    this.#ports.set(ends.localPort, (this.#ports.get(ends.localPort) ?? 0) + 1);
    return tcpConnection;
  }

  #mssTo(remote: Ip): number { return Math.max(48, Math.min(65_535, this.#network.mtuTo(remote)) - (remote.length === 4 ? 40 : 60)); }

  /** Is the port free of connections and listeners? */
  isFree(port: number): boolean { return !this.#ports.has(port) && !this.#listeners.has(port); }

  /** A free port from the ephemeral range; undefined when there is none. */
  ephemeral(isTaken: (port: number) => boolean = () => false): number | undefined {
    const start = this.random() % EPHEMERAL_COUNT;
    for (let i = 0; i < EPHEMERAL_COUNT; i++) {
      const port = EPHEMERAL_FIRST + ((start + i) % EPHEMERAL_COUNT);
      if (this.isFree(port) && !isTaken(port)) return port;
    }
    return undefined;
  }

  // ── receiving ─────────────────────────────────────────────────────────────────────────────────────────────────────

  receive(packet: Packet): void {
    const segment = readSegment(packet.payload, packet.from, packet.to);
    if (segment === undefined) return;
    const ends = { local: packet.to, localPort: segment.toPort, remote: packet.from, remotePort: segment.fromPort };
    const tcpConnection = this.#connections.get(keyOfEnds(ends));
    if (tcpConnection && !startsAnew(tcpConnection, segment)) { input(tcpConnection, segment); return; }
    tcpConnection?.finish(undefined);
    const isSyn = (segment.flags & (Flag.SYN | Flag.ACK | Flag.RST)) === Flag.SYN;
    if (isSyn && this.#open(segment, { ...ends, local: ends.local.slice(), remote: ends.remote.slice() }, packet)) return;
    this.#refuse(segment, ends);
  }

  /** Returns false when no socket listens for the SYN; drops a SYN beyond the backlog. */
  #open(segment: Segment, ends: Ends, packet: Packet): boolean {
    const listener = this.#listenerFor(ends);
    if (!listener && !this.onUnclaimed) return false;
    if (listener && (listener.isFull || listener.opening.size >= OPENING_MOST)) return true;
    const tcpConnection = this.create(ends);
    if (!tcpConnection) return true;
    tcpConnection.state = State.SYN_RECEIVED;
    agree(tcpConnection, segment);
    tcpConnection.sender.begin(this.sequenceFor(ends));
    tcpConnection.sender.wl2 = tcpConnection.sender.iss;
    return listener ? this.#accept(listener, tcpConnection) : this.#offer(tcpConnection, packet);
  }

  #accept(listener: Listener, tcpConnection: TcpConnection): boolean {
    listener.prepare(tcpConnection);
    listener.opening.add(tcpConnection);
    tcpConnection.onChange = () => this.#opened(listener, tcpConnection);
    tcpConnection.sendSyn();
    return true;
  }

  #opened(listener: Listener, tcpConnection: TcpConnection): void {
    if (tcpConnection.state === State.SYN_RECEIVED) return;
    listener.opening.delete(tcpConnection);
    tcpConnection.onChange = () => {};
    if (tcpConnection.state === State.CLOSED && tcpConnection.error === 'refused') return;
    listener.ready.push(tcpConnection);
    listener.onChange();
  }

  #offer(tcpConnection: TcpConnection, packet: Packet): boolean {
    tcpConnection.held = true;
    if (this.onUnclaimed!(tcpConnection, packet)) return true;
    this.forget(tcpConnection);
    return false;
  }

  /** A listener at that exact address takes precedence over one at any address. */
  #listenerFor({ local, localPort, remotePort }: Ends): Listener | undefined {
    const all = this.#listeners.get(localPort) ?? [];
    const exact = all.filter((l) => l.local.length === local.length && same(l.local, local));
    const fitting = exact.length > 0 ? exact : all.filter((l) => isAny(l.local) && l.local.length === local.length);
    return fitting[remotePort % Math.max(1, fitting.length)];
  }

  /** Refuses a connection that was held. */
  refuse(tcpConnection: TcpConnection): void {
    const { receiver, ends } = tcpConnection;
    this.#reset({
      fromPort: ends.localPort, toPort: ends.remotePort, seq: 0, ack: receiver.next, flags: Flag.RST | Flag.ACK, window: 0, options: {}
    },
      ends);
    tcpConnection.orphan = true;
    tcpConnection.finish('refused');
  }

  /** A segment without a connection is answered by a reset. @spec RFC 9293 3.10.7.1 */
  #refuse(segment: Segment, ends: Ends): void {
    if (segment.flags & Flag.RST) return;
    const acknowledges = (segment.flags & Flag.ACK) !== 0;
    this.#reset({
      fromPort: segment.toPort, toPort: segment.fromPort,
      seq: acknowledges ? segment.ack : 0, ack: acknowledges ? 0 : plus(segment.seq, lengthOf(segment)),
      flags: acknowledges ? Flag.RST : Flag.RST | Flag.ACK, window: 0, options: {},
    }, ends);
  }

  #reset(head: Omit<Segment, 'payload' | 'urgent'>, { local, remote }: Ends): void {
    this.#network.send(seal(draftSegment(head, 0).buffer, local, remote), { from: local, to: remote, protocol: Protocol.TCP });
  }

  // ── errors from the path ────────────────────────────────────────────────────────────────────────────────────────────────

  /** An ICMP error about a segment of ours. @spec RFC 1122 4.2.3.9, RFC 5927 4.1: the number must be in flight */
  failed(error: IcmpError): void {
    const quoted = readQuoted(error.quoted);
    const tcpConnection = quoted
      && this.#connections.get(keyOfEnds({ local: quoted.from, localPort: quoted.fromPort, remote: quoted.to, remotePort: quoted.toPort }));
    if (!tcpConnection || before(quoted.seq, tcpConnection.sender.una) || !upTo(quoted.seq, tcpConnection.sender.max)) return;
    if (error.trouble === 'tooBig') { this.#shrink(tcpConnection, error.mtu); return; }
    const isOpening = tcpConnection.state === State.SYN_SENT || tcpConnection.state === State.SYN_RECEIVED;
    const isHard = error.trouble === 'port' || error.trouble === 'protocol' || error.trouble === 'prohibited';
    if (isOpening) tcpConnection.finish(isHard ? 'refused' : error.trouble === 'network' ? 'network' : 'host');
  }

  #shrink(tcpConnection: TcpConnection, mtu: number): void {
    const mss = mtu - (tcpConnection.ends.remote.length === 4 ? 40 : 60) - (tcpConnection.withTimestamps ? 12 : 0);
    if (mss < 48 || mss >= tcpConnection.sender.mss) return;
    tcpConnection.sender.mss = mss;
    tcpConnection.retransmitFirst();
  }
}

/** A SYN with a later number takes the place of a connection in TIME-WAIT. */
const startsAnew = (c: TcpConnection, s: Segment): boolean =>
  c.state === State.TIME_WAIT && (s.flags & (Flag.SYN | Flag.ACK | Flag.RST)) === Flag.SYN && distance(s.seq, c.receiver.next) > 0;

const keyOfEnds = ({ local, localPort, remote, remotePort }: Ends): string =>
  `${keyOf(local)}${keyOf(remote)}${String.fromCharCode(localPort, remotePort)}`;

function readQuoted(bytes: Uint8Array): { from: Ip; to: Ip; fromPort: number; toPort: number; seq: number } | undefined {
  if (bytes.length === 0) return undefined;
  const isIp6 = bytes[0]! >> 4 === 6, header = isIp6 ? 40 : (bytes[0]! & 15) * 4;
  if (bytes.length < header + 8) return undefined;
  return {
    from: isIp6 ? bytes.slice(8, 24) : bytes.slice(12, 16), to: isIp6 ? bytes.slice(24, 40) : bytes.slice(16, 20),
    fromPort: u16(bytes, header), toPort: u16(bytes, header + 2), seq: u32(bytes, header + 4),
  };
}
