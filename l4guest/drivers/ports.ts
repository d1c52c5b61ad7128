/** Byte streams to the world outside the server, as drivers see them. The arch layer (or a spec) implements them. */
import { WaitQueue } from '../kernel/wait.ts';

/** Output: accepts bytes at once while there is room. */
export interface OutputPort {
  readonly wq: WaitQueue;
  room(): number;
  put(bytes: Uint8Array): void;
  /** Discards unsent bytes, where possible. */
  clear?(): void;
}

/** Input: bytes that have arrived and are unread. The arch layer calls `arrive` and `end`. */
export class InputPort {
  readonly wq = new WaitQueue();
  private chunks: Uint8Array[] = [];
  ended = false;
  length = 0;
  /** A terminal takes all bytes at once, so none wait here. */
  consumer: ((bytes: Uint8Array) => void) | undefined;

  /** Called at each arrival. */
  heard: (() => void) | undefined;
  arrive(bytes: Uint8Array): void {
    this.heard?.();
    if (this.consumer) { this.consumer(bytes); return; }
    this.chunks.push(bytes);
    this.length += bytes.length;
    this.wq.wakeAll();
  }
  end(): void { this.ended = true; this.wq.wakeAll(); }
  take(max: number): Uint8Array {
    const first = this.chunks[0];
    if (!first) return new Uint8Array(0);
    const n = Math.min(max, first.length);
    if (n === first.length) this.chunks.shift(); else this.chunks[0] = first.subarray(n);
    this.length -= n;
    return first.subarray(0, n);
  }
}

/** Stored output, for specs. */
export class BufferPort implements OutputPort {
  readonly wq = new WaitQueue();
  text = '';
  room(): number { return 65536; }
  put(bytes: Uint8Array): void { for (const b of bytes) this.text += String.fromCharCode(b); }
}
