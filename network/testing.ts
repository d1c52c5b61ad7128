/** For tests: two hosts in virtual time and a cable that delays, loses, duplicates, reorders and damages frames, all by one seed. */
import { ip4, type Ip } from './address.ts';
import type { Budget } from './budget.ts';
import type { Interface } from './link/interface.ts';
import { Stack } from './stack.ts';
import { State, type TcpConnection } from './tcp/connection.ts';
import { Timer, Timers } from './timers.ts';

/** Marsaglia's xorshift: 32 bits a call. */
export function randomOf(seed: number): () => number {
  let x = (seed * 2654435761 + 1) >>> 0 || 1;
  return () => {
    x ^= x << 13; x >>>= 0;
    x ^= x >>> 17;
    x ^= x << 5; x >>>= 0;
    return x;
  };
}

/** Chances are per frame, from 0 to 1; times microseconds. */
export interface Cable {
  readonly seed?: number;
  readonly delay?: number;
  /** Random extra delay: more than the time between frames reorders them. */
  readonly jitter?: number;
  readonly loss?: number;
  readonly doubles?: number;
  readonly damage?: number;
  /** Bytes per microsecond; frames wait for one another. */
  readonly speed?: number;
  readonly mtu?: number;
  /** Of host B. */
  readonly budget?: Budget;
  /** Sees every frame before it goes; false drops it. */
  readonly watch?: (from: 'a' | 'b', frame: Uint8Array) => boolean;
}

export class Pair {
  now = 0;
  readonly wires = new Timers();
  readonly a: Stack;
  readonly b: Stack;
  readonly ipA = ip4(10, 0, 0, 1);
  readonly ipB = ip4(10, 0, 0, 2);
  readonly faceA: Interface;
  readonly faceB: Interface;
  readonly #random: () => number;
  readonly #busyUntil = { a: 0, b: 0 };
  frames = 0;

  constructor(cable: Cable = {}) {
    this.#random = randomOf(cable.seed ?? 1);
    const make = (seed: number, budget?: Budget): Stack =>
      new Stack({ now: () => this.now, random: randomOf((cable.seed ?? 1) * 31 + seed), ...(budget ? { budget } : {}) });
    this.a = make(1);
    this.b = make(2, cable.budget);
    const mtu = cable.mtu ?? 1500;
    this.a.addLoopback();
    this.b.addLoopback();
    this.faceA = this.a.addEthernet('eth0', { mac: Uint8Array.of(2, 0, 0, 0, 0, 1), mtu, send: (frame) => this.#carry('a', frame, cable) });
    this.faceB = this.b.addEthernet('eth0', { mac: Uint8Array.of(2, 0, 0, 0, 0, 2), mtu, send: (frame) => this.#carry('b', frame, cable) });
    this.a.assign(this.faceA, this.ipA, 24);
    this.b.assign(this.faceB, this.ipB, 24);
  }

  #chance(p: number | undefined): boolean { return p !== undefined && p > 0 && this.#random() / 2 ** 32 < p; }

  #carry(from: 'a' | 'b', frame: Uint8Array, cable: Cable): void {
    this.frames++;
    if (cable.watch && !cable.watch(from, frame)) return;
    if (this.#chance(cable.loss)) return;
    const copies = this.#chance(cable.doubles) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const copy = frame.slice();
      if (this.#chance(cable.damage)) copy[this.#random() % copy.length]! ^= 1 << (this.#random() % 8);
      const start = Math.max(this.now, this.#busyUntil[from]), takes = cable.speed ? Math.ceil(frame.length / cable.speed) : 0;
      this.#busyUntil[from] = start + takes;
      const at = start + takes + (cable.delay ?? 100) + (cable.jitter ? this.#random() % cable.jitter : 0);
      this.wires.set(new Timer(() => (from === 'a' ? this.b.receive(this.faceB, copy) : this.a.receive(this.faceA, copy))), at);
    }
  }

  /** Runs until `done` or until nothing more happens; returns whether it was done. `limit` microseconds at most. */
  run(done: () => boolean = () => false, limit = 600_000_000): boolean {
    const end = this.now + limit;
    this.a.flush();
    this.b.flush();
    while (!done()) {
      const next = Math.min(this.wires.next, this.a.next, this.b.next);
      if (next === Infinity || next > end) return false;
      this.now = Math.max(this.now, next);
      this.wires.run(this.now);
      this.a.run();
      this.b.run();
    }
    return true;
  }

  /** A connection from A to port 80 of B, and B's end of it. */
  connect(port = 80): { client: TcpConnection; server: TcpConnection } {
    const listener = this.b.tcp.listen(this.ipB, port, 8);
    const client = this.a.tcp.create({ local: this.ipA, localPort: this.a.tcp.ephemeral()!, remote: this.ipB, remotePort: port })!;
    client.connect();
    if (!this.run(() => listener.ready.length > 0 && client.state === State.ESTABLISHED)) throw new Error(`no connection: ${client.state}`);
    return { client, server: listener.accept()! };
  }
}

/** Test bytes: each is a function of its position. */
export function patternOf(length: number, seed: number): Uint8Array {
  const random = randomOf(seed), bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = random();
  return bytes;
}

/** Moves bytes from one end to the other through the users' calls, `chunk` at a time. */
export class Transfer {
  readonly got: Uint8Array;
  received = 0;
  #sent = 0;
  readonly #bytes: Uint8Array;
  readonly #from: TcpConnection;
  readonly #to: TcpConnection;
  readonly #chunk: number;
  constructor(from: TcpConnection, to: TcpConnection, bytes: Uint8Array, chunk = 65_536) {
    this.#from = from; this.#to = to; this.#bytes = bytes; this.#chunk = chunk;
    this.got = new Uint8Array(bytes.length + 1);
  }
  get done(): boolean { return this.received >= this.#bytes.length; }
  step(): void {
    for (let n = -1; n !== 0 && this.#sent < this.#bytes.length; ) {
      n = this.#from.write(this.#bytes, this.#sent, Math.min(this.#bytes.length, this.#sent + this.#chunk));
      this.#sent += Math.max(0, n);
      if (n < 0) break;
    }
    for (let n = -1; n !== 0; this.received += n)
      n = this.#to.read(this.got, this.received, Math.min(this.#chunk, this.got.length - this.received));
  }
  /** The bytes that arrived, if they are complete and undamaged. */
  get isRight(): boolean { return this.received === this.#bytes.length && this.#bytes.every((byte, i) => byte === this.got[i]); }
}

export type { Ip };
