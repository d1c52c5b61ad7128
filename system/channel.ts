/** The far end of a character device: collects output and passes it on in pieces; input waits until the device takes it. */
import type { CharBackend } from '../machine/index.ts';

const NEWLINE = 10;
/** Most bytes of collected output. */
const MOST_HELD = 65_536;

export class ChannelEnd implements CharBackend {
  private buffer = new Uint8Array(4096);
  private length = 0;
  private waiting: Uint8Array[] = [];
  private readonly notify: (() => void)[] = [];
  private readonly lineEnded: () => void;

  /**
   * Calls `lineEnded` at each line feed, so that a watcher can react (and stop the machine) at once, and when the buffer is full.
   * `lineEnded` drains it.
   */
  constructor(lineEnded: () => void) { this.lineEnded = lineEnded; }

  output(byte: number): void {
    this.room(1);
    this.buffer[this.length++] = byte;
    if (byte === NEWLINE || this.length >= MOST_HELD) this.lineEnded();
  }
  outputBytes(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += MOST_HELD) this.hold(bytes.subarray(at, at + MOST_HELD));
  }
  private hold(bytes: Uint8Array): void {
    this.room(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
    if (this.length >= MOST_HELD || bytes.includes(NEWLINE)) this.lineEnded();
  }
  private room(n: number): void {
    if (this.length + n <= this.buffer.length) return;
    const bigger = new Uint8Array(2 * (this.length + n));
    bigger.set(this.buffer.subarray(0, this.length));
    this.buffer = bigger;
  }
  /** A copy of the output since the last call. */
  drain(): Uint8Array {
    const bytes = this.buffer.slice(0, this.length);
    this.length = 0;
    return bytes;
  }
  get pending(): number { return this.length; }

  take(max: number): Uint8Array {
    const first = this.waiting[0];
    if (first === undefined) return new Uint8Array(0);
    if (first.length > max) this.waiting[0] = first.subarray(max); else this.waiting.shift();
    return first.subarray(0, max);
  }
  onInput(notify: () => void): void { this.notify.push(notify); }
  send(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.waiting.push(bytes);
    for (const n of this.notify) n();
  }
}
