/** /dev/null, zero, full, random, urandom, kmsg; and standard streams that are not a terminal. */
import { File, type MapAnswer } from '../fs/file.ts';
import type { Inode } from '../fs/inode.ts';
import { E } from '../abi/errno.ts';
import { Cap, Poll, S } from '../abi/linux.ts';
import { capable } from '../kernel/creds.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Mm } from '../mm/mm.ts';
import { setU32, textOf, type Io } from '../mm/uaccess.ts';
import type { InputPort, OutputPort } from './ports.ts';

/** Discards `io` and returns its length. */
function swallow(io: Io): number {
  const n = io.left, bin = new Uint8Array(Math.min(n, 65536));
  for (let left = n; left > 0; left -= bin.length) io.take(bin, 0, Math.min(left, bin.length));
  return n;
}
export class NullFile extends File {
  override get seekable(): boolean { return true; }
  override seek(): number { return 0; }
  override get splicesFrom(): boolean { return false; }
  override read(): number { return 0; }
  override write(io: Io): number { return io.left; }
}
export class ZeroFile extends NullFile {
  override get splicesFrom(): boolean { return true; }
  override read(io?: Io): number { const n = io!.left; io!.zero(n); return n; }
  override map(_mm: Mm, _shared: boolean): MapAnswer | number { return { object: undefined, name: '' }; }
}
export class FullFile extends ZeroFile {
  override write(): number { return -E.NOSPC; }
}
export class RandomFile extends File {
  override get seekable(): boolean { return true; }
  override seek(): number { return 0; }
  override read(io: Io, _pos: number, thread: Thread): number {
    const start = io.done;
    while (io.left > 0) { const bytes = thread.k.random.bytes(Math.min(io.left, 4096)); io.put(bytes, 0, bytes.length); }
    return io.done - start;
  }
  override write(io: Io): number { return swallow(io); }
  /** RNDGETENTCNT: the pool is always full; feeding or emptying it requires CAP_SYS_ADMIN. */
  override ioctl(thread: Thread, command: number, arg: number): number {
    if (command >>> 0 === 0x8004_5200) { setU32(thread.mm, arg, 256); return 0; }
    if (![0x4004_5201, 0x4008_5203, 0x5204, 0x5206, 0x5207].includes(command >>> 0)) return -E.INVAL;
    return capable(thread.creds, Cap.SYS_ADMIN) ? 0 : -E.PERM;
  }
}
export class KmsgFile extends File {
  override read(): number { return -E.AGAIN; }
  override write(io: Io, _pos: number, thread: Thread): number {
    const bytes = new Uint8Array(Math.min(io.left, 1024));
    io.take(bytes, 0, bytes.length);
    thread.k.arch.log(textOf(bytes).replace(/^<\d+>/, '').replace(/\n$/, ''));
    return bytes.length;
  }
  override poll(): number { return Poll.OUT | Poll.WRNORM; }
}

const FIONREAD = 0x541b;

/** Standard input as a stream (a pipe or a file on the host). */
export class InFile extends File {
  private readonly port: InputPort;
  constructor(inode: Inode, flags: number, port: InputPort) {
    super(inode, flags);
    this.port = port;
    this.wq = port.wq;
    this.name = `pipe:[${inode.ino}]`;
  }
  override read(io: Io): number {
    if (io.left === 0) return 0;
    const bytes = this.port.take(io.left);
    if (bytes.length === 0) return this.port.ended ? 0 : -E.AGAIN;
    io.put(bytes, 0, bytes.length);
    return bytes.length;
  }
  override poll(): number { return this.port.length > 0 ? Poll.IN | Poll.RDNORM : this.port.ended ? Poll.HUP : 0; }
  override ioctl(thread: Thread, command: number, arg: number): number {
    if (command !== FIONREAD) return -E.NOTTY;
    setU32(thread.mm, arg, this.port.length);
    return 0;
  }
}
/** Standard output or error as a stream. */
export class OutFile extends File {
  private readonly port: OutputPort;
  constructor(inode: Inode, flags: number, port: OutputPort) {
    super(inode, flags);
    this.port = port;
    this.wq = port.wq;
    this.name = `pipe:[${inode.ino}]`;
  }
  override write(io: Io): number {
    const room = this.port.room();
    if (io.left === 0) return 0;
    if (room <= 0) return -E.AGAIN;
    const bytes = new Uint8Array(Math.min(io.left, room, 65536));
    io.take(bytes, 0, bytes.length);
    this.port.put(bytes);
    return bytes.length;
  }
  override poll(): number { return this.port.room() > 0 ? Poll.OUT | Poll.WRNORM : 0; }
}
export const STREAM_MODE = S.IFIFO | 0o600;
