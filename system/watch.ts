/** Watches a system's output for awaited texts. Each channel is scanned once, line by line for a component's expectations. */
import type { Expectation } from '../roottask/scenario.ts';

const KEEP = 8192;

/** One channel's output as text, and the texts that have appeared in it. */
export class Watch {
  private readonly decoder = new TextDecoder();
  private tail = '';
  private readonly wanted: { readonly text: string; readonly from: string | undefined; seen: boolean }[] = [];

  add(e: Expectation): void {
    if (!this.wanted.some(w => w.text === e.text && w.from === e.from)) this.wanted.push({ text: e.text, from: e.from, seen: false });
  }
  has(e: Expectation): boolean { return this.wanted.some(w => w.text === e.text && w.from === e.from && w.seen); }

  /** Returns whether an awaited text has appeared for the first time. */
  look(bytes: Uint8Array): boolean {
    const from = this.tail.length, all = this.tail + this.decoder.decode(bytes, { stream: true });
    let news = false;
    for (const expected of this.wanted) {
      if (expected.seen) continue;
      expected.seen = expected.from === undefined ? all.indexOf(expected.text, Math.max(0, from - expected.text.length)) >= 0
        : inLineOf(all, expected.from, expected.text);
      news ||= expected.seen;
    }
    const line = all.lastIndexOf('\n') + 1;
    this.tail = all.slice(Math.max(Math.min(line, all.length - 512), all.length - KEEP, 0));
    return news;
  }
}

/** Does a line that begins with `[from] ` contain `text`? */
function inLineOf(all: string, from: string, text: string): boolean {
  const label = `[${from}] `;
  for (let at = all.indexOf(text); at >= 0; at = all.indexOf(text, at + 1)) {
    if (all.startsWith(label, all.lastIndexOf('\n', at) + 1)) return true;
  }
  return false;
}
