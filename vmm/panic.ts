/**
 * Detects panic messages of operating systems on the console. A line with one of these words is stored until it is taken.
 *
 *   Kernel panic - not syncing: …      Linux
 *   panic: …                           xv6, the BSDs, minios; ignored in Linux, whose programs print it too
 */
const LONGEST = 240, NEWLINE = 10, RETURN = 13;
const LINUX = /^(?:\[ *\d+\.\d+\] *)?Linux version \d/, OF_LINUX = /Kernel panic - not syncing/, OF_OTHERS = /(?:^|[^\w])panic: ?\S/i;

export class PanicWatch {
  readonly #line = new Uint8Array(LONGEST);
  #length = 0;
  #linux = false;
  #said: string | undefined;
  readonly #noticed: () => void;

  /** `noticed`: called when there is a line to take. */
  constructor(noticed: () => void) { this.#noticed = noticed; }

  byte(letter: number): void {
    if (letter === NEWLINE) this.#ended();
    else if (letter !== RETURN && this.#length < LONGEST) this.#line[this.#length++] = letter;
  }
  bytes(bytes: Uint8Array): void { for (const b of bytes) this.byte(b); }

  /** Returns the line of a panic once. `over`: the output has ended, so an incomplete line counts too. */
  take(over = false): string | undefined {
    if (over) this.#ended();
    const said = this.#said;
    this.#said = undefined;
    return said;
  }
  /** Another system boots. */
  forget(): void {
    this.#linux = false;
    this.#length = 0;
    this.#said = undefined;
  }

  #ended(): void {
    const text = this.#text();
    this.#length = 0;
    if (LINUX.test(text)) this.#linux = true;
    if (this.#said !== undefined || !this.#panics(text)) return;
    this.#said = text;
    this.#noticed();
  }
  #panics(text: string): boolean { return OF_LINUX.test(text) || (!this.#linux && OF_OTHERS.test(text)); }
  #text(): string { return new TextDecoder().decode(this.#line.subarray(0, this.#length)).trim(); }
}
