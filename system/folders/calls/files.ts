/** Open files and directories: lopen, lcreate, read, write, readdir, fsync. */
import { encodeEntries, entrySize, HEADER, type DirEntry } from '../../../roottask/client/ninep/index.ts';
import type { Fid, Reading } from '../fids.ts';
import { Errno, FolderError, Mode, type Attributes, type HostFile, type OpenFlags } from '../folder.ts';
import { checkName } from '../names.ts';
import type { Place } from '../places.ts';
import type { Handlers, Session } from '../session.ts';
import { settle, type Steps } from '../shared.ts';
import { isSpecial } from '../specials.ts';

/** Flags of Linux's `open` as 9P2000.L carries them. */
const Open = {
  access: 3, write: 1, both: 2, create: 0o100, exclusive: 0o200, truncate: 0o1000, append: 0o2000, sync: 0o4010000, directory: 0o200000
} as const;
/** Bytes of a message besides the data of a read or write. */
const OVERHEAD = HEADER + 4 + 8 + 4;

function flagsOf(flags: number): OpenFlags {
  const access = flags & Open.access;
  if (access === Open.access) throw new FolderError('EINVAL');
  return {
    read: access !== Open.write, write: access !== 0, append: (flags & Open.append) !== 0, truncate: (flags & Open.truncate) !== 0,
    sync: (flags & Open.sync) !== 0
  };
}

const NOTHING = new Uint8Array(0);
/** Buffers for reads of the usual size, so that a small file takes no more memory than its bytes. Each serves one read at a time. */
const buffers: Uint8Array[] = [], READ_BUFFER = 65_536, MOST_BUFFERS = 4;

export const fileCalls = {
  *lopen(session, { fid, flags }) {
    const at = session.fids.get(fid), { folder } = session, wanted = flagsOf(flags);
    mustBeClosed(at);
    session.fids.mayOpen();
    const attributes = yield* folder.attributes(at.place), type = attributes.mode & Mode.type;
    if (wanted.write || wanted.truncate) folder.mustBeWritable();
    if (wanted.truncate) folder.changed();
    if (type === Mode.link) throw new FolderError('ELOOP');
    if (isSpecial(attributes.mode)) throw new FolderError('ENXIO');
    if (type !== Mode.dir && flags & Open.directory) throw new FolderError('ENOTDIR');
    if (type === Mode.dir && (wanted.write || wanted.truncate)) throw new FolderError('EISDIR');
    if (type === Mode.dir) session.fids.opened(at, { reading: yield* begin(session, at.place) });
    else {
      const file = yield* settle(folder.host.open(at.place.path, wanted));
      session.fids.opened(at, { file });
      yield* folder.opened(file, at.place);
    }
    return { qid: folder.qid(attributes), iounit: 0 };
  },
  /** The fid of the directory becomes the new file's. */
  *lcreate(session, { fid, name, flags, mode }) {
    const at = session.fids.get(fid);
    mustBeClosed(at);
    const attributes = yield* newFile(session, at.place, name, flags, mode, (place, file) => {
      session.fids.opened(at, { file });
      session.fids.move(at, place);
    });
    return { qid: session.folder.qid(attributes), iounit: 0 };
  },
  *read(session, { fid, offset, count }) {
    const { file, attribute } = session.fids.get(fid), size = roomFor(session, count);
    if (attribute) return { data: attribute.value.subarray(Number(offset), Number(offset) + size) };
    if (!file) throw new FolderError('EBADF');
    if (offset > BigInt(Number.MAX_SAFE_INTEGER)) return { data: NOTHING };
    const data = buffers.pop() ?? new Uint8Array(READ_BUFFER), room = size <= data.length ? data.subarray(0, size) : new Uint8Array(size);
    try {
      const count = file.read(room, place64(offset)), n = count instanceof Promise ? ((yield count) as number) : count;
      return { data: room.subarray(0, n) }; // written into the reply before anything else is read
    } finally { if (buffers.length < MOST_BUFFERS) buffers.push(data); }
  },
  *write(session, { fid, offset, data }) {
    const { file, attribute } = session.fids.get(fid);
    if (attribute) return { count: fill(attribute, Number(offset), data) };
    if (!file) throw new FolderError('EBADF');
    session.folder.mustBeWritable();
    return { count: yield* settle(file.write(data, place64(offset))) };
  },
  *readdir(session, { fid, offset, count }) {
    const { reading, place } = session.fids.get(fid);
    if (!reading) throw new FolderError('EBADF');
    if (offset !== reading.at) yield* seek(session, place, reading, offset);
    return { data: encodeEntries(yield* entries(session, place, reading, roomFor(session, count))) };
  },
  *fsync(session, { fid, dataOnly }) {
    const { file, place } = session.fids.get(fid);
    if (file) yield* settle(file.sync(dataOnly !== 0));
    else yield* settle(session.folder.host.syncFolder(place.path));
    return {};
  },
} satisfies Handlers;

/** The bytes of data that fit into an answer; 0 is possible for the last requests of a compound. */
const roomFor = (session: Session, count: number): number => Math.max(0, Math.min(count, session.msize - OVERHEAD));

/** Offsets as a host takes them: no file reaches beyond 2^53. */
function place64(offset: bigint): number {
  if (offset > BigInt(Number.MAX_SAFE_INTEGER)) throw new FolderError('EFBIG');
  return Number(offset);
}

function mustBeClosed(fid: Fid): void {
  if (fid.file || fid.reading || fid.attribute) throw new FolderError('EBADF');
}

/** Creates a file under a name and opens it; `keep` gives it its fid. */
export function* newFile(session: Session, at: Place, name: string, flags: number, mode: number,
    keep: (place: Place, file: HostFile) => void): Steps<Attributes> {
  const { folder } = session;
  checkName(name);
  folder.mustBeWritable();
  session.fids.mayOpen();
  const place = at.child(name).hold();
  try {
    if (place.gone) throw new FolderError('ENOENT');
    yield* folder.mustBeFree(place);
    const file = yield* create(session, place, flagsOf(flags), mode & Mode.kept, (flags & Open.exclusive) !== 0);
    folder.changed();
    return yield* openedAs(session, place, file, keep);
  } finally {
    place.release();
  }
}
/** Gives a file that was just opened its fid; closes the file where that fails. */
export function* openedAs(session: Session, place: Place, file: HostFile, keep: (place: Place, file: HostFile) => void): Steps<Attributes> {
  try {
    const attributes = yield* session.folder.opened(file, place);
    keep(place, file);
    return attributes;
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Opens what exists already, unless the guest demands a new file. */
function* create({ folder }: Session, place: Place, wanted: OpenFlags, mode: number, exclusive: boolean) {
  const { host } = folder;
  try {
    return yield* settle(host.create(place.path, wanted, mode));
  } catch (error) {
    if (exclusive || !(error instanceof FolderError) || error.message !== 'EEXIST') throw error;
  }
  return yield* settle(host.open(place.path, wanted));
}

function fill(attribute: { readonly value: Uint8Array; readonly writing: boolean; filled: number }, offset: number,
    data: Uint8Array): number {
  if (!attribute.writing) throw new FolderError('EBADF');
  if (offset !== attribute.filled || data.length > attribute.value.length - offset) throw new FolderError('ENOSPC');
  attribute.value.set(data, offset);
  attribute.filled += data.length;
  return data.length;
}

// ---- directories --------------------------------------------------------------------------------------------------

/** A dirent's kind is the type's four bits. */
const kindOf = (mode: number) => (mode & Mode.type) >> 12;

function* begin(session: Session, place: Place): Steps<Reading> {
  const { folder } = session, listing = yield* settle(folder.host.list(place.path));
  const specials = folder.specials.size > 0 ? folder.specials.names(yield* folder.folderKey(place)) : [];
  return { listing, at: 0n, kept: undefined, specials };
}

/** Reads a folder again up to an offset: the host's order stays the same as long as nothing changes. */
function* seek(session: Session, place: Place, reading: Reading, offset: bigint): Steps<void> {
  if (offset < reading.at) {
    reading.listing?.close();
    Object.assign(reading, yield* begin(session, place));
  }
  while (reading.at < offset && (yield* peek(reading)) !== undefined) take(reading);
}

const DOTS = ['.', '..'];

/** The name that comes next: '.', '..', the host's, the guest's special files. It stays the next until it is taken. */
function* peek(reading: Reading): Steps<string | undefined> {
  return (reading.kept ??= DOTS[Number(reading.at)] ?? (yield* hostName(reading)) ?? reading.specials[0]);
}

/** Takes the next name; `at` counts the names taken. */
function take(reading: Reading): void {
  if (reading.kept === reading.specials[0] && !reading.listing) reading.specials = reading.specials.slice(1);
  reading.at++;
  reading.kept = undefined;
}

function* hostName(reading: Reading): Steps<string | undefined> {
  if (!reading.listing) return undefined;
  const name = yield* settle(reading.listing.next());
  if (name !== undefined) return name;
  reading.listing.close();
  reading.listing = undefined;
  return undefined;
}

/** Up to `most` names from an offset on, without '.' and '..'; the offset behind them, and whether there are no more. */
export function* readNames(session: Session, place: Place, reading: Reading, offset: bigint,
    most: number): Steps<{ names: string[]; at: bigint; ended: boolean }> {
  if (offset !== reading.at) yield* seek(session, place, reading, offset);
  const names: string[] = [];
  let name = yield* peek(reading);
  for (; name !== undefined && names.length < most; name = yield* peek(reading)) {
    if (reading.at >= BigInt(DOTS.length)) names.push(name);
    take(reading);
  }
  return { names, at: reading.at, ended: name === undefined };
}

/** The entries that fit into a reply. The lengths of the names decide which, so that the host is asked for all of them together. */
function* entries(session: Session, place: Place, reading: Reading, room: number): Steps<DirEntry[]> {
  const taken: Taken[] = [];
  let left = room, name = yield* peek(reading);
  for (; name !== undefined && entrySize(name) <= left; name = yield* peek(reading)) {
    left -= entrySize(name);
    const ours = !reading.listing && reading.at >= 2n;
    take(reading);
    taken.push({ name, offset: reading.at, ours });
  }
  if (taken.length === 0 && name !== undefined) throw new FolderError('EINVAL');
  const found: DirEntry[] = [];
  for (let i = 0; i < taken.length; i += ASKED) found.push(...(yield* entriesOf(session, place, taken.slice(i, i + ASKED))));
  // An empty reply would mean the end of the folder, but these names have only been removed meanwhile.
  return found.length > 0 || name === undefined ? found : yield* entries(session, place, reading, room);
}
/** Names that the host is asked for at a time. */
const ASKED = 256;
interface Taken { readonly name: string; readonly offset: bigint; readonly ours: boolean }
function* entriesOf(session: Session, place: Place, taken: readonly Taken[]): Steps<DirEntry[]> {
  const { host, specials } = session.folder, found: DirEntry[] = [], first = taken.findIndex(({ offset }) => offset > DOTS.length),
    names = host.stats && specials.size === 0 && first >= 0 && !place.gone ? taken.slice(first).map(({ name }) => name) : [],
    known = names.length > 0 ? yield* settle(host.stats!(place.path, names)) : [];
  for (let i = 0; i < taken.length; i++) {
    const { name, offset, ours } = taken[i]!, attributes = known[i - first] ?? (yield* entryAttributes(session, place, name));
    if (attributes instanceof FolderError) {
      // A name that was removed meanwhile is left out; one that cannot be looked at has no kind.
      if (attributes.errno !== Errno.ENOENT) found.push({ qid: { type: 0, version: 0, path: 1n }, offset, kind: 0, name });
    } else if (!ours || 'special' in attributes) // else a file of the host hides a special one
      found.push({ qid: session.folder.qid(attributes), offset, kind: kindOf(attributes.mode), name });
  }
  return found;
}
function* entryAttributes({ folder }: Session, place: Place, name: string): Steps<Attributes | FolderError> {
  try {
    return yield* folder.attributes(name === '.' ? place : name === '..' ? place.up : place.child(name));
  } catch (error) {
    if (error instanceof FolderError) return error;
    throw error;
  }
}
