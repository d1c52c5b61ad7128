/**
 * Messages of 9P2000.L as bytes. Everything from the peer is checked: a length beyond the message raises `Malformed`, so no read leaves the
 * message.
 */
import {
  contentsLayout, ERROR, HEADER, lookLayout, MOST_PARTS, messages, type Contents, type Fields, type Kinds, type Layout, type Look,
  type MessageName, type Qid, type Reply, type Request
} from './table.ts';

/** The bytes are not a message of the protocol. */
export class Malformed extends Error {}

/** The most names in one walk, and qids in its answer. */
export const MOST_NAMES = 16;
/** The most numbers in one request. */
export const MOST_NUMBERS = 64;

const QID = 13;

// Small messages are most of the cost of a live folder, so none allocates a view: numbers are composed of bytes, and every message is first
// written into one buffer, whose used part is then copied.

/** Eight bytes as one number. */
const wide = new DataView(new ArrayBuffer(8));

/** Reads fields from `at` on, up to `end`. */
class Reader {
  private readonly bytes: Uint8Array;
  private at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes;
    this.at = at;
  }

  get done(): boolean { return this.at === this.bytes.length; }

  private take(size: number): number {
    const { at } = this;
    if (size > this.bytes.length - at) throw new Malformed('field');
    this.at += size;
    return at;
  }

  private texts(): string[] {
    const count = this.u16(), texts: string[] = [];
    if (count > MOST_NAMES) throw new Malformed('texts');
    for (let i = 0; i < count; i++) texts.push(this.text());
    return texts;
  }
  private qids(): Qid[] {
    const count = this.u16(), qids: Qid[] = [];
    if (count > MOST_NAMES) throw new Malformed('qids');
    for (let i = 0; i < count; i++) qids.push(this.qid());
    return qids;
  }
  private numbers(): number[] {
    const count = this.u16(), numbers: number[] = [];
    if (count > MOST_NUMBERS) throw new Malformed('numbers');
    for (let i = 0; i < count; i++) numbers.push(this.u32());
    return numbers;
  }
  private u8(): number { return this.bytes[this.take(1)]!; }
  private u16(): number {
    const at = this.take(2);
    return this.bytes[at]! | (this.bytes[at + 1]! << 8);
  }
  private u32(): number { return u32At(this.bytes, this.take(4)); }
  private u64(): bigint {
    const at = this.take(8);
    wide.setUint32(0, u32At(this.bytes, at), true);
    wide.setUint32(4, u32At(this.bytes, at + 4), true);
    return wide.getBigUint64(0, true);
  }
  private long(): number {
    const at = this.take(8);
    return (u32At(this.bytes, at + 4) | 0) * 4_294_967_296 + u32At(this.bytes, at);
  }
  private text(): string {
    const length = this.u16(), at = this.take(length);
    return textAt(this.bytes, at, at + length);
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

  field(kind: keyof Kinds): Kinds[keyof Kinds] {
    switch (kind) {
      case 'u32': return this.u32();
      case 'u64': return this.u64();
      case 'text': return this.text();
      case 'qid': return this.qid();
      case 'data': return this.data();
      case 'u8': return this.u8();
      case 'u16': return this.u16();
      case 'long': return this.long();
      case 'texts': return this.texts();
      case 'qids': return this.qids();
      case 'numbers': return this.numbers();
    }
  }
}

/** One character a byte. */
function textAt(bytes: Uint8Array, from: number, to: number): string {
  if (to - from <= PIECE) return String.fromCharCode.apply(undefined, bytes.subarray(from, to) as unknown as number[]);
  return textAt(bytes, from, from + PIECE) + textAt(bytes, from + PIECE, to);
}
/** Arguments of one call. */
const PIECE = 256;

const u32At = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;

/** The fields of a layout in order, and an object that has all of them, so that copies need not grow. */
interface Plan {
  readonly names: readonly string[];
  readonly kinds: readonly (keyof Kinds)[];
  readonly empty: Readonly<Record<string, unknown>>;
}
const plans = new Map<Layout, Plan>();
function planOf(layout: Layout): Plan {
  let plan = plans.get(layout);
  if (!plan) {
    const names = Object.keys(layout);
    plan = { names, kinds: names.map((name) => layout[name]!), empty: Object.fromEntries(names.map((name) => [name, undefined])) };
    plans.set(layout, plan);
  }
  return plan;
}

/** Reads the fields of a layout; they must fill the message. */
function readFields<L extends Layout>(layout: L, bytes: Uint8Array): Fields<L> {
  const reader = new Reader(bytes, HEADER), fields = nextFields(layout, reader);
  if (!reader.done) throw new Malformed('rest');
  return fields;
}
function nextFields<L extends Layout>(layout: L, reader: Reader): Fields<L> {
  const { names, kinds, empty } = planOf(layout), fields: Record<string, unknown> = { ...empty };
  for (let i = 0; i < names.length; i++) fields[names[i]!] = reader.field(kinds[i]!);
  return fields as Fields<L>;
}

/** The message under construction. Writers never sleep, so all messages share this buffer. */
let scratch = new Uint8Array(4096), view = new DataView(scratch.buffer), used = 0;

/** Makes room for this many more bytes; returns where they begin. May replace `scratch` and `view`. */
function room(size: number): number {
  const at = used;
  used += size;
  if (used > scratch.length) {
    const old = scratch;
    scratch = new Uint8Array(Math.max(used, 2 * old.length));
    scratch.set(old.subarray(0, at));
    view = new DataView(scratch.buffer);
  }
  return at;
}
const writeU8 = (value: number): void => { const at = room(1); scratch[at] = value; };
const writeU16 = (value: number): void => { const at = room(2); view.setUint16(at, value, true); };
const writeU32 = (value: number): void => { const at = room(4); view.setUint32(at, value, true); };
const writeU64 = (value: bigint): void => { const at = room(8); view.setBigUint64(at, value, true); };
function writeLong(value: number): void {
  const at = room(8);
  view.setUint32(at, value % 4_294_967_296, true);
  view.setInt32(at + 4, Math.floor(value / 4_294_967_296), true);
}
function writeText(text: string): void {
  writeU16(text.length);
  const at = room(text.length);
  for (let i = 0; i < text.length; i++) scratch[at + i] = text.charCodeAt(i);
}
function writeData(data: Uint8Array): void {
  writeU32(data.length);
  const at = room(data.length);
  scratch.set(data, at);
}
function writeQid({ type, version, path }: Qid): void {
  writeU8(type);
  writeU32(version);
  writeU64(path);
}
function writeField(kind: keyof Kinds, value: unknown): void {
  switch (kind) {
    case 'u32': return writeU32(value as number);
    case 'u64': return writeU64(value as bigint);
    case 'text': return writeText(value as string);
    case 'qid': return writeQid(value as Qid);
    case 'data': return writeData(value as Uint8Array);
    case 'u8': return writeU8(value as number);
    case 'u16': return writeU16(value as number);
    case 'long': return writeLong(value as number);
    case 'texts': return writeList(value as readonly string[], writeText);
    case 'qids': return writeList(value as readonly Qid[], writeQid);
    case 'numbers': return writeList(value as readonly number[], writeU32);
  }
}
function writeList<T>(list: readonly T[], write: (value: T) => void): void {
  writeU16(list.length);
  for (const value of list) write(value);
}

/** Writes a header whose size is not known yet; returns where it is. */
function begin(type: number, tag: number): number {
  const at = room(HEADER);
  scratch[at + 4] = type;
  view.setUint16(at + 5, tag, true);
  return at;
}
function write(type: number, tag: number, layout: Layout, fields: Readonly<Record<string, unknown>>): void {
  const at = begin(type, tag);
  writeFields(layout, fields);
  view.setUint32(at, used - at, true);
}
function writeFields(layout: Layout, fields: Readonly<Record<string, unknown>>): void {
  const { names, kinds } = planOf(layout);
  for (let i = 0; i < names.length; i++) writeField(kinds[i]!, fields[names[i]!]);
}
/** A copy of everything written so far. */
function written(): Uint8Array {
  const bytes = bytesFor(used);
  bytes.set(scratch.subarray(0, used));
  used = 0;
  return bytes;
}

/** Short messages lie behind one another in this buffer: a buffer for each would cost more than the message. */
let slab = new Uint8Array(0), taken = 0;
const SLAB = 32_768, SHORT = 1024;
function bytesFor(size: number): Uint8Array {
  if (size > SHORT) return new Uint8Array(size);
  if (taken + size > slab.length) { slab = new Uint8Array(SLAB); taken = 0; }
  taken += size;
  return slab.subarray(taken - size, taken);
}
function encode(type: number, tag: number, layout: Layout, fields: Readonly<Record<string, unknown>>): Uint8Array {
  used = 0;
  write(type, tag, layout, fields);
  return written();
}

const byType: readonly (MessageName | undefined)[] = (() => {
  const names = new Array<MessageName | undefined>(256).fill(undefined);
  for (const [name, row] of Object.entries(messages)) names[row.type] = name as MessageName;
  return names;
})();

/** Size, type and tag of a message; undefined where the bytes are shorter than a header. */
export function header(bytes: Uint8Array): { size: number; type: number; tag: number } | undefined {
  if (bytes.length < HEADER) return undefined;
  return { size: u32At(bytes, 0), type: bytes[4]!, tag: bytes[5]! | (bytes[6]! << 8) };
}

/** The name of a request's type; undefined for types that the protocol does not have. */
export const requestName = (type: number): MessageName | undefined => byType[type];

/** For the client: a request as bytes. */
export const encodeRequest = <N extends MessageName>(name: N, tag: number, fields: Request<N>): Uint8Array =>
  encode(messages[name].type, tag, messages[name].request, fields);

/** One request of a compound. */
export interface Part { readonly name: MessageName; readonly fields: Request<MessageName> }

/** For the client: many requests in one message; each one's tag is its number. */
export function encodeCompound(tag: number, parts: readonly Part[]): Uint8Array {
  used = 0;
  const at = begin(messages.compound.type, tag), length = room(4);
  for (let i = 0; i < parts.length; i++) {
    const { type, request } = messages[parts[i]!.name];
    write(type, i, request, parts[i]!.fields);
  }
  view.setUint32(length, used - length - 4, true);
  view.setUint32(at, used - at, true);
  return written();
}

/** For the server: the fields of a request whose header is checked. Throws `Malformed`. */
export const decodeRequest = <N extends MessageName>(name: N, bytes: Uint8Array): Request<N> =>
  readFields(messages[name].request as Layout, bytes) as Request<N>;

export const encodeReply = <N extends MessageName>(name: N, tag: number, fields: Reply<N>): Uint8Array =>
  encode(messages[name].type + 1, tag, messages[name].reply, fields);

const failure: Layout = { errno: 'u32' };
export const encodeError = (tag: number, errno: number): Uint8Array => encode(ERROR, tag, failure, { errno });

/** For the client: the answer to a request of this name, or its errno. Throws `Malformed`. */
export function decodeReply<N extends MessageName>(name: N,
    bytes: Uint8Array): { ok: true; value: Reply<N> } | { ok: false; error: number } {
  const head = header(bytes);
  if (!head || head.size !== bytes.length) throw new Malformed('size');
  if (head.type === ERROR) return { ok: false, error: readFields(failure, bytes)['errno'] as number };
  if (head.type !== messages[name].type + 1) throw new Malformed('type');
  return { ok: true, value: readFields(messages[name].reply as Layout, bytes) as Reply<N> };
}

/** Consecutive messages, as in a `compound`. */
export function joinParts(parts: readonly Uint8Array[]): Uint8Array {
  const out = bytesFor(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) { out.set(part, at); at += part.length; }
  return out;
}

/** The messages in a compound. Throws `Malformed`. */
export function splitParts(bytes: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = bytes.length - at < HEADER ? 0 : u32At(bytes, at);
    if (size < HEADER || size > bytes.length - at) throw new Malformed('part');
    if (parts.length === MOST_PARTS) throw new Malformed('parts');
    parts.push(bytes.subarray(at, at + size));
    at += size;
  }
  return parts;
}

/** An entry of `readdir`'s data: `offset` is where to continue after it, `kind` as in a dirent (DT_DIR …). */
export interface DirEntry { readonly qid: Qid; readonly offset: bigint; readonly kind: number; readonly name: string }

export const entrySize = (name: string): number => QID + 8 + 1 + 2 + name.length;

export function encodeEntries(entries: readonly DirEntry[]): Uint8Array {
  used = 0;
  for (const { qid, offset, kind, name } of entries) {
    writeQid(qid);
    writeU64(offset);
    writeU8(kind);
    writeText(name);
  }
  return written();
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

const encodeAll = <L extends Layout>(layout: L, list: readonly Fields<L>[]): Uint8Array => {
  used = 0;
  for (const fields of list) writeFields(layout, fields);
  return written();
};
const decodeAll = <L extends Layout>(layout: L, bytes: Uint8Array): Fields<L>[] => {
  const reader = new Reader(bytes, 0), list: Fields<L>[] = [];
  while (!reader.done) list.push(nextFields(layout, reader));
  return list;
};
/** Bytes of a look with these texts. */
export const lookSize = (name: string, target: string): number => 88 + name.length + target.length;
export const encodeLooks = (looks: readonly Look[]): Uint8Array => encodeAll(lookLayout, looks);
/** Throws `Malformed`. */
export const decodeLooks = (bytes: Uint8Array): Look[] => decodeAll(lookLayout, bytes);
export const encodeContents = (contents: readonly Contents[]): Uint8Array => encodeAll(contentsLayout, contents);
/** Throws `Malformed`. The data are views of the bytes: copy them to keep them. */
export const decodeContents = (bytes: Uint8Array): Contents[] => decodeAll(contentsLayout, bytes);
