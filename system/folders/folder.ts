/**
 * A folder of the host, as the 9P server sees it: what a host end implements (`cli/folders/` with Node's files, a page with its own).
 * Portable.
 *
 * A path is the names from the folder's root down, none of them empty, '.', '..' or with a '/' or NUL in it; the empty path is the root.
 * Names are byte strings (one character a byte). The host end's promise, and the wall: no operation follows a symbolic link, of the
 * path's last name or of any before it, whatever is exchanged meanwhile; so none ever touches what is not beneath the folder. Failures
 * are thrown as `FolderError`.
 */

/** Linux's numbers for what can go wrong with a file. */
export const Errno = {
  EPERM: 1, ENOENT: 2, EINTR: 4, EIO: 5, ENXIO: 6, EBADF: 9, EAGAIN: 11, ENOMEM: 12, EACCES: 13, EBUSY: 16, EEXIST: 17, EXDEV: 18,
  ENODEV: 19, ENOTDIR: 20, EISDIR: 21, EINVAL: 22,
  ENFILE: 23, EMFILE: 24, ETXTBSY: 26, EFBIG: 27, ENOSPC: 28, ESPIPE: 29, EROFS: 30, EMLINK: 31, ERANGE: 34, ENAMETOOLONG: 36, ENOLCK: 37,
  ENOSYS: 38, ENOTEMPTY: 39, ELOOP: 40, ENODATA: 61,
  EPROTO: 71, EOVERFLOW: 75, EMSGSIZE: 90, EOPNOTSUPP: 95, ESTALE: 116, EDQUOT: 122, ECANCELED: 125,
} as const;
export type ErrnoName = keyof typeof Errno;

/** An answer to the guest, not a mistake of ours: it carries no stack trace, because writing one takes longer than most requests. */
export class FolderError extends Error {
  readonly errno: number;
  constructor(name: ErrnoName) {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(name);
    Error.stackTraceLimit = stackTraceLimit;
    this.errno = Errno[name];
  }
}

/** Answered at once, or later: a host whose files are asynchronous answers promises. */
export type Later<T> = T | Promise<T>;

export type Path = readonly string[];

/** What kind of file a mode says (S_IFMT), and the bits below. */
export const Mode = {
  type: 0o170000, socket: 0o140000, link: 0o120000, file: 0o100000, block: 0o060000, dir: 0o040000, char: 0o020000, fifo: 0o010000,
  setId: 0o6000, kept: 0o1777
} as const;

/** A file's attributes; times are nanoseconds since 1970. */
export interface Attributes {
  readonly mode: number;
  readonly uid: number; readonly gid: number;
  /** `device` and `ino` together tell files apart. */
  readonly device: bigint; readonly ino: bigint;
  readonly nlink: bigint;
  readonly rdev: bigint;
  readonly size: bigint; readonly blksize: bigint; readonly blocks: bigint;
  readonly atime: bigint; readonly mtime: bigint; readonly ctime: bigint;
}

/** Attributes that `change` sets; 'now' is the host's clock. */
export interface Changes {
  readonly mode?: number;
  readonly size?: number;
  readonly atime?: bigint | 'now';
  readonly mtime?: bigint | 'now'
}

export interface OpenFlags {
  readonly read: boolean;
  readonly write: boolean;
  readonly append?: boolean;
  readonly truncate?: boolean; /** Each write is on the disk when it returns. */
  readonly sync?: boolean
}

/** An open regular file: it stays valid when its name is removed. */
export interface HostFile {
  /** The attributes at the time of opening, where the host end knows them without asking. */
  readonly opened?: Attributes;
  /** Bytes read into the buffer, 0 at the end. */
  read(into: Uint8Array, offset: number): Later<number>;
  /** Bytes written. They are on the host when this returns. */
  write(bytes: Uint8Array, offset: number): Later<number>;
  stat(): Later<Attributes>;
  change(changes: Changes): Later<void>;
  /** As `fsync`, or `fdatasync`. */
  sync(dataOnly: boolean): Later<void>;
  close(): void;
}

/** What a name is, and the open file if it is a regular one. */
export interface Taken { readonly attributes: Attributes; readonly file: HostFile | undefined }

/** The names in a directory, in the host's order, without '.' and '..'; undefined at the end. */
export interface HostListing { next(): Later<string | undefined>; close(): void }

export interface Space {
  readonly type: number;
  readonly bsize: number;
  readonly blocks: bigint;
  readonly bfree: bigint;
  readonly bavail: bigint;
  readonly files: bigint;
  readonly ffree: bigint
}

export interface HostFolder {
  /** Guests change nothing in it. */
  readonly readOnly?: boolean;
  stat(path: Path): Later<Attributes>;
  /** The attributes of names in one folder, in the given order. A host end that handles them together finds the folder only once. */
  stats?(folder: Path, names: readonly string[]): Later<readonly (Attributes | FolderError)[]>;
  readlink(path: Path): Later<string>;
  /** The contents of regular files in one folder. EFBIG for a file of more than `most` bytes, and for those beyond `room`. */
  contents?(folder: Path, names: readonly string[], most: number, room: number): Later<readonly (Uint8Array | FolderError)[]>;
  /** The attributes of a name; a regular file is also opened for reading, where a host end can do both at once. */
  take?(path: Path): Later<Taken>;
  /** A regular file; ELOOP for a symbolic link, EISDIR, ENXIO for what is neither. */
  open(path: Path, flags: OpenFlags): Later<HostFile>;
  /** A new regular file of exactly this mode; EEXIST if the name is there in whatever form. */
  create(path: Path, flags: OpenFlags, mode: number): Later<HostFile>;
  list(path: Path): Later<HostListing>;
  mkdir(path: Path, mode: number): Later<void>;
  symlink(path: Path, target: string): Later<void>;
  link(from: Path, to: Path): Later<void>;
  rename(from: Path, to: Path): Later<void>;
  unlink(path: Path): Later<void>;
  rmdir(path: Path): Later<void>;
  change(path: Path, changes: Changes): Later<void>;
  /** A directory's entries are on the disk. */
  syncFolder(path: Path): Later<void>;
  space(path: Path): Later<Space>;
  /** Performs one request. What the request has found stays valid until it changes names. */
  together?<T>(act: () => T): T;
  /** Extended attributes; a host end without them answers EOPNOTSUPP by leaving this away. */
  readonly attributes?: HostAttributes;
  close(): void;
}

export interface HostAttributes {
  list(path: Path): Later<readonly string[]>;
  get(path: Path, name: string): Later<Uint8Array>;
  /** `flags` as of setxattr: 1 create, 2 replace. */
  set(path: Path, name: string, value: Uint8Array, flags: number): Later<void>;
  remove(path: Path, name: string): Later<void>;
}

/** One 9P connection: a request's bytes go in, its reply's bytes come out, at once or later, exactly once. */
export interface FilesPort {
  request(message: Uint8Array, reply: (message: Uint8Array) => void): void;
  close(): void;
}
