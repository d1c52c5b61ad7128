/**
 * `--rootfs` of `run`: the source of the guest's files, and the program among them. A folder or an archive is a connection to the host,
 * read on demand; added files (single files of --mount, a program of the host) form a small archive in memory on top of it.
 */
import { closeSync, existsSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { basename, posix } from 'node:path';
import type { Module } from '../index.ts';
import { NineServer } from '../system/folders/server.ts';
import { FolderError, Mode, type HostFolder } from '../system/folders/folder.ts';
import { SharedFolder } from '../system/folders/shared.ts';
import { TarFolder } from '../system/folders/tar-folder.ts';
import { BadGzip, isGzip } from '../system/files/gzip.ts';
import { whyNotRun } from '../system/files/rootfs.ts';
import { BLOCK, byteString, maybeTar, NO_TAR, TarError } from '../system/files/tar.ts';
import type { SharedPort } from '../system/host.ts';
import { archiveOf, type Archive } from '../l4guest/fs/tar-format.ts';
import { CliError, Exit, fileError } from './errors.ts';
import { readInput } from './files.ts';
import { finderFor } from './folders/find.ts';
import { NodeFolder } from './folders/folder.ts';
import { gunzipBounded } from './gunzip.ts';
import { Plan, type Placement } from './pack.ts';

/** Folders of a guest without a root file system. */
const BARE = ['bin', 'dev', 'etc', 'proc', 'tmp'];
const MOST_LINKS = 40, HEAD = 4096;

export class RootFs {
  /** As the scenario has it. */
  readonly option: { readonly source: string; readonly prompt: boolean } | undefined;
  private readonly folder: HostFolder | undefined;
  private readonly placed: Placement[] = [];
  private readonly close_: () => void;

  private constructor(option: RootFs['option'], folder: HostFolder | undefined, close: () => void) {
    this.option = option;
    this.folder = folder;
    this.close_ = close;
  }

  /** Opens the user's root file system, if one is given. A replay opens nothing. */
  static async open(rootfs: string | undefined, replaying: boolean): Promise<RootFs> {
    if (rootfs === undefined) return new RootFs(undefined, undefined, () => undefined);
    const option = { source: basename(rootfs) || 'rootfs', prompt: true };
    if (replaying && !existsSync(rootfs)) return new RootFs(option, undefined, () => undefined);
    if (isFolder(rootfs)) {
      const folder = new NodeFolder(rootfs, finderFor(rootfs), Mode.setId);
      return new RootFs(option, folder, () => folder.close());
    }
    const { archive, close } = await openArchive(rootfs);
    return new RootFs(option, readIndex(rootfs, archive, close), close);
  }

  /** The connection, where there is a root file system; a replay has no port. */
  port(replaying: boolean): SharedPort[] {
    if (this.option === undefined) return [];
    const { folder } = this;
    return [{ tag: '/', port: folder && !replaying ? new NineServer(new SharedFolder(folder, false, () => 0n)) : undefined }];
  }
  /** Adds a host file on top. */
  place(file: Placement): void { this.placed.push(file); }
  /** The added files as a module; without a root file system the only files. */
  get modules(): Module[] {
    if (this.option !== undefined && this.placed.length === 0) return [];
    return [{ name: 'rootfs', bytes: new Plan(this.placed, this.option === undefined ? BARE : []) }];
  }

  /** A program looked up as the guest does; undefined: no such file. */
  program(name: string, path: string, cwd: string): Found | undefined {
    const { folder } = this;
    if (!folder) return undefined;
    const names = name.includes('/') ? [posix.resolve(cwd, name)] : path.split(':').map((dir) => posix.resolve(cwd, dir, name));
    for (const candidate of names) {
      const found = this.placed.some(({ guest }) => guest === candidate) ? undefined : headOf(folder, byteString(candidate));
      if (found) return found;
    }
    return undefined;
  }
  close(): void { this.close_(); }
}

function isFolder(rootfs: string): boolean {
  try {
    return rootfs !== '-' && statSync(rootfs).isDirectory();
  } catch (error) {
    throw fileError('root file system', rootfs, error, /images/.test(rootfs) ? 'fetch one with: tessera images fetch' : '');
  }
}

/** An archive's bytes: pieces of a file, or all of them where it is packed or comes through a pipe. */
async function openArchive(rootfs: string): Promise<{ archive: Archive; close: () => void }> {
  const fd = rootfs === '-' ? undefined : openPlain(rootfs);
  if (fd !== undefined) return { archive: new FileArchive(fd), close: () => closeSync(fd) };
  const file = readInput('root file system', rootfs);
  try {
    const bytes = isGzip(file) ? await gunzipBounded(file, (first) => first.length >= BLOCK && !maybeTar(first)) : file;
    return { archive: archiveOf(bytes), close: () => undefined };
  } catch (error) {
    if (error instanceof BadGzip) throw new CliError('E_ROOTFS', `root file system '${rootfs}' ${error.message}`);
    throw error;
  }
}
/** A regular file that is not packed; undefined for all else. */
function openPlain(rootfs: string): number | undefined {
  let fd: number;
  try { fd = openSync(rootfs, 'r'); } catch (error) { throw fileError('root file system', rootfs, error); }
  const head = Buffer.alloc(2);
  if (fstatSync(fd).isFile() && (readSync(fd, head, 0, 2, 0) < 2 || !isGzip(head))) return fd;
  closeSync(fd);
  return undefined;
}

const WINDOW = 4096;
/** Headers of small files are close to each other, so one window of the archive serves several. */
class FileArchive implements Archive {
  readonly length: number;
  private readonly fd: number;
  private readonly window = Buffer.alloc(WINDOW);
  private from = 0;
  private to = 0;
  constructor(fd: number) { this.fd = fd; this.length = fstatSync(fd).size; }
  read(at: number, n: number): Uint8Array {
    if (at >= this.from && at + n <= this.to) return this.window.subarray(at - this.from, at - this.from + n);
    if (n > WINDOW) { const out = Buffer.alloc(n); return out.subarray(0, readSync(this.fd, out, 0, n, at)); }
    this.from = at;
    this.to = at + readSync(this.fd, this.window, 0, WINDOW, at);
    return this.window.subarray(0, Math.min(n, this.to - at));
  }
}

function readIndex(rootfs: string, archive: Archive, close: () => void): HostFolder {
  try {
    return new TarFolder(archive);
  } catch (error) {
    close();
    if (!(error instanceof TarError)) throw error;
    throw new CliError('E_ROOTFS',
      `root file system '${rootfs}' ${error.message === NO_TAR ? 'is neither a folder nor a tar archive' : error.message}`);
  }
}

/** A regular file: its mode, its first bytes in as many as it has, and all of them on request. */
interface Found { readonly mode: number; readonly data: Uint8Array; whole(): Uint8Array }
/** Resolves links as the guest would. */
function headOf(folder: HostFolder, path: string): Found | undefined {
  try {
    const names = resolved(folder, path), { mode, size } = folder.stat(names) as { mode: number; size: bigint };
    if ((mode & Mode.type) !== Mode.file) return undefined;
    const some = (n: number): Uint8Array => {
      const file = folder.open(names, { read: true, write: false }) as { read(into: Uint8Array, at: number): number; close(): void },
        data = new Uint8Array(Number(size));
      try { file.read(data.subarray(0, n), 0); return data; } finally { file.close(); }
    };
    return { mode, data: some(HEAD), whole: () => some(Number(size)) };
  } catch (error) {
    if (error instanceof FolderError) return undefined;
    throw error;
  }
}
function resolved(folder: HostFolder, path: string): string[] {
  let rest = path.split('/'), links = 0;
  const at: string[] = [];
  while (rest.length > 0) {
    const name = rest.shift()!;
    if (name === '' || name === '.') continue;
    if (name === '..') { at.pop(); continue; }
    const { mode } = folder.stat([...at, name]) as { mode: number };
    if ((mode & Mode.type) !== Mode.link) { at.push(name); continue; }
    if (++links > MOST_LINKS) throw new FolderError('ELOOP');
    const target = folder.readlink([...at, name]) as string;
    if (target.startsWith('/')) at.length = 0;
    rest = [...target.split('/'), ...rest];
  }
  return at;
}

/** The error for a program that cannot run. */
export function checkProgram(name: string, entry: { mode: number; data: Uint8Array }): void {
  const why = whyNotRun(entry);
  if (why)
    throw new CliError('E_PROGRAM', `program '${name}' ${why}`, why === 'is not executable' ? 'give it the right with chmod +x' : '',
      Exit.notExecutable);
}
