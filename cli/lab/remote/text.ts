/** UTF-8 for a bare JavaScript context, which has no TextEncoder: load it before any module that creates one. */
class Encoder {
  encode(text: string): Uint8Array {
    const out: number[] = [];
    for (const letter of text) {
      const point = letter.codePointAt(0)!, n = point >= 0xd800 && point < 0xe000 ? 0xfffd : point;
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
      const lead = bytes[i++]!, more = lead < 0x80 ? 0 : lead >= 0xf0 && lead < 0xf5 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc2 ? 1 : -1;
      let point = more <= 0 ? lead : lead & (0x3f >> more), n = 0;
      while (n < more && (bytes[i]! & 0xc0) === 0x80) { point = (point << 6) | (bytes[i++]! & 63); n++; }
      const bad = more < 0 || n < more || lead >= 0xf5 || point > 0x10ffff || (point >= 0xd800 && point < 0xe000);
      text += bad ? '\ufffd' : String.fromCodePoint(point);
    }
    return text;
  }
}

const here = globalThis as unknown as Record<string, unknown>;
here['TextEncoder'] ??= Encoder;
here['TextDecoder'] ??= Decoder;
