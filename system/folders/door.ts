/**
 * The recorded door of a folder: records the host's answers; a replay answers from the recording, without a folder. Requests are a
 * function of the run, so they need no record; an answer is found by its tag, which no two requests in progress share.
 */
import type { Arrival, Channel } from '../host.ts';
import { encodeError, header } from '../../roottask/client/ninep/index.ts';
import { Errno, type FilesPort } from './folder.ts';

/** What the door needs from the machine. */
export interface DoorClock {
  /** The current cycle. */
  now(): number;
  /** Runs an action at a cycle. */
  at(cycle: number, act: () => void): void;
  /** Runs an action at the next moment when input may enter. */
  soon(act: () => void): void;
}

export class FilesDoor implements FilesPort {
  private readonly channel: Channel;
  private readonly port: FilesPort | undefined;
  private readonly clock: DoorClock;
  private readonly passed: ((arrival: Arrival) => void) | undefined;
  /** Answers of the recording that is replayed, by tag, the last first. */
  private readonly answers: Map<number, Answered[]> | undefined;

  /** Without a port, or with `arrivals` (of a recording), nothing reaches the outside. */
  constructor(channel: Channel, port: FilesPort | undefined, clock: DoorClock, passed?: (arrival: Arrival) => void,
      arrivals?: readonly Arrival[]) {
    this.channel = channel;
    this.port = port;
    this.clock = clock;
    this.passed = passed;
    this.answers = arrivals && byTag(arrivals.filter((a): a is Answered => a.channel === channel && a.kind === 'bytes'));
  }

  request(message: Uint8Array, reply: (message: Uint8Array) => void): void {
    if (this.answers) return this.replay(message, reply);
    if (!this.port) return reply(encodeError(header(message)?.tag ?? 0, Errno.EIO));
    let prompt = true;
    this.port.request(message, (data) => {
      if (prompt) this.give(data, reply);
      else this.clock.soon(() => this.give(data, reply));
    });
    prompt = false;
  }

  close(): void { this.port?.close(); }

  private give(data: Uint8Array, reply: (message: Uint8Array) => void): void {
    this.passed?.({ cycle: this.clock.now(), channel: this.channel, kind: 'bytes', data });
    reply(data);
  }

  private replay(message: Uint8Array, reply: (message: Uint8Array) => void): void {
    const tag = tagOf(message), answer = this.answers!.get(tag)?.pop();
    if (!answer) return reply(encodeError(tag, Errno.EIO));
    const { cycle, data } = answer;
    if (cycle <= this.clock.now()) reply(data);
    else this.clock.at(cycle, () => reply(data));
  }
}

type Answered = Extract<Arrival, { kind: 'bytes' }>;
const tagOf = (message: Uint8Array): number => header(message)?.tag ?? 0;

/** A recording from a stranger may hold any number of answers without requests: an index by tag avoids searching through them. */
function byTag(answers: readonly Answered[]): Map<number, Answered[]> {
  const found = new Map<number, Answered[]>();
  for (const answer of answers.toReversed()) {
    const tag = tagOf(answer.data), list = found.get(tag);
    if (list) list.push(answer); else found.set(tag, [answer]);
  }
  return found;
}
