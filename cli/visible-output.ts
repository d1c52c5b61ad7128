/**
 * Makes the output of a scenario's components and guests safe for the terminal: shows control characters as escapes, except line ends and
 * tabs.
 */
import { visible } from '../trace/visible.ts';

export class VisibleOutput {
  private readonly decoder = new TextDecoder();
  /** A carriage return whose line feed may still come. */
  private held = '';

  /** The text to write for these bytes; an incomplete character, and a carriage return at the end, wait for the next bytes. */
  take(bytes: Uint8Array): Buffer {
    const text = this.held + this.decoder.decode(bytes, { stream: true });
    this.held = text.endsWith('\r') ? '\r' : '';
    return Buffer.from(text.slice(0, text.length - this.held.length).split(/(\r?\n|\t)/)
      .map((part, i) => (i % 2 === 1 ? part : visible(part))).join(''));
  }
}
