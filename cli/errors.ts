/**
 * Errors that the user can correct, each in one line: a code to search for, what was wrong, and what to do.
 *
 *   tessera: E_NO_FILE: kernel 'vmlinuz' does not exist; fetch Debian's with: tessera images fetch
 *
 * Any other exception is a bug and appears with its stack.
 */

import { dirname } from 'node:path';
import type { ErrorCode } from './error-codes.ts';

/** Exit statuses of the command that are not the guest's own (CLI contract). */
export const Exit = { ok: 0, failure: 1, usage: 2, limit: 124, notExecutable: 126, notFound: 127 } as const;

export class CliError extends Error {
  readonly code: ErrorCode;
  readonly status: number;

  /** `code` looks like E_NO_FILE; `message` is one line without a full stop; `next` says what to do, if possible. */
  constructor(code: ErrorCode, message: string, next = '', status: number = Exit.usage) {
    super(next ? `${message}; ${next}` : message);
    this.name = 'CliError';
    this.code = code;
    this.status = status;
  }
}

/** Node's errno codes in words that fit after a file name. */
const reasons: Record<string, string> = {
  ENOENT: 'does not exist',
  EACCES: 'may not be accessed (permission denied)',
  EPERM: 'may not be accessed (operation not permitted)',
  EISDIR: 'is a folder, not a file',
  ENOTDIR: 'has a part that is not a folder',
  ENOSPC: 'could not be written: no space left on the device',
  EROFS: 'could not be written: the file system is read-only',
  EFBIG: 'could not be written: it is too large',
  EMFILE: 'could not be opened: too many open files',
  ELOOP: 'is a loop of symbolic links',
  EEXIST: 'is there already',
};

/** True for an error that the operating system reported about a file. */
export function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).code === 'string'
    && (error as NodeJS.ErrnoException).syscall !== undefined;
}

/** Turns a file error into the user's sentence: "kernel 'x' does not exist". `status` is 2 unless the run was already under way. */
export function fileError(role: string, path: string, error: unknown, next = '', status: number = Exit.usage): CliError {
  const code = isFileError(error) ? error.code ?? '' : '';
  const why = reasons[code] ?? `cannot be used (${code || String(error)})`;
  return new CliError(code === 'ENOENT' ? 'E_NO_FILE' : code === 'ENOSPC' ? 'E_DISK_FULL' : 'E_FILE', `${role} '${path}' ${why}`, next,
    status);
}

/** The same for an output file: what is missing then is its folder. */
export function outputError(role: string, path: string, error: unknown, next = '', status: number = Exit.usage): CliError {
  if (isFileError(error) && error.code === 'ENOENT')
    return new CliError('E_NO_FILE', `${role} '${path}' cannot be made: there is no folder '${dirname(path)}'`);
  return fileError(role, path, error, next, status);
}
