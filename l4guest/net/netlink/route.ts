/**
 * rtnetlink: reports and changes interfaces, addresses, routes and neighbours. One row for each kind of message.
 *
 * Documentation: rtnetlink(7).
 */
import { anyOf, broadcastOf, isLinkLocal, isLoopback, type Ip } from '../../../network/address.ts';
import { same } from '../../../network/bytes.ts';
import type { Interface } from '../../../network/link/interface.ts';
import type { Route } from '../../../network/routes.ts';
import { E } from '../../abi/errno.ts';
import { bytesOf, textOf } from '../../mm/uaccess.ts';
import { Af } from '../address.ts';
import type { Inet } from '../inet/inet.ts';
import { flagsOf, hardwareOf, typeOf, QUEUE_LENGTH } from '../interfaces.ts';
import { Flag, attribute, attributesOf, join, numberAt, u32, u8, type Answer, type Request } from './messages.ts';

const Type = {
  NEWLINK: 16, DELLINK: 17, GETLINK: 18, SETLINK: 19, NEWADDR: 20, DELADDR: 21, GETADDR: 22, NEWROUTE: 24, DELROUTE: 25, GETROUTE: 26,
  GETNEIGH: 30, NEWNEIGH: 28, GETRULE: 34
} as const;
const Link = { ADDRESS: 1, BROADCAST: 2, NAME: 3, MTU: 4, DISCIPLINE: 6, STATS: 7, QUEUE: 13, STATE: 16, MODE: 17, STATS64: 23 } as const;
const Address = { ADDRESS: 1, LOCAL: 2, LABEL: 3, BROADCAST: 4, CACHE: 6, FLAGS: 8 } as const;
const RouteAttribute = { DESTINATION: 1, OUT: 4, GATEWAY: 5, PRIORITY: 6, SOURCE: 7, TABLE: 15 } as const;
const Scope = { GLOBAL: 0, LINK: 253, HOST: 254 } as const;
const MAIN_TABLE = 254, UNICAST = 1, IFF_UP = 1, PERMANENT = 0x80, TENTATIVE = 0x40, FOREVER = 0xffff_ffff, REACHABLE = 2, INCOMPLETE = 1;
const familyOf = (ip: Ip): number => (ip.length === 4 ? Af.INET : Af.INET6);

interface RouteRow {
  /** All entries of a family (0: of every family). */
  readonly dump?: (inet: Inet, family: number) => readonly Answer[];
  /** The entry that the request names, or -errno. */
  readonly get?: (inet: Inet, q: Request) => readonly Answer[] | number;
  /** Changes something: 0 or -errno. Needs CAP_NET_ADMIN. */
  readonly change?: (inet: Inet, q: Request) => number;
}

// ── links ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** struct ifinfomsg and its attributes. */
function linkAnswer(i: Interface): Answer {
  const mac = hardwareOf(i), counts = i.counts,
    stats = [counts.rxPackets, counts.txPackets, counts.rxBytes, counts.txBytes, 0, 0, counts.rxDropped, counts.txDropped];
  const long = new BigUint64Array(24), short = new Uint32Array(24);
  stats.forEach((n, at) => { long[at] = BigInt(n); short[at] = n; });
  const type = typeOf(i);
  return { type: Type.NEWLINK,
    body: join(u8(0, 0, type & 255, type >> 8), u32(i.index, flagsOf(i), 0), attribute(Link.NAME, bytesOf(`${i.name}\0`)),
    attribute(Link.QUEUE, u32(QUEUE_LENGTH)), attribute(Link.STATE, u8(i.link ? (i.up ? 6 : 2) : 0)), attribute(Link.MODE, u8(0)),
    attribute(Link.MTU, u32(i.mtu)),
    attribute(Link.DISCIPLINE, bytesOf(i.link ? 'pfifo_fast\0' : 'noqueue\0')), attribute(Link.ADDRESS, mac),
    attribute(Link.BROADCAST, new Uint8Array(6).fill(i.link ? 255 : 0)),
    attribute(Link.STATS64, new Uint8Array(long.buffer)), attribute(Link.STATS, new Uint8Array(short.buffer))) };
}
function linkOf(inet: Inet, request: Request): Interface | undefined {
  const index = numberAt(request.body, 4), name = request.body.length >= 16 ? attributesOf(request.body, 16).get(Link.NAME) : undefined;
  if (index !== 0) return inet.stack.interfaces.find((i) => i.index === index);
  return name && inet.stack.interfaceNamed(textOf(name).replace(/\0.*$/s, ''));
}
function setLink(inet: Inet, request: Request): number {
  const i = linkOf(inet, request);
  if (!i) return request.flags & Flag.CREATE ? -E.OPNOTSUPP : -E.NODEV;
  const flags = numberAt(request.body, 8), mask = numberAt(request.body, 12), mtu = attributesOf(request.body, 16).get(Link.MTU);
  if (mtu && (numberAt(mtu) < 68 || numberAt(mtu) > 65_536)) return -E.INVAL;
  if (mtu) i.mtu = numberAt(mtu);
  if ((mask | flags) & IFF_UP || mask === FOREVER) inet.setUp(i, (flags & IFF_UP) !== 0);
  return 0;
}

// ── addresses ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const scopeOf = (ip: Ip): number => (isLoopback(ip) ? Scope.HOST : isLinkLocal(ip) ? Scope.LINK : Scope.GLOBAL);

/** struct ifaddrmsg and its attributes: address, local address, broadcast, label, flags, lifetimes. */
function addressAnswers(i: Interface, family: number): Answer[] {
  return i.addresses.filter((a) => family === 0 || family === familyOf(a.ip)).map((assigned) => {
    const flags = PERMANENT | (assigned.tentative ? TENTATIVE : 0), v4 = assigned.ip.length === 4;
    const more = v4
      ? [
        attribute(Address.LOCAL, assigned.ip), ...(i.link ? [attribute(Address.BROADCAST, broadcastOf(assigned.ip, assigned.bits))] : []),
        attribute(Address.LABEL, bytesOf(`${i.name}\0`))
      ]
      : [];
    return { type: Type.NEWADDR,
      body: join(u8(familyOf(assigned.ip), assigned.bits, flags, scopeOf(assigned.ip)), u32(i.index),
        attribute(Address.ADDRESS, assigned.ip), ...more,
        attribute(Address.FLAGS, u32(flags)),
      attribute(Address.CACHE, u32(FOREVER, FOREVER, 0, 0))) };
  });
}
function addressOf(inet: Inet, request: Request): { iface: Interface; ip: Ip; bits: number } | number {
  if (request.body.length < 8) return -E.INVAL;
  const attributes = attributesOf(request.body, 8), ip = attributes.get(Address.LOCAL) ?? attributes.get(Address.ADDRESS),
    iface = inet.stack.interfaces.find((i) => i.index === numberAt(request.body, 4));
  if (!iface) return -E.NODEV;
  return ip && ip.length === (request.body[0] === Af.INET ? 4 : 16) && request.body[1]! <= ip.length * 8
    ? { iface, ip: ip.slice(), bits: request.body[1]! }
    : -E.INVAL;
}
function newAddress(inet: Inet, request: Request): number {
  const address = addressOf(inet, request);
  if (typeof address === 'number') return address;
  if (address.iface.addresses.some((other) => same(other.ip, address.ip))) return -E.EXIST;
  inet.act(() => inet.stack.assign(address.iface, address.ip, address.bits));
  return 0;
}
function deleteAddress(inet: Inet, request: Request): number {
  const address = addressOf(inet, request);
  if (typeof address === 'number') return address;
  return inet.stack.unassign(address.iface, address.ip) ? 0 : -E.ADDRNOTAVAIL;
}

// ── routes ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** struct rtmsg and its attributes. */
function routeAnswer(route: Route): Answer {
  const family = familyOf(route.prefix), scope = route.gateway || family === Af.INET6 ? Scope.GLOBAL : Scope.LINK;
  return { type: Type.NEWROUTE,
    body: join(u8(family, route.bits, 0, 0, MAIN_TABLE, route.origin, scope, UNICAST), u32(0),
      attribute(RouteAttribute.TABLE, u32(MAIN_TABLE)),
    ...(route.bits > 0 ? [attribute(RouteAttribute.DESTINATION, networkOf(route))] : []),
    ...(route.source ? [attribute(RouteAttribute.SOURCE, route.source)] : []),
    ...(route.gateway ? [attribute(RouteAttribute.GATEWAY, route.gateway)] : []),
    ...(route.metric ? [attribute(RouteAttribute.PRIORITY, u32(route.metric))] : []),
      attribute(RouteAttribute.OUT, u32(route.interface.index))) };
}
/** The prefix with its host bits cleared. */
const networkOf = ({ prefix, bits }: Route): Ip => prefix.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * i))));
/** The main table omits the loopback's routes and those of single addresses. */
const isShown = (r: Route): boolean => r.interface.link !== undefined;

function findRoute(inet: Inet, request: Request): readonly Answer[] | number {
  const to = attributesOf(request.body, 12).get(RouteAttribute.DESTINATION);
  if (!to || (to.length !== 4 && to.length !== 16)) return -E.INVAL;
  const lo = inet.stack.interfaces.find((i) => !i.link), found = inet.stack.isLocal(to) && lo ? undefined : inet.stack.routes.find(to);
  if (!found && !inet.stack.isLocal(to)) return -E.NETUNREACH;
  const source = inet.stack.sourceFor(to) ?? anyOf(to), out = found?.interface ?? lo!;
  return [{ type: Type.NEWROUTE,
    body: join(u8(familyOf(to), to.length * 8, 0, 0, MAIN_TABLE, 0, 0, found ? UNICAST : 2), u32(0x200),
      attribute(RouteAttribute.DESTINATION, to), attribute(RouteAttribute.SOURCE, source),
    ...(found?.gateway ? [attribute(RouteAttribute.GATEWAY, found.gateway)] : []), attribute(RouteAttribute.OUT, u32(out.index))) }];
}
interface Wanted {
  readonly prefix: Ip;
  readonly bits: number;
  readonly gateway: Ip | undefined;
  readonly iface: Interface | undefined;
  readonly metric: number
}
function wantedRoute(inet: Inet, request: Request): Wanted | number {
  if (request.body.length < 12) return -E.INVAL;
  const length = request.body[0] === Af.INET ? 4 : 16, attributes = attributesOf(request.body, 12),
    of = (name: number): Ip | undefined => attributes.get(name)?.slice(), out = numberAt(attributes.get(RouteAttribute.OUT));
  const prefix = of(RouteAttribute.DESTINATION) ?? new Uint8Array(length), gateway = of(RouteAttribute.GATEWAY), bits = request.body[1]!;
  if (prefix.length !== length || (gateway && gateway.length !== length) || bits > length * 8) return -E.INVAL;
  const iface = out ? inet.stack.interfaces.find((i) => i.index === out) : gateway && inet.stack.routes.find(gateway)?.interface;
  return { prefix, bits, gateway, iface, metric: numberAt(attributes.get(RouteAttribute.PRIORITY)) };
}
function newRoute(inet: Inet, request: Request): number {
  const wanted = wantedRoute(inet, request);
  if (typeof wanted === 'number') return wanted;
  if (!wanted.iface) return wanted.gateway ? -E.NETUNREACH : -E.NODEV;
  const isSame = (r: Route): boolean =>
    r.bits === wanted.bits && same(networkOf(r), networkOf({ ...r, prefix: wanted.prefix })) && r.metric === wanted.metric;
  if (request.flags & Flag.REPLACE) inet.stack.routes.remove(isSame);
  const { prefix, bits, gateway, metric } = wanted;
  return inet.stack.routes.add({ prefix, bits, gateway, metric, interface: wanted.iface, origin: request.body[5]! }) ? 0 : -E.EXIST;
}
function deleteRoute(inet: Inet, request: Request): number {
  const wanted = wantedRoute(inet, request);
  if (typeof wanted === 'number') return wanted;
  const fits = (r: Route): boolean =>
    r.bits === wanted.bits && r.prefix.length === wanted.prefix.length && same(networkOf(r), networkOf({ ...r, prefix: wanted.prefix }))
    && (!wanted.gateway || (r.gateway !== undefined && same(r.gateway, wanted.gateway))) && (!wanted.iface || wanted.iface === r.interface);
  let left = 1;
  return inet.stack.routes.remove((r) => left > 0 && fits(r) && left-- > 0) > 0 ? 0 : -E.SRCH;
}

/** struct ndmsg, destination, link address. */
const neighbourAnswers = (i: Interface, family: number): Answer[] =>
  (i.neighbours?.entries ?? []).filter((n) => family === 0 || family === familyOf(n.ip)).map((n) => ({
  type: Type.NEWNEIGH,
  body: join(u8(familyOf(n.ip), 0, 0, 0), u32(i.index), u8(n.mac ? REACHABLE : INCOMPLETE, 0, 0, 0, UNICAST).subarray(0, 4),
    attribute(1, n.ip), ...(n.mac ? [attribute(2, n.mac)] : [])),
}));

export const routeRows: Readonly<Record<number, RouteRow>> = {
  [Type.GETLINK]: {
    dump: (inet) => inet.stack.interfaces.map(linkAnswer),
    get: (inet, q) => { const i = linkOf(inet, q); return i ? [linkAnswer(i)] : -E.NODEV; }
  },
  [Type.NEWLINK]: { change: setLink }, [Type.SETLINK]: { change: setLink },
  [Type.GETADDR]: { dump: (inet, family) => inet.stack.interfaces.flatMap((i) => addressAnswers(i, family)) },
  [Type.NEWADDR]: { change: newAddress }, [Type.DELADDR]: { change: deleteAddress },
  [Type.GETROUTE]: {
    dump: (inet, family) =>
      inet.stack.routes.all.filter((r) => isShown(r) && (family === 0 || family === familyOf(r.prefix))).map(routeAnswer),
    get: findRoute
  },
  [Type.NEWROUTE]: { change: newRoute }, [Type.DELROUTE]: { change: deleteRoute },
  [Type.GETNEIGH]: { dump: (inet, family) => inet.stack.interfaces.flatMap((i) => neighbourAnswers(i, family)) },
  [Type.GETRULE]: { dump: () => [] },
};
