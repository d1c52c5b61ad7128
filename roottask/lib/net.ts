/**
 * Server side of the net protocol (Protocol.net): a driver or a switch sends frames and passes in received ones; this file manages
 * sessions, buffers, waiting frames and semaphores.
 */
import { Ops, Status, type Sys } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import { NET_HALF, NET_ORDER, Protocol, macToNumber, packFrames, unpackFrames, type Env } from '../client/index.ts';
import { OK, Server, answer, openWithBuffer, refuse, type Answer, type Session, type SessionHandler } from './server.ts';

/** Most unfetched frames; more are lost, as on a real network. */
const WAITING_MOST = 512;

/** One client's end. */
export class NetEnd {
  readonly mac: Uint8Array;
  waiting: Uint8Array[] = [];
  lost = 0;
  semaphore = 0;
  constructor(mac: Uint8Array) { this.mac = mac; }
}

export interface NetBackend {
  /** Forwards frames of a client; may wait. */
  send(sys: Syscalls, from: NetEnd, frames: readonly Uint8Array[]): Sys<void>;
  /** The port for a new client, or undefined when there is no room for it. `open`: current number of clients. */
  accept(label: string, open: number): NetEnd | undefined;
  closed?(end: NetEnd): void;
}

export class NetServer {
  readonly server: Server<NetEnd>;
  private readonly backend: NetBackend;

  constructor(env: Env, service: string, backend: NetBackend) {
    this.backend = backend;
    const handlers = new Map<number, SessionHandler<NetEnd>>([
      [Protocol.net.open.label, (sys, s) => openWithBuffer(this.server, env, sys, s, [macToNumber(s.state.mac)])],
      [Protocol.net.send.label, (sys, s) => this.send(sys, s)],
      [Protocol.net.receive.label, (sys, s) => this.receive(sys, s)],
    ]);
    this.server = new Server(env, service, handlers, {
      bufferOrder: NET_ORDER, open: label => backend.accept(label, this.server.sessions.size),
      closed: ({ state }) => {
        state.semaphore = 0; // a thread that still has frames for this client must not raise what gets the selector next
        backend.closed?.(state);
      },
    });
  }

  get ends(): NetEnd[] { return [...this.server.sessions.values()].map(s => s.state); }

  /** Frames for a client. */
  *feed(sys: Syscalls, end: NetEnd, frames: readonly Uint8Array[]): Sys<void> {
    const room = WAITING_MOST - end.waiting.length;
    end.waiting.push(...frames.slice(0, room));
    end.lost += Math.max(0, frames.length - room);
    if (end.semaphore && frames.length > 0) yield* sys.invoke(end.semaphore, Ops.semaphore.up);
  }

  private *send(sys: Syscalls, session: Session<NetEnd>): Sys<Answer> {
    const length = sys.utcb.word(0);
    if (!session.buffer || !(length >= 0) || length > NET_HALF) return refuse(Status.badArgument);
    const frames = unpackFrames(sys.memory.read(session.buffer, length));
    if (!frames) return refuse(Status.badArgument);
    yield* this.backend.send(sys, session.state, frames);
    return OK;
  }
  private *receive(sys: Syscalls, session: Session<NetEnd>): Sys<Answer> {
    if (!session.buffer) return refuse(Status.badArgument);
    const { bytes, next } = packFrames(session.state.waiting, 0, NET_HALF);
    session.state.waiting.splice(0, next);
    sys.memory.write(session.buffer + NET_HALF, bytes);
    return answer(bytes.length);
  }
}
