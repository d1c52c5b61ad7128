/**
 * Link addresses of the neighbours: found by ARP or neighbour discovery, kept for a while, confirmed before they are dropped. Packets wait
 * meanwhile, a bounded number for each address.
 *
 * Documentation: RFC 826, RFC 1122 2.3.2, RFC 4861 7.
 */
import { keyOf, type Ip } from '../address.ts';
import { Timer, type Timers } from '../timers.ts';

const WAITING_MOST = 101, ENTRIES_MOST = 1024, TRIES = 3, INTERVAL = 1_000_000, REACHABLE = 30_000_000;

interface Entry {
  readonly ip: Ip;
  mac: Uint8Array | undefined;
  /** Time until which the link address is valid without confirmation. */
  until: number;
  tries: number;
  /** Packets that wait for it. */
  waiting: Uint8Array[];
  readonly timer: Timer;
}

export interface NeighbourHost {
  readonly timers: Timers;
  now(): number;
  /** Asks for the link address of `ip`: all hosts, or the last known owner. */
  ask(ip: Ip, mac: Uint8Array | undefined): void;
  /** Sends an IP packet to a link address. */
  transmit(packet: Uint8Array, mac: Uint8Array): void;
  /** Called for each waiting packet when no answer arrives. */
  unreachable(packet: Uint8Array): void;
}

export class Neighbours {
  readonly #host: NeighbourHost;
  readonly #entries = new Map<string, Entry>();
  constructor(host: NeighbourHost) { this.#host = host; }

  get entries(): { ip: Ip; mac: Uint8Array | undefined }[] { return [...this.#entries.values()].map(({ ip, mac }) => ({ ip, mac })); }

  /** Sends a packet to a neighbour, now or when its link address is known. */
  send(ip: Ip, packet: Uint8Array): void {
    const entry = this.#entries.get(keyOf(ip)) ?? this.#create(ip);
    if (entry.mac === undefined) {
      if (entry.waiting.length >= WAITING_MOST) entry.waiting.shift();
      entry.waiting.push(packet);
      if (entry.timer.at === Infinity) this.#try(entry);
      return;
    }
    this.#host.transmit(packet, entry.mac);
    if (this.#host.now() > entry.until && entry.timer.at === Infinity) this.#try(entry);
  }

  /** A neighbour announced its link address. Without `create`, only known neighbours are updated. */
  learn(ip: Ip, mac: Uint8Array, create: boolean): void {
    const entry = this.#entries.get(keyOf(ip)) ?? (create ? this.#create(ip) : undefined);
    if (!entry) return;
    entry.mac = mac.slice();
    entry.until = this.#host.now() + REACHABLE;
    entry.tries = 0;
    this.#host.timers.stop(entry.timer);
    for (const packet of entry.waiting.splice(0)) this.#host.transmit(packet, entry.mac);
  }

  forget(): void {
    for (const entry of this.#entries.values()) this.#host.timers.stop(entry.timer);
    this.#entries.clear();
  }

  #create(ip: Ip): Entry {
    if (this.#entries.size >= ENTRIES_MOST) this.#drop(this.#entries.values().next().value!);
    const entry: Entry = { ip: ip.slice(), mac: undefined, until: 0, tries: 0, waiting: [], timer: new Timer(() => this.#try(entry)) };
    this.#entries.set(keyOf(ip), entry);
    return entry;
  }

  #try(entry: Entry): void {
    if (entry.tries++ >= TRIES) { this.#drop(entry); return; }
    this.#host.timers.set(entry.timer, this.#host.now() + INTERVAL);
    this.#host.ask(entry.ip, entry.mac);
  }

  #drop(entry: Entry): void {
    this.#host.timers.stop(entry.timer);
    this.#entries.delete(keyOf(entry.ip));
    for (const packet of entry.waiting.splice(0)) this.#host.unreachable(packet);
  }
}
