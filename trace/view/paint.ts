/**
 * Puts lines on the terminal: only those that have changed, each in one go. A layout engine would cost more than the rest of a key press.
 */
import type { Line, Look } from './text.ts';

const colour = { red: 31, green: 32, yellow: 33, blue: 34, magenta: 35, cyan: 36 } as const;

/** `colours` false leaves colours out; inverse, bold and dim stay. */
export class Painter {
  private shown: string[] = [];
  private readonly write: (text: string) => void;
  private readonly colours: boolean;
  constructor(write: (text: string) => void, colours: boolean) { this.write = write; this.colours = colours; }

  paint(lines: readonly Line[]): void {
    const texts = lines.map((l) => l.map((run) => this.run(run.text, run)).join(''));
    let out = '';
    for (let n = 0; n < Math.max(texts.length, this.shown.length); n++)
      if (texts[n] !== this.shown[n]) out += `\x1b[${n + 1};1H${texts[n] ?? ''}\x1b[K`;
    this.shown = texts;
    if (out) this.write(out);
  }

  /** The terminal's size has changed, so its contents are unknown. */
  forget(): void {
    this.shown = [];
    this.write('\x1b[2J');
  }

  private run(text: string, look: Look): string {
    const codes = [
      look.bold ? 1 : 0, look.dim ? 2 : 0, look.inverse ? 7 : 0, look.color && this.colours ? colour[look.color] : 0
    ].filter(Boolean);
    return codes.length ? `\x1b[${codes.join(';')}m${text}\x1b[m` : text;
  }
}
