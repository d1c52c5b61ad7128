/** A segment arrives at a connection. The order of the checks is the RFC's. @spec RFC 9293 3.10.7.3 and 3.10.7.4; RFC 5961; RFC 7323 5 */
import { State, type TcpConnection } from './connection.ts';
import { Flag, before, distance, lengthOf, plus, upTo, type Segment } from './segment.ts';

export function input(tcpConnection: TcpConnection, segment: Segment): void {
  if (tcpConnection.state === State.SYN_SENT) { answerToSyn(tcpConnection, segment); return; }
  const kept = check(tcpConnection, segment);
  if (!kept) return;
  if (segment.flags & Flag.RST) { reset(tcpConnection, segment); return; }
  if (segment.flags & Flag.SYN) { tcpConnection.sendCorrection(); return; }
  if ((segment.flags & Flag.ACK) === 0) return;
  if (tcpConnection.state === State.SYN_RECEIVED && !establish(tcpConnection, segment)) return;
  if (!acknowledgement(tcpConnection, segment)) return;
  const data = payload(tcpConnection, segment);
  fin(tcpConnection, segment, data);
  if (tcpConnection.state === State.CLOSED) return;
  tcpConnection.output();
  tcpConnection.onChange();
}

// ── SYN-SENT ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

function answerToSyn(tcpConnection: TcpConnection, segment: Segment): void {
  const acknowledges = (segment.flags & Flag.ACK) !== 0, isOurs = segment.ack === plus(tcpConnection.sender.iss, 1);
  if (acknowledges && !isOurs) return;
  if (segment.flags & Flag.RST) { if (acknowledges) tcpConnection.finish('refused'); return; }
  if ((segment.flags & Flag.SYN) === 0) return;
  agree(tcpConnection, segment);
  if (!acknowledges) { // both sides open at once
    tcpConnection.state = State.SYN_RECEIVED;
    tcpConnection.sendSyn();
    return;
  }
  tcpConnection.state = State.ESTABLISHED;
  tcpConnection.sender.acknowledge(segment.ack, tcpConnection.host.now());
  tcpConnection.sender.window = tcpConnection.sender.widest = segment.window;
  tcpConnection.receiver.edge = plus(tcpConnection.receiver.next, Math.min(65535, tcpConnection.receiver.limit));
  tcpConnection.restartRetransmit();
  tcpConnection.watch();
  tcpConnection.sendAck();
  tcpConnection.output();
  tcpConnection.onChange();
}

/** Takes sequence number, window and options from the other side's SYN. */
export function agree(tcpConnection: TcpConnection, segment: Segment): void {
  const { sender, receiver } = tcpConnection, { options } = segment;
  receiver.begin(segment.seq);
  tcpConnection.peerMss = options.mss ?? 536;
  tcpConnection.withTimestamps = options.timestamp !== undefined;
  if (options.timestamp) tcpConnection.recentTimestamp = options.timestamp.value;
  sender.setMss(Math.max(48, Math.min(sender.mss, tcpConnection.peerMss)) - (tcpConnection.withTimestamps ? 12 : 0));
  sender.withSack = options.sackPermitted === true;
  if (options.windowScale === undefined) receiver.scale = sender.scale = 0;
  else sender.scale = options.windowScale;
  sender.window = sender.widest = segment.window;
  sender.wl1 = segment.seq;
  sender.wl2 = segment.ack;
}

// ── checks ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Is the segment recent enough and inside the window? Any other segment except a reset is answered. */
function check(connection: TcpConnection, segment: Segment): boolean {
  const stamp = segment.options.timestamp;
  const isOld = connection.withTimestamps && stamp !== undefined && before(stamp.value, connection.recentTimestamp)
    && (segment.flags & Flag.RST) === 0;
  const accepted = !isOld && connection.receiver.accepts(segment.seq, lengthOf(segment));
  if (!accepted) {
    if (segment.flags & Flag.RST) return false;
    const isRepeatedSyn = connection.state === State.SYN_RECEIVED && (segment.flags & Flag.SYN) !== 0
      && plus(segment.seq, 1) === connection.receiver.next;
    if (isRepeatedSyn) { if (!connection.held) connection.sendSyn(); } else unacceptable(connection, segment);
    return false;
  }
  if (connection.withTimestamps && stamp && upTo(segment.seq, connection.receiver.next)) connection.recentTimestamp = stamp.value;
  return true;
}

function unacceptable(connection: TcpConnection, segment: Segment): void {
  if (connection.state === State.TIME_WAIT) connection.linger();
  if (lengthOf(segment) > 0) connection.sendAck();
  else connection.sendCorrection();
  // The acknowledgement in a segment that merely does not fit the window still counts.
  if ((segment.flags & (Flag.ACK | Flag.SYN)) === Flag.ACK && connection.isSynchronized && acknowledgement(connection, segment)) {
    connection.output();
    connection.onChange();
  }
}

/**
 * Only a reset with the next expected number counts; another number in the window gets a challenge; no reset cuts TIME-WAIT short.
 * @spec RFC 5961 3.2, RFC 1337
 */
function reset(connection: TcpConnection, segment: Segment): void {
  if (connection.state === State.TIME_WAIT) return;
  if (segment.seq !== connection.receiver.next) { connection.sendCorrection(); return; }
  connection.finish(connection.state === State.SYN_RECEIVED ? 'refused' : connection.state === State.CLOSE_WAIT ? 'pipe' : 'reset');
}

function establish(tcpConnection: TcpConnection, segment: Segment): boolean {
  if (!before(tcpConnection.sender.una, segment.ack) || before(tcpConnection.sender.max, segment.ack)) return false;
  tcpConnection.state = tcpConnection.sender.finished ? State.FIN_WAIT_1 : State.ESTABLISHED;
  tcpConnection.sender.window = tcpConnection.sender.widest = segment.window * 2 ** tcpConnection.sender.scale;
  tcpConnection.sender.wl1 = segment.seq;
  tcpConnection.sender.wl2 = segment.ack;
  tcpConnection.watch();
  return true;
}

// ── acknowledgements ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** False: drop the segment. */
function acknowledgement(tcpConnection: TcpConnection, segment: Segment): boolean {
  const { sender } = tcpConnection, now = tcpConnection.host.now();
  if (before(sender.max, segment.ack)) { tcpConnection.sendCorrection(); return false; }
  tcpConnection.probes = 0;
  tcpConnection.watch();
  const told = sender.withSack && segment.options.sacks !== undefined
    && sender.scoreboard.add(segment.options.sacks, sender.una, sender.max);
  const windowed = sender.updateWindow(segment.seq, segment.ack, segment.window * 2 ** (segment.flags & Flag.SYN ? 0 : sender.scale));
  if (before(sender.una, segment.ack)) progress(tcpConnection, segment, now);
  else if (sender.flight === 0) tcpConnection.heard();
  else if (isDuplicate(tcpConnection, segment, windowed, told) && sender.duplicate(now)) tcpConnection.retransmitFirst();
  return tcpConnection.state !== State.CLOSED;
}

function isDuplicate({ sender }: TcpConnection, segment: Segment, windowed: boolean, told: boolean): boolean {
  if (segment.ack !== sender.una || sender.flight === 0) return false;
  return sender.withSack ? told : segment.payload.length === 0 && !windowed && (segment.flags & Flag.FIN) === 0;
}

function progress(connection: TcpConnection, segment: Segment, now: number): void {
  const { sender } = connection, wasMending = sender.recoverUntil !== undefined, echo = segment.options.timestamp?.echo;
  const timed = sender.trip.smoothed;
  sender.acknowledge(segment.ack, now);
  if (echo !== undefined && connection.withTimestamps && sender.trip.smoothed === timed && sender.retransmitted > 0)
    sampleEcho(connection, echo);
  connection.restartRetransmit();
  if (wasMending && sender.recoverUntil !== undefined && !sender.withSack) connection.retransmitFirst();
  if (sender.finAcknowledged) closed(connection);
}

/** Measures a round trip by timestamp where retransmissions make the timed segment useless. */
function sampleEcho(tcpConnection: TcpConnection, echo: number): void {
  const ms = tcpConnection.sinceEcho(echo);
  if (ms >= 0 && ms < 120_000) tcpConnection.sender.trip.sample(Math.max(1, ms) * 1000);
}

/** Our FIN is acknowledged. */
function closed(tcpConnection: TcpConnection): void {
  if (tcpConnection.state === State.FIN_WAIT_1) {
    tcpConnection.state = State.FIN_WAIT_2;
    tcpConnection.limitWait();
  } else if (tcpConnection.state === State.CLOSING) tcpConnection.linger();
  else if (tcpConnection.state === State.LAST_ACK) tcpConnection.finish(undefined);
}

// ── data ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const RECEIVING: readonly State[] = [State.ESTABLISHED, State.FIN_WAIT_1, State.FIN_WAIT_2];

/** Returns whether a segment with data or FIN needs an acknowledgement. */
function payload(tcpConnection: TcpConnection, segment: Segment): boolean {
  if (segment.payload.length === 0 || !RECEIVING.includes(tcpConnection.state)) return false;
  if (tcpConnection.orphan) { orphaned(tcpConnection); return false; }
  const wasNext = tcpConnection.receiver.next, inOrder = tcpConnection.receiver.take(segment, segment.seq);
  const bytes = distance(tcpConnection.receiver.next, wasNext);
  tcpConnection.acknowledgeSoon(bytes, !inOrder || bytes === 0);
  return true;
}

/** Data for a user who has closed. */
function orphaned(c: TcpConnection): void { c.abort(); }

function fin(tcpConnection: TcpConnection, segment: Segment, acknowledged: boolean): void {
  if ((segment.flags & Flag.FIN) !== 0 && tcpConnection.receiver.finAt === undefined && RECEIVING.includes(tcpConnection.state))
    tcpConnection.receiver.finAt = plus(segment.seq, segment.payload.length);
  if (tcpConnection.receiver.finAt === undefined || tcpConnection.receiver.finAt !== tcpConnection.receiver.next) {
    if ((segment.flags & Flag.FIN) !== 0 && !acknowledged) tcpConnection.sendAck();
    if (tcpConnection.state === State.TIME_WAIT && (segment.flags & Flag.FIN) !== 0) tcpConnection.linger();
    return;
  }
  if (!RECEIVING.includes(tcpConnection.state)) return;
  tcpConnection.receiver.next = plus(tcpConnection.receiver.next, 1);
  const wasWaiting = tcpConnection.state;
  if (wasWaiting === State.ESTABLISHED) tcpConnection.state = State.CLOSE_WAIT;
  else if (wasWaiting === State.FIN_WAIT_1) tcpConnection.state = tcpConnection.sender.finAcknowledged ? State.TIME_WAIT : State.CLOSING;
  tcpConnection.sendAck();
  if (wasWaiting === State.FIN_WAIT_2 || tcpConnection.state === State.TIME_WAIT) tcpConnection.linger();
}
