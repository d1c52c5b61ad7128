/**
 * Server side of the stream protocol (Protocol.stream): a driver or multiplexer writes bytes and passes in received ones; this file manages
 * sessions, buffers, input queues and semaphores.
 */
import { Ops, Status, type Sys } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import { Protocol, STREAM_HALF, STREAM_ORDER, getBytes, type Env } from '../client/index.ts';
import { OK, Server, answer, openWithBuffer, refuse, type Answer, type Session, type SessionHandler } from './server.ts';

/** Most unread input; beyond this the backend must wait. */
export const INPUT_LIMIT = 1 << 16;

export class StreamState {
  readonly label: string;
  readonly chunks: Uint8Array[] = [];
  waiting = 0;
  ended = false;
  semaphore = 0;
  constructor(label: string) { this.label = label; }

  take(max: number): Uint8Array {
    const out = new Uint8Array(Math.min(max, this.waiting));
    for (let at = 0; at < out.length; ) {
      const chunk = this.chunks[0]!, n = Math.min(chunk.length, out.length - at);
      out.set(chunk.subarray(0, n), at);
      at += n;
      if (n === chunk.length) this.chunks.shift(); else this.chunks[0] = chunk.subarray(n);
    }
    this.waiting -= out.length;
    return out;
  }
}

export interface StreamBackend {
  /** Writes bytes of a session; may wait. A non-zero status goes to the client. */
  write(sys: Syscalls, state: StreamState, bytes: Uint8Array): Sys<number>;
  /** The session has been read: there may be room again, and the end of the input can now be reported. */
  drained?(sys: Syscalls, state: StreamState): Sys<void>;
  size?(): { columns: number; rows: number };
  /** May another session be opened? Default: any number. */
  accept?(label: string, open: number): boolean;
  opened?(state: StreamState): void;
  closed?(state: StreamState): void;
}

export class StreamServer {
  readonly server: Server<StreamState>;
  private readonly backend: StreamBackend;

  constructor(env: Env, service: string, backend: StreamBackend) {
    this.backend = backend;
    const handlers = new Map<number, SessionHandler<StreamState>>([
      [Protocol.stream.open.label, (sys, s) => openWithBuffer(this.server, env, sys, s)],
      [Protocol.stream.write.label, (sys, s) => this.write(sys, s, getBytes(sys.utcb, 1, sys.utcb.word(0)))],
      [Protocol.stream.writeBuffer.label, (sys, s) => this.writeBuffer(sys, s)],
      [Protocol.stream.read.label, (sys, s) => this.read(sys, s)],
      [Protocol.stream.size.label, () => this.size()],
    ]);
    this.server = new Server(env, service, handlers, {
      bufferOrder: STREAM_ORDER,
      open: label => {
        if (backend.accept?.(label, this.server.sessions.size) === false) return undefined;
        const state = new StreamState(label);
        backend.opened?.(state);
        return state;
      },
      closed: ({ state }) => {
        state.semaphore = 0; // a thread that still has input for this client must not raise what gets the selector next
        backend.closed?.(state);
      },
    });
  }

  get states(): StreamState[] { return [...this.server.sessions.values()].map(s => s.state); }

  /** Input for a session, from the interrupt thread or the multiplexer. */
  *feed(sys: Syscalls, state: StreamState, bytes: Uint8Array): Sys<void> {
    state.chunks.push(bytes);
    state.waiting += bytes.length;
    yield* this.signal(sys, state);
  }
  *signal(sys: Syscalls, state: StreamState): Sys<void> { if (state.semaphore) yield* sys.invoke(state.semaphore, Ops.semaphore.up); }

  private *write(sys: Syscalls, session: Session<StreamState>, bytes: Uint8Array): Sys<Answer> {
    const status = yield* this.backend.write(sys, session.state, bytes);
    return status === 0 ? OK : refuse(status);
  }
  private *writeBuffer(sys: Syscalls, session: Session<StreamState>): Sys<Answer> {
    const length = sys.utcb.word(0);
    if (!session.buffer || !(length >= 0) || length > STREAM_HALF) return refuse(Status.badArgument);
    return yield* this.write(sys, session, sys.memory.read(session.buffer, length));
  }
  private *read(sys: Syscalls, session: Session<StreamState>): Sys<Answer> {
    const max = sys.utcb.word(0);
    if (!session.buffer || !(max >= 0) || max > STREAM_HALF) return refuse(Status.badArgument);
    const bytes = session.state.take(max);
    sys.memory.write(session.buffer + STREAM_HALF, bytes);
    if (this.backend.drained && session.state.waiting < INPUT_LIMIT) yield* this.backend.drained(sys, session.state);
    return answer(bytes.length, session.state.ended && session.state.waiting === 0 ? 1 : 0);
  }
  private *size(): Sys<Answer> {
    const { columns, rows } = this.backend.size?.() ?? { columns: 0, rows: 0 };
    return answer(columns, rows);
  }
}
