/** Small files in one request: make creates one; take finds many, gives each a fid, and reads their beginnings. */
import { encodeContents, encodeLooks, lookSize, type Contents, type Look } from '../../../roottask/client/ninep/index.ts';
import { Errno, FolderError, Mode, type HostFile, type Taken } from '../folder.ts';
import { checkName } from '../names.ts';
import type { Place } from '../places.ts';
import type { Handlers, Session } from '../session.ts';
import { settle, type SharedFolder, type Steps } from '../shared.ts';
import { newFile, openedAs } from './files.ts';
import { EACH, lookOf, nothing, OVERHEAD } from './looks.ts';

const NONE = new Uint8Array(0);
/** The buffer for the beginnings of files until they are in a reply. Where the host's files are asynchronous, each request has its own. */
const shared = new Uint8Array(65_536);

export const smallCalls = {
  *make(session, { fid, newfid, name, flags, mode }) {
    const { folder, fids } = session;
    fids.mustBeFree(newfid);
    const attributes = yield* newFile(session, fids.get(fid).place, name, flags, mode, keeper(session, newfid));
    return { looks: encodeLooks([lookOf(folder, name, attributes, '')]) };
  },
  *take(session, { fid, most, newfids, names }) {
    const { place } = session.fids.get(fid), looks: Look[] = [], contents: Contents[] = [];
    let room = session.msize - OVERHEAD;
    for (const name of names) room -= lookSize(name, '') + EACH;
    if (newfids.length !== names.length) throw new FolderError('EINVAL');
    if (room < 0) throw new FolderError('EMSGSIZE');
    if (place.gone) throw new FolderError('ENOENT');
    const bytes = session.folder.host.together ? shared : new Uint8Array(shared.length);
    for (let i = 0, used = 0; i < names.length; i++) {
      try {
        checkName(names[i]!);
        const end = used + Math.max(0, Math.min(most, room - used, bytes.length - used)),
          { look, read } = yield* take(session, place.child(names[i]!), newfids[i]!, bytes.subarray(used, end));
        looks.push(look);
        contents.push(read === undefined ? { errno: Errno.ENXIO, data: NONE } : { errno: 0, data: bytes.subarray(used, used + read) });
        used += read ?? 0;
      } catch (error) {
        if (!(error instanceof FolderError)) throw error;
        looks.push({ name: names[i]!, errno: error.errno, ...nothing });
        contents.push({ errno: error.errno, data: NONE });
      }
    }
    return { looks: encodeLooks(looks), contents: encodeContents(contents) };
  },
} satisfies Handlers;

const keeper = ({ fids }: Session, newfid: number) => (place: Place, file: HostFile): void => {
  fids.opened(fids.add(newfid, place), { file });
};

/** What a name is, and the number of bytes read where it is a file that was opened. */
function* take(session: Session, place: Place, newfid: number, into: Uint8Array) {
  const { folder } = session, { attributes, file } = yield* found(folder, place), look = lookOf(folder, place.name, attributes, '');
  if (!file) return { look, read: undefined };
  yield* openedAs(session, place, file, keeper(session, newfid));
  return { look, read: attributes.size === 0n ? 0 : yield* settle(file.read(into, 0)) };
}
function* found(folder: SharedFolder, place: Place): Steps<Taken> {
  const { host } = folder;
  if (host.take && folder.specials.size === 0) return yield* settle(host.take(place.path));
  const attributes = yield* folder.attributes(place);
  return { attributes, file: (attributes.mode & Mode.type) === Mode.file ? yield* settle(host.open(place.path, READ)) : undefined };
}
const READ = { read: true, write: false };
