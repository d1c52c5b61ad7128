/**
 * The usual backend of a character device: output goes to a function, input waits in a queue.
 *
 *   const channel = new CharChannel((byte) => …);
 *   channel.send(bytes);          // only through the machine's door for outside input
 */
import type { CharBackend } from './device.ts';

const nothing = new Uint8Array(0);

export class CharChannel implements CharBackend {
  readonly #output: (byte: number) => void;
  readonly #notify: (() => void)[] = [];
  #waiting: Uint8Array[] = [];

  constructor(output: (byte: number) => void) {
    this.#output = output;
  }

  output(byte: number): void {
    this.#output(byte);
  }

  take(max: number): Uint8Array {
    const first = this.#waiting[0];
    if (first === undefined) return nothing;
    if (first.length > max) this.#waiting[0] = first.subarray(max);
    else this.#waiting.shift();
    return first.subarray(0, max);
  }

  onInput(notify: () => void): void {
    this.#notify.push(notify);
  }

  /** Delivers input from outside. */
  send(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#waiting.push(bytes);
    for (const notify of this.#notify) notify();
  }
}
