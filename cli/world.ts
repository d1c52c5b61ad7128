/**
 * The world behind `--net user`: TCP connections and datagrams of the guest go through sockets of this host, and ports of this host lead to
 * the guest. Answers are messages (machine/net/gateway/world.ts), which enter the machine through the recorded door.
 *
 * At most CREDIT_BYTES wait for the guest on a connection: the socket pauses until the guest has read them.
 */
import { createSocket, type Socket as Datagrams } from 'node:dgram';
import { getServers } from 'node:dns';
import { connect, createServer, isIP, type Server, type Socket } from 'node:net';
import { same } from '../network/bytes.ts';
import { ip4, textOfIp } from '../network/address.ts';
import type { Forward } from '../machine/net/gateway/flows.ts';
import { NAMESERVER_IP, NAMESERVER_IP6 } from '../machine/net/gateway/gateway.ts';
import {
  CREDIT_BYTES, Failure, INCOMING, encodeWorld, type Endpoint, type World, type WorldMessage,
} from '../machine/net/gateway/world.ts';
import { CliError, Exit } from './errors.ts';

/** `hostfwd`: a port of this host, by default on loopback, that leads to one of the guest. */
export interface ForwardOption extends Forward { readonly host: string; readonly port: number }

const UNREACHABLE = new Set(['ENETUNREACH', 'EHOSTUNREACH', 'EADDRNOTAVAIL', 'EACCES', 'EPERM']);
const CONNECT_MS = 30_000, CONNECTIONS_MOST = 256, DATAGRAM_QUEUE_MOST = 256;
/** Number for datagrams without a flow, and for none as forward number. */
const NO_FORWARD = 0xffff_ffff;

interface Connection { readonly socket: Socket; untaken: number }

export class HostWorld implements World {
  /** Receiver of messages for the gateway; absent in a replay, which opens nothing. */
  #tell: ((message: Uint8Array) => void) | undefined;
  readonly #connections = new Map<number, Connection>();
  readonly #flows = new Map<number, Datagrams>();
  readonly #servers: (Server | Datagrams)[] = [];
  /** Peers of forwarded UDP ports, by number. */
  readonly #visitors = new Map<number, { readonly socket: Datagrams; readonly key: string }>();
  readonly #visitorIds = new Map<string, number>();
  #lastIncoming = INCOMING;

  /** Opens the forwarded ports; `tell` gets messages for the gateway. @throws CliError when a port is taken. */
  async start(tell: (message: Uint8Array) => void, forwards: readonly ForwardOption[]): Promise<void> {
    this.#tell = tell;
    for (const [index, forward] of forwards.entries())
      await (forward.protocol === 'tcp' ? this.#listenTcp(index, forward) : this.#listenUdp(index, forward));
  }

  #message(message: WorldMessage): void { this.#tell?.(encodeWorld(message)); }

  // ── connections ──────────────────────────────────────────────────────────────────────────────────────────────────────

  open(id: number, to: Endpoint): void {
    if (!this.#tell) return;
    const target = hostPlace(to);
    if (!target || this.#connections.size >= CONNECTIONS_MOST) { this.#message({ kind: 'failed', id, why: Failure.UNREACHABLE }); return; }
    const socket = connect({ host: target.host, port: target.port, allowHalfOpen: true });
    socket.setTimeout(CONNECT_MS, () => socket.destroy(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })));
    const failed = (error: NodeJS.ErrnoException): void => {
      this.#connections.delete(id);
      if (error.code === 'ECONNRESET') { // It was open, and the peer has reset it before anybody looked.
        this.#message({ kind: 'opened', id });
        this.#message({ kind: 'reset', id });
        return;
      }
      const why = error.code === 'ECONNREFUSED' ? Failure.REFUSED
        : UNREACHABLE.has(error.code ?? '') ? Failure.UNREACHABLE
        : Failure.TIMEOUT;
      this.#message({ kind: 'failed', id, why });
    };
    socket.once('error', failed);
    socket.once('connect', () => {
      socket.off('error', failed);
      socket.setTimeout(0);
      this.#message({ kind: 'opened', id });
      this.#attach(id, socket);
    });
    this.#connections.set(id, { socket, untaken: 0 });
  }

  #attach(id: number, socket: Socket): void {
    const connection = this.#connections.get(id) ?? { socket, untaken: 0 };
    this.#connections.set(id, connection);
    socket.setNoDelay(true);
    socket.on('data', (data) => this.#data(id, connection, data));
    socket.on('end', () => this.#message({ kind: 'end', id }));
    socket.on('error', () => { if (this.#connections.delete(id)) this.#message({ kind: 'reset', id }); });
  }

  #data(id: number, connection: Connection, data: Uint8Array): void {
    connection.untaken += data.length;
    if (connection.untaken >= CREDIT_BYTES) connection.socket.pause();
    this.#message({ kind: 'data', id, bytes: data });
  }

  send(id: number, bytes: Uint8Array): void {
    const connection = this.#connections.get(id);
    connection?.socket.write(bytes, () => this.#message({ kind: 'sent', id, count: bytes.length }));
  }

  end(id: number): void { this.#connections.get(id)?.socket.end(); }

  taken(id: number, count: number): void {
    const connection = this.#connections.get(id);
    if (!connection) return;
    connection.untaken -= count;
    if (connection.untaken < CREDIT_BYTES / 2 && connection.socket.isPaused()) connection.socket.resume();
  }

  /** Data in the socket is still sent, unless the connection is reset. */
  close(id: number): void {
    const connection = this.#connections.get(id);
    this.#connections.delete(id);
    if (!connection) return;
    const { socket } = connection;
    if (socket.writableFinished && socket.readableEnded) socket.destroy();
    else if (socket.writableEnded) socket.destroySoon();
    else socket.resetAndDestroy();
  }

  async #listenTcp(index: number, { host, port }: ForwardOption): Promise<void> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: false }, (socket) => {
      if (this.#connections.size >= CONNECTIONS_MOST) { socket.destroy(); return; }
      const id = this.#incoming();
      this.#message({ kind: 'accepted', id, forward: index });
      this.#attach(id, socket);
    });
    server.listen(port, host);
    this.#servers.push(server);
    await settled(server, 'listening', 'tcp', host, port);
  }

  #incoming(): number {
    this.#lastIncoming = this.#lastIncoming >= 0xffff_fff0 ? INCOMING : this.#lastIncoming + 1;
    return this.#lastIncoming;
  }

  // ── datagrams ────────────────────────────────────────────────────────────────────────────────────────────────────────

  datagram(flow: number, to: Endpoint, bytes: Uint8Array): void {
    const target = hostPlace(to), visitor = this.#visitors.get(flow);
    if (!target || target.port === 0 || !this.#tell) return;
    const socket = visitor?.socket ?? this.#flows.get(flow) ?? this.#openFlow(flow, to);
    // a datagram that cannot be sent is lost
    if (socket.getSendQueueCount() < DATAGRAM_QUEUE_MOST) socket.send(bytes, target.port, target.host, () => {});
  }

  #openFlow(flow: number, to: Endpoint): Datagrams {
    const socket = createSocket(to.ip.length === 4 ? 'udp4' : 'udp6');
    socket.on('error', () => this.forget(flow));
    socket.on('message', (bytes, from) => {
      const place = guestPlace(from.address, from.port, to);
      if (place) this.#message({ kind: 'datagram', id: flow, from: place, bytes, forward: NO_FORWARD });
    });
    this.#flows.set(flow, socket);
    return socket;
  }

  forget(flow: number): void {
    this.#flows.get(flow)?.close();
    this.#flows.delete(flow);
  }

  async #listenUdp(index: number, { host, port }: ForwardOption): Promise<void> {
    const socket = createSocket(isIP(host) === 6 ? 'udp6' : 'udp4');
    socket.on('message', (bytes, from) => {
      const ip = bytesOfIp(from.address);
      if (ip)
        this.#message({
          kind: 'datagram', id: this.#visitor(socket, `${index}/${from.address}/${from.port}`), from: { ip, port: from.port }, bytes,
          forward: index
        });
    });
    socket.bind(port, host);
    this.#servers.push(socket);
    await settled(socket, 'listening', 'udp', host, port);
    socket.on('error', () => {});
  }

  #visitor(socket: Datagrams, key: string): number {
    const known = this.#visitorIds.get(key);
    if (known !== undefined) return known;
    if (this.#visitors.size >= CONNECTIONS_MOST) {
      const [oldest, { key: gone }] = this.#visitors.entries().next().value!;
      this.#visitors.delete(oldest);
      this.#visitorIds.delete(gone);
    }
    const id = this.#incoming();
    this.#visitors.set(id, { socket, key });
    this.#visitorIds.set(key, id);
    return id;
  }

  /** Closes everything. */
  shut(): void {
    this.#tell = undefined;
    for (const server of this.#servers) server.close();
    this.hangUp();
  }

  /** Ends all connections and flows, because the machine restarts. */
  hangUp(): void {
    for (const { socket } of this.#connections.values()) socket.destroySoon();
    for (const socket of this.#flows.values()) socket.close();
    this.#connections.clear();
    this.#flows.clear();
  }
}

/** The gateway's name server is the host's. */
function hostPlace({ ip, port }: Endpoint): { host: string; port: number } | undefined {
  const isNameServer = same(ip, NAMESERVER_IP) || same(ip, NAMESERVER_IP6);
  if (!isNameServer) return { host: textOfIp(ip), port };
  const [server] = getServers().map((text) => /^\[?([^\]]*?)\]?(?::(\d+))?$/.exec(isIP(text) ? `[${text}]` : text)!);
  return server && { host: server[1]!, port: Number(server[2] ?? 53) };
}

/** The sender of an answer as the guest sees it; the host's name server appears as the gateway's. */
function guestPlace(address: string, port: number, to: Endpoint): Endpoint | undefined {
  if (same(to.ip, NAMESERVER_IP) || same(to.ip, NAMESERVER_IP6)) return to;
  const ip = bytesOfIp(address);
  return ip && { ip, port };
}

/** The bytes of an address as Node writes it; undefined for a name. */
export function bytesOfIp(text: string): Uint8Array | undefined {
  const plain = text.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/i, '');
  if (isIP(plain) === 4) return ip4(...(plain.split('.').map(Number) as [number, number, number, number]));
  if (isIP(plain) !== 6) return undefined;
  const [head = '', tail] = plain.split('::'),
    words = (part: string): number[] => part.split(':').filter(Boolean).map((word) => Number.parseInt(word, 16));
  const front = words(head), back = tail === undefined ? [] : words(tail);
  const groups = [...front, ...new Array<number>(8 - front.length - back.length).fill(0), ...back];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

/** Waits until a forwarded port is open. */
function settled(what: Server | Datagrams, event: 'listening', protocol: string, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      const next = error.code === 'EADDRINUSE' ? 'choose another port' : 'choose another address or port';
      reject(new CliError('E_NET', `option --net: ${protocol} port ${port} of ${host} cannot be forwarded (${error.code ?? error.message})`,
        next, Exit.usage));
    };
    (what as Server).once('error', failed);
    (what as Server).once(event, () => { (what as Server).off('error', failed); resolve(); });
  });
}
