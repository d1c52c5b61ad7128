/** An ELF file of pieces of memory and symbols: what `tessera bare` starts and GDB reads. */
export interface Piece { readonly at: number; readonly bytes: Uint8Array }

const HEADER = 64, PROGRAM = 56, SECTION = 64, SYMBOL = 24;

/** The first piece begins at the entry, and its section is where the symbols are. */
export function imageOf(pieces: readonly Piece[], symbols: ReadonlyMap<string, bigint>): Uint8Array {
  const [first] = pieces as [Piece], inside = [...symbols].filter(([, a]) => Number(a) >= first.at && Number(a) <= first.at
    + first.bytes.length);
  const names = new TextEncoder().encode(`\0${inside.map(([n]) => `${n}\0`).join('')}`),
    sections = new TextEncoder().encode('\0.text\0.symtab\0.strtab\0');
  let at = HEADER + PROGRAM * pieces.length;
  const place = (length: number): number => { const here = Math.ceil(at / 16) * 16; at = here + length; return here; };
  const places = pieces.map((p) => place(p.bytes.length)), symtab = place(SYMBOL * (inside.length + 1)), strtab = place(names.length),
    shstr = place(sections.length), table = place(5 * SECTION);
  const bytes = new Uint8Array(at), view = new DataView(bytes.buffer);
  const longs = (from: number, values: readonly number[]): void =>
    values.forEach((v, i) => view.setBigUint64(from + 8 * i, BigInt(v), true));
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  const halves = [[16, 2], [18, 243], [52, HEADER], [54, PROGRAM], [56, pieces.length], [58, SECTION], [60, 5], [62, 4]] as const;
  for (const [at, value] of halves)
    view.setUint16(at, value, true);
  view.setUint32(20, 1, true);
  longs(24, [first.at, HEADER, table]);
  pieces.forEach((piece, i) => {
    const offset = HEADER + PROGRAM * i;
    view.setUint32(offset, 1, true); view.setUint32(offset + 4, 7, true);
    longs(offset + 8, [places[i]!, piece.at, piece.at, piece.bytes.length, piece.bytes.length, 16]);
    bytes.set(piece.bytes, places[i]);
  });
  let name = 1;
  inside.forEach(([n, address], i) => {
    const offset = symtab + SYMBOL * (i + 1);
    view.setUint32(offset, name, true);
    name += n.length + 1;
    view.setUint8(offset + 4, 0x12); // a global function
    view.setUint16(offset + 6, 1, true);
    longs(offset + 8, [Number(address)]);
  });
  bytes.set(names, strtab);
  bytes.set(sections, shstr);
  const section = (i: number, label: number, type: number, flags: number, values: readonly number[], link: number, entry: number): void => {
    const offset = table + SECTION * i;
    view.setUint32(offset, label, true); view.setUint32(offset + 4, type, true);
    longs(offset + 8, [flags, ...values]);
    view.setUint32(offset + 40, link, true); view.setUint32(offset + 44, link === 3 ? 1 : 0, true);
    longs(offset + 48, [1, entry]);
  };
  section(1, 1, 1, 7, [first.at, places[0]!, first.bytes.length], 0, 0);
  section(2, 7, 2, 0, [0, symtab, SYMBOL * (inside.length + 1)], 3, SYMBOL);
  section(3, 15, 3, 0, [0, strtab, names.length], 0, 0);
  section(4, 15, 3, 0, [0, shstr, sections.length], 0, 0);
  return bytes;
}
