/**
 * The host at the other end of the cable: a small computer in virtual time. It is deterministic, so runs with a network stay functions of
 * their inputs.
 *
 *   10.0.2.2    itself: ARP, ICMP echo, UDP echo (port 7), DHCP (leases from 10.0.2.15 on), TFTP for the files it is given
 *   10.0.2.3    with a world: DNS, forwarded
 *   fd00:2::2   the same for IPv6, whose addresses hosts make themselves (SLAAC)
 *
 * Without a `World` other addresses are unreachable and connections are refused. With one it represents all other hosts: TCP connections
 * and datagrams to them go through sockets of the host, 10.0.2.2 being the host itself; their answers enter through `heard`.
 */
import { BROADCAST4, ip4, isLoopback, isMulticast, textOfIp, type Ip } from '../../../network/address.ts';
import { budgetOf } from '../../../network/budget.ts';
import { same } from '../../../network/bytes.ts';
import { Protocol, type Packet } from '../../../network/ip/packet.ts';
import type { Interface } from '../../../network/link/interface.ts';
import { Stack } from '../../../network/stack.ts';
import type { TcpConnection } from '../../../network/tcp/connection.ts';
import type { Datagram } from '../../../network/udp.ts';
import type { EventQueue, TimerHandle } from '../../api.ts';
import type { NetPort, NetWiring } from '../../devices/net-port.ts';
import { Wire } from '../wire.ts';
import { DhcpServer, clientAddress } from './dhcp.ts';
import { Flows, type Forward } from './flows.ts';
import { Splice } from './splice.ts';
import { TftpServer, type Files } from './tftp.ts';
import { INCOMING, decodeWorld, type Endpoint, type World, type WorldMessage } from './world.ts';

export const GATEWAY_MAC = Uint8Array.of(0x52, 0x55, 10, 0, 2, 2);
export const GATEWAY_IP = ip4(10, 0, 2, 2);
export const NAMESERVER_IP = ip4(10, 0, 2, 3);
export const GUEST_IP = ip4(10, 0, 2, 15);
const PREFIX6 = Uint8Array.from([0xfd, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
const own6 = (last: number): Ip => Uint8Array.from([...PREFIX6.subarray(0, 15), last]);
export const GATEWAY_IP6 = own6(2), NAMESERVER_IP6 = own6(3);
const HOST_LOOPBACK = ip4(127, 0, 0, 1), HOST_LOOPBACK6 = Uint8Array.from([...new Uint8Array(15), 1]);
const PORT = { ECHO: 7, DNS: 53, DHCP: 67, DHCP_CLIENT: 68, TFTP: 69, TFTP_TRANSFER: 6969 } as const;
/** Bytes that the gateway may store for its guests. */
const HELD_MOST = 64 << 20;
const SPLICES_MOST = 256, MTU = 1500, NS_PER_US = 1000;

export type { Forward };

export interface GatewayOptions {
  readonly files?: Files;
  /** Absent in a replay, while `isOpen` says that there was one. */
  readonly world?: World | undefined;
  /** Other hosts are reachable. */
  readonly isOpen?: boolean;
  /** Only forwarded ports lead outside. */
  readonly restricted?: boolean;
  readonly forwards?: readonly Forward[];
}

export class Gateway {
  readonly #options: GatewayOptions;
  readonly #dhcp: DhcpServer;
  readonly #tftp: TftpServer;
  #stack: Stack | undefined;
  #face: Interface | undefined;
  #flows: Flows | undefined;
  #now: () => number = () => 0;
  #schedule: () => void = () => {};
  readonly #splices = new Map<number, Splice>();
  #lastId = 0;
  #random = 0x2545_f491;

  constructor(options: GatewayOptions = {}) {
    this.#options = options;
    this.#dhcp = new DhcpServer(GATEWAY_IP, options.isOpen ? NAMESERVER_IP : undefined);
    this.#tftp = new TftpServer(options.files ?? new Map());
  }

  /** Its one Ethernet port. */
  readonly port: NetWiring = (events: EventQueue): NetPort => {
    const wire: Wire = new Wire(events, (frame) => this.#guarded(() => stack.receive(face, frame)));
    this.#now = () => Math.floor(events.now / NS_PER_US);
    const stack = new Stack({ now: () => this.#now(), random: () => this.#draw(), budget: budgetOf(HELD_MOST) });
    const face = stack.addEthernet('eth0', { mac: GATEWAY_MAC, mtu: MTU, send: (frame) => wire.deliver(frame) });
    this.#stack = stack;
    this.#face = face;
    this.#schedule = alarmOf(events, stack, () => this.#guarded(() => stack.run()));
    this.#splices.clear();
    this.#settle(stack, face);
    return wire;
  };

  /** A message of the world, now. */
  heard(bytes: Uint8Array): void {
    const message = decodeWorld(bytes);
    if (message && this.#stack) this.#guarded(() => this.#answered(message));
  }

  /** Runs an action that may set timers or send to this host, and schedules a call for the next timer. */
  #guarded(action: () => void): void {
    action();
    this.#stack!.flush();
    this.#schedule();
  }

  #draw(): number {
    let x = this.#random;
    x ^= x << 13; x ^= x >>> 17; x ^= x << 5;
    return (this.#random = x >>> 0);
  }

  // ── its own services ─────────────────────────────────────────────────────────────────────────────────────────────────

  #settle(stack: Stack, face: Interface): void {
    stack.assign(face, GATEWAY_IP, 24);
    stack.assign(face, GATEWAY_IP6, 64);
    const discovery = stack.discovery.get(face)!;
    discovery.advertised = { prefix: PREFIX6, ...(this.#options.isOpen ? { nameServer: NAMESERVER_IP6 } : {}) };
    discovery.start();
    if (this.#options.isOpen) {
      stack.assign(face, NAMESERVER_IP, 24);
      stack.assign(face, NAMESERVER_IP6, 64);
      stack.tcp.onUnclaimed = (c, packet) => this.#connected(c, packet);
    }
    stack.foreign = (packet) => this.#foreign(packet);
    stack.udp.onUnclaimed = (d) => this.#datagram(d);
    // Broadcasts reach only sockets.
    const dhcp = stack.udp.bind(new Uint8Array(4), PORT.DHCP);
    dhcp.onChange = () => this.#leased(dhcp.take()!);
    this.#flows = new Flows({
      timers: stack.timers, now: () => stack.now(), world: this.#options.world, forwards: this.#options.forwards ?? [],
      send: (from, to, bytes) => void stack.udp.send(bytes, { from: from.port, to: to.port }, { from: from.ip, to: to.ip }),
      own: (ip) => (ip.length === 4 ? GATEWAY_IP : GATEWAY_IP6),
    });
  }

  #leased(datagram: Datagram): void {
    const payload = this.#dhcp.answer(datagram.payload), client = clientAddress(datagram.payload) ?? BROADCAST4;
    if (payload)
      this.#stack!.udp.send(payload, { from: PORT.DHCP, to: PORT.DHCP_CLIENT }, { from: GATEWAY_IP, to: client }, this.#face!.name);
  }

  #datagram(datagram: Datagram): boolean {
    const back = (answer: Uint8Array | undefined, port = datagram.toPort): boolean => {
      if (answer) this.#stack!.udp.send(answer, { from: port, to: datagram.fromPort }, { from: datagram.to, to: datagram.from });
      return true;
    };
    const isOwn = same(datagram.to, GATEWAY_IP) || same(datagram.to, GATEWAY_IP6);
    if (isOwn && datagram.toPort === PORT.ECHO) return back(datagram.payload);
    if (isOwn && (datagram.toPort === PORT.TFTP || datagram.toPort === PORT.TFTP_TRANSFER))
      return back(this.#tftp.answer(`${textOfIp(datagram.from)}:${datagram.fromPort}`, datagram.payload), PORT.TFTP_TRANSFER);
    if (isOwn && this.#flows!.isAnswer(datagram)) return true;
    const place = this.#outside({ ip: datagram.to, port: datagram.toPort });
    return place !== undefined && this.#flows!.out(datagram, place);
  }

  // ── the world ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Packets to other hosts: accepts TCP and UDP if there is a world; everything else is unreachable. */
  #foreign(packet: Packet): boolean {
    const isCarried = packet.protocol === Protocol.TCP || packet.protocol === Protocol.UDP;
    if (this.#options.isOpen && !this.#options.restricted && isCarried && isWorldly(packet.to)) return true;
    this.#stack!.refuse(packet, 'network', packet.to.length === 4 ? GATEWAY_IP : GATEWAY_IP6);
    return false;
  }

  /** Where a connection to this place leads on the host: 10.0.2.2 is the host itself, 10.0.2.3 its name server. */
  #outside(to: Endpoint): Endpoint | undefined {
    if (!this.#options.isOpen) return undefined;
    const isNameServer = same(to.ip, NAMESERVER_IP) || same(to.ip, NAMESERVER_IP6);
    if (isNameServer) return to.port === PORT.DNS ? { ip: to.ip, port: PORT.DNS } : undefined;
    if (this.#options.restricted) return undefined;
    if (same(to.ip, GATEWAY_IP)) return { ip: HOST_LOOPBACK, port: to.port };
    if (same(to.ip, GATEWAY_IP6)) return { ip: HOST_LOOPBACK6, port: to.port };
    return isWorldly(to.ip) ? to : undefined;
  }

  /** The guest opens a connection, which is accepted once the world has opened its side. */
  #connected(tcpConnection: TcpConnection, packet: Packet): boolean {
    const place = this.#outside({ ip: tcpConnection.ends.local, port: tcpConnection.ends.localPort });
    if (!place || this.#splices.size >= SPLICES_MOST) return false;
    const id = (this.#lastId = (this.#lastId + 1) % INCOMING);
    const syn = { ...packet, from: packet.from.slice(), to: packet.to.slice(), bytes: packet.bytes.slice() };
    this.#splice(id, tcpConnection, false, () => this.#stack!.refuse(syn, 'host', syn.to.length === 4 ? GATEWAY_IP : GATEWAY_IP6));
    this.#options.world?.open(id, place);
    return true;
  }

  #splice(id: number, c: TcpConnection, open: boolean, unreachable: () => void = () => {}): void {
    this.#splices.set(id, new Splice(id, c, this.#stack!.tcp, this.#options.world, open, unreachable, () => void this.#splices.delete(id)));
  }

  #answered(worldMessage: WorldMessage): void {
    if (worldMessage.kind === 'accepted') this.#accepted(worldMessage.id, worldMessage.forward);
    else if (worldMessage.kind === 'datagram') this.#flows!.back(worldMessage);
    else this.#splices.get(worldMessage.id)?.heard(worldMessage);
  }

  /** A connection arrived at a forwarded port: the gateway opens one to the guest. */
  #accepted(id: number, index: number): void {
    const forward = this.#options.forwards?.[index], tcp = this.#stack!.tcp, port = tcp.ephemeral();
    const local = forward?.guest.ip.length === 16 ? GATEWAY_IP6 : GATEWAY_IP;
    const tcpConnection = forward && port !== undefined && this.#splices.size < SPLICES_MOST
      ? tcp.create({ local, localPort: port, remote: forward.guest.ip, remotePort: forward.guest.port }) : undefined;
    if (!tcpConnection) { this.#options.world?.close(id); return; }
    this.#splice(id, tcpConnection, true);
    tcpConnection.connect();
  }
}

/** An address that an outside host may have: no group, none of the host's own. */
const isWorldly = (ip: Ip): boolean => !isMulticast(ip) && !isLoopback(ip) && ip[0] !== 0 && !(ip.length === 4 && ip[0]! >= 224);

/** Returns a function that schedules `ring` for the stack's next timer. */
function alarmOf(events: EventQueue, stack: Stack, ring: () => void): () => void {
  let handle: TimerHandle | undefined, at = Infinity;
  return () => {
    if (stack.next === at) return;
    handle?.cancel();
    at = stack.next;
    handle = at === Infinity
      ? undefined
      : events.at(Math.max(events.now, at * NS_PER_US), () => { at = Infinity; handle = undefined; ring(); });
  };
}
