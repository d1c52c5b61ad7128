/**
 * An Ethernet port: frames to and from a network card or a switch, many in one message through a shared buffer.
 *
 * One thread sends and one thread receives at a time (each passes its own `sys`); they may be different threads.
 */
import { memoryPage, Right, type Sys } from '../../microkernel/abi/index.ts';
import type { Syscalls } from '../../binding/index.ts';
import type { Env } from './env.ts';
import { allocate } from './memory.ts';
import { FRAME_LEAST, FRAME_MOST, NET_HALF, NET_ORDER, Protocol } from './protocol.ts';
import { bad, good, type Result } from './result.ts';
import { ask } from './wire.ts';

const LENGTH_BYTES = 2;

/**
 * As many of `frames` from number `from` on as fit into `room` bytes, each after its length; returns the bytes and the number of the first
 * that did not fit.
 */
export function packFrames(frames: readonly Uint8Array[], from: number, room: number): { bytes: Uint8Array; next: number } {
  let length = 0, next = from;
  while (next < frames.length && length + LENGTH_BYTES + frames[next]!.length <= room) length += LENGTH_BYTES + frames[next++]!.length;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const frame of frames.slice(from, next)) {
    bytes.set([frame.length & 0xff, frame.length >> 8], at);
    bytes.set(frame, at + LENGTH_BYTES);
    at += LENGTH_BYTES + frame.length;
  }
  return { bytes, next };
}

/** The frames in packed bytes; undefined when a length is invalid. */
export function unpackFrames(bytes: Uint8Array): Uint8Array[] | undefined {
  const frames: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const start = at + LENGTH_BYTES, length = bytes[at]! | ((bytes[at + 1] ?? 0) << 8);
    if (length < FRAME_LEAST || length > FRAME_MOST || start + length > bytes.length) return undefined;
    frames.push(bytes.slice(start, start + length));
    at = start + length;
  }
  return frames;
}

export class Net {
  /** Six bytes: the address of this end of the cable. */
  readonly mac: Uint8Array;
  /** Selector of a semaphore that goes up whenever frames have arrived. */
  readonly arrivals: number;
  private readonly cap: number;
  private readonly buffer: number;
  private readonly name: string;
  constructor(name: string, cap: number, buffer: number, arrivals: number, mac: Uint8Array) {
    this.name = name; this.cap = cap; this.buffer = buffer; this.arrivals = arrivals; this.mac = mac;
  }

  /** Returns when the server has taken all of them. */
  *send(sys: Syscalls, frames: readonly Uint8Array[]): Sys<Result<void>> {
    for (let at = 0; at < frames.length; ) {
      const { bytes, next } = packFrames(frames, at, NET_HALF);
      sys.memory.write(this.buffer, bytes);
      const status = yield* ask(sys, this.cap, Protocol.net.send, [bytes.length]);
      if (status !== 0) return bad(status, `network '${this.name}'`);
      at = next;
    }
    return good(undefined);
  }

  /** The waiting frames; empty when there are none. */
  *receive(sys: Syscalls): Sys<Result<Uint8Array[]>> {
    const status = yield* ask(sys, this.cap, Protocol.net.receive);
    return status === 0
      ? good(unpackFrames(sys.memory.read(this.buffer + NET_HALF, sys.utcb.word(0))) ?? [])
      : bad(status, `network '${this.name}'`);
  }
}

/** Opens the port that the scenario gave this component under `name`. */
export function* openNet(sys: Syscalls, env: Env, name: string): Sys<Result<Net>> {
  const size = 2 ** NET_ORDER, buffer = yield* allocate(sys, env, size, { align: size });
  if (!buffer.ok) return buffer;
  const semaphore = env.selector(), items = [{ flexpage: memoryPage(buffer.value, NET_ORDER, Right.RW), dest: 0 }];
  const status = yield* ask(sys, env.cap(name), Protocol.net.open, [semaphore], { items, receives: 'capabilities' });
  if (status !== 0) return bad(status, `${env.name}: network '${name}'`);
  return good(new Net(name, env.cap(name), buffer.value, semaphore, macFromNumber(sys.utcb.word(0))));
}

export const macFromNumber = (mac: number): Uint8Array =>
  Uint8Array.from({ length: 6 }, (_, i) => Math.floor(mac / 2 ** (8 * (5 - i))) & 0xff);
export const macToNumber = (mac: Uint8Array): number => mac.reduce((n, byte) => n * 256 + byte, 0);
