/** A console of the machine for JavaScript: text and bytes in both directions, stored as text and offered as streams. */
import { EventEmitter } from 'eventemitter3';
import type TypedEmitter from 'typed-emitter';

export type ConsoleEvents = {
  /** Output bytes as they arrive. */
  data: (bytes: Uint8Array) => void;
  /** The output has ended. */
  end: () => void;
};

/** Bytes of output stored for `text()`; beyond this only the end. */
const KEPT = 16 << 20;

/** The destination of written bytes. */
export interface ConsoleInput { bytes(data: Uint8Array): void; end(): void; size(columns: number, rows: number): void }

const encoder = new TextEncoder();

export class Console extends (EventEmitter as unknown as new () => TypedEmitter<ConsoleEvents>) {
  private readonly input: ConsoleInput;
  private kept: Uint8Array[] = [];
  private keptBytes = 0;
  private ended = false;
  private stream: ReadableStream<Uint8Array> | undefined;
  private sink: WritableStream<Uint8Array | string> | undefined;
  /** Bytes of output so far, and how many of them were dropped. */
  total = 0;
  dropped = 0;

  constructor(input: ConsoleInput) {
    super();
    this.input = input;
  }

  /** Types or sends bytes; text becomes UTF-8. */
  write(data: string | Uint8Array): void { this.input.bytes(typeof data === 'string' ? encoder.encode(data) : data); }
  /** Ends the input: the program reads end of file. */
  end(): void { this.input.end(); }
  /** The terminal's size. */
  resize(columns: number, rows: number): void { this.input.size(columns, rows); }

  /** All stored output. */
  bytes(): Uint8Array {
    const all = new Uint8Array(this.keptBytes);
    let at = 0;
    for (const piece of this.kept) { all.set(piece, at); at += piece.length; }
    this.kept = [all];
    return all;
  }
  /** The same, as UTF-8. */
  text(): string { return new TextDecoder().decode(this.bytes()); }

  /** Output from the first stored byte on, for one reader. Bytes that the reader has not taken wait in memory. */
  get readable(): ReadableStream<Uint8Array> {
    return (this.stream ??= new ReadableStream<Uint8Array>({
      start: (controller) => {
        if (this.keptBytes > 0) controller.enqueue(this.bytes().slice());
        if (this.ended) return controller.close();
        const data = (bytes: Uint8Array): void => controller.enqueue(bytes);
        this.on('data', data);
        this.once('end', () => { this.off('data', data); controller.close(); });
      },
    }));
  }
  /** Input; closing it is `end()`. */
  get writable(): WritableStream<Uint8Array | string> {
    return (this.sink ??= new WritableStream<Uint8Array | string>({ write: (data) => this.write(data), close: () => this.end() }));
  }

  /** Resolves when `text` has appeared; rejects when the console ends without it. */
  waitFor(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const decoder = new TextDecoder();
      let seen = decoder.decode(this.bytes(), { stream: true });
      const over = (act: () => void): void => { this.off('data', look); this.off('end', missing); act(); };
      const missing = (): void => over(() => reject(new Error(`the console ended, and '${text}' did not appear`)));
      const look = (bytes: Uint8Array): void => {
        seen = seen.slice(-text.length) + decoder.decode(bytes, { stream: true });
        if (seen.includes(text)) over(resolve);
      };
      if (seen.includes(text)) return resolve();
      if (this.ended) return missing();
      this.on('data', look);
      this.on('end', missing);
    });
  }

  /** Called by the run: output of the machine. */
  appeared(bytes: Uint8Array): void {
    this.total += bytes.length;
    this.keptBytes += bytes.length;
    this.kept.push(bytes);
    while (this.keptBytes - this.kept[0]!.length >= KEPT) {
      this.keptBytes -= this.kept[0]!.length;
      this.dropped += this.kept.shift()!.length;
    }
    this.emit('data', bytes);
  }
  /** Called by the run: it is over. */
  finished(): void {
    if (this.ended) return;
    this.ended = true;
    this.emit('end');
  }
}
