/**
 * A writer for pcapng: the blocks of a capture file, as bytes to concatenate. Times are nanoseconds.
 *
 *   block: type u32, total length u32 │ body, padded to 4 │ total length u32           little-endian
 *   file:  section header, then one interface description for each interface (numbered from 0), then packets
 *
 *   write(sectionHeader('tessera')); write(interfaceBlock({ name: 'net0', linkType: LinkType.ETHERNET })); write(packetBlock({ … }));
 *
 * Documentation: IETF draft-ietf-opsawg-pcapng, sections 4.1, 4.2, 4.3; link types at tcpdump.org.
 */
export const LinkType = { ETHERNET: 1, USER0: 147 } as const;

export interface CaptureInterface { readonly name: string; readonly linkType: number; readonly description?: string }

export interface CapturedPacket {
  /** Number of the interface. */
  readonly interface: number;
  readonly nanoseconds: number;
  readonly bytes: Uint8Array;
  readonly direction?: 'in' | 'out';
  readonly comment?: string;
}

const BLOCK = { SECTION: 0x0a0d_0d0a, INTERFACE: 1, PACKET: 6 } as const;
const BYTE_ORDER = 0x1a2b_3c4d;
const OPTION = { END: 0, COMMENT: 1, NAME: 2, DESCRIPTION: 3, USER_APPLICATION: 4, TIME_RESOLUTION: 9, FLAGS: 2 } as const;
const NANOSECONDS = 9;
const DIRECTION = { in: 1, out: 2 } as const;
const LENGTH_UNKNOWN = 0xffff_ffff;

export function sectionHeader(application: string): Uint8Array {
  return block(BLOCK.SECTION, [...u32(BYTE_ORDER), ...u16(1), ...u16(0), ...u32(LENGTH_UNKNOWN), ...u32(LENGTH_UNKNOWN)],
    [text(OPTION.USER_APPLICATION, application)]);
}

export function interfaceBlock(i: CaptureInterface): Uint8Array {
  const options = [text(OPTION.NAME, i.name), option(OPTION.TIME_RESOLUTION, Uint8Array.of(NANOSECONDS))];
  if (i.description !== undefined) options.push(text(OPTION.DESCRIPTION, i.description));
  return block(BLOCK.INTERFACE, [...u16(i.linkType), ...u16(0), ...u32(0)], options);
}

export function packetBlock(capturedPacket: CapturedPacket): Uint8Array {
  const options: Uint8Array[] = [];
  if (capturedPacket.direction !== undefined) options.push(option(OPTION.FLAGS, Uint8Array.from(u32(DIRECTION[capturedPacket.direction]))));
  if (capturedPacket.comment !== undefined) options.push(text(OPTION.COMMENT, capturedPacket.comment));
  const time = [...u32(Math.floor(capturedPacket.nanoseconds / 2 ** 32)), ...u32(capturedPacket.nanoseconds % 2 ** 32)];
  const head = [...u32(capturedPacket.interface), ...time, ...u32(capturedPacket.bytes.length), ...u32(capturedPacket.bytes.length)];
  return block(BLOCK.PACKET, head, [padded(capturedPacket.bytes), ...options]);
}

/** `parts`: each has a length that is a multiple of four; options come last and are terminated here. */
function block(type: number, head: readonly number[], parts: readonly Uint8Array[]): Uint8Array {
  const length = 12 + head.length + parts.reduce((n, p) => n + p.length, 0) + 4;
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of [u32(type), u32(length), head, ...parts, u32(OPTION.END), u32(length)]) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** code u16, length u16, value padded to 4. */
function option(code: number, value: Uint8Array): Uint8Array {
  return Uint8Array.from([...u16(code), ...u16(value.length), ...padded(value)]);
}

function text(code: number, value: string): Uint8Array {
  return option(code, new TextEncoder().encode(value));
}

function padded(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array((bytes.length + 3) & ~3);
  out.set(bytes);
  return out;
}

const u16 = (v: number): number[] => [v & 0xff, (v >>> 8) & 0xff];
const u32 = (v: number): number[] => [...u16(v & 0xffff), ...u16(v >>> 16)];
