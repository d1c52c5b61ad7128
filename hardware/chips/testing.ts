/** Stand-ins for unit specs: memory, lines, time, a terminal, a disk. */
import type { Alarm, BlockPort, BlockRequest, CharPort, GuestMemory, Line } from './ports.ts';

/** RAM without a machine around it, with the interface of the machine's own. */
export class TestMemory implements GuestMemory {
  readonly base: number;
  readonly size: number;
  readonly bytes: Uint8Array;
  readonly #data: DataView;

  constructor(size: number, base = 0x8000_0000) {
    this.base = base;
    this.size = size;
    this.bytes = new Uint8Array(size);
    this.#data = new DataView(this.bytes.buffer);
  }

  isRam(pa: number, length: number): boolean {
    return pa >= this.base && pa + length <= this.base + this.size;
  }

  u8(pa: number): number { return this.#data.getUint8(pa - this.base); }
  u16(pa: number): number { return this.#data.getUint16(pa - this.base, true); }
  u32(pa: number): number { return this.#data.getUint32(pa - this.base, true); }
  u64(pa: number): bigint { return this.#data.getBigUint64(pa - this.base, true); }
  setU8(pa: number, v: number): void { this.#data.setUint8(pa - this.base, v); }
  setU16(pa: number, v: number): void { this.#data.setUint16(pa - this.base, v, true); }
  setU32(pa: number, v: number): void { this.#data.setUint32(pa - this.base, v, true); }
  setU64(pa: number, v: bigint): void { this.#data.setBigUint64(pa - this.base, v, true); }
  view(pa: number, length: number): Uint8Array { return this.bytes.subarray(pa - this.base, pa - this.base + length); }
  writable(pa: number, length: number): Uint8Array { return this.view(pa, length); }
  write(pa: number, bytes: Uint8Array): void { this.view(pa, bytes.length).set(bytes); }
  fill(pa: number, length: number, byte: number): void { this.view(pa, length).fill(byte); }
  copy(to: number, from: number, length: number): void {
    this.bytes.copyWithin(to - this.base, from - this.base, from - this.base + length);
  }
}

export class TestLine implements Line {
  level = false;
  set(level: boolean): void { this.level = level; }
}

/** Time that moves only when the test moves it. */
export class TestAlarm implements Alarm {
  time = 0;
  #alarm: { time: number; action: () => void } | undefined;

  now(): number { return this.time; }
  at(time: number, action: () => void): void { this.#alarm = time === Infinity ? undefined : { time, action }; }

  advanceTo(time: number): void {
    for (let due = this.#alarm; due !== undefined && due.time <= time; due = this.#alarm) {
      this.#alarm = undefined;
      this.time = Math.max(this.time, due.time);
      due.action();
    }
    this.time = time;
  }
}

/** A terminal whose output is text. */
export class TestTerminal implements CharPort {
  text = '';
  full = false;
  readonly #waiting: number[] = [];
  readonly #heard: (() => void)[] = [];
  readonly #room: (() => void)[] = [];

  output(byte: number): void { this.text += String.fromCharCode(byte); }
  take(max: number): Uint8Array { return Uint8Array.from(this.#waiting.splice(0, max)); }
  onInput(notify: () => void): void { this.#heard.push(notify); }
  onRoom(notify: () => void): void { this.#room.push(notify); }
  get waiting(): number { return this.#waiting.length; }

  /** Input without a call to the chip. */
  queue(text: string): void { this.#waiting.push(...new TextEncoder().encode(text)); }
  type(text: string): void {
    this.queue(text);
    for (const notify of this.#heard) notify();
  }
  hasRoom(): void {
    this.full = false;
    for (const notify of this.#room) notify();
  }
}

/** A disk in an array, sector n full of n at first. It answers at once or, with `slow`, when the test calls `finish`. */
export class TestDisk implements BlockPort {
  readonly bytes: Uint8Array;
  readonly readOnly: boolean;
  readonly log: string[] = [];
  slow = false;
  /** The next requests fail. */
  broken = false;
  cancelled = 0;
  readonly #memory: () => GuestMemory;
  #waiting: { request: BlockRequest; done: (ok: boolean) => void }[] = [];

  constructor(memory: () => GuestMemory, sectors: number, readOnly = false) {
    this.#memory = memory;
    this.bytes = new Uint8Array(512 * sectors).map((_, i) => i >> 9);
    this.readOnly = readOnly;
  }

  get size(): number { return this.bytes.length; }
  get waiting(): number { return this.#waiting.length; }

  submit(request: BlockRequest, done: (ok: boolean) => void): void {
    if (this.slow) this.#waiting.push({ request, done });
    else done(this.#carryOut(request));
  }

  cancel(): void {
    this.#waiting = [];
    this.cancelled++;
  }

  /** Acts like a disk that misses a cancellation: performs the oldest waiting request. */
  finishLater(): () => void {
    const [{ done }] = this.#waiting;
    return () => done(true);
  }

  /** Performs the n-th waiting request. */
  finish(n = 0): void {
    const [{ request, done }] = this.#waiting.splice(n, 1);
    done(this.#carryOut(request));
  }

  #carryOut({ kind, offset, length, pieces }: BlockRequest): boolean {
    this.log.push(kind === 'flush' ? kind : `${kind} ${offset / 512}+${length / 512}`);
    if (this.broken) return false;
    if (kind === 'zero') this.bytes.fill(0, offset, offset + length);
    let at = offset;
    for (const piece of pieces) {
      if (kind === 'write') this.bytes.set(this.#memory().view(piece.address, piece.length), at);
      else this.#memory().write(piece.address, this.bytes.slice(at, at + piece.length));
      at += piece.length;
    }
    return true;
  }
}
