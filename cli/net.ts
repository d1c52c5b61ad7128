/**
 * `--net`: the networks of the board's cards.
 *
 *   gateway[,tftp=FOLDER]   a built-in host: ARP, ping, DHCP, UDP echo, TFTP with the files of a folder
 *   loop                    a card receives its own frames
 *   user[,hostfwd=tcp:[ADDR]:PORT-[GUEST]:PORT][,restrict=on]   the gateway, and behind it the world: sockets of this host, recorded
 *   hub                     one switch for all cards that name it
 *   connect=HOST:PORT       another program, over TCP: its frames are outside input, and recorded
 *   listen=[HOST:]PORT      the same, for a program that connects
 *   … ,mac=52:54:00:12:34:56,pcap=FILE
 */
import { closeSync, openSync, readdirSync, writeSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { NetworkConfig } from '../l4guest/net/inet/uplink.ts';
import type { NetCard, NetWiring } from '../machine/devices/net-port.ts';
import { type Captured, tapped } from '../machine/net/capture.ts';
import { GATEWAY_IP, GUEST_IP, Gateway, NAMESERVER_IP } from '../machine/net/gateway/gateway.ts';
import { textOfIp } from '../network/address.ts';
import { Hub, loopback } from '../machine/net/hub.ts';
import { LinkType, interfaceBlock, packetBlock, sectionHeader } from '../trace/pcapng.ts';
import { CliError, Exit, fileError, outputError } from './errors.ts';
import { readInput } from './files.ts';
import { type Address, NetLink, parseAddress } from './net-link.ts';
import { HostWorld, bytesOfIp, type ForwardOption } from './world.ts';

const kinds = ['gateway', 'user', 'loop', 'hub', 'connect', 'listen'] as const;
const HELP = 'write --net user[,hostfwd=tcp::2222-:22][,restrict=on], gateway[,tftp=FOLDER], loop, hub, connect=HOST:PORT or listen=PORT, '
  + 'each with ,mac=ADDRESS and ,pcap=FILE if you like';

/** Options of each kind besides mac and pcap. */
const WORDS: Partial<Record<string, readonly string[]>> = { gateway: ['tftp'], user: ['tftp', 'hostfwd', 'restrict'] };

export interface NetOption {
  readonly kind: (typeof kinds)[number];
  readonly tftp?: string;
  readonly forwards?: readonly ForwardOption[];
  readonly restricted?: boolean;
  /** Of connect and listen. */
  readonly address?: Address;
  readonly mac?: Uint8Array;
  readonly pcap?: string;
}

/** Reads one `--net`. @throws CliError */
export function parseNet(text: string): NetOption {
  const [first, ...rest] = text.split(',');
  const [kind, where] = first.split(/=(.*)/s);
  if (!kinds.some((k) => k === kind)) throw new CliError('E_OPTION', `option --net: '${kind}' is none of ${kinds.join(', ')}`, HELP);
  const address = kind === 'connect' || kind === 'listen' ? addressOf(kind, where ?? '') : undefined;
  if (address === undefined && where !== undefined) throw new CliError('E_OPTION', `option --net: '${first}' is not understood`, HELP);
  const given = new Map<string, string>(), forwards: ForwardOption[] = [];
  for (const word of rest) {
    const [name, value = ''] = word.split(/=(.*)/s);
    if (!['mac', 'pcap', ...(WORDS[kind!] ?? [])].includes(name!) || value === '')
      throw new CliError('E_OPTION', `option --net: '${word}' is not understood`, HELP);
    if (name === 'hostfwd') forwards.push(forwardOf(value));
    else given.set(name!, value);
  }
  const mac = given.get('mac');
  return {
    kind: kind as NetOption['kind'], tftp: given.get('tftp'), address,
    ...(kind === 'user' ? { forwards, restricted: switchOf(given.get('restrict')) } : {}), pcap: given.get('pcap'),
    mac: mac === undefined ? undefined : macAddress(mac)
  };
}

/** `tcp:[ADDR]:PORT-[GUEST]:PORT`; IPv6 addresses are in square brackets. */
function forwardOf(text: string): ForwardOption {
  const match = /^(tcp|udp):(\[[^\]]*\]|[^:]*):(\d+)-(\[[^\]]*\]|[^:]*):(\d+)$/.exec(text);
  const [, protocol, host = '', port = '', guest = '', guestPort = ''] = match ?? [];
  const bare = (address: string): string => address.replace(/^\[(.*)\]$/, '$1');
  const ip = guest === '' ? GUEST_IP : bytesOfIp(bare(guest));
  const isPort = (n: string): boolean => Number(n) > 0 && Number(n) < 65_536;
  if (!match || !ip || !isPort(port) || !isPort(guestPort) || (host !== '' && isIP(bare(host)) === 0)) {
    throw new CliError('E_OPTION', `option --net: 'hostfwd=${text}' is not understood`,
      'write hostfwd=tcp:[ADDRESS]:PORT-[GUEST]:PORT, for example hostfwd=tcp::2222-:22');
  }
  return {
    protocol: protocol as 'tcp' | 'udp', host: bare(host) || '127.0.0.1', port: Number(port), guest: { ip, port: Number(guestPort) }
  };
}

function switchOf(text: string | undefined): boolean {
  if (text !== undefined && !['on', 'off', 'yes', 'no'].includes(text))
    throw new CliError('E_OPTION', `option --net: 'restrict=${text}' is not understood`, 'write restrict=on or restrict=off');
  return text === 'on' || text === 'yes';
}

function addressOf(kind: string, where: string): Address {
  const address = parseAddress(where);
  if (address === undefined)
    throw new CliError('E_OPTION', `option --net: '${where}' is not where a card could be connected to`,
      `write for example --net ${kind}=127.0.0.1:5000`);
  return address;
}

function macAddress(text: string): Uint8Array {
  const bytes = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text)
    ? Uint8Array.from(text.split(':'), (part) => Number.parseInt(part, 16))
    : undefined;
  if (bytes === undefined || (bytes[0] & 1) !== 0)
    throw new CliError('E_OPTION', `option --net: '${text}' is not the address of a card`, 'write for example mac=52:54:00:12:34:56');
  return bytes;
}

/** The addresses of a guest's first card behind the gateway, for guests without DHCP. */
export function configOf({ kind }: NetOption): NetworkConfig | undefined {
  if (kind !== 'user' && kind !== 'gateway') return undefined;
  return {
    address: [...GUEST_IP], bits: 24, gateway: [...GATEWAY_IP], ...(kind === 'user' ? { nameServer: textOfIp(NAMESERVER_IP) } : {})
  };
}

/** Receives outside input: a frame for card number `card`, or undefined when no more will come. */
export type Arrived = (card: number, frame: Uint8Array | undefined) => void;

/** The networks of one run: opens files once, and creates cards again after each restart of the machine. */
export class Networks {
  readonly #options: readonly NetOption[];
  readonly #files: readonly Map<string, Uint8Array>[];
  readonly #captures: readonly (Capture | undefined)[];
  readonly #links = new Map<number, NetLink>();
  readonly #worlds = new Map<number, HostWorld>();
  /** How frames from outside reach the cards of the present machine. */
  readonly #entrances = new Map<number, (frame: Uint8Array) => void>();

  /** @throws CliError for folders and files that cannot be opened. */
  constructor(options: readonly NetOption[]) {
    this.#options = options;
    this.#files = options.map((o) => (o.tftp === undefined ? new Map<string, Uint8Array>() : filesOf(o.tftp)));
    options.forEach(({ kind }, n) => { if (kind === 'user') this.#worlds.set(n, new HostWorld()); });
    this.#captures = options.map((o, n) => (o.pcap === undefined ? undefined : new Capture(o.pcap, `net${n}`)));
  }

  /** Cards whose cables lead out of the process. */
  get outside(): number[] {
    return this.#options.flatMap(({ kind, address }, n) => (kind === 'user' || address !== undefined ? [n] : []));
  }

  /** Opens cables to other programs. A replay takes their frames from the recording instead. @throws CliError */
  async open(arrived: Arrived): Promise<void> {
    for (const n of this.outside) {
      const world = this.#worlds.get(n);
      if (world) { await world.start((message) => arrived(n, message), this.#options[n]!.forwards ?? []); continue; }
      const link = new NetLink((frame) => arrived(n, frame), () => arrived(n, undefined));
      this.#links.set(n, link);
      await link[this.#options[n].kind === 'connect' ? 'connect' : 'listen'](this.#options[n].address!);
    }
  }

  /** A frame, or a message of the world, from outside goes to card `card`, now. */
  deliver(card: number, frame: Uint8Array): void {
    this.#entrances.get(card)?.(frame);
  }

  /** Cards for a fresh board. */
  cards(): NetCard[] {
    const hub = new Hub();
    return this.#options.map(({ kind, mac }, n) => {
      const wiring = this.#wiring(n, kind, hub);
      const capture = this.#captures[n];
      return { mac, connect: capture === undefined ? wiring : tapped(wiring, (captured) => capture.see(captured)) };
    });
  }

  #wiring(n: number, kind: NetOption['kind'], hub: Hub): NetWiring {
    switch (kind) {
      case 'hub': return hub.port;
      case 'loop': return loopback;
      case 'gateway': return new Gateway({ files: this.#files[n] }).port;
      case 'user': return this.#userNetwork(n);
      default:
        return () => ({ send: (frame) => this.#links.get(n)?.send(frame), onFrame: (receive) => void this.#entrances.set(n, receive) });
    }
  }

  #userNetwork(n: number): NetWiring {
    const { forwards = [], restricted = false } = this.#options[n]!, world = this.#worlds.get(n)!;
    world.hangUp();
    const gateway = new Gateway({ files: this.#files[n], world, isOpen: true, restricted, forwards });
    this.#entrances.set(n, (message) => gateway.heard(message));
    return gateway.port;
  }

  /** @throws CliError when a capture file could not be written. */
  close(): void {
    for (const world of this.#worlds.values()) world.shut();
    for (const link of this.#links.values()) link.close();
    for (const capture of this.#captures) capture?.close();
  }
}

/** A capture file. A failed write is reported at the end and does not disturb the machine. */
class Capture {
  readonly #path: string;
  readonly #fd: number;
  #failed: unknown;

  constructor(path: string, name: string) {
    this.#path = path;
    try {
      this.#fd = openSync(path, 'w');
    } catch (error) {
      throw outputError('capture', path, error);
    }
    this.#put(sectionHeader('tessera'));
    this.#put(interfaceBlock({ name, linkType: LinkType.ETHERNET }));
  }

  see({ cycle, direction, frame }: Captured): void {
    this.#put(packetBlock({ interface: 0, nanoseconds: cycle, bytes: frame, direction }));
  }

  close(): void {
    closeSync(this.#fd);
    if (this.#failed !== undefined)
      throw fileError('capture', this.#path, this.#failed, 'what is in it up to there can be read', Exit.failure);
  }

  #put(bytes: Uint8Array): void {
    if (this.#failed !== undefined) return;
    try {
      writeSync(this.#fd, bytes);
    } catch (error) {
      this.#failed = error;
    }
  }
}

function filesOf(folder: string): Map<string, Uint8Array> {
  try {
    const names = readdirSync(folder, { withFileTypes: true, recursive: true }).filter((e) => e.isFile()).map((e) =>
      join(e.parentPath, e.name));
    return new Map(names.map((path) => [path.slice(join(folder, '/').length), readInput('TFTP file', path)]));
  } catch (error) {
    throw fileError('TFTP folder', folder, error);
  }
}
