/** Trace files for reading: standard input as a whole, a file in pieces, so that it may be larger than memory. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';
import { TraceFile, TraceFileError, type ByteSource, type Unpack } from '../trace/index.ts';
import { CliError, fileError, isFileError } from './errors.ts';
import { readInput } from './files.ts';
import { Progress } from './progress.ts';

/** An open file; it sees data that a running recorder appends. */
export class FileSource implements ByteSource {
  private readonly fd: number;
  private readonly onRead: ((share: number) => void) | undefined;
  /** `onRead` gets the share of the file before each piece that is read. */
  constructor(path: string, onRead?: (share: number) => void) {
    this.onRead = onRead;
    this.fd = openSync(path, 'r');
    if (fstatSync(this.fd).isFile()) return;
    closeSync(this.fd);
    throw new NoFile();
  }
  get size(): number { return fstatSync(this.fd).size; }
  read(offset: number, length: number): Uint8Array {
    const { size } = this, bytes = Buffer.allocUnsafe(Math.max(0, Math.min(length, size - offset)));
    this.onRead?.(Math.min(1, offset / Math.max(1, size)));
    let at = 0;
    for (let n = 1; at < bytes.length && n > 0; at += n) n = readSync(this.fd, bytes, at, bytes.length - at, offset + at);
    return bytes.subarray(0, at);
  }
}
/** A pipe or device, which cannot be read from the middle. */
class NoFile extends Error {}

/** Refuses a chunk that unpacks to more than its header says. */
export const unpack: Unpack = (data, bytes) => inflateRawSync(data, { maxOutputLength: Math.max(1, bytes) });

function sourceOf(path: string, progress?: Progress): ByteSource | Uint8Array {
  if (path === '-') return readInput('trace', path);
  try {
    return new FileSource(path, progress && ((share) => progress.at(share)));
  } catch (error) {
    if (error instanceof NoFile) return readInput('trace', path);
    throw error;
  }
}

/** What a command shows that goes through a whole trace; it ends before the command writes. */
export const readingProgress = (): Progress => new Progress('reading the trace');

/** Opens a trace; `-` is standard input. Throws `CliError` for a file that is unreadable or no trace. */
export function readTrace(path: string, progress?: Progress): TraceFile {
  try {
    return new TraceFile(sourceOf(path, progress), unpack);
  } catch (error) {
    if (error instanceof TraceFileError) throw new CliError('E_TRACE', `trace '${path}': ${error.message}`);
    throw isFileError(error) ? fileError('trace', path, error, 'record one with --trace FILE') : error;
  }
}
