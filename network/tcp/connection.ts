/**
 * One TCP connection, from the first SYN to the end of TIME-WAIT. input.ts handles arriving segments; this file holds the state, the user's
 * calls, the timers, and sending. All times are virtual microseconds.
 *
 * Documentation: RFC 9293; RFC 6298 (timeouts), RFC 1122 4.2.3 (delayed acknowledgements, keep-alive, zero windows).
 */
import type { Ip } from '../address.ts';
import type { Budget } from '../budget.ts';
import { Timer, type Timers } from '../timers.ts';
import { Receiver } from './receiver.ts';
import { Flag, draftSegment, optionBytes, plus, seal, type Options } from './segment.ts';
import { Sender, type Piece } from './sender.ts';

export const State = {
  CLOSED: 'closed', SYN_SENT: 'synSent', SYN_RECEIVED: 'synReceived', ESTABLISHED: 'established', FIN_WAIT_1: 'finWait1',
  FIN_WAIT_2: 'finWait2',
  CLOSE_WAIT: 'closeWait', CLOSING: 'closing', LAST_ACK: 'lastAck', TIME_WAIT: 'timeWait',
} as const;
export type State = (typeof State)[keyof typeof State];

/** Why a connection ended; `pipe`: a reset by a peer that had sent its FIN, so that only writing fails. */
export type TcpError = 'reset' | 'pipe' | 'refused' | 'timeout' | 'network' | 'host' | 'aborted';

/** The part of the stack that a connection uses. */
export interface TcpHost {
  readonly timers: Timers;
  readonly budget: Budget;
  now(): number;
  /** 32 random bits. */
  random(): number;
  /** The initial sequence number of a connection between these endpoints. */
  sequenceFor(ends: Ends): number;
  /** Sends a sealed segment; returns the reason when it cannot. */
  transmit(connection: TcpConnection, buffer: Uint8Array): TcpError | undefined;
  /** The connection ended: its ports are free again. */
  forget(connection: TcpConnection): void;
}

export interface Ends { readonly local: Ip; readonly localPort: number; readonly remote: Ip; readonly remotePort: number }

/** Options that a user may set; times in microseconds. */
export interface Choices {
  ttl: number;
  tos: number;
  keepAlive: boolean;
  keepIdle: number;
  keepInterval: number;
  keepProbes: number;
  synRetries: number;
  retries: number;
  /** Time after which unacknowledged data ends the connection; 0: `retries` decides. */
  userTimeout: number;
  /** How long a connection without a user stays in FIN-WAIT-2. */
  finTimeout: number;
}

const SECOND = 1_000_000;
export const DEFAULTS: Choices = {
  ttl: 64, tos: 0, keepAlive: false, keepIdle: 7200 * SECOND, keepInterval: 75 * SECOND, keepProbes: 9, synRetries: 6, retries: 15,
  userTimeout: 0, finTimeout: 60 * SECOND,
};
export const BUFFER_BYTES = { send: 256 << 10, receive: 256 << 10 } as const;
const DELAYED_ACK = 40_000, TIME_WAIT = 60 * SECOND, PROBE_MOST = 120 * SECOND, QUICK_ACKS = 16, CORRECTION_EVERY = 500_000,
  WINDOW_SCALE = 7;

export class TcpConnection {
  readonly host: TcpHost;
  readonly ends: Ends;
  readonly choices: Choices = { ...DEFAULTS };
  readonly sender: Sender;
  readonly receiver: Receiver;
  state: State = State.CLOSED;
  error: TcpError | undefined;
  /** Called after every change that a user may wait for: bytes, room, a state, an error. */
  onChange: () => void = () => {};
  /** The user has closed the connection and reads no more. */
  orphan = false;
  /** Negotiated with the peer. */
  withTimestamps = false;
  recentTimestamp = 0;
  /** A SYN that waits for `proceed` before it is answered (a gateway connects elsewhere first). */
  held = false;
  /** The segment size that the peer accepts. */
  peerMss = 536;
  quickAcks = QUICK_ACKS;
  unacknowledged = 0;
  probes = 0;
  readonly #ownMss: number;
  readonly #retransmit: Timer;
  readonly #acknowledge: Timer;
  readonly #keep: Timer;
  readonly #end: Timer;
  #retries = 0;
  #waitingSince = 0;
  #shift = 0;
  #correctAfter = 0;
  #clock: number;

  constructor(host: TcpHost, ends: Ends, mss: number) {
    this.host = host;
    this.ends = ends;
    this.#ownMss = mss;
    this.sender = new Sender(mss, BUFFER_BYTES.send, host.budget);
    this.receiver = new Receiver(BUFFER_BYTES.receive, host.budget);
    this.receiver.scale = WINDOW_SCALE;
    this.#clock = host.random();
    this.#retransmit = new Timer(() => this.#timeout());
    this.#acknowledge = new Timer(() => this.sendAck());
    this.#keep = new Timer(() => this.#keepAlive());
    this.#end = new Timer(() => this.finish(undefined));
  }

  // ── the user's calls ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** Starts an active open. Returns the reason when nothing can be sent. */
  connect(): TcpError | undefined {
    this.sender.begin(this.host.sequenceFor(this.ends));
    this.state = State.SYN_SENT;
    return this.sendSyn();
  }

  /** Queues up to `bytes[from … to)`; returns how many fit, -1 when the budget of the stack is used up. */
  write(bytes: Uint8Array, from = 0, to = bytes.length): number {
    if (!this.canSend) return 0;
    const count = Math.min(to - from, this.sender.room);
    if (count > 0 && !this.sender.queue.push(bytes, from, from + count)) return -1;
    this.output();
    return count;
  }

  /** Moves up to `count` bytes to `into[at …)`; with `peek` they stay in the queue. 0: the queue is empty now. */
  read(into: Uint8Array, at: number, count: number, peek = false, offset = 0): number {
    const n = this.receiver.queue.copy(offset, into, at, count);
    if (n > 0 && !peek) this.consumed(n);
    return n;
  }

  /** Drops `count` bytes that the user has read, and announces the room when it is worth a segment. */
  consumed(count: number): void {
    this.receiver.queue.drop(count);
    if (this.isSynchronized && this.receiver.finAt === undefined && this.receiver.opens(this.sender.mss)) this.sendAck();
  }

  /** The user sends no more: a FIN follows the queued bytes. */
  shutdownWrite(): void {
    if (this.sender.finished) return;
    if (this.state === State.SYN_SENT) { this.finish(undefined); return; }
    this.sender.finished = true;
    this.sender.cork = false;
    if (this.state === State.ESTABLISHED || this.state === State.SYN_RECEIVED) this.state = State.FIN_WAIT_1;
    else if (this.state === State.CLOSE_WAIT) this.state = State.LAST_ACK;
    this.output();
  }

  /** The user closes. Unread bytes cause a reset to the peer. @spec RFC 9293 3.6.1, RFC 2525 2.17 */
  close(): void {
    if (this.orphan) return;
    this.orphan = true;
    if (this.state === State.CLOSED) { this.receiver.clear(); return; }
    if (this.receiver.queue.length > 0 && this.isSynchronized) { this.abort(); return; }
    this.receiver.discards = true;
    this.shutdownWrite();
    if (this.state === State.FIN_WAIT_2) this.#startEnd(this.choices.finTimeout);
  }

  /** Aborts: the peer receives a reset. */
  abort(): void {
    this.orphan = true;
    if (this.isSynchronized && this.state !== State.TIME_WAIT)
      this.#segment({ seq: this.sender.next, length: 0, fin: false }, Flag.RST | Flag.ACK);
    this.finish('aborted');
  }

  /** Answers a SYN that was held. */
  proceed(): void {
    if (!this.held) return;
    this.held = false;
    this.sendSyn();
  }

  get isSynchronized(): boolean {
    return this.state !== State.CLOSED && this.state !== State.SYN_SENT && this.state !== State.SYN_RECEIVED;
  }
  /** Whether the user may still write. */
  get canSend(): boolean { return !this.sender.finished && (this.state === State.ESTABLISHED || this.state === State.CLOSE_WAIT); }
  get isConnected(): boolean { return this.isSynchronized; }
  /** No more bytes will come: the peer's FIN and everything before it has arrived. */
  get atEnd(): boolean { return this.receiver.finAt !== undefined && this.receiver.next === plus(this.receiver.finAt, 1); }

  // ── sending ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A SYN, or SYN and ACK. */
  sendSyn(): TcpError | undefined {
    const answers = this.state === State.SYN_RECEIVED, { sender, receiver } = this;
    const offers = !answers || this.#offers;
    const options: Options = {
      mss: this.#ownMss, ...(offers && (!answers || sender.withSack) ? { sackPermitted: true } : {}),
      ...(!answers || receiver.scale > 0 ? { windowScale: receiver.scale || WINDOW_SCALE } : {}),
      ...(!answers || this.withTimestamps ? { timestamp: this.#timestamp() } : {}),
    };
    const window = Math.min(65535, receiver.limit);
    if (answers) receiver.edge = plus(receiver.next, window);
    const head = {
      fromPort: this.ends.localPort, toPort: this.ends.remotePort, seq: sender.iss, ack: answers ? receiver.next : 0,
      flags: answers ? Flag.SYN | Flag.ACK : Flag.SYN, window, options,
    };
    sender.sent({ seq: sender.iss, length: 0, fin: true }, this.host.now());
    this.#startRetransmit();
    return this.host.transmit(this, seal(draftSegment(head, 0).buffer, this.ends.local, this.ends.remote));
  }
  get #offers(): boolean { return this.sender.withSack || this.withTimestamps; }

  /** Sends as much as the window and congestion control allow now. */
  output(force = false): void {
    if (!this.isSynchronized || this.state === State.TIME_WAIT) return;
    let sent = false;
    for (let piece = this.sender.choose(force); piece; piece = this.sender.choose()) {
      this.transmitPiece(piece);
      sent = true;
    }
    if (sent || this.sender.flight > 0) this.#ensureRetransmit();
    else if (this.sender.hasMore && this.sender.window === 0) this.#ensureRetransmit();
  }

  transmitPiece(piece: Piece): void {
    const isLast = plus(piece.seq, piece.length) === this.sender.end && piece.length > 0;
    const trouble = this.#segment(piece, Flag.ACK | (isLast ? Flag.PSH : 0) | (piece.fin ? Flag.FIN : 0));
    this.sender.sent(piece, this.host.now());
    if (trouble !== undefined && this.orphan) this.finish(trouble);
  }

  /** Resends the first unacknowledged segment at once. */
  retransmitFirst(): void {
    this.transmitPiece(this.sender.first());
    this.#startRetransmit();
  }

  sendAck(): void {
    if (this.isSynchronized || this.state === State.SYN_RECEIVED) this.#segment({ seq: this.sender.next, length: 0, fin: false }, Flag.ACK);
  }

  /**
   * Acknowledges an unacceptable segment: at a limited rate, as Linux does, because two peers that disagree would otherwise correct each
   * other for ever.
   */
  sendCorrection(): void {
    if (this.host.now() < this.#correctAfter) return;
    this.#correctAfter = this.host.now() + CORRECTION_EVERY;
    this.sendAck();
  }

  #segment(piece: Piece, flags: number): TcpError | undefined {
    const { sender, receiver, ends } = this, window = receiver.window(sender.mss);
    this.#acknowledged();
    const options: Options = this.withTimestamps ? { timestamp: this.#timestamp() } : {};
    const sacks = sender.withSack ? receiver.sacks(this.withTimestamps ? 3 : 4) : [];
    const all = sacks.length > 0 && piece.length + optionBytes({ ...options, sacks }) <= sender.mss + optionBytes(options)
      ? { ...options, sacks }
      : options;
    const head = {
      fromPort: ends.localPort, toPort: ends.remotePort, seq: piece.seq, ack: receiver.next, flags, window: receiver.tell(window),
      options: all
    };
    const { buffer, dataAt } = draftSegment(head, piece.length);
    if (piece.length > 0) sender.copy(piece.seq, buffer, dataAt, piece.length);
    return this.host.transmit(this, seal(buffer, ends.local, ends.remote));
  }

  #acknowledged(): void {
    this.unacknowledged = 0;
    this.host.timers.stop(this.#acknowledge);
  }

  #timestamp(): { value: number; echo: number } {
    return { value: plus(this.#clock, Math.floor(this.host.now() / 1000) >>> 0), echo: this.recentTimestamp };
  }
  /** Milliseconds since we sent the timestamp `echo`. */
  sinceEcho(echo: number): number { return (this.#timestamp().value - echo) | 0; }

  /** Data has come: acknowledge every second segment at once, and a single one soon. @spec RFC 1122 4.2.3.2 */
  acknowledgeSoon(bytes: number, atOnce: boolean): void {
    this.unacknowledged += bytes;
    if (atOnce || this.unacknowledged >= 2 * this.sender.mss || this.quickAcks > 0) {
      this.quickAcks = Math.max(0, this.quickAcks - 1);
      this.sendAck();
    } else if (this.#acknowledge.at === Infinity) this.host.timers.set(this.#acknowledge, this.host.now() + DELAYED_ACK);
  }

  // ── timers ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  #startRetransmit(): void {
    const now = this.host.now();
    if (this.#retries === 0) this.#waitingSince = now;
    this.host.timers.set(this.#retransmit, now + this.#patience);
  }
  #ensureRetransmit(): void { if (this.#retransmit.at === Infinity) this.#startRetransmit(); }
  get #patience(): number { return Math.min(PROBE_MOST, this.sender.trip.timeout * 2 ** this.#shift); }

  /** Data was acknowledged: restarts the retransmission timer if more is in flight. */
  restartRetransmit(): void {
    this.#retries = this.#shift = 0;
    if (this.sender.flight > 0) this.#startRetransmit();
    else this.host.timers.stop(this.#retransmit);
  }

  /** An acknowledgement came with nothing in flight: the peer is alive, and its window may have opened. */
  heard(): void {
    this.#retries = 0;
    if (this.sender.window > 0) this.restartRetransmit();
  }

  #timeout(): void {
    const { sender, choices } = this;
    if (this.state === State.SYN_SENT || this.state === State.SYN_RECEIVED) { this.#synTimeout(); return; }
    const isProbe = sender.flight === 0;
    const late = choices.userTimeout > 0 && this.host.now() - this.#waitingSince >= choices.userTimeout;
    if (++this.#retries > (this.orphan ? Math.min(8, choices.retries) : choices.retries) || late) { this.finish('timeout'); return; }
    if (isProbe) {
      this.#shift = Math.min(16, this.#shift + 1);
      this.#probe();
    } else {
      sender.timedOut(this.host.now());
      this.output(true);
    }
    this.#startRetransmit();
  }

  #synTimeout(): void {
    if (this.held) return;
    if (++this.#retries > this.choices.synRetries) { this.finish('timeout'); return; }
    this.sender.trip.backoff++;
    this.sendSyn();
  }

  /** A probe that the peer must answer, because its number lies before the one that the peer expects. */
  #probe(): void { this.#segment({ seq: plus(this.sender.una, -1), length: 0, fin: false }, Flag.ACK); }

  /** Starts or stops keep-alive. */
  watch(): void {
    if (this.choices.keepAlive && this.isSynchronized) this.host.timers.set(this.#keep, this.host.now() + this.choices.keepIdle);
    else this.host.timers.stop(this.#keep);
  }

  #keepAlive(): void {
    if (this.probes >= this.choices.keepProbes) {
      this.#segment({ seq: this.sender.next, length: 0, fin: false }, Flag.RST | Flag.ACK);
      this.finish('timeout');
      return;
    }
    if (this.sender.flight === 0) { this.probes++; this.#probe(); }
    this.host.timers.set(this.#keep, this.host.now() + this.choices.keepInterval);
  }

  /** TIME-WAIT: the last acknowledgement may have to be repeated. */
  linger(): void {
    this.state = State.TIME_WAIT;
    for (const timer of [this.#retransmit, this.#acknowledge, this.#keep]) this.host.timers.stop(timer);
    this.#startEnd(TIME_WAIT);
  }
  #startEnd(after: number): void { this.host.timers.set(this.#end, this.host.now() + after); }
  /** Bounds FIN-WAIT-2 without a user. */
  limitWait(): void { if (this.orphan) this.#startEnd(this.choices.finTimeout); }

  /** Ends the connection. */
  finish(error: TcpError | undefined): void {
    if (this.state === State.CLOSED && this.error !== undefined) return;
    this.state = State.CLOSED;
    this.error ??= error;
    for (const timer of [this.#retransmit, this.#acknowledge, this.#keep, this.#end]) this.host.timers.stop(timer);
    this.sender.queue.clear();
    // Bytes that have come can still be read, even after a reset; the reader gets the error after them.
    if (this.orphan) this.receiver.clear(); else this.receiver.dropEarly();
    this.host.forget(this);
    this.onChange();
  }
}
