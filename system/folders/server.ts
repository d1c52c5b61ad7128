/**
 * The 9P2000.L server: one connection to a folder of the host.
 *
 *   const folder = new SharedFolder(hostEnd, writable, now);
 *   const port = new NineServer(folder);
 *   port.request(bytes, (reply) => …);          // at once where the host end is synchronous, else later; each request gets one reply
 *
 * Nothing that a guest sends is trusted before it is checked: sizes (`Malformed` is EINVAL), fids, names. Fids, open files and requests
 * under way are bounded, and so is every reply by the message size agreed upon.
 */
import {
  encodeError, encodeReply, decodeRequest, ERROR, header, HEADER, joinParts, Malformed, NO_TAG, requestName, splitParts, type MessageName
} from '../../roottask/client/ninep/index.ts';
import { attributeCalls } from './calls/attributes.ts';
import { fileCalls } from './calls/files.ts';
import { lockCalls } from './calls/locks.ts';
import { lookCalls } from './calls/looks.ts';
import { nameCalls } from './calls/names.ts';
import { sessionCalls } from './calls/session.ts';
import { smallCalls } from './calls/small.ts';
import { Fids } from './fids.ts';
import { Errno, FolderError, type FilesPort } from './folder.ts';
import { MOST_BYTES, type Handler, type Handlers, type Session } from './session.ts';
import type { SharedFolder, Steps } from './shared.ts';

/** Requests that change nothing, or say themselves what they have changed. */
const LOOKS: ReadonlySet<MessageName> = new Set(['walk', 'getattr', 'lopen', 'lcreate', 'read', 'readdir', 'readlink', 'statfs', 'clunk',
  'look', 'readlook', 'fetch']);
/** Bytes of an error. */
const ERROR_BYTES = HEADER + 4;
/** The most requests that wait for the host at a time. */
const MOST_PENDING = 256;

const handlers: Handlers = { ...sessionCalls, ...nameCalls, ...fileCalls, ...attributeCalls, ...lockCalls, ...lookCalls, ...smallCalls };

export class NineServer implements FilesPort {
  private readonly session: Session;
  /** Requests that wait for the host, by tag; each with those that ask to be told when it is over. */
  private readonly pending = new Map<number, (() => void)[]>();
  private closed = false;

  constructor(folder: SharedFolder) {
    this.session = { folder, fids: new Fids(folder), msize: MOST_BYTES, compounds: false };
  }

  request(message: Uint8Array, reply: (message: Uint8Array) => void): void {
    const head = header(message);
    if (!head || head.size !== message.length || message.length > this.session.msize)
      return reply(encodeError(head?.tag ?? NO_TAG, Errno.EINVAL));
    const name = requestName(head.type);
    if (!name) return reply(encodeError(head.tag, Errno.EOPNOTSUPP));
    if (name === 'flush') return this.flush(head.tag, message, reply);
    if (this.pending.has(head.tag) || this.pending.size >= MOST_PENDING) return reply(encodeError(head.tag, Errno.EBUSY));
    this.run(head.tag, this.answer(name, head.tag, message), reply);
  }

  close(): void {
    this.closed = true;
    this.session.fids.clear();
  }

  private *answer<N extends MessageName>(name: N, tag: number, message: Uint8Array, session = this.session): Steps<Uint8Array> {
    const handler = handlers[name] as Handler<N> | undefined;
    try {
      if (name === 'compound' && session.compounds) return encodeReply('compound', tag,
        { parts: yield* this.compound(decodeRequest('compound', message).parts) });
      if (!handler) throw new FolderError('EOPNOTSUPP');
      return encodeReply(name, tag, yield* handler(session, decodeRequest(name, message)));
    } catch (error) {
      return encodeError(tag, errnoOf(error));
    }
  }

  /** Runs the requests of a compound in order; each reply gets the room that the earlier replies have left. */
  private *compound(bytes: Uint8Array): Steps<Uint8Array> {
    const replies: Uint8Array[] = [], parts = splitParts(bytes), session: Session = { ...this.session, compounds: false };
    let room = session.msize - HEADER - 4 - parts.length * ERROR_BYTES, failed = false;
    this.session.folder.remember();
    try {
      for (const part of parts) {
        const { type, tag } = header(part)!, name = requestName(type);
        session.msize = room + ERROR_BYTES;
        const skipped: boolean = failed && name !== 'clunk', known = name && name !== 'version' && name !== 'flush';
        let reply: Uint8Array = skipped ? encodeError(tag, Errno.ECANCELED) : known ? yield* this.answer(name, tag, part, session)
          : encodeError(tag, Errno.EOPNOTSUPP);
        if (reply.length > session.msize) reply = encodeError(tag, Errno.EMSGSIZE);
        if (!name || !LOOKS.has(name)) this.session.folder.changed();
        failed ||= reply[4] === ERROR && name !== 'clunk';
        room -= Math.max(0, reply.length - ERROR_BYTES);
        replies.push(reply);
      }
    } finally { this.session.folder.forget(); }
    return joinParts(replies);
  }

  /** Runs a request until it is done, or has to wait for the host; then it continues when the host has answered. */
  private run(tag: number, steps: Steps<Uint8Array>, reply: (message: Uint8Array) => void,
      from: (steps: Steps<Uint8Array>) => IteratorResult<Promise<unknown>, Uint8Array> = (s) => s.next()): void {
    const { host } = this.session.folder, step = host.together ? host.together(() => from(steps)) : from(steps);
    if (step.done) {
      const waiting = this.pending.get(tag) ?? [];
      this.pending.delete(tag);
      if (this.closed) return this.session.fids.clear();
      reply(step.value);
      for (const told of waiting) told();
      return;
    }
    if (!this.pending.has(tag)) this.pending.set(tag, []);
    step.value.then(
      (value) => this.run(tag, steps, reply, (s) => s.next(value)),
      (error: unknown) => this.run(tag, steps, reply, (s) => s.throw(error)),
    );
  }

  /** Answers a flush only after the request that it names: the client then knows that no reply to that request will follow. */
  private flush(tag: number, message: Uint8Array, reply: (message: Uint8Array) => void): void {
    let oldTag: number;
    try {
      ({ oldTag } = decodeRequest('flush', message));
    } catch {
      return reply(encodeError(tag, Errno.EINVAL));
    }
    const done = () => reply(encodeReply('flush', tag, {}));
    const waiting = this.pending.get(oldTag);
    if (!waiting) return done();
    if (waiting.length >= MOST_PENDING) return reply(encodeError(tag, Errno.EBUSY));
    waiting.push(done);
  }
}

/** Turns the failure of a file into an errno for the guest; any other exception is a mistake of ours, and is thrown on. */
function errnoOf(error: unknown): number {
  if (error instanceof FolderError) return error.errno;
  if (error instanceof Malformed) return Errno.EINVAL;
  throw error;
}
