/**
 * A disk of the board: the block port of a virtio disk over something that reads and writes bytes at once (a file of the host). Its time is
 * virtual: a request waits a latency, then its bytes share the disk's bandwidth with those of other requests. When that time has passed,
 * data moves straight between the backend and RAM; until then a request can be cancelled.
 */
import type { BlockPort, BlockRequest } from '../../hardware/chips/ports.ts';
import type { EventQueue, PhysicalMemory, TimerHandle } from '../api.ts';
import type { BlockBackend } from './device.ts';

/** Cycles (1 ns each): 10 µs and 4 GB/s, as a current solid-state drive. */
const LATENCY = 10_000, CYCLES_PER_BYTE = 0.25;
const ZEROES = 0x1_0000;

export class BoardDisk implements BlockPort {
  readonly #backend: BlockBackend;
  readonly #memory: PhysicalMemory;
  readonly #events: EventQueue;
  readonly #flying = new Set<TimerHandle>();
  /** When the last requested byte passes. */
  #busyUntil = 0;

  constructor(backend: BlockBackend, memory: PhysicalMemory, events: EventQueue) {
    this.#backend = backend;
    this.#memory = memory;
    this.#events = events;
  }

  get size(): number { return this.#backend.size; }
  get readOnly(): boolean { return this.#backend.readOnly; }

  submit(request: BlockRequest, done: (ok: boolean) => void): void {
    this.#busyUntil = Math.ceil(Math.max(this.#events.now + LATENCY, this.#busyUntil) + request.length * CYCLES_PER_BYTE);
    const timer = this.#events.at(this.#busyUntil, () => {
      this.#flying.delete(timer);
      done(this.#carryOut(request));
    });
    this.#flying.add(timer);
  }

  cancel(): void {
    for (const timer of this.#flying) timer.cancel();
    this.#flying.clear();
  }

  /** False: the backend could not, and the guest sees an I/O error. */
  #carryOut(request: BlockRequest): boolean {
    try {
      this.#move(request);
      return true;
    } catch {
      return false;
    }
  }

  #move({ kind, offset, length, pieces }: BlockRequest): void {
    if (kind === 'flush') return this.#backend.flush();
    if (kind === 'zero') return this.#zero(offset, length);
    let at = offset;
    for (const piece of pieces) {
      if (kind === 'read') this.#backend.read(at, this.#memory.writable(piece.address, piece.length));
      else this.#backend.write(at, this.#memory.view(piece.address, piece.length));
      at += piece.length;
    }
  }

  #zero(offset: number, length: number): void {
    for (let at = 0; at < length; at += ZEROES) this.#backend.write(offset + at, new Uint8Array(Math.min(ZEROES, length - at)));
  }
}
