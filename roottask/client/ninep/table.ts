/**
 * 9P2000.L, the protocol for host files: every message with its fields, in wire order. Client and server share this table; `message.ts`
 * reads and writes the messages.
 *
 *   size[4] type[1] tag[2] fields…     little-endian; a reply has the request's type + 1, an error is type 7 with an errno of Linux
 *
 * Source: the Linux kernel's Documentation/filesystems/9p.rst and include/net/9p/9p.h; diod's protocol.md.
 */

/** Types of fields. Texts are byte strings (one character a byte), because names of files are bytes. */
export interface Kinds {
  u8: number; u16: number; u32: number; u64: bigint; text: string; data: Uint8Array; qid: Qid;
  /** Eight bytes, signed, as far as a number is exact: sizes and seconds. */
  long: number;
  /** count[2] and that many texts, qids, or numbers of four bytes. */
  texts: readonly string[]; qids: readonly Qid[]; numbers: readonly number[];
}

/** A file's identity on the server: `type` (bits of QidType), `version` changes when the contents do, `path` is unique. */
export interface Qid { readonly type: number; readonly version: number; readonly path: bigint }

export const QidType = { dir: 0x80, symlink: 0x02, file: 0x00 } as const;

export type Layout = Readonly<Record<string, keyof Kinds>>;
export type Fields<L extends Layout> = { readonly [K in keyof L]: Kinds[L[K]] };
export interface Row { readonly type: number; readonly request: Layout; readonly reply: Layout }

const times = { atimeSec: 'long', atimeNsec: 'long', mtimeSec: 'long', mtimeNsec: 'long' } as const;
const lock = { kind: 'u8', start: 'u64', length: 'u64', process: 'u32', client: 'text' } as const;

export const messages = {
  statfs: {
    type: 8, request: { fid: 'u32' },
    reply: {
      type: 'u32', bsize: 'u32', blocks: 'u64', bfree: 'u64', bavail: 'u64', files: 'u64', ffree: 'u64', fsid: 'u64', namelen: 'u32'
    }
  },
  lopen: { type: 12, request: { fid: 'u32', flags: 'u32' }, reply: { qid: 'qid', iounit: 'u32' } },
  lcreate: { type: 14, request: { fid: 'u32', name: 'text', flags: 'u32', mode: 'u32', gid: 'u32' }, reply: { qid: 'qid', iounit: 'u32' } },
  symlink: { type: 16, request: { fid: 'u32', name: 'text', target: 'text', gid: 'u32' }, reply: { qid: 'qid' } },
  mknod: { type: 18, request: { fid: 'u32', name: 'text', mode: 'u32', major: 'u32', minor: 'u32', gid: 'u32' }, reply: { qid: 'qid' } },
  rename: { type: 20, request: { fid: 'u32', folder: 'u32', name: 'text' }, reply: {} },
  readlink: { type: 22, request: { fid: 'u32' }, reply: { target: 'text' } },
  getattr: {
    type: 24, request: { fid: 'u32', mask: 'long' },
    reply: {
      valid: 'long', qid: 'qid', mode: 'u32', uid: 'u32', gid: 'u32', nlink: 'long', rdev: 'long', size: 'u64', blksize: 'long',
      blocks: 'long', ...times, ctimeSec: 'long', ctimeNsec: 'long', btimeSec: 'long', btimeNsec: 'long', gen: 'long', dataVersion: 'long',
    },
  },
  setattr: { type: 26, request: { fid: 'u32', valid: 'u32', mode: 'u32', uid: 'u32', gid: 'u32', size: 'u64', ...times }, reply: {} },
  xattrwalk: { type: 30, request: { fid: 'u32', newfid: 'u32', name: 'text' }, reply: { size: 'u64' } },
  xattrcreate: { type: 32, request: { fid: 'u32', name: 'text', size: 'u64', flags: 'u32' }, reply: {} },
  readdir: { type: 40, request: { fid: 'u32', offset: 'u64', count: 'u32' }, reply: { data: 'data' } },
  fsync: { type: 50, request: { fid: 'u32', dataOnly: 'u32' }, reply: {} },
  lock: {
    type: 52, request: { fid: 'u32', kind: 'u8', flags: 'u32', start: 'u64', length: 'u64', process: 'u32', client: 'text' },
    reply: { status: 'u8' }
  },
  getlock: { type: 54, request: { fid: 'u32', ...lock }, reply: lock },
  link: { type: 70, request: { folder: 'u32', fid: 'u32', name: 'text' }, reply: {} },
  mkdir: { type: 72, request: { fid: 'u32', name: 'text', mode: 'u32', gid: 'u32' }, reply: { qid: 'qid' } },
  renameat: { type: 74, request: { from: 'u32', oldName: 'text', to: 'u32', newName: 'text' }, reply: {} },
  unlinkat: { type: 76, request: { fid: 'u32', name: 'text', flags: 'u32' }, reply: {} },
  version: { type: 100, request: { msize: 'u32', version: 'text' }, reply: { msize: 'u32', version: 'text' } },
  auth: { type: 102, request: { afid: 'u32', user: 'text', tree: 'text', uid: 'u32' }, reply: { qid: 'qid' } },
  attach: { type: 104, request: { fid: 'u32', afid: 'u32', user: 'text', tree: 'text', uid: 'u32' }, reply: { qid: 'qid' } },
  flush: { type: 108, request: { oldTag: 'u16' }, reply: {} },
  walk: { type: 110, request: { fid: 'u32', newfid: 'u32', names: 'texts' }, reply: { qids: 'qids' } },
  read: { type: 116, request: { fid: 'u32', offset: 'u64', count: 'u32' }, reply: { data: 'data' } },
  write: { type: 118, request: { fid: 'u32', offset: 'u64', data: 'data' }, reply: { count: 'u32' } },
  clunk: { type: 120, request: { fid: 'u32' }, reply: {} },
  remove: { type: 122, request: { fid: 'u32' }, reply: {} },
  /** Our extension, where both sides agreed on COMPOUND: several complete messages, and their replies. */
  compound: { type: 200, request: { parts: 'data' }, reply: { parts: 'data' } },
  /** Our extension: describes names of a folder (`decodeLooks`) without a fid for each. */
  look: { type: 202, request: { fid: 'u32', names: 'texts' }, reply: { looks: 'data' } },
  /** The same for the next names of an open folder; `at` is the offset behind them, `last` is 1 at the end. */
  readlook: { type: 204, request: { fid: 'u32', offset: 'u64', count: 'u32' }, reply: { at: 'u64', last: 'u8', looks: 'data' } },
  /** The contents of regular files of a folder, each of at most `most` bytes (`decodeContents`). */
  fetch: { type: 206, request: { fid: 'u32', most: 'u32', names: 'texts' }, reply: { contents: 'data' } },
  /** A new file of a folder, opened as `newfid`, and its look; `flags` and `mode` as those of lcreate. */
  make: { type: 208, request: { fid: 'u32', newfid: 'u32', name: 'text', flags: 'u32', mode: 'u32' }, reply: { looks: 'data' } },
  /**
   * Looks of names of a folder (links without their targets). Regular files are opened to be read, each under its new fid, and their
   * contents are the first `most` bytes; what has contents with an errno has no fid.
   */
  take: {
    type: 210, request: { fid: 'u32', most: 'u32', newfids: 'numbers', names: 'texts' }, reply: { looks: 'data', contents: 'data' }
  },
  /** Clunks many; none of them is there then. */
  leave: { type: 212, request: { fids: 'numbers' }, reply: {} },
} as const satisfies Record<string, Row>;

export type MessageName = keyof typeof messages;
export type Request<N extends MessageName> = Fields<(typeof messages)[N]['request']>;
export type Reply<N extends MessageName> = Fields<(typeof messages)[N]['reply']>;

/** The reply to a request that failed: `errno[4]`. */
export const ERROR = 7;

/** size[4] type[1] tag[2]. */
export const HEADER = 7;
export const NO_TAG = 0xffff;
export const NO_FID = 0xffff_ffff;
export const VERSION = '9P2000.L';
/**
 * The same with `compound`: many requests in one message, performed in order. After a failure only `clunk` is performed; every other
 * request gets ECANCELED. One message can find, stat, open and read a file, and its neighbours too.
 * Such a server knows `look`, `readlook`, `fetch`, `make`, `take` and `leave`, too.
 */
export const COMPOUND = '9P2000.L.compound';
/**
 * The reply of `look` and `readlook` about a name: `path` as in a qid, `target` of a link. `errno` ≠ 0: the name cannot be examined, and
 * every other field is 0.
 */
export const lookLayout = {
  name: 'text', errno: 'u32', mode: 'u32', uid: 'u32', gid: 'u32', path: 'u64', nlink: 'u32', rdev: 'u32', size: 'long', blocks: 'long',
  atimeSec: 'long', atimeNsec: 'u32', mtimeSec: 'long', mtimeNsec: 'u32', ctimeSec: 'long', ctimeNsec: 'u32', target: 'text',
} as const satisfies Layout;
export type Look = Fields<typeof lookLayout>;
/** The reply of `fetch` about a name; `errno` ≠ 0: the file was not read. */
export const contentsLayout = { errno: 'u32', data: 'data' } as const satisfies Layout;
export type Contents = Fields<typeof contentsLayout>;

/** The most requests in one compound. */
export const MOST_PARTS = 128;

/** Bits of `setattr`'s `valid`. */
export const Set = {
  mode: 1, uid: 2, gid: 4, size: 8, atime: 0x10, mtime: 0x20, ctime: 0x40, atimeGiven: 0x80, mtimeGiven: 0x100
} as const;
/** All fields of `getattr` (P9_STATS_BASIC). */
export const ATTRIBUTES = 0x7ff;
/** Kinds and answers of locks. */
export const Lock = { read: 0, write: 1, unlock: 2 } as const;
export const LockStatus = { success: 0, blocked: 1, error: 2, grace: 3 } as const;
/** `unlinkat`: removes a directory. */
export const REMOVE_DIR = 0x200;
