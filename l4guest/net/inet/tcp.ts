/** TCP sockets over the kernel's stack. */
import { isAny, type Ip } from '../../../network/address.ts';
import { State, type TcpConnection } from '../../../network/tcp/connection.ts';
import type { Listener } from '../../../network/tcp/tcp.ts';
import type { File } from '../../fs/file.ts';
import { E } from '../../abi/errno.ts';
import { Poll } from '../../abi/linux.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Thread } from '../../kernel/thread.ts';
import type { Io } from '../../mm/uaccess.ts';
import { Af, anyIp, inetAddress, loopbackIp, type Address } from '../address.ts';
import { HANGUP, Msg, SockType, type Received, type Socket, type Extra } from '../socket.ts';
import { errnoOf, socketAddress, stackIp } from './inet.ts';
import { overlap } from './ports.ts';
import { InetSocket, Sol } from './socket.ts';

const PIECE = 65_536;
/** A buffer for copies between user memory and a queue; its contents are never kept. */
const scratch = new Uint8Array(PIECE);
const So = { KEEPALIVE: 9, SNDBUF: 7, RCVBUF: 8 } as const;
const Tcp = { NODELAY: 1, CORK: 3, KEEPIDLE: 4, KEEPINTVL: 5, KEEPCNT: 6, SYNCNT: 7, LINGER2: 8, USER_TIMEOUT: 18 } as const;
const SECOND = 1e6;

export class TcpSocket extends InetSocket {
  readonly transport = 'tcp';
  private c: TcpConnection | undefined;
  private listeners: Listener[] = [];
  private chosen: 'reno' | 'cubic' = 'cubic';
  /** It has been connected once, so it cannot be used for another connection. */
  private used = false;
  constructor(k: Kernel, family: number) { super(k, family, SockType.STREAM); }

  get connection(): TcpConnection | undefined { return this.c; }
  get available(): number { return this.c?.receiver.queue.length ?? 0; }
  /** Bytes that the peer has not acknowledged (SIOCOUTQ). */
  override get unsent(): number { return this.c?.sender.queue.length ?? 0; }
  get connected(): boolean { return this.c?.isSynchronized ?? false; }
  override isListening(): boolean { return this.listeners.length > 0; }

  protected override reservable(port: number): boolean {
    return this.reuseAddress() || [...this.inet.stack.tcp.connections].every((c) => c.ends.localPort !== port);
  }
  protected override bound(): number { return 0; }

  // ── opening ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** listen(2). A second call changes the backlog. */
  override listen(backlog: number): number {
    if (this.c) return -E.INVAL;
    const room = Math.min(backlog < 0 ? 4096 : backlog, this.k.sysctl.number('net/core/somaxconn'));
    if (this.listeners.length > 0) { for (const listener of this.listeners) listener.backlog = room; return 0; }
    if (!this.mayListen()) return -E.ADDRINUSE;
    this.listeners = this.ends.map((end) => this.inet.stack.tcp.listen(end.ip, end.port, room));
    for (const listener of this.listeners) { listener.onChange = () => this.wq.wakeAll(); listener.prepare = (c) => this.apply(c); }
    return 0;
  }
  /** Of sockets that share a port by SO_REUSEADDR only one may listen; of those that share it by SO_REUSEPORT, all. */
  private mayListen(): boolean {
    if (this.reusePort()) return true;
    return this.ends.every(({ ip, port }) => [...this.inet.stack.tcp.listeners].every((l) => l.port !== port || !overlap(l.local, ip)));
  }

  /** Starts to connect: 0 when done at once, -EINPROGRESS, or an error. */
  override connect(thread: Thread, to: Address): number {
    if (to.family === Af.UNSPEC) return this.disconnect();
    if (to.family !== this.family) return -E.AFNOSUPPORT;
    if (this.isListening()) return -E.INVAL;
    if (this.c && this.c.state !== State.CLOSED) return this.c.state === State.SYN_SENT ? -E.ALREADY : -E.ISCONN;
    if (this.used && this.c?.error === undefined) return -E.ISCONN;
    const target = stackIp(to.ip), remote = isAny(target) ? loopbackIp(target.length === 4 ? Af.INET : Af.INET6) : target;
    const own = stackIp(this.local.ip),
      source = isAny(own) ? this.inet.stack.sourceFor(remote) : own.length === remote.length ? own : undefined;
    if (!source) return -E.NETUNREACH;
    return this.inet.act(() => this.open(thread, source, remote.slice(), to.port));
  }
  private open(thread: Thread, source: Ip, remote: Ip, port: number): number {
    const failed = this.ends.length > 0 ? 0 : this.bindInet(thread, { ...this.local, port: 0 });
    if (failed) return failed === -E.ADDRINUSE ? -E.ADDRNOTAVAIL : failed;
    const tcpConnection = this.inet.stack.tcp.create({ local: source.slice(), localPort: this.local.port, remote, remotePort: port });
    if (!tcpConnection) return -E.ADDRNOTAVAIL;
    this.attach(tcpConnection);
    this.error = 0;
    const trouble = tcpConnection.connect();
    this.inet.stack.flush();
    if (trouble) { tcpConnection.finish(trouble); return -errnoOf(trouble); }
    return this.outcome();
  }
  /** The state of the connection: 0, -EINPROGRESS, or the error. */
  outcome(): number {
    const tcpConnection = this.c!;
    if (tcpConnection.state === State.SYN_SENT || tcpConnection.state === State.SYN_RECEIVED) return -E.INPROGRESS;
    if (tcpConnection.state !== State.CLOSED) { this.used = true; return 0; }
    return tcpConnection.error ? -errnoOf(tcpConnection.error) : this.used ? 0 : -E.CONNABORTED;
  }
  private disconnect(): number {
    this.c?.abort();
    this.c = undefined;
    this.used = false;
    this.remote = undefined;
    if (this.ends.length === 0) this.local = inetAddress(this.family, anyIp(this.family), 0);
    return 0;
  }

  private attach(tcpConnection: TcpConnection): void {
    this.c = tcpConnection;
    this.local = socketAddress(this.family, tcpConnection.ends.local, tcpConnection.ends.localPort);
    this.remote = socketAddress(this.family, tcpConnection.ends.remote, tcpConnection.ends.remotePort);
    tcpConnection.onChange = () => { this.noteConnect(); this.wq.wakeAll(); };
    this.apply(tcpConnection);
  }
  /** Notes how a non-blocking connect has ended. */
  private noteConnect(): void {
    if (this.pendingConnect !== -E.AGAIN) return;
    const outcome = this.outcome();
    if (outcome === -E.INPROGRESS) return;
    this.pendingConnect = outcome;
    if (outcome < 0) this.error = -outcome;
  }

  /** On Linux a connection in TIME-WAIT has no socket any more. */
  private get isOver(): boolean { return this.c?.state === State.CLOSED || this.c?.state === State.TIME_WAIT; }
  override get connectedTo(): Address | undefined { return this.isOver || this.c?.state === State.SYN_SENT ? undefined : this.remote; }

  override accept(): Socket | number {
    if (!this.isListening()) return -E.INVAL;
    for (const listener of this.listeners) {
      const tcpConnection = listener.accept();
      if (tcpConnection) return this.accepted(tcpConnection);
    }
    return -E.AGAIN;
  }
  private accepted(tcpConnection: TcpConnection): TcpSocket {
    const tcpSocket = new TcpSocket(this.k, this.family);
    for (const [name, value] of this.options) tcpSocket.options.set(name, value);
    tcpSocket.owner = this.owner;
    tcpSocket.used = true;
    tcpSocket.attach(tcpConnection);
    tcpSocket.ends = [];
    return tcpSocket;
  }

  // ── data ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

  override takeError(): number {
    const tcpConnection = this.c, error = this.error || (tcpConnection?.error && !this.told ? errnoOf(tcpConnection.error) : 0);
    this.error = 0;
    if (tcpConnection?.error) this.told = true;
    return error;
  }
  private told = false;

  override send(io: Io, _to: Address | undefined, _files: readonly File[], _t: Thread, extra?: Extra): number {
    const tcpConnection = this.c;
    if (tcpConnection?.state === State.SYN_SENT || tcpConnection?.state === State.SYN_RECEIVED) return -E.AGAIN;
    const error = this.takeError();
    if (error) return -error;
    if (!tcpConnection || !tcpConnection.canSend || this.writeShut) return -E.PIPE;
    if (io.left === 0) return 0;
    const n = Math.min(io.left, tcpConnection.sender.room, PIECE);
    if (n === 0) return -E.AGAIN;
    if (!this.k.frames.charge(n)) return -E.NOBUFS;
    this.k.frames.uncharge(n); // there is room: once it has the bytes, the connection takes them
    io.take(scratch, 0, n);
    tcpConnection.sender.cork = extra?.more === true || (this.option(Sol.TCP, Tcp.CORK) ?? 0) !== 0;
    return this.inet.act(() => tcpConnection.write(scratch, 0, n));
  }

  override receive(io: Io, flags: number): Received | number {
    const tcpConnection = this.c;
    if (flags & Msg.OOB) return -E.INVAL;
    if (!tcpConnection || tcpConnection.receiver.queue.length === 0) return this.empty();
    const peek = (flags & Msg.PEEK) !== 0, start = io.done;
    const { queue } = tcpConnection.receiver, discards = (flags & Msg.TRUNC) !== 0;
    for (let offset = 0; io.left > 0 && offset < queue.length; ) {
      const n = queue.copy(offset, scratch, 0, Math.min(PIECE, io.left));
      if (discards) { if (!peek) queue.drop(n); return { ...this.nothing(), n }; }
      io.put(scratch, 0, n);
      if (peek) offset += n; else queue.drop(n);
    }
    if (!peek) this.inet.act(() => tcpConnection.consumed(0));
    return { ...this.nothing(), n: io.done - start };
  }
  private nothing(): Received { return { n: 0, flags: 0, files: [], from: this.remote ?? this.local, sender: this.owner }; }
  private empty(): Received | number {
    const tcpConnection = this.c, end = this.nothing();
    if (tcpConnection?.atEnd) return end; // After the peer's end no error is reported.
    const error = this.takeError();
    if (error) return -error;
    if (!tcpConnection || (!this.used && tcpConnection.state === State.CLOSED)) return -E.NOTCONN;
    if (tcpConnection.state === State.SYN_SENT || tcpConnection.state === State.SYN_RECEIVED) return this.readShut ? end : -E.AGAIN;
    return this.readShut || tcpConnection.atEnd || tcpConnection.state === State.CLOSED ? end : -E.AGAIN;
  }

  /** @see tcp_poll of Linux */
  override poll(): number {
    if (this.isListening()) return this.listeners.some((l) => l.ready.length > 0) ? Poll.IN | Poll.RDNORM : 0;
    const tcpConnection = this.c;
    if (!tcpConnection) return Poll.OUT | Poll.WRNORM | Poll.HUP;
    if (tcpConnection.state === State.SYN_SENT || tcpConnection.state === State.SYN_RECEIVED) return 0;
    const isClosed = tcpConnection.state === State.CLOSED, readEnds = this.readShut || tcpConnection.atEnd || isClosed;
    let mask = this.error || (tcpConnection.error && !this.told) ? Poll.ERR : 0;
    if (isClosed || (readEnds && this.writeShut)) mask |= Poll.HUP;
    if (readEnds) mask |= Poll.IN | Poll.RDNORM | Poll.RDHUP;
    if (tcpConnection.receiver.queue.length > 0) mask |= Poll.IN | Poll.RDNORM;
    if (isClosed) mask |= HANGUP;
    if (!tcpConnection.canSend || tcpConnection.sender.room >= tcpConnection.sender.limit / 3) mask |= Poll.OUT | Poll.WRNORM;
    return mask;
  }

  // ── closing ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  override shutdown(how: number): number {
    if (this.isListening()) { if (how !== 1) this.unlisten(); return 0; }
    if (!this.c || this.isOver) return -E.NOTCONN;
    super.shutdown(how);
    if (how !== 0) this.inet.act(() => this.c!.shutdownWrite());
    return 0;
  }
  private unlisten(): void {
    this.inet.act(() => { for (const l of this.listeners.splice(0)) this.inet.stack.tcp.unlisten(l); });
    this.wq.wakeAll();
  }
  override close(): void {
    this.pendingConnect = undefined;
    this.inet.ports.leave(this);
    this.unlisten();
    const tcpConnection = this.c;
    if (!tcpConnection) return;
    const [lingers, seconds] = this.linger;
    this.inet.act(() => (lingers && seconds === 0 ? tcpConnection.abort() : tcpConnection.close()));
  }

  // ── options ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  get congestion(): 'reno' | 'cubic' { return this.chosen; }
  set congestion(name: 'reno' | 'cubic') {
    this.chosen = name;
    this.c?.sender.setCongestion(name);
  }
  /** Passes a changed option to the connection. */
  override optionSet(): void { if (this.c) this.inet.act(() => this.apply(this.c!)); }
  private apply(tcpConnection: TcpConnection): void {
    if (tcpConnection.sender.congestion.name !== this.chosen) tcpConnection.sender.setCongestion(this.chosen);
    const of = (name: number, otherwise: number): number => this.option(Sol.TCP, name) ?? otherwise,
      { choices, sender, receiver } = tcpConnection,
      { remote } = tcpConnection.ends;
    choices.ttl = this.ttlTo(remote);
    choices.tos = this.tosTo(remote);
    const keepAlive = (this.option(Sol.SOCKET, So.KEEPALIVE) ?? 0) !== 0;
    Object.assign(choices, {
      keepIdle: of(Tcp.KEEPIDLE, 7200) * SECOND, keepInterval: of(Tcp.KEEPINTVL, 75) * SECOND, keepProbes: of(Tcp.KEEPCNT, 9),
      synRetries: of(Tcp.SYNCNT, 6),
      userTimeout: of(Tcp.USER_TIMEOUT, 0) * 1000, finTimeout: Math.max(0, of(Tcp.LINGER2, 60)) * SECOND,
    });
    if (keepAlive || choices.keepAlive) { choices.keepAlive = keepAlive; tcpConnection.watch(); }
    sender.nodelay = of(Tcp.NODELAY, 0) !== 0;
    const wasCorked = sender.cork;
    sender.cork = of(Tcp.CORK, 0) !== 0;
    sender.limit = this.option(Sol.SOCKET, So.SNDBUF) ?? sender.limit;
    receiver.limit = this.option(Sol.SOCKET, So.RCVBUF) ?? receiver.limit;
    if (tcpConnection.isSynchronized && (sender.nodelay || (wasCorked && !sender.cork))) tcpConnection.output();
  }
}

