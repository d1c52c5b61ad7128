/** Requests that change names: mkdir, symlink, link, mknod, rename, renameat, unlinkat, remove; and readlink. */
import { REMOVE_DIR } from '../../../roottask/client/ninep/index.ts';
import { FolderError, Mode, type Attributes } from '../folder.ts';
import { checkName } from '../names.ts';
import type { Place } from '../places.ts';
import type { Handlers, Session } from '../session.ts';
import { settle, type Steps } from '../shared.ts';
import { isSpecial } from '../specials.ts';

/** The longest target of a symbolic link. */
const MOST_TARGET = 4095;

export const nameCalls = {
  *mkdir(session, { fid, name, mode }) {
    return yield* made(session, fid, name, (place) => settle(session.folder.host.mkdir(place.path, mode & Mode.kept)));
  },
  /** The target is only text, for this server and for the host: this server never follows it. */
  *symlink(session, { fid, name, target }) {
    if (target === '' || target.includes('\0')) throw new FolderError('EINVAL');
    if (target.length > MOST_TARGET) throw new FolderError('ENAMETOOLONG');
    return yield* made(session, fid, name, (place) => settle(session.folder.host.symlink(place.path, target)));
  },
  /** A device, FIFO or socket belongs to the guest alone: it never reaches the host. */
  *mknod(session, { fid, name, mode, major, minor }) {
    const { folder } = session;
    return yield* made(session, fid, name, function* (place) {
      if ((mode & Mode.type) === Mode.file)
        return (yield* settle(folder.host.create(place.path, { read: false, write: true }, mode & Mode.kept))).close();
      if (!isSpecial(mode) || (mode & Mode.type) === 0) throw new FolderError('EINVAL');
      yield* mustBeAbsent(session, place);
      folder.specials.make(yield* folder.folderKey(place.up), place.name, mode, deviceNumber(major, minor));
    });
  },
  *link(session, { folder: into, fid, name }) {
    const { folder } = session, { place: from } = session.fids.get(fid);
    const attributes = yield* folder.attributes(from);
    if (isSpecial(attributes.mode)) throw new FolderError('EPERM');
    yield* made(session, into, name, (place) => settle(folder.host.link(from.path, place.path)));
    return {};
  },
  *readlink(session, { fid }) {
    const { place } = session.fids.get(fid), attributes = yield* session.folder.attributes(place);
    if ((attributes.mode & Mode.type) !== Mode.link) throw new FolderError('EINVAL');
    return { target: yield* settle(session.folder.host.readlink(place.path)) };
  },
  *rename(session, { fid, folder, name }) {
    const { place } = session.fids.get(fid);
    if (place.up === place) throw new FolderError('EBUSY');
    yield* rename(session, place.up, place.name, session.fids.get(folder).place, name);
    return {};
  },
  *renameat(session, { from, oldName, to, newName }) {
    yield* rename(session, session.fids.get(from).place, oldName, session.fids.get(to).place, newName);
    return {};
  },
  *unlinkat(session, { fid, name, flags }) {
    yield* remove(session, session.fids.get(fid).place, name, (flags & REMOVE_DIR) !== 0);
    return {};
  },
  /** The fid ends, whatever the result. */
  *remove(session, { fid }) {
    const { place } = session.fids.get(fid);
    try {
      if (place.up === place) throw new FolderError('EBUSY');
      const { mode } = yield* session.folder.attributes(place);
      yield* remove(session, place.up, place.name, (mode & Mode.type) === Mode.dir);
    } finally {
      session.fids.remove(fid);
    }
    return {};
  },
} satisfies Handlers;

/** Creates a file of any kind under a name, and returns its identity. */
function* made(session: Session, fid: number, name: string, make: (place: Place) => Steps<void>) {
  const { folder } = session, at = session.fids.get(fid).place;
  checkName(name);
  folder.mustBeWritable();
  const place = at.child(name).hold();
  try {
    if (place.gone) throw new FolderError('ENOENT');
    yield* folder.mustBeFree(place);
    yield* make(place);
    return { qid: folder.qid(yield* folder.attributes(place)) };
  } finally {
    place.release();
  }
}

/** The attributes of a place; undefined if nothing exists there. */
function* present({ folder }: Session, place: Place): Steps<Attributes | undefined> {
  try {
    return yield* folder.attributes(place);
  } catch (error) {
    if (error instanceof FolderError && error.message === 'ENOENT') return undefined;
    throw error;
  }
}

function* mustBeAbsent(session: Session, place: Place): Steps<void> {
  if (yield* present(session, place)) throw new FolderError('EEXIST');
}

/** Special files of the host do not belong to the guest: they must not change. */
function mustNotBeTheHosts(attributes: Attributes | undefined): void {
  if (attributes && isSpecial(attributes.mode) && !('special' in attributes)) throw new FolderError('EPERM');
}

function* rename(session: Session, from: Place, name: string, to: Place, newName: string): Steps<void> {
  const { folder } = session;
  checkName(name);
  checkName(newName);
  folder.mustBeWritable();
  const source = from.child(name).hold(), target = to.child(newName).hold();
  try {
    const old = yield* folder.attributes(source), there = yield* present(session, target);
    mustNotBeTheHosts(old);
    mustNotBeTheHosts(there);
    if (source.contains(to)) throw new FolderError('EINVAL');
    if ('special' in old) yield* moveSpecial(session, source, target, there);
    else {
      if (there && 'special' in there && (old.mode & Mode.type) === Mode.dir) throw new FolderError('ENOTDIR');
      yield* settle(folder.host.rename(source.path, target.path));
      if (there && 'special' in there) folder.specials.remove(yield* folder.folderKey(to), newName);
    }
    from.move(name, to, newName);
  } finally {
    source.release();
    target.release();
  }
}

/** Moves a special file, and replaces what is at the target, as `rename` does. */
function* moveSpecial({ folder }: Session, source: Place, target: Place, there: Attributes | undefined): Steps<void> {
  if (there && (there.mode & Mode.type) === Mode.dir) throw new FolderError('EISDIR');
  if (there && !('special' in there)) yield* settle(folder.host.unlink(target.path));
  folder.specials.move(yield* folder.folderKey(source.up), source.name, yield* folder.folderKey(target.up), target.name);
}

function* remove(session: Session, at: Place, name: string, directory: boolean): Steps<void> {
  const { folder } = session;
  checkName(name);
  folder.mustBeWritable();
  const place = at.child(name).hold();
  try {
    const attributes = yield* folder.attributes(place), isDirectory = (attributes.mode & Mode.type) === Mode.dir;
    mustNotBeTheHosts(attributes);
    if (directory !== isDirectory) throw new FolderError(directory ? 'ENOTDIR' : 'EISDIR');
    if ('special' in attributes) folder.specials.remove(yield* folder.folderKey(at), name);
    else if (!directory) yield* settle(folder.host.unlink(place.path));
    else {
      if (folder.specials.has(yield* folder.folderKey(place))) throw new FolderError('ENOTEMPTY');
      yield* settle(folder.host.rmdir(place.path));
    }
    at.forget(name);
  } finally {
    place.release();
  }
}

/** A device number in the layout of `stat`: the twelve bits of the major number lie between bits of the minor number. */
function deviceNumber(major: number, minor: number): bigint {
  return BigInt.asUintN(32, BigInt(minor & 0xff) | (BigInt(major & 0xfff) << 8n) | (BigInt(minor & 0xfff00) << 12n));
}
