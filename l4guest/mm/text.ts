/**
 * User bytes as text and back, without loss. UTF-8 is decoded; any other byte becomes a lone low surrogate, U+DC00 plus the byte (Python
 * calls this surrogateescape), which no valid text contains.
 */
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }), encoder = new TextEncoder();

export function textOf(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    let out = '';
    for (let at = 0; at < bytes.length; ) {
      const n = sequence(bytes, at);
      out += n === 0 ? String.fromCharCode(0xdc00 + bytes[at]!) : strict.decode(bytes.subarray(at, at + n));
      at += n || 1;
    }
    return out;
  }
}
/** Length of the UTF-8 sequence at `at`, 0 = none. */
function sequence(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!, n = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (n < 2) return n;
  try { strict.decode(bytes.subarray(at, at + n)); return n; } catch { return 0; }
}

const ESCAPED = /[\udc80-\udcff]/;
export function bytesOf(text: string): Uint8Array {
  if (!ESCAPED.test(text)) return encoder.encode(text);
  const parts: number[] = [];
  for (const char of text) { // whole characters: the halves of a pair are not taken for escapes
    const code = char.charCodeAt(0);
    if (char.length === 1 && code >= 0xdc80 && code <= 0xdcff) parts.push(code - 0xdc00);
    else parts.push(...encoder.encode(char));
  }
  return new Uint8Array(parts);
}

/**
 * ASCII strings seen recently, so that a repeated path or name makes no new string, and maps find it by the hash that it already has.
 */
const seen = new Array<string>(2048).fill('');
const LONGEST_SEEN = 128;

/** A source of characters: a page of memory, or a text. */
interface Units { u8(at: number): number }

/** Characters [at, at + n) as a string; undefined if they are not ASCII, or too long to be remembered. */
export function seenIn(page: Units, at: number, n: number): string | undefined {
  let hash = n, i = 0;
  if (n > LONGEST_SEEN) return undefined;
  for (; i < n; i++) {
    const code = page.u8(at + i);
    if (code >= 0x80) return undefined;
    hash = Math.imul(hash, 31) + code;
  }
  const place = (hash ^ (hash >>> 11)) & (seen.length - 1), old = seen[place]!;
  for (i = 0; i < n && old.charCodeAt(i) === page.u8(at + i);) i++;
  if (i === n && old.length === n) return old;
  let text = '';
  for (i = 0; i < n;) text += String.fromCharCode(page.u8(at + i++));
  return seen[place] = text;
}
const units = { text: '', u8(at: number): number { return this.text.charCodeAt(at); } };
/** A part of a text. */
export function partOf(text: string, from: number, to: number): string {
  units.text = text;
  return seenIn(units, from, to - from) ?? text.slice(from, to);
}
