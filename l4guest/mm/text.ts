/**
 * Bytes of user level as text and back, without loss. What is UTF-8 is decoded as such; a byte that is not becomes a lone low surrogate,
 * U+DC00 and the byte (Python calls this surrogateescape), which no valid text contains.
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
  for (const c of text) { // whole characters: the halves of a pair are not taken for escapes
    const code = c.charCodeAt(0);
    if (c.length === 1 && code >= 0xdc80 && code <= 0xdcff) parts.push(code - 0xdc00);
    else parts.push(...encoder.encode(c));
  }
  return new Uint8Array(parts);
}
