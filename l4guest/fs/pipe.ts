/** Pipes and fifos: a ring of bytes with readers and writers. */
import { E } from '../abi/errno.ts';
import { O, PAGE, Poll, S, Sig } from '../abi/linux.ts';
import type { Thread } from '../kernel/thread.ts';
import { WaitQueue, type Co } from '../kernel/wait.ts';
import { setU32, type Io } from '../mm/uaccess.ts';
import { File } from './file.ts';
import type { Inode } from './inode.ts';

export const PIPE_BUF = 4096, MAX_PIPE = 1 << 20;
const FIONREAD = 0x541b;

export class Pipe {
  readonly wq = new WaitQueue();
  readers = 0;
  writers = 0;
  private ring: Uint8Array;
  private head = 0;
  length = 0;
  constructor(capacity = 16 * PAGE) { this.ring = new Uint8Array(capacity); }

  get capacity(): number { return this.ring.length; }
  get room(): number { return this.ring.length - this.length; }
  resize(capacity: number): number {
    if (!(capacity > 0)) return -E.INVAL;
    if (capacity > MAX_PIPE) return -E.PERM;
    const size = Math.max(PAGE, 2 ** Math.ceil(Math.log2(capacity)));
    if (size < this.length) return -E.BUSY;
    const next = new Uint8Array(size), n = Math.min(this.length, this.ring.length - this.head);
    next.set(this.ring.subarray(this.head, this.head + n));
    next.set(this.ring.subarray(0, this.length - n), n);
    this.ring = next;
    this.head = 0;
    return size;
  }
  read(io: Io): number {
    if (io.left === 0) return 0;
    if (this.length === 0) return this.writers === 0 ? 0 : -E.AGAIN;
    const total = Math.min(io.left, this.length);
    for (let left = total; left > 0; ) {
      const n = Math.min(left, this.ring.length - this.head);
      io.put(this.ring, this.head, n);
      this.head = (this.head + n) & (this.ring.length - 1);
      this.length -= n;
      left -= n;
    }
    if (this.length === 0) this.head = 0;
    this.wq.wakeAll();
    return total;
  }
  /** Copies without consuming (tee). */
  peek(): Uint8Array {
    const out = new Uint8Array(this.length), n = Math.min(this.length, this.ring.length - this.head);
    out.set(this.ring.subarray(this.head, this.head + n));
    out.set(this.ring.subarray(0, this.length - n), n);
    return out;
  }
  /** All or nothing up to PIPE_BUF, else as much as fits. */
  write(io: Io): number {
    if (this.readers === 0) return -E.PIPE;
    if (io.left === 0) return 0;
    if (this.room === 0 || (io.left <= PIPE_BUF && io.left > this.room)) return -E.AGAIN;
    const total = Math.min(io.left, this.room);
    for (let left = total; left > 0; ) {
      const at = (this.head + this.length) & (this.ring.length - 1), n = Math.min(left, this.ring.length - at);
      io.take(this.ring, at, n);
      this.length += n;
      left -= n;
    }
    this.wq.wakeAll();
    return total;
  }
}

export class PipeFile extends File {
  readonly pipe: Pipe;
  constructor(inode: Inode, flags: number, pipe: Pipe) {
    super(inode, flags);
    this.pipe = pipe;
    this.wq = pipe.wq;
    if (this.readable) pipe.readers++;
    if (this.writable) pipe.writers++;
  }
  override read(io: Io): number { return this.pipe.read(io); }
  override write(io: Io, _pos: number, t: Thread): number {
    const n = this.pipe.write(io);
    if (n === -E.PIPE) t.k.signals.toThread(t, Sig.PIPE, 0x80);
    return n;
  }
  override poll(): number {
    const p = this.pipe;
    let mask = 0;
    if (this.readable) { if (p.length > 0) mask |= Poll.IN | Poll.RDNORM; if (p.writers === 0) mask |= Poll.HUP; }
    if (this.writable) { if (p.readers === 0) mask |= Poll.ERR; if (p.room >= PIPE_BUF || p.room === p.capacity) mask |= Poll.OUT | Poll.WRNORM; }
    return mask;
  }
  override ioctl(t: Thread, command: number, arg: number): number {
    if (command !== FIONREAD) return -E.NOTTY;
    setU32(t.mm, arg, this.pipe.length);
    return 0;
  }
  protected override closed(): void {
    if (this.readable) this.pipe.readers--;
    if (this.writable) this.pipe.writers--;
    this.pipe.wq.wakeAll();
  }
}

/** The two ends of pipe2. */
export function makePipe(t: Thread, flags: number): [PipeFile, PipeFile] {
  const inode = t.k.anon.make(S.IFIFO | 0o600), pipe = new Pipe(), keep = flags & (O.NONBLOCK | O.DIRECT);
  inode.uid = t.proc.creds.fsuid;
  inode.gid = t.proc.creds.fsgid;
  (inode as Inode & { endpoint: unknown }).endpoint = pipe;
  const ends: [PipeFile, PipeFile] = [new PipeFile(inode, O.RDONLY | keep, pipe), new PipeFile(inode, O.WRONLY | keep, pipe)];
  for (const e of ends) e.name = `pipe:[${inode.ino}]`;
  return ends;
}

/** What stands behind the inode of a stream that is no pipe of ours, but looks like one: opening it again by /dev/stdin. */
export class Reopen {
  readonly open: (flags: number) => File | number;
  constructor(open: (flags: number) => File | number) { this.open = open; }
}

/** A named fifo: the pipe lives while somebody has it open. Opening waits for the other side (`waitForPeer`). */
export function openFifo(inode: Inode & { endpoint: unknown }, flags: number): File | number {
  if (inode.endpoint instanceof Reopen) return inode.endpoint.open(flags);
  let pipe = inode.endpoint as Pipe | undefined;
  if (!pipe || (pipe.readers === 0 && pipe.writers === 0)) inode.endpoint = pipe = new Pipe();
  if (flags & O.NONBLOCK && (flags & O.ACCMODE) === O.WRONLY && pipe.readers === 0) return -E.NXIO;
  const file = new PipeFile(inode, flags, pipe);
  pipe.wq.wakeAll();
  return file;
}
/** Sleeps until both sides of a fifo are there. */
export function* waitForPeer(t: Thread, file: PipeFile): Co<number> {
  const p = file.pipe;
  while ((file.flags & O.ACCMODE) === O.RDONLY ? p.writers === 0 && p.length === 0 : (file.flags & O.ACCMODE) === O.WRONLY && p.readers === 0) {
    const r = yield* t.sleep(p.wq);
    if (r < 0) return r;
  }
  return 0;
}
