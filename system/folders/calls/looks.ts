/** Attributes of many names in one request and without fids (look, readlook), and contents of small files (fetch). */
import {
  encodeContents, encodeLooks, HEADER, lookSize, type Contents, type Look
} from '../../../roottask/client/ninep/index.ts';
import { Errno, FolderError, Mode, type Attributes, type HostFolder, type Path } from '../folder.ts';
import { checkName, isName } from '../names.ts';
import type { Place } from '../places.ts';
import type { Handlers } from '../session.ts';
import { settle, type SharedFolder, type Steps } from '../shared.ts';
import { isSpecial, type Special } from '../specials.ts';
import { timesOf } from './attributes.ts';
import { readNames } from './files.ts';

/** Bytes of a reply besides its looks or contents, and of one file besides its contents. */
export const OVERHEAD = HEADER + 16, EACH = 8;
/** Names that the host is asked for at a time. */
const MOST_ASKED = 64;
/** Sizes as they travel: numbers beyond 2^53 are not exact. */
const MOST_LONG = BigInt(Number.MAX_SAFE_INTEGER);

export const lookCalls = {
  *look(session, { fid, names }) {
    const { place } = session.fids.get(fid), { folder } = session, looks = encodeLooks(yield* looksOf(folder, place, names));
    if (looks.length > session.msize - OVERHEAD) throw new FolderError('EMSGSIZE');
    return { looks };
  },
  /** Reads on in an open folder, as `readdir` does, without '.' and '..'. */
  *readlook(session, { fid, offset, count }) {
    const { reading, place } = session.fids.get(fid), looks: Look[] = [];
    if (!reading) throw new FolderError('EBADF');
    let room = Math.min(count, session.msize - OVERHEAD), last = false;
    // The rest of a message after a name is room for its target: this bounds the number of names.
    for (let most = atOnce(room); most > 0 && !last; most = atOnce(room)) {
      const { names, at, ended } = yield* readNames(session, place, reading, offset, most);
      for (const look of yield* looksOf(session.folder, place, names)) {
        if (look.errno === Errno.ENOENT) continue;
        room -= lookSize(look.name, look.target);
        looks.push(look);
      }
      offset = at;
      last = ended;
    }
    if (looks.length === 0 && !last) throw new FolderError('EINVAL');
    return { at: offset, last: last ? 1 : 0, looks: encodeLooks(looks) };
  },
  *fetch(session, { fid, most, names }) {
    const { place } = session.fids.get(fid), { host } = session.folder, room = session.msize - OVERHEAD - names.length * EACH;
    if (place.gone) throw new FolderError('ENOENT');
    names.forEach(checkName);
    const read = host.contents ? yield* settle(host.contents(place.path, names, most, room))
      : yield* contentsOf(host, place.path, names, most, room);
    return { contents: encodeContents(read.map(answered)) };
  },
} satisfies Handlers;

/** Looks of this size fit into the room whatever their texts are. */
const LARGEST = lookSize('', '') + 255 + 4095;
const atOnce = (room: number): number => Math.min(MOST_ASKED, Math.floor(room / LARGEST));

/** The look of a name with an errno, beside them. */
export const nothing = { mode: 0, uid: 0, gid: 0, path: 0n, nlink: 0, rdev: 0, size: 0, blocks: 0, atimeSec: 0, atimeNsec: 0,
  mtimeSec: 0, mtimeNsec: 0, ctimeSec: 0, ctimeNsec: 0, target: '' };

/** The looks of names in one folder, in the given order. */
function* looksOf(folder: SharedFolder, place: Place, names: readonly string[]): Steps<Look[]> {
  if (place.gone) throw new FolderError('ENOENT');
  const { host } = folder, looks: Look[] = [];
  const known = host.stats && folder.specials.size === 0 && names.every(isName) ? yield* settle(host.stats(place.path, names)) : undefined;
  for (let i = 0; i < names.length; i++) {
    const name = names[i]!, child = known ? undefined : place.child(name);
    try {
      checkName(name);
      const attributes = child ? yield* folder.attributes(child) : known![i]!;
      if (attributes instanceof FolderError) throw attributes;
      const isLink = (attributes.mode & Mode.type) === Mode.link;
      looks.push(lookOf(folder, name, attributes, isLink ? yield* settle(host.readlink([...place.path, name])) : ''));
    } catch (error) {
      if (!(error instanceof FolderError)) throw error;
      looks.push({ name, errno: error.errno, ...nothing });
    }
  }
  return looks;
}

export function lookOf(folder: SharedFolder, name: string, attributes: Attributes | Special, target: string): Look {
  return {
    name, errno: 0, mode: attributes.mode, uid: attributes.uid, gid: attributes.gid, path: folder.qid(attributes).path,
    nlink: Number(attributes.nlink), rdev: Number(attributes.rdev),
    size: Number(attributes.size > MOST_LONG ? MOST_LONG : attributes.size), blocks: Number(attributes.blocks),
    ...timesOf(attributes), target,
  };
}

const NONE = new Uint8Array(0);
const answered = (read: Uint8Array | FolderError): Contents =>
  (read instanceof FolderError ? { errno: read.errno, data: NONE } : { errno: 0, data: read });
/** The same for a host end that reads one file at a time. */
function* contentsOf(host: HostFolder, folder: Path, names: readonly string[], most: number,
    room: number): Steps<(Uint8Array | FolderError)[]> {
  const read: (Uint8Array | FolderError)[] = [];
  for (const name of names) {
    try {
      const path = [...folder, name], { mode, size } = yield* settle(host.stat(path));
      if (isSpecial(mode)) throw new FolderError('ENXIO');
      if ((mode & Mode.type) === Mode.file && size > BigInt(Math.min(most, room))) throw new FolderError('EFBIG');
      const data = yield* readAll(host, path, Number(size));
      room -= data.length;
      read.push(data);
    } catch (error) {
      if (!(error instanceof FolderError)) throw error;
      read.push(error);
    }
  }
  return read;
}
function* readAll(host: HostFolder, path: Path, size: number): Steps<Uint8Array> {
  const file = yield* settle(host.open(path, { read: true, write: false }));
  try {
    const data = new Uint8Array(size), n = yield* settle(file.read(data, 0));
    return data.subarray(0, n);
  } finally { file.close(); }
}
