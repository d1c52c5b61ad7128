/**
 * Archives in the tar format as a sequence of entries: ustar, GNU long names, pax headers. Archives are untrusted: every number is checked
 * before use, no read leaves the archive, and each step advances, so the archive's size bounds time and memory.
 *
 *   512-byte header: name[100] mode[8] uid[8] gid[8] size[12] mtime[12] checksum[8] type linkname[100] "ustar\0" "00"
 *                    user[32] group[32] major[8] minor[8] prefix[155]; contents padded to 512; empty blocks at the end
 *
 * Documentation: IEEE Std 1003.1, pax, "ustar Interchange Format" and "pax Extended Header"
 */

/** An entry. Names are byte strings (one character a byte). */
export interface TarHeader {
  readonly name: string; readonly type: string; readonly mode: number; readonly uid: number; readonly gid: number; readonly mtime: number;
  readonly link: string; readonly major: number; readonly minor: number;
  /** Where its contents begin, and how long they are. */
  readonly dataAt: number; readonly size: number;
}

/** An archive in memory or elsewhere: copies of n bytes, fewer at its end. */
export interface Archive { readonly length: number; read(at: number, n: number): Uint8Array }

export const archiveOf = (bytes: Uint8Array): Archive => ({ length: bytes.length, read: (at, n) => bytes.subarray(at, at + n) });

/** The archive cannot be read: the rest of a sentence that begins with its name. */
export class TarError extends Error {}
export const NO_TAR = 'is not a tar archive';

const BLOCK = 512, LONG_NAME = 'L', LONG_LINK = 'K', PAX = 'x', GLOBAL = 'g', FILE = '0', SPARSE = 'S';
/** Linux's limit for names. */
const MOST_NAME = 255, MOST_PATH = 32_768;
const ZERO = 0x30, EIGHT = 0x38, SPACE = 0x20, NEWLINE = 0x0a, EQUALS = 0x3d;

/** The entries in order, without the headers that only describe the next entry; returns where the archive ends. Throws `TarError`. */
export function* tarEntries(bytes: Archive): Generator<TarHeader, number> {
  let extra: Extra = {};
  for (let at = 0; ; ) {
    if (at === bytes.length && at > 0) return at;
    if (at + BLOCK > bytes.length) throw new TarError(at === 0 ? 'is not a tar archive' : `is truncated at byte ${bytes.length}`);
    const block = bytes.read(at, BLOCK);
    if (isEmpty(block)) return at;
    const header = readHeader(block, at, extra), { type, dataAt, size } = header;
    at = dataAt + Math.ceil(size / BLOCK) * BLOCK;
    // The last entry's padding may be missing.
    if (dataAt + size > bytes.length) throw new TarError(`is truncated in '${visible(header.name)}'`);
    const data = (): Uint8Array => bytes.read(dataAt, size);
    if (type === LONG_NAME) extra = { ...extra, path: untilNul(data()) };
    else if (type === LONG_LINK) extra = { ...extra, linkpath: untilNul(data()) };
    else if (type === PAX) extra = { ...extra, ...paxRecords(data(), dataAt) };
    else if (type === GLOBAL) paxRecords(data(), dataAt);
    else if (type === SPARSE) throw sparse(header.name);
    else {
      yield header;
      extra = {};
    }
    if (at > bytes.length) return bytes.length;
  }
}

/** Values from preceding headers that override an entry's own. */
interface Extra {
  readonly path?: string;
  readonly linkpath?: string;
  readonly size?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number
}

const isEmpty = (block: Uint8Array): boolean => block.every(b => b === 0);

function readHeader(head: Uint8Array, at: number, extra: Extra): TarHeader {
  checkSum(head, at);
  const field = (what: string, offset: number, length: number) => number(head, offset, length, at, what);
  const type = head[156] === 0 ? FILE : String.fromCharCode(head[156]!);
  const own = type !== PAX && type !== GLOBAL && type !== LONG_NAME && type !== LONG_LINK;
  const prefix = isUstar(head) ? untilNul(head.subarray(345, 500)) : '', name = untilNul(head.subarray(0, 100));
  const size = (own ? extra.size : undefined) ?? field('size', 124, 12);
  if (size < 0) throw damaged(at, 'its size is negative');
  const header = {
    name: (own ? extra.path : undefined) ?? (prefix ? `${prefix}/${name}` : name), type, mode: field('mode', 100, 8) & 0o7777,
    uid: extra.uid ?? field('owner', 108, 8), gid: extra.gid ?? field('group', 116, 8),
    mtime: extra.mtime ?? field('time', 136, 12), link: extra.linkpath ?? untilNul(head.subarray(157, 257)), major: field('device', 329, 8),
    minor: field('device', 337, 8), dataAt: at + BLOCK, size: holdsData(type) ? size : 0,
  };
  checkNames(header, at);
  return header;
}

/** Links, devices, FIFOs and folders have no contents, whatever their size says. */
const holdsData = (type: string): boolean => !'123456'.includes(type);
const isUstar = (head: Uint8Array): boolean => untilNul(head.subarray(257, 263)) === 'ustar';

function checkSum(head: Uint8Array, at: number): void {
  let unsigned = 8 * SPACE, signed = 8 * SPACE;
  for (let i = 0; i < BLOCK; i++) {
    if (i >= 148 && i < 156) continue;
    unsigned += head[i]!;
    signed += (head[i]! << 24) >> 24;
  }
  const said = number(head, 148, 8, at, 'checksum');
  if (said !== unsigned && said !== signed) throw at === 0 ? new TarError(NO_TAR) : damaged(at, 'its checksum is wrong');
}

function checkNames({ name, link }: { name: string; link: string }, at: number): void {
  for (const path of [name, link]) {
    if (path.length > MOST_PATH) throw damaged(at, `it names a path of ${path.length} bytes`);
    if (path.includes('\0')) throw damaged(at, 'it has a name with a NUL in it');
  }
  if (name.length > MOST_NAME && name.split('/').some((part) => part.length > MOST_NAME))
    throw damaged(at, `it names a file by more than ${MOST_NAME} bytes`);
}

/** Sparse files are refused, because their contents are not stored in one piece. */
const sparse = (name: string): TarError =>
  new TarError(`holds a sparse file${name ? ` ('${visible(name)}')` : ''}, which cannot be read here; pack it without --sparse`);
const damaged = (at: number, why: string): TarError => new TarError(`is damaged at byte ${at}: ${why}`);

/** Octal text between blanks, or base 256 with the top bit set (then the next bit is the sign). An empty field is 0. */
function number(head: Uint8Array, offset: number, length: number, at: number, what: string): number {
  const value = head[offset]! & 0x80 ? base256(head, offset, length) : octal(head, offset, length);
  if (Number.isSafeInteger(value)) return value;
  throw at === 0 && what === 'checksum' ? new TarError(NO_TAR) : damaged(at, `its ${what} is no number`);
}

function base256(head: Uint8Array, offset: number, length: number): number {
  let value = (head[offset]! & 0x3f) - (head[offset]! & 0x40);
  for (let i = offset + 1; i < offset + length; i++) value = value * 256 + head[i]!;
  return value;
}

/** NaN for an invalid number. */
function octal(head: Uint8Array, offset: number, length: number): number {
  let i = offset, value = 0;
  const end = offset + length, blank = () => head[i] === SPACE || head[i] === 0;
  while (i < end && blank()) i++;
  for (; i < end && head[i]! >= ZERO && head[i]! < EIGHT; i++) value = value * 8 + head[i]! - ZERO;
  while (i < end && blank()) i++;
  return i === end ? value : NaN;
}

/** Records `length key=value\n`, where the length counts the bytes of all of it. */
function paxRecords(data: Uint8Array, at: number): Extra {
  const extra: Record<string, string | number> = {};
  for (let from = 0; from < data.length && data[from] !== 0; ) {
    const { key, value, end } = paxRecord(data, from, at);
    if (key.startsWith('GNU.sparse.')) throw sparse('');
    if (key === 'path' || key === 'linkpath') extra[key] = value;
    else if (key === 'size' || key === 'uid' || key === 'gid') extra[key] = whole(key, value, at);
    else if (key === 'mtime') extra[key] = Math.floor(time(value, at));
    from = end;
  }
  return extra;
}

function paxRecord(data: Uint8Array, from: number, at: number): { key: string; value: string; end: number } {
  let i = from, length = 0;
  for (; i < data.length && data[i]! >= ZERO && data[i]! <= 0x39 && length < data.length; i++) length = length * 10 + data[i]! - ZERO;
  const end = from + length, equals = data.indexOf(EQUALS, i);
  if (data[i] !== SPACE || end > data.length || data[end - 1] !== NEWLINE || equals < 0 || equals >= end - 1)
    throw damaged(at, 'its extended header is malformed');
  return { key: byteString(data.subarray(i + 1, equals)), value: byteString(data.subarray(equals + 1, end - 1)), end };
}

function whole(key: string, text: string, at: number): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(value)) throw damaged(at, `its extended header says ${key}=${visible(text)}`);
  return value;
}

function time(text: string, at: number): number {
  if (!/^-?\d{1,15}(\.\d*)?$/.test(text)) throw damaged(at, `its extended header says mtime=${visible(text)}`);
  return Number(text);
}

const PIECE = 4096;
function byteString(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += PIECE) text += String.fromCharCode(...bytes.subarray(at, at + PIECE));
  return text;
}
function untilNul(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return byteString(end < 0 ? bytes : bytes.subarray(0, end));
}
/** A name for a message: short, and without control characters. */
const visible = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}…` : text).replace(/[^\x20-\x7e]/g, '?');
