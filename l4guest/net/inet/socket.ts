/** Common code of TCP, UDP and raw sockets: options of IP, and names. */
import { ANY4, ANY6, isAny, isMulticast, type Ip } from '../../../network/address.ts';
import { E } from '../../abi/errno.ts';
import { Cap } from '../../abi/linux.ts';
import { capable } from '../../kernel/creds.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Thread } from '../../kernel/thread.ts';
import { Af, inetAddress, isMapped, type Address } from '../address.ts';
import { Socket, optionKey } from '../socket.ts';
import { inetOf, stackIp, type Inet } from './inet.ts';
import type { Holder, Transport } from './ports.ts';

export const Sol = { SOCKET: 1, IP: 0, TCP: 6, UDP: 17, IPV6: 41 } as const;
const So = { REUSEADDR: 2, BROADCAST: 6, REUSEPORT: 15, BINDTODEVICE: 25 } as const;
const Ip4 = { TOS: 1, TTL: 2 } as const;
const Ip6 = { UNICAST_HOPS: 16, V6ONLY: 26, TCLASS: 67 } as const;

export abstract class InetSocket extends Socket implements Holder {
  readonly inet: Inet;
  abstract readonly transport: Transport;
  ends: Holder['ends'] = [];
  /** The groups that it has joined, by interface. */
  readonly groups = new Map<string, { readonly iface: string; readonly key: string }>();
  constructor(k: Kernel, family: number, type: number) {
    super(k, family, type);
    this.inet = inetOf(k);
  }

  /** An option was set: applies its effect. */
  optionSet(): void { /* most are looked at when they matter */ }
  option(level: number, name: number): number | undefined { return this.options.get(optionKey(level, name)); }
  reuseAddress(): boolean { return (this.option(Sol.SOCKET, So.REUSEADDR) ?? 0) !== 0; }
  reusePort(): boolean { return (this.option(Sol.SOCKET, So.REUSEPORT) ?? 0) !== 0; }
  get mayBroadcast(): boolean { return (this.option(Sol.SOCKET, So.BROADCAST) ?? 0) !== 0; }
  get v6only(): boolean { return (this.option(Sol.IPV6, Ip6.V6ONLY) ?? this.k.sysctl.number('net/ipv6/bindv6only')) !== 0; }
  get uid(): number { return this.owner.uid; }
  isListening(): boolean { return false; }

  ttlTo(ip: Ip): number {
    const chosen = this.option(ip.length === 4 ? Sol.IP : Sol.IPV6, ip.length === 4 ? Ip4.TTL : Ip6.UNICAST_HOPS);
    return chosen !== undefined && chosen > 0 ? chosen & 255 : 64;
  }
  tosTo(ip: Ip): number { return (this.option(ip.length === 4 ? Sol.IP : Sol.IPV6, ip.length === 4 ? Ip4.TOS : Ip6.TCLASS) ?? 0) & 255; }

  /** Ends that binding to this address takes: the unspecified IPv6 address means IPv4 as well, unless the socket is for IPv6 alone. */
  protected endsOf(address: Address): Holder['ends'] {
    const ip = stackIp(address.ip);
    if (address.family === Af.INET6 && !isMapped(address.ip) && isAny(ip) && !this.v6only)
      return [{ ip: ANY6, port: address.port }, { ip: ANY4, port: address.port }];
    return [{ ip, port: address.port }];
  }

  /** bind(2): -EADDRNOTAVAIL, -EACCES, -EADDRINUSE, -EINVAL. */
  bindInet(thread: Thread, address: Address): number {
    if (this.ends.length > 0) return -E.INVAL;
    const ip = stackIp(address.ip);
    const isOurs = isAny(ip) || this.inet.stack.isLocal(ip)
      || (this.transport === 'udp' && (isMulticast(ip) || this.inet.stack.interfaces.some((i) => i.isBroadcast(ip))));
    if (!isOurs) return -E.ADDRNOTAVAIL;
    const least = this.k.sysctl.number('net/ipv4/ip_unprivileged_port_start');
    if (address.port > 0 && address.port < least && !capable(thread.creds, Cap.NET_BIND_SERVICE)) return -E.ACCES;
    const port = address.port || this.ephemeral();
    if (port === 0) return -E.ADDRINUSE;
    if (!this.reservable(port) || !this.inet.ports.take(this, this.endsOf({ ...address, port }))) return -E.ADDRINUSE;
    this.local = inetAddress(address.family, address.ip, port);
    return this.inet.act(() => this.bound());
  }
  protected ephemeral(): number { return this.inet.ports.ephemeral(this.transport, (port) => this.reservable(port)); }
  /** Whether the stack lets a socket bind to the port. */
  protected abstract reservable(port: number): boolean;
  /** Called when the ends are taken. */
  protected abstract bound(): number;

  /** Binds the socket to a free port before it first sends. */
  protected autobind(t: Thread): number { return this.ends.length > 0 ? 0 : this.bindInet(t, { ...this.local, port: 0 }); }
}
