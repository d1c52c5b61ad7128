/**
 * Netlink's bytes.
 *
 *   message = u32 length, u16 type, u16 flags, u32 sequence, u32 port, payload; attributes = u16 length, u16 type, value, padded to 4
 *
 * Documentation: RFC 3549, netlink(7).
 */
export const Flag = { MULTI: 2, ACK: 4, DUMP: 0x300, REPLACE: 0x100, EXCL: 0x200, CREATE: 0x400 } as const;

export interface Request {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly body: Uint8Array;
  readonly head: Uint8Array
}
/** One message of an answer: its type and payload. */
export interface Answer { readonly type: number; readonly body: Uint8Array }

export const u8 = (...n: number[]): Uint8Array => new Uint8Array(n);
export const u32 = (...n: number[]): Uint8Array => new Uint8Array(new Uint32Array(n).buffer);
export const i32 = (n: number): Uint8Array => new Uint8Array(new Int32Array([n]).buffer);
export function join(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  parts.reduce((at, p) => { out.set(p, at); return at + p.length; }, 0);
  return out;
}
export const pad = (n: number): number => (n + 3) & ~3;

export function attribute(type: number, value: Uint8Array): Uint8Array {
  const out = new Uint8Array(pad(4 + value.length)), view = new DataView(out.buffer);
  view.setUint16(0, 4 + value.length, true);
  view.setUint16(2, type, true);
  out.set(value, 4);
  return out;
}

export function message(type: number, flags: number, pick: Pick<Request, 'sequence'>, port: number, body: Uint8Array): Uint8Array {
  const out = new Uint8Array(pad(16 + body.length)), view = new DataView(out.buffer);
  view.setUint32(0, 16 + body.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, pick.sequence, true);
  view.setUint32(12, port, true);
  out.set(body, 16);
  return out;
}

/** The attributes of a request's body, which follow `from` bytes of fixed part; an invalid length ends them. */
export function attributesOf(body: Uint8Array, from: number): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>(), view = new DataView(body.buffer, body.byteOffset, body.length);
  for (let at = from; at + 4 <= body.length; ) {
    const length = view.getUint16(at, true);
    if (length < 4 || at + length > body.length) break;
    found.set(view.getUint16(at + 2, true) & 0x3fff, body.subarray(at + 4, at + length));
    at += pad(length);
  }
  return found;
}

/** A number of 4 bytes in an attribute or a fixed part; 0 if it is absent. */
export const numberAt = (bytes: Uint8Array | undefined, at = 0): number =>
  bytes && bytes.length >= at + 4 ? new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(at, true) : 0;
