/** One session of the toolbox: the client's open objects, and the handlers of requests. All of it may sleep like a kernel worker. */
import type { Ip } from '../../network/address.ts';
import { E } from '../abi/errno.ts';
import type { File } from '../fs/file.ts';
import { openAt } from '../fs/open.ts';
import { newProcess } from '../kernel/init.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { persist } from '../kernel/later.ts';
import { Thread } from '../kernel/thread.ts';
import type { Co, Sleeper } from '../kernel/wait.ts';
import { KernelIo } from '../mm/uaccess.ts';
import { Af, inetAddress } from '../net/address.ts';
import { TcpSocket } from '../net/inet/tcp.ts';
import { UdpSocket } from '../net/inet/udp.ts';
import type { Received, Socket } from '../net/socket.ts';
import { MOST_BYTES, Toolbox, type ToolboxService } from './protocol.ts';

/** A request from a message; and a reply: numbers and bytes, or an errno. */
export interface Asked { readonly label: number; readonly words: readonly number[]; readonly bytes: Uint8Array }
export interface Given { readonly errno: number; readonly words?: readonly number[]; readonly bytes?: Uint8Array }

const MOST_HANDLES = 64, NS_PER_MS = 1e6, MODE = 0o644, AT_CWD = -100;
const failed = (result: number): Given => ({ errno: -result });
const given = (...words: number[]): Given => ({ errno: 0, words });

const ipOf = (n: number): Ip => Uint8Array.from([24, 16, 8, 0], (shift) => (n >>> shift) & 255);
const numberOf = (ip: Ip): number => ip.reduce((n, b) => n * 256 + b, 0);

type Handler = (w: Sleeper, asked: Asked) => Co<Given>;

export class ToolboxSession {
  private readonly k: Kernel;
  private readonly open = new Map<number, Socket | File>();
  /** The process in whose name files are opened; it never runs. */
  private readonly t: Thread;
  private next = 1;
  private readonly handlers: ReadonlyMap<number, Handler>;

  constructor(k: Kernel, service: ToolboxService) {
    const process = newProcess(k, `toolbox-${service}`), thread = new Thread(k, process.pid, process, 'toolbox');
    process.parent = k.init;
    k.init.children.add(process);
    process.threads.add(thread);
    k.pids.threads.set(thread.tid, thread);
    this.k = k;
    this.t = thread;
    this.handlers = new Map(this.rows(service));
  }

  private rows(service: ToolboxService): [number, Handler][] {
    const { tcp, udp, files } = Toolbox, close: Handler = (_w, { words }) => this.close(words[0] ?? 0);
    switch (service) {
      case 'tcp': return [
        [tcp.connect.label, (w, a) => this.connect(w, a)], [tcp.send.label, (w, a) => this.send(w, a, undefined, a.bytes)],
        [tcp.receive.label, (w, a) => this.receive(w, a, Infinity)], [tcp.close.label, close],
      ];
      case 'udp': return [
        [udp.open.label, (_w, a) => this.openUdp(a)], [udp.send.label,
          (w, a) => this.send(w, a, inetAddress(Af.INET, ipOf(a.words[1] ?? 0), a.words[2] ?? 0), a.bytes)],
        [udp.receive.label, (w, a) => this.receive(w, a, (a.words[2] ?? 0) * NS_PER_MS)], [udp.close.label, close],
      ];
      case 'files': return [
        [files.open.label, (w, a) => this.openFile(w, a)], [files.read.label, (w, a) => this.transfer(w, a, false)],
        [files.write.label, (w, a) => this.transfer(w, a, true)], [files.close.label, close],
      ];
    }
  }

  /** Performs a request. */
  *serve(sleeper: Sleeper, asked: Asked): Co<Given> {
    const handler = this.handlers.get(asked.label);
    return handler && this.t.proc.alive ? yield* handler(sleeper, asked) : failed(-E.NOSYS);
  }
  /** Ends the session: the client is gone. */
  end(): void {
    for (const thing of this.open.values()) give(thing);
    this.open.clear();
    this.k.endProcess(this.t.proc, 0);
  }

  private add(thing: Socket | File): number {
    if (this.open.size >= MOST_HANDLES) { give(thing); return -E.MFILE; }
    this.open.set(this.next, thing);
    return this.next++;
  }
  private *close(handle: number): Co<Given> {
    const thing = this.open.get(handle);
    if (!thing) return failed(-E.BADF);
    this.open.delete(handle);
    give(thing);
    return given();
  }
  private socket({ words }: Asked): Socket | undefined {
    const thing = this.open.get(words[0] ?? 0);
    return thing && 'wq' in thing && 'connect' in thing ? thing as Socket : undefined;
  }

  // ── sockets ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  private *connect(sleeper: Sleeper, { words: [ip = 0, port = 0] }: Asked): Co<Given> {
    const socket = new TcpSocket(this.k, Af.INET);
    let result = socket.connect(this.t, inetAddress(Af.INET, ipOf(ip), port));
    while (result === -E.INPROGRESS) { yield* sleeper.nap(socket.wq); result = socket.outcome(); }
    if (result < 0) { socket.close(); return failed(result); }
    const handle = this.add(socket);
    return handle < 0 ? failed(handle) : given(handle);
  }
  private *openUdp({ words: [port = 0] }: Asked): Co<Given> {
    const socket = new UdpSocket(this.k, Af.INET), result = socket.bindInet(this.t, inetAddress(Af.INET, ipOf(0), port));
    if (result < 0) { socket.close(); return failed(result); }
    const handle = this.add(socket);
    return handle < 0 ? failed(handle) : given(handle);
  }
  private *send(sleeper: Sleeper, asked: Asked, to: Parameters<Socket['send']>[1], bytes: Uint8Array): Co<Given> {
    const socket = this.socket(asked);
    if (!socket) return failed(-E.BADF);
    for (;;) {
      const n = socket.send(new KernelIo(bytes), to, [], this.t);
      if (n !== -E.AGAIN) return n < 0 ? failed(n) : given(n);
      yield* sleeper.nap(socket.wq);
    }
  }
  private *receive(sleeper: Sleeper, asked: Asked, patience: number): Co<Given> {
    const socket = this.socket(asked), into = new KernelIo(new Uint8Array(Math.max(1, Math.min(MOST_BYTES, asked.words[1] ?? 0))));
    if (!socket) return failed(-E.BADF);
    const until = this.k.clock.now() + patience, timer = patience === Infinity ? undefined
      : this.k.timers.add(until, () => socket.wq.wakeAll());
    try {
      for (;;) {
        const got = socket.receive(into, 0);
        if (typeof got !== 'number') return { errno: 0, words: fromOf(got, patience), bytes: into.bytes.subarray(0, got.n) };
        if (got !== -E.AGAIN || this.k.clock.now() >= until) return failed(got);
        yield* sleeper.nap(socket.wq);
      }
    } finally { this.k.timers.cancel(timer); }
  }

  // ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private *openFile(sleeper: Sleeper, { words: [flags = 0], bytes }: Asked): Co<Given> {
    const { t: thread } = this, path = new TextDecoder().decode(bytes);
    const file = yield* persist<File | number>(sleeper, this.k.clock.now(), () => openAt(thread, AT_CWD, path, flags, MODE),
      (errno) => errno);
    if (typeof file === 'number') return failed(file);
    const handle = this.add(file);
    return handle < 0 ? failed(handle) : given(handle, file.inode.size);
  }
  private *transfer(sleeper: Sleeper, asked: Asked, isWrite: boolean): Co<Given> {
    const file = this.open.get(asked.words[0] ?? 0), [, offset = 0, most = 0] = asked.words, { t: thread } = this;
    if (!file || !('inode' in file) || !('seekable' in file) || (isWrite ? !file.writable : !file.readable)) return failed(-E.BADF);
    const io = new KernelIo(isWrite ? asked.bytes : new Uint8Array(Math.max(0, Math.min(MOST_BYTES, most))));
    const n = yield* persist(sleeper, this.k.clock.now(), () => (isWrite ? file.write(io, offset, thread) : file.read(io, offset, thread)),
      (errno) => errno);
    if (n < 0) return failed(n);
    return isWrite ? given(n) : { errno: 0, words: [], bytes: io.bytes.subarray(0, n) };
  }
}

/** The sender of a datagram; empty for streams. */
const fromOf = ({ from }: Received, patience: number): number[] => (patience === Infinity ? [] : [numberOf(from.ip), from.port]);

function give(thing: Socket | File): void {
  if ('release' in thing) thing.release();
  else thing.close();
}
