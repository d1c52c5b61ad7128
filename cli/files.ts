/// <reference lib="es2024.arraybuffer" />
/**
 * Opens and reads files that the user names, with errors in the user's terms. A file may be anything (an endless device, a pipe, larger
 * than memory), so reads are bounded and report a file that is too large.
 */
import { closeSync, existsSync, fstatSync, openSync, readSync, writeFileSync } from 'node:fs';
import { CliError, Exit, fileError, outputError } from './errors.ts';

const MIB = 2 ** 20;
/** Default size limit for a file that is read whole. */
export const MOST_BYTES = 3584 * MIB;
/** Size limit for text: programs, scenarios, symbols. */
export const MOST_TEXT = 64 * MIB;

/** The longest line of a recording: a message of some hundred kilobytes as text. */
const MOST_LINE = 16 * MIB;

/** Contents of a file; `-` is standard input. `role` names it in errors: "kernel 'x' does not exist". Call `release` after use. */
export function readInput(role: string, path: string, next = '', most = MOST_BYTES): Buffer {
  try {
    if (path === '-') return readStream(role, path, 0, most);
    const file = openSync(path, 'r');
    try {
      return readOpen(role, path, file, most);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw error instanceof CliError ? error : fileError(role, path, error, next);
  }
}

/** A file of text: UTF-8, at most MOST_TEXT long. */
export const readText = (role: string, path: string, next = ''): string => readInput(role, path, next, MOST_TEXT).toString('utf8');

/** The lines of a file that may be larger than any string. */
export function* linesOf(bytes: Buffer): Generator<string> {
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(0x0a, at), to = end < 0 ? bytes.length : end;
    if (to - at > MOST_LINE) throw new CliError('E_FILE', `a line of ${to - at} bytes is too long`);
    yield bytes.toString('utf8', at, to);
    at = to + 1;
  }
}

function readOpen(role: string, path: string, file: number, most: number): Buffer {
  const stat = fstatSync(file);
  if (stat.isDirectory()) throw new CliError('E_FILE', `${role} '${path}' is a folder, not a file`);
  if (stat.isCharacterDevice() || stat.isBlockDevice()) throw new CliError('E_FILE', `${role} '${path}' is a device, not a file`);
  if (!stat.isFile() || stat.size < LARGE) return readStream(role, path, file, most);
  if (stat.size > most) throw tooLarge(role, path, most);
  return readLarge(file, stat.size);
}

const tooLarge = (role: string, path: string, most: number) =>
  new CliError('E_FILE', `${role} '${path === '-' ? 'standard input' : path}' is larger than ${Math.floor(most / MIB)} MiB`);

/** Reads to the end: pipes, files of unknown size. */
function readStream(role: string, path: string, file: number, most: number): Buffer {
  const parts: Buffer[] = [];
  for (let length = 0; ; ) {
    const part = Buffer.allocUnsafe(65_536), count = readSome(file, part);
    if (count === 0) return Buffer.concat(parts, length);
    length += count;
    if (length > most) throw tooLarge(role, path, most);
    parts.push(part.subarray(0, count));
  }
}

const nap = new Int32Array(new SharedArrayBuffer(4));

/** Retries a non-blocking terminal or pipe. */
function readSome(file: number, into: Buffer): number {
  for (;;) {
    try {
      return readSync(file, into);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EOF') return 0;
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(nap, 0, 0, 5);
    }
  }
}

/** Files of at least this size get their own mapping. */
const LARGE = 1 << 18;

/**
 * A resizable buffer is mapped, not allocated, and can be released at once. An allocated buffer of some megabytes stays until garbage
 * collection, and afterwards the C library raises its threshold and keeps as much of later freed memory.
 */
function readLarge(file: number, size: number): Buffer {
  const bytes = Buffer.from(new ArrayBuffer(size, { maxByteLength: size }), 0, size);
  let at = 0;
  for (let n = -1; n !== 0 && at < size; at += n) n = readSync(file, bytes, at, Math.min(size - at, 1 << 30), at);
  return bytes.subarray(0, at);
}
/** Releases the contents of a file (`readInput`). */
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

/** Creates an output file now, so that an unwritable path fails before the run instead of after it. */
export function checkWritable(role: string, path: string): void {
  if (path === '-') return;
  try {
    closeSync(openSync(path, 'w'));
  } catch (error) {
    throw outputError(role, path, error);
  }
}
