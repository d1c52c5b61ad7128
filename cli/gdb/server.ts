/**
 * The server: listens on 127.0.0.1, speaks with one client at a time, and tells the loop that runs the target whether it may (`paused`).
 *
 *   const gdb = new GdbServer(target, { port: 0, log });
 *   await gdb.listen();                        // the target must wait until a client lets it run
 *   while (…) { while (gdb.paused) await gdb.changed(); run a piece; if it says 'debug' gdb.stopped(target.stopped()); }
 *   gdb.close({ … });
 */
import { createServer, type Server, type Socket } from 'node:net';
import { CliError } from '../errors.ts';
import { packet, PacketReader, type Incoming } from './packets.ts';
import { Stub } from './stub.ts';
import type { Target, TargetStop } from './target.ts';

export interface GdbOptions {
  /** 0 = any that is free. */
  readonly port: number;
  /** Takes a line for the user, without its end. */
  readonly log: (line: string) => void;
  /** Can `monitor reset` start the target anew? */
  readonly restarts?: boolean;
}

const HOST = '127.0.0.1';
const SIGINT = 2;
/** Damaged packets in a row after which a client is given up. */
const PATIENCE = 10;
/** Bytes of answers that may wait for a client that does not read them. */
const UNREAD_MOST = 1 << 20;

export class GdbServer {
  /** The target must be stopped. */
  paused = true;
  /** What a client wants of the whole run. */
  wanted: 'kill' | 'restart' | undefined;
  readonly #target: Target;
  readonly #options: GdbOptions;
  readonly #server: Server;
  #client: Client | undefined;
  #waiting: (() => void)[] = [];

  constructor(target: Target, options: GdbOptions) {
    this.#target = target;
    this.#options = options;
    this.#server = createServer({ noDelay: true }, (socket) => this.#connected(socket));
  }

  /** Begins to listen, and says so. @throws CliError when the port cannot be had. */
  async listen(): Promise<number> {
    const { port, log } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => reject(portError(port, error)));
      this.#server.listen(port, HOST, resolve);
    });
    const actual = (this.#server.address() as { port: number }).port;
    log(`waiting for gdb on port ${actual}`);
    return actual;
  }

  get connected(): boolean { return this.#client !== undefined; }

  /** Fulfilled when `paused` or `wanted` has changed. */
  changed(): Promise<void> { return new Promise((resolve) => { this.#waiting.push(resolve); }); }

  /** The target has stopped by itself. */
  stopped(stop: TargetStop): void {
    this.paused = true;
    this.#client?.tell(stop);
  }

  /** The target continues to its end, without regard to the client. */
  release(): void { this.#change(false); }

  /** The run is over: tells the client how it ended, and ends the server. */
  close(stop?: TargetStop): void {
    this.#client?.bye(stop);
    this.#client = undefined;
    this.#server.close();
  }

  #change(paused: boolean): void {
    this.paused = paused;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  #connected(socket: Socket): void {
    socket.on('error', () => {}); // 'close' follows
    if (this.#client !== undefined) {
      this.#options.log('gdb: a second client was turned away; one is enough');
      socket.destroy();
      return;
    }
    const wasRunning = !this.paused;
    this.#change(true);
    const client = new Client(socket, this.#stub(), this.#options.log);
    this.#client = client;
    socket.on('close', () => this.#gone(client));
    client.onInterrupt = () => this.#interrupted();
    if (wasRunning) this.#options.log('gdb: a client has connected, and everything stands still');
  }

  #stub(): Stub {
    return new Stub(this.#target, {
      resumed: () => this.#change(false),
      detach: () => this.#release('gdb has detached'),
      kill: () => {
        this.wanted = 'kill';
        this.#release('gdb: killed');
      },
      restart: this.#options.restarts !== true ? undefined : () => {
        this.wanted = 'restart';
        this.#change(true);
      },
    });
  }

  /** The client detaches: nothing of it remains. */
  #release(line: string): void {
    this.#options.log(line);
    const client = this.#client;
    this.#client = undefined;
    client?.leave();
    this.#clear();
    this.#change(false);
  }

  #clear(): void {
    this.#target.removeAll();
    this.#target.physical(false);
    this.#target.client?.(undefined);
    this.#target.resume([]);
  }

  /** The connection broke: stopped programs stay stopped, running ones continue without breakpoints. */
  #gone(client: Client): void {
    if (this.#client !== client) return;
    if (client.isOver) return this.#release('gdb has seen the end of its last process; the run goes on');
    this.#client = undefined;
    const { paused } = this;
    this.#options.log(`gdb: ${client.fault ?? 'the connection was lost'}; `
      + `${paused ? 'everything stands still until another client connects' : 'the run goes on'}`);
    this.#clear();
  }

  #interrupted(): void {
    if (this.paused) return;
    this.#change(true);
    this.#client?.tell({ kind: 'signal', thread: this.#target.current, signal: SIGINT });
  }
}

function portError(port: number, error: NodeJS.ErrnoException): Error {
  if (error.code === 'EADDRINUSE')
    return new CliError('E_GDB', `--gdb: port ${port} is in use`, 'take another one, or 0 for any that is free');
  if (error.code === 'EACCES')
    return new CliError('E_GDB', `--gdb: port ${port} may not be used`, 'take one above 1023, or 0 for any that is free');
  return error;
}

/** One connection. */
class Client {
  /** Why it was given up, if it was. */
  fault: string | undefined;
  onInterrupt: () => void = () => {};
  get isOver(): boolean { return this.#stub.isOver; }
  readonly #socket: Socket;
  readonly #stub: Stub;
  readonly #reader = new PacketReader();
  readonly #log: (line: string) => void;
  /** Commands received and not yet carried out. */
  readonly #waiting: Incoming[] = [];
  #last: Buffer = Buffer.alloc(0);
  #damaged = 0;

  constructor(socket: Socket, stub: Stub, log: (line: string) => void) {
    this.#socket = socket;
    this.#stub = stub;
    this.#log = log;
    socket.on('data', (bytes) => {
      this.#waiting.push(...this.#reader.feed(bytes));
      this.#carryOut();
    });
    socket.on('drain', () => this.#carryOut());
  }

  /** Carries out received commands while the client reads the answers; else the answers would pile up here. */
  #carryOut(): void {
    while (this.#waiting.length > 0 && this.#socket.writableLength < UNREAD_MOST) {
      try {
        this.#take(this.#waiting.shift()!);
      } catch (error) {
        this.#log(`gdb: a packet could not be carried out: ${error instanceof Error ? error.message : String(error)}`);
        this.#give('E01');
      }
    }
    if (this.#waiting.length > 0) this.#socket.pause(); else this.#socket.resume();
  }

  tell(stop: TargetStop): void { if (this.#stub.running) this.#give(this.#stub.stopped(stop)); }

  bye(stop: TargetStop | undefined): void {
    if (stop !== undefined) this.tell(stop);
    this.leave();
  }

  /** Written answers still go out. */
  leave(): void { setImmediate(() => this.#socket.end()); }

  #take(incoming: Incoming): void {
    if (incoming.kind === 'rubbish') return this.#giveUp(`the client does not speak GDB's protocol (${incoming.why})`);
    if (incoming.kind === 'interrupt') return this.onInterrupt();
    if (incoming.kind === 'again') return this.#write(this.#last);
    if (incoming.kind !== 'packet') {
      if (++this.#damaged > PATIENCE) return this.#giveUp('the client sends nothing but damaged packets');
      if (this.#stub.acknowledges) this.#write(Buffer.from('-'));
      return;
    }
    this.#damaged = 0;
    if (this.#stub.acknowledges) this.#write(Buffer.from('+'));
    const answer = this.#stub.answer(incoming.data);
    if (answer !== undefined) this.#give(answer);
  }

  #give(text: string): void {
    this.#last = packet(text);
    this.#write(this.#last);
  }

  #write(bytes: Buffer): void { if (this.#socket.writable) this.#socket.write(bytes); }

  #giveUp(why: string): void {
    this.fault = why;
    this.#socket.destroy();
  }
}
