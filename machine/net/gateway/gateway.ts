/**
 * The host at the other end of the cable: a small computer that answers, always in the same way, so that runs with a
 * network stay functions of their inputs.
 *
 *   10.0.2.2    itself: ARP, ICMP echo, UDP echo (port 7), DHCP (leases from 10.0.2.15 on), TFTP for the files it is given
 *
 * It knows nobody else and offers nothing else: other addresses are unreachable, connections are refused. No fragments, no IPv6.
 */
import type { EventQueue } from '../../api.ts';
import type { NetPort, NetWiring } from '../../devices/net-port.ts';
import { Wire } from '../wire.ts';
import { DhcpServer, clientAddress } from './dhcp.ts';
import * as p from './packets.ts';
import { reset, unreachable } from './refusals.ts';
import { TftpServer, type Files } from './tftp.ts';

export const GATEWAY_MAC = Uint8Array.of(0x52, 0x55, 10, 0, 2, 2);
export const GATEWAY_IP = Uint8Array.of(10, 0, 2, 2);
const BROADCAST_IP = new Uint8Array(4).fill(255);
const ARP_REQUEST = 1;
/** First byte of multicast addresses and what is beyond them. */
const FIRST_GROUP = 224;
const ICMP = { ECHO_REPLY: 0, ECHO: 8 } as const;
const PORT = { ECHO: 7, DHCP: 67, DHCP_CLIENT: 68, TFTP: 69, TFTP_TRANSFER: 6969 } as const;

/** Who a packet came from. */
interface Peer { readonly mac: Uint8Array; readonly ip: Uint8Array }

export class Gateway {
  readonly #dhcp = new DhcpServer(GATEWAY_IP);
  readonly #tftp: TftpServer;
  #packets = 0;

  constructor(files: Files = new Map()) {
    this.#tftp = new TftpServer(files);
  }

  /** Its one Ethernet port. */
  readonly port: NetWiring = (events: EventQueue): NetPort => {
    const wire: Wire = new Wire(events, (frame) => {
      const answer = this.answer(frame);
      if (answer !== undefined) wire.deliver(answer);
    });
    return wire;
  };

  /** What it answers to a frame, if anything. */
  answer(frame: Uint8Array): Uint8Array | undefined {
    const ethernet = p.readEthernet(frame);
    if (ethernet === undefined || !(p.same(ethernet.to, GATEWAY_MAC) || p.same(ethernet.to, p.BROADCAST_MAC))) return undefined;
    if (ethernet.type === p.EtherType.ARP) return answerArp(ethernet.payload);
    const packet = ethernet.type === p.EtherType.IPV4 ? p.readIpv4(ethernet.payload) : undefined;
    if (packet === undefined) return undefined;
    const peer = { mac: ethernet.from, ip: packet.from };
    if (!(p.same(packet.to, GATEWAY_IP) || p.same(packet.to, BROADCAST_IP))) return this.#notRouted(peer, packet, ethernet);
    if (packet.protocol === p.IpProtocol.ICMP) return this.#icmp(peer, packet.payload);
    if (packet.protocol === p.IpProtocol.TCP) return this.#refuse(peer, packet);
    const datagram = packet.protocol === p.IpProtocol.UDP ? p.readUdp(packet) : undefined;
    return datagram && (this.#udp(peer, datagram) ?? this.#closed(peer, packet, datagram, ethernet.payload));
  }

  /** A connection to a port of ours. */
  #refuse(peer: Peer, packet: p.Ipv4): Uint8Array | undefined {
    const answer = p.same(packet.to, GATEWAY_IP) ? reset(packet) : undefined;
    return answer && this.#packet(peer, p.IpProtocol.TCP, answer);
  }

  /** A datagram that nothing came of: an error if it was for a port where nothing is. */
  #closed(peer: Peer, packet: p.Ipv4, { toPort }: p.Udp, raw: Uint8Array): Uint8Array | undefined {
    const isOpen = Object.values(PORT).some((port) => port === toPort);
    const answer = isOpen || !p.same(packet.to, GATEWAY_IP) ? undefined : unreachable('port', packet, raw);
    return answer && this.#packet(peer, p.IpProtocol.ICMP, answer);
  }

  /** Somebody else's: packets that were sent to us by our address are to be passed on, and cannot be. Groups are not answered. */
  #notRouted(peer: Peer, packet: p.Ipv4, { to, payload }: p.Ethernet): Uint8Array | undefined {
    if (!p.same(to, GATEWAY_MAC) || packet.to[0] >= FIRST_GROUP) return undefined;
    const answer = unreachable('network', packet, payload);
    return answer && this.#packet(peer, p.IpProtocol.ICMP, answer);
  }

  #icmp(peer: Peer, message: Uint8Array): Uint8Array | undefined {
    if (message.length < 8 || message[0] !== ICMP.ECHO || p.checksum(message) !== 0) return undefined;
    const reply = message.slice();
    reply.set([ICMP.ECHO_REPLY, 0, 0, 0]);
    reply.set(p.be16(p.checksum(reply)), 2);
    return this.#packet(peer, p.IpProtocol.ICMP, reply);
  }

  #udp(peer: Peer, { fromPort, toPort, payload }: p.Udp): Uint8Array | undefined {
    const back = (from: number, answer: Uint8Array | undefined): Uint8Array | undefined => answer && this.#datagram(peer, { fromPort: from, toPort: fromPort, payload: answer });
    switch (toPort) {
      case PORT.ECHO: return back(PORT.ECHO, payload);
      case PORT.DHCP: return this.#leased(peer, payload);
      case PORT.TFTP:
      case PORT.TFTP_TRANSFER: return back(PORT.TFTP_TRANSFER, this.#tftp.answer(`${peer.ip.join('.')}:${fromPort}`, payload));
      default: return undefined;
    }
  }

  #leased(peer: Peer, message: Uint8Array): Uint8Array | undefined {
    const payload = this.#dhcp.answer(message);
    const ip = clientAddress(message);
    const to = ip === undefined ? { mac: p.BROADCAST_MAC, ip: BROADCAST_IP } : { mac: peer.mac, ip };
    return payload && this.#datagram(to, { fromPort: PORT.DHCP, toPort: PORT.DHCP_CLIENT, payload });
  }

  #datagram(to: Peer, datagram: p.Udp): Uint8Array {
    return this.#packet(to, p.IpProtocol.UDP, p.udp({ from: GATEWAY_IP, to: to.ip }, datagram));
  }

  #packet(to: Peer, protocol: number, payload: Uint8Array): Uint8Array {
    const packet = p.ipv4({ from: GATEWAY_IP, to: to.ip, protocol, payload }, ++this.#packets & 0xffff);
    return p.ethernet(to.mac, GATEWAY_MAC, p.EtherType.IPV4, packet);
  }
}

function answerArp(bytes: Uint8Array): Uint8Array | undefined {
  const arp = p.readArp(bytes);
  if (arp === undefined || arp.operation !== ARP_REQUEST || !p.same(arp.targetIp, GATEWAY_IP)) return undefined;
  return p.ethernet(arp.senderMac, GATEWAY_MAC, p.EtherType.ARP, p.arpReply(GATEWAY_MAC, GATEWAY_IP, arp));
}
