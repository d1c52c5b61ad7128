/** Errors of Node's files as the guest's errno. */
import { Errno, FolderError, type ErrnoName } from '../../system/folders/folder.ts';

const names: Readonly<Record<string, ErrnoName>> = { ENOTSUP: 'EOPNOTSUPP', EWOULDBLOCK: 'EAGAIN', EFTYPE: 'EINVAL' };

/** Turns a failure of the host into an errno; any other error (a bug of ours) is thrown again. */
export function folderError(error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (error instanceof FolderError || code === undefined || code.startsWith('ERR_')) return error;
  const name = names[code] ?? code;
  return new FolderError(name in Errno ? (name as ErrnoName) : 'EIO');
}

/** Calls Node's files. @throws FolderError instead of Node's errors */
export function onHost<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw folderError(error);
  }
}
