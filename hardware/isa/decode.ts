/**
 * From instruction words to rows. Each ISA string has a decision tree that grows as words are decoded: a node tests one bit field and keeps
 * the rows that agree with it; a leaf tries its few rows in turn, those with the most fixed bits first.
 */
import { encode, matches, operandsOf, type Operands, type Row } from './row.ts';
import { enabled, parseIsa, rowIndex, rows } from './table.ts';

export interface Decoded {
  /** Row number of the base instruction (compressed ones are expanded); 0 = illegal. */
  readonly index: number;
  readonly row: Row;
  /** The row as written: for a compressed instruction the compressed one. */
  readonly written: Row;
  readonly operands: Operands;
  /** 2 or 4. */
  readonly length: 2 | 4;
  /** The instruction word, expanded if it was compressed; an illegal word unchanged. */
  readonly word: number;
}

/** Decodes one instruction; for a 16-bit one only the low half of `word` counts. */
export type Decoder = (word: number) => Decoded;

type Fields = readonly (readonly [number, number])[];
/** Tests one bit field. The rows that agree with a value are collected when a word first has it, because most values never occur. */
interface Branch {
  readonly shift: number;
  readonly mask: number;
  readonly rows: readonly Row[];
  readonly rest: Fields;
  readonly children: (Node | undefined)[];
}
type Node = Branch | readonly Row[];

/** Bit fields in the order in which the tree tests them: [lowest bit, width]. */
const FIELDS_32 = [[2, 5], [12, 3], [25, 7], [20, 5]] as const;
const FIELDS_16 = [[0, 2], [13, 3], [10, 3], [5, 2]] as const;
const LEAF = 3;
/** log2 of how many decoded words are kept. */
const REMEMBERED = 15;

function nodeOf(list: readonly Row[], fields: Fields): Node {
  const field = fields[0];
  if (list.length <= LEAF || !field) return list;
  const [shift, width] = field, size = 1 << width;
  return { shift, mask: size - 1, rows: list, rest: fields.slice(1), children: new Array<Node | undefined>(size).fill(undefined) };
}

function childOf({ shift, mask, rows: list, rest, children }: Branch, value: number): Node {
  const agrees = ({ pattern: p }: Row): boolean => (((p.match >>> shift) ^ value) & (p.mask >>> shift) & mask) === 0;
  return (children[value] ??= nodeOf(list.filter(agrees), rest));
}

/** How many bits a row fixes. */
function population(row: Row): number {
  let n = 0;
  for (let rest = row.pattern.mask >>> 0; rest !== 0; rest >>>= 1) n += rest & 1;
  return n;
}

function find(node: Node, word: number): Row | undefined {
  while (!Array.isArray(node)) {
    const branch = node as Branch, value = (word >>> branch.shift) & branch.mask;
    node = branch.children[value] ?? childOf(branch, value);
  }
  for (const row of node as readonly Row[]) if (matches(row, word)) return row;
  return undefined;
}

function illegalWord(word: number, length: 2 | 4): Decoded {
  return { index: 0, row: rows[0]!, written: rows[0]!, operands: {}, length, word };
}

const decoders = new Map<string, Decoder>();

/**
 * The decoder for the extensions of an ISA string (see `parseIsa` for its errors). Strings with the same instructions share a decoder,
 * which is a pure function with a cache.
 */
export function createDecoder(isa: string): Decoder {
  const extensions = parseIsa(isa);
  const legal = rows.slice(1).filter((r) => enabled(r, extensions));
  const key = legal.map((r) => r.name).join(' ');
  let decoder = decoders.get(key);
  if (!decoder) decoders.set(key, (decoder = makeDecoder(legal)));
  return decoder;
}

function makeDecoder(list: readonly Row[]): Decoder {
  const legal = list.toSorted((a, b) => population(b) - population(a));
  const long = nodeOf(legal.filter((r) => r.pattern.length === 4), FIELDS_32);
  const short = nodeOf(legal.filter((r) => r.pattern.length === 2), FIELDS_16);
  const decodeLong = (word: number): Decoded => {
    const found = find(long, word);
    return found
      ? { index: rowIndex.get(found.name)!, row: found, written: found, operands: operandsOf(found, word), length: 4, word: word | 0 }
      : illegalWord(word | 0, 4);
  };
  const decodeShort = (half: number): Decoded => {
    const found = find(short, half);
    return found ? expand(found, half) : illegalWord(half, 2);
  };
  // Programs use few different words, so a direct-mapped table keeps the last decoded ones.
  const keys = new Int32Array(1 << REMEMBERED);
  const values = new Array<Decoded>(1 << REMEMBERED).fill(decodeShort(0));
  return (word) => {
    const key = (word & 3) === 3 ? word | 0 : word & 0xffff;
    const at = Math.imul(key, 0x9e37_79b1) >>> (32 - REMEMBERED);
    if (keys[at] === key) return values[at]!;
    const decoded = (key & 3) === 3 ? decodeLong(key) : decodeShort(key);
    keys[at] = key;
    values[at] = decoded;
    return decoded;
  };
}

function expand(written: Row, half: number): Decoded {
  const operands = operandsOf(written, half);
  const to = written.expands;
  if (!to) return { index: rowIndex.get(written.name)!, row: written, written, operands, length: 2, word: half };
  Object.assign(operands, to.fixed);
  const index = rowIndex.get(to.name)!;
  const base = rows[index]!;
  return { index, row: base, written, operands, length: 2, word: encode(base, operands) };
}
