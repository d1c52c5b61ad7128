/**
 * A folder in memory that JavaScript shares with a running guest: the guest sees JavaScript's changes at once, and an event reports the
 * guest's. Its size is bounded, because the guest can fill it.
 */
import { EventEmitter } from 'eventemitter3';
import type TypedEmitter from 'typed-emitter';
import {
  FolderError, Mode, type Attributes, type Changes, type HostFile, type HostFolder, type HostListing, type OpenFlags, type Path, type Space
} from '../system/folders/folder.ts';
import { linkOf, listing, nodeAt, regular } from '../system/folders/tree.ts';
import { byteString } from '../system/files/tar.ts';

export type FolderEvents = {
  /** The guest has changed, created or removed a file. Paths are JavaScript strings. */
  changed: (path: string) => void;
};

const BLOCK = 4096, SECTOR = 512n, MOST_BYTES = 64 << 20, MOST_NODES = 100_000;
const encoder = new TextEncoder();

/** A file, a symbolic link or, with `names`, a folder. */
class Node {
  readonly ino: bigint;
  mode: number;
  nlink = 1;
  time: bigint;
  bytes = new Uint8Array(0);
  size = 0;
  link = '';
  readonly names: Map<string, Node> | undefined;
  constructor(ino: bigint, mode: number, time: bigint) {
    this.ino = ino;
    this.mode = mode;
    this.time = time;
    this.names = (mode & Mode.type) === Mode.dir ? new Map() : undefined;
  }
}

export class MemoryFolder extends (EventEmitter as unknown as new () => TypedEmitter<FolderEvents>) implements HostFolder {
  private readonly most: number;
  private last = 0n;
  private readonly root: Node;
  private used = 0;
  private nodes = 0;

  /** `mostBytes`: limit for all files together (default 64 MiB). */
  constructor(files: Readonly<Record<string, Uint8Array | string>> = {}, options: { readonly mostBytes?: number } = {}) {
    super();
    this.most = options.mostBytes ?? MOST_BYTES;
    this.root = this.make(Mode.dir | 0o755);
    for (const [path, data] of Object.entries(files)) this.put(path, data);
  }

  // ---- for JavaScript -----------------------------------------------------------------------------------------------

  /** Writes a file and creates the folders above it. */
  put(path: string, data: Uint8Array | string, mode = 0o644): void {
    const names = namesOf(path), last = names.pop();
    if (last === undefined) throw new FolderError('EISDIR');
    let at = this.root;
    for (const name of names) at = at.names?.get(name) ?? this.enter(at, name, this.make(Mode.dir | 0o755));
    const bytes = typeof data === 'string' ? encoder.encode(data) : data,
      node = at.names?.get(last) ?? this.enter(at, last, this.make(Mode.file | mode));
    if (node.names) throw new FolderError('EISDIR');
    this.resize(node, 0);
    this.writeTo(node, bytes, 0);
  }
  /** A file's bytes now; undefined when there is no such file. */
  get(path: string): Uint8Array | undefined {
    try {
      const node = this.find(namesOf(path));
      return node.names ? undefined : node.bytes.slice(0, node.size);
    } catch {
      return undefined;
    }
  }
  /** All files by their paths. */
  files(): Map<string, Uint8Array> {
    const all = new Map<string, Uint8Array>();
    const visit = (node: Node, path: string): void => {
      for (const [name, n] of node.names ?? [])
        if (n.names) visit(n, `${path}${name}/`);
        else if ((n.mode & Mode.type) === Mode.file) all.set(textOf(`${path}${name}`), n.bytes.slice(0, n.size));
    };
    visit(this.root, '');
    return all;
  }

  // ---- for the guest ------------------------------------------------------------------------------------------------

  stat(path: Path): Attributes { return attributesOf(this.find(path)); }
  readlink(path: Path): string { return linkOf(this.find(path)); }
  open(path: Path, flags: OpenFlags): HostFile {
    const node = regular(this.find(path));
    if (flags.truncate) this.resize(node, 0);
    return this.opened(node, path);
  }
  create(path: Path, _flags: OpenFlags, mode: number): HostFile {
    const [into, name] = this.free(path), node = this.enter(into, name, this.make(Mode.file | (mode & 0o7777)));
    this.told(path);
    return this.opened(node, path);
  }
  list(path: Path): HostListing { return listing(this.find(path)); }
  mkdir(path: Path, mode: number): void {
    const [into, name] = this.free(path);
    this.enter(into, name, this.make(Mode.dir | (mode & 0o7777)));
  }
  symlink(path: Path, target: string): void {
    const [into, name] = this.free(path), node = this.enter(into, name, this.make(Mode.link | 0o777));
    node.link = target;
    node.size = target.length;
  }
  link(from: Path, to: Path): void {
    const node = this.find(from), [into, name] = this.free(to);
    if (node.names) throw new FolderError('EPERM');
    node.nlink++;
    into.names!.set(name, node);
  }
  rename(from: Path, to: Path): void {
    const node = this.find(from), source = this.find(from.slice(0, -1)), target = this.find(to.slice(0, -1)),
      old = target.names?.get(to.at(-1)!);
    if (old === node) return;
    if (node.names && to.length > from.length && from.every((n, i) => n === to[i])) throw new FolderError('EINVAL');
    if (old?.names && !node.names) throw new FolderError('EISDIR');
    if (old && !old.names && node.names) throw new FolderError('ENOTDIR');
    if (old?.names && old.names.size > 0) throw new FolderError('ENOTEMPTY');
    if (!target.names) throw new FolderError('ENOTDIR');
    if (old) this.drop(old);
    source.names!.delete(from.at(-1)!);
    target.names.set(to.at(-1)!, node);
    this.told(from);
    this.told(to);
  }
  unlink(path: Path): void {
    const node = this.find(path);
    if (node.names) throw new FolderError('EISDIR');
    this.find(path.slice(0, -1)).names!.delete(path.at(-1)!);
    this.drop(node);
    this.told(path);
  }
  rmdir(path: Path): void {
    const node = this.find(path);
    if (!node.names) throw new FolderError('ENOTDIR');
    if (path.length === 0) throw new FolderError('EBUSY');
    if (node.names.size > 0) throw new FolderError('ENOTEMPTY');
    this.find(path.slice(0, -1)).names!.delete(path.at(-1)!);
    this.drop(node);
  }
  change(path: Path, changes: Changes): void { this.changeNode(this.find(path), changes, path); }
  syncFolder(): void { /* it is all there */ }
  space(): Space {
    const blocks = BigInt(Math.floor(this.most / BLOCK)), free = BigInt(Math.max(0, Math.floor((this.most - this.used) / BLOCK)));
    return {
      type: 0x01021994, bsize: BLOCK, blocks, bfree: free, bavail: free, files: BigInt(MOST_NODES), ffree: BigInt(MOST_NODES - this.nodes)
    };
  }
  close(): void { /* it stays for JavaScript */ }

  // ---- nodes --------------------------------------------------------------------------------------------------------

  private make(mode: number): Node {
    if (this.nodes >= MOST_NODES) throw new FolderError('ENOSPC');
    this.nodes++;
    return new Node(++this.last, mode, now());
  }
  private enter(into: Node, name: string, node: Node): Node {
    if (!into.names) throw new FolderError('ENOTDIR');
    into.names.set(name, node);
    into.time = now();
    return node;
  }
  private find(path: Path): Node { return nodeAt(this.root, path); }
  /** The folder for a name that does not exist yet. */
  private free(path: Path): [Node, string] {
    const into = this.find(path.slice(0, -1)), name = path.at(-1);
    if (!into.names) throw new FolderError('ENOTDIR');
    if (name === undefined || into.names.has(name)) throw new FolderError('EEXIST');
    return [into, name];
  }
  private drop(node: Node): void {
    if (--node.nlink > 0) return;
    this.nodes--;
    if (!node.names) this.used -= node.bytes.length;
  }
  private opened(node: Node, path: Path): HostFile {
    return {
      read: (into, offset) => {
        const part = node.bytes.subarray(offset, Math.min(node.size, offset + into.length));
        into.set(part);
        return part.length;
      },
      write: (bytes, offset) => { this.writeTo(node, bytes, offset); this.told(path); return bytes.length; },
      stat: () => attributesOf(node), change: (changes) => this.changeNode(node, changes, path), sync: () => undefined,
      close: () => undefined,
    };
  }
  private changeNode(node: Node, { mode, size, mtime }: Changes, path: Path): void {
    if (mode !== undefined) node.mode = (node.mode & Mode.type) | (mode & 0o7777);
    if (size !== undefined) this.resize(node, size);
    if (mtime !== undefined) node.time = mtime === 'now' ? now() : mtime;
    this.told(path);
  }
  private writeTo(node: Node, bytes: Uint8Array, offset: number): void {
    if (offset + bytes.length > node.size) this.resize(node, offset + bytes.length);
    node.bytes.set(bytes, offset);
    node.time = now();
  }
  /** Gives a file this size; new bytes are zero. */
  private resize(node: Node, size: number): void {
    const had = node.bytes.length, left = this.most - this.used;
    if (size > had) {
      if (size - had > left) throw new FolderError('ENOSPC');
      const grown = new Uint8Array(had + Math.min(left, Math.max(size - had, had)));
      grown.set(node.bytes);
      node.bytes = grown;
    } else if (size === 0) node.bytes = new Uint8Array(0);
    else if (size < node.size) node.bytes.fill(0, size, node.size);
    this.used += node.bytes.length - had;
    node.size = size;
    node.time = now();
  }
  private told(path: Path): void { this.emit('changed', textOf(path.join('/'))); }
}

const now = (): bigint => BigInt(Date.now()) * 1_000_000n;
const namesOf = (path: string): string[] => byteString(path).split('/').filter((name) => name !== '' && name !== '.' && name !== '..');
/** Names are byte strings; JavaScript gets them decoded from UTF-8. */
const textOf = (name: string): string => new TextDecoder().decode(Uint8Array.from(name, (c) => c.charCodeAt(0)));

function attributesOf(n: Node): Attributes {
  const size = BigInt(n.size);
  return {
    mode: n.mode, uid: 0, gid: 0, device: 1n, ino: n.ino, nlink: BigInt(n.names ? 2 : n.nlink), rdev: 0n, size, blksize: BigInt(BLOCK),
    blocks: (size + SECTOR - 1n) / SECTOR, atime: n.time, mtime: n.time, ctime: n.time
  };
}
