/**
 * Bytes from the thread that runs the machine to the one that writes the trace file: a ring in shared memory. The machine's thread copies
 * chunks in and continues; it waits only when the ring is full. The other thread does checksums, packing and disk writes.
 *
 *   state: Int32 head, tail (in units of 8 bytes, modulo capacity), status; from byte 64 on the code of an error, ended by a zero ring:
 *   frames u32 type | u32 bytes | f64 first | f64 second | bytes, padded to 8
 *
 * A frame lies in one piece: where the end of the ring is too near, a frame of type `wrap` fills it.
 */
import type { ChunkSink } from '../trace/index.ts';

export const Frame = { wrap: 1, records: 2, names: 3, payload: 4, end: 5 } as const;
const State = { head: 0, tail: 1, status: 2 } as const;
/** The writer's status: `failed` once a write did not succeed (it continues to read, and drops), `closed` when the file is finished. */
export const Status = { running: 0, failed: 1, closed: 2, failedAndClosed: 3 } as const;
const UNIT = 8, HEAD = 24, STATE_BYTES = 256, MESSAGE = 64, RING_BYTES = 2 ** 24;

export class SharedRing {
  readonly memory: SharedArrayBuffer;
  private readonly state: Int32Array;
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly capacity: number;

  constructor(memory = new SharedArrayBuffer(STATE_BYTES + RING_BYTES)) {
    this.memory = memory;
    this.state = new Int32Array(memory, 0, STATE_BYTES / 4);
    this.bytes = new Uint8Array(memory, STATE_BYTES);
    this.view = new DataView(memory, STATE_BYTES);
    this.capacity = this.bytes.length / UNIT;
  }

  get status(): number { return Atomics.load(this.state, State.status); }
  set status(value: number) {
    Atomics.store(this.state, State.status, value);
    Atomics.notify(this.state, State.status);
  }
  /** Stores why the file could not be written: the operating system's code, such as ENOSPC. */
  failed(error: Error): void {
    const text = new TextEncoder().encode(String((error as { code?: unknown }).code ?? error.message)).subarray(0,
      STATE_BYTES - MESSAGE - 1);
    new Uint8Array(this.memory, MESSAGE, STATE_BYTES - MESSAGE).set(text);
    this.status = this.status | Status.failed;
  }
  get failure(): string {
    const bytes = new Uint8Array(this.memory, MESSAGE, STATE_BYTES - MESSAGE).slice();
    return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
  }
  /** Waits up to `ms` until the writer is done with everything. */
  awaitClosed(ms: number): boolean {
    const end = Date.now() + ms;
    for (let status = this.status; (status & Status.closed) === 0; status = this.status) {
      if (Date.now() >= end) return false;
      Atomics.wait(this.state, State.status, status, 100);
    }
    return true;
  }

  /** Puts a frame in. False: the reader has taken nothing for `ms`, so it has ended. */
  put(type: number, first: number, second: number, data: Uint8Array, ms = 60_000): boolean {
    const units = (HEAD + padded(data.length)) / UNIT, head = Atomics.load(this.state, State.head), left = this.capacity - head;
    if (units >= this.capacity / 2) throw new RangeError(`a frame of ${data.length} bytes is too large for the ring`);
    if (units > left) {
      if (!this.room(left + units, ms)) return false;
      this.view.setUint32(head * UNIT, Frame.wrap, true);
      this.advance(State.head, left);
      return this.put(type, first, second, data, ms);
    }
    if (!this.room(units, ms)) return false;
    const at = head * UNIT;
    this.view.setUint32(at, type, true);
    this.view.setUint32(at + 4, data.length, true);
    this.view.setFloat64(at + 8, first, true);
    this.view.setFloat64(at + 16, second, true);
    this.bytes.set(data, at + HEAD);
    this.advance(State.head, units);
    return true;
  }

  /** Takes the next frame, waiting for it. `bytes` are valid within `use` only. */
  take(use: (type: number, first: number, second: number, bytes: Uint8Array) => void): void {
    let tail = Atomics.load(this.state, State.tail);
    for (let head = Atomics.load(this.state, State.head); head === tail; head = Atomics.load(this.state, State.head))
      Atomics.wait(this.state, State.head, head);
    if (this.view.getUint32(tail * UNIT, true) === Frame.wrap) {
      this.advance(State.tail, this.capacity - tail);
      return this.take(use);
    }
    const at = tail * UNIT, length = this.view.getUint32(at + 4, true);
    use(this.view.getUint32(at, true), this.view.getFloat64(at + 8, true), this.view.getFloat64(at + 16, true),
      this.bytes.subarray(at + HEAD, at + HEAD + length));
    tail = (HEAD + padded(length)) / UNIT;
    this.advance(State.tail, tail);
  }

  /** Waits until `units` are free; one always stays free, so that full and empty differ. */
  private room(units: number, ms: number): boolean {
    for (;;) {
      const head = Atomics.load(this.state, State.head), tail = Atomics.load(this.state, State.tail),
        used = (head - tail + this.capacity) % this.capacity;
      if (this.capacity - used > units) return true;
      if (Atomics.wait(this.state, State.tail, tail, ms) === 'timed-out') return false;
    }
  }
  private advance(which: number, units: number): void {
    Atomics.store(this.state, which, (Atomics.load(this.state, which) + units) % this.capacity);
    Atomics.notify(this.state, which);
  }
}
const padded = (n: number): number => (n + UNIT - 1) & ~(UNIT - 1);

/** The machine's side of the ring. */
export class RingSink implements ChunkSink {
  private readonly ring: SharedRing;
  private gone = false;
  constructor(ring: SharedRing) { this.ring = ring; }
  records(first: number, records: Uint8Array): void { this.put(Frame.records, first, 0, records); }
  names(lines: Uint8Array): void { this.put(Frame.names, 0, 0, lines); }
  payload(first: number, last: number, entries: Uint8Array): void { this.put(Frame.payload, first, last, entries); }
  /** Waits until everything is in the file. */
  close(): void {
    this.put(Frame.end, 0, 0, new Uint8Array(0));
    if (!this.gone) this.gone = !this.ring.awaitClosed(120_000);
  }
  /** The writer has not answered for long. */
  get lost(): boolean { return this.gone; }

  private put(type: number, first: number, second: number, data: Uint8Array): void {
    if (!this.gone) this.gone = !this.ring.put(type, first, second, data);
  }
}
