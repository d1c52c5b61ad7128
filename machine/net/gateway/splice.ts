/**
 * One TCP connection of the guest, spliced to one of the world: each side sends as fast as the other accepts. At most CREDIT_BYTES are in
 * transit in each direction.
 */
import { State, type TcpConnection } from '../../../network/tcp/connection.ts';
import type { Tcp } from '../../../network/tcp/tcp.ts';
import { CREDIT_BYTES, Failure, type World, type WorldMessage } from './world.ts';

const PIECE_BYTES = 32 << 10;

export class Splice {
  readonly #id: number;
  readonly #connection: TcpConnection;
  readonly #world: World | undefined;
  readonly #tcp: Tcp;
  readonly #unreachable: () => void;
  readonly #ended: () => void;
  /** Bytes given to the world that it has not sent yet. */
  #unsent = 0;
  /** Bytes from the world for which the guest's connection had no room. */
  #waiting: Uint8Array[] = [];
  #open: boolean;
  #worldEnded = false;
  #guestEnded = false;
  #over = false;

  /**
   * `open`: the world's side exists already (a forwarded port), and the guest's is being opened. `unreachable` tells the guest that its SYN
   * had no route; `ended` is called once.
   */
  constructor(id: number, connection: TcpConnection, tcp: Tcp, world: World | undefined, open: boolean, unreachable: () => void,
      ended: () => void) {
    this.#id = id;
    this.#connection = connection;
    this.#tcp = tcp;
    this.#world = world;
    this.#open = open;
    this.#unreachable = unreachable;
    this.#ended = ended;
    connection.onChange = () => this.#changed();
  }

  /** A message from the world about this connection. */
  heard(worldMessage: WorldMessage): void {
    if (this.#over) return;
    switch (worldMessage.kind) {
      case 'opened': this.#open = true; this.#connection.proceed(); break;
      case 'failed': this.#fail(worldMessage.why); return;
      case 'data': this.#waiting.push(worldMessage.bytes); break;
      case 'end': this.#worldEnded = true; break;
      case 'sent': this.#unsent = Math.max(0, this.#unsent - worldMessage.count); break;
      case 'reset': this.#finish(); this.#connection.abort(); return;
      default: return;
    }
    this.#changed();
  }

  #fail(why: number): void {
    this.#finish();
    if (!this.#connection.held) this.#connection.abort();
    else if (why === Failure.REFUSED) this.#tcp.refuse(this.#connection);
    else {
      this.#unreachable();
      this.#connection.finish('host');
    }
  }

  #changed(): void {
    if (this.#over) return;
    const { state } = this.#connection;
    if (state === State.CLOSED) { this.#guestGone(); return; }
    if (!this.#open) return;
    this.#toGuest();
    this.#toWorld();
    if (this.#guestEnded && this.#worldEnded && this.#waiting.length === 0 && state === State.TIME_WAIT) this.#guestGone();
  }

  #guestGone(): void {
    this.#finish();
    if (this.#connection.state === State.CLOSED) this.#connection.close();
    this.#world?.close(this.#id);
  }

  #finish(): void {
    this.#over = true;
    this.#waiting = [];
    this.#ended();
  }

  #toGuest(): void {
    const tcpConnection = this.#connection;
    for (let first = this.#waiting[0]; first && tcpConnection.canSend; first = this.#waiting[0]) {
      const count = tcpConnection.write(first);
      if (count <= 0) break;
      this.#world?.taken(this.#id, count);
      if (count < first.length) this.#waiting[0] = first.subarray(count);
      else this.#waiting.shift();
    }
    if (this.#worldEnded && this.#waiting.length === 0 && tcpConnection.isSynchronized) tcpConnection.shutdownWrite();
  }

  #toWorld(): void {
    const tcpConnection = this.#connection;
    while (this.#unsent < CREDIT_BYTES && tcpConnection.receiver.queue.length > 0) {
      const bytes = new Uint8Array(Math.min(PIECE_BYTES, tcpConnection.receiver.queue.length, CREDIT_BYTES - this.#unsent));
      tcpConnection.read(bytes, 0, bytes.length);
      this.#unsent += bytes.length;
      this.#world?.send(this.#id, bytes);
    }
    if (!tcpConnection.atEnd || this.#guestEnded || tcpConnection.receiver.queue.length > 0) return;
    this.#guestEnded = true;
    this.#world?.end(this.#id);
  }
}
