/**
 * Tar archives: a host folder as one archive in memory (ustar, with pax headers where a name or a size does not fit), which is how a
 * root file system reaches the Unix server, and a look at archives that the user gives.
 *
 *   512-byte header: name[100] mode[8] uid[8] gid[8] size[12] mtime[12] checksum[8] type linkname[100] "ustar\0" "00"
 *                    user[32] group[32] major[8] minor[8] prefix[155]; contents padded to 512; two empty blocks at the end
 */
import { closeSync, lstatSync, openSync, readSync, readdirSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';

const BLOCK = 512;
const Type = { file: '0', hard: '1', link: '2', char: '3', block: '4', dir: '5', fifo: '6', pax: 'x' } as const;
type TypeFlag = (typeof Type)[keyof typeof Type];

interface Entry {
  name: string;
  type: TypeFlag;
  mode: number;
  uid: number;
  gid: number;
  mtime: number;
  size: number;
  link: string;
  /** Host file to read the contents from, or the contents. */
  from?: string | Uint8Array;
}

/** Where a host file or folder shall appear in the archive. */
export interface Placement { host: string; guest: string }

const rounded = (n: number) => Math.ceil(n / BLOCK) * BLOCK;

/** Files of ours that are root's when root does not run us: an ordinary user's folder shall look like root's own in the guest. */
function owner(id: number, mine: number | undefined): number {
  return id === mine ? 0 : id;
}

function typeOf(stat: Stats): TypeFlag | undefined {
  if (stat.isFile()) return Type.file;
  if (stat.isDirectory()) return Type.dir;
  if (stat.isSymbolicLink()) return Type.link;
  if (stat.isCharacterDevice()) return Type.char;
  if (stat.isBlockDevice()) return Type.block;
  return stat.isFIFO() ? Type.fifo : undefined;
}

/** Walks host files and folders. Hard links stay links; sockets are left out. */
class Walk {
  readonly entries: Entry[] = [];
  private readonly seen = new Map<string, string>();

  /** One placement: links between its files stay links, those to another placement's files become files. */
  place(host: string, name: string): void {
    this.seen.clear();
    this.add(host, name);
  }

  private add(host: string, name: string): void {
    const stat = lstatSync(host);
    const type = typeOf(stat);
    if (type === undefined) return;
    const entry: Entry = {
      name, type, mode: stat.mode & 0o7777, uid: owner(stat.uid, process.getuid?.()), gid: owner(stat.gid, process.getgid?.()),
      mtime: Math.floor(stat.mtimeMs / 1000), size: 0, link: '',
    };
    const inode = `${stat.dev}:${stat.ino}`;
    const first = stat.nlink > 1 && type === Type.file ? this.seen.get(inode) : undefined;
    if (first !== undefined) Object.assign(entry, { type: Type.hard, link: first });
    else if (type === Type.file) Object.assign(entry, { size: stat.size, from: host });
    else if (type === Type.link) entry.link = readlinkSync(host);
    this.seen.set(inode, name);
    if (name !== '') this.entries.push(entry);
    if (type === Type.dir) for (const base of readdirSync(host).sort()) this.add(join(host, base), name ? `${name}/${base}` : base);
  }
}

/** Folders above a placed file that are not in the archive otherwise. */
function parents(name: string): Entry[] {
  const parts = name.split('/').slice(0, -1);
  return parts.map((_, i) => emptyFolder(parts.slice(0, i + 1).join('/')));
}

const utf8 = (text: string) => Buffer.from(text);

/** A name as ustar holds it: whole, or split at a slash into prefix and name; undefined if it fits neither way. */
function split(name: string): [string, string] | undefined {
  if (utf8(name).length <= 100) return ['', name];
  for (let at = name.indexOf('/'); at > 0; at = name.indexOf('/', at + 1)) {
    if (utf8(name.slice(0, at)).length <= 155 && utf8(name.slice(at + 1)).length <= 100) return [name.slice(0, at), name.slice(at + 1)];
  }
  return undefined;
}

/** The pax header that an entry needs, if any: records "LENGTH key=value\n". */
function paxFor(entry: Entry): Entry | undefined {
  let text = '';
  const record = (key: string, value: string) => {
    const rest = utf8(` ${key}=${value}\n`).length;
    let length = rest + String(rest).length;
    if (String(length).length !== String(rest).length) length = rest + String(length).length;
    text += `${length} ${key}=${value}\n`;
  };
  if (!split(entry.name)) record('path', entry.name);
  if (utf8(entry.link).length > 100) record('linkpath', entry.link);
  if (entry.size >= 8 ** 11) record('size', String(entry.size));
  if (!text) return undefined;
  return { ...entry, name: 'pax', type: Type.pax, size: utf8(text).length, link: '', from: utf8(text) };
}

const PAGE = 4096;

/**
 * Padding before an entry, so that the contents of a file of a page or more begin at a page of the archive: the Unix server then maps them as they
 * are. It is a pax header with a comment, which readers pass over.
 */
function paddingFor(entry: Entry, at: number): Entry | undefined {
  if (entry.type !== Type.file || entry.size < PAGE) return undefined;
  let gap = (2 * PAGE - BLOCK - (at % PAGE)) % PAGE;
  if (gap === 0) return undefined;
  if (gap === BLOCK) gap += PAGE;
  const size = gap - BLOCK;
  const body = `${size} comment=`.padEnd(size - 1, ' ') + '\n';
  return { ...entry, name: 'pax', type: Type.pax, size, from: utf8(body) };
}

/** Entries with the headers that some need before them. */
function laidOut(entries: Entry[]): Entry[] {
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

function writeHeader(to: Buffer, at: number, entry: Entry): void {
  const text = (offset: number, size: number, value: string) => utf8(value).copy(to, at + offset, 0, size);
  const octal = (offset: number, size: number, value: number) => text(offset, size, (value % 8 ** (size - 1)).toString(8).padStart(size - 1, '0') + '\0');
  const [prefix, name] = split(entry.name) ?? ['', entry.name];
  text(0, 100, entry.type === Type.dir && utf8(name).length < 100 ? `${name}/` : name);
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

/** Reads a whole host file into the archive; a file that shrank meanwhile leaves zeros. */
function readInto(to: Buffer, at: number, path: string, size: number): void {
  const fd = openSync(path, 'r');
  try {
    for (let done = 0; done < size; ) {
      const n = readSync(fd, to, at + done, size - done, done);
      if (n === 0) return;
      done += n;
    }
  } finally {
    closeSync(fd);
  }
}

const emptyFolder = (name: string): Entry => ({ name, type: Type.dir, mode: name === 'tmp' ? 0o1777 : 0o755, uid: 0, gid: 0, mtime: 0, size: 0, link: '' });

/** Host files and folders as one tar archive, empty folders first. A folder placed at "" becomes the root itself. */
export function packTar(placements: Placement[], folders: string[] = []): Buffer {
  const walk = new Walk();
  const there = new Set<string>(folders);
  walk.entries.push(...folders.map(emptyFolder));
  for (const { host, guest } of placements) {
    const name = guest.replace(/^\/+|\/+$/g, '');
    walk.entries.push(...parents(name).filter((above) => !there.has(above.name)));
    walk.place(host, name);
    for (const entry of walk.entries) there.add(entry.name);
  }
  const entries = laidOut(walk.entries);
  const total = entries.reduce((sum, entry) => sum + BLOCK + rounded(entry.size), 2 * BLOCK);
  const archive = Buffer.alloc(total);
  let at = 0;
  for (const entry of entries) {
    writeHeader(archive, at, entry);
    at += BLOCK;
    if (typeof entry.from === 'string') readInto(archive, at, entry.from, entry.size);
    else if (entry.from) archive.set(entry.from, at);
    at += rounded(entry.size);
  }
  return archive;
}

/** An entry of an archive: its type, where a link leads, and where its contents lie. */
export interface TarEntry { type: string; mode: number; link: string; data: Uint8Array }

/** The entries of an archive by name, without leading "./" and trailing "/"; undefined when the bytes are no tar archive. */
export function readTar(bytes: Uint8Array): Map<string, TarEntry> | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (text.length < BLOCK || text.toString('latin1', 257, 262) !== 'ustar') return undefined;
  const entries = new Map<string, TarEntry>();
  let long: { path?: string; linkpath?: string; size?: string } = {};
  for (let at = 0; at + BLOCK <= text.length && text[at] !== 0; ) {
    const field = (offset: number, size: number) => text.toString('utf8', at + offset, at + offset + size).replace(/\0.*$/s, '');
    const type = field(156, 1) || Type.file;
    const size = long.size !== undefined && type !== Type.pax ? Number(long.size) : text[at + 124] & 0x80 ? Number(text.readBigUInt64BE(at + 128)) : parseInt(field(124, 12), 8) || 0;
    const data = text.subarray(at + BLOCK, at + BLOCK + size);
    if (type === Type.pax) long = Object.fromEntries([...data.toString('utf8').matchAll(/(?:^|\n)\d+ (path|linkpath|size)=([^\n]*)/g)].map((m) => [m[1], m[2]]));
    else if (type === 'L') long = { ...long, path: data.toString('utf8').replace(/\0.*$/s, '') };
    else if (type === 'K') long = { ...long, linkpath: data.toString('utf8').replace(/\0.*$/s, '') };
    else if (type !== 'g') {
      const name = long.path ?? (field(345, 155) ? `${field(345, 155)}/${field(0, 100)}` : field(0, 100));
      entries.set(clean(name), { type, mode: parseInt(field(100, 8), 8) || 0, link: long.linkpath ?? field(157, 100), data });
      long = {};
    }
    at += BLOCK + rounded(size);
  }
  return entries;
}

const clean = (name: string) => name.replace(/^(\.?\/)+|\/+$/g, '');

/** The entry that a path leads to inside an archive, symbolic links followed (at most 40, as Linux does). */
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
