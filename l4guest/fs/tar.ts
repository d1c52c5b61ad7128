/**
 * The root file system from a tar image that stands in memory. Nothing is copied: files point into the image, and where a file's data
 * starts at a page boundary its pages are mapped as they are. Formats: ustar, GNU long names, pax headers.
 */
import { S, PAGE } from '../abi/linux.ts';
import { textOf } from '../mm/uaccess.ts';
import { Directory, type Inode } from './inode.ts';
import type { Image } from './regular.ts';
import { TmpDir } from './tmpfs.ts';

/** `pfn`: server page number of the image's first byte where that byte is page-aligned, else 0. */
export interface TarImage { readonly bytes: Uint8Array; readonly pfn: number }

interface Header { name: string; mode: number; uid: number; gid: number; size: number; mtime: number; type: string; link: string; major: number; minor: number }
interface Extra { path?: string; linkpath?: string; size?: number; uid?: number; gid?: number; mtime?: number }

function field(h: Uint8Array, at: number, length: number): string {
  if (h[at] === 0) return '';
  const f = h.subarray(at, at + length), end = f.indexOf(0);
  return textOf(end < 0 ? f : f.subarray(0, end));
}
/** Octal text, or base 256 with the top bit set. */
function number(h: Uint8Array, at: number, length: number): number {
  let v = 0, i = at;
  if (h[at]! & 0x80) { v = h[at]! & 0x3f; for (i++; i < at + length; i++) v = v * 256 + h[i]!; return v; }
  while (h[i] === 0x20 && i < at + length) i++;
  for (; i < at + length && h[i]! >= 0x30 && h[i]! < 0x38; i++) v = v * 8 + h[i]! - 0x30;
  return v;
}
function parseHeader(h: Uint8Array): Header | undefined {
  let sum = 256;
  for (let i = 0; i < 512; i++) if (i < 148 || i >= 156) sum += h[i]!;
  if (number(h, 148, 8) !== sum) return undefined;
  const prefix = field(h, 257, 5) === 'ustar' && h[262] === 0 ? field(h, 345, 155) : '', name = field(h, 0, 100);
  return {
    name: prefix ? `${prefix}/${name}` : name, mode: number(h, 100, 8) & 0o7777, uid: number(h, 108, 8), gid: number(h, 116, 8), size: number(h, 124, 12), mtime: number(h, 136, 12),
    type: String.fromCharCode(h[156] || 48), link: field(h, 157, 100), major: number(h, 329, 8), minor: number(h, 337, 8),
  };
}
/** Records `length key=value\n`, where the length counts the bytes of all of it. */
function parsePax(bytes: Uint8Array): Extra {
  const out: Extra = {};
  for (let rest = bytes; rest.length > 0; ) {
    const m = /^(\d+) ([^=]+)=/.exec(String.fromCharCode(...rest.subarray(0, 100)));
    if (!m || Number(m[1]) <= m[0].length) break;
    const end = Number(m[1]), key = m[2]!, value = textOf(rest.subarray(m[0].length, end - 1));
    if (key === 'path' || key === 'linkpath') out[key] = value;
    else if (key === 'size' || key === 'uid' || key === 'gid' || key === 'mtime') out[key] = Number(value);
    rest = rest.subarray(end);
  }
  return out;
}

/** Puts everything in the image below `root`. Answers the number of entries, or a sentence that says what is wrong. */
export function loadTar(root: TmpDir, image: TarImage): number | string {
  let extra: Extra = {}, count = 0;
  const b = image.bytes, dirs: [Inode, Header][] = [], done = (): number => { for (const [dir, h] of dirs) attributes(dir, h); return count; };
  for (let at = 0; at + 512 <= b.length; ) {
    const head = b.subarray(at, at + 512);
    if (head[0] === 0 && head.every((x) => x === 0)) return done();
    const h = parseHeader(head);
    if (!h) return count === 0 ? 'is not a tar archive' : `is damaged at byte ${at}`;
    const dataAt = at + 512, size = extra.size ?? h.size;
    if (dataAt + size > b.length) return `is truncated in ${h.name}`;
    at = dataAt + Math.ceil(size / 512) * 512;
    const data = b.subarray(dataAt, dataAt + size), text = (): string => textOf(data).replace(/\0+$/, '');
    if (h.type === 'L') { extra = { ...extra, path: text() }; continue; }
    if (h.type === 'K') { extra = { ...extra, linkpath: text() }; continue; }
    if (h.type === 'x') { extra = { ...extra, ...parsePax(data) }; continue; }
    if (h.type === 'g') continue;
    Object.assign(h, { name: extra.path ?? h.name, link: extra.linkpath ?? h.link, size, uid: extra.uid ?? h.uid, gid: extra.gid ?? h.gid, mtime: Math.floor(extra.mtime ?? h.mtime) });
    extra = {};
    const inode = place(root, h, { bytes: data, pfn: image.pfn !== 0 && dataAt % PAGE === 0 ? image.pfn + dataAt / PAGE : 0 });
    if (inode?.isDir) dirs.push([inode, h]); // their times change as they are filled
    count++;
  }
  return done();
}

/** The directory that a path's last name belongs to, made where it is missing. */
function parentOf(root: TmpDir, parts: readonly string[]): TmpDir {
  let dir = root;
  for (const name of parts) {
    const next = dir.lookup(name);
    if (next instanceof TmpDir) dir = next;
    else { if (next) dir.take(name); dir = dir.make(name, S.IFDIR | 0o755, 0) as TmpDir; }
  }
  return dir;
}
const split = (path: string): string[] => path.split('/').filter((p) => p !== '' && p !== '.' && p !== '..');

function place(root: TmpDir, h: Header, data: Image): Inode | undefined {
  const parts = split(h.name), name = parts.pop();
  if (name === undefined) { attributes(root, h); return root; }
  const dir = parentOf(root, parts), inode = make(root, dir, name, h, data);
  if (inode) attributes(inode, h);
  return inode;
}
function make(root: TmpDir, dir: TmpDir, name: string, h: Header, data: Image): Inode | undefined {
  const old = dir.lookup(name);
  if (h.type === '5') { if (old instanceof Directory) return old; }
  if (old && !(old instanceof Directory)) dir.take(name);
  switch (h.type) {
    case '1': {
      const to = split(h.link), last = to.pop(), target = last === undefined ? undefined : parentOf(root, to).lookup(last);
      if (!target || target instanceof Directory) return undefined;
      dir.add(name, target);
      target.nlink++;
      return undefined;
    }
    case '2': return dir.makeLink(name, h.link) as Inode;
    case '3': case '4': return dir.make(name, (h.type === '3' ? S.IFCHR : S.IFBLK) | h.mode, (h.major << 8) | h.minor) as Inode;
    case '5': return dir.make(name, S.IFDIR | h.mode, 0) as Inode;
    case '6': return dir.make(name, S.IFIFO | h.mode, 0) as Inode;
    default: {
      const inode = dir.create(S.IFREG | h.mode, 0, data);
      dir.add(name, inode);
      return inode;
    }
  }
}
function attributes(i: Inode, h: Header): void {
  if (!i.isLink) i.mode = i.type | h.mode;
  i.uid = h.uid;
  i.gid = h.gid;
  i.atime = i.mtime = i.ctime = { s: h.mtime, n: 0 };
}
