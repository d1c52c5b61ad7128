/**
 * A directory of the root file system as a tar archive, piece by piece: this is how a folder that the host lent to the guest returns.
 * Format: ustar, with a pax header before names, links and sizes that ustar cannot hold. Device nodes and sockets are left out.
 */
import { S } from '../abi/linux.ts';
import { KernelIo, bytesOf } from '../mm/uaccess.ts';
import { Directory, type Inode } from './inode.ts';
import { RegularInode } from './regular.ts';
import { LinkInode, TmpDir } from './tmpfs.ts';

const BLOCK = 512, CHUNK = 256 << 10, NAME = 100;
const Type = { file: '0', hard: '1', link: '2', dir: '5', pax: 'x' } as const;
interface Entry { name: string; type: string; inode: Inode; size: number; link: string }

/** The archive of `dir`, names relative to it, closed by two empty blocks. */
export function* tarOf(dir: TmpDir): Generator<Uint8Array> {
  yield* children(dir, '', new Map());
  yield new Uint8Array(2 * BLOCK);
}

/** The directory at an absolute path, links not followed. */
export function directoryAt(root: TmpDir, path: string): TmpDir | undefined {
  let at: Inode | undefined = root;
  for (const name of path.split('/').filter((part) => part !== '')) at = at instanceof TmpDir ? at.lookup(name) : undefined;
  return at instanceof TmpDir ? at : undefined;
}

function* children(dir: TmpDir, prefix: string, seen: Map<Inode, string>): Generator<Uint8Array> {
  for (const { name } of dir.list()) {
    const inode = dir.lookup(name)!, path = prefix + name, first = seen.get(inode);
    if (inode instanceof RegularInode) yield* file(inode, path, first);
    else if (inode instanceof LinkInode) yield* heads({ name: path, type: Type.link, inode, size: 0, link: inode.target });
    else if (inode instanceof Directory) yield* heads({ name: path, type: Type.dir, inode, size: 0, link: '' });
    if (inode instanceof TmpDir) yield* children(inode, `${path}/`, seen);
    seen.set(inode, path);
  }
}

function* file(inode: RegularInode, name: string, first: string | undefined): Generator<Uint8Array> {
  if (first !== undefined) return yield* heads({ name, type: Type.hard, inode, size: 0, link: first });
  yield* heads({ name, type: Type.file, inode, size: inode.size, link: '' });
  for (let at = 0; at < inode.size; at += CHUNK) {
    const n = Math.min(CHUNK, inode.size - at), io = new KernelIo(new Uint8Array(n));
    inode.readTo(io, at);
    yield io.bytes;
  }
  if (inode.size % BLOCK !== 0) yield new Uint8Array(BLOCK - inode.size % BLOCK);
}

/** The header, after a pax header if one is needed. */
function* heads(entry: Entry): Generator<Uint8Array> {
  const pax = (bytesOf(entry.name).length > NAME ? record('path', entry.name) : '')
    + (bytesOf(entry.link).length > NAME ? record('linkpath', entry.link) : '')
      + (entry.size >= 8 ** 11 ? record('size', String(entry.size)) : '');
  if (pax !== '') {
    const bytes = bytesOf(pax), body = new Uint8Array(Math.ceil(bytes.length / BLOCK) * BLOCK);
    body.set(bytes);
    yield header({ ...entry, name: 'pax', type: Type.pax, size: bytes.length, link: '' });
    yield body;
  }
  yield header(entry);
}
/** "LENGTH key=value\n", where LENGTH counts itself. */
function record(key: string, value: string): string {
  const rest = bytesOf(` ${key}=${value}\n`).length, length = rest + String(rest + String(rest).length).length;
  return `${length} ${key}=${value}\n`;
}

function header(entry: Entry): Uint8Array {
  const bytes = new Uint8Array(BLOCK);
  const text = (at: number, size: number, value: string): void => bytes.set(bytesOf(value).subarray(0, size), at);
  const octal = (at: number, size: number, value: number): void =>
    text(at, size, `${(value % 8 ** (size - 1)).toString(8).padStart(size - 1, '0')}\0`);
  text(0, NAME, entry.name);
  octal(100, 8, entry.inode.mode & ~S.IFMT);
  octal(108, 8, entry.inode.uid);
  octal(116, 8, entry.inode.gid);
  octal(124, 12, entry.size);
  octal(136, 12, Math.max(0, Math.floor(entry.inode.mtime.s)));
  text(148, 8, '        ');
  text(156, 1, entry.type);
  text(157, NAME, entry.link);
  text(257, 8, 'ustar\x0000');
  text(148, 8, `${bytes.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, '0')}\0 `);
  return bytes;
}
