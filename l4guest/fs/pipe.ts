/**
 * Pipes and fifos: a queue of pages with readers and writers. A write appends to the last page where it fits completely, otherwise it uses
 * new pages, so a pipe is full when its pages are used up, whatever they contain: exactly as on Linux.
 */
import { Cap } from '../abi/linux.ts';
import { capable } from '../kernel/creds.ts';
import { E } from '../abi/errno.ts';
import { UserFault } from '../kernel/failure.ts';
import { O, PAGE, Poll, S, Sig } from '../abi/linux.ts';
import type { Thread } from '../kernel/thread.ts';
import { WaitQueue, type Co } from '../kernel/wait.ts';
import type { Frames } from '../mm/frames.ts';
import { setU32, type Io } from '../mm/uaccess.ts';
import { File } from './file.ts';
import type { Inode } from './inode.ts';

export const PIPE_BUF = 4096;
const FIONREAD = 0x541b, SLOTS = 16, SLOT_BYTES = 40, MOST_SLOT_BYTES = 4 << 20;

/** Bytes [at, at + length) of a page. A packet is read whole or cut; no write is appended to it. */
interface Piece { readonly page: Uint8Array; at: number; length: number; readonly packet: boolean }

export class Pipe {
  readonly wq = new WaitQueue();
  readers = 0;
  writers = 0;
  /** Counts openings for reading and for writing: an open call on a fifo waits until the other count changes. */
  opens = [0, 0];
  length = 0;
  private readonly frames: Frames;
  private slots: Piece[] = [];
  private first = 0;
  private most: number;
  /** A page that has been read empty, kept for the next write. */
  private spare: Uint8Array | undefined;
  constructor(frames: Frames, slots = SLOTS) { this.frames = frames; this.most = slots; }

  get capacity(): number { return this.most * PAGE; }
  private get used(): number { return this.slots.length - this.first; }
  get full(): boolean { return this.used >= this.most; }
  /** Pages that are free. */
  get free(): number { return Math.max(0, this.most - this.used); }
  /** F_SETPIPE_SZ: the new size in bytes, or -errno. */
  resize(thread: Thread, bytes: number): number {
    const size = Math.max(PAGE, 2 ** Math.ceil(Math.log2(bytes >>> 0))), slots = size / PAGE;
    if (bytes >>> 0 > 0x8000_0000) return -E.INVAL;
    if (slots > this.most && size > thread.k.sysctl.number('fs/pipe-max-size') && !capable(thread.creds, Cap.SYS_RESOURCE)) return -E.PERM;
    if (slots * SLOT_BYTES > MOST_SLOT_BYTES) return -E.NOMEM;
    if (slots < this.used) return -E.BUSY;
    this.most = slots;
    this.wq.wakeAll();
    return size;
  }
  /** Reads whole pieces: if a copy fails within a piece, that piece stays, and the call returns the bytes before it. */
  read(io: Io): number {
    if (io.left === 0) return 0;
    if (this.length === 0 && this.used === 0) return this.writers === 0 ? 0 : -E.AGAIN;
    const wasFull = this.full;
    let done = 0;
    try {
      while (io.left > 0 && this.used > 0) {
        const piece = this.slots[this.first]!, n = Math.min(io.left, piece.length);
        io.put(piece.page, piece.at, n);
        done += n;
        this.consume(piece, piece.packet ? piece.length : n);
        if (piece.packet) break;
      }
    } catch (error) { if (!(error instanceof UserFault) || done === 0) throw error; }
    this.tellRoom(wasFull);
    return done;
  }
  /** Writers wait for a full pipe only: a pipe with room had told them before. */
  private tellRoom(wasFull: boolean): void { if (wasFull && !this.full) this.wq.wakeAll(Poll.OUT | Poll.WRNORM); }
  private consume(piece: Piece, n: number): void {
    piece.at += n;
    piece.length -= n;
    this.length -= n;
    if (piece.length > 0) return;
    if (++this.first === this.slots.length || this.first >= 64) { this.slots.splice(0, this.first); this.first = 0; }
    if (this.spare === undefined) this.spare = piece.page; else { this.frames.uncharge(PAGE); this.frames.work.found(); }
  }
  /** Up to `max` bytes without consuming them. */
  peek(max: number): Uint8Array {
    const out = new Uint8Array(Math.min(max, this.length));
    for (let i = this.first, at = 0; at < out.length; i++) {
      const piece = this.slots[i]!, n = Math.min(piece.length, out.length - at);
      out.set(piece.page.subarray(piece.at, piece.at + n), at);
      at += n;
    }
    return out;
  }
  /** Consumes bytes that were peeked. */
  skip(n: number): void {
    const wasFull = this.full;
    for (let left = n; left > 0; ) {
      const piece = this.slots[this.first]!, taken = Math.min(left, piece.length);
      this.consume(piece, taken);
      left -= taken;
    }
    this.tellRoom(wasFull);
  }
  /** Writes as much as fits; up to PIPE_BUF bytes all or nothing. A piece whose copy meets a bad address is not written. */
  write(io: Io, packets = false): number {
    if (io.left === 0) return 0;
    if (this.readers === 0) return -E.PIPE;
    const rest = io.left % PAGE, last = this.used > 0 ? this.slots[this.slots.length - 1]! : undefined;
    let done = 0;
    try {
      if (rest > 0 && last && !last.packet && last.at + last.length + rest <= PAGE) { this.fill(last, io, rest); done += rest; }
      while (io.left > 0 && !this.full) {
        const n = this.addPage(io, packets);
        if (n === 0) { if (done === 0) return -E.NOMEM; break; }
        done += n;
      }
    } catch (error) { if (!(error instanceof UserFault) || done === 0) throw error; }
    if (done === 0) return -E.AGAIN;
    this.wq.wakeAll(Poll.IN | Poll.RDNORM);
    return done;
  }
  private addPage(io: Io, packet: boolean): number {
    if (this.spare === undefined) {
      if (!this.frames.charge(PAGE)) return 0;
      this.frames.work.found();
    }
    const piece: Piece = { page: this.spare ??= new Uint8Array(PAGE), at: 0, length: 0, packet }, n = Math.min(io.left, PAGE);
    this.fill(piece, io, n);
    this.spare = undefined;
    this.slots.push(piece);
    return n;
  }
  private fill(piece: Piece, io: Io, n: number): void {
    io.take(piece.page, piece.at + piece.length, n);
    piece.length += n;
    this.length += n;
  }
  /** Called when no file has it open any more. */
  drop(): void {
    this.frames.uncharge(PAGE * (this.used + (this.spare ? 1 : 0)));
    this.slots = [];
    this.first = this.length = 0;
    this.spare = undefined;
  }
}

export class PipeFile extends File {
  readonly pipe: Pipe;
  /** Openings for writing before this end was opened: a fifo that has had no writer has not hung up. */
  private readonly before: number;
  constructor(inode: Inode, flags: number, pipe: Pipe) {
    super(inode, flags);
    this.pipe = pipe;
    this.wq = pipe.wq;
    this.before = pipe.opens[1]! - (pipe.writers > 0 ? 1 : 0);
    if (this.readable) { pipe.readers++; pipe.opens[0]!++; }
    if (this.writable) { pipe.writers++; pipe.opens[1]!++; }
  }
  override read(io: Io): number { return this.pipe.read(io); }
  override write(io: Io, _pos: number, thread: Thread): number {
    const n = this.pipe.write(io, (this.flags & O.DIRECT) !== 0);
    if (n === -E.PIPE) thread.k.signals.toThread(thread, Sig.PIPE, 0x80);
    return n;
  }
  override poll(): number {
    const pipe = this.pipe;
    let mask = 0;
    if (this.readable) {
      if (pipe.length > 0) mask |= Poll.IN | Poll.RDNORM;
      if (pipe.writers === 0 && pipe.opens[1] !== this.before) mask |= Poll.HUP;
    }
    if (this.writable) { if (pipe.readers === 0) mask |= Poll.ERR; if (!pipe.full) mask |= Poll.OUT | Poll.WRNORM; }
    return mask;
  }
  override ioctl(thread: Thread, command: number, arg: number): number {
    if (command !== FIONREAD) return -E.NOTTY;
    setU32(thread.mm, arg, this.pipe.length);
    return 0;
  }
  protected override closed(): void {
    const pipe = this.pipe;
    if (this.readable) pipe.readers--;
    if (this.writable) pipe.writers--;
    if (pipe.readers === 0 && pipe.writers === 0) pipe.drop();
    pipe.wq.wakeAll();
  }
}

/** A pipe of the usual size, or of fs/pipe-max-size if that is smaller and the caller is unprivileged. */
function newPipe(thread: Thread): Pipe {
  const most = thread.k.sysctl.number('fs/pipe-max-size');
  return new Pipe(thread.k.frames, most < SLOTS * PAGE && !capable(thread.creds, Cap.SYS_RESOURCE) ? Math.max(1, most / PAGE) : SLOTS);
}
/** The two ends that pipe2 makes. */
export function makePipe(thread: Thread, flags: number): [PipeFile, PipeFile] {
  thread.k.work.made();
  const inode = thread.k.anon.make(S.IFIFO | 0o600), pipe = newPipe(thread), keep = flags & (O.NONBLOCK | O.DIRECT);
  inode.uid = thread.creds.fsuid;
  inode.gid = thread.creds.fsgid;
  (inode as Inode & { endpoint: unknown }).endpoint = pipe;
  const ends: [PipeFile, PipeFile] = [new PipeFile(inode, O.RDONLY | keep, pipe), new PipeFile(inode, O.WRONLY | keep, pipe)];
  for (const pipeFile of ends) pipeFile.name = `pipe:[${inode.ino}]`;
  return ends;
}

/** The file behind the inode of a stream that looks like a pipe but is not one of this kernel: /dev/stdin opens it again. */
export class Reopen {
  readonly open: (flags: number) => File | number;
  constructor(open: (flags: number) => File | number) { this.open = open; }
}

/** Opens a named fifo: the pipe exists while a file has it open. Opening waits for the other side (`waitForPeer`). */
export function openFifo(thread: Thread, inode: Inode & { endpoint: unknown }, flags: number): File | number {
  if (inode.endpoint instanceof Reopen) return inode.endpoint.open(flags);
  let pipe = inode.endpoint as Pipe | undefined;
  if (!pipe || (pipe.readers === 0 && pipe.writers === 0)) inode.endpoint = pipe = newPipe(thread);
  if (flags & O.NONBLOCK && (flags & O.ACCMODE) === O.WRONLY && pipe.readers === 0) return -E.NXIO;
  const file = new PipeFile(inode, flags, pipe);
  pipe.wq.wakeAll();
  return file;
}
/** Sleeps until the other side of a fifo is open, or has been. */
export function* waitForPeer(thread: Thread, file: PipeFile): Co<number> {
  const pipe = file.pipe, reading = (file.flags & O.ACCMODE) === O.RDONLY, other = reading ? 1 : 0, was = pipe.opens[other];
  if ((file.flags & O.ACCMODE) === O.RDWR) return 0;
  while ((reading ? pipe.writers : pipe.readers) === 0 && pipe.opens[other] === was) {
    const slept = yield* thread.sleep(pipe.wq);
    if (slept < 0) return slept;
  }
  return 0;
}
