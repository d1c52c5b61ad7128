/**
 * The tar format (ustar, with pax headers where a name or a size does not fit): writes headers, reads archives. Names are byte strings, one
 * character per byte, because a file name may contain any bytes. `archive.ts` builds archives of files in memory, `cli/pack.ts` of host
 * folders.
 *
 *   512-byte header: name[100] mode[8] uid[8] gid[8] size[12] mtime[12] checksum[8] type linkname[100] "ustar\0" "00"
 *                    user[32] group[32] major[8] minor[8] prefix[155]; contents padded to 512; two empty blocks at the end
 */
import { NO_TAR, TarError, archiveOf, tarEntries } from '../../l4guest/fs/tar-format.ts';

export { NO_TAR, TarError };
export const BLOCK = 512;
export const Type = { file: '0', hard: '1', link: '2', char: '3', block: '4', dir: '5', fifo: '6', pax: 'x' } as const;
export type TypeFlag = (typeof Type)[keyof typeof Type];

export interface Entry {
  name: string;
  type: TypeFlag;
  mode: number;
  uid: number;
  gid: number;
  mtime: number;
  size: number;
  link: string;
  /** Writes the contents to memory of `size` bytes that is still zero. */
  from?: (into: Uint8Array) => void;
}

export const rounded = (n: number) => Math.ceil(n / BLOCK) * BLOCK;

const PIECE = 4096;

/** Bytes as a byte string. */
export function latin1(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += PIECE) text += String.fromCharCode(...bytes.subarray(at, at + PIECE));
  return text;
}
/** Writes a byte string, truncated to the room for it. */
export function putLatin1(to: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length && at + i < to.length; i++) to[at + i] = text.charCodeAt(i);
}
/** The byte string of a text: its UTF-8. */
export const byteString = (text: string): string => latin1(new TextEncoder().encode(text));

/** A name in ustar form: whole, or split at a slash into prefix and name; undefined if neither fits. */
function split(name: string): [string, string] | undefined {
  if (name.length <= 100) return ['', name];
  for (let at = name.indexOf('/'); at > 0; at = name.indexOf('/', at + 1)) {
    if (at <= 155 && name.length - at - 1 <= 100) return [name.slice(0, at), name.slice(at + 1)];
  }
  return undefined;
}

/** The pax header that an entry needs, if any: records "LENGTH key=value\n". */
function paxFor(entry: Entry): Entry | undefined {
  let text = '';
  const record = (key: string, value: string) => {
    const rest = ` ${key}=${value}\n`.length;
    let length = rest + String(rest).length;
    if (String(length).length !== String(rest).length) length = rest + String(length).length;
    text += `${length} ${key}=${value}\n`;
  };
  if (!split(entry.name)) record('path', entry.name);
  if (entry.link.length > 100) record('linkpath', entry.link);
  if (entry.size >= 8 ** 11) record('size', String(entry.size));
  if (!text) return undefined;
  return { ...entry, name: 'pax', type: Type.pax, size: text.length, link: '', from: (into) => putLatin1(into, 0, text) };
}

const PAGE = 4096, BLANK = 0x20, NEWLINE = 0x0a;

/**
 * Padding before an entry, so that the contents of a file of a page or more begin on a page of the archive and the Unix server can map them
 * in place. It is a pax header with a comment, which readers skip.
 */
function paddingFor(entry: Entry, at: number): Entry | undefined {
  if (entry.type !== Type.file || entry.size < PAGE) return undefined;
  let gap = (2 * PAGE - BLOCK - (at % PAGE)) % PAGE;
  if (gap === 0) return undefined;
  if (gap === BLOCK) gap += PAGE;
  const size = gap - BLOCK;
  return { ...entry, name: 'pax', type: Type.pax, size, from: writePadding };
}

function writePadding(into: Uint8Array): void {
  into.fill(BLANK);
  putLatin1(into, 0, `${into.length} comment=`);
  into[into.length - 1] = NEWLINE;
}

/** Entries with the headers that some need before them. */
export function laidOut(entries: Entry[]): Entry[] {
  const all: Entry[] = [];
  let at = 0;
  const put = (entry: Entry | undefined) => {
    if (!entry) return;
    all.push(entry);
    at += BLOCK + rounded(entry.size);
  };
  for (const entry of entries) {
    const pax = paxFor(entry);
    put(pax ? undefined : paddingFor(entry, at));
    put(pax);
    put(entry);
  }
  return all;
}

export function writeHeader(to: Uint8Array, at: number, entry: Entry): void {
  const text = (offset: number, size: number, value: string) => putLatin1(to, at + offset, value.slice(0, size));
  const octal = (offset: number, size: number, value: number) =>
    text(offset, size, (value % 8 ** (size - 1)).toString(8).padStart(size - 1, '0') + '\0');
  const [prefix, name] = split(entry.name) ?? ['', entry.name];
  text(0, 100, entry.type === Type.dir && name.length < 100 ? `${name}/` : name);
  octal(100, 8, entry.mode);
  octal(108, 8, entry.uid);
  octal(116, 8, entry.gid);
  octal(124, 12, entry.size);
  octal(136, 12, Math.max(0, entry.mtime));
  text(148, 8, '        ');
  text(156, 1, entry.type);
  text(157, 100, entry.link);
  text(257, 8, 'ustar\x0000');
  text(345, 155, prefix);
  let sum = 0;
  for (let i = 0; i < BLOCK; i++) sum += to[at + i];
  text(148, 8, sum.toString(8).padStart(6, '0') + '\0 ');
}

/** An entry of an archive: its type, the target of a link, and its contents. */
export interface TarEntry { type: string; mode: number; link: string; data: Uint8Array }

/**
 * The entries of an archive by name, without leading "./" and trailing "/", and where the archive ends.
 * @throws TarError for a damaged archive; its message continues a sentence that begins with the archive's name
 */
export function parseTar(bytes: Uint8Array): { entries: Map<string, TarEntry>; end: number } {
  const entries = new Map<string, TarEntry>(), all = tarEntries(archiveOf(bytes));
  for (let step = all.next(); ; step = all.next()) {
    if (step.done) return { entries, end: step.value };
    const { name, type, mode, link, dataAt, size } = step.value;
    entries.set(clean(name), { type, mode, link, data: bytes.subarray(dataAt, dataAt + size) });
  }
}

/** Whether these bytes can begin a non-empty archive. */
export function maybeTar(bytes: Uint8Array): boolean {
  try {
    return !tarEntries(archiveOf(bytes)).next().done;
  } catch (error) {
    return error instanceof TarError && error.message !== NO_TAR;
  }
}

/** The entries of an archive; undefined if the bytes are not a tar archive, or a damaged one. */
export function readTar(bytes: Uint8Array): Map<string, TarEntry> | undefined {
  try {
    return parseTar(bytes).entries;
  } catch (error) {
    if (error instanceof TarError) return undefined;
    throw error;
  }
}

const clean = (name: string) => name.replace(/^(\.?\/)+|\/+$/g, '');

/** The entry at a path inside an archive; follows symbolic links (at most 40, as Linux does). */
export function lookUp(entries: Map<string, TarEntry>, path: string): TarEntry | undefined {
  let rest = path.split('/').filter(Boolean), here: string[] = [], links = 0;
  while (rest.length) {
    const [part, ...after] = rest;
    rest = after;
    if (part === '.') continue;
    if (part === '..') { here.pop(); continue; }
    const entry = entries.get([...here, part].join('/'));
    if (entry?.type === Type.link) {
      if (++links > 40) return undefined;
      if (entry.link.startsWith('/')) here = [];
      rest = [...entry.link.split('/').filter(Boolean), ...rest];
    } else here.push(part);
  }
  const found = entries.get(here.join('/'));
  return found?.type === Type.hard ? entries.get(clean(found.link)) : found;
}
