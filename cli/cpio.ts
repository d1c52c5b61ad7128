/**
 * Archives in the "newc" cpio format, which Linux unpacks as its initial root file system.
 *
 *   "070701" then thirteen 8-digit hexadecimal fields:
 *   ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
 *   name NUL, padded to 4; data, padded to 4; at the end an entry named TRAILER!!!
 *
 * The same folder always gives the same bytes: names sorted, owner root, time 0, inode numbers counted.
 */
import { lstatSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

export interface CpioEntry {
  /** Path without a leading slash, components separated by '/'. */
  name: string;
  /** File type and permission bits as in `stat.st_mode`. */
  mode: number;
  /** File contents or symbolic link target; empty otherwise. */
  data?: Uint8Array;
  /** Device number of a device node. */
  rdev?: { major: number; minor: number };
}

export const Mode = {
  fifo: 0o010000, char: 0o020000, dir: 0o040000, block: 0o060000, file: 0o100000, link: 0o120000, mask: 0o170000
} as const;

const hex8 = (n: number) => n.toString(16).padStart(8, '0').toUpperCase();

function header(entry: CpioEntry, ino: number): Buffer {
  const size = entry.data?.length ?? 0;
  const isDir = (entry.mode & Mode.mask) === Mode.dir;
  const name = Buffer.from(entry.name + '\0');
  const fields = [ino, entry.mode, 0, 0, isDir ? 2 : 1, 0, size, 0, 0, entry.rdev?.major ?? 0, entry.rdev?.minor ?? 0, name.length, 0];
  return padded(Buffer.concat([Buffer.from('070701' + fields.map(hex8).join('')), name]));
}

function padded(bytes: Uint8Array): Buffer {
  const rest = -bytes.length & 3;
  return rest === 0 ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length) : Buffer.concat([bytes, Buffer.alloc(rest)]);
}

/** Packs entries in the order given; a folder must come before what it holds. */
export function packCpio(entries: Iterable<CpioEntry>): Buffer {
  const parts: Buffer[] = [];
  let ino = 1;
  for (const entry of entries) {
    parts.push(header(entry, ino++));
    if (entry.data?.length) parts.push(padded(entry.data));
  }
  parts.push(header({ name: 'TRAILER!!!', mode: 0 }, 0));
  const body = Buffer.concat(parts);
  return Buffer.concat([body, Buffer.alloc(-body.length & 511)]);
}

const HEADER = 110, MOST_NAME = 4096;

/** Reads the entries of a newc archive; throws `RangeError` when it is cut short or something else. Each step goes forward. */
export function* unpackCpio(bytes: Uint8Array): Generator<CpioEntry> {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; ; ) {
    if (at + HEADER > text.length || !/^07070[12][0-9a-fA-F]{104}$/.test(text.toString('latin1', at, at + HEADER)))
      throw new RangeError(`no cpio header at offset ${at}`);
    const field = (i: number) => parseInt(text.toString('latin1', at + 6 + 8 * i, at + 14 + 8 * i), 16);
    const nameSize = field(11), nameEnd = at + HEADER + nameSize - 1;
    if (nameSize < 1 || nameSize > MOST_NAME || nameEnd >= text.length || text[nameEnd] !== 0)
      throw new RangeError(`a name at offset ${at} is cut short`);
    const name = text.toString('utf8', at + HEADER, nameEnd);
    if (name === 'TRAILER!!!') return;
    const start = aligned(nameEnd + 1), end = start + field(6);
    if (end > text.length) throw new RangeError(`cpio entry '${name}' is cut short`);
    yield { name, mode: field(1), data: text.subarray(start, end), rdev: { major: field(9), minor: field(10) } };
    at = aligned(end);
  }
}

const aligned = (at: number) => Math.ceil(at / 4) * 4;

/** All entries below a host folder, sorted, folders before their contents. Sockets and device nodes of the host are left out. */
export function* entriesOfFolder(root: string, prefix = ''): Generator<CpioEntry> {
  for (const base of readdirSync(join(root, prefix)).sort()) {
    const name = prefix ? `${prefix}/${base}` : base;
    const path = join(root, name);
    const stat = lstatSync(path);
    const perm = stat.mode & 0o7777;
    if (stat.isSymbolicLink()) yield { name, mode: Mode.link | 0o777, data: Buffer.from(readlinkSync(path)) };
    else if (stat.isFile()) yield { name, mode: Mode.file | perm, data: readFileSync(path) };
    else if (stat.isDirectory()) {
      yield { name, mode: Mode.dir | perm };
      yield* entriesOfFolder(root, name);
    }
  }
}

/**
 * An initramfs from a host folder. Adds what the kernel opens before any program runs: /dev/console and /dev/null.
 * `extra` entries come first and win over files of the folder with the same name.
 */
export function packInitramfs(root: string, extra: CpioEntry[] = []): Buffer {
  const nodes: CpioEntry[] = [
    { name: 'dev', mode: Mode.dir | 0o755 },
    { name: 'dev/console', mode: Mode.char | 0o600, rdev: { major: 5, minor: 1 } },
    { name: 'dev/null', mode: Mode.char | 0o666, rdev: { major: 1, minor: 3 } },
  ];
  const first = [...nodes, ...extra];
  const taken = new Set(first.map((entry) => entry.name));
  const rest = [...entriesOfFolder(root)].filter((entry) => !taken.has(entry.name));
  return packCpio([...first, ...rest]);
}
