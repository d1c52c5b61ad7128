/**
 * An archive that is created while it is written. It knows its entries and its length beforehand, and writes the contents directly to their
 * place. `FileTree` builds one of files in memory; the command builds one of host folders.
 */
import { BLOCK, byteString, laidOut, rounded, Type, writeHeader, type Entry, type TarEntry } from './tar.ts';

export const emptyFolder = (name: string): Entry => ({
  name, type: Type.dir, mode: name === 'tmp' ? 0o1777 : 0o755, uid: 0, gid: 0, mtime: 0, size: 0, link: ''
});

/** The folders above a file, outermost first. */
export function foldersAbove(name: string): Entry[] {
  const parts = name.split('/').slice(0, -1);
  return parts.map((_, i) => emptyFolder(parts.slice(0, i + 1).join('/')));
}

/** The contents of a boot module (the loader's `ModuleContents`). */
export class Archive {
  /** Bytes of the archive. */
  length = 2 * BLOCK;
  private entries: readonly Entry[] = [];
  private laid: readonly Entry[] = [];

  protected set(entries: Entry[]): void {
    this.entries = entries;
    this.laid = laidOut(entries);
    this.length = this.laid.reduce((sum, entry) => sum + BLOCK + rounded(entry.size), 2 * BLOCK);
  }

  /** Writes the archive to memory of its length that is still zero. */
  copyTo(target: Uint8Array): void {
    let at = 0;
    for (const entry of this.laid) {
      writeHeader(target, at, entry);
      at += BLOCK;
      entry.from?.(target.subarray(at, at + entry.size));
      at += rounded(entry.size);
    }
  }
  /** The archive in new memory. */
  bytes(): Uint8Array {
    const bytes = new Uint8Array(this.length);
    this.copyTo(bytes);
    return bytes;
  }
  /** The entries that `readTar` would find in the archive. */
  files(): Map<string, TarEntry> { return new Map(this.entries.map((entry) => [entry.name, new Planned(entry)])); }
}

/** The contents are read on first access. */
class Planned implements TarEntry {
  readonly type: string;
  readonly mode: number;
  readonly link: string;
  private readonly size: number;
  private readonly from: Entry['from'];

  constructor({ type, mode, link, size, from }: Entry) {
    this.type = type;
    this.mode = mode;
    this.link = link;
    this.size = size;
    this.from = from;
  }
  get data(): Uint8Array {
    const bytes = new Uint8Array(this.size);
    this.from?.(bytes);
    return bytes;
  }
}

/**
 * A file in memory: its contents, or the target of a symbolic link. `mode`: permission bits (default 0644; 0755 for programs and scripts).
 */
export interface FileNode { readonly data?: Uint8Array | string; readonly link?: string; readonly mode?: number; readonly folder?: boolean }
/** Files by their path in the guest; text is encoded as UTF-8. */
export type Files = Readonly<Record<string, Uint8Array | string | FileNode>>;

const encoder = new TextEncoder();
const ELF = 0x7f, HASH = 0x23, BANG = 0x21;
const looksRunnable = (data: Uint8Array): boolean => data[0] === ELF || (data[0] === HASH && data[1] === BANG);

/** Files in memory as an archive. Folders above a file come before it; all belong to root. */
export class FileTree extends Archive {
  private readonly byName = new Map<string, Entry>();

  constructor(files: Files = {}, folders: readonly string[] = []) {
    super();
    for (const folder of folders) this.place(emptyFolder(folder));
    this.add(files);
  }

  /** Adds files, or replaces files of the same names. @throws Error for a path with '..' in it */
  add(files: Files, below = ''): void {
    for (const [path, given] of Object.entries(files)) {
      const name = byteString(`${below}/${path}`.split('/').filter((part) => part !== '' && part !== '.').join('/'));
      if (name.split('/').includes('..')) throw new Error(`the path '${path}' leads upward`);
      for (const folder of foldersAbove(name)) if (!this.byName.has(folder.name)) this.place(folder);
      if (name !== '') this.place(entryOf(name, typeof given === 'string' || given instanceof Uint8Array ? { data: given } : given));
    }
    this.set([...this.byName.values()]);
  }
  private place(entry: Entry): void { this.byName.set(entry.name, entry); }
}

function entryOf(name: string, node: FileNode): Entry {
  if (node.folder) return { ...emptyFolder(name), ...(node.mode !== undefined && { mode: node.mode }) };
  if (node.link !== undefined) return { ...emptyFolder(name), type: Type.link, mode: 0o777, link: byteString(node.link) };
  const data = typeof node.data === 'string' ? encoder.encode(node.data) : node.data ?? new Uint8Array(0);
  return {
    ...emptyFolder(name), type: Type.file, mode: node.mode ?? (looksRunnable(data) ? 0o755 : 0o644), size: data.length,
    from: (into) => into.set(data)
  };
}

/** Two archives as one: the second's entries come later and take precedence. */
export function joinTar(first: Uint8Array | Archive, second: Archive): { readonly length: number; copyTo(target: Uint8Array): void } {
  let end = first.length;
  if (first instanceof Archive) end -= 2 * BLOCK;
  else while (end >= BLOCK && first.subarray(end - BLOCK, end).every((byte) => byte === 0)) end -= BLOCK;
  return {
    length: end + second.length,
    copyTo: (target) => {
      if (first instanceof Archive) first.copyTo(target.subarray(0, first.length));
      else target.set(first.subarray(0, end));
      second.copyTo(target.subarray(end));
    },
  };
}
