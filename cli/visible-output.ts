/**
 * What a scenario's components and guests print, for a terminal that they must not steer: everything but line ends and tabs is shown as
 * what it is.
 */
import { visible } from '../trace/visible.ts';

export class VisibleOutput {
  private readonly decoder = new TextDecoder();
  /** A carriage return whose line feed may still come. */
  private held = '';

  /** What to write for these bytes; a character that is cut, and a carriage return at the end, wait for the next ones. */
  take(bytes: Uint8Array): Buffer {
    const text = this.held + this.decoder.decode(bytes, { stream: true });
    this.held = text.endsWith('\r') ? '\r' : '';
    return Buffer.from(text.slice(0, text.length - this.held.length).split(/(\r?\n|\t)/)
      .map((part, i) => (i % 2 === 1 ? part : visible(part))).join(''));
  }
}
