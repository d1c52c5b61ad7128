/** Files that the user names: read or opened with the error in the user's words. */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { CliError, Exit, fileError } from './errors.ts';

/** Contents of a file; `-` is standard input. `role` names it in errors: "kernel 'x' does not exist". */
export function readInput(role: string, path: string, next = ''): Buffer {
  try {
    if (path !== '-' && statSync(path).isDirectory()) throw new CliError('E_FILE', `${role} '${path}' is a folder, not a file`);
    return readFileSync(path === '-' ? 0 : path);
  } catch (error) {
    throw error instanceof CliError ? error : fileError(role, path, error, next);
  }
}

/** Kernels and their companions, with a hint where to get them. */
export function readImage(role: string, path: string): Buffer {
  const hint = /images\//.test(path) && !existsSync(path) ? "fetch Debian's with: tessera images fetch" : '';
  return readInput(role, path, hint);
}

export function writeOutput(role: string, path: string, data: string | Uint8Array): void {
  try {
    if (path === '-') process.stdout.write(data);
    else writeFileSync(path, data);
  } catch (error) {
    throw fileError(role, path, error, '', Exit.failure);
  }
}

/** Creates an output file now, so that a path that cannot be written is found before the run and not after it. */
export function checkWritable(role: string, path: string): void {
  if (path === '-') return;
  try {
    closeSync(openSync(path, 'w'));
  } catch (error) {
    throw fileError(role, path, error);
  }
}

export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
