/**
 * Files of the guest, for reading: GDB takes programs and libraries from there (`sysroot` is `target:` unless told otherwise), and the
 * list of a process's areas. Only what is in memory anyhow can be had, so that reading changes nothing of the run.
 * @spec gdb "Host I/O Packets"
 */
import { fromHex, hexNumber, PACKET_BYTES } from './packets.ts';
import type { GuestFile, Target } from './target.ts';

const ENOENT = 2, EBADF = 9, EINVAL = 22;
/** Files that a client may have open at once. */
const MOST_OPEN = 64;
const REGULAR = 0o100444;

const failed = (errno: number): string => `F-1,${errno.toString(16)}`;

export class OpenFiles {
  readonly #target: Target;
  readonly #open = new Map<number, GuestFile>();

  constructor(target: Target) { this.#target = target; }

  /** Answers the text after `vFile:`; empty: unknown here. */
  answer(request: string): string {
    const [, name = '', rest = ''] = /^([a-z]+):([^]*)$/.exec(request) ?? [], [first = '', second, third] = rest.split(',');
    const handle = Number(hexNumber(first) ?? -1n), file = this.#open.get(handle);
    switch (name) {
      case 'setfs': return 'F0';
      case 'open': return this.#begin(first);
      case 'pread': return file ? read(file, hexNumber(second), hexNumber(third)) : failed(EBADF);
      case 'fstat': return file ? `F40;${statOf(file)}` : failed(EBADF);
      case 'close': return this.#open.delete(handle) ? 'F0' : failed(EBADF);
      case 'readlink': return failed(EINVAL);
      default: return '';
    }
  }

  #begin(name: string): string {
    const bytes = fromHex(name), path = bytes && new TextDecoder().decode(bytes), file = path && this.#target.file?.(path);
    if (!file || this.#open.size >= MOST_OPEN) return failed(ENOENT);
    let handle = 1;
    while (this.#open.has(handle)) handle++;
    this.#open.set(handle, file);
    return `F${handle.toString(16)}`;
  }
}

function read(file: GuestFile, count: bigint | undefined, offset: bigint | undefined): string {
  if (count === undefined || offset === undefined) return failed(EINVAL);
  // Escapes may double a packet's length.
  const most = Math.min(Number(count), (PACKET_BYTES >> 1) - 16), from = Number(offset);
  const bytes = from >= file.size ? new Uint8Array(0) : file.read(from, Math.min(most, file.size - from));
  return `F${bytes.length.toString(16)};${Buffer.from(bytes).toString('latin1')}`;
}

/** A file that may be read, of that size. @spec gdb "struct stat" */
function statOf({ size }: GuestFile): string {
  const bytes = Buffer.alloc(64);
  bytes.writeUInt32BE(REGULAR, 8);
  bytes.writeUInt32BE(1, 12);
  bytes.writeBigUInt64BE(BigInt(size), 28);
  bytes.writeBigUInt64BE(4096n, 36);
  bytes.writeBigUInt64BE(BigInt(Math.ceil(size / 512)), 44);
  return bytes.toString('latin1');
}
