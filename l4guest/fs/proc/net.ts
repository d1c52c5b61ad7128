/** /proc/net: interfaces, routes and sockets in the columns that programs expect. */
import type { Ip } from '../../../network/address.ts';
import { State } from '../../../network/tcp/connection.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { inetOf } from '../../net/inet/inet.ts';
import { NUMBERS } from '../../net/inet/options.ts';
import { flagsOf, hardwareOf, typeOf } from '../../net/interfaces.ts';
import { GeneratedDir } from '../generated.ts';
import type { FileSystem } from '../inode.ts';

const hex = (value: number, digits: number): string => value.toString(16).toUpperCase().padStart(digits, '0');
/** An address as hexadecimal words in the machine's byte order. */
const words = (ip: Ip): string =>
  Array.from({ length: ip.length / 4 }, (_, i) => hex(new DataView(ip.buffer, ip.byteOffset).getUint32(4 * i, true), 8)).join('');
const end = (ip: Ip, port: number): string => `${words(ip)}:${hex(port, 4)}`;

interface Line {
  readonly local: Ip;
  readonly localPort: number;
  readonly remote: Ip;
  readonly remotePort: number;
  readonly state: number;
  readonly unsent: number;
  readonly received: number;
  readonly drops?: number
}
const HEAD = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
const line = (line: Line, n: number): string =>
  `${String(n).padStart(4)}: ${end(line.local, line.localPort)} ${end(line.remote, line.remotePort)} ${hex(line.state,
    2)} ${hex(line.unsent, 8)}:`
    + `${hex(line.received, 8)} 00:00000000 00000000     0        0 0 1 0000000000000000`
    + `${line.drops === undefined ? ' 100 0 0 10 0' : ` ${line.drops}`}`;
const table = (head: string, lines: readonly Line[]): string => [head, ...lines.map(line)].map((l) => `${l}\n`).join('');
const none = (ip: Ip): Ip => new Uint8Array(ip.length);

function tcp(k: Kernel, length: number): string {
  const { stack } = inetOf(k), all = [
    ...[...stack.tcp.listeners].map((l): Line => ({
      local: l.local, localPort: l.port, remote: none(l.local), remotePort: 0, state: 10, unsent: 0, received: l.ready.length
    })),
    ...[...stack.tcp.connections].filter((c) => c.state !== State.CLOSED).map((c): Line => ({
      ...c.ends, state: NUMBERS[c.state], unsent: c.sender.queue.length, received: c.receiver.queue.length
    })),
  ];
  return table(HEAD, all.filter((s) => s.local.length === length));
}
function udp(k: Kernel, length: number): string {
  const all = inetOf(k).stack.udp.sockets.filter((s) => s.local.length === length).map((udpSocket): Line => ({
    local: udpSocket.local, localPort: udpSocket.port, remote: udpSocket.remote?.ip ?? none(udpSocket.local),
      remotePort: udpSocket.remote?.port ?? 0, state: udpSocket.remote ? 1 : 7,
    unsent: 0, received: udpSocket.queue.reduce((n, d) => n + d.payload.length, 0), drops: udpSocket.dropped,
  }));
  return table(`${HEAD} ref pointer drops`, all);
}
function raw(k: Kernel, family: 4 | 6): string {
  const all = [...inetOf(k).stack.raw.sockets].filter((s) => s.family === family && s.echo === undefined).map((s): Line => ({
    local: s.local, localPort: s.protocol, remote: s.remote ?? none(s.local), remotePort: 0, state: 7, unsent: 0, received: 0, drops: 0,
  }));
  return table(`${HEAD} ref pointer drops`, all);
}

const DEV_HEAD = 'Inter-|   Receive                                                |  Transmit\n'
  + ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n';
function dev(k: Kernel): string {
  const column = (n: number, width: number): string => String(n).padStart(width);
  return DEV_HEAD + inetOf(k).stack.interfaces.map(({ name, counts: c }) =>
    `${name.padStart(6)}: ${column(c.rxBytes, 7)} ${column(c.rxPackets, 7)}    0 ${column(c.rxDropped, 4)}    0     0          0         0 `
      + `${column(c.txBytes, 8)} ${column(c.txPackets, 7)}    0 ${column(c.txDropped, 4)}    0     0       0          0\n`).join('');
}

const mask = (bits: number): Ip => Uint8Array.from({ length: 4 }, (_, i) => 0xff00 >> Math.min(8, Math.max(0, bits - 8 * i)));
const network = (ip: Ip, bits: number): Ip => ip.map((b, i) => b & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * i))));
function route(k: Kernel): string {
  const shown = inetOf(k).stack.routes.all.filter((entry) => entry.prefix.length === 4 && entry.interface.link);
  const lines = shown.map(({ prefix, bits, gateway, metric, interface: { name, up } }) =>
    `${name}\t${words(network(prefix, bits))}\t${gateway ? words(gateway) : '00000000'}\t`
      + `${hex((up ? 1 : 0) | (gateway ? 2 : 0) | (bits === 32 ? 4 : 0), 4)}\t0\t0\t${metric}\t${words(mask(bits))}\t0\t0\t0`);
  return ['Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT', ...lines]
    .map((line) => `${line.padEnd(127)}\n`).join('');
}
const plain = (bytes: Ip): string => [...bytes].map((b) => b.toString(16).padStart(2, '0')).join('');
function addresses6(k: Kernel): string {
  return inetOf(k).stack.interfaces.flatMap((i) => i.addresses.filter((a) => a.ip.length === 16).map((a) =>
    `${plain(a.ip)} ${hex(i.index, 2).toLowerCase()} ${hex(a.bits, 2).toLowerCase()} ${a.ip[0] === 0xfe ? '20' : i.link ? '00' : '10'} `
      + `${a.tentative ? 'c0' : '80'} ${i.name.padStart(8)}\n`)).join('');
}
function routes6(k: Kernel): string {
  return inetOf(k).stack.routes.all.filter((r) => r.prefix.length === 16).map((r) =>
    `${plain(network(r.prefix, r.bits))} ${hex(r.bits, 2).toLowerCase()} ${'0'.repeat(32)} 00 ${plain(r.gateway ?? none(r.prefix))} `
      + `${hex(r.metric, 8).toLowerCase()} 00000001 00000000 ${r.gateway ? '00000003' : '00000001'} ${r.interface.name.padStart(8)}\n`)
    .join('');
}
const macText = (mac: Uint8Array): string => [...mac].map((b) => b.toString(16).padStart(2, '0')).join(':');
function arp(k: Kernel): string {
  const rows = inetOf(k).stack.interfaces.flatMap((i) => (i.neighbours?.entries ?? []).filter((n) => n.ip.length === 4).map((n) =>
    `${n.ip.join('.').padEnd(16)} 0x1         ${n.mac ? '0x2' : '0x0'}         ${macText(n.mac ?? new Uint8Array(6))}     *        `
      + `${i.name}\n`));
  return `IP address       HW type     Flags       HW address            Mask     Device\n${rows.join('')}`;
}
function sockstat(k: Kernel): string {
  const { stack } = inetOf(k), connections = [...stack.tcp.connections],
    waiting = connections.filter((c) => c.state === State.TIME_WAIT).length;
  const tcpInUse = connections.length - waiting + [...stack.tcp.listeners].length, udpInUse = stack.udp.sockets.length;
  return `sockets: used ${tcpInUse + udpInUse + stack.raw.sockets.size}\nTCP: inuse ${tcpInUse} orphan `
    + `${connections.filter((c) => c.orphan).length} tw ${waiting} alloc ${tcpInUse} mem 0\nUDP: inuse ${udpInUse} mem 0\n`
    + `UDPLITE: inuse 0\nRAW: inuse ${stack.raw.sockets.size}\nFRAG: inuse 0 memory 0\n`;
}

/** The directory `net` of a process: all share one network. `unix` lists Unix sockets. */
export function netDir(fs: FileSystem, k: Kernel, unix: () => string): GeneratedDir {
  return new GeneratedDir(fs).file('dev', () => dev(k)).file('route', () => route(k)).file('arp', () => arp(k)).file('tcp', () => tcp(k, 4))
    .file('tcp6', () => tcp(k, 16))
    .file('udp', () => udp(k, 4)).file('udp6', () => udp(k, 16)).file('raw', () => raw(k, 4)).file('raw6', () => raw(k, 6))
    .file('unix', unix).file('if_inet6', () => addresses6(k))
    .file('ipv6_route', () => routes6(k)).file('sockstat', () => sockstat(k))
    .file('packet', () => 'sk       RefCnt Type Proto  Iface R Rmem   User   Inode\n')
    .file('netlink', () => 'sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n')
    .file('dev_mcast', () => '').file('igmp', () => 'Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n')
    .file('protocols', () =>
      'protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de sh ss gs se re sp bi br ha uh gp em\n');
}

/** /sys/class/net/NAME: the files that programs look for. */
export function classNet(fs: FileSystem, k: Kernel): GeneratedDir {
  const dirs = new Map<string, GeneratedDir>();
  const of = (name: string): GeneratedDir | undefined => {
    const i = inetOf(k).stack.interfaceNamed(name);
    if (!i) return undefined;
    const known = dirs.get(name);
    if (known) return known;
    const counts = new GeneratedDir(fs);
    for (const [file, key] of [
      ['rx_packets', 'rxPackets'], ['tx_packets', 'txPackets'], ['rx_bytes', 'rxBytes'], ['tx_bytes', 'txBytes'],
      ['rx_dropped', 'rxDropped'], ['tx_dropped', 'txDropped']
    ] as const)
      counts.file(file, () => `${i.counts[key]}\n`);
    for (const file of ['rx_errors', 'tx_errors', 'collisions', 'multicast']) counts.file(file, () => '0\n');
    const dir = new GeneratedDir(fs).file('address', () => `${macText(hardwareOf(i))}\n`).file('mtu', () => `${i.mtu}\n`)
      .file('ifindex', () => `${i.index}\n`).file('type', () => `${typeOf(i)}\n`)
      .file('flags', () => `0x${(flagsOf(i) & 0xffff).toString(16)}\n`)
      .file('operstate', () => `${i.link ? (i.up ? 'up' : 'down') : 'unknown'}\n`).file('carrier', () => `${i.up ? 1 : 0}\n`)
      .file('tx_queue_len', () => '1000\n').file('addr_len', () => '6\n')
      .file('broadcast', () => `${macText(new Uint8Array(6).fill(i.link ? 255 : 0))}\n`).add('statistics', counts);
    dirs.set(name, dir);
    return dir;
  };
  return new GeneratedDir(fs, of, () => inetOf(k).stack.interfaces.map((i) => ({
    name: i.name, ino: 5_000_000 + i.index, type: 0o040000
  })));
}

