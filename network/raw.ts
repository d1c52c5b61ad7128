/** Raw sockets: whole IP packets of one protocol, and echo sockets, which see only the answers to their own number. */
import { isAny, type Ip } from './address.ts';
import type { Budget } from './budget.ts';
import { same, u16 } from './bytes.ts';
import { Inbox } from './inbox.ts';
import { Icmp4, Icmp6 } from './ip/icmp.ts';
import { Protocol, type Packet } from './ip/packet.ts';

export class RawSocket extends Inbox<Packet> {
  readonly family: 4 | 6;
  readonly protocol: number;
  /** Echo sockets: their identifier; they do not receive replies with another one. */
  readonly echo: number | undefined;
  local: Ip;
  remote: Ip | undefined;
  /** Types of ICMP messages that it does not receive, a bit each; types beyond its end are received. */
  blocked: Uint8Array = new Uint8Array(0);
  constructor(family: 4 | 6, protocol: number, local: Ip, budget: Budget, echo?: number) {
    super(budget);
    this.family = family;
    this.protocol = protocol;
    this.local = local;
    this.echo = echo;
  }

  protected bytesOf(packet: Packet): number { return packet.bytes.length; }

  wants(packet: Packet): boolean {
    const fits = this.protocol === packet.protocol && this.family === (packet.to.length === 4 ? 4 : 6);
    const addressed = (isAny(this.local) || same(this.local, packet.to)) && (!this.remote || same(this.remote, packet.from));
    if (!fits || !addressed || this.#blocks(packet.payload[0] ?? 0)) return false;
    return this.echo === undefined || (isEchoReply(packet) && u16(packet.payload, 4) === this.echo);
  }
  #blocks(type: number): boolean { return ((this.blocked[type >> 3] ?? 0) >> (type & 7) & 1) !== 0; }
}

const isEchoReply = ({ protocol, payload }: Packet): boolean =>
  payload.length >= 8 && payload[0] === (protocol === Protocol.ICMP ? Icmp4.ECHO_REPLY : Icmp6.ECHO_REPLY);

export class Raw {
  readonly #budget: Budget;
  constructor(budget: Budget) { this.#budget = budget; }
  readonly sockets = new Set<RawSocket>();
  open(family: 4 | 6, protocol: number, local: Ip, echo?: number): RawSocket {
    const socket = new RawSocket(family, protocol, local, this.#budget, echo);
    this.sockets.add(socket);
    return socket;
  }
  close(socket: RawSocket): void {
    socket.clear();
    this.sockets.delete(socket);
  }

  /** Gives a copy to each socket that wants it; returns whether one did. */
  receive(packet: Packet): boolean {
    let wanted = false;
    for (const socket of this.sockets) {
      if (!socket.wants(packet)) continue;
      wanted = true;
      if (!socket.hasRoom(packet.bytes.length)) continue;
      const bytes = packet.bytes.slice(), { payload } = packet;
      const from = payload.byteOffset - packet.bytes.byteOffset;
      const isInside = payload.buffer === packet.bytes.buffer;
      socket.deliver({
        ...packet, from: packet.from.slice(), to: packet.to.slice(), bytes,
        payload: isInside ? bytes.subarray(from, from + payload.length) : payload.slice()
      });
    }
    return wanted;
  }
}
