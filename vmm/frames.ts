/**
 * Carries a guest's network frames between the device, which never waits, and the network server, for which a thread waits.
 *
 *   card ── send ──► queue ── sender thread ──► network
 *   card ◄── onFrame ────────── receiver thread ◄── network
 *
 * A guest that sends faster than the network takes waits (`full`). Arriving frames are lost while the card has no room.
 */
import { NEVER, Ops, type Sys } from '../microkernel/abi/index.ts';
import type { Syscalls } from '../binding/index.ts';
import type { Net } from '../roottask/client/index.ts';
import type { FramePort } from '../hardware/chips/ports.ts';

const MOST = 512;

export class Frames implements FramePort {
  readonly mac: Uint8Array;
  #out: Uint8Array[] = [];
  readonly #listeners: ((frame: Uint8Array) => void)[] = [];
  readonly #wakeSender: () => void;

  /** `wakeSender`: called when the empty queue gets a frame. */
  constructor(mac: Uint8Array, wakeSender: () => void) {
    this.mac = mac;
    this.#wakeSender = wakeSender;
  }

  /** The sender has taken everything. */
  get idle(): boolean { return this.#out.length === 0; }
  /** The queue is full until the sender has run. */
  get full(): boolean { return this.#out.length >= MOST / 2; }

  send(frame: Uint8Array): void {
    if (this.#out.length >= MOST) return;
    if (this.#out.push(frame) === 1) this.#wakeSender();
  }
  /** Takes all frames to send. */
  drain(): Uint8Array[] {
    const frames = this.#out;
    this.#out = [];
    return frames;
  }

  onFrame(receive: (frame: Uint8Array) => void): void { this.#listeners.push(receive); }
  arrived(frames: readonly Uint8Array[]): void {
    for (const frame of frames) for (const receive of this.#listeners) receive(frame);
  }
  /** The card ends with its queued frames (the VM restarts). */
  forgetListeners(): void {
    this.#listeners.length = 0;
    this.#out = [];
  }
}

/** Body of the sender thread: waits for `wake`, sends all frames, tells `sent`. */
export function* sender(sys: Syscalls, frames: Frames, net: Net, wake: number, sent: (sys: Syscalls) => Sys<void>): Sys<void> {
  for (;;) {
    yield* sys.down(wake, Ops.semaphore.down, NEVER, 1);
    for (let batch = frames.drain(); batch.length > 0; batch = frames.drain()) {
      yield* net.send(sys, batch); // without a network frames are lost, as with a pulled cable
      yield* sent(sys);
    }
  }
}

/** Body of the receiver thread. */
export function* receiver(sys: Syscalls, frames: Frames, net: Net, arrived: (sys: Syscalls) => Sys<void>): Sys<void> {
  for (;;) {
    const batch = yield* net.receive(sys);
    if (!batch.ok) return;
    if (batch.value.length > 0) {
      frames.arrived(batch.value);
      yield* arrived(sys);
    } else yield* sys.down(net.arrivals, Ops.semaphore.down, NEVER, 1);
  }
}
