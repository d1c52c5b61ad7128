/**
 * Carries a guest's console characters between devices, which never wait, and the stream server, for which a thread waits.
 *
 *   device ── output ──► buffer ── writer thread ──► stream
 *   device ◄── next, take ── buffer ◄── reader thread ◄── stream
 *
 * The writer has the priority of the guest, so that a run of characters goes out as one message. A guest that prints faster than the
 * stream takes waits (`full`). Input that the guest does not take stays in the stream.
 */
import { NEVER, Ops, type Sys } from '../microkernel/abi/index.ts';
import type { Syscalls } from '../binding/index.ts';
import { type Console, type Result, valueOf } from '../roottask/client/index.ts';
import type { CharPort } from '../hardware/chips/ports.ts';

const OUTPUT_MOST = 0x1_0000, INPUT_MOST = 0x1000;

export class Characters implements CharPort {
  #output = new Uint8Array(OUTPUT_MOST);
  #outputLength = 0;
  #input: number[] = [];
  #taken = 0;
  /** The writer is active. */
  writing = false;
  readonly #listeners: (() => void)[] = [];
  readonly #roomers: (() => void)[] = [];
  readonly #sizers: ((columns: number, rows: number) => void)[] = [];
  #size = { columns: 0, rows: 0 };
  /** Sees all output. */
  watch: { byte(b: number): void; bytes(bytes: Uint8Array): void } | undefined = undefined;
  /** Called when the empty buffer gets output, and when there is room for input again. */
  readonly #wakeWriter: () => void;
  readonly #wakeReader: () => void;

  constructor(wakeWriter: () => void, wakeReader: () => void) {
    this.#wakeWriter = wakeWriter;
    this.#wakeReader = wakeReader;
  }

  /** The stream has all output. */
  get idle(): boolean { return this.#outputLength === 0 && !this.writing; }
  /** The buffer is full until the writer has run. */
  get full(): boolean { return this.#outputLength >= OUTPUT_MOST / 2; }
  get roomForInput(): number { return Math.max(0, INPUT_MOST - (this.#input.length - this.#taken)); }

  output(byte: number): void {
    this.watch?.byte(byte);
    if (this.#outputLength === 0) this.#wakeWriter();
    if (this.#outputLength === this.#output.length) this.#grow(1);
    this.#output[this.#outputLength++] = byte;
  }
  outputBytes(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.watch?.bytes(bytes);
    if (this.#outputLength === 0) this.#wakeWriter();
    if (this.#outputLength + bytes.length > this.#output.length) this.#grow(bytes.length);
    this.#output.set(bytes, this.#outputLength);
    this.#outputLength += bytes.length;
  }
  /** Takes all output so far; devices that waited for room continue. */
  drain(): Uint8Array {
    const bytes = this.#output.slice(0, this.#outputLength), wasFull = this.full;
    this.#outputLength = 0;
    if (wasFull) for (const go of this.#roomers) go();
    return bytes;
  }
  onRoom(go: () => void): void { this.#roomers.push(go); }

  next(): number {
    if (this.#taken === this.#input.length) return -1;
    const byte = this.#input[this.#taken++];
    if (this.#taken === this.#input.length) {
      this.#input = [];
      this.#taken = 0;
      this.#wakeReader();
    }
    return byte;
  }
  take(max: number): Uint8Array {
    const bytes: number[] = [];
    for (let byte; bytes.length < max && (byte = this.next()) >= 0; ) bytes.push(byte);
    return Uint8Array.from(bytes);
  }
  onInput(notify: () => void): void { this.#listeners.push(notify); }
  /** Bytes from outside. */
  arrived(bytes: Uint8Array): void {
    for (const byte of bytes) this.#input.push(byte);
    for (const notify of this.#listeners) notify();
  }
  /** The size of the terminal; a device that supports it is notified now and after every change; 0 × 0 = there is none. */
  onSize(tell: (columns: number, rows: number) => void): void {
    this.#sizers.push(tell);
    if (this.#size.columns > 0) tell(this.#size.columns, this.#size.rows);
  }
  /** Has the size changed? */
  resized(size: { columns: number; rows: number }): boolean {
    if (size.columns === this.#size.columns && size.rows === this.#size.rows) return false;
    this.#size = size;
    if (size.columns > 0) for (const tell of this.#sizers) tell(size.columns, size.rows);
    return true;
  }
  /** Removes the listening devices (the VM restarts). */
  forgetListeners(): void { this.#listeners.length = this.#roomers.length = this.#sizers.length = 0; }

  #grow(more: number): void {
    const larger = new Uint8Array(2 * (this.#outputLength + more));
    larger.set(this.#output);
    this.#output = larger;
  }
}

/** Takes output: a console or a substitute. */
export interface Sink { write(sys: Syscalls, bytes: Uint8Array): Sys<Result<void>> }

/** Body of the writer thread: waits for `wake`, writes all output, tells `written`. */
export function* writer(sys: Syscalls, chars: Characters, stream: Sink, wake: number, written: (sys: Syscalls) => Sys<void>): Sys<void> {
  for (;;) {
    yield* sys.down(wake, Ops.semaphore.down, NEVER, 1);
    chars.writing = true;
    for (let bytes = chars.drain(); bytes.length > 0; bytes = chars.drain()) {
      const answer = yield* stream.write(sys, bytes);
      if (!answer.ok) chars.drain(); // the listener is gone
      yield* written(sys);
    }
    chars.writing = false;
    yield* written(sys);
  }
}

/**
 * Body of the reader thread: moves input whenever there is some and there is room. `wake` signals room. `sized`: the device can report the
 * terminal's size to the guest.
 */
export function* reader(sys: Syscalls, chars: Characters, stream: Console, wake: number, arrived: (sys: Syscalls) => Sys<void>,
    sized: boolean): Sys<void> {
  for (;;) {
    if (sized && chars.resized(valueOf(yield* stream.size(sys)))) yield* arrived(sys);
    const bytes = yield* stream.read(sys, chars.roomForInput);
    if (!bytes.ok) return;
    if (bytes.value.length > 0) {
      chars.arrived(bytes.value);
      yield* arrived(sys);
    }
    if (chars.roomForInput === 0) yield* sys.down(wake, Ops.semaphore.down, NEVER, 1);
    else if (bytes.value.length === 0) yield* sys.down(stream.inputSemaphore, Ops.semaphore.down, NEVER, 1);
  }
}
