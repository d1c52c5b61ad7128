/** Pseudo-terminals: /dev/ptmx creates a pair; the slave is an ordinary terminal in /dev/pts whose port is the master's queue. */
import { File } from '../fs/file.ts';
import type { Inode } from '../fs/inode.ts';
import { install } from '../syscalls/fds.ts';
import { E } from '../abi/errno.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { capable } from '../kernel/creds.ts';
import { Cap, O, Poll, S, makeDevice } from '../abi/linux.ts';
import type { Thread } from '../kernel/thread.ts';
import { WaitQueue } from '../kernel/wait.ts';
import { getU32, setU32, type Io } from '../mm/uaccess.ts';
import type { OutputPort } from './ports.ts';
import { I } from './termios.ts';
import { Tty, TtyFile } from './tty.ts';

const IOCGPTN = 0x80045430, IOCSPTLCK = 0x40045431, IOCGPTLCK = 0x80045439, IOCGPTPEER = 0x5441, IOCPKT = 0x5420, IOCGPKT = 0x80045438,
  FIONREAD = 0x541b, CFLSH = 0x540b;
/** B38400, CS8, CREAD: a new pair's. */
const CFLAGS = 0o277;
const CAPACITY = 65536, PTS_MAJOR = 136;

class Queue implements OutputPort {
  readonly wq = new WaitQueue();
  chunks: Uint8Array[] = [];
  length = 0;
  room(): number { return CAPACITY - this.length; }
  put(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.chunks.push(bytes.slice());
    this.length += bytes.length;
    this.wq.wakeAll();
  }
  /** Moves as many bytes as the reader has room for; returns how many. */
  take(io: Io): number {
    let n = 0;
    for (let first = this.chunks[0]; first && io.left > 0; first = this.chunks[0]) {
      const part = Math.min(io.left, first.length);
      io.put(first, 0, part);
      if (part === first.length) this.chunks.shift(); else this.chunks[0] = first.subarray(part);
      this.length -= part;
      n += part;
    }
    return n;
  }
  clear(): void { this.chunks = []; this.length = 0; this.wq.wakeAll(); }
}

/** The limits: pseudo-terminals, server memory of one (bytes), and unread input that one accepts (bytes). */
const MOST = 4096, COST = CAPACITY + 32768, INPUT = 4096;

export class Ptys {
  readonly list: (Pty | undefined)[] = [];
  readonly k: Kernel;
  constructor(k: Kernel) { this.k = k; }
  /** A new pair: its master; -ENOSPC. */
  open(inode: Inode, flags: number): File | number {
    let n = 0;
    while (this.list[n]) n++;
    if (n >= MOST || !this.k.frames.charge(COST)) return -E.NOSPC;
    const pty = this.list[n] = new Pty(this, n);
    return new MasterFile(inode, flags, pty);
  }
  close(n: number): void { this.list[n] = undefined; this.k.frames.uncharge(COST); }
}
export class Pty {
  readonly n: number;
  readonly queue = new Queue();
  readonly tty: Tty;
  readonly inode: Inode;
  readonly owner: Ptys;
  slaves = 0;
  opened = false;
  masterOpen = true;
  /** The slave is opened when the master has unlocked it. */
  locked = true;
  constructor(owner: Ptys, n: number) {
    this.owner = owner; this.n = n;
    this.tty = new Tty(owner.k, makeDevice(PTS_MAJOR, n), this.queue);
    this.inode = owner.k.anon.make(S.IFCHR | 0o620);
    this.inode.rdev = this.tty.rdev;
    this.tty.pseudo = true;
    this.tty.columns = this.tty.rows = 0;
    this.tty.discipline.termios.i &= ~I.IUTF8;
    this.tty.discipline.termios.c = CFLAGS;
  }
  openSlave(thread: Thread, flags: number): File | number {
    if (!this.masterOpen || this.locked) return -E.IO;
    if (this.tty.exclusive && !capable(thread.creds, Cap.SYS_ADMIN)) return -E.BUSY;
    const process = thread.proc;
    if (!(flags & O.NOCTTY) && process.session.id === process.pid && !process.session.terminal && !this.tty.session)
      this.tty.control(thread, 0);
    return new SlaveFile(this.inode, flags & ~O.NOCTTY, this);
  }
}
class SlaveFile extends TtyFile {
  private readonly pty: Pty;
  constructor(inode: Inode, flags: number, pty: Pty) {
    super(inode, flags, pty.tty);
    this.pty = pty;
    pty.slaves++;
    pty.opened = true;
    this.name = `/dev/pts/${pty.n}`;
  }
  protected override closed(): void { this.pty.slaves--; this.pty.queue.wq.wakeAll(); }
}
class MasterFile extends File {
  private readonly pty: Pty;
  /** Packet mode, and its pending events. */
  private packets = false;
  private status = 0;
  constructor(inode: Inode, flags: number, pty: Pty) {
    super(inode, flags);
    this.pty = pty;
    this.wq = pty.queue.wq;
    this.name = '/dev/ptmx';
    pty.tty.onPacket = (bits) => { if (this.packets) { this.status |= bits; this.wq!.wakeAll(Poll.PRI | Poll.IN | Poll.RDNORM); } };
  }
  private get gone(): boolean { return this.pty.opened && this.pty.slaves === 0; }
  override read(io: Io): number {
    const queue = this.pty.queue;
    if (this.packets && io.left > 0 && (this.status !== 0 || queue.length > 0)) {
      io.put(Uint8Array.of(this.status), 0, 1);
      if (this.status !== 0) { this.status = 0; return 1; }
    }
    if (queue.length === 0) return this.gone ? -E.IO : -E.AGAIN;
    const n = queue.take(io);
    this.pty.tty.wq.wakeAll();
    return this.packets ? n + 1 : n;
  }
  /** The queue of unread input is bounded. */
  override write(io: Io): number {
    if (io.left === 0) return 0;
    const room = INPUT - this.pty.tty.discipline.held, n = Math.min(io.left, room, 4096);
    if (n <= 0) return this.pty.tty.discipline.canonical ? this.swallow(io) : -E.AGAIN;
    const bytes = new Uint8Array(n);
    io.take(bytes, 0, n);
    this.pty.tty.input(bytes);
    return n;
  }
  /** A line that is too long rings the bell; characters that end or edit it still count. */
  private swallow(io: Io): number {
    const bytes = new Uint8Array(Math.min(io.left, 256));
    io.take(bytes, 0, bytes.length);
    if (this.pty.tty.discipline.available >= INPUT) { io.back(bytes.length); return -E.AGAIN; }
    this.pty.tty.input(bytes);
    return bytes.length;
  }
  override poll(): number {
    const { queue, tty } = this.pty, room = tty.discipline.held < INPUT || (tty.discipline.canonical && tty.discipline.available < INPUT);
    return (queue.length > 0 || this.status ? Poll.IN | Poll.RDNORM : 0) | (this.status ? Poll.PRI : 0) | (this.gone ? Poll.HUP : 0)
      | (room ? Poll.OUT | Poll.WRNORM : 0);
  }
  override ioctl(thread: Thread, command: number, arg: number): number {
    switch (command) {
      case IOCGPTN: setU32(thread.mm, arg, this.pty.n); return 0;
      case IOCSPTLCK: this.pty.locked = getU32(thread.mm, arg) !== 0; return 0;
      case IOCPKT: this.packets = getU32(thread.mm, arg) !== 0; this.status = 0; return 0;
      case IOCGPKT: setU32(thread.mm, arg, this.packets ? 1 : 0); return 0;
      case IOCGPTLCK: setU32(thread.mm, arg, this.pty.locked ? 1 : 0); return 0;
      case FIONREAD: setU32(thread.mm, arg, this.pty.queue.length); return 0;
      case IOCGPTPEER: {
        const file = this.pty.openSlave(thread, arg);
        return typeof file === 'number' ? file : install(thread, file, (arg & O.CLOEXEC) !== 0);
      }
      case CFLSH: // input here is output there
        if (arg === 0 || arg === 1 || arg === 2) return this.pty.tty.ioctl(thread, command, arg === 2 ? 2 : 1 - arg, true);
        return -E.INVAL;
      default: return this.pty.tty.ioctl(thread, command, arg, true);
    }
  }
  protected override closed(): void {
    this.pty.masterOpen = false;
    this.pty.tty.onPacket = undefined;
    this.pty.tty.hangUp();
    this.pty.owner.close(this.pty.n);
  }
}
