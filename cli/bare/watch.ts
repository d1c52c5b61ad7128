/** Watches a stream of bytes for a text by Knuth, Morris and Pratt's algorithm, which examines each byte once. */
export class WatchedText {
  readonly #text: Uint8Array;
  /** Length of the longest proper prefix that is also a suffix of the first i + 1 bytes. */
  readonly #fallback: number[];
  #matched = 0;

  constructor(text: string) {
    this.#text = new TextEncoder().encode(text);
    this.#fallback = [0];
    for (let i = 1, k = 0; i < this.#text.length; i++) {
      while (k > 0 && this.#text[i] !== this.#text[k]) k = this.#fallback[k - 1];
      if (this.#text[i] === this.#text[k]) k++;
      this.#fallback.push(k);
    }
  }

  get seen(): boolean { return this.#matched === this.#text.length; }

  /** True when the text is complete with this byte, and ever after. */
  saw(byte: number): boolean {
    if (this.#matched === this.#text.length) return true;
    while (this.#matched > 0 && byte !== this.#text[this.#matched]) this.#matched = this.#fallback[this.#matched - 1];
    if (byte === this.#text[this.#matched]) this.#matched++;
    return this.#matched === this.#text.length;
  }
}
