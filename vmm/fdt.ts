/**
 * A writer for flattened device trees: a tree is nested plain data; a kernel finds the blob at the address in a1.
 *
 *   header (40 bytes) │ reserved ranges, ended by two zeros │ structure block │ strings block       all big-endian
 *
 *   const tree = node('', { model: 'x' }, [node('memory@80000000', { reg: u64s(0x8000_0000, size) })]);
 *
 * Property values: string or strings → NUL-terminated text; number or numbers → 32-bit cells; bytes → as they are; true → empty.
 * @spec devicetree 5 (v0.4)
 */
export type Value = true | string | number | readonly (string | number)[] | Uint8Array;
export interface Node { readonly name: string; readonly props: Readonly<Record<string, Value>>; readonly children: readonly Node[] }

const HEADER_BYTES = 40, MAGIC = 0xd00d_feed, VERSION = 17, OLDEST_COMPATIBLE = 16;
const Token = { beginNode: 1, endNode: 2, property: 3, end: 9 } as const;
const encoder = new TextEncoder();

export const node = (name: string, props: Record<string, Value>, children: readonly Node[] = []): Node => ({ name, props, children });

/** 64-bit numbers as pairs of cells, high first. */
export const u64s = (...values: number[]): number[] => values.flatMap((v) => [Math.floor(v / 2 ** 32), v % 2 ** 32]);

/** The blob of the tree whose root is `root` (its name is ''). `bootCpu`: the hart number of the processor that boots. */
export function flatten(root: Node, bootCpu = 0): Uint8Array {
  const names = new Names(),
    structure = [...tokens(root, names), Token.end].flatMap((t) => (typeof t === 'number' ? [...bigEndian(t)] : t));
  const strings = names.bytes(), reserved = new Uint8Array(16);
  const structureAt = HEADER_BYTES + reserved.length, stringsAt = structureAt + structure.length, total = stringsAt + strings.length;
  const header = [
    MAGIC, total, structureAt, stringsAt, HEADER_BYTES, VERSION, OLDEST_COMPATIBLE, bootCpu, strings.length, structure.length
  ];
  return Uint8Array.from([...header.flatMap((f) => [...bigEndian(f)]), ...reserved, ...structure, ...strings]);
}

/** The structure block as numbers (one cell each) and padded runs of bytes. */
function* tokens(n: Node, names: Names): Generator<number | number[]> {
  yield Token.beginNode;
  yield padded(encoder.encode(`${n.name}\0`));
  for (const [name, value] of Object.entries(n.props)) {
    const bytes = encode(value);
    yield* [Token.property, bytes.length, names.offset(name), padded(bytes)];
  }
  for (const child of n.children) yield* tokens(child, names);
  yield Token.endNode;
}

function encode(value: Value): Uint8Array {
  if (value === true) return new Uint8Array(0);
  if (value instanceof Uint8Array) return value;
  const items: readonly (string | number)[] = typeof value === 'string' || typeof value === 'number' ? [value] : value;
  return Uint8Array.from(items.flatMap((i) => [...(typeof i === 'string' ? encoder.encode(`${i}\0`) : bigEndian(i))]));
}

const bigEndian = (v: number): Uint8Array => Uint8Array.of(v >>> 24, v >>> 16, v >>> 8, v);
const padded = (bytes: Uint8Array): number[] => [...bytes, ...new Uint8Array(-bytes.length & 3)];

/** The strings block: each property name once. */
class Names {
  readonly #offsets = new Map<string, number>();
  #length = 0;

  offset(name: string): number {
    const known = this.#offsets.get(name);
    if (known !== undefined) return known;
    const at = this.#length;
    this.#offsets.set(name, at);
    this.#length += name.length + 1;
    return at;
  }
  bytes(): Uint8Array { return encoder.encode([...this.#offsets.keys()].map((n) => `${n}\0`).join('')); }
}
