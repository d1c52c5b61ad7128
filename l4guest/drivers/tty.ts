/** Terminals: a line discipline between processes and a port, with job control. */
import { File } from '../fs/file.ts';
import type { Inode } from '../fs/inode.ts';
import { Cap, Handler, O, Poll, Sig } from '../abi/linux.ts';
import { capable } from '../kernel/creds.ts';
import { E } from '../abi/errno.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { ProcessGroup, type Session, type Terminal } from '../kernel/process.ts';
import { bit } from '../kernel/sigqueue.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Timer } from '../kernel/timers.ts';
import { WaitQueue } from '../kernel/wait.ts';
import { copyIn, copyOut, getI32, getU16, setU16, setU32, type Io } from '../mm/uaccess.ts';
import { LineDiscipline } from './ldisc.ts';
import type { OutputPort } from './ports.ts';
import { I, L, V, getTermio, getTermios, putTermio, putTermios, type Termios } from './termios.ts';

const T = {
  CGETA: 0x5405, CSETA: 0x5406, CSETAW: 0x5407, CSETAF: 0x5408,
  CGETS: 0x5401, CSETS: 0x5402, CSETSW: 0x5403, CSETSF: 0x5404, CSBRK: 0x5409, CXONC: 0x540a, CFLSH: 0x540b, IOCEXCL: 0x540c,
  IOCNXCL: 0x540d, IOCSCTTY: 0x540e,
  IOCGPGRP: 0x540f, IOCSPGRP: 0x5410, IOCOUTQ: 0x5411, IOCSTI: 0x5412, IOCGWINSZ: 0x5413, IOCSWINSZ: 0x5414, FIONREAD: 0x541b,
  IOCGETD: 0x5424, CSBRKP: 0x5425, IOCNOTTY: 0x5422, IOCGSID: 0x5429, IOCSETD: 0x5423, IOCGPTPEER: 0x5441, IOCGEXCL: 0x80045440,
  IOCGDEV: 0x80045432, GLCKTRMIOS: 0x5456, IOCSIG: 0x40045436,
  CGETS2: 0x802c542a, CSETS2: 0x402c542b, CSETSW2: 0x402c542c, CSETSF2: 0x402c542d,
} as const;

/** PARENB and CSIZE; CS8 and CREAD. */
const PARITY_AND_SIZE = 0o460, EIGHT_BITS = 0o260;

/** TIOCPKT_…: events for a master in packet mode. */
export const Packet = { FLUSHREAD: 1, FLUSHWRITE: 2, STOP: 4, START: 8, NOSTOP: 16, DOSTOP: 32 } as const;

export class Tty implements Terminal {
  readonly k: Kernel;
  readonly rdev: number;
  readonly wq = new WaitQueue();
  readonly discipline: LineDiscipline;
  readonly output: OutputPort;
  session: Session | undefined;
  foreground: ProcessGroup | undefined;
  /** TIOCEXCL: only the superuser opens it. */
  exclusive = false;
  /** Notifies the master of a pseudo-terminal in packet mode (TIOCPKT_… bits). */
  onPacket: ((bits: number) => void) | undefined;
  /** A pseudo-terminal's bytes always have eight bits and no parity. */
  pseudo = false;
  columns = 80;
  rows = 24;
  hungUp = false;
  private timer: Timer | undefined;
  private timedOut = false;

  constructor(k: Kernel, rdev: number, output: OutputPort) {
    this.k = k; this.rdev = rdev; this.output = output;
    this.discipline = new LineDiscipline((bytes) => output.put(bytes), (sig) => k.signals.toGroup(this.foreground, sig),
      () => output.clear?.());
  }
  /** Bytes from the keyboard side. */
  input(bytes: Uint8Array): void { this.discipline.input(bytes); this.wq.wakeAll(); this.output.wq.wakeAll(); }
  resize(columns: number, rows: number): void {
    if (columns === this.columns && rows === this.rows) return;
    this.columns = columns;
    this.rows = rows;
    this.k.signals.toGroup(this.foreground, Sig.WINCH);
  }
  hangUp(): void {
    this.hungUp = true;
    if (this.session) {
      const leader = this.k.pids.processes.get(this.session.id);
      if (leader) { this.k.signals.toProcess(leader, Sig.HUP, 0x80); this.k.signals.toProcess(leader, Sig.CONT, 0x80); }
    }
    this.wq.wakeAll();
  }

  /** Stops a background process that reads or changes the terminal. 0 = proceed. */
  private background(thread: Thread, sig: number): number {
    const process = thread.proc;
    if (process.session.terminal !== this || !this.foreground || process.group === this.foreground) return 0;
    const ignored = process.actions.list[sig]!.handler === Handler.IGN || (thread.mask & bit(sig)) !== 0n;
    if (sig === Sig.TTOU && ignored) return 0;
    if (ignored || process.group.isOrphaned) return -E.IO;
    this.k.signals.toGroup(process.group, sig);
    return -E.RESTARTSYS;
  }
  read(io: Io, thread: Thread): number {
    const held = this.background(thread, Sig.TTIN);
    if (held) return held;
    if (io.left === 0) return 0;
    const lineDiscipline = this.discipline;
    if (!lineDiscipline.canonical && !this.enough()) return this.hungUp ? 0 : this.rawWait();
    this.k.timers.cancel(this.timer);
    this.timer = undefined;
    this.timedOut = false;
    const bytes = lineDiscipline.take(io.left);
    if (bytes === undefined) return this.hungUp || !lineDiscipline.canonical ? 0 : -E.AGAIN;
    io.put(bytes, 0, bytes.length);
    this.output.wq.wakeAll();
    return bytes.length;
  }
  /** Raw mode: VMIN bytes are available, or VTIME has passed. */
  private enough(): boolean {
    const cc = this.discipline.termios.cc, n = this.discipline.available, min = cc[V.MIN]!;
    if (n > 0 && n >= min) return true;
    if (min === 0 && cc[V.TIME] === 0) return true;
    return this.timedOut && (min === 0 || n > 0);
  }
  private rawWait(): number {
    const cc = this.discipline.termios.cc, time = cc[V.TIME]!;
    if (time > 0 && this.timer === undefined && (cc[V.MIN] === 0 || this.discipline.available > 0))
      this.timer = this.k.timers.add(this.k.clock.now()
        + time * 1e8, () => { this.timer = undefined; this.timedOut = true; this.wq.wakeAll(); });
    return -E.AGAIN;
  }
  write(io: Io, thread: Thread): number {
    if (this.discipline.termios.l & L.TOSTOP) { const held = this.background(thread, Sig.TTOU); if (held) return held; }
    if (this.hungUp) return -E.IO;
    const room = Math.floor(this.output.room() / 2);
    if (io.left === 0) return 0;
    if (room <= 0 || this.discipline.stopped) return -E.AGAIN;
    const bytes = new Uint8Array(Math.min(io.left, room, 16384));
    io.take(bytes, 0, bytes.length);
    this.output.put(this.discipline.process(bytes));
    return bytes.length;
  }
  poll(): number {
    if (this.hungUp) return Poll.IN | Poll.OUT | Poll.HUP | Poll.ERR | Poll.RDNORM | Poll.WRNORM;
    return (this.discipline.readable ? Poll.IN | Poll.RDNORM : 0)
      | (this.output.room() > 256 && !this.discipline.stopped ? Poll.OUT | Poll.WRNORM : 0);
  }

  /** `master`: the caller holds the master of a pseudo-terminal, which need not belong to the session. */
  ioctl(thread: Thread, command: number, arg: number, master = false): number {
    const lineDiscipline = this.discipline, mm = thread.mm;
    if (this.hungUp && !master) return command === T.IOCSPGRP ? -E.NOTTY : -E.IO;
    switch (command) {
      case T.CGETA: putTermio(mm, arg, lineDiscipline.termios); return 0;
      case T.CSETA: case T.CSETAW: case T.CSETAF: return this.set(thread, (x) => getTermio(mm, arg, x), command === T.CSETAF);
      case T.CGETS: putTermios(mm, arg, lineDiscipline.termios, false); return 0;
      case T.CGETS2: putTermios(mm, arg, lineDiscipline.termios, true); return 0;
      case T.CSETS: case T.CSETSW: case T.CSETSF: return this.set(thread, (x) => getTermios(mm, arg, x, false), command === T.CSETSF);
      case T.CSETS2: case T.CSETSW2: case T.CSETSF2: return this.set(thread, (x) => getTermios(mm, arg, x, true), command === T.CSETSF2);
      case T.IOCGWINSZ:
        setU16(mm, arg, this.rows);
        setU16(mm, arg + 2, this.columns);
        setU16(mm, arg + 4, 0);
        setU16(mm, arg + 6, 0);
        return 0;
      case T.IOCSWINSZ: this.resize(getU16(mm, arg + 2), getU16(mm, arg)); return 0;
      case T.FIONREAD: setU32(mm, arg, lineDiscipline.available); return 0;
      case T.IOCOUTQ: case T.IOCGETD: setU32(mm, arg, 0); return 0;
      case T.IOCSETD: return getI32(mm, arg) === 0 ? 0 : -E.INVAL;
      case T.IOCGDEV: setU32(mm, arg, this.rdev); return 0;
      case T.IOCGEXCL: setU32(mm, arg, this.exclusive ? 1 : 0); return 0;
      case T.IOCGPTPEER: return -E.IO; // only a master has another end
      case T.CFLSH: return this.flush(arg);
      case T.CXONC: return this.flow(arg);
      case T.CSBRK: case T.CSBRKP: return 0;
      case T.IOCEXCL: this.exclusive = true; return 0;
      case T.IOCNXCL: this.exclusive = false; return 0;
      case T.GLCKTRMIOS: copyOut(mm, arg, new Uint8Array(36)); return 0;
      case T.IOCSIG: return master ? this.signalKey(arg) : -E.NOTTY;
      case T.IOCSTI:
        if (!capable(thread.creds, Cap.SYS_ADMIN)) return -E.IO;
        this.input(copyIn(mm, arg, 1));
        return 0;
      default: return this.jobControl(thread, command, arg, master);
    }
  }
  /** TIOCSIG: as if the key of this signal had been typed, without the key. */
  private signalKey(sig: number): number {
    if (sig !== Sig.INT && sig !== Sig.QUIT && sig !== Sig.TSTP) return -E.INVAL;
    this.k.signals.toGroup(this.foreground, sig);
    return 0;
  }
  /** tcflush: 0 = unread input, 1 = unsent output, 2 = both. */
  private flush(which: number): number {
    if (which !== 0 && which !== 1 && which !== 2) return -E.INVAL;
    if (which !== 1) { this.discipline.flush(); this.onPacket?.(Packet.FLUSHREAD); }
    if (which !== 0) { this.output.clear?.(); this.onPacket?.(Packet.FLUSHWRITE); }
    this.wq.wakeAll();
    return 0;
  }
  /** tcflow: 0 and 1 stop and start output; 2 and 3 ask the other side to stop and start. */
  private flow(action: number): number {
    const lineDiscipline = this.discipline;
    if (action === 0 || action === 1) {
      if (lineDiscipline.stopped !== (action === 0)) this.onPacket?.(action === 0 ? Packet.STOP : Packet.START);
      lineDiscipline.stopped = action === 0;
    }
    else if (action === 2 || action === 3)
      this.output.put(lineDiscipline.termios.cc.slice(action === 2 ? V.STOP : V.START, (action === 2 ? V.STOP : V.START) + 1));
    else return -E.INVAL;
    this.wq.wakeAll();
    return 0;
  }
  /** ^S and ^Q are enabled, so the other side may send them. */
  private get softFlow(): boolean {
    const { i, cc } = this.discipline.termios;
    return (i & I.IXON) !== 0 && cc[V.STOP] === 0x13 && cc[V.START] === 0x11;
  }
  private set(thread: Thread, take: (x: Termios) => void, flush: boolean): number {
    const held = this.background(thread, Sig.TTOU);
    if (held) return held;
    const was = this.discipline.canonical, flow = this.softFlow;
    if (flush) this.discipline.flush();
    const termios = this.discipline.termios;
    take(termios);
    if (this.pseudo) termios.c = (termios.c & ~PARITY_AND_SIZE) | EIGHT_BITS;
    this.discipline.modeChanged(was);
    if (flow !== this.softFlow) this.onPacket?.(this.softFlow ? Packet.DOSTOP : Packet.NOSTOP);
    this.wq.wakeAll();
    return 0;
  }
  private jobControl(thread: Thread, command: number, arg: number, master: boolean): number {
    const process = thread.proc, own = process.session.terminal === this, mine = own || master;
    switch (command) {
      case T.IOCSCTTY: return this.control(thread, arg);
      case T.IOCNOTTY:
        if (!own) return -E.NOTTY;
        if (process.session.id === process.pid) {
          this.k.signals.toGroup(this.foreground, Sig.HUP);
          this.session = this.foreground = undefined;
          process.session.terminal = undefined;
        }
        return 0;
      case T.IOCGPGRP: if (!mine) return -E.NOTTY; setU32(thread.mm, arg, process.numbers.of(this.foreground?.id ?? 0)); return 0;
      case T.IOCGSID: if (!mine || !this.session) return -E.NOTTY; setU32(thread.mm, arg, process.numbers.of(this.session.id)); return 0;
      case T.IOCSPGRP: return this.setForeground(thread, getI32(thread.mm, arg), own);
      default: return -E.NOTTY;
    }
  }
  private setForeground(thread: Thread, id: number, mine: boolean): number {
    if (!mine) return -E.NOTTY;
    const held = this.background(thread, Sig.TTOU);
    if (held) return held === -E.IO ? -E.NOTTY : held;
    const known = thread.proc.numbers.id(id), processGroup = this.k.pids.groups.get(known);
    if (id < 0) return -E.INVAL;
    // Accepts the number of any process or thread; if it names no group, the session of its process is meant.
    const session = processGroup?.session ?? this.k.pids.processes.get(known)?.session ?? this.k.pids.threads.get(known)?.proc.session;
    if (!session && !this.k.pids.isTaken(known)) return -E.SRCH;
    if (session !== thread.proc.session) return -E.PERM;
    this.foreground = processGroup ?? new ProcessGroup(known, session);
    return 0;
  }
  /** Becomes the controlling terminal of a session leader. */
  control(thread: Thread, steal: number): number {
    const process = thread.proc, session = process.session;
    if (session.id === process.pid && this.session === session) return 0;
    if (session.id !== process.pid || session.terminal) return -E.PERM;
    if (this.session) { if (steal !== 1 || !capable(process.creds, Cap.SYS_ADMIN)) return -E.PERM; this.session.terminal = undefined; }
    session.terminal = this;
    this.session = session;
    this.foreground = process.group;
    return 0;
  }
}

export class TtyFile extends File {
  readonly tty: Tty;
  constructor(inode: Inode, flags: number, tty: Tty) { super(inode, flags); this.tty = tty; this.wq = tty.wq; }
  override read(io: Io, _pos: number, t: Thread): number { return this.tty.read(io, t); }
  override write(io: Io, _pos: number, t: Thread): number { return this.tty.write(io, t); }
  override poll(): number { return this.tty.poll(); }
  override ioctl(t: Thread, command: number, arg: number): number { return this.tty.ioctl(t, command, arg); }
}
/** Opens a terminal; a session leader without one gets it as its controlling terminal. */
export function openTty(thread: Thread, inode: Inode, flags: number, noctty: boolean, tty: Tty): File {
  const process = thread.proc;
  if (!noctty && process.session.id === process.pid && !process.session.terminal && !tty.session) tty.control(thread, 0);
  return new TtyFile(inode, flags & ~O.NOCTTY, tty);
}
