/** The beginning of a connection, and fids: version, attach, walk, clunk. */
import { COMPOUND, VERSION, type Qid } from '../../../roottask/client/ninep/index.ts';
import { FolderError, Mode } from '../folder.ts';
import { checkName } from '../names.ts';
import type { Place } from '../places.ts';
import { MOST_BYTES, type Handlers, type Session } from '../session.ts';
import type { Steps } from '../shared.ts';
import { finishAttribute } from './attributes.ts';

/** The least message size that we agree to: an entry of a directory and an attribute reply fit. */
const LEAST_BYTES = 4096;

export const sessionCalls = {
  /** Starts the connection again, and closes everything that was open. */
  *version(session, { msize, version }) {
    session.fids.clear();
    if (msize < LEAST_BYTES) throw new FolderError('EINVAL');
    session.msize = Math.min(msize, MOST_BYTES);
    session.compounds = version === COMPOUND;
    return { msize: session.msize, version: session.compounds ? COMPOUND : version === VERSION ? VERSION : 'unknown' };
  },
  *attach(session, { fid }) {
    session.fids.mustBeFree(fid);
    const qid = session.folder.qid(yield* session.folder.attributes(session.fids.root));
    session.fids.add(fid, session.fids.root);
    return { qid };
  },
  /** Walks as far as the names exist. Fewer qids than names tell where the walk ended; no fid is made then. */
  *walk(session, { fid, newfid, names }) {
    const from = session.fids.get(fid);
    if (from.file || from.reading || from.attribute) throw new FolderError('EBADF');
    if (newfid !== fid) session.fids.mustBeFree(newfid);
    const { place, qids } = yield* steps(session, from.place.hold(), names);
    try {
      if (qids.length < names.length) return { qids };
      if (newfid === fid) session.fids.move(from, place);
      else session.fids.add(newfid, place);
      return { qids };
    } finally {
      place.release();
    }
  },
  *clunk(session, { fid }) {
    yield* clunk(session, fid);
    return {};
  },
  *leave(session, { fids }) {
    let failed: unknown;
    for (const fid of fids) try { yield* clunk(session, fid); } catch (error) { failed ??= error; }
    if (failed) throw failed;
    return {};
  },
} satisfies Handlers;

function* clunk(session: Session, fid: number): Steps<void> {
  const { attribute, place } = session.fids.get(fid);
  try {
    if (attribute?.writing) yield* finishAttribute(session, place, attribute);
  } finally {
    session.fids.remove(fid);
  }
}

/** Walks names from a held place, and moves the hold to the place where the walk ends. */
function* steps(session: Session, place: Place, names: readonly string[]): Steps<{ place: Place; qids: Qid[] }> {
  const qids: Qid[] = [];
  let here = place;
  try {
    for (const name of names) {
      const next = (yield* stepTo(session, here, name)).hold();
      here.release();
      here = next;
      qids.push(session.folder.qid(yield* session.folder.attributes(here)));
    }
  } catch (error) {
    if (qids.length > 0 && error instanceof FolderError) return { place: here, qids };
    here.release();
    throw error;
  }
  return { place: here, qids };
}

function* stepTo(session: Session, here: Place, name: string): Steps<Place> {
  const { mode } = yield* session.folder.attributes(here);
  if ((mode & Mode.type) !== Mode.dir) throw new FolderError('ENOTDIR');
  if (name === '..') return here.up;
  checkName(name);
  return here.child(name);
}
