/** UTF-8 for a bare JavaScript context, which has no TextEncoder: load it before any module that creates one. */
class Encoder {
  encode(text: string): Uint8Array {
    const out: number[] = [];
    for (const c of text) {
      const p = c.codePointAt(0)!, n = p >= 0xd800 && p < 0xe000 ? 0xfffd : p;
      if (n < 0x80) out.push(n);
      else if (n < 0x800) out.push(0xc0 | (n >> 6), 0x80 | (n & 63));
      else if (n < 0x10000) out.push(0xe0 | (n >> 12), 0x80 | ((n >> 6) & 63), 0x80 | (n & 63));
      else out.push(0xf0 | (n >> 18), 0x80 | ((n >> 12) & 63), 0x80 | ((n >> 6) & 63), 0x80 | (n & 63));
    }
    return new Uint8Array(out);
  }
}

class Decoder {
  decode(bytes: Uint8Array = new Uint8Array(0)): string {
    let text = '';
    for (let i = 0; i < bytes.length; ) {
      const b = bytes[i++]!, more = b < 0x80 ? 0 : b >= 0xf0 && b < 0xf5 ? 3 : b >= 0xe0 ? 2 : b >= 0xc2 ? 1 : -1;
      let p = more <= 0 ? b : b & (0x3f >> more), n = 0;
      while (n < more && (bytes[i]! & 0xc0) === 0x80) { p = (p << 6) | (bytes[i++]! & 63); n++; }
      const bad = more < 0 || n < more || b >= 0xf5 || p > 0x10ffff || (p >= 0xd800 && p < 0xe000);
      text += bad ? '\ufffd' : String.fromCodePoint(p);
    }
    return text;
  }
}

const here = globalThis as unknown as Record<string, unknown>;
here['TextEncoder'] ??= Encoder;
here['TextDecoder'] ??= Decoder;
