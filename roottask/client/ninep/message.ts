/**
 * Messages of 9P2000.L as bytes. Whatever a peer sends is checked: a length that leaves the message is `Malformed`, never a read beyond
 * it.
 */
import {
  ERROR, HEADER, MOST_PARTS, messages, type Fields, type Kinds, type Layout, type MessageName, type Qid, type Reply, type Request
} from './table.ts';

/** The bytes are no message of the protocol. */
export class Malformed extends Error {}

/** The most names in one walk, and qids in its answer. */
export const MOST_NAMES = 16;

const QID = 13;

class Reader {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
  }

  get done(): boolean { return this.at === this.bytes.length; }

  private take(size: number): number {
    const { at } = this;
    if (size > this.bytes.length - at) throw new Malformed('a field is longer than the message');
    this.at += size;
    return at;
  }

  private texts(): string[] {
    const count = this.u16();
    if (count > MOST_NAMES) throw new Malformed(`${count} names are more than ${MOST_NAMES}`);
    return Array.from({ length: count }, () => this.text());
  }
  private qids(): Qid[] {
    const count = this.u16();
    if (count > MOST_NAMES) throw new Malformed(`${count} qids are more than ${MOST_NAMES}`);
    return Array.from({ length: count }, () => this.qid());
  }
  private u8(): number { return this.view.getUint8(this.take(1)); }
  private u16(): number { return this.view.getUint16(this.take(2), true); }
  private u32(): number { return this.view.getUint32(this.take(4), true); }
  private u64(): bigint { return this.view.getBigUint64(this.take(8), true); }
  private text(): string {
    const length = this.u16(), at = this.take(length);
    let text = '';
    for (let i = at; i < at + length; i++) text += String.fromCharCode(this.bytes[i]!);
    return text;
  }
  /** A view of the message: copy it to keep it. */
  private data(): Uint8Array {
    const length = this.u32(), at = this.take(length);
    return this.bytes.subarray(at, at + length);
  }
  private qid(): Qid {
    const type = this.u8(), version = this.u32();
    return { type, version, path: this.u64() };
  }

  field(kind: keyof Kinds): Kinds[keyof Kinds] { return this[kind](); }
}

/** Reads the fields of a layout; they must fill the message. */
function readFields<L extends Layout>(layout: L, bytes: Uint8Array): Fields<L> {
  const reader = new Reader(bytes, HEADER), fields: Record<string, unknown> = {};
  for (const name in layout) fields[name] = reader.field(layout[name]!);
  if (!reader.done) throw new Malformed('a message is longer than its fields');
  return fields as Fields<L>;
}

const sizeOf: { readonly [K in keyof Kinds]: (value: Kinds[K]) => number } = {
  u8: () => 1, u16: () => 2, u32: () => 4, u64: () => 8, qid: () => QID,
  text: (text) => 2 + text.length, data: (data) => 4 + data.length,
  texts: (texts) => texts.reduce((sum, text) => sum + 2 + text.length, 2), qids: (qids) => 2 + QID * qids.length,
};

class Writer {
  readonly bytes: Uint8Array;
  private readonly view: DataView;
  private at = 0;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer);
  }

  u8(value: number): void { this.view.setUint8(this.at, value); this.at += 1; }
  u16(value: number): void { this.view.setUint16(this.at, value, true); this.at += 2; }
  u32(value: number): void { this.view.setUint32(this.at, value, true); this.at += 4; }
  u64(value: bigint): void { this.view.setBigUint64(this.at, value, true); this.at += 8; }
  text(text: string): void {
    this.u16(text.length);
    for (let i = 0; i < text.length; i++) this.bytes[this.at++] = text.charCodeAt(i);
  }
  data(data: Uint8Array): void {
    this.u32(data.length);
    this.bytes.set(data, this.at);
    this.at += data.length;
  }
  qid({ type, version, path }: Qid): void { this.u8(type); this.u32(version); this.u64(path); }
  texts(texts: readonly string[]): void { this.u16(texts.length); for (const text of texts) this.text(text); }
  qids(qids: readonly Qid[]): void { this.u16(qids.length); for (const qid of qids) this.qid(qid); }
}

function write(type: number, tag: number, layout: Layout, fields: Readonly<Record<string, unknown>>): Uint8Array {
  let size = HEADER;
  for (const name in layout) size += (sizeOf[layout[name]!] as (value: unknown) => number)(fields[name]);
  const writer = new Writer(size);
  writer.u32(size);
  writer.u8(type);
  writer.u16(tag);
  for (const name in layout) (writer[layout[name]!] as (value: unknown) => void).call(writer, fields[name]);
  return writer.bytes;
}

const byType = new Map<number, MessageName>(Object.entries(messages).map(([name, row]) => [row.type, name as MessageName]));

/** Size, type and tag of a message; undefined where the bytes are shorter than a header. */
export function header(bytes: Uint8Array): { size: number; type: number; tag: number } | undefined {
  if (bytes.length < HEADER) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER);
  return { size: view.getUint32(0, true), type: view.getUint8(4), tag: view.getUint16(5, true) };
}

/** The name of a request's type; undefined for types that the protocol does not have. */
export const requestName = (type: number): MessageName | undefined => byType.get(type);

/** For the client: a request as bytes. */
export const encodeRequest = <N extends MessageName>(name: N, tag: number, fields: Request<N>): Uint8Array =>
  write(messages[name].type, tag, messages[name].request, fields);

/** For the server: the fields of a request whose header is checked. Throws `Malformed`. */
export const decodeRequest = <N extends MessageName>(name: N, bytes: Uint8Array): Request<N> =>
  readFields(messages[name].request as Layout, bytes) as Request<N>;

export const encodeReply = <N extends MessageName>(name: N, tag: number, fields: Reply<N>): Uint8Array =>
  write(messages[name].type + 1, tag, messages[name].reply, fields);

export const encodeError = (tag: number, errno: number): Uint8Array => write(ERROR, tag, { errno: 'u32' }, { errno });

/** For the client: the answer to a request of this name, or its errno. Throws `Malformed`. */
export function decodeReply<N extends MessageName>(name: N,
    bytes: Uint8Array): { ok: true; value: Reply<N> } | { ok: false; error: number } {
  const head = header(bytes);
  if (!head || head.size !== bytes.length) throw new Malformed('a size that is not the message\'s');
  if (head.type === ERROR) return { ok: false, error: readFields({ errno: 'u32' }, bytes).errno };
  if (head.type !== messages[name].type + 1) throw new Malformed(`type ${head.type} answers no ${name}`);
  return { ok: true, value: readFields(messages[name].reply as Layout, bytes) as Reply<N> };
}

/** Messages one behind the other, as `compound` carries them. */
export function joinParts(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) { out.set(part, at); at += part.length; }
  return out;
}

/** The messages in a compound. Throws `Malformed`. */
export function splitParts(bytes: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [], view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length; ) {
    const size = bytes.length - at < HEADER ? 0 : view.getUint32(at, true);
    if (size < HEADER || size > bytes.length - at) throw new Malformed('a part that is not inside its message');
    if (parts.length === MOST_PARTS) throw new Malformed(`more than ${MOST_PARTS} parts`);
    parts.push(bytes.subarray(at, at + size));
    at += size;
  }
  return parts;
}

/** An entry of `readdir`'s data: `offset` is where to go on after it, `kind` as in a dirent (DT_DIR …). */
export interface DirEntry { readonly qid: Qid; readonly offset: bigint; readonly kind: number; readonly name: string }

export const entrySize = (name: string): number => QID + 8 + 1 + 2 + name.length;

export function encodeEntries(entries: readonly DirEntry[]): Uint8Array {
  const writer = new Writer(entries.reduce((sum, entry) => sum + entrySize(entry.name), 0));
  for (const { qid, offset, kind, name } of entries) {
    writer.qid(qid);
    writer.u64(offset);
    writer.u8(kind);
    writer.text(name);
  }
  return writer.bytes;
}

/** Throws `Malformed`. */
export function decodeEntries(bytes: Uint8Array): DirEntry[] {
  const reader = new Reader(bytes, 0), entries: DirEntry[] = [];
  while (!reader.done) {
    entries.push({
      qid: reader.field('qid') as Qid, offset: reader.field('u64') as bigint, kind: reader.field('u8') as number,
      name: reader.field('text') as string
    });
  }
  return entries;
}
