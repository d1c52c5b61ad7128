/** Byte-range locks: lock, getlock. */
import { Lock, LockStatus, type Request } from '../../../roottask/client/ninep/index.ts';
import { FolderError } from '../folder.ts';
import type { Range } from '../locks.ts';
import type { Handlers, Session } from '../session.ts';
import { settle, type Steps } from '../shared.ts';

/** The longest name of a client. */
const MOST_CLIENT = 255;

export const lockCalls = {
  /** A lock that another owner holds is answered with `blocked`: the client asks again. */
  *lock(session, request) {
    const { fid, kind } = request, { locks } = session.folder, file = yield* fileKey(session, fid), range = rangeOf(request);
    if (kind !== Lock.unlock && locks.conflict(file, range)) return { status: LockStatus.blocked };
    if (kind === Lock.unlock) locks.release(file, range);
    else {
      const through = session.fids.get(fid);
      locks.take(file, { ...range, through });
      through.locked = file;
    }
    return { status: LockStatus.success };
  },
  *getlock(session, request) {
    const found = session.folder.locks.conflict(yield* fileKey(session, request.fid), rangeOf(request));
    const { start, length, process, client } = request;
    if (!found) return { kind: Lock.unlock, start, length, process, client };
    return {
      kind: found.exclusive ? Lock.write : Lock.read, start: found.start, length: found.end === undefined ? 0n : found.end - found.start,
      process: found.process, client: found.client,
    };
  },
} satisfies Handlers;

function* fileKey(session: Session, fid: number): Steps<string> {
  const { file } = session.fids.get(fid);
  if (!file) throw new FolderError('EBADF');
  const { device, ino } = yield* settle(file.stat());
  return `${device}:${ino}`;
}

function rangeOf({ kind, start, length, process, client }: Pick<Request<'getlock'>,
  'kind' | 'start' | 'length' | 'process' | 'client'>): Range {
  if (kind > Lock.unlock || client.length > MOST_CLIENT) throw new FolderError('EINVAL');
  return { exclusive: kind === Lock.write, start, end: length === 0n ? undefined : start + length, process, client };
}
