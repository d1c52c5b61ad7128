/** Collects the recorder's output and passes it on in larger pieces, up to a limit. */
import type { ByteSink } from '../../trace/index.ts';

export class TraceOut implements ByteSink {
  private pieces: Uint8Array[] = [];
  private waiting = 0;
  private total = 0;
  private readonly most: number;
  private readonly to: (bytes: Uint8Array) => void;
  private readonly full: () => void;

  constructor(most: number, to: (bytes: Uint8Array) => void, full: () => void) {
    this.most = most;
    this.to = to;
    this.full = full;
  }
  /** Throws when there is no room: the recorder then stops. */
  write(bytes: Uint8Array): void {
    if (this.total + bytes.length > this.most) {
      this.full();
      throw new Error('the trace is full');
    }
    this.total += bytes.length;
    this.waiting += bytes.length;
    this.pieces.push(bytes.slice());
  }
  /** Passes on the collected bytes. */
  send(): void {
    if (this.waiting === 0) return;
    const all = new Uint8Array(this.waiting);
    let at = 0;
    for (const piece of this.pieces) { all.set(piece, at); at += piece.length; }
    this.pieces = [];
    this.waiting = 0;
    this.to(all);
  }
  close(): void { this.send(); }
}
