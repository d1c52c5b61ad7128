/** The network interfaces as the SIOC… calls on any socket report and change them (struct ifreq: 16 bytes of name, 24 of value). */
import { ANY4, broadcastOf, isIp4, type Ip } from '../../network/address.ts';
import { same } from '../../network/bytes.ts';
import type { Assigned, Interface } from '../../network/link/interface.ts';
import { E } from '../abi/errno.ts';
import { Cap } from '../abi/linux.ts';
import { capable } from '../kernel/creds.ts';
import type { Thread } from '../kernel/thread.ts';
import { bytesOf, clearUser, copyIn, copyOut, getI64, getString, getU16, getU32, setU16, setU32 } from '../mm/uaccess.ts';
import { encode, inetAddress, Af } from './address.ts';
import { inetOf } from './inet/inet.ts';

const Iff = { UP: 1, BROADCAST: 2, LOOPBACK: 8, RUNNING: 0x40, MULTICAST: 0x1000, LOWER_UP: 0x1_0000 } as const;
const Arphrd = { ETHER: 1, LOOPBACK: 772 } as const;
export const QUEUE_LENGTH = 1000;

export const flagsOf = (i: Interface): number =>
  (i.up ? Iff.UP | Iff.RUNNING | Iff.LOWER_UP : 0) | (i.link ? Iff.BROADCAST | Iff.MULTICAST : Iff.LOOPBACK);
export const typeOf = (i: Interface): number => (i.link ? Arphrd.ETHER : Arphrd.LOOPBACK);
export const hardwareOf = (i: Interface): Uint8Array => i.link?.mac ?? new Uint8Array(6);

const Sioc = {
  ADDRT: 0x890b, DELRT: 0x890c, NAME: 0x8910, CONF: 0x8912, FLAGS: 0x8913, SETFLAGS: 0x8914, ADDR: 0x8915, SETADDR: 0x8916, DSTADDR: 0x8917,
  BRDADDR: 0x8919, SETBRDADDR: 0x891a, NETMASK: 0x891b,
  SETNETMASK: 0x891c, METRIC: 0x891d, MTU: 0x8921, SETMTU: 0x8922, HWADDR: 0x8927, INDEX: 0x8933, TXQLEN: 0x8942, SETTXQLEN: 0x8943,
  MAP: 0x8970, ETHTOOL: 0x8946,
} as const;
const inet = (ip: Ip): Uint8Array => encode(inetAddress(Af.INET, ip, 0));
const maskOf = (bits: number): Ip => Uint8Array.from({ length: 4 }, (_, i) => 0xff00 >> Math.min(8, Math.max(0, bits - 8 * i)));
const firstOf = (i: Interface): Assigned | undefined => i.addresses.find((a) => isIp4(a.ip));

/** ioctl(2) on a socket; undefined = none of these. */
export function interfaceCall(thread: Thread, command: number, va: number): number | undefined {
  const { mm } = thread, { interfaces } = inetOf(thread.k).stack;
  if (command === Sioc.CONF) return listAll(thread, va);
  if (command === Sioc.ADDRT || command === Sioc.DELRT) return changeRoute(thread, va, command === Sioc.ADDRT);
  if (command === Sioc.NAME) {
    const named = interfaces.find((i) => i.index === getU32(mm, va + 16));
    if (!named) return -E.NODEV;
    copyOut(mm, va, bytesOf(`${named.name}\0`));
    return 0;
  }
  if (command === Sioc.ETHTOOL) {
    const at = getI64(mm, va + 16);
    if (at <= 0) return -E.FAULT;
    getU32(mm, at);
  }
  const tell = getters[command], change = setters[command];
  if (!tell && !change) return command >= 0x8900 && command < 0x8a00 ? -E.OPNOTSUPP : undefined;
  const i = interfaces.find((x) => x.name === (getString(mm, va, 17) ?? '').replace(/:.*$/, ''));
  if (!i) return -E.NODEV;
  if (tell) return tell(thread, i, va + 16);
  return capable(thread.creds, Cap.NET_ADMIN) ? change!(thread, i, va + 16) : -E.PERM;
}

type Access = (t: Thread, i: Interface, va: number) => number;
const told = (tell: (t: Thread, i: Interface, va: number) => void): Access => (t, i, va) => { tell(t, i, va); return 0; };
/** These calls report the first IPv4 address; an interface without one reports an error. */
const ofAddress = (pick: (a: Assigned, i: Interface) => Ip): Access => (thread, i, va) => {
  const assigned = firstOf(i);
  if (!assigned) return -E.ADDRNOTAVAIL;
  copyOut(thread.mm, va, inet(pick(assigned, i)));
  return 0;
};
const getters: Readonly<Record<number, Access>> = {
  [Sioc.FLAGS]: told((t, i, va) => setU16(t.mm, va, flagsOf(i) & 0xffff)), [Sioc.ADDR]: ofAddress((a) => a.ip),
  [Sioc.DSTADDR]: ofAddress((a) => a.ip),
  [Sioc.BRDADDR]: ofAddress((a, i) => (i.link ? broadcastOf(a.ip, a.bits) : ANY4)), [Sioc.NETMASK]: ofAddress((a) => maskOf(a.bits)),
  [Sioc.METRIC]: told((t, _, va) => setU32(t.mm, va, 0)), [Sioc.MTU]: told((t, i, va) => setU32(t.mm, va, i.mtu)),
  [Sioc.HWADDR]: told((t, i, va) => { clearUser(t.mm, va, 16); setU16(t.mm, va, typeOf(i)); copyOut(t.mm, va + 2, hardwareOf(i)); }),
  [Sioc.INDEX]: told((t, i, va) => setU32(t.mm, va, i.index)), [Sioc.TXQLEN]: told((t, _, va) => setU32(t.mm, va, QUEUE_LENGTH)),
  [Sioc.MAP]: told((t, _, va) => clearUser(t.mm, va, 24)),
};

/** Replaces the interface's IPv4 address. */
function setAddress(thread: Thread, i: Interface, ip: Ip, bits: number): number {
  const own = inetOf(thread.k), old = firstOf(i);
  own.act(() => {
    if (old) own.stack.unassign(i, old.ip);
    if (!ip.every((b) => b === 0)) own.stack.assign(i, ip, bits);
    own.setUp(i, true);
  });
  return 0;
}
const classBits = (ip: Ip): number => (ip[0]! < 128 ? 8 : ip[0]! < 192 ? 16 : 24);
const addressAt = (t: Thread, va: number): Ip | number => (getU16(t.mm, va) === Af.INET ? copyIn(t.mm, va + 4, 4).slice() : -E.INVAL);

const setters: Readonly<Record<number, Access>> = {
  [Sioc.SETFLAGS]: (t, i, va) => { inetOf(t.k).setUp(i, (getU16(t.mm, va) & Iff.UP) !== 0); return 0; },
  [Sioc.SETADDR]: (t, i, va) => { const ip = addressAt(t, va); return typeof ip === 'number' ? ip : setAddress(t, i, ip, classBits(ip)); },
  [Sioc.SETNETMASK]: (thread, i, va) => {
    const mask = addressAt(thread, va), assigned = firstOf(i);
    if (typeof mask === 'number') return mask;
    const bits = [...mask].map((b) => b.toString(2).padStart(8, '0')).join('').replace(/0*$/, '');
    return !assigned ? -E.ADDRNOTAVAIL : bits.includes('0') ? -E.INVAL : setAddress(thread, i, assigned.ip, bits.length);
  },
  [Sioc.SETBRDADDR]: (_, i) => (firstOf(i) ? 0 : -E.ADDRNOTAVAIL),
  [Sioc.SETMTU]: (thread, i, va) => {
    const mtu = getU32(thread.mm, va);
    if (mtu < 68 || mtu > 65_536) return -E.INVAL;
    i.mtu = mtu;
    return 0;
  },
};

/** struct rtentry: destination, gateway, mask at 8, 24, 40; flags at 56; metric at 74 (plus one); name of the interface at 80. */
function changeRoute(thread: Thread, va: number, adds: boolean): number {
  if (!capable(thread.creds, Cap.NET_ADMIN)) return -E.PERM;
  const { stack } = inetOf(thread.k), prefix = copyIn(thread.mm, va + 12, 4).slice(), via = copyIn(thread.mm, va + 28, 4).slice(),
    mask = copyIn(thread.mm, va + 44, 4), flags = getU16(thread.mm, va + 56), nameVa = getI64(thread.mm, va + 80);
  const bits = flags & 4 ? 32 : [...mask].reduce((n, b) => n + b.toString(2).replace(/0/g, '').length, 0),
    gateway = flags & 2 ? via : undefined;
  const named = nameVa ? stack.interfaceNamed(getString(thread.mm, nameVa, 16) ?? '') : undefined,
    iface = named ?? (gateway && stack.routes.find(gateway)?.interface);
  if (!adds)
    return stack.routes.remove((r) =>
      r.bits === bits && same(r.prefix, prefix) && (!gateway || (r.gateway !== undefined && same(r.gateway, gateway)))) > 0
      ? 0
      : -E.SRCH;
  if (!iface) return gateway ? -E.NETUNREACH : -E.NODEV;
  return stack.routes.add({ prefix, bits, gateway, interface: iface, metric: Math.max(0, getU16(thread.mm, va + 74) - 1), origin: 3 })
    ? 0
    : -E.EXIST;
}

/** struct ifconf: room in bytes, address of the list (0 asks for the room needed). */
function listAll(thread: Thread, va: number): number {
  const room = getU32(thread.mm, va), list = getI64(thread.mm, va + 8), all = inetOf(thread.k).stack.interfaces.filter(firstOf).map((i) => {
    const bytes = new Uint8Array(40);
    bytes.set(bytesOf(i.name));
    bytes.set(inet(firstOf(i)!.ip), 16);
    return bytes;
  });
  const fit = list === 0 ? all.length : Math.min(all.length, Math.floor(room / 40));
  if (list !== 0) all.slice(0, fit).forEach((bytes, n) => copyOut(thread.mm, list + 40 * n, bytes));
  setU32(thread.mm, va, 40 * fit);
  return 0;
}
