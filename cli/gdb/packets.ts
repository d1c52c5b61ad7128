/**
 * Framing of the GDB remote serial protocol. Text is Latin-1: one character a byte.
 *
 *   $data#cs      cs: sum of the data's bytes, two hexadecimal digits; `}` escapes the next byte (xor 0x20)
 *   + -           the packet was received, was damaged
 *   0x03          stop what is running
 */

/** Data of one packet, in either direction; announced to the client. */
export const PACKET_BYTES = 0x4000;

export type Incoming =
  | { readonly kind: 'packet'; readonly data: string }
  | { readonly kind: 'interrupt' | 'again' | 'damaged' }
  /** Not this protocol: nothing more is read. */
  | { readonly kind: 'rubbish'; readonly why: string };

const DOLLAR = 0x24, HASH = 0x23, PLUS = 0x2b, MINUS = 0x2d, ESCAPE = 0x7d, INTERRUPT = 0x03;

/** Takes bytes as they come, in pieces of any size, and answers what is complete. */
export class PacketReader {
  #state: 'outside' | 'data' | 'sum' | 'dead' = 'outside';
  #data: number[] = [];
  #sum = '';

  feed(bytes: Uint8Array): Incoming[] {
    const out: Incoming[] = [];
    for (const byte of bytes) {
      const got = this.#state === 'dead' ? undefined : this.#byte(byte);
      if (got !== undefined) out.push(got);
      if (got?.kind === 'rubbish') this.#state = 'dead';
    }
    return out;
  }

  #byte(byte: number): Incoming | undefined {
    if (this.#state === 'outside') return this.#outside(byte);
    if (this.#state === 'sum') return this.#checksum(byte);
    if (byte === HASH) this.#state = 'sum';
    else if (byte === DOLLAR) this.#data = []; // the client has begun anew
    else if (this.#data.push(byte) > PACKET_BYTES) return { kind: 'rubbish', why: `a packet of more than ${PACKET_BYTES} bytes` };
    return undefined;
  }

  #outside(byte: number): Incoming | undefined {
    switch (byte) {
      case DOLLAR:
        this.#state = 'data';
        this.#data = [];
        return undefined;
      case PLUS: return undefined;
      case MINUS: return { kind: 'again' };
      case INTERRUPT: return { kind: 'interrupt' };
      default: return { kind: 'rubbish', why: `byte 0x${byte.toString(16).padStart(2, '0')} where a packet should begin` };
    }
  }

  #checksum(byte: number): Incoming | undefined {
    this.#sum += String.fromCharCode(byte);
    if (this.#sum.length < 2) return undefined;
    const sum = /^[0-9a-fA-F]{2}$/.test(this.#sum) ? parseInt(this.#sum, 16) : -1;
    this.#state = 'outside';
    this.#sum = '';
    if (sum !== (this.#data.reduce((a, b) => a + b, 0) & 0xff)) return { kind: 'damaged' };
    return { kind: 'packet', data: unescaped(this.#data) };
  }
}

function unescaped(bytes: readonly number[]): string {
  let text = '';
  for (let i = 0; i < bytes.length; i++)
    text += String.fromCharCode(bytes[i] === ESCAPE && i + 1 < bytes.length ? bytes[++i] ^ 0x20 : bytes[i]);
  return text;
}

/** A packet around this text. */
export function packet(data: string): Buffer {
  const escaped = data.replace(/[$#}*]/g, (c) => `}${String.fromCharCode(c.charCodeAt(0) ^ 0x20)}`);
  let sum = 0;
  for (let i = 0; i < escaped.length; i++) sum += escaped.charCodeAt(i);
  return Buffer.from(`$${escaped}#${(sum & 0xff).toString(16).padStart(2, '0')}`, 'latin1');
}

export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');

/** The bytes, or undefined when it is no even number of hexadecimal digits. */
export const fromHex = (text: string): Uint8Array | undefined =>
  (text.length % 2 === 0 && /^[0-9a-fA-F]*$/.test(text) ? Buffer.from(text, 'hex') : undefined);

/** A number in hexadecimal, of at most 64 bits. */
export const hexNumber = (text: string | undefined): bigint | undefined =>
  (text !== undefined && /^[0-9a-fA-F]{1,16}$/.test(text) ? BigInt(`0x${text}`) : undefined);
