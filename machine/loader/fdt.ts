/**
 * Flattened device tree: writer and reader.
 *
 *   ┌ header ───────── magic d00dfeed, sizes and offsets of the rest, all big-endian
 *   ├ reserved ranges  pairs of u64, ended by a pair of zeros
 *   ├ structure        BEGIN_NODE name … PROP length nameoff value … END_NODE … END
 *   └ strings          property names, each once
 *
 * A tree is plain data: `node('cpu@0', { device_type: 'cpu', reg: [0] }, [children])`. Property values:
 * text → string, list of text → strings, number or numbers → u32 cells, bytes → as they are, true → empty.
 * @spec devicetree 5 (v0.4)
 */
export type FdtValue = true | string | readonly string[] | number | readonly number[] | Uint8Array;

export interface FdtNode {
  readonly name: string;
  readonly props: Readonly<Record<string, FdtValue>>;
  readonly children: readonly FdtNode[];
}

export interface ReservedRange {
  readonly address: number;
  readonly size: number;
}

const MAGIC = 0xd00d_feed;
const TOKEN = { BEGIN_NODE: 1, END_NODE: 2, PROP: 3, NOP: 4, END: 9 } as const;
const HEADER_BYTES = 40;
const VERSION = 17;
const LAST_COMPATIBLE = 16;

export function node(name: string, props: Readonly<Record<string, FdtValue>>, children: readonly FdtNode[] = []): FdtNode {
  return { name, props, children };
}

/** A 64-bit number as two cells, high first. */
export function cells64(...values: number[]): number[] {
  return values.flatMap((v) => [Math.floor(v / 2 ** 32), v % 2 ** 32]);
}

/** The blob for a tree whose root is named ''. */
export function writeFdt(root: FdtNode, reserved: readonly ReservedRange[] = [], bootHart = 0): Uint8Array {
  const strings = new StringTable();
  const structure = new Bytes();
  writeNode(structure, strings, root);
  structure.u32(TOKEN.END);
  const ranges = new Bytes();
  for (const range of [...reserved, { address: 0, size: 0 }]) for (const cell of cells64(range.address, range.size)) ranges.u32(cell);
  const structAt = HEADER_BYTES + ranges.length;
  const stringsAt = structAt + structure.length;
  const total = stringsAt + strings.bytes.length;
  const out = new Bytes();
  const header = [
    MAGIC, total, structAt, stringsAt, HEADER_BYTES, VERSION, LAST_COMPATIBLE, bootHart, strings.bytes.length, structure.length
  ];
  for (const field of header) out.u32(field);
  for (const part of [ranges, structure, strings.bytes]) out.bytes(part.take());
  return out.take();
}

function writeNode(out: Bytes, strings: StringTable, n: FdtNode): void {
  out.u32(TOKEN.BEGIN_NODE);
  out.text(n.name);
  out.align();
  for (const [name, value] of Object.entries(n.props)) {
    const bytes = encodeValue(value);
    out.u32(TOKEN.PROP);
    out.u32(bytes.length);
    out.u32(strings.offset(name));
    out.bytes(bytes);
    out.align();
  }
  for (const child of n.children) writeNode(out, strings, child);
  out.u32(TOKEN.END_NODE);
}

function encodeValue(value: FdtValue): Uint8Array {
  const out = new Bytes();
  if (value === true) return out.take();
  if (value instanceof Uint8Array) return value;
  for (const item of Array.isArray(value) ? value : [value]) {
    if (typeof item === 'string') out.text(item);
    else out.u32(item);
  }
  return out.take();
}

/** Property names, each stored once. */
class StringTable {
  readonly bytes = new Bytes();
  readonly #offsets = new Map<string, number>();

  offset(name: string): number {
    let at = this.#offsets.get(name);
    if (at === undefined) {
      at = this.bytes.length;
      this.#offsets.set(name, at);
      this.bytes.text(name);
    }
    return at;
  }
}

/** A growing array of bytes. */
class Bytes {
  #buffer = new Uint8Array(1024);
  length = 0;

  u32(value: number): void {
    this.#reserve(4);
    new DataView(this.#buffer.buffer).setUint32(this.length, value >>> 0);
    this.length += 4;
  }

  bytes(from: Uint8Array): void {
    this.#reserve(from.length);
    this.#buffer.set(from, this.length);
    this.length += from.length;
  }

  text(value: string): void {
    this.bytes(new TextEncoder().encode(`${value}\0`));
  }

  align(): void {
    while (this.length % 4 !== 0) this.bytes(new Uint8Array(1));
  }

  take(): Uint8Array {
    return this.#buffer.slice(0, this.length);
  }

  #reserve(more: number): void {
    if (this.length + more <= this.#buffer.length) return;
    const larger = new Uint8Array(2 * (this.length + more));
    larger.set(this.#buffer);
    this.#buffer = larger;
  }
}

/** A node as read back: values are raw bytes (see `fdtCells`, `fdtText`). */
export interface ReadNode {
  readonly name: string;
  readonly props: Map<string, Uint8Array>;
  readonly children: ReadNode[];
}

/** Bounds for the nesting of nodes and the length of a name, beyond any real device tree. */
const MOST_DEPTH = 64, LONGEST_NAME = 255;

/**
 * Reads a blob; `undefined` when it is not a device tree or is damaged. A name without an end nearby counts as damage, so that the time
 * stays that of one walk.
 * @spec devicetree 5.4 (structure block)
 */
export function readFdt(blob: Uint8Array): ReadNode | undefined {
  if (blob.length < HEADER_BYTES) return undefined;
  const data = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  if (data.getUint32(0) !== MAGIC || data.getUint32(4) > blob.length) return undefined;
  const stringsAt = data.getUint32(12), root: ReadNode = { name: '', props: new Map(), children: [] }, open: ReadNode[] = [root];
  for (let at = data.getUint32(8); at + 4 <= blob.length; ) {
    const token = data.getUint32(at);
    at += 4;
    const top = open[open.length - 1];
    if (token === TOKEN.END) return open.length === 1 ? root.children[0] : undefined;
    if (token === TOKEN.NOP) continue;
    if (token === TOKEN.END_NODE && open.length > 1) open.pop();
    else if (token === TOKEN.BEGIN_NODE) {
      const end = endOfName(blob, at);
      if (end === undefined || open.length > MOST_DEPTH) return undefined;
      const child: ReadNode = { name: decoder.decode(blob.subarray(at, end)), props: new Map(), children: [] };
      top.children.push(child);
      open.push(child);
      at = aligned(end + 1);
    } else if (token === TOKEN.PROP && at + 8 <= blob.length) {
      const length = data.getUint32(at), name = stringsAt + data.getUint32(at + 4), end = endOfName(blob, name);
      if (end === undefined || length > blob.length - at - 8) return undefined;
      top.props.set(decoder.decode(blob.subarray(name, end)), blob.subarray(at + 8, at + 8 + length));
      at = aligned(at + 8 + length);
    } else return undefined;
  }
  return undefined;
}

/** The node at a path such as `/cpus/cpu@0`. */
export function findNode(root: ReadNode, path: string): ReadNode | undefined {
  const steps = path.split('/').filter((s) => s !== '');
  return steps.reduce<ReadNode | undefined>((n, step) => n?.children.find((c) => c.name === step), root);
}

export function fdtCells(value: Uint8Array | undefined): number[] {
  if (value === undefined) return [];
  const data = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return Array.from({ length: value.length >> 2 }, (_, i) => data.getUint32(4 * i));
}

/** The strings of a property. */
export function fdtText(value: Uint8Array | undefined): string[] {
  return value === undefined ? [] : new TextDecoder().decode(value).split('\0').slice(0, -1);
}

const decoder = new TextDecoder();

/** Where a name's NUL is. */
function endOfName(bytes: Uint8Array, at: number): number | undefined {
  const most = Math.min(bytes.length, at + LONGEST_NAME + 1);
  for (let end = at; end < most; end++) if (bytes[end] === 0) return end;
  return undefined;
}

function aligned(at: number): number {
  return Math.ceil(at / 4) * 4;
}
