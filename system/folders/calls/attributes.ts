/** Attributes of files: getattr, setattr, statfs, extended attributes. */
import { ATTRIBUTES, Set as Valid, type Request } from '../../../roottask/client/ninep/index.ts';
import type { AttributeFid } from '../fids.ts';
import { FolderError, type Attributes, type Changes, type HostAttributes } from '../folder.ts';
import type { Place } from '../places.ts';
import type { Handlers, Session } from '../session.ts';
import { settle, type Steps } from '../shared.ts';
import { isSpecial } from '../specials.ts';

const SECOND = 1_000_000_000n;
const NAME_LENGTH = 255;
/** The longest value of an extended attribute, and of a list of names (XATTR_SIZE_MAX). */
const MOST_VALUE = 65_536;

export const attributeCalls = {
  *getattr(session, { fid }) {
    const { folder } = session, { file, place } = session.fids.get(fid);
    const attributes = yield* file ? folder.fileAttributes(file) : folder.attributes(place), qid = folder.qid(attributes);
    return {
      valid: ATTRIBUTES, qid, mode: attributes.mode, uid: attributes.uid, gid: attributes.gid,
      nlink: Number(attributes.nlink), rdev: Number(attributes.rdev), size: attributes.size,
      blksize: Number(attributes.blksize), blocks: Number(attributes.blocks),
      ...timesOf(attributes), btimeSec: 0, btimeNsec: 0, gen: 0, dataVersion: 0,
    };
  },
  /** Files belong to the user who runs Tessera: setting an owner succeeds only if it changes nothing. */
  *setattr(session, request) {
    const { folder } = session, { file, place } = session.fids.get(request.fid);
    folder.mustBeWritable();
    const attributes = file ? yield* settle(file.stat()) : yield* folder.attributes(place);
    checkOwner(request, attributes);
    const changes = changesOf(request);
    if (Object.keys(changes).length === 0) return {};
    if ('special' in attributes) folder.specials.change(yield* folder.folderKey(place.up), place.name, changes);
    else if (isSpecial(attributes.mode)) throw new FolderError('EPERM');
    else yield* settle(file ? file.change(changes) : folder.host.change(place.path, changes));
    return {};
  },
  *statfs(session, { fid }) {
    const { place } = session.fids.get(fid);
    const at = 'special' in (yield* session.folder.attributes(place)) ? place.up : place;
    return { ...(yield* settle(session.folder.host.space(at.path))), fsid: 0n, namelen: NAME_LENGTH };
  },
  /** The new fid reads one attribute, or, without a name, the list of names. */
  *xattrwalk(session, { fid, newfid, name }) {
    const { place } = session.fids.get(fid), host = attributesOf(session);
    session.fids.mustBeFree(newfid);
    const value = name === '' ? namesAsBytes(yield* settle(host.list(place.path))) : yield* settle(host.get(place.path, name));
    if (value.length > MOST_VALUE) throw new FolderError('ERANGE');
    session.fids.add(newfid, place).attribute = { name, value, writing: false, flags: 0, filled: value.length };
    return { size: BigInt(value.length) };
  },
  /** The fid collects the value; the attribute is set when the fid is clunked. */
  *xattrcreate(session, { fid, name, size, flags }) {
    const at = session.fids.get(fid);
    session.folder.mustBeWritable();
    attributesOf(session);
    if (at.file || at.reading || at.attribute) throw new FolderError('EBADF');
    if (name === '' || name.length > NAME_LENGTH || name.includes('\0')) throw new FolderError('ERANGE');
    if (size > BigInt(MOST_VALUE)) throw new FolderError('ERANGE');
    at.attribute = { name, value: new Uint8Array(Number(size)), writing: true, flags, filled: 0 };
    return {};
  },
} satisfies Handlers;

function attributesOf({ folder }: Session): HostAttributes {
  const { attributes } = folder.host;
  if (!attributes) throw new FolderError('EOPNOTSUPP');
  return attributes;
}

/** A fid of xattrcreate ends: sets the attribute; an empty value removes it, as Linux's client expects. */
export function* finishAttribute(session: Session, place: Place, { name, value, flags, filled }: AttributeFid): Steps<void> {
  if (filled !== value.length) throw new FolderError('EINVAL');
  const host = attributesOf(session);
  if (value.length === 0) yield* settle(host.remove(place.path, name));
  else yield* settle(host.set(place.path, name, value, flags));
}

function namesAsBytes(names: readonly string[]): Uint8Array {
  return Uint8Array.from(names.map((name) => `${name}\0`).join(''), (c) => c.charCodeAt(0));
}

/**
 * The three times as seconds and nanoseconds; before 1970 only the seconds are negative. Dividing bigints would take longer than
 * everything else that is done with a file's attributes: the quotient is computed from rounded numbers, which is wrong by one at most,
 * and the remainder of the low 32 bits is exact.
 */
export function timesOf({ atime, mtime, ctime }: Pick<Attributes, 'atime' | 'mtime' | 'ctime'>) {
  const accessed = secondsOf(atime), modified = secondsOf(mtime), changed = secondsOf(ctime);
  return {
    atimeSec: accessed, atimeNsec: restOf(atime, accessed), mtimeSec: modified, mtimeNsec: restOf(mtime, modified),
    ctimeSec: changed, ctimeNsec: restOf(ctime, changed)
  };
}
const BILLION = 1e9;
function secondsOf(time: bigint): number {
  const seconds = Math.floor(Number(time) / BILLION), rest = restOf(time, seconds);
  return rest < 0 ? seconds - 1 : rest < BILLION ? seconds : seconds + 1;
}
const restOf = (time: bigint, seconds: number): number => (Number(BigInt.asIntN(32, time)) - Math.imul(seconds, BILLION)) | 0;

function checkOwner({ valid, uid, gid }: Request<'setattr'>, owner: Attributes): void {
  const other = (bit: number, wanted: number, is: number) => (valid & bit) !== 0 && wanted !== is && wanted !== 0xffff_ffff;
  if (other(Valid.uid, uid, owner.uid) || other(Valid.gid, gid, owner.gid)) throw new FolderError('EPERM');
}

function changesOf({ valid, mode, size, ...times }: Request<'setattr'>): Changes {
  const time = (bit: number, given: number, sec: number, nsec: number) => {
    if (!(valid & bit)) return undefined;
    return valid & given ? checkedTime(sec, nsec) : 'now' as const;
  };
  const atime = time(Valid.atime, Valid.atimeGiven, times.atimeSec, times.atimeNsec),
    mtime = time(Valid.mtime, Valid.mtimeGiven, times.mtimeSec, times.mtimeNsec);
  return {
    ...(valid & Valid.mode && { mode: mode & 0o1777 }), ...(valid & Valid.size && { size: checkedSize(size) }),
    ...(atime !== undefined && { atime }), ...(mtime !== undefined && { mtime }),
  };
}

function checkedTime(sec: number, nsec: number): bigint {
  if (!(nsec >= 0 && nsec < BILLION)) throw new FolderError('EINVAL');
  return BigInt(sec) * SECOND + BigInt(nsec);
}

function checkedSize(size: bigint): number {
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw new FolderError('EFBIG');
  return Number(size);
}
