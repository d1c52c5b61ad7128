/// <reference lib="es2024.arraybuffer" />
/** Files that the user names: read or opened with the error in the user's words. */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, readSync, statSync, writeFileSync } from 'node:fs';
import { CliError, Exit, fileError, outputError } from './errors.ts';

/** Contents of a file; `-` is standard input. `role` names it in errors: "kernel 'x' does not exist". Who has used them calls `release`. */
export function readInput(role: string, path: string, next = ''): Buffer {
  try {
    if (path === '-') return readFileSync(0);
    const stat = statSync(path);
    if (stat.isDirectory()) throw new CliError('E_FILE', `${role} '${path}' is a folder, not a file`);
    return stat.isFile() && stat.size >= LARGE ? readLarge(path, stat.size) : readFileSync(path);
  } catch (error) {
    throw error instanceof CliError ? error : fileError(role, path, error, next);
  }
}

/** Files of this many bytes are kept in pages of their own. */
const LARGE = 1 << 18;

/**
 * A resizable buffer is mapped, not allocated, and can be given back at once. An allocated one of some megabytes stays until it is collected,
 * and when it is, the C library takes its size for usual, and keeps as much of everything that is freed later.
 */
function readLarge(path: string, size: number): Buffer {
  const bytes = Buffer.from(new ArrayBuffer(size, { maxByteLength: size }), 0, size);
  const file = openSync(path, 'r');
  try {
    let at = 0;
    for (let n = -1; n !== 0 && at < size; at += n) n = readSync(file, bytes, at, Math.min(size - at, 1 << 30), at);
    return bytes.subarray(0, at);
  } finally {
    closeSync(file);
  }
}

/** These contents of a file (`readInput`) are not needed any more. */
export function release(bytes: object): void {
  if (bytes instanceof Uint8Array && bytes.buffer instanceof ArrayBuffer && bytes.buffer.resizable) bytes.buffer.resize(0);
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
    throw outputError(role, path, error, '', Exit.failure);
  }
}

/** Creates an output file now, so that a path that cannot be written is found before the run and not after it. */
export function checkWritable(role: string, path: string): void {
  if (path === '-') return;
  try {
    closeSync(openSync(path, 'w'));
  } catch (error) {
    throw outputError(role, path, error);
  }
}

export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
