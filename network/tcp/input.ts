/** A segment arrives at a connection. The order of the checks is the RFC's. @spec RFC 9293 3.10.7.3 and 3.10.7.4; RFC 5961; RFC 7323 5 */
import { State, type TcpConnection } from './connection.ts';
import { Flag, before, distance, lengthOf, plus, upTo, type Segment } from './segment.ts';

export function input(c: TcpConnection, s: Segment): void {
  if (c.state === State.SYN_SENT) { answerToSyn(c, s); return; }
  const kept = check(c, s);
  if (!kept) return;
  if (s.flags & Flag.RST) { reset(c, s); return; }
  if (s.flags & Flag.SYN) { c.sendCorrection(); return; }
  if ((s.flags & Flag.ACK) === 0) return;
  if (c.state === State.SYN_RECEIVED && !establish(c, s)) return;
  if (!acknowledgement(c, s)) return;
  const data = payload(c, s);
  fin(c, s, data);
  if (c.state === State.CLOSED) return;
  c.output();
  c.onChange();
}

// ── SYN-SENT ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

function answerToSyn(c: TcpConnection, s: Segment): void {
  const acknowledges = (s.flags & Flag.ACK) !== 0, isOurs = s.ack === plus(c.sender.iss, 1);
  if (acknowledges && !isOurs) return;
  if (s.flags & Flag.RST) { if (acknowledges) c.finish('refused'); return; }
  if ((s.flags & Flag.SYN) === 0) return;
  agree(c, s);
  if (!acknowledges) { // both sides open at once
    c.state = State.SYN_RECEIVED;
    c.sendSyn();
    return;
  }
  c.state = State.ESTABLISHED;
  c.sender.acknowledge(s.ack, c.host.now());
  c.sender.window = c.sender.widest = s.window;
  c.receiver.edge = plus(c.receiver.next, Math.min(65535, c.receiver.limit));
  c.restartRetransmit();
  c.watch();
  c.sendAck();
  c.output();
  c.onChange();
}

/** Takes sequence number, window and options from the other side's SYN. */
export function agree(c: TcpConnection, s: Segment): void {
  const { sender, receiver } = c, { options } = s;
  receiver.begin(s.seq);
  c.peerMss = options.mss ?? 536;
  c.withTimestamps = options.timestamp !== undefined;
  if (options.timestamp) c.recentTimestamp = options.timestamp.value;
  sender.setMss(Math.max(48, Math.min(sender.mss, c.peerMss)) - (c.withTimestamps ? 12 : 0));
  sender.withSack = options.sackPermitted === true;
  if (options.windowScale === undefined) receiver.scale = sender.scale = 0;
  else sender.scale = options.windowScale;
  sender.window = sender.widest = s.window;
  sender.wl1 = s.seq;
  sender.wl2 = s.ack;
}

// ── checks ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Is the segment recent enough and inside the window? Any other segment except a reset is answered. */
function check(c: TcpConnection, s: Segment): boolean {
  const stamp = s.options.timestamp;
  const isOld = c.withTimestamps && stamp !== undefined && before(stamp.value, c.recentTimestamp) && (s.flags & Flag.RST) === 0;
  const accepted = !isOld && c.receiver.accepts(s.seq, lengthOf(s));
  if (!accepted) {
    if (s.flags & Flag.RST) return false;
    const isRepeatedSyn = c.state === State.SYN_RECEIVED && (s.flags & Flag.SYN) !== 0 && plus(s.seq, 1) === c.receiver.next;
    if (isRepeatedSyn) { if (!c.held) c.sendSyn(); } else unacceptable(c, s);
    return false;
  }
  if (c.withTimestamps && stamp && upTo(s.seq, c.receiver.next)) c.recentTimestamp = stamp.value;
  return true;
}

function unacceptable(c: TcpConnection, s: Segment): void {
  if (c.state === State.TIME_WAIT) c.linger();
  if (lengthOf(s) > 0) c.sendAck();
  else c.sendCorrection();
  // The acknowledgement in a segment that merely does not fit the window still counts.
  if ((s.flags & (Flag.ACK | Flag.SYN)) === Flag.ACK && c.isSynchronized && acknowledgement(c, s)) { c.output(); c.onChange(); }
}

/**
 * Only a reset with the next expected number counts; another number in the window gets a challenge; no reset cuts TIME-WAIT short.
 * @spec RFC 5961 3.2, RFC 1337
 */
function reset(c: TcpConnection, s: Segment): void {
  if (c.state === State.TIME_WAIT) return;
  if (s.seq !== c.receiver.next) { c.sendCorrection(); return; }
  c.finish(c.state === State.SYN_RECEIVED ? 'refused' : c.state === State.CLOSE_WAIT ? 'pipe' : 'reset');
}

function establish(c: TcpConnection, s: Segment): boolean {
  if (!before(c.sender.una, s.ack) || before(c.sender.max, s.ack)) return false;
  c.state = c.sender.finished ? State.FIN_WAIT_1 : State.ESTABLISHED;
  c.sender.window = c.sender.widest = s.window * 2 ** c.sender.scale;
  c.sender.wl1 = s.seq;
  c.sender.wl2 = s.ack;
  c.watch();
  return true;
}

// ── acknowledgements ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** False: drop the segment. */
function acknowledgement(c: TcpConnection, s: Segment): boolean {
  const { sender } = c, now = c.host.now();
  if (before(sender.max, s.ack)) { c.sendCorrection(); return false; }
  c.probes = 0;
  c.watch();
  const told = sender.withSack && s.options.sacks !== undefined && sender.scoreboard.add(s.options.sacks, sender.una, sender.max);
  const windowed = sender.updateWindow(s.seq, s.ack, s.window * 2 ** (s.flags & Flag.SYN ? 0 : sender.scale));
  if (before(sender.una, s.ack)) progress(c, s, now);
  else if (sender.flight === 0) c.heard();
  else if (isDuplicate(c, s, windowed, told) && sender.duplicate(now)) c.retransmitFirst();
  return c.state !== State.CLOSED;
}

function isDuplicate({ sender }: TcpConnection, s: Segment, windowed: boolean, told: boolean): boolean {
  if (s.ack !== sender.una || sender.flight === 0) return false;
  return sender.withSack ? told : s.payload.length === 0 && !windowed && (s.flags & Flag.FIN) === 0;
}

function progress(c: TcpConnection, s: Segment, now: number): void {
  const { sender } = c, wasMending = sender.recoverUntil !== undefined, echo = s.options.timestamp?.echo;
  const timed = sender.trip.smoothed;
  sender.acknowledge(s.ack, now);
  if (echo !== undefined && c.withTimestamps && sender.trip.smoothed === timed && sender.retransmitted > 0) sampleEcho(c, echo);
  c.restartRetransmit();
  if (wasMending && sender.recoverUntil !== undefined && !sender.withSack) c.retransmitFirst();
  if (sender.finAcknowledged) closed(c);
}

/** Measures a round trip by timestamp where retransmissions make the timed segment useless. */
function sampleEcho(c: TcpConnection, echo: number): void {
  const ms = c.sinceEcho(echo);
  if (ms >= 0 && ms < 120_000) c.sender.trip.sample(Math.max(1, ms) * 1000);
}

/** Our FIN is acknowledged. */
function closed(c: TcpConnection): void {
  if (c.state === State.FIN_WAIT_1) {
    c.state = State.FIN_WAIT_2;
    c.limitWait();
  } else if (c.state === State.CLOSING) c.linger();
  else if (c.state === State.LAST_ACK) c.finish(undefined);
}

// ── data ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const RECEIVING: readonly State[] = [State.ESTABLISHED, State.FIN_WAIT_1, State.FIN_WAIT_2];

/** Returns whether a segment with data or FIN needs an acknowledgement. */
function payload(c: TcpConnection, s: Segment): boolean {
  if (s.payload.length === 0 || !RECEIVING.includes(c.state)) return false;
  if (c.orphan) { orphaned(c); return false; }
  const wasNext = c.receiver.next, inOrder = c.receiver.take(s, s.seq);
  const bytes = distance(c.receiver.next, wasNext);
  c.acknowledgeSoon(bytes, !inOrder || bytes === 0);
  return true;
}

/** Data for a user who has closed. */
function orphaned(c: TcpConnection): void { c.abort(); }

function fin(c: TcpConnection, s: Segment, acknowledged: boolean): void {
  if ((s.flags & Flag.FIN) !== 0 && c.receiver.finAt === undefined && RECEIVING.includes(c.state))
    c.receiver.finAt = plus(s.seq, s.payload.length);
  if (c.receiver.finAt === undefined || c.receiver.finAt !== c.receiver.next) {
    if ((s.flags & Flag.FIN) !== 0 && !acknowledged) c.sendAck();
    if (c.state === State.TIME_WAIT && (s.flags & Flag.FIN) !== 0) c.linger();
    return;
  }
  if (!RECEIVING.includes(c.state)) return;
  c.receiver.next = plus(c.receiver.next, 1);
  const wasWaiting = c.state;
  if (wasWaiting === State.ESTABLISHED) c.state = State.CLOSE_WAIT;
  else if (wasWaiting === State.FIN_WAIT_1) c.state = c.sender.finAcknowledged ? State.TIME_WAIT : State.CLOSING;
  c.sendAck();
  if (wasWaiting === State.FIN_WAIT_2 || c.state === State.TIME_WAIT) c.linger();
}
