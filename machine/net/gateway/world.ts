/**
 * The world behind the gateway: sockets of the host, or a test's replacement. The gateway, which runs in virtual time, calls it; the world
 * answers with messages through the door for outside input, at a cycle that a recording stores. A replay has no world.
 *
 *   message = u8 kind, u32 id (little endian), then the body of its kind
 */
import { u16 } from '../../../network/bytes.ts';

/** A destination: an address of 4 or 16 bytes and a port. */
export interface Endpoint { readonly ip: Uint8Array; readonly port: number }

/** The gateway chooses the numbers of connections and flows; the world chooses those of connections from the host, from INCOMING on. */
export interface World {
  /** Opens a TCP connection. Answers: OPENED or FAILED. */
  open(id: number, to: Endpoint): void;
  /** Sends bytes, which the world now owns. Answers, some time later: SENT. */
  send(id: number, bytes: Uint8Array): void;
  /** The guest sends no more. */
  end(id: number): void;
  /** The guest has taken `count` bytes of DATA, so as many more may come. */
  taken(id: number, count: number): void;
  /** Ends the connection. */
  close(id: number): void;
  /** Sends a datagram from the flow's own port. Answers come as DATAGRAM. */
  datagram(flow: number, to: Endpoint, bytes: Uint8Array): void;
  /** The flow's port is free again. */
  forget(flow: number): void;
}

/** Bytes of one connection that may be in transit between gateway and world, in each direction. */
export const CREDIT_BYTES = 128 << 10;
/** First number of connections that come from the host. */
export const INCOMING = 0x8000_0000;

export const WorldKind = { OPENED: 1, FAILED: 2, DATA: 3, END: 4, RESET: 5, SENT: 6, ACCEPTED: 7, DATAGRAM: 8 } as const;
/** Why a connection could not be opened. */
export const Failure = { REFUSED: 0, UNREACHABLE: 1, TIMEOUT: 2 } as const;

export type WorldMessage =
  | { readonly kind: 'opened' | 'end' | 'reset'; readonly id: number }
  | { readonly kind: 'failed'; readonly id: number; readonly why: number }
  | { readonly kind: 'data'; readonly id: number; readonly bytes: Uint8Array }
  | { readonly kind: 'sent'; readonly id: number; readonly count: number }
  /** A connection has arrived at the forwarded port of that number. */
  | { readonly kind: 'accepted'; readonly id: number; readonly forward: number }
  /** For a flow, or (from INCOMING on) for a forwarded port and peer; `from` is its source. */
  | { readonly kind: 'datagram'; readonly id: number; readonly from: Endpoint; readonly bytes: Uint8Array; readonly forward: number };

const HEAD_BYTES = 5;

function head(kind: number, id: number, body: number): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(HEAD_BYTES + body), view = new DataView(bytes.buffer);
  bytes[0] = kind;
  view.setUint32(1, id, true);
  return { bytes, view };
}

/** The bytes of a message. */
export function encodeWorld(worldMessage: WorldMessage): Uint8Array {
  switch (worldMessage.kind) {
    case 'opened': return head(WorldKind.OPENED, worldMessage.id, 0).bytes;
    case 'end': return head(WorldKind.END, worldMessage.id, 0).bytes;
    case 'reset': return head(WorldKind.RESET, worldMessage.id, 0).bytes;
    case 'failed': return with32(WorldKind.FAILED, worldMessage.id, worldMessage.why);
    case 'sent': return with32(WorldKind.SENT, worldMessage.id, worldMessage.count);
    case 'accepted': return with32(WorldKind.ACCEPTED, worldMessage.id, worldMessage.forward);
    case 'data': return withBytes(WorldKind.DATA, worldMessage.id, worldMessage.bytes);
    case 'datagram': return encodeDatagram(worldMessage);
  }
}

function with32(kind: number, id: number, value: number): Uint8Array {
  const { bytes, view } = head(kind, id, 4);
  view.setUint32(HEAD_BYTES, value, true);
  return bytes;
}

function withBytes(kind: number, id: number, body: Uint8Array): Uint8Array {
  const { bytes } = head(kind, id, body.length);
  bytes.set(body, HEAD_BYTES);
  return bytes;
}

/** forward u32, length of the address u8, address, port u16 (big endian), payload. */
function encodeDatagram(message: WorldMessage & { kind: 'datagram' }): Uint8Array {
  const { ip, port } = message.from, at = HEAD_BYTES + 5 + ip.length,
    { bytes, view } = head(WorldKind.DATAGRAM, message.id, 7 + ip.length + message.bytes.length);
  view.setUint32(HEAD_BYTES, message.forward, true);
  bytes[HEAD_BYTES + 4] = ip.length;
  bytes.set(ip, HEAD_BYTES + 5);
  view.setUint16(at, port);
  bytes.set(message.bytes, at + 2);
  return bytes;
}

/** Undefined for a malformed message, because a recording may be damaged. */
export function decodeWorld(bytes: Uint8Array): WorldMessage | undefined {
  if (bytes.length < HEAD_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length), id = view.getUint32(1, true), body = bytes.subarray(HEAD_BYTES);
  const value = body.length >= 4 ? view.getUint32(HEAD_BYTES, true) : 0;
  switch (bytes[0]) {
    case WorldKind.OPENED: return { kind: 'opened', id };
    case WorldKind.END: return { kind: 'end', id };
    case WorldKind.RESET: return { kind: 'reset', id };
    case WorldKind.FAILED: return { kind: 'failed', id, why: value };
    case WorldKind.SENT: return { kind: 'sent', id, count: value };
    case WorldKind.ACCEPTED: return { kind: 'accepted', id, forward: value };
    case WorldKind.DATA: return { kind: 'data', id, bytes: body };
    case WorldKind.DATAGRAM: return decodeDatagram(id, value, body);
    default: return undefined;
  }
}

function decodeDatagram(id: number, forward: number, body: Uint8Array): WorldMessage | undefined {
  const length = body[4] ?? 0, at = 5 + length;
  if ((length !== 4 && length !== 16) || body.length < at + 2) return undefined;
  return { kind: 'datagram', id, forward, from: { ip: body.slice(5, at), port: u16(body, at) }, bytes: body.slice(at + 2) };
}
